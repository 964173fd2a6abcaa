# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a packet's way through a namespace depends on: devices, addresses, neighbours, bridges' tables and switches.

Sources: rtnetlink(7), linux/if_link.h, linux/neighbour.h, linux/netconf.h.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from contextlib import suppress
from typing import FrozenSet, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import KernelRefused
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    attribute,
    attribute_map,
    attributes,
    integer,
    text_of,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import Message
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.rtnetlink import (
    AF_UNSPEC,
    IFINFOMSG,
    IFLA_IFNAME,
    RTM_GETLINK,
    Rtnetlink,
    hardware,
)

RTM_GETADDR, RTM_GETNEIGH, RTM_GETNETCONF = 22, 30, 82
IFLA_MASTER, IFLA_LINKINFO, IFLA_PROMISCUITY = 10, 18, 30
IFLA_AF_SPEC, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN = 26, 29, 2
IFLA_INFO_DATA, IFLA_BR_VLAN_FILTERING, IFLA_BRIDGE_VLAN_INFO, BRIDGE_VLAN_INFO_PVID = 2, 7, 2, 2
IFLA_INFO_KIND, IFLA_INFO_SLAVE_KIND, IFLA_INFO_SLAVE_DATA = 1, 4, 5
IFLA_BRPORT_MODE = 4
IFA_ADDRESS, IFA_LOCAL = 1, 2
NDA_DST, NDA_LLADDR = 1, 2
NETCONFA_IFINDEX, NETCONFA_FORWARDING, NETCONFA_RP_FILTER = 1, 2, 3
NETCONFA_IFINDEX_ALL = -1
NUD_INCOMPLETE, NUD_FAILED, NUD_PERMANENT = 0x01, 0x20, 0x80
AF_BRIDGE = 7
IFF_UP, IFF_RUNNING = 0x1, 0x40

_IFADDRMSG = struct.Struct("=BBBBI")
_NDMSG = struct.Struct("=BBHiHBB")


class Device(NamedTuple):
    """A device; ``up`` is whether it carries packets, ``hairpin`` is None where it is not the port of a bridge.

    ``takes_all`` is whether it takes in every frame just now: somebody has set it to promiscuous mode, or a program
    like tcpdump has for as long as it runs, which ip(8) does not show among a device's flags.
    """

    name: str
    kind: str
    up: bool
    takes_all: bool
    master: Optional[str]
    hairpin: Optional[bool]


class Switches(NamedTuple):
    """What routing does with a packet that comes in by a device, by the sysctls ``forwarding`` and ``rp_filter``.

    ``rp_filter`` is 0, 1 (the way back to the source must be by the same device) or 2 (by any).
    """

    forwarding: bool
    rp_filter: int


class Facts(NamedTuple):
    """A namespace as it was right after the connection.

    ``forwarding`` is what the bridges have learned, (bridge, hardware address) to port, or to the bridge itself where
    the address is the host's own; ``neighbours`` are the hardware addresses of those that answered, ``unreachable`` are
    those that did not. ``switches`` are those of IP's version and a device.
    """

    devices: Mapping[str, Device]
    addresses: FrozenSet[str]
    forwarding: Mapping[Tuple[Optional[str], str], str]
    neighbours: Mapping[str, str]
    unreachable: FrozenSet[str]
    switches: Mapping[Tuple[int, str], Switches] = {}
    #: Bridge ports that drop frames without a VLAN tag.
    tagged_only: FrozenSet[str] = frozenset()


