# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of sets: ipset(8)'s spelling on one side, the kernel's attributes on the other.

An entry is known by its **key**: the attributes that make it this entry and no other, in the bytes and the order in
which the kernel lists them. So the listing of a large set is compared with a large task without taking either apart,
and the same bytes go into requests, but for the byte order of addresses that must be said there. What else an entry
carries (timeout, counters, comment...) is its :class:`Options`, in a listing the **rest** of its bytes, which is only
read where it matters.

Sources: ipset(8); lib/parse.c and lib/errcode.c of ipset; ``*_data_list()`` and ``*_uadt()`` in net/netfilter/ipset.
"""

from __future__ import annotations

import itertools
import re
import socket
import struct
from functools import lru_cache
from operator import itemgetter
from typing import Any, Callable, Collection, Dict, Iterable, Iterator, Mapping, NamedTuple, Sequence, Tuple, TypeVar

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import (
    SetHeader,
    SetType,
    decimal,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    NLA_F_NESTED,
    NLA_F_NET_BYTEORDER,
    MalformedReply,
    attribute,
    attributes,
    integer,
    text,
    text_of,
)

# linux/netfilter/ipset/ip_set.h: attributes of an entry, and the flags among them
IP, CIDR, PORT, TIMEOUT, PROTO, FLAGS, LINENO, MARK = 1, 3, 4, 6, 7, 8, 9, 10
DATA = 7  # what an entry itself is in
ETHER, NAME, NAMEREF, IP2, CIDR2, IFACE, BYTES, PACKETS, COMMENT = 17, 18, 19, 20, 21, 23, 24, 25, 26
SKBMARK, SKBPRIO, SKBQUEUE = 27, 28, 29
FLAG_BEFORE, FLAG_PHYSDEV, FLAG_NOMATCH, FLAG_WILDCARD = 1 << 0, 1 << 1, 1 << 2, 1 << 7
IPADDR_IPV4, IPADDR_IPV6 = 1, 2
COMMENT_MAX = 255

#: The order in which the kernel lists the attributes of a key.
_ORDER = (IP, IP2, MARK, ETHER, PORT, CIDR, CIDR2, PROTO, IFACE, NAME)
_BIG_ENDIAN = {PORT: 2, MARK: 4, TIMEOUT: 4, FLAGS: 4, BYTES: 8, PACKETS: 8, SKBMARK: 8, SKBPRIO: 4, SKBQUEUE: 2}
_SIZES = {MARK: 4, ETHER: 6, PORT: 2, CIDR: 1, CIDR2: 1, PROTO: 1}
_PHYSDEV = attribute(FLAGS | NLA_F_NET_BYTEORDER, struct.pack(">I", FLAG_PHYSDEV))

#: Protocols by the names that ipset(8) prints everywhere; others depend on /etc/protocols.
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58, "sctp": 132, "udplite": 136}
_PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}
_WITH_PORTS = ("tcp", "udp", "sctp", "udplite")
_ICMP = {"icmp": "inet", "icmpv6": "inet6"}
#: The names that ipset(8) prints for type and code (lib/icmp.c, lib/icmpv6.c); a name means one pair.
ICMP_NAMES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "icmp": {
        "echo-reply": (0, 0),
        "pong": (0, 0),
        "network-unreachable": (3, 0),
        "host-unreachable": (3, 1),
        "protocol-unreachable": (3, 2),
        "port-unreachable": (3, 3),
        "fragmentation-needed": (3, 4),
        "source-route-failed": (3, 5),
        "network-unknown": (3, 6),
        "host-unknown": (3, 7),
        "network-prohibited": (3, 9),
        "host-prohibited": (3, 10),
        "tos-network-unreachable": (3, 11),
        "tos-host-unreachable": (3, 12),
        "communication-prohibited": (3, 13),
        "host-precedence-violation": (3, 14),
        "precedence-cutoff": (3, 15),
        "source-quench": (4, 0),
        "network-redirect": (5, 0),
        "host-redirect": (5, 1),
        "tos-network-redirect": (5, 2),
        "tos-host-redirect": (5, 3),
        "echo-request": (8, 0),
        "ping": (8, 0),
        "router-advertisement": (9, 0),
        "router-solicitation": (10, 0),
        "ttl-zero-during-transit": (11, 0),
        "ttl-zero-during-reassembly": (11, 1),
        "ip-header-bad": (12, 0),
        "required-option-missing": (12, 1),
        "timestamp-request": (13, 0),
        "timestamp-reply": (14, 0),
        "address-mask-request": (17, 0),
        "address-mask-reply": (18, 0),
    },
    "icmpv6": {
        "no-route": (1, 0),
        "communication-prohibited": (1, 1),
        "address-unreachable": (1, 3),
        "port-unreachable": (1, 4),
        "packet-too-big": (2, 0),
        "ttl-zero-during-transit": (3, 0),
        "ttl-zero-during-reassembly": (3, 1),
        "bad-header": (4, 0),
        "unknown-header-type": (4, 1),
        "unknown-option": (4, 2),
        "echo-request": (128, 0),
        "ping": (128, 0),
        "echo-reply": (129, 0),
        "pong": (129, 0),
        "router-solicitation": (133, 0),
        "router-advertisement": (134, 0),
        "neighbour-solicitation": (135, 0),
        "neigbour-solicitation": (135, 0),
        "neighbour-advertisement": (136, 0),
        "neigbour-advertisement": (136, 0),
        "redirect": (137, 0),
    },
}


#: Under another name, since an entry counts its bytes.
Packed = bytes


class Options(NamedTuple):
    """What an entry carries besides its key; None is unsaid. ``skbmark`` is a mark with its mask.

    Bytes of ``comment`` that are no UTF-8 are what Python makes of those in names of files (surrogateescape).
    """

    timeout: int | None = None
    packets: int | None = None
    bytes: int | None = None
    comment: str | None = None
    skbmark: Tuple[int, int] | None = None
    skbprio: int | None = None
    skbqueue: int | None = None
    nomatch: bool = False
    wildcard: bool = False
    before: str | None = None
    after: str | None = None
    #: Of bitmap:ip,mac: there an entry is known by its address alone.
    mac: Packed | None = None

    def plain(self) -> dict[str, Any]:
        """The options under the names and in the spelling of ipset(8); only those that are set."""
        shown = {name: value for name, value in self._asdict().items() if value is not None and value is not False}
        shown.pop("mac", None)
        if self.comment is not None:
            shown["comment"] = _comment_shown(self.comment)
        if self.comment == "":
            del shown["comment"]
        if self.skbmark is not None:
            mark, mask = self.skbmark
            shown["skbmark"] = "0x%x" % mark if mask == 0xFFFFFFFF else "0x%x/0x%x" % (mark, mask)
        if self.skbprio is not None:
            shown["skbprio"] = "%x:%x" % (self.skbprio >> 16, self.skbprio & 0xFFFF)
        return shown


#: Bytes of a comment that are no UTF-8, as they stand in tasks and results, which have to be; and the backslash of a
#: comment that would look like one.
_ESCAPED = re.compile(r"\\x(5c|[89a-f][0-9a-f])")
_NO_UTF8 = re.compile("[\udc80-\udcff]")


def _comment_shown(comment: str) -> str:
    """A comment as it stands in a task."""
    plain = _ESCAPED.sub(lambda found: "\\x5c" + found.group()[1:], comment)
    return _NO_UTF8.sub(lambda found: "\\x%02x" % (ord(found.group()) - 0xDC00), plain)


def _comment_meant(shown: str) -> str:
    """The other way round.

    Raises:
        UnicodeEncodeError: it has half a character, which no UTF-8 has.
    """
    numbers = _ESCAPED.sub(lambda found: chr(int(found.group(1), 16) + (found.group(1) != "5c") * 0xDC00), shown)
    return numbers.encode(errors="surrogateescape").decode(errors="surrogateescape")


PLAIN = Options()
Entries = Dict[bytes, Options]
Made = TypeVar("Made")


def all_plain(options: Collection[Options]) -> bool:
    """Whether no entry carries anything besides its key."""
    return next(iter(options), PLAIN) is PLAIN and list(options).count(PLAIN) == len(options)


def of_each(make: Callable[[Options], Made], options: Collection[Options]) -> list[Made]:
    """What is made of the options of each of many entries; most of them share theirs, so it is made once of these."""
    first = next(iter(options), PLAIN)
    if list(options).count(first) == len(options):
        return [make(first)] * len(options)
    different = {id(each): each for each in options}
    made = {number: make(each) for number, each in different.items()}
    return [made[number] for number in map(id, options)]


_FLAG_WORDS = ("nomatch", "wildcard")
#: What an option of an entry wants of the set: an option of ``create``, or a type.
_WANTED = {
    "timeout": "timeout",
    "packets": "counters",
    "bytes": "counters",
    "comment": "comment",
    "skbmark": "skbinfo",
    "skbprio": "skbinfo",
    "skbqueue": "skbinfo",
}
_NUMBERS = {
    "timeout": (2147483, "a timeout (seconds)"),
    "packets": (2**64 - 2, "a number of packets"),
    "bytes": (2**64 - 2, "a number of bytes"),
    "skbqueue": (65535, "a hardware queue"),
}
_SHAPES = {
    "ip": "ADDRESS",
    "net": "NETWORK/PREFIX",
    "port": "PROTOCOL:PORT",
    "mac": "MAC",
    "mark": "MARK",
    "iface": "[physdev:]DEVICE",
    "set": "SET",
}
_FAMILY_WORDS = {"inet": "inet (IPv4)", "inet6": "inet6 (IPv6)"}

#: The values of one part, in the order of its attributes; a word that stands for a range has many.
Choices = Sequence[Tuple[bytes, ...]]


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
        self._order = sorted(range(len(kinds)), key=lambda place: _ORDER.index(kinds[place]))
        self.attributes = [kinds[place] for place in self._order]
        #: Where the value of each attribute stands in a key.
        self._places: list[tuple[int, int, int]] = []
        offset = 0
        for attr in self.attributes:
            start = offset + (8 if attr in (IP, IP2) else 4)
            self._places.append((attr, start, start + self._length(attr)))
            offset += len(self._pattern(attr, bytes(self._length(attr))))
        self._template = b"".join(self._pattern(attr, b"%b") for attr in self.attributes)
        self._pick: Callable[[Any], Any] = itemgetter(*self._order) if len(kinds) > 1 else tuple
        self.size = sum(len(self._pattern(attr, bytes(self._length(attr)))) for attr in self.attributes)
        inner = 4 + self.kind.bits // 8
        self._ordered = struct.pack("=HH", inner, self._inner | NLA_F_NET_BYTEORDER)
        self._first = struct.pack("=HH", 4 + inner, IP | NLA_F_NESTED) + self._ordered
        #: Where the inner header of each address stands; the first stands at the beginning.
        self._addresses = [start - 4 for attr, start, _end in self._places if attr in (IP, IP2)]
        self.fixed = None
        if IFACE not in kinds and NAME not in kinds:
            self.fixed = re.compile(b"".join(self._pattern(attr, None) for attr in self.attributes), re.DOTALL)
            #: A key whose values are all 0, and its bytes that are the same in every key.
            self.blank = b"".join(self._pattern(attr, bytes(self._length(attr))) for attr in self.attributes)
            open_places = {place for _attr, start, end in self._places for place in range(start, end)}
            self._same = [(place, self.blank[place]) for place in range(self.size) if place not in open_places]

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

    def keys(self, columns: Sequence[Sequence[bytes]]) -> tuple[bytes, ...]:
        """The keys of many entries, of a fixed length; there is a column for each attribute, in the type's order."""
        count, size = len(columns[0]), self.size
        packed = bytearray(self.blank * count)
        for place, (_attr, start, end) in zip(self._order, self._places):
            column, width = b"".join(columns[place]), end - start
            for byte in range(width):  # of all keys at once
                packed[start + byte :: size] = column[byte::width]
        return struct.unpack("%ds" % size * count, packed)

    def alike(self, data: bytes) -> dict[bytes, bytes] | None:
        """The keys and rests of a listing whose entries all have the same length, or None where they do not."""
        (length,) = _LENGTH.unpack_from(data)
        behind = length - 4 - self.size
        if not self.fixed or behind < 0 or length % 4 or len(data) % length:
            return None
        count = len(data) // length
        same = [(0, data[0]), (1, data[1]), (2, data[2]), (3, data[3])]
        same += [(4 + place, byte) for place, byte in self._same]
        if any(data[place::length] != bytes([byte]) * count for place, byte in same):
            return None
        if not behind:
            return dict.fromkeys(struct.unpack("4x%ds" % self.size * count, data), b"")
        found = struct.unpack("4x%ds%ds" % (self.size, behind) * count, data)
        return dict(zip(found[::2], found[1::2]))

    def columns(self, keys: Iterable[bytes]) -> dict[int, list[bytes]]:
        """The values in the keys of many entries by attribute, where keys have a fixed length."""
        keys = list(keys)
        return {attr: [key[start:end] for key in keys] for attr, start, end in self._places}

    def values(self, key: bytes) -> dict[int, bytes]:
        """The values in a key by attribute; addresses without what is around them."""
        if self.fixed:
            return {attr: key[start:end] for attr, start, end in self._places}
        return {attr: payload[4:] if attr in (IP, IP2) else payload for attr, payload in attributes(key)}

    def request(self, key: bytes) -> bytes:
        """The attributes of a key in a request: there the kernel wants to be told the byte order of addresses."""
        if self._addresses:
            key = self._first + key[8:]
        if len(self._addresses) > 1:
            place = self._addresses[1]
            key = key[:place] + self._ordered + key[place + 4 :]
        return key

    def requests(self, entries: Mapping[bytes, Options]) -> list[bytes]:
        """Entries in a request, each in an attribute of its own, to which a line's number is yet to be added."""
        if "iface" in self.kind.parts or not self._addresses:
            bodies = (encode(self, key, options) for key, options in entries.items())
            return [_ENTRY.pack(len(body) + 12, DATA | NLA_F_NESTED) + body for body in bodies]
        rests = of_each(encode_rest, entries.values())
        heads = {
            length: _ENTRY.pack(self.size + length + 12, DATA | NLA_F_NESTED) + self._first
            for length in set(map(len, rests))
        }
        if len(self._addresses) == 1:
            return [heads[len(rest)] + key[8:] + rest for key, rest in zip(entries, rests)]
        start, end, ordered = self._addresses[1], self._addresses[1] + 4, self._ordered
        return [heads[len(rest)] + key[8:start] + ordered + key[end:] + rest for key, rest in zip(entries, rests)]

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
                key += _PHYSDEV
        return key, rest

    def place(self, key: bytes) -> tuple[bytes, bytes]:
        """Of an entry with a device: all but the device (what the kernel's hash is made of), and the device."""
        (start,) = (start for attr, start, _end in self._places if attr == IFACE)
        behind = _PHYSDEV if key.endswith(_PHYSDEV) else b""
        return key[: start - 4] + behind, key[start:].partition(b"\0")[0]


