# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values from rtnetlink's messages, those of links as pyroute2 has them and all others as bytes; no socket.

A device may have thousands of addresses, routes and neighbours. To take one of their messages apart takes pyroute2 half
a millisecond, and the same here a hundredth of that.

Sources: rtnetlink(7), linux/if_link.h, linux/if_addr.h, linux/neighbour.h, linux/rtnetlink.h.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import Any, Iterator, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address, Network
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    NLA_F_NESTED,
    attribute,
    attribute_map,
    attributes,
    integer,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.rtnetlink import hardware
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import (
    NETFILTER,
    DeviceAddress,
    Link,
    NextHop,
    Route,
)

RTM_GETADDR, RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE, RTM_GETNEIGH = 22, 24, 25, 26, 30
#: net/if.h
IFF_UP = 0x1
IFF_PROMISC = 0x100
#: linux/if_addr.h: not for ever.
_IFA_F_PERMANENT = 0x80
#: linux/if_bridge.h
_BRIDGE_VLAN_INFO_PVID = 0x2
#: linux/rtnetlink.h
RTNH_F_ONLINK = 4
RTN_UNICAST, RTN_LOCAL, RT_TABLE_MAIN = 1, 2, 254
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_PREFSRC = 1, 4, 5, 6, 7
_RTA_MULTIPATH, _RTA_CACHEINFO, _RTA_TABLE, _RTA_VIA = 9, 12, 15, 18
_RTA_ENCAP_TYPE, _RTA_ENCAP, _RTA_NH_ID = 21, 22, 30
_NESTS = (8, _RTA_ENCAP)  # and RTA_METRICS
_RTMSG = struct.Struct("=BBBBBBBBI")
_RTNEXTHOP = struct.Struct("=HBBi")
_IFADDRMSG = struct.Struct("=BBBBi")
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_NDMSG = struct.Struct("=BxxxiHBB")
_NDA_DST, _NDA_LLADDR, _NDA_MASTER = 1, 2, 9
_ADDRESS_BYTES = {int(socket.AF_INET): 4, int(socket.AF_INET6): 16}


def nested(message: Any, path: Sequence[str]) -> Any:
    for name in path:
        message = message.get_attr(name) if message is not None else None
    return message


def link_of(message: Any) -> Link:
    kind = nested(message, ("IFLA_LINKINFO", "IFLA_INFO_KIND")) or ""
    hairpin = None
    if nested(message, ("IFLA_LINKINFO", "IFLA_INFO_SLAVE_KIND")) == "bridge":
        hairpin = bool(nested(message, ("IFLA_LINKINFO", "IFLA_INFO_SLAVE_DATA", "IFLA_BRPORT_MODE")))
    return Link(
        index=message["index"],
        name=message.get_attr("IFLA_IFNAME"),
        kind=kind,
        up=bool(message["flags"] & IFF_UP),
        mtu=message.get_attr("IFLA_MTU"),
        promiscuous=bool(message["flags"] & IFF_PROMISC),
        master=message.get_attr("IFLA_MASTER") or 0,
        peer_index=(message.get_attr("IFLA_LINK") or 0) if kind == "veth" else 0,
        peer_nsid=message.get_attr("IFLA_LINK_NETNSID") if kind == "veth" else None,
        hairpin=hairpin,
        hardware=message.get_attr("IFLA_ADDRESS") or "",
        **_bridge_of(message, kind),
    )


def _bridge_of(message: Any, kind: str) -> dict[str, Any]:
    data = nested(message, ("IFLA_LINKINFO", "IFLA_INFO_DATA")) if kind == "bridge" else None
    if data is None:
        return {}
    told = ((name, data.get_attr("IFLA_BR_%s" % name.upper())) for name in NETFILTER)
    return dict(((name, bool(value)) for name, value in told if value is not None), **_vlans_of(data))


def _vlans_of(data: Any) -> dict[str, Any]:
    if not data.get_attr("IFLA_BR_VLAN_FILTERING"):
        return {}
    return dict(filters_vlans=True, default_vlan=data.get_attr("IFLA_BR_VLAN_DEFAULT_PVID") or 0)


def vlan_of(message: Any) -> int:
    """The VLAN that a bridge port has for untagged frames, 0 for none; of an answer to a question for VLANs."""
    spec = message.get_attr("IFLA_AF_SPEC")
    for vlan in spec.get_attrs("IFLA_BRIDGE_VLAN_INFO") if spec is not None else ():
        if vlan["flags"] & _BRIDGE_VLAN_INFO_PVID:
            return int(vlan["vid"])
    return 0


def dump_of(kind: int, family: int) -> bytes:
    """What a request behind the netlink header says to get all addresses, routes or neighbours of a family."""
    body = {RTM_GETADDR: _IFADDRMSG, RTM_GETROUTE: _RTMSG, RTM_GETNEIGH: _NDMSG}[kind]
    return bytes([family]).ljust(body.size, b"\0")


