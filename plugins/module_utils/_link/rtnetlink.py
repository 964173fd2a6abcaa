# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few questions of rtnetlink that are asked without pyroute2, whose import takes longer than their answers.

Sources: rtnetlink(7), linux/if_link.h, linux/net_namespace.h.
"""

from __future__ import annotations

import struct

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import KernelRefused
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    attribute,
    attribute_map,
    text_of,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.closing import Closing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import Message, NetlinkSocket
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import path_of

NETLINK_ROUTE = 0
RTM_GETLINK, RTM_NEWNSID, RTM_GETNSID = 18, 88, 90
IFLA_ADDRESS, IFLA_IFNAME, IFLA_TARGET_NETNSID = 1, 3, 46
NETNSA_NSID, NETNSA_FD = 1, 3
AF_UNSPEC = 0

IFINFOMSG = struct.Struct("=BxHiII")


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

    def device_beyond(self, number: int, index: int) -> tuple[str, str] | None:
        """The name and the hardware address of a device in the namespace that this one knows by a number.

        A kernel before 4.16 takes the number for nothing, and answers with a device of this namespace.
        """
        target = attribute(IFLA_TARGET_NETNSID, struct.pack("=i", number))
        try:
            (reply,) = self._netlink.request(Message(RTM_GETLINK, IFINFOMSG.pack(AF_UNSPEC, 0, index, 0, 0) + target))
        except KernelRefused:
            return None  # it is gone
        values = attribute_map(reply[IFINFOMSG.size :])
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