@lru_cache(maxsize=None)
def layout(kind: SetType) -> Layout:
    """The layout of a type's keys."""
    return Layout(kind)


# From the kernel's bytes


def split_entries(kind: SetType, data: bytes) -> dict[bytes, bytes]:
    """Take a listing (IPSET_ATTR_ADT) apart into the key and the rest of each entry.

    Raises:
        MalformedReply: the bytes are not what they claim to be.
    """
    shape = layout(kind)
    alike = shape.alike(data) if len(data) >= 4 else None
    if alike is not None:
        return alike
    found: dict[bytes, bytes] = {}
    offset, end = 0, len(data)
    fixed = shape.fixed.match if shape.fixed else None
    while end - offset >= 4:
        (length,) = _LENGTH.unpack_from(data, offset)
        stop = offset + length
        if length < 4 or stop > end:
            raise MalformedReply("an entry of %d bytes where %d are left" % (length, end - offset))
        match = fixed(data, offset + 4, stop) if fixed else None
        if match:
            found[match.group()] = data[match.end() : stop]
        else:
            key, rest = shape.split(data[offset + 4 : stop])
            found[key] = rest
        offset = stop + 3 & ~3
    return found


_LENGTH = struct.Struct("=H")
_ENTRY = struct.Struct("=HH")


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


