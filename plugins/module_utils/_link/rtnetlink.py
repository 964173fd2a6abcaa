# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a packet's way through a namespace depends on: devices, addresses, neighbours, bridges' tables and switches.

Sources: rtnetlink(7), linux/if_link.h, linux/neighbour.h, linux/net_namespace.h, linux/netconf.h.
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
    integer,
    text_of,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.closing import Closing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import Message, NetlinkSocket
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import path_of

NETLINK_ROUTE = 0
RTM_GETLINK, RTM_GETADDR, RTM_GETNEIGH, RTM_GETNETCONF, RTM_NEWNSID, RTM_GETNSID = 18, 22, 30, 82, 88, 90
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MASTER, IFLA_LINKINFO, IFLA_PROMISCUITY, IFLA_TARGET_NETNSID = 1, 3, 10, 18, 30, 46
IFLA_INFO_KIND, IFLA_INFO_SLAVE_KIND, IFLA_INFO_SLAVE_DATA = 1, 4, 5
IFLA_BRPORT_MODE = 4
IFA_ADDRESS, IFA_LOCAL = 1, 2
NDA_DST, NDA_LLADDR = 1, 2
NETCONFA_IFINDEX, NETCONFA_FORWARDING, NETCONFA_RP_FILTER = 1, 2, 3
NETCONFA_IFINDEX_ALL = -1
NUD_INCOMPLETE, NUD_FAILED, NUD_PERMANENT = 0x01, 0x20, 0x80
NETNSA_NSID, NETNSA_FD = 1, 3
AF_UNSPEC, AF_BRIDGE = 0, 7
IFF_UP, IFF_RUNNING = 0x1, 0x40

_IFINFOMSG = struct.Struct("=BxHiII")
_IFADDRMSG = struct.Struct("=BBBBI")
_NDMSG = struct.Struct("=BBHiHBB")


class Device(NamedTuple):
    """A device; ``up`` is whether it carries packets, ``hairpin`` is None where it is not the port of a bridge."""

    name: str
    kind: str
    up: bool
    promiscuous: bool
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


def hardware(data: bytes) -> str:
    """A hardware address as ip(8) writes it."""
    return ":".join("%02x" % byte for byte in data)


class Rtnetlink(Closing):
    """One namespace's rtnetlink; a context manager."""

    def __init__(self, netns: str | None) -> None:
        self._netlink = NetlinkSocket(NETLINK_ROUTE, netns)

    def close(self) -> None:
        """Close the socket."""
        self._netlink.close()

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
        for reply in self._netlink.dump(Message(RTM_GETLINK, _IFINFOMSG.pack(AF_UNSPEC, 0, 0, 0, 0))):
            _family, _type, index, flags, _change = _IFINFOMSG.unpack_from(reply)
            found[index] = (flags, attribute_map(reply[_IFINFOMSG.size :]))
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
                promiscuous=integer(values.get(IFLA_PROMISCUITY, b"\0")) > 0,
                master=names.get(integer(values[IFLA_MASTER])) if IFLA_MASTER in values else None,
                hairpin=None if mode is None else bool(integer(mode)),
            )
        return devices

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

    def device_beyond(self, number: int, index: int) -> tuple[str, str] | None:
        """The name and the hardware address of a device in the namespace that this one knows by a number.

        A kernel before 4.16 takes the number for nothing, and answers with a device of this namespace.
        """
        target = attribute(IFLA_TARGET_NETNSID, struct.pack("=i", number))
        try:
            (reply,) = self._netlink.request(Message(RTM_GETLINK, _IFINFOMSG.pack(AF_UNSPEC, 0, index, 0, 0) + target))
        except KernelRefused:
            return None  # it is gone
        values = attribute_map(reply[_IFINFOMSG.size :])
        return text_of(values[IFLA_IFNAME]), hardware(values.get(IFLA_ADDRESS, b""))

    def number_known(self, netns: str) -> int | None:
        """The number by which this namespace knows another one, ``None`` where it has none."""
        with open(path_of(netns), "rb") as file:
            number = self._number(attribute(NETNSA_FD, struct.pack("=I", file.fileno())))
        return None if number < 0 else number

    def number_of(self, netns: str) -> int:
        """The number by which this namespace knows another one; it is given one where it has none yet."""
        with open(path_of(netns), "rb") as file:
            handle = attribute(NETNSA_FD, struct.pack("=I", file.fileno()))
            number = self._number(handle)
            if number < 0:
                anything = attribute(NETNSA_NSID, struct.pack("=i", -1))
                self._netlink.request(Message(RTM_NEWNSID, b"\0\0\0\0" + anything + handle))
                number = self._number(handle)
        return number

    def _number(self, handle: bytes) -> int:
        (reply,) = self._netlink.request(Message(RTM_GETNSID, b"\0\0\0\0" + handle))
        return int(struct.unpack("=i", attribute_map(reply[4:])[NETNSA_NSID])[0])

    def _neighbours(self, family: int) -> list[tuple[int, int, dict[int, bytes]]]:
        found = []
        for reply in self._netlink.dump(Message(RTM_GETNEIGH, _NDMSG.pack(family, 0, 0, 0, 0, 0, 0))):
            _family, _pad, _pad, index, state, _flags, _type = _NDMSG.unpack_from(reply)
            found.append((index, state, attribute_map(reply[_NDMSG.size :])))
        return found