class FactsReader(Rtnetlink):
    """One namespace's rtnetlink, asked for facts; a context manager."""

    def addresses(self) -> frozenset[str]:
        """All addresses of all devices."""
        found = set()
        for reply in self._netlink.dump(Message(RTM_GETADDR, _IFADDRMSG.pack(AF_UNSPEC, 0, 0, 0, 0))):
            values = attribute_map(reply[_IFADDRMSG.size :])
            packed = values.get(IFA_LOCAL, values.get(IFA_ADDRESS))
            if packed and len(packed) in (4, 16):
                found.add(str(ipaddress.ip_address(packed)))
        return frozenset(found)

    def devices(self) -> dict[int, Device]:
        """The devices by their index."""
        found = {}
        for reply in self._netlink.dump(Message(RTM_GETLINK, IFINFOMSG.pack(AF_UNSPEC, 0, 0, 0, 0))):
            _family, _type, index, flags, _change = IFINFOMSG.unpack_from(reply)
            found[index] = (flags, attribute_map(reply[IFINFOMSG.size :]))
        names = {index: text_of(values[IFLA_IFNAME]) for index, (_flags, values) in found.items()}
        devices = {}
        for index, (flags, values) in found.items():
            info = attribute_map(values.get(IFLA_LINKINFO, b""))
            port = text_of(info.get(IFLA_INFO_SLAVE_KIND, b"")) == "bridge"
            mode = attribute_map(info.get(IFLA_INFO_SLAVE_DATA, b"")).get(IFLA_BRPORT_MODE, b"\0") if port else None
            devices[index] = Device(
                name=names[index],
                kind=text_of(info.get(IFLA_INFO_KIND, b"")),
                up=flags & IFF_UP != 0 and flags & IFF_RUNNING != 0,
                takes_all=integer(values.get(IFLA_PROMISCUITY, b"\0")) > 0,
                master=names.get(integer(values[IFLA_MASTER])) if IFLA_MASTER in values else None,
                hairpin=None if mode is None else bool(integer(mode)),
            )
        return devices

    def tagged_only(self) -> frozenset[str]:
        """The bridge ports that drop frames without a VLAN tag: their bridge filters VLANs, and they have no PVID."""
        names, masters, filtering, tagged = {}, {}, set(), set()
        for reply in self._netlink.dump(Message(RTM_GETLINK, IFINFOMSG.pack(AF_UNSPEC, 0, 0, 0, 0))):
            index, values = IFINFOMSG.unpack_from(reply)[2], attribute_map(reply[IFINFOMSG.size :])
            names[index] = text_of(values[IFLA_IFNAME])
            masters[index] = integer(values.get(IFLA_MASTER, b"\0\0\0\0"))
            info = attribute_map(values.get(IFLA_LINKINFO, b""))
            is_bridge = text_of(info.get(IFLA_INFO_KIND, b"")) == "bridge"
            if is_bridge and any(attribute_map(info.get(IFLA_INFO_DATA, b"")).get(IFLA_BR_VLAN_FILTERING, b"")):
                filtering.add(index)
        if not filtering:
            return frozenset()
        ask = IFINFOMSG.pack(AF_BRIDGE, 0, 0, 0, 0) + attribute(IFLA_EXT_MASK, struct.pack("=I", RTEXT_FILTER_BRVLAN))
        for reply in self._netlink.dump(Message(RTM_GETLINK, ask)):
            spec = attribute_map(reply[IFINFOMSG.size :]).get(IFLA_AF_SPEC, b"")
            vlans = (each for kind, each in attributes(spec) if kind == IFLA_BRIDGE_VLAN_INFO)
            if any(struct.unpack_from("=HH", each)[0] & BRIDGE_VLAN_INFO_PVID for each in vlans):
                tagged.add(IFINFOMSG.unpack_from(reply)[2])
        return frozenset(names[each] for each, master in masters.items() if master in filtering and each not in tagged)

    def facts(self) -> Facts:
        """All that is read of a namespace."""
        devices = self.devices()
        forwarding: dict[tuple[str | None, str], str] = {}
        if any(device.kind == "bridge" for device in devices.values()):
            for index, state, values in self._neighbours(AF_BRIDGE):
                if index in devices and NDA_LLADDR in values:
                    device = devices[index]
                    bridge = device.master or device.name
                    # The bridge's own address is mostly one of its ports', and stands in the table as that.
                    port = bridge if state & NUD_PERMANENT else device.name
                    forwarding[bridge, hardware(values[NDA_LLADDR])] = port
        known, silent = {}, set()
        for _index, state, values in self._neighbours(AF_UNSPEC):
            if len(values.get(NDA_DST, b"")) not in (4, 16):
                continue
            neighbour = str(ipaddress.ip_address(values[NDA_DST]))
            if state & (NUD_INCOMPLETE | NUD_FAILED):
                silent.add(neighbour)
            elif NDA_LLADDR in values:
                known[neighbour] = hardware(values[NDA_LLADDR])
        return Facts(
            devices={device.name: device for device in devices.values()},
            addresses=self.addresses(),
            forwarding=forwarding,
            neighbours=known,
            unreachable=frozenset(silent),
            tagged_only=self.tagged_only(),
            switches=self._switches({index: device.name for index, device in devices.items()}),
        )

    def _switches(self, names: Mapping[int, str]) -> dict[tuple[int, str], Switches]:
        """The switches as they take effect; a kernel without IPv6 has none for it."""
        found = {}
        for version, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
            read = {}
            with suppress(KernelRefused):
                for reply in self._netlink.dump(Message(RTM_GETNETCONF, struct.pack("=B3x", family))):
                    values = attribute_map(reply[4:])
                    (index,) = struct.unpack("=i", values[NETCONFA_IFINDEX])
                    read[index] = (
                        integer(values[NETCONFA_FORWARDING]) != 0,
                        integer(values.get(NETCONFA_RP_FILTER, b"\0")),
                    )
            every = read.get(NETCONFA_IFINDEX_ALL, (False, 0))
            for index in read.keys() & names.keys():
                forwards, rp_filter = read[index]
                # IPv6 forwards by all devices or by none.
                forwards = forwards if version == 4 else every[0]
                found[version, names[index]] = Switches(forwards, max(rp_filter, every[1]))
        return found

    def _neighbours(self, family: int) -> list[tuple[int, int, dict[int, bytes]]]:
        found = []
        for reply in self._netlink.dump(Message(RTM_GETNEIGH, _NDMSG.pack(family, 0, 0, 0, 0, 0, 0))):
            _family, _pad, _pad, index, state, _flags, _type = _NDMSG.unpack_from(reply)
            found.append((index, state, attribute_map(reply[_NDMSG.size :])))
        return found
