# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets and their entries as plain values, in ipset(8)'s own spelling.

A set's type names what an entry is made of: ``hash:ip,port,ip`` has an address, a protocol with a port, and a second
address. So one table of parts reads, writes and checks the entries of every type.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Callable, Mapping, NamedTuple, TypeVar, Union

from ansible_collections.linuxnet.ipvs.plugins.module_utils import _values as values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._errors import InvalidOption

#: Types, and for each the families it has: list:set holds sets of both, so the kernel gives it none (NFPROTO_UNSPEC).
IP_FAMILIES = ("inet", "inet6")
NO_FAMILY = ("unspec",)
SET_TYPES: Mapping[str, tuple[str, ...]] = {
    "hash:ip": IP_FAMILIES,
    "hash:ip,port": IP_FAMILIES,
    "hash:ip,port,ip": IP_FAMILIES,
    "hash:ip,port,net": IP_FAMILIES,
    "hash:mac": NO_FAMILY,
    "hash:net": IP_FAMILIES,
    "hash:net,net": IP_FAMILIES,
    "hash:net,port": IP_FAMILIES,
    "hash:net,port,net": IP_FAMILIES,
    "list:set": NO_FAMILY,
}

#: Protocols by the names that ipset(8) prints; others are written as numbers.
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58, "sctp": 132, "udplite": 136}
_PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}
_WITH_PORTS = {PROTOCOLS[name] for name in ("tcp", "udp", "sctp", "udplite")}
_ICMP = {PROTOCOLS["icmp"]: "inet", PROTOCOLS["icmpv6"]: "inet6"}


class ProtocolPort(NamedTuple):
    """A protocol's number and its port; for ICMP the port is type * 256 + code, for the others it is 0."""

    protocol: int
    port: int

    def __str__(self) -> str:
        name = _PROTOCOL_NAMES.get(self.protocol, str(self.protocol))
        if self.protocol in _ICMP:
            return "%s:%d/%d" % (name, self.port >> 8, self.port & 0xFF)
        return "%s:%d" % (name, self.port)


Located = TypeVar("Located", values.Address, values.Network)
Value = Union[values.Address, values.Network, ProtocolPort, str]


@dataclass(frozen=True)
class SetType:
    """A set's type in one family, which together decide what its entries look like."""

    name: str
    family: str

    @property
    def parts(self) -> tuple[str, ...]:
        """What an entry is made of: ``hash:ip,port`` gives ip and port."""
        return tuple(self.name.partition(":")[2].split(","))


@dataclass(frozen=True)
class Entry:
    """An entry of a set; comparable whatever its spelling was."""

    values: tuple[Value, ...]

    def __str__(self) -> str:
        return ",".join(_written(value) for value in self.values)

    @classmethod
    def parse(cls, kind: SetType, text: str, option: str = "entries") -> Entry:
        """Read an entry as ipset(8) writes it, and refuse what does not fit the set's type."""
        words = text.split(",")
        if len(words) != len(kind.parts):
            raise InvalidOption(
                option,
                text,
                "an entry of a %s set is written %s (%d parts, not %d);"
                " write 'entries' as a list, since a plain string is split at its commas"
                % (kind.name, ",".join(_SHAPES[part] for part in kind.parts), len(kind.parts), len(words)),
            )
        return cls(tuple(_READERS[part](option, kind, word) for part, word in zip(kind.parts, words)))


@dataclass(frozen=True)
class SetHeader:
    """A set without its entries. ``timeout`` is in seconds; None for a set whose entries do not expire."""

    name: str
    kind: SetType
    hashsize: int | None = None
    maxelem: int | None = None
    timeout: int | None = None
    counters: bool = False
    comment: bool = False

    def options(self) -> dict[str, Any]:
        """The set under the names of the module's options."""
        return dict(
            name=self.name,
            type=self.kind.name,
            family=self.kind.family,
            hashsize=self.hashsize,
            maxelem=self.maxelem,
            timeout=self.timeout,
            counters=self.counters,
            comment=self.comment,
        )


@dataclass(frozen=True)
class Operation:
    """One step: ``verb`` is create or destroy for the set itself, add or delete for entries."""

    verb: str
    header: SetHeader
    entries: tuple[Entry, ...] = ()


def set_type(name: str, family: str | None) -> SetType:
    """The type of that name; a family is refused where the type has none, and is inet where it may choose."""
    values.refuse_unknown("type", name, SET_TYPES)
    families = SET_TYPES[name]
    if family is not None and family not in families:
        raise InvalidOption("family", family, "a %s set has no family: leave the option out" % name)
    return SetType(name, family or families[0])