def encode(shape: Layout, key: bytes, options: Options) -> bytes:
    """The attributes of an entry in a request."""
    if key.endswith(_PHYSDEV):
        return shape.request(key[: -len(_PHYSDEV)]) + encode_rest(options, FLAG_PHYSDEV)
    return shape.request(key) if options is PLAIN else shape.request(key) + encode_rest(options)


def encode_rest(options: Options, flags: int = 0) -> bytes:
    """The attributes of an entry's options."""
    flags |= (FLAG_NOMATCH if options.nomatch else 0) | (FLAG_WILDCARD if options.wildcard else 0)
    packed = []
    if options.mac is not None:
        packed.append(attribute(ETHER, options.mac))
    if options.before or options.after:
        packed.append(text(NAMEREF, options.before or options.after or ""))
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


# From a task's words


class Reader:
    """Reads the entries of one set as ipset(8) does, and refuses what the kernel would refuse.

    Args:
        header: The set; its options say what an entry may carry, and which bits of an address count.
        option: The name of the task's option, for errors.
    """

    def __init__(self, header: SetHeader, option: str = "entries") -> None:
        self._header = header
        self._kind = header.kind
        self._option = option
        self._layout = layout(self._kind)
        self._bits = self._kind.bits
        self._mask = header.address_mask
        self._readers: list[Callable[[str], Choices]] = []
        for part in self._kind.parts:
            # The kernel has ranges of a type's first address only.
            alone = part == "ip" and (self._readers or "mac" in self._kind.parts)
            read = getattr(self, "_read_one_ip" if alone else "_read_" + part)
            # Addresses differ from entry to entry, ports seldom do.
            self._readers.append(read if part in ("ip", "net") else lru_cache(maxsize=4096)(read))
        self._limit = header.maxelem or 65536
        #: Many entries have the same options.
        self._said = lru_cache(maxsize=4096)(self._options_said)
        unmasked = self._mask == (1 << self._bits) - 1
        #: Whether an address is taken as it is, but for 0 in hash:ip.
        self._as_it_is = unmasked and self._kind.method == "hash"
        # Kernels with masks in hash:ip,port (Linux 6.2) refuse it there too.
        self._no_zero = self._kind.name == "hash:ip" or (self._kind.name == "hash:ip,port" and not unmasked)
        #: What a prefix length stands for: its byte, and the bits behind it. Without one it is a host.
        self._networks = {
            str(length): (bytes([length]), (1 << self._bits - length) - 1)
            for length in range(0 if self._kind.name in _PREFIX_0 else 1, self._bits + 1)
        }
        self._networks[""] = (bytes([self._bits]), 0)

    def read(self, wished: Iterable[Any]) -> Entries:
        """The entries of a task, each a text in ipset(8)'s spelling or a dict with ``entry`` and its options.

        Raises:
            InvalidOption: one does not fit the set.
        """
        entries, options = self._all_apart(list(wished))
        found = self._read_columns(entries, options)
        if found is None:
            found = {}
            for entry, said in zip(entries, options):
                for key in self.keys(entry):
                    found[key] = found.get(key, PLAIN) if said is PLAIN else said
        if len(found) > self._limit and self._kind.method == "hash":
            raise InvalidOption(
                self._option,
                "%d entries" % len(found),
                "the set '%s' holds at most %d: create it with a larger 'maxelem'" % (self._header.name, self._limit),
            )
        return self._with_macs(found) if self._kind.name == "bitmap:ip,mac" else found

    def _read_columns(self, entries: Sequence[str], options: Sequence[Options]) -> Entries | None:
        """The entries, part by part for all of them; None where one of them has to be looked at by itself.

        That is one that stands for several, is said twice, or is wrong.
        """
        parts = self._kind.parts
        if not entries or not self._as_it_is or not set(parts) <= {"ip", "net", "port", "mac"}:
            return None
        columns: list[Sequence[bytes]] = []
        try:
            rows = [entry.split(",") for entry in entries] if len(parts) > 1 else None
            if rows and set(map(len, rows)) != {len(parts)}:
                return None
            for part, read, words in zip(parts, self._readers, zip(*rows) if rows is not None else [entries]):
                if part == "ip":
                    columns.append(self._addresses_packed(words))
                elif part == "net":
                    columns += self._networks_packed(words)
                else:
                    columns += _columns_of(words, read)
        except (InvalidOption, KeyError, OSError, ValueError):
            return None
        keys = self._layout.keys(columns)
        found = dict.fromkeys(keys, PLAIN) if all_plain(options) else dict(zip(keys, options))
        if self._no_zero and self._layout.blank in found:
            return None
        return found if len(found) == len(entries) else None

    def _addresses_packed(self, words: Iterable[str]) -> list[bytes]:
        """Addresses.

        Raises:
            OSError, ValueError: one is none, or is a range.
        """
        return list(map(socket.inet_pton, itertools.repeat(self._layout.family), words))

    def _networks_packed(self, words: Sequence[str]) -> tuple[list[bytes], list[bytes]]:
        """The addresses and the prefix lengths of networks.

        Raises:
            OSError, KeyError, ValueError: one is none, or is a range.
        """
        hosts, prefixes = _halves(words, "/")
        addresses = self._addresses_packed(hosts)
        known = {prefix: self._networks[prefix] for prefix in set(prefixes)}
        if any(host_bits for _length, host_bits in known.values()):
            for packed, prefix in zip(addresses, prefixes):
                if int.from_bytes(packed, "big") & known[prefix][1]:
                    raise ValueError
        return addresses, [known[prefix][0] for prefix in prefixes]

    def _with_macs(self, found: Entries) -> Entries:
        """The entries of bitmap:ip,mac, which are known by their addresses."""
        known: Entries = {}
        for key, options in found.items():
            address, mac = key[: self._layout.size], key[self._layout.size :]
            if mac:
                known[address] = options._replace(mac=mac)
            else:
                known.setdefault(address, options)
        return known

    def keys(self, text: str) -> Iterator[bytes]:
        """The keys of an entry; it has several where a part is a range."""
        words = text.split(",")
        if len(words) != len(self._readers):
            words = self._filled(text, words)
        choices = [read(word) for read, word in zip(self._readers, words)]
        if len(choices) == 1 and len(choices[0]) == 1:
            return iter((self._one(text, list(choices[0][0])),))
        count = 1
        for choice in choices:
            count *= len(choice)
        if count == 1:
            return iter((self._one(text, [value for choice in choices for value in choice[0]]),))
        if count > self._limit:
            raise InvalidOption(
                self._option, text, "it stands for %d entries, and the set holds at most %d" % (count, self._limit)
            )
        return (
            self._one(text, [value for choice in combined for value in choice])
            for combined in itertools.product(*choices)
        )

    def _one(self, text: str, found: list[bytes]) -> bytes:
        name = self._kind.name
        if name == "bitmap:ip,mac":
            return self._layout.key(found[:1]) + b"".join(found[1:])
        if name == "hash:ip,mark" and not any(found[0]) and not any(found[1]):
            raise InvalidOption(self._option, text, "an address and a mark that are both 0 are no entry of a hash")
        if name == "hash:net,iface":
            address, prefix, device = found
            if device.endswith(_PHYSDEV):
                return self._layout.key([address, prefix, device[: -len(_PHYSDEV)]]) + _PHYSDEV
        return self._layout.key(found)

    def _filled(self, text: str, words: list[str]) -> list[str]:
        """The words of an entry that lacks a part, where it may."""
        if self._kind.name == "bitmap:ip,mac" and len(words) == 1:
            return [*words, ""]
        shape = ",".join(_SHAPES[part] for part in self._kind.parts)
        raise InvalidOption(
            self._option,
            text,
            "an entry of a %s set is written %s (%d parts, not %d);"
            " write 'entries' as a list, since a plain string is split at its commas"
            % (self._kind.name, shape, len(self._readers), len(words)),
        )

    # Options of an entry

    def _all_apart(self, wished: Sequence[Any]) -> tuple[Sequence[str], Sequence[Options]]:
        """The entries themselves, and the options of each."""
        if set(map(type, wished)) != {str}:
            apart = [self._apart(item) for item in wished]
            return [entry for entry, _options in apart], [options for _entry, options in apart]
        if " " not in "".join(wished):
            return wished, [PLAIN] * len(wished)
        entries, said = _halves(wished, " ")
        if "" in entries:  # white space comes first
            entries, said = _halves([item.strip() for item in wished], " ")
        known = {words: self._options_said(words) for words in dict.fromkeys(said)}
        return entries, [known[words] for words in said]

    def _apart(self, item: Any) -> tuple[str, Options]:
        """An entry itself and its options."""
        if isinstance(item, str):
            entry, _space, said = item.strip().partition(" ")
            return entry, self._said(said)
        if isinstance(item, Mapping):
            given = {name: value for name, value in item.items() if value is not None}
            entry = given.pop("entry", None)
            if entry is None:
                raise InvalidOption(self._option, dict(item), "write the entry itself under 'entry'")
            return str(entry), self._options(item, given)
        if isinstance(item, int) and not isinstance(item, bool):
            return str(item), PLAIN
        raise InvalidOption(self._option, item, "write an entry as a text, or as a dict with 'entry' and its options")

    def _options_said(self, text: str) -> Options:
        """The options of an entry as ipset(8) saves them; a comment may stand in double quotes."""
        words = _WORD.findall(text)
        if "".join("".join(words).split()) != "".join(text.split()):
            raise InvalidOption(self._option, text, "a comment begins and ends with a double quote and has none inside")
        given: dict[str, Any] = {}
        rest = iter(words)
        for name in rest:
            if name in given:
                raise InvalidOption(self._option, text, "'%s' is said twice" % name)
            if name in _FLAG_WORDS:
                given[name] = True
                continue
            value = next(rest, None)
            if value is None:
                raise InvalidOption(self._option, text, "behind '%s' its value is missing" % name)
            given[name] = value[1:-1] if value[:1] == '"' else value
        return self._options(text, given)

    def _options(self, item: Any, given: Mapping[str, Any]) -> Options:
        if not given:
            return PLAIN
        known = {}
        for name, value in given.items():
            if name not in Options._fields or name == "mac":
                options = [field for field in Options._fields if field != "mac"]
                raise InvalidOption(self._option, item, "it has '%s', but options are %s" % (name, ", ".join(options)))
            self._refuse_unfit(item, name)
            known[name] = self._option_value(item, name, value)
        if known.get("before") and known.get("after"):
            raise InvalidOption(self._option, item, "a set stands either before or after another")
        return Options(**known)

    def _refuse_unfit(self, item: Any, name: str) -> None:
        wanted = _WANTED.get(name)
        if wanted and not self._header.has(wanted):
            raise InvalidOption(
                self._option,
                item,
                "the set '%s' has no '%s': create it with that option, or leave '%s' out"
                % (self._header.name, wanted, name),
            )
        fits = dict(
            nomatch=self._kind.has_networks,
            wildcard=self._kind.name == "hash:net,iface",
            before=self._kind.method == "list",
            after=self._kind.method == "list",
        ).get(name, True)
        if not fits:
            raise InvalidOption(self._option, item, "entries of a %s set have no '%s'" % (self._kind.name, name))

    def _option_value(self, item: Any, name: str, value: Any) -> Any:
        if name in _NUMBERS:
            high, meaning = _NUMBERS[name]
            return self._number(item, value, high, meaning)
        if name in _FLAG_WORDS:
            if str(value).lower() not in _BOOLEANS:
                raise InvalidOption(self._option, item, "'%s' is true or false" % name)
            return _BOOLEANS[str(value).lower()]
        if name in ("before", "after"):
            return values.set_name(self._option, str(value))
        if name == "comment":
            return self._comment(item, str(value))
        if name == "skbmark":
            mark, slash, mask = str(value).partition("/")
            high = 2**32 - 1
            return (
                self._number(item, mark, high, "a mark"),
                self._number(item, mask, high, "a mask") if slash else high,
            )
        match = re.fullmatch(r"([0-9a-fA-F]{1,4}):([0-9a-fA-F]{1,4})", str(value))
        if not match:
            raise InvalidOption(self._option, item, "write 'skbprio' as MAJOR:MINOR in hexadecimal, such as 1:10")
        return int(match.group(1), 16) << 16 | int(match.group(2), 16)

    def _number(self, item: Any, value: Any, high: int, meaning: str) -> int:
        match = None if isinstance(value, bool) else re.fullmatch(r"0[xX]([0-9a-fA-F]{1,20})|([0-9]{1,20})", str(value))
        number = int(match.group(1) or match.group(2), 16 if match.group(1) else 10) if match else -1
        if not 0 <= number <= high:
            raise InvalidOption(self._option, item, "%s is a number from 0 to %d" % (meaning, high))
        return number

    def _comment(self, item: Any, value: str) -> str:
        try:
            value = _comment_meant(value)
        except UnicodeEncodeError:
            raise InvalidOption(self._option, item, "a comment has a character that UTF-8 has not") from None
        if len(value.encode(errors="surrogateescape")) > COMMENT_MAX:
            raise InvalidOption(self._option, item, "a comment has at most %d bytes" % COMMENT_MAX)
        if '"' in value or "\n" in value or "\0" in value:
            raise InvalidOption(
                self._option,
                item,
                "a comment has no double quotes and no line feed, which ipset could not read back, and no NUL",
            )
        return value

    # Parts of an entry

    def _packed(self, word: str, text: str) -> int:
        """An address as a number."""
        try:
            return int.from_bytes(socket.inet_pton(self._layout.family, word), "big")
        except (OSError, ValueError):
            found = values.address(self._option, word)  # says what is wrong with it
            raise InvalidOption(
                self._option,
                text,
                "the set is %s, and this is %s" % (_FAMILY_WORDS[self._kind.family], values.family_of(found)),
            ) from None

    def _bounds(self, word: str) -> tuple[int, int]:
        """The first and the last address of a range (IPv4 only, as in the kernel), a network or one address."""
        first, minus, last = word.partition("-")
        if minus:
            if self._bits != 32:
                raise InvalidOption(self._option, word, "the kernel has ranges for IPv4 only: list the addresses")
            low, high = sorted((self._packed(first, word), self._packed(last, word)))
            return low, high
        address, slash, prefix = word.partition("/")
        low = self._packed(address, word)
        if not slash:
            return low, low
        host_bits = (1 << self._bits - self._prefix(word, prefix)) - 1
        if low & host_bits:
            raise InvalidOption(self._option, word, "it has host bits set: write the network's own address")
        return low, low | host_bits

    def _prefix(self, word: str, prefix: str) -> int:
        length = decimal(prefix)
        if not 0 <= length <= self._bits:
            raise InvalidOption(self._option, word, "a prefix length is a number from 0 to %d" % self._bits)
        return length

    def _read_ip(self, word: str) -> Choices:
        if self._as_it_is and not self._no_zero:
            try:
                return ((socket.inet_pton(self._layout.family, word),),)
            except (OSError, ValueError):
                pass  # a range, or an error: see below
        low, high = self._bounds(word)
        if low != high and self._bits != 32:
            raise InvalidOption(self._option, word, "one address is wanted here: the kernel has ranges for IPv4 only")
        step = self._mask & -self._mask if self._header.netmask is not None else 1
        # In steps from the first address, which hash:ip takes for its network's own and bitmap:ip does not.
        first = low & self._mask if step > 1 and self._kind.method == "hash" else low
        if (high - first) // step >= self._limit:
            raise InvalidOption(
                self._option, word, "it stands for more entries than the set may hold, %d" % self._limit
            )
        found = dict.fromkeys(number & self._mask for number in range(first, high + 1, step))
        if self._no_zero and 0 in found:
            raise InvalidOption(self._option, word, "an address of all zeros is no entry of a hash")
        if self._kind.method == "bitmap":
            bottom, top = self._header.bounds
            if min(found) < bottom & self._mask or max(found) > top:
                raise InvalidOption(self._option, word, "the set's range is %s" % self._header.range)
        size = self._bits // 8
        return tuple((number.to_bytes(size, "big"),) for number in found)

    def _read_one_ip(self, word: str) -> Choices:
        found = self._read_ip(word)
        if len(found) > 1:
            raise InvalidOption(self._option, word, "one address is wanted here, not a range")
        return found

    def _read_net(self, word: str) -> Choices:
        address, _slash, prefix = word.partition("/")
        try:
            packed = socket.inet_pton(self._layout.family, address)
            length, host_bits = self._networks[prefix]
            if self._as_it_is and not int.from_bytes(packed, "big") & host_bits:
                return ((packed, length),)
        except (OSError, ValueError, KeyError):
            pass  # a range, or an error: see below
        low, high = self._bounds(word)
        mask = self._mask
        size = self._bits // 8
        found = []
        while low <= high:
            # The largest network that begins here and does not go past the end.
            zeros = min((low & -low).bit_length() - 1 if low else self._bits, (high - low + 1).bit_length() - 1)
            found.append(((low & mask).to_bytes(size, "big"), bytes([self._bits - zeros])))
            low += 1 << zeros
        if found[0][1] == b"\0" and self._kind.name not in _PREFIX_0:
            halves = "0.0.0.0/1, 128.0.0.0/1" if self._bits == 32 else "::/1, 8000::/1"
            raise InvalidOption(
                self._option,
                word,
                "a %s set has no prefix of length 0: list the two halves (%s)" % (self._kind.name, halves),
            )
        return found

    def _read_port(self, word: str) -> Choices:
        name, colon, rest = word.partition(":")
        if not colon:
            name, rest = "tcp", word
        number = self._protocol(word, name.lower())
        name = _PROTOCOL_NAMES.get(number, name)
        if self._kind.name == "bitmap:port":
            return [(packed,) for packed in self._ports(word, name, rest, *self._header.bounds)]
        protocol = bytes([number])
        if name in _ICMP:
            return [(self._icmp(word, name, rest), protocol)]
        if name not in _WITH_PORTS:
            if rest != "0":
                raise InvalidOption(self._option, word, "protocol %s has no ports: write %s:0" % (name, name))
            return [(b"\0\0", protocol)]
        return [(packed, protocol) for packed in self._ports(word, name, rest, 0, 65535)]

    def _protocol(self, word: str, name: str) -> int:
        if name in PROTOCOLS:
            return PROTOCOLS[name]
        number = decimal(name)
        try:
            number = socket.getprotobyname(name) if number < 0 else number
        except (OSError, ValueError):
            number = 0
        if not 0 < number < 256:
            raise InvalidOption(
                self._option,
                word,
                "write PROTOCOL:PORT, such as tcp:8080; protocols are %s, those of /etc/protocols, or a number from 1"
                " to 255" % ", ".join(sorted(PROTOCOLS)),
            )
        return number

    def _ports(self, word: str, name: str, rest: str, low: int, high: int) -> list[bytes]:
        first, minus, last = rest.strip("[]").partition("-")
        if minus and min(decimal(first), decimal(last)) < 0:
            first, minus, last = rest.strip("[]"), "", ""  # a name with a dash
        begin = self._port(word, name, first)
        begin, end = sorted((begin, self._port(word, name, last) if minus else begin))
        if begin < low or end > high:
            raise InvalidOption(self._option, word, "the set's range is %s" % self._header.range)
        return [port.to_bytes(2, "big") for port in range(begin, end + 1)]

    def _port(self, word: str, protocol: str, port: str) -> int:
        if 0 <= decimal(port) <= 65535:
            return int(port)
        try:
            if not port[:1].isalpha():
                raise OSError
            return socket.getservbyname(port, protocol if protocol in _WITH_PORTS else "tcp")
        except (OSError, ValueError):
            raise InvalidOption(
                self._option,
                word,
                "write PROTOCOL:PORT with a port from 0 to 65535, or its name in /etc/services, such as tcp:8080",
            ) from None

    def _icmp(self, word: str, name: str, rest: str) -> bytes:
        if _ICMP[name] != self._kind.family:
            raise InvalidOption(
                self._option, word, "the set is %s, and %s belongs to the other family" % (self._kind.family, name)
            )
        known = ICMP_NAMES[name].get(rest.lower())
        match = re.fullmatch(r"([0-9]{1,3})/([0-9]{1,3})", rest)
        if known is None and match:
            known = (int(match.group(1)), int(match.group(2)))
        if known is None or max(known) > 255:
            raise InvalidOption(
                self._option,
                word,
                "write %s:TYPE/CODE in numbers, such as %s:%s, or a name that 'ipset help hash:ip,port' lists"
                % (name, name, "8/0" if name == "icmp" else "128/0"),
            )
        return bytes(known)

    def _read_mac(self, word: str) -> Choices:
        if self._kind.method == "bitmap" and not word:
            return [(b"",)]
        if not re.fullmatch(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}", word) or (
            self._kind.method == "hash" and set(word) <= set("0:")
        ):
            raise InvalidOption(self._option, word, "write a MAC address, such as 02:00:00:00:00:01; all zeros is none")
        return [(bytes.fromhex(word.replace(":", "")),)]

    def _read_mark(self, word: str) -> Choices:
        mark = self._number(word, word, 2**32 - 1, "a mark")
        return [((mark & (self._header.markmask or 2**32 - 1)).to_bytes(4, "big"),)]

    def _read_iface(self, word: str) -> Choices:
        prefix, colon, device = word.partition(":")
        if colon and prefix != "physdev":
            raise InvalidOption(self._option, word, "write DEVICE, or physdev:DEVICE for a port of a bridge")
        packed = text(IFACE, values.device_name(self._option, device if colon else word))
        return [(packed + _PHYSDEV if colon else packed,)]

    def _read_set(self, word: str) -> Choices:
        return [(text(NAME, values.set_name(self._option, word)),)]


