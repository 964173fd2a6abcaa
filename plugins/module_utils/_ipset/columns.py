# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The quick ways: many entries at once, attribute by attribute, where they are alike.

Each function here stands beside a plain one that takes entry by entry, and has one contract: it gives exactly what that
one gives, or None, and then the plain one is asked. A million entries take a fifth of the time so.
"""

from __future__ import annotations

import socket
import struct
from typing import Callable, Iterable, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import Layout

_LENGTH = struct.Struct("=H")


def split(shape: Layout, data: bytes) -> dict[bytes, bytes] | None:
    """A listing taken apart as by :func:`split_entries`; None where an entry is not laid out as the kernel does it.

    What stands behind a key is not looked into: where it is damaged, :func:`read_rest` refuses it.
    """
    if not shape.fixed or len(data) < 4:
        return None
    (length,) = _LENGTH.unpack_from(data)
    alike = _alike(shape, data, length) if length >= 4 + shape.size else None
    if alike is not None:
        return alike
    found: dict[bytes, bytes] = {}
    offset, end, match = 0, len(data), shape.fixed.match
    while end - offset >= 4:
        (length,) = _LENGTH.unpack_from(data, offset)
        stop = offset + length
        entry = match(data, offset + 4, stop) if 4 <= length <= end - offset else None
        if entry is None:
            return None
        found[entry.group()] = data[entry.end() : stop]
        offset = stop + 3 & ~3
    return found


def _alike(shape: Layout, data: bytes, length: int) -> dict[bytes, bytes] | None:
    """The keys and rests of a listing whose entries all have the same length, or None where they do not."""
    behind = length - 4 - shape.size
    if length % 4 or len(data) % length:
        return None
    count = len(data) // length
    same = [(place, data[place]) for place in range(4)] + [(4 + place, byte) for place, byte in shape.same]
    if any(data[place::length] != bytes([byte]) * count for place, byte in same):
        return None
    if not behind:
        return dict.fromkeys(struct.unpack("4x%ds" % shape.size * count, data), b"")
    found = struct.unpack("4x%ds%ds" % (shape.size, behind) * count, data)
    return dict(zip(found[::2], found[1::2]))


#: How a part is written, as in the table of :mod:`writer`.
Writer = Callable[[Layout, Mapping[int, bytes], Sequence[int]], str]


def written(shape: Layout, keys: Iterable[bytes], writers: Mapping[str, Writer]) -> list[str] | None:
    """Entries as :func:`writer.written` writes each, without what they carry; None where keys differ in length."""
    keys = list(keys)
    if not shape.fixed or set(map(len, keys)) - {shape.size}:
        return None
    places = {attr: (start, end) for attr, start, end in shape.places}
    ntop, family = socket.inet_ntop, shape.family

    def column(attr: int) -> Iterable[bytes]:
        start, end = places[attr]
        return (key[start:end] for key in keys)

    parts: list[list[str]] = []
    for part, attrs in shape.parts:
        if part == "ip":
            parts.append([ntop(family, packed) for packed in column(attrs[0])])
        elif part == "net":
            behind = ["/%d" % length for length in range(shape.kind.bits)] + [""]
            pairs = zip(column(attrs[0]), column(attrs[1]))
            parts.append([ntop(family, packed) + behind[length[0]] for packed, length in pairs])
        elif attrs:
            rows = list(zip(*map(column, attrs)))
            known = {row: writers[part](shape, dict(zip(attrs, row)), attrs) for row in set(rows)}
            parts.append([known[row] for row in rows])
    return parts[0] if len(parts) == 1 else list(map(",".join, zip(*parts)))