#: Options that only a hash has, and what each counts; the upper bounds are those of a 32-bit number.
_NUMBERS = {
    "hashsize": (1, 2**31, "a number of hash buckets"),
    "maxelem": (1, 2**32 - 1, "a number of entries"),
    # IPSET_MAX_TIMEOUT in linux/netfilter/ipset/ip_set.h: UINT_MAX milliseconds, halved.
    "timeout": (0, 2147483, "a timeout (seconds)"),
}


def header_options(kind: SetType, options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of :class:`SetHeader` that a task sets, checked."""
    given = {
        name: options[name]
        for name in ("hashsize", "maxelem", "timeout", "counters", "comment")
        if options[name] is not None
    }
    for name, (low, high, meaning) in _NUMBERS.items():
        if name in given:
            values.number(name, given[name], low, high, meaning)
            if name != "timeout" and not kind.name.startswith("hash:"):
                raise InvalidOption(name, given[name], "a %s set has none: leave the option out" % kind.name)
    return given


def _read_address(option: str, kind: SetType, text: str) -> values.Address:
    if "/" in text or re.fullmatch(r"[^-]+-[^-]+", text):
        raise InvalidOption(
            option, text, "one address is wanted here, not a range; a type with 'net' in its name takes networks"
        )
    return _in_family(option, kind, values.address(option, text), text)


def _read_network(option: str, kind: SetType, text: str) -> values.Network:
    found = _in_family(option, kind, values.network(option, text), text)
    if found.prefixlen == 0:
        raise InvalidOption(
            option, text, "the kernel's sets hold no prefix of length 0: list the two halves (0.0.0.0/1, 128.0.0.0/1)"
        )
    return found


def _in_family(option: str, kind: SetType, found: Located, text: str) -> Located:
    if values.family_of(found) != kind.family:
        raise InvalidOption(
            option, text, "the set is %s, and this is %s" % (_FAMILY_WORDS[kind.family], values.family_of(found))
        )
    return found


def _read_port(option: str, kind: SetType, text: str) -> ProtocolPort:
    name, colon, rest = text.partition(":")
    if not colon:
        name, rest = "tcp", text
    protocol = PROTOCOLS.get(name.lower())
    if protocol is None:
        if not (name.isdigit() and 0 < int(name) < 256):
            raise InvalidOption(
                option,
                text,
                "write PROTOCOL:PORT, such as tcp:8080; protocols are %s, or a number from 1 to 255"
                % ", ".join(sorted(PROTOCOLS)),
            )
        protocol = int(name)
    if protocol in _ICMP:
        if _ICMP[protocol] != kind.family:
            raise InvalidOption(option, text, "the set is %s, and %s belongs to the other family" % (kind.family, name))
        match = re.fullmatch(r"(\d{1,3})/(\d{1,3})", rest)
        if not match or max(map(int, match.groups())) > 255:
            raise InvalidOption(option, text, "write %s:TYPE/CODE in numbers, such as icmp:8/0" % name)
        return ProtocolPort(protocol, int(match.group(1)) << 8 | int(match.group(2)))
    if not rest.isdigit() or int(rest) > 65535:
        raise InvalidOption(option, text, "write PROTOCOL:PORT with a port from 0 to 65535, such as tcp:8080")
    if protocol not in _WITH_PORTS and int(rest):
        raise InvalidOption(option, text, "protocol %s has no ports: write %s:0" % (name, name))
    return ProtocolPort(protocol, int(rest))


def _read_mac(option: str, kind: SetType, text: str) -> str:
    if not re.fullmatch(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}", text) or set(text) <= set("0:"):
        raise InvalidOption(option, text, "write a MAC address, such as 02:00:00:00:00:01; all zeros is none")
    return text.upper()


def _read_set(option: str, kind: SetType, text: str) -> str:
    return values.set_name(option, text)


def _written(value: Value) -> str:
    if isinstance(value, (ipaddress.IPv4Network, ipaddress.IPv6Network)) and value.prefixlen == value.max_prefixlen:
        return str(value.network_address)
    return str(value)


_READERS: Mapping[str, Callable[[str, SetType, str], Value]] = {
    "ip": _read_address,
    "net": _read_network,
    "port": _read_port,
    "mac": _read_mac,
    "set": _read_set,
}
_SHAPES = {"ip": "ADDRESS", "net": "NETWORK/PREFIX", "port": "PROTOCOL:PORT", "mac": "MAC", "set": "SET"}
_FAMILY_WORDS = {"inet": "inet (IPv4)", "inet6": "inet6 (IPv6)", "unspec": "of no family"}