def _halves(words: Sequence[str], mark: str) -> tuple[list[str], list[str]]:
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


def _columns_of(words: Iterable[str], read: Callable[[str], Choices]) -> list[list[bytes]]:
    """The values of a part that seldom differs from entry to entry, a list for each of its attributes.

    Raises:
        InvalidOption: a word is not valid.
        ValueError: a word stands for several values.
    """
    words = list(words)
    known = {}
    for word in set(words):
        (known[word],) = read(word)
    return [[known[word][place] for word in words] for place in range(len(known[words[0]]))]


#: Types whose networks may be all there is (IP_SET_HASH_WITH_NET0; hash:net,net has that too, and refuses it still).
_PREFIX_0 = ("hash:net,iface", "hash:net,port,net")
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
#: A word of an entry with options: the comment in quotes, or what has neither white space nor quotes.
_WORD = re.compile(r'"[^"]*"|[^\s"]+')


# To ipset(8)'s words


def text_key(name: str) -> bytes:
    """The key of a list's entry: the name of a set."""
    return text(NAME, name)


def name_of(key: bytes) -> str:
    """The name of the set that is a list's entry."""
    return text_of(key[4:])


def written(kind: SetType, key: bytes, options: Options = PLAIN) -> str:
    """An entry as ipset(8) saves it, protocols and ICMP types by number where their names are not everywhere.

    Raises:
        MalformedReply: the key is none of this type.
    """
    shape = layout(kind)
    found = shape.values(key)
    try:
        words = [_WRITERS[part](shape, found, attrs) for part, attrs in shape.parts if attrs]
    except (KeyError, ValueError, IndexError, struct.error) as exc:
        raise MalformedReply("an entry of a %s set that cannot be written: %r" % (kind.name, exc)) from exc
    return ",".join(words) + _carried(options)


