# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Netlink attributes as bytes and back: a length, a type, and a payload padded to four bytes (netlink(7))."""

from __future__ import annotations

import struct
import sys

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import LinuxnetError

# linux/netlink.h
NLA_F_NESTED = 0x8000
NLA_F_NET_BYTEORDER = 0x4000
NLA_TYPE_MASK = 0x3FFF

_ATTRIBUTE = struct.Struct("=HH")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


class MalformedReply(LinuxnetError):
    """Bytes from the kernel's side that are not the netlink they claim to be."""


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute, padded to the next multiple of four bytes."""
    length = 4 + len(payload)
    return _ATTRIBUTE.pack(length, kind) + payload + _PADDING[length & 3]


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | NLA_F_NESTED, b"".join(attributes))


def text(kind: int, value: str) -> bytes:
    """A NUL-terminated string attribute."""
    return attribute(kind, value.encode() + b"\0")


def attributes(data: bytes) -> list[tuple[int, bytes]]:
    """The attributes in ``data``, in order, as (type without its flags, payload).

    Raises:
        MalformedReply: a length runs past the end or is shorter than its own header.
    """
    found = []
    offset, end, unpack = 0, len(data), _ATTRIBUTE.unpack_from
    while end - offset >= 4:
        length, kind = unpack(data, offset)
        if length < 4 or offset + length > end:
            raise MalformedReply("a netlink attribute of %d bytes where %d are left" % (length, end - offset))
        found.append((kind & NLA_TYPE_MASK, data[offset + 4 : offset + length]))
        offset += (length + 3) & ~3
    return found


def attribute_map(data: bytes) -> dict[int, bytes]:
    """The attributes in ``data`` by type."""
    return dict(attributes(data))


def text_of(payload: bytes) -> str:
    """A string attribute's value."""
    return payload.partition(b"\0")[0].decode(errors="replace")


def integer(payload: bytes, order: str = "=") -> int:
    """An unsigned attribute of 1, 2, 4 or 8 bytes; ``order`` is "=" for the host's, ">" for network order."""
    if len(payload) not in (1, 2, 4, 8):
        raise MalformedReply("a netlink integer of %d bytes" % len(payload))
    return int.from_bytes(payload, "big" if order == ">" else sys.byteorder)
