# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the addresses a dummy device has to the virtual addresses a task wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan, differing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Interface, device_name
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.addresses import (
    AddressPlan,
    plan_addresses,
    plan_removal,
    texts,
    wanted_addresses,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import (
    Link,
    Netns,
    Snapshot,
)

if TYPE_CHECKING:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import Operation

#: The options of the device, but for ``netns`` and ``state``.
VIRTUAL_IP: dict[str, Any] = dict(
    name=dict(type="str", required=True),
    addresses=dict(type="list", elements="str"),
    exclusive=dict(type="bool", default=False),
)
VIRTUAL_IP_RULES: dict[str, Any] = dict(required_if=[("exclusive", True, ["addresses"])])


class WantedVirtualIp(NamedTuple):
    """Addresses on a dummy device; ``addresses`` is ``None`` where the task does not speak of them."""

    name: str
    netns: Netns = None
    addresses: Optional[Tuple[Interface, ...]] = None
    exclusive: bool = False


def wanted_virtual_ip(params: Mapping[str, Any]) -> WantedVirtualIp:
    """The module's parameters as a value."""
    if params["exclusive"] and params["state"] == "absent":
        raise InvalidOption("exclusive", True, "it says what a device shall have, so it does not go with state=absent")
    return WantedVirtualIp(
        name=device_name("name", params["name"]),
        netns=params["netns"],
        addresses=wanted_addresses("addresses", params["addresses"]),
        exclusive=params["exclusive"],
    )


def plan_present(want: WantedVirtualIp, have: Snapshot) -> Plan[Operation]:
    """Plan the device and its addresses; a new device stays down, an old one is left up or down as it is.

    Raises:
        Conflict: another kind of device has the name.
    """
    device = _device(want, have)
    addresses = _addresses(want, have, device)
    if device is None:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import AddDevice

        after: dict[str, Any] = {"state": "present"}
        if want.addresses is not None:
            after["addresses"] = texts(addresses.after)
        operations = (AddDevice(want.netns, want.name, "dummy", up=False), *addresses.operations)
        return Plan(operations, {"state": "absent"}, after)
    before, after = differing({"addresses": texts(addresses.before)}, {"addresses": texts(addresses.after)})
    return Plan(addresses.operations, before, after)


def plan_absent(want: WantedVirtualIp, have: Snapshot) -> Plan[Operation]:
    """Plan the listed addresses away, or the device with all of them if none are listed.

    Raises:
        Conflict: another kind of device has the name.
    """
    device = _device(want, have)
    if device is None:
        return Plan()
    if want.addresses is None:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import DeleteDevice

        return Plan((DeleteDevice(want.netns, want.name),), {"state": "present"}, {"state": "absent"})
    addresses = plan_removal(want.netns, want.name, have.addresses_on(device), want.addresses)
    before, after = differing({"addresses": texts(addresses.before)}, {"addresses": texts(addresses.after)})
    return Plan(addresses.operations, before, after)


def addresses_after(want: WantedVirtualIp, have: Snapshot, present: bool) -> list[str]:
    """What the device has once the plan is carried out."""
    device = _device(want, have)
    if present:
        return texts(_addresses(want, have, device).after)
    if device is None or want.addresses is None:
        return []
    return texts(plan_removal(want.netns, want.name, have.addresses_on(device), want.addresses).after)


def unanswered(want: WantedVirtualIp, have: Snapshot) -> list[str]:
    """What is wrong with addresses that neighbours on a link will ask for, and get no answer: a warning each.

    IPv6 answers a solicitation for the addresses of that very device only (ndisc_recv_ns() in net/ipv6/ndisc.c), where
    IPv4 answers for all of the machine's.
    """
    names = {link.index: link.name for link in have.links if link.name != want.name and link.kind != "dummy"}
    near = [each for each in have.addresses if each.index in names]
    held = {each.interface.ip for each in near}
    return [
        "addresses: %s lies in network %s of device '%s': neighbours there ask who has it, and the kernel does not"
        " answer them for an address of '%s'. Put it on '%s', or take one of another network"
        % (wanted.ip, each.interface.network, names[each.index], want.name, names[each.index])
        for wanted in want.addresses or ()
        for each in near
        if wanted.version == 6 and not wanted.is_link_local and wanted.ip not in held
        if wanted.ip in each.interface.network
    ]


def _addresses(want: WantedVirtualIp, have: Snapshot, device: Link | None) -> AddressPlan:
    there = have.addresses_on(device) if device else ()
    return plan_addresses(want.netns, want.name, there, want.addresses, want.exclusive)


def _device(want: WantedVirtualIp, have: Snapshot) -> Link | None:
    device = have.link(want.name)
    if device and device.kind != "dummy":
        where = "" if want.netns is None else " in network namespace '%s'" % want.netns
        kind = "a %s device" % device.kind if device.kind else "a device of another kind"
        raise Conflict(
            "name: '%s'%s exists already as %s and not as a dummy device: choose another name, or delete it"
            % (want.name, where, kind)
        )
    return device