def _carried(options: Options) -> str:
    """What an entry carries, as it follows the entry itself."""
    text = "" if options.mac is None else "," + _mac(options.mac)
    for name, value in options.plain().items():
        text += " " + name + ("" if value is True else ' "%s"' % value if name == "comment" else " %s" % value)
    return text


def all_written(kind: SetType, entries: Mapping[bytes, Options]) -> list[str]:
    """Entries as ipset(8) saves them."""
    shape = layout(kind)
    if not shape.fixed:
        return [written(kind, key, options) for key, options in entries.items()]
    columns = shape.columns(entries)
    parts: list[list[str]] = []
    for part, attrs in shape.parts:
        if part == "ip":
            ntop, family = socket.inet_ntop, shape.family
            parts.append([ntop(family, packed) for packed in columns[attrs[0]]])
        elif part == "net":
            ntop, family = socket.inet_ntop, shape.family
            behind = ["/%d" % length for length in range(kind.bits)] + [""]
            pairs = zip(columns[attrs[0]], columns[attrs[1]])
            parts.append([ntop(family, packed) + behind[length[0]] for packed, length in pairs])
        elif attrs:
            rows = list(zip(*(columns[attr] for attr in attrs)))
            known = {row: _WRITERS[part](shape, dict(zip(attrs, row)), attrs) for row in set(rows)}
            parts.append([known[row] for row in rows])
    texts = parts[0] if len(parts) == 1 else list(map(",".join, zip(*parts)))
    return list(map("".join, zip(texts, of_each(_carried, entries.values()))))


