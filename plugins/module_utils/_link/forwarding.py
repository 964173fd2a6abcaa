# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a namespace sends packets: its routes, its neighbours, and what its bridges have learned."""

from __future__ import annotations

import ipaddress
import socket
import struct
from contextlib import suppress
from typing import Iterable, Iterator, NamedTuple, Optional

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import KernelRefused
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address, Network
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import attribute_map
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import Message, NetlinkSocket
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.client import Links
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.messages import ADDRESS_BYTES, number
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.route_messages import (
    RTM_GETROUTE,
    RTN_LOCAL,
    route_message,
    route_to,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.rtnetlink import NETLINK_ROUTE, hardware
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import Link, Netns

#: linux/rtnetlink.h
RTM_GETNEIGH = 30
#: linux/socket.h: the family of a bridge's own tables.
_AF_BRIDGE = 7
_NDMSG = struct.Struct("=BxxxiHBB")
_NDA_DST, _NDA_LLADDR, _NDA_MASTER = 1, 2, 9


class Neighbour(NamedTuple):
    """A neighbour that has answered, or a hardware address that a bridge has learned (``master`` is the bridge)."""

    family: int
    device: int
    address: Optional[Address]
    hardware: str
    master: int


def neighbour_of(reply: bytes) -> Neighbour | None:
    """A neighbour; None for one whose hardware address is not known."""
    family, index, _state, _flags, _kind = _NDMSG.unpack_from(reply)
    found = attribute_map(reply[_NDMSG.size :])
    if _NDA_LLADDR not in found:
        return None
    packed = found.get(_NDA_DST, b"")
    address = ipaddress.ip_address(packed) if len(packed) == ADDRESS_BYTES.get(family) else None
    return Neighbour(family, index, address, hardware(found[_NDA_LLADDR]), number(found, _NDA_MASTER))


def neighbours(links: Links, netns: Netns) -> dict[tuple[int, Address], str]:
    """The hardware address of each neighbour that the kernel knows, by the device's index and the address."""
    return {
        (each.device, each.address): each.hardware
        for family in (socket.AF_INET, socket.AF_INET6)
        for each in _neighbours(links, netns, family)
        if each.address is not None
    }


def learned(links: Links, netns: Netns) -> dict[tuple[int, str], int]:
    """The port behind which a bridge has learned a hardware address: by the bridge's index and that address."""
    return {
        (each.master, each.hardware): each.device
        for each in _neighbours(links, netns, _AF_BRIDGE)
        if each.master and each.device != each.master
    }


def ways(
    links: Links, netns: Netns, devices: Iterable[Link], addresses: Iterable[Address]
) -> dict[Address, tuple[str, Address | None, bool]]:
    """How the kernel sends to addresses: device, router, and whether to itself; without those it has no way to."""
    names = {link.index: link.name for link in devices}
    found = {}
    with NetlinkSocket(NETLINK_ROUTE, netns) as netlink:
        for address in addresses:
            with suppress(KernelRefused):  # the kernel has no way to it
                (reply,) = netlink.request(Message(RTM_GETROUTE, route_to(address)))
                answer = route_message(reply)
                if answer is not None:
                    route = answer.read()
                    found[address] = names.get(route.index, ""), route.via, answer.kind == RTN_LOCAL
    return found


def destinations(links: Links, netns: Netns) -> dict[Network, bool]:
    """The destinations of the routes of all tables, and whether the kernel delivers each to itself."""
    found: dict[Network, bool] = {}
    for route in links.routes(netns):
        found[route.to] = found.get(route.to, False) or route.kind == RTN_LOCAL
    return found


def has_policies(links: Links, netns: Netns) -> bool:
    """Whether rules of policy routing choose tables by more than a destination (beside local, main and default)."""
    rules = [
        message
        for family in (socket.AF_INET, socket.AF_INET6)
        for message in links.dump(netns, "get_rules", family=family)
    ]
    return any(message.get_attr("FRA_TABLE") not in (253, 254, 255) for message in rules)


def tagged_only(links: Links, netns: Netns, devices: Iterable[Link]) -> frozenset[str]:
    """The bridge ports that drop frames without a VLAN tag: their bridge filters VLANs, and they have no PVID."""
    devices = tuple(devices)
    filtering = {link.index for link in devices if link.filters_vlans}
    ports = [link for link in devices if link.master in filtering]
    vlans = links.vlans(netns) if ports else {}
    return frozenset(link.name for link in ports if not vlans.get(link.index))


def _neighbours(links: Links, netns: Netns, family: int) -> Iterator[Neighbour]:
    found = filter(
        None, map(neighbour_of, links.replies(netns, RTM_GETNEIGH, bytes([family]).ljust(_NDMSG.size, b"\0")))
    )
    return (neighbour for neighbour in found if neighbour.family == family)
