# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values from pyroute2's messages; no socket.

Sources: rtnetlink(7), linux/if_link.h, linux/if_addr.h, linux/rtnetlink.h.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import Any, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address, Network
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    NLA_F_NESTED,
    attribute,
    attributes,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import (
    NETFILTER,
    DeviceAddress,
    Link,
    NextHop,
    Route,
)

RTM_NEWROUTE, RTM_DELROUTE = 24, 25
#: struct nlmsghdr
HEADER_BYTES = 16
#: net/if.h
IFF_UP = 0x1
IFF_PROMISC = 0x100
#: linux/if_addr.h: not for ever.
_IFA_F_PERMANENT = 0x80
#: linux/if_bridge.h
_BRIDGE_VLAN_INFO_PVID = 0x2
#: linux/rtnetlink.h
RTNH_F_ONLINK = 4
_RTA_OIF, _RTA_GATEWAY, _RTA_MULTIPATH, _RTA_CACHEINFO, _RTA_VIA = 4, 5, 9, 12, 18
_RTA_ENCAP_TYPE, _RTA_ENCAP, _RTA_NH_ID = 21, 22, 30
_NESTS = (8, _RTA_ENCAP)  # and RTA_METRICS
_RTMSG = struct.Struct("=BBBBBBBBI")
_RTNEXTHOP = struct.Struct("=HBBi")


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


def address_of(message: Any) -> DeviceAddress:
    # IFA_LOCAL is the device's own address; IFA_ADDRESS is the other side's on a point-to-point link.
    own = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
    flags = message.get_attr("IFA_FLAGS")
    return DeviceAddress(
        index=message["index"],
        interface=ipaddress.ip_interface("%s/%d" % (own, message["prefixlen"])),
        permanent=bool((message["flags"] if flags is None else flags) & _IFA_F_PERMANENT),
    )


def destination(message: Any) -> Network:
    anywhere = "0.0.0.0" if message["family"] == socket.AF_INET else "::"
    return ipaddress.ip_network("%s/%d" % (message.get_attr("RTA_DST") or anywhere, message["dst_len"]))


def route_of(message: Any) -> Route:
    hops = tuple(
        NextHop(_gateway(hop), hop["oif"], hop["hops"] + 1)  # struct rtnexthop counts from 0
        for hop in message.get_attr("RTA_MULTIPATH") or ()
    )
    source, start = message.get_attr("RTA_PREFSRC"), message.offset
    return Route(
        to=destination(message),
        via=_gateway(message),
        index=message.get_attr("RTA_OIF") or 0,
        metric=message.get_attr("RTA_PRIORITY") or 0,
        protocol=message["proto"],
        onlink=bool(message["flags"] & RTNH_F_ONLINK),
        source=ipaddress.ip_address(source) if source else None,
        hops=hops,
        message=bytes(message.data[start + HEADER_BYTES : start + message["header"]["length"]]),
    )


def _gateway(message: Any) -> Address | None:
    """The gateway of a route or of one of its ways; that of an IPv4 route may be an IPv6 address (RTA_VIA)."""
    other = message.get_attr("RTA_VIA")
    gateway = other["addr"] if other else message.get_attr("RTA_GATEWAY")
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
