# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the addresses a device has to those it shall have."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Collection, Iterable, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address, Interface, interface, unique
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import (
    Netns,
)

if TYPE_CHECKING:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import Operation

_LINK_LOCAL = ipaddress.IPv6Network("fe80::/10")


class AddressPlan(NamedTuple):
    """The operations, and the addresses before and after; ``disturbed`` names the IP versions whose routes may go."""

    operations: Tuple[Operation, ...]
    before: Tuple[Interface, ...]
    after: Tuple[Interface, ...]
    disturbed: Tuple[int, ...] = ()


def wanted_addresses(option: str, values: Optional[Sequence[str]]) -> Optional[Tuple[Interface, ...]]:
    """The list option ``addresses``: canonical, each address once; ``None`` stays ``None``."""
    if values is None:
        return None
    found = tuple(interface(option, value) for value in values)
    unique(option, (each.ip for each in found), "an address")
    for each, value in zip(found, values):
        if each.ip.is_multicast or each.ip.is_unspecified:
            raise InvalidOption(option, value, "a device has no such address (multicast or unspecified)")
    return found


def plan_addresses(
    netns: Netns,
    name: str,
    have: Iterable[Interface],
    want: Optional[Sequence[Interface]],
    purge: bool,
    lost: Sequence[int] = (),
) -> AddressPlan:
    """Plan a device's addresses.

    Args:
        have: what the device has now. Link-local IPv6 addresses are the kernel's own: they count only where listed.
        want: what the task lists; ``None`` leaves alone.
        purge: whether the list is all the device shall have.
        lost: the IP versions whose addresses an earlier operation (a move, a rename) flushes.
    """
    wanted = set(want or ())
    hosts = {each.ip for each in wanted}
    before = _theirs(have, hosts)
    left = wanted.union(each for each in before if not (purge or each.ip in hosts))
    after = _sorted(left)
    held = [each for each in before if each.version not in lost]
    gone = [each for each in held if each not in left]
    return AddressPlan(
        operations=_steps(netns, name, held, gone, after),
        before=before,
        after=after,
        disturbed=tuple(sorted({each.version for each in gone} | set(lost))),
    )


def plan_removal(netns: Netns, name: str, have: Iterable[Interface], unwanted: Sequence[Interface]) -> AddressPlan:
    """Plan some of a device's addresses away, whatever prefix lengths they have there.

    The kernel's own count only where they are listed.
    """
    hosts = {each.ip for each in unwanted}
    before = _theirs(have, hosts)
    gone = [each for each in before if each.ip in hosts]
    after = tuple(each for each in before if each.ip not in hosts)
    return AddressPlan(_steps(netns, name, before, gone, after) if gone else (), before, after)


def _steps(
    netns: Netns, name: str, held: Sequence[Interface], gone: Sequence[Interface], after: Sequence[Interface]
) -> tuple[Operation, ...]:
    """From ``held`` to ``after``: additions come first, so that the device is never without an address.

    Those come last that a deletion takes along, as the first IPv4 address of a subnet takes the others, or that
    only fit in once another one is gone.
    """
    if tuple(held) == tuple(after):
        return ()
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import DeleteAddress, SetAddress

    there = set(held)
    # IPv6 knows an address once on a device, whatever its prefix length.
    networks, hosts = (
        {each.network for each in gone if each.version == 4},
        {each.ip for each in gone if each.version == 6},
    )
    missing = [each for each in after if each not in there or each.network in networks]
    late = [each for each in missing if each.network in networks or each.ip in hosts]
    behind = set(late)
    return (
        *(SetAddress(netns, name, each) for each in missing if each not in behind),
        *(DeleteAddress(netns, name, each) for each in gone),
        *(SetAddress(netns, name, each) for each in late),
    )


def texts(addresses: Iterable[Interface]) -> list[str]:
    """Addresses as the user writes them."""
    return [str(each) for each in addresses]


def _sorted(addresses: Iterable[Interface]) -> tuple[Interface, ...]:
    return tuple(sorted(addresses, key=lambda each: (each.version, int(each.ip), each.network.prefixlen)))


def _theirs(addresses: Iterable[Interface], hosts: Collection[Address]) -> tuple[Interface, ...]:
    """Without the link-local addresses that the kernel makes by itself, but for listed ones."""
    return _sorted(each for each in addresses if each.ip not in _LINK_LOCAL or each.ip in hosts)
