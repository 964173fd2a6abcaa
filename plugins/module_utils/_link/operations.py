# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operations that change links, addresses and routes.

Each names its device, since an index is only known once the device exists. They are tuples, because every task that
changes something defines them anew, and a frozen dataclass takes several times as long.
"""

from __future__ import annotations

from typing import NamedTuple, Optional, Union

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address, Interface, Network
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import NETFILTER, Netns, Route


class AddDevice(NamedTuple):
    """Create a device of a kind that needs no more than a name: ``bridge`` (up) or ``dummy`` (down)."""

    netns: Netns
    name: str
    kind: str
    up: bool

    def __str__(self) -> str:
        return "add %s '%s'" % (self.kind, self.name)


class AddPair(NamedTuple):
    """Create a veth pair in one step: this end up and in its bridge, the other end in its namespace."""

    netns: Netns
    name: str
    bridge: str
    peer_netns: Netns
    peer_name: str
    mtu: Optional[int] = None
    peer_mtu: Optional[int] = None

    def __str__(self) -> str:
        return "add veth pair '%s' and '%s'" % (self.name, self.peer_name)


class DeleteDevice(NamedTuple):
    """Delete a device; the other end of a veth goes with it. One that is gone already will do."""

    netns: Netns
    name: str

    def __str__(self) -> str:
        return "delete device '%s'" % self.name


class SetDevice(NamedTuple):
    """Change a device; ``None`` leaves alone."""

    netns: Netns
    name: str
    up: Optional[bool] = None
    mtu: Optional[int] = None
    promiscuous: Optional[bool] = None
    nf_call_iptables: Optional[bool] = None
    nf_call_ip6tables: Optional[bool] = None
    nf_call_arptables: Optional[bool] = None

    @property
    def netfilter(self) -> dict[str, bool]:
        """The switches of a bridge's own that it sets."""
        return {name: getattr(self, name) for name in NETFILTER if getattr(self, name) is not None}

    def __str__(self) -> str:
        words: dict[str, object] = dict(up=self.up, mtu=self.mtu, promiscuous=self.promiscuous, **self.netfilter)
        said = ["%s to %s" % (word, value) for word, value in words.items() if value is not None]
        return "set %s of device '%s'" % (" and ".join(said), self.name)


class SetMaster(NamedTuple):
    """Make a device a port of a bridge, or of none."""

    netns: Netns
    name: str
    bridge: Optional[str]

    def __str__(self) -> str:
        if self.bridge is None:
            return "take device '%s' out of its bridge" % self.name
        return "make device '%s' a port of bridge '%s'" % (self.name, self.bridge)


class SetHairpin(NamedTuple):
    """Switch a bridge port's hairpin mode."""

    netns: Netns
    name: str
    on: bool

    def __str__(self) -> str:
        return "switch hairpin mode of bridge port '%s' %s" % (self.name, "on" if self.on else "off")


class MoveDevice(NamedTuple):
    """Move a device to another namespace and name; the kernel sets it down and flushes its addresses and routes."""

    netns: Netns
    name: str
    to_netns: Netns
    to_name: str

    def __str__(self) -> str:
        where = "this namespace" if self.to_netns is None else "network namespace '%s'" % self.to_netns
        return "move device '%s' to %s as '%s'" % (self.name, where, self.to_name)


class RenameDevice(NamedTuple):
    """Rename a device, which has to be down for it: its routes and IPv6 addresses are lost."""

    netns: Netns
    name: str
    to_name: str

    def __str__(self) -> str:
        return "rename device '%s' to '%s'" % (self.name, self.to_name)


class SetAddress(NamedTuple):
    """Add an address; one that is there already will do."""

    netns: Netns
    name: str
    interface: Interface

    def __str__(self) -> str:
        return "add address %s to device '%s'" % (self.interface, self.name)


class DeleteAddress(NamedTuple):
    """Take an address away; one that is gone already will do (a first address takes others of its subnet along)."""

    netns: Netns
    name: str
    interface: Interface

    def __str__(self) -> str:
        return "delete address %s of device '%s'" % (self.interface, self.name)


class SetRoute(NamedTuple):
    """Add a route; ``replace`` is whether it comes in the place of one with the same destination and metric."""

    netns: Netns
    name: str
    to: Network
    via: Optional[Address]
    metric: int
    replace: bool = True
    onlink: bool = False

    def __str__(self) -> str:
        via = "" if self.via is None else " via %s" % self.via
        return "add route to %s%s on device '%s'" % (self.to, via, self.name)


class RestoreRoute(NamedTuple):
    """Add a route again that earlier operations may have taken away; one that is still there will do."""

    netns: Netns
    route: Route

    def __str__(self) -> str:
        return "set route to %s again" % self.route.to


class DeleteRoute(NamedTuple):
    """Take a route away; one that is gone already will do."""

    netns: Netns
    route: Route

    def __str__(self) -> str:
        via = "" if self.route.via is None else " via %s" % self.route.via
        return "delete route to %s%s" % (self.route.to, via)


Operation = Union[
    AddDevice,
    AddPair,
    DeleteDevice,
    SetDevice,
    SetMaster,
    SetHairpin,
    MoveDevice,
    RenameDevice,
    SetAddress,
    DeleteAddress,
    SetRoute,
    RestoreRoute,
    DeleteRoute,
]
