# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ranges of entries that differ in one address or one port, as the kernel takes them: the first, and how far they go.

A range is a key with one attribute more behind it (IP_TO or PORT_TO), as requests have it. A listing has single entries
only. So a range stays whole where nothing is there that it may meet, and otherwise is taken apart into its members.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import Any, Iterable, Mapping, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import IP, IP_TO, IPADDR_IPV4, PORT_TO, Layout
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    NLA_F_NET_BYTEORDER,
    attribute,
    nested,
)

#: Kernels from 5.16 to 6.1 take no more in a range (IPSET_MAX_RANGE in linux/netfilter/ipset/ip_set.h).
RANGE_MAX = 1 << 20
#: What the end of a range takes in a key at least. The MAC address behind a key of bitmap:ip,mac takes six bytes.
_END_MIN = 8


class Consecutive(Sequence[Tuple[bytes, ...]]):
    """The values of a part whose first attribute is any number from ``first`` to ``last``, and whose others stay."""

    def __init__(self, first: int, last: int, size: int, *others: bytes) -> None:
        self.first = first
        self.last = last
        self._size = size
        self._others = others

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __getitem__(self, place: Any) -> Any:
        number = range(self.first, self.last + 1)[place]
        return (number.to_bytes(self._size, "big"), *self._others)


def is_range(shape: Layout, key: bytes) -> bool:
    """Whether a key stands for a range."""
    return bool(shape.fixed) and len(key) - shape.size >= _END_MIN


def range_to(shape: Layout, key: bytes, attr: int, last: int) -> bytes:
    """The range from the entry of a key to that in which an address or a port is ``last``; or that entry alone."""
    start, end = _place(shape, attr)
    if key[start:end] == last.to_bytes(end - start, "big"):
        return key
    if attr == IP:
        inner = attribute(IPADDR_IPV4 | NLA_F_NET_BYTEORDER, struct.pack(">I", last))
        return key + nested(IP_TO, inner)
    return key + attribute(PORT_TO | NLA_F_NET_BYTEORDER, struct.pack(">H", last))


def size(shape: Layout, key: bytes) -> int:
    """How many entries a key stands for."""
    if not is_range(shape, key):
        return 1
    _attr, first, last = shape.bounds(key)
    return last - first + 1


def members(shape: Layout, key: bytes) -> list[bytes]:
    """The keys of all entries of a range; of a single one, its own."""
    if not is_range(shape, key):
        return [key]
    attr, first, last = shape.bounds(key)
    start, end = _place(shape, attr)
    head, width, tail = key[:start], end - start, key[end : shape.size]
    return [head + number.to_bytes(width, "big") + tail for number in range(first, last + 1)]


def disjoint(shape: Layout, keys: Sequence[bytes]) -> bool:
    """Whether no range of these meets another one or a single entry; those of another kind count as if they did."""
    bounds = [(*shape.bounds(key), key) for key in keys if is_range(shape, key)]
    if not bounds:
        return True
    if len({attr for attr, _first, _last, _key in bounds}) > 1:
        return False
    start, end = _place(shape, bounds[0][0])
    #: By all that is the same in a range: the first and the last number of each.
    lines: dict[bytes, list[tuple[int, int]]] = {}
    for _attr, first, last, key in bounds:
        lines.setdefault(key[:start] + key[end : shape.size], []).append((first, last))
    for line in lines.values():
        line.sort()
        if any(last >= first for (_first, last), (first, _last) in zip(line, line[1:])):
            return False
    for key in keys:
        line = lines.get(key[:start] + key[end:], []) if len(key) == shape.size else []
        number = int.from_bytes(key[start:end], "big")
        place = bisect_right(line, (number, 1 << 32)) - 1
        if place >= 0 and line[place][1] >= number:
            return False
    return True


def joined(shape: Layout, entries: Mapping[bytes, Any], ranges: Iterable[bytes]) -> dict[bytes, Any]:
    """Entries, of which those members of ranges that follow each other and carry the same are ranges again."""
    left = dict(entries)
    for key in ranges if left else ():
        attr = shape.bounds(key)[0]
        start, end = _place(shape, attr)
        run: list[bytes] = []
        for member in [*members(shape, key), b""]:
            if run and (member not in left or left[member] != left[run[0]]):
                carried = [left.pop(each) for each in run]
                left[range_to(shape, run[0], attr, int.from_bytes(run[-1][start:end], "big"))] = carried[0]
                run = []
            if member in left:
                run.append(member)
    return left


def _place(shape: Layout, attr: int) -> tuple[int, int]:
    return next((start, end) for each, start, end in shape.places if each == attr)
