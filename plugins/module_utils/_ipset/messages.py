# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every message about sets has: its head, its attributes, and names in it."""

from __future__ import annotations

import socket
import struct

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import attribute
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import Message

# linux/netfilter/nfnetlink.h: struct nfgenmsg, and the subsystem in a message type's high byte.
NFNL_SUBSYS_IPSET = 6
NFGEN = struct.Struct("=BBH")
#: The version of the protocol. Kernels before 5.0 know no other, and later ones still take it (IPSET_PROTOCOL_MIN):
#: what 7 adds, sets by number, is not asked for here.
IPSET_PROTOCOL = 6
CMD_CREATE, CMD_DESTROY, CMD_RENAME, CMD_SWAP, CMD_LIST, CMD_ADD, CMD_DEL, CMD_TYPE = 2, 3, 5, 6, 7, 9, 10, 13
LIST_HEADER = 1 << 2
# linux/netfilter/ipset/ip_set.h: attributes of a message
ATTR_PROTOCOL, ATTR_SETNAME, ATTR_TYPENAME, ATTR_REVISION, ATTR_FAMILY = 1, 2, 3, 4, 5
ATTR_FLAGS, ATTR_DATA, ATTR_ADT, ATTR_LINENO = 6, 7, 8, 9
ATTR_REVISION_MIN = 10
ATTR_SETNAME2 = ATTR_TYPENAME


def message(command: int, body: bytes, flags: int = 0) -> Message:
    """A request about sets."""
    header = NFGEN.pack(socket.AF_INET, 0, 0) + attribute(ATTR_PROTOCOL, bytes([IPSET_PROTOCOL]))
    return Message(NFNL_SUBSYS_IPSET << 8 | command, header + body, flags)


def name_attribute(attr: int, name: str) -> bytes:
    """The name of a set or a device in a message; any bytes are one, told by surrogateescape."""
    return attribute(attr, name.encode(errors="surrogateescape") + b"\0")


def name_in(payload: bytes) -> str:
    """The other way round."""
    return payload.partition(b"\0")[0].decode(errors="surrogateescape")
