# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links, addresses and routes as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Optional, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address, Interface, Network

#: How a namespace is spelled: a name, a path, or ``None`` for the one the process runs in.
Netns = Optional[str]

#: Routes that the kernel made by itself, or for a router advertisement (rtnetlink.h: RTPROT_REDIRECT, _KERNEL, _RA).
_KERNELS_PROTOCOLS = (1, 2, 9)
#: Those that ip(8) and people make (RTPROT_UNSPEC, _BOOT, _STATIC); all others are of routing daemons and DHCP clients.
_PLAIN_PROTOCOLS = (0, 3, 4)
#: The metric that the kernel gives to an IPv6 route that names none (IP6_RT_PRIO_USER).
_IPV6_METRIC = 1024


#: The switches of a bridge's own for netfilter, by the names of ip-link(8).
NETFILTER = ("nf_call_iptables", "nf_call_ip6tables", "nf_call_arptables")
#: Why a bridge cannot have them.
NO_NETFILTER = "this kernel is built without CONFIG_BRIDGE_NETFILTER, so bridges have no such switch: leave it out"


@dataclass(frozen=True)
class Link:
    """A network device."""

    index: int
    name: str
    kind: str = ""
    up: bool = False
    mtu: int = 1500
    promiscuous: bool = False
    #: Index of the bridge (or bond...) it belongs to, 0 for none.
    master: int = 0
    #: Of a veth device: the other end's index, and the number by which this namespace knows the other end's
    #: namespace (IFLA_LINK_NETNSID); ``None`` where that is the same one.
    peer_index: int = 0
    peer_nsid: Optional[int] = None
    #: ``None`` where the device is not a bridge port.
    hairpin: Optional[bool] = None
    #: The hardware address, empty where it has none.
    hardware: str = ""
    #: Of a bridge: whether it tells VLANs apart, and which one a new port has for untagged frames (0: none).
    filters_vlans: bool = False
    default_vlan: int = 1
    #: Of a bridge: its own switches that hand its frames to iptables, ip6tables and arptables where br_netfilter is
    #: loaded; ``None`` of other devices, and in a kernel that is built without them.
    nf_call_iptables: Optional[bool] = None
    nf_call_ip6tables: Optional[bool] = None
    nf_call_arptables: Optional[bool] = None


@dataclass(frozen=True)
class DeviceAddress:
    """An address on a device; ``permanent`` is false of one with a lifetime, such as router advertisements give."""

    index: int
    interface: Interface
    permanent: bool = True


class NextHop(NamedTuple):
    """One of several ways that a route has; ``via`` is ``None`` where the destination is on the link."""

    via: Optional[Address]
    device: int
    weight: int = 1


@dataclass(frozen=True)
class Route:
    """A unicast route of the main table; ``via`` is ``None`` where the destination is on the link.

    Attributes:
        onlink: the gateway is taken to be on the link, whatever the device's addresses are.
        source: the address from which packets go, where the route says so.
        hops: the ways of a route that has several; ``via`` is then ``None`` and ``index`` 0.
        message: the route as the kernel tells it (struct rtmsg and all its attributes), by which it is made again or
            taken away exactly.
    """

    to: Network
    via: Optional[Address]
    index: int
    metric: int = 0
    protocol: int = 3
    onlink: bool = False
    source: Optional[Address] = None
    hops: Tuple[NextHop, ...] = ()
    message: bytes = field(default=b"", compare=False, repr=False)

    @property
    def kernels(self) -> bool:
        """Whether the kernel made it by itself."""
        return self.protocol in _KERNELS_PROTOCOLS

    @property
    def foreign(self) -> bool:
        """Whether it is the kernel's, or that of a routing daemon or a DHCP client."""
        return self.protocol not in _PLAIN_PROTOCOLS

    @property
    def ways(self) -> tuple[NextHop, ...]:
        """Its ways, one or several."""
        return self.hops or (NextHop(self.via, self.index),)

    def leads_through(self, index: int) -> bool:
        """Whether all its ways are through one device."""
        return bool(index) and all(hop.device == index for hop in self.ways)


class WantedRoute(NamedTuple):
    """A route by a gateway, or to what is on the link (``via`` is ``None``).

    ``onlink`` has the gateway taken to be on the link, whatever the device's addresses are.
    """

    to: Network
    via: Optional[Address]
    onlink: bool = False


def usual_metric(to: Network) -> int:
    """The metric of a route that was added without one."""
    return 0 if to.version == 4 else _IPV6_METRIC


class Snapshot(NamedTuple):
    """What one namespace held when it was looked at; the routes only where they were asked for."""

    links: Tuple[Link, ...] = ()
    addresses: Tuple[DeviceAddress, ...] = ()
    routes: Tuple[Route, ...] = ()

    def link(self, name: str) -> Link | None:
        """The device of that name."""
        return next((link for link in self.links if link.name == name), None)

    def link_at(self, index: int) -> Link | None:
        """The device of that index."""
        return next((link for link in self.links if link.index == index), None)

    def ports_of(self, bridge: Link) -> tuple[Link, ...]:
        """The devices that belong to a bridge."""
        return tuple(link for link in self.links if link.master == bridge.index)

    def addresses_on(self, link: Link) -> tuple[Interface, ...]:
        """The permanent addresses of a device."""
        return tuple(a.interface for a in self.addresses if a.index == link.index and a.permanent)


class FarEnd(NamedTuple):
    """Where the other end of a veth device is, and the addresses it has there."""

    netns: Netns
    link: Link
    addresses: Tuple[Interface, ...] = ()
