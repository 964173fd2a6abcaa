# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the addresses a device has to those it shall have."""

from __future__ import annotations

import ipaddress
from typing import Iterable, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Interface, interface, unique
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import (
    DeleteAddress,
    Netns,
    Operation,
    SetAddress,
)

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
    listed = tuple(want or ())
    before = _theirs(have, listed)
    kept = [each for each in before if each in listed or not (purge or _in_the_way(each, listed))]
    after = _sorted({*listed, *kept})
    held = [each for each in before if each.version not in lost]
    gone = [each for each in held if each not in after]
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
    before = _theirs(have, unwanted)
    gone = [each for each in before if _in_the_way(each, unwanted)]
    after = tuple(each for each in before if each not in gone)
    return AddressPlan(_steps(netns, name, before, gone, after) if gone else (), before, after)


def _steps(
    netns: Netns, name: str, held: Sequence[Interface], gone: Sequence[Interface], after: Sequence[Interface]
) -> tuple[Operation, ...]:
    """From ``held`` to ``after``: additions come first, so that the device is never without an address.

    Those come last that a deletion takes along, as the first IPv4 address of a subnet takes the others, or that
    only fit in once another one is gone.
    """
    missing = [each for each in after if each not in held or _shares_subnet(each, gone)]
    # IPv6 knows an address once on a device, whatever its prefix length.
    late = [each for each in missing if _shares_subnet(each, gone) or (each.version == 6 and _in_the_way(each, gone))]
    return (
        *(SetAddress(netns, name, each) for each in missing if each not in late),
        *(DeleteAddress(netns, name, each) for each in gone),
        *(SetAddress(netns, name, each) for each in late),
    )


def texts(addresses: Iterable[Interface]) -> list[str]:
    """Addresses as the user writes them."""
    return [str(each) for each in addresses]


def _sorted(addresses: Iterable[Interface]) -> tuple[Interface, ...]:
    return tuple(sorted(addresses, key=lambda each: (each.version, int(each.ip), each.network.prefixlen)))


def _theirs(addresses: Iterable[Interface], listed: Sequence[Interface]) -> tuple[Interface, ...]:
    """Without the link-local addresses that the kernel makes by itself."""
    return _sorted(each for each in addresses if each.ip not in _LINK_LOCAL or _in_the_way(each, listed))


def _in_the_way(old: Interface, listed: Sequence[Interface]) -> bool:
    """Whether a listed address is the same one, with whatever prefix length."""
    return any(old.ip == new.ip for new in listed)


def _shares_subnet(address: Interface, others: Iterable[Interface]) -> bool:
    return address.version == 4 and any(address.network == other.network for other in others)
