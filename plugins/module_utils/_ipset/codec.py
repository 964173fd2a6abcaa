# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of sets in the kernel's bytes: their keys, and what they carry besides.

An entry is known by its **key**: the attributes that make it this entry and no other, in the bytes and the order in
which the kernel lists them. So the listing of a large set is compared with a large task without taking either apart,
and the same bytes go into requests, but for the byte order of addresses that must be said there. What else an entry
carries (timeout, counters, comment...) is its :class:`Options`, in a listing the **rest** of its bytes, which is only
read where it matters.

Sources: ``*_data_list()`` and ``*_uadt()`` in net/netfilter/ipset; lib/errcode.c of ipset.
"""

from __future__ import annotations

import re
import socket
import struct
from functools import lru_cache
from operator import itemgetter
from typing import Any, Callable, Iterator, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.messages import name_attribute, name_in
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import PLAIN, Options
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SetType
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    NLA_F_NESTED,
    NLA_F_NET_BYTEORDER,
    MalformedReply,
    attribute,
    attributes,
    integer,
)

# linux/netfilter/ipset/ip_set.h: attributes of an entry, and the flags among them
IP, IP_TO, CIDR, PORT, PORT_TO, TIMEOUT, PROTO, FLAGS, LINENO, MARK = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
DATA = 7  # what an entry itself is in
ETHER, NAME, NAMEREF, IP2, CIDR2, IFACE, BYTES, PACKETS, COMMENT = 17, 18, 19, 20, 21, 23, 24, 25, 26
SKBMARK, SKBPRIO, SKBQUEUE = 27, 28, 29
FLAG_BEFORE, FLAG_PHYSDEV, FLAG_NOMATCH, FLAG_WILDCARD = 1 << 0, 1 << 1, 1 << 2, 1 << 7
IPADDR_IPV4, IPADDR_IPV6 = 1, 2

#: The order in which the kernel lists the attributes of a key.
_ORDER = (IP, IP2, MARK, ETHER, PORT, CIDR, CIDR2, PROTO, IFACE, NAME)
_BIG_ENDIAN = {PORT: 2, MARK: 4, TIMEOUT: 4, FLAGS: 4, BYTES: 8, PACKETS: 8, SKBMARK: 8, SKBPRIO: 4, SKBQUEUE: 2}
_SIZES = {MARK: 4, ETHER: 6, PORT: 2, CIDR: 1, CIDR2: 1, PROTO: 1}
PHYSDEV = attribute(FLAGS | NLA_F_NET_BYTEORDER, struct.pack(">I", FLAG_PHYSDEV))


class Layout:
    """How the key of a type's entries looks in bytes, and where in it the parts are.

    ``fixed`` finds a key in a listing; None where its length varies.
    """

    def __init__(self, kind: SetType) -> None:
        self.kind = kind
        self.family = socket.AF_INET6 if kind.family == "inet6" else socket.AF_INET
        self._inner = IPADDR_IPV6 if kind.family == "inet6" else IPADDR_IPV4
        #: The attributes of each part in the type's order, each with its value's size (None: a text).
        self.parts = list(self._attributes())
        kinds = [attr for _part, attrs in self.parts for attr in attrs]
        self.order = sorted(range(len(kinds)), key=lambda place: _ORDER.index(kinds[place]))
        self.attributes = [kinds[place] for place in self.order]
        #: Where the value of each attribute stands in a key.
        self.places: list[tuple[int, int, int]] = []
        offset = 0
        for attr in self.attributes:
            start = offset + (8 if attr in (IP, IP2) else 4)
            self.places.append((attr, start, start + self._length(attr)))
            offset += len(self._pattern(attr, bytes(self._length(attr))))
        self._template = b"".join(self._pattern(attr, b"%b") for attr in self.attributes)
        self._pick: Callable[[Any], Any] = itemgetter(*self.order) if len(kinds) > 1 else tuple
        self.size = sum(len(self._pattern(attr, bytes(self._length(attr)))) for attr in self.attributes)
        inner = 4 + self.kind.bits // 8
        #: What stands before an address in a request, which tells the byte order, and all before the first one.
        self.ordered = struct.pack("=HH", inner, self._inner | NLA_F_NET_BYTEORDER)
        self.head = struct.pack("=HH", 4 + inner, IP | NLA_F_NESTED) + self.ordered
        #: Where the inner header of each address stands; the first stands at the beginning.
        self.addresses = [start - 4 for attr, start, _end in self.places if attr in (IP, IP2)]
        self.fixed = None
        if IFACE not in kinds and NAME not in kinds:
            self.fixed = re.compile(b"".join(self._pattern(attr, None) for attr in self.attributes), re.DOTALL)
            #: A key whose values are all 0, and its bytes that are the same in every key.
            self.blank = b"".join(self._pattern(attr, bytes(self._length(attr))) for attr in self.attributes)
            open_places = {place for _attr, start, end in self.places for place in range(start, end)}
            self.same = [(place, self.blank[place]) for place in range(self.size) if place not in open_places]

    def _attributes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        places = [(IP, CIDR), (IP2, CIDR2)]
        for part in self.kind.parts:
            if part in ("ip", "net"):
                address, prefix = places.pop(0)
                yield part, (address, prefix) if part == "net" else (address,)
            elif self.kind.name == "bitmap:port":
                yield part, (PORT,)
            elif part == "mac":
                yield part, () if self.kind.method == "bitmap" else (ETHER,)
            else:
                yield part, dict(port=(PORT, PROTO), mark=(MARK,), iface=(IFACE,), set=(NAME,))[part]

    def _length(self, attr: int) -> int:
        return self.kind.bits // 8 if attr in (IP, IP2) else _SIZES.get(attr, 0)

    def _pattern(self, attr: int, value: bytes | None) -> bytes:
        """An attribute with that value; without one, a regular expression that captures it."""
        size = self._length(attr)
        if attr in (IFACE, NAME):
            return b"%b"
        head = struct.pack("=HH", 4 + size, attr | (NLA_F_NET_BYTEORDER if attr in _BIG_ENDIAN else 0))
        if attr in (IP, IP2):
            head = struct.pack("=HHHH", 8 + size, attr | NLA_F_NESTED, 4 + size, self._inner)
        padding = bytes(-size % 4)
        if value is None:
            return re.escape(head) + b".{%d}" % size + re.escape(padding)
        return (head.replace(b"%", b"%%") if value == b"%b" else head) + value + padding

    def key(self, found: Sequence[bytes]) -> bytes:
        """The key of the values of all parts, in the type's order; a device or a set's name is a whole attribute."""
        packed: bytes = self._template % self._pick(found)
        return packed

    def values(self, key: bytes) -> dict[int, bytes]:
        """The values in a key by attribute; addresses without what is around them."""
        if self.fixed:
            found = {attr: key[start:end] for attr, start, end in self.places}
            for attr, payload in attributes(key[self.size :]):
                found[attr] = payload[4:] if attr == IP_TO else payload
            return found
        return {attr: payload[4:] if attr in (IP, IP2) else payload for attr, payload in attributes(key)}

    def bounds(self, key: bytes) -> tuple[int, int, int]:
        """Of a range: the attribute in which its entries differ, and the first and the last number."""
        found = self.values(key)
        attr, end = (IP, IP_TO) if IP_TO in found else (PORT, PORT_TO)
        return attr, int.from_bytes(found[attr], "big"), int.from_bytes(found[end], "big")

    def request(self, key: bytes) -> bytes:
        """The attributes of a key in a request: there the kernel wants to be told the byte order of addresses."""
        if self.addresses:
            key = self.head + key[8:]
        if len(self.addresses) > 1:
            place = self.addresses[1]
            key = key[:place] + self.ordered + key[place + 4 :]
        return key

    def split(self, data: bytes) -> tuple[bytes, bytes]:
        """The key and the rest of an entry whose attributes stand in any order.

        Raises:
            MalformedReply: an attribute of the key is missing or has another length than its kind.
        """
        found: dict[int, bytes] = {}
        rest = b""
        for attr, payload in attributes(data):
            if attr in (IP, IP2):
                found[attr] = next((inner for _kind, inner in attributes(payload)), b"")
            elif attr in (IFACE, NAME):
                found[attr] = attribute(attr, payload.partition(b"\0")[0] + b"\0")
            elif attr in self.attributes:
                found[attr] = payload
            else:
                rest += attribute(attr | (NLA_F_NET_BYTEORDER if attr in _BIG_ENDIAN else 0), payload)
        # A kernel may leave out the prefix of a host address.
        for attr in (CIDR, CIDR2):
            found.setdefault(attr, bytes([self.kind.bits]))
        missing = [attr for attr in self.attributes if len(found.get(attr, b"")) < max(1, self._length(attr))]
        long = [
            attr for attr in self.attributes if self._length(attr) and len(found.get(attr, b"")) > self._length(attr)
        ]
        if missing or long:
            raise MalformedReply(
                "an entry of a %s set that cannot be read: attribute %s" % (self.kind.name, missing or long)
            )
        key = self._template % tuple(found[attr] for attr in self.attributes)
        if IFACE in found:
            flags = _flags(rest)
            if flags & FLAG_PHYSDEV:
                key += PHYSDEV
        return key, rest

    def place(self, key: bytes) -> tuple[bytes, bytes]:
        """Of an entry with a device: all but the device (what the kernel's hash is made of), and the device."""
        (start,) = (start for attr, start, _end in self.places if attr == IFACE)
        behind = PHYSDEV if key.endswith(PHYSDEV) else b""
        return key[: start - 4] + behind, key[start:].partition(b"\0")[0]


@lru_cache(maxsize=None)
def layout(kind: SetType) -> Layout:
    """The layout of a type's keys."""
    return Layout(kind)


def text_key(name: str) -> bytes:
    """The key of a list's entry: the name of a set."""
    return name_attribute(NAME, name)


def name_of(key: bytes) -> str:
    """The name of the set that is a list's entry."""
    return name_in(key[4:])


# From the kernel's bytes


def split_entries(kind: SetType, data: bytes) -> dict[bytes, bytes]:
    """Take a listing (IPSET_ATTR_ADT) apart into the key and the rest of each entry.

    Raises:
        MalformedReply: the bytes are not what they claim to be.
    """
    shape = layout(kind)
    return dict(shape.split(entry) for _attr, entry in attributes(data))


@lru_cache(maxsize=4096)
def read_rest(rest: bytes) -> Options:
    """The options of an entry in a listing."""
    if not rest:
        return PLAIN
    found = dict(attributes(rest))
    numbers = {attr: integer(found[attr], ">") for attr in _BIG_ENDIAN if attr in found}
    mark, flags, mac = numbers.get(SKBMARK), numbers.get(FLAGS, 0), found.get(ETHER)
    if mac is not None and len(mac) != 6:
        raise MalformedReply("a MAC address of %d bytes" % len(mac))
    return Options(
        timeout=numbers.get(TIMEOUT),
        packets=numbers.get(PACKETS),
        bytes=numbers.get(BYTES),
        comment=found[COMMENT].partition(b"\0")[0].decode(errors="surrogateescape") if COMMENT in found else None,
        skbmark=None if mark is None else (mark >> 32, mark & 0xFFFFFFFF),
        skbprio=numbers.get(SKBPRIO),
        skbqueue=numbers.get(SKBQUEUE),
        nomatch=bool(flags & FLAG_NOMATCH),
        wildcard=bool(flags & FLAG_WILDCARD),
        mac=mac,
    )


def _flags(rest: bytes) -> int:
    return next((integer(payload, ">") for attr, payload in attributes(rest) if attr == FLAGS), 0)


# To the kernel's bytes

_ENTRY = struct.Struct("=HH")


def request(shape: Layout, key: bytes, options: Options) -> bytes:
    """An entry in a request, in an attribute of its own, to which a line's number is yet to be added."""
    body = encode(shape, key, options)
    return _ENTRY.pack(len(body) + 12, DATA | NLA_F_NESTED) + body


def encode(shape: Layout, key: bytes, options: Options) -> bytes:
    """The attributes of an entry in a request."""
    if key.endswith(PHYSDEV):
        return shape.request(key[: -len(PHYSDEV)]) + encode_rest(options, FLAG_PHYSDEV)
    return shape.request(key) if options is PLAIN else shape.request(key) + encode_rest(options)


def encode_rest(options: Options, flags: int = 0) -> bytes:
    """The attributes of an entry's options."""
    flags |= (FLAG_NOMATCH if options.nomatch else 0) | (FLAG_WILDCARD if options.wildcard else 0)
    packed = []
    if options.mac is not None:
        packed.append(attribute(ETHER, options.mac))
    if options.before or options.after:
        packed.append(name_attribute(NAMEREF, options.before or options.after or ""))
        flags |= FLAG_BEFORE if options.before else 0
    mark = None if options.skbmark is None else options.skbmark[0] << 32 | options.skbmark[1]
    numbers = (
        (TIMEOUT, options.timeout),
        (PACKETS, options.packets),
        (BYTES, options.bytes),
        (SKBMARK, mark),
        (SKBPRIO, options.skbprio),
        (SKBQUEUE, options.skbqueue),
        (FLAGS, flags or None),
    )
    for attr, number in numbers:
        if number is not None:
            packed.append(attribute(attr | NLA_F_NET_BYTEORDER, number.to_bytes(_BIG_ENDIAN[attr], "big")))
    if options.comment is not None:
        packed.append(attribute(COMMENT, options.comment.encode(errors="surrogateescape") + b"\0"))
    return b"".join(packed)


_NEVER = attribute(TIMEOUT | NLA_F_NET_BYTEORDER, bytes(4))
_TIMEOUT_HEAD = _NEVER[:4]


def still(rest: bytes) -> bytes:
    """The rest of an entry, with a timeout that runs as if all of them had the same."""
    return b"running" + rest[8:] if rest[:4] == _TIMEOUT_HEAD and rest[:8] != _NEVER else rest
