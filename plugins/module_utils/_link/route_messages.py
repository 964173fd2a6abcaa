# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes from the kernel's messages, and back; no socket."""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import Iterator, Mapping, NamedTuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address, Network
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    NLA_F_NESTED,
    attribute,
    attribute_map,
    attributes,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.messages import ADDRESS_BYTES, number
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import NextHop, Route

RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
_RTMSG = struct.Struct("=BBBBBBBBI")
#: linux/rtnetlink.h
RTNH_F_ONLINK = 4
RTN_UNICAST, RTN_LOCAL, RT_TABLE_MAIN = 1, 2, 254
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_PREFSRC = 1, 4, 5, 6, 7
_RTA_MULTIPATH, _RTA_CACHEINFO, _RTA_TABLE, _RTA_VIA = 9, 12, 15, 18
_RTA_ENCAP_TYPE, _RTA_ENCAP, _RTA_NH_ID = 21, 22, 30
_NESTS = (8, _RTA_ENCAP)  # and RTA_METRICS
_RTNEXTHOP = struct.Struct("=HBBi")


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
            index=number(found, _RTA_OIF),
            metric=number(found, _RTA_PRIORITY),
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
    size = ADDRESS_BYTES.get(family)
    if size is None:
        return None
    to = ipaddress.ip_network((found.get(_RTA_DST, bytes(size)), length))
    return RouteMessage(family, kind, number(found, _RTA_TABLE, table), to, reply)


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
    for attr, payload in found:
        if attr not in left_out:
            nest = NLA_F_NESTED if attr in _NESTS else 0
            parts.append(attribute(attr | nest, _hops(payload) if attr == _RTA_MULTIPATH else payload))
    return b"".join(parts)


def _hops(payload: bytes) -> bytes:
    """The ways of a route without the flags that tell how they are (struct rtnexthop)."""
    found, offset = bytearray(payload), 0
    while offset + _RTNEXTHOP.size <= len(found):
        length, flags, hops, index = _RTNEXTHOP.unpack_from(found, offset)
        _RTNEXTHOP.pack_into(found, offset, length, flags & RTNH_F_ONLINK, hops, index)
        offset += max((length + 3) & ~3, _RTNEXTHOP.size)
    return bytes(found)


def all_routes(family: int) -> bytes:
    """What a request behind the netlink header says to get all routes of a family."""
    return bytes([family]).ljust(_RTMSG.size, b"\0")