def as_dict(kind: SetType, key: bytes, options: Options) -> dict[str, Any]:
    """An entry as plain data: itself under ``entry``, and its options by name."""
    bare = Options(mac=options.mac) if options.mac is not None else PLAIN
    return dict(entry=written(kind, key, bare), **options.plain())


#: What is not said of an entry that has nothing of an option of its set.
_NOTHING: Mapping[str, Mapping[str, Any]] = {
    "comment": dict(comment=""),
    "skbinfo": dict(skbmark="0x0/0x0", skbprio="0:0", skbqueue=0),
}


def described(header: SetHeader, entries: Mapping[bytes, bytes]) -> list[dict[str, Any]]:
    """The entries of a listing as plain data that makes exactly these, also of others.

    So it says what an entry has not, and of a list which entry stands before another.
    """
    nothing = {
        name: value for option, values in _NOTHING.items() if header.has(option) for name, value in values.items()
    }
    found = [{**nothing, **as_dict(header.kind, key, read_rest(rest))} for key, rest in entries.items()]
    if header.kind.method == "list":
        for before, each in zip(found, found[1:]):
            each["after"] = before["entry"]
    return found


def _mac(packed: bytes) -> str:
    return ":".join("%02X" % byte for byte in packed)


def _written_ip(shape: Layout, found: Mapping[int, bytes], attrs: tuple[int, ...]) -> str:
    return socket.inet_ntop(shape.family, found[attrs[0]])


