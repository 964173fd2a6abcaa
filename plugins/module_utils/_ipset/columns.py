# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The quick ways: many entries at once, attribute by attribute, where they are alike.

Each function here stands beside a plain one that takes entry by entry, and has one contract: it gives exactly what that
one gives, or None, and then the plain one is asked. A million entries take a fifth of the time so.
"""

from __future__ import annotations

import itertools
import socket
import struct
from typing import TYPE_CHECKING, Callable, Iterable, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import Layout
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import Entries, Options

if TYPE_CHECKING:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.parts import Choices, Parts

_LENGTH = struct.Struct("=H")

# From a task's words


def read(parts: Parts, entries: Sequence[str], options: Sequence[Options]) -> Entries | None:
    """Entries with their options, as :meth:`Reader.keys` reads each; None where one is a range, not new, or wrong."""
    words_of = parts.kind.parts
    if not entries or not parts.as_it_is or not set(words_of) <= {"ip", "net", "port", "mac"}:
        return None
    columns: list[bytes] = []
    try:
        rows = [entry.split(",") for entry in entries] if len(words_of) > 1 else None
        if rows and set(map(len, rows)) != {len(words_of)}:
            return None
        for part, reader, words in zip(words_of, parts.readers, zip(*rows) if rows is not None else [entries]):
            if part == "ip":
                columns.append(b"".join(_addresses(parts, words)))
            elif part == "net":
                columns += map(b"".join, _networks(parts, words))
            else:
                columns += map(b"".join, _seldom_differing(words, reader))
    except (InvalidOption, KeyError, OSError, ValueError):
        return None
    found = dict(zip(_joined(parts.layout, columns, len(entries)), options))
    if len(found) < len(entries) or (parts.no_zero and parts.layout.blank in found):
        return None
    return found


def _addresses(parts: Parts, words: Iterable[str]) -> list[bytes]:
    """Addresses.

    Raises:
        OSError, ValueError: one is none, or is a range.
    """
    return list(map(socket.inet_pton, itertools.repeat(parts.layout.family), words))


def _networks(parts: Parts, words: Sequence[str]) -> tuple[list[bytes], list[bytes]]:
    """The addresses and the prefix lengths of networks.

    Raises:
        OSError, KeyError, ValueError: one is none, or is a range.
    """
    hosts, prefixes = halves(words, "/")
    addresses = _addresses(parts, hosts)
    known = {prefix: parts.networks[prefix] for prefix in set(prefixes)}
    if any(host_bits for _length, host_bits in known.values()):
        for packed, prefix in zip(addresses, prefixes):
            if int.from_bytes(packed, "big") & known[prefix][1]:
                raise ValueError
    return addresses, [known[prefix][0] for prefix in prefixes]


def _seldom_differing(words: Iterable[str], reader: Callable[[str], Choices]) -> list[list[bytes]]:
    """The values of a part that seldom differs from entry to entry, a list for each of its attributes.

    Raises:
        InvalidOption: a word is not valid.
        ValueError: a word stands for several values.
    """
    words = list(words)
    known = {}
    for word in set(words):
        (known[word],) = reader(word)
    return [[known[word][place] for word in words] for place in range(len(known[words[0]]))]


def _joined(shape: Layout, columns: Sequence[bytes], count: int) -> tuple[bytes, ...]:
    """The keys of many entries, of a fixed length; there is a column for each attribute, in the type's order."""
    size = shape.size
    packed = bytearray(shape.blank * count)
    for place, (_attr, start, end) in zip(shape.order, shape.places):
        column, width = columns[place], end - start
        for byte in range(width):  # of all keys at once
            packed[start + byte :: size] = column[byte::width]
    return struct.unpack("%ds" % size * count, packed)


def halves(words: Sequence[str], mark: str) -> tuple[list[str], list[str]]:
    """What stands before a mark in each of many words, and what behind it; mostly that is the same in all.

    No pair of them is kept, since Python would look through tens of thousands of those for garbage.
    """
    ahead, _mark, behind = words[0].partition(mark)
    heads = ("\n".join(words) + "\n").split(words[0][len(ahead) :] + "\n")
    if len(heads) == len(words) + 1 and not heads.pop():
        together = "".join(heads)
        if mark not in together and "\n" not in together:
            return heads, [behind] * len(words)
    return [word.partition(mark)[0] for word in words], [word.partition(mark)[2] for word in words]


# From the kernel's bytes


def split(shape: Layout, data: bytes) -> dict[bytes, bytes] | None:
    """A listing taken apart as by :func:`split_entries`; None where an entry is not laid out as the kernel does it."""
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


# To ipset(8)'s words

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
