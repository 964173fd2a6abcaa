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
from typing import Any, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Interface
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    attribute,
    attribute_map,
    integer,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import (
    NETFILTER,
    DeviceAddress,
    Link,
)

RTM_NEWADDR, RTM_GETADDR = 20, 22
#: net/if.h
IFF_UP = 0x1
IFF_PROMISC = 0x100
#: linux/if_addr.h: not for ever.
_IFA_F_PERMANENT = 0x80
#: linux/if_addr.h: no duplicate address detection, so that an IPv6 address is usable at once.
_IFA_F_NODAD = 0x02
#: linux/if_bridge.h
_BRIDGE_VLAN_INFO_PVID = 0x2
_IFADDRMSG = struct.Struct("=BBBBi")
#: What a request behind the netlink header says to get all addresses.
ALL_ADDRESSES = bytes(_IFADDRMSG.size)
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
ADDRESS_BYTES = {int(socket.AF_INET): 4, int(socket.AF_INET6): 16}


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


def address_of(reply: bytes) -> DeviceAddress | None:
    """An address of a device; None for one that is none of IP's."""
    family, length, flags, _scope, index = _IFADDRMSG.unpack_from(reply)
    found = attribute_map(reply[_IFADDRMSG.size :])
    # IFA_LOCAL is the device's own address; IFA_ADDRESS is the other side's on a point-to-point link.
    packed = found.get(_IFA_LOCAL, found.get(_IFA_ADDRESS, b""))
    if len(packed) != ADDRESS_BYTES.get(family):
        return None
    interface = ipaddress.ip_interface((packed, length))
    return DeviceAddress(index, interface, bool(number(found, _IFA_FLAGS, flags) & _IFA_F_PERMANENT))


def address_on(index: int, interface: Interface) -> bytes:
    """What a request behind the netlink header says to set an address of a device."""
    family, flags = (socket.AF_INET, 0) if interface.version == 4 else (socket.AF_INET6, _IFA_F_NODAD)
    head = _IFADDRMSG.pack(family, interface.network.prefixlen, flags, 0, index)
    packed = interface.ip.packed
    return head + attribute(_IFA_LOCAL, packed) + attribute(_IFA_ADDRESS, packed)


def number(found: Mapping[int, bytes], kind: int, otherwise: int = 0) -> int:
    """The number in an attribute, where it is there."""
    return integer(found[kind]) if kind in found else otherwise