def _written_net(shape: Layout, found: Mapping[int, bytes], attrs: tuple[int, ...]) -> str:
    address = socket.inet_ntop(shape.family, found[attrs[0]])
    prefix = found[attrs[1]][0]
    return address if prefix == shape.kind.bits else "%s/%d" % (address, prefix)


def _written_port(shape: Layout, found: Mapping[int, bytes], attrs: tuple[int, ...]) -> str:
    high, low = found[PORT]
    if PROTO not in attrs:
        return str(high << 8 | low)
    protocol = found[PROTO][0]
    name = _PROTOCOL_NAMES.get(protocol, str(protocol))
    if _ICMP.get(name) == shape.kind.family:
        return "%s:%d/%d" % (name, high, low)
    return "%s:%d" % (name, high << 8 | low)


_WRITERS: Mapping[str, Callable[[Layout, Mapping[int, bytes], Tuple[int, ...]], str]] = {
    "ip": _written_ip,
    "net": _written_net,
    "port": _written_port,
    "mac": lambda shape, found, attrs: _mac(found[ETHER]),
    "mark": lambda shape, found, attrs: "0x%s" % found[MARK].hex(),
    "iface": lambda shape, found, attrs: ("physdev:" if FLAGS in found else "") + text_of(found[IFACE]),
    "set": lambda shape, found, attrs: text_of(found[NAME]),
}
