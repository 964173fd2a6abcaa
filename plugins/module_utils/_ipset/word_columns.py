# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The quick way from a task's words to keys: many entries at once, part by part, where they are alike.

It gives exactly what the plain way gives that takes entry by entry, or None, and then the plain one is asked.
"""

from __future__ import annotations

import itertools
import socket
import struct
from typing import Callable, Iterable, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import Layout
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import Entries, Options
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.parts import Choices, Parts


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