def address_of(reply: bytes) -> DeviceAddress | None:
    """An address of a device; None for one that is none of IP's."""
    family, length, flags, _scope, index = _IFADDRMSG.unpack_from(reply)
    found = attribute_map(reply[_IFADDRMSG.size :])
    # IFA_LOCAL is the device's own address; IFA_ADDRESS is the other side's on a point-to-point link.
    packed = found.get(_IFA_LOCAL, found.get(_IFA_ADDRESS, b""))
    if len(packed) != _ADDRESS_BYTES.get(family):
        return None
    interface = ipaddress.ip_interface((packed, length))
    return DeviceAddress(index, interface, bool(_number(found, _IFA_FLAGS, flags) & _IFA_F_PERMANENT))


def route_to(address: Address) -> bytes:
    """What a request says to hear by which route the kernel sends to an address."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    head = _RTMSG.pack(family, address.max_prefixlen, 0, 0, 0, 0, 0, 0, 0)
    return head + attribute(_RTA_DST, address.packed)


class RouteMessage(NamedTuple):
    """A route as the kernel tells it, of which the numbers that choose it have been read."""

    family: int
    kind: int
    table: int
    to: Network
    whole: bytes

    @property
    def in_main(self) -> bool:
        """Whether it is a unicast route of the main table."""
        return (self.kind, self.table) == (RTN_UNICAST, RT_TABLE_MAIN)

    def read(self) -> Route:
        """The whole route."""
        _family, _to, _source, _tos, _table, protocol, _scope, _kind, flags = _RTMSG.unpack_from(self.whole)
        found = attribute_map(self.whole[_RTMSG.size :])
        source = found.get(_RTA_PREFSRC)
        return Route(
            to=self.to,
            via=_gateway(found),
            index=_number(found, _RTA_OIF),
            metric=_number(found, _RTA_PRIORITY),
            protocol=protocol,
            onlink=bool(flags & RTNH_F_ONLINK),
            source=ipaddress.ip_address(source) if source else None,
            hops=tuple(_read_hops(found.get(_RTA_MULTIPATH, b""))),
            message=self.whole,
        )


def route_message(reply: bytes) -> RouteMessage | None:
    """A route; None for one that is none of IP's."""
    family, length, _source, _tos, table, _protocol, _scope, kind, _flags = _RTMSG.unpack_from(reply)
    found = attribute_map(reply[_RTMSG.size :])
    size = _ADDRESS_BYTES.get(family)
    if size is None:
        return None
    to = ipaddress.ip_network((found.get(_RTA_DST, bytes(size)), length))
    return RouteMessage(family, kind, _number(found, _RTA_TABLE, table), to, reply)


def _read_hops(payload: bytes) -> Iterator[NextHop]:
    """The ways of a route that has several (struct rtnexthop)."""
    offset = 0
    while offset + _RTNEXTHOP.size <= len(payload):
        length, _flags, hops, index = _RTNEXTHOP.unpack_from(payload, offset)
        found = attribute_map(payload[offset + _RTNEXTHOP.size : offset + length])
        yield NextHop(_gateway(found), index, hops + 1)  # the kernel counts from 0
        offset += max((length + 3) & ~3, _RTNEXTHOP.size)


def _gateway(found: Mapping[int, bytes]) -> Address | None:
    """The gateway of a route or of one of its ways; that of an IPv4 route may be an IPv6 address (struct rtvia)."""
    other = found.get(_RTA_VIA)
    gateway = other[2:] if other else found.get(_RTA_GATEWAY)
    return ipaddress.ip_address(gateway) if gateway else None


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
    address = ipaddress.ip_address(packed) if len(packed) == _ADDRESS_BYTES.get(family) else None
    return Neighbour(family, index, address, hardware(found[_NDA_LLADDR]), _number(found, _NDA_MASTER))


def _number(found: Mapping[int, bytes], kind: int, otherwise: int = 0) -> int:
    return integer(found[kind]) if kind in found else otherwise


def requested(message: bytes) -> bytes:
    """A route as the kernel tells it, made into one that the kernel can be asked for.

    It takes no flags but one, knows by itself how old a route is, and wants a nexthop's number or its parts, not both.
    """
    family, to, source, tos, table, protocol, scope, kind, flags = _RTMSG.unpack_from(message)
    found = attributes(message[_RTMSG.size :])
    left_out = {_RTA_CACHEINFO}
    if _RTA_NH_ID in dict(found):
        left_out |= {_RTA_OIF, _RTA_GATEWAY, _RTA_MULTIPATH, _RTA_VIA, _RTA_ENCAP_TYPE, _RTA_ENCAP}
    parts = [_RTMSG.pack(family, to, source, tos, table, protocol, scope, kind, flags & RTNH_F_ONLINK)]
    for number, payload in found:
        if number not in left_out:
            nest = NLA_F_NESTED if number in _NESTS else 0
            parts.append(attribute(number | nest, _hops(payload) if number == _RTA_MULTIPATH else payload))
    return b"".join(parts)


def _hops(payload: bytes) -> bytes:
    """The ways of a route without the flags that tell how they are (struct rtnexthop)."""
    found, offset = bytearray(payload), 0
    while offset + _RTNEXTHOP.size <= len(found):
        length, flags, hops, index = _RTNEXTHOP.unpack_from(found, offset)
        _RTNEXTHOP.pack_into(found, offset, length, flags & RTNH_F_ONLINK, hops, index)
        offset += max((length + 3) & ~3, _RTNEXTHOP.size)
    return bytes(found)
