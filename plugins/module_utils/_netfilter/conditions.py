# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What rules of nftables ask of a packet, as far as its addresses, ports, devices, mark and state decide.

Sources: libnftables-json(5): EXPRESSIONS; nft(8): SETS, MAPS, PRIMARY EXPRESSIONS.

An answer has three values: the packet is such a one, is none, or nobody can say.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import Packet

#: A packet that surely has no such field, such as a UDP packet a TCP port: no rule that asks for it matches.
ABSENT = object()

_NUMBERS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "ipv6-icmp", "132": "sctp", "icmpv6": "ipv6-icmp"}
_TRANSPORTS = ("tcp", "udp", "sctp", "dccp", "udplite")
_FAMILIES = {"inet": ("ipv4", "ip"), "inet6": ("ipv6", "ip6")}
#: Fields of packets (:class:`Packet`) by what JSON calls them.
_META = {
    "iif": "in_device",
    "iifname": "in_device",
    "oif": "out_device",
    "oifname": "out_device",
    "l4proto": "protocol",
    "mark": "mark",
    "nfproto": "nfproto",
    "protocol": "ethertype",
}
_PORTS = {"sport": "source_port", "dport": "destination_port"}
_ADDRESSES = {"saddr": "source", "daddr": "destination"}
_NUMERIC = ("source", "destination", "source_port", "destination_port", "mark")


class Field(NamedTuple):
    """A property of a packet; ``needs`` is the transport protocol or the family without which there is none."""

    name: str
    needs: str = ""
    mask: Optional[Any] = None


class Sets(NamedTuple):
    """The named sets and maps of a table, by their elements in JSON; ``filled`` are those that rules fill."""

    elements: Mapping[str, Any]
    filled: FrozenSet[str]


NO_SETS = Sets({}, frozenset())


@dataclass(frozen=True)
class Values:
    """Values of one field: exact ones, ranges of numbers (sorted), beginnings of names, or all."""

    exact: FrozenSet[Any] = frozenset()
    ranges: Tuple[Tuple[int, int], ...] = ()
    stems: Tuple[str, ...] = ()
    everything: bool = False

    def has(self, value: Any) -> bool:
        """Whether a value is one of these."""
        if self.everything or value in self.exact:
            return True
        if self.ranges and isinstance(value, int):
            place = bisect_right(self.ranges, (value, 1 << 129)) - 1
            if place >= 0 and self.ranges[place][0] <= value <= self.ranges[place][1]:
                return True
        return isinstance(value, str) and any(value.startswith(stem) for stem in self.stems)


@dataclass(frozen=True)
class Lookup:
    """Elements that are looked up by fields of a packet, and what each has for a value (sets: True)."""

    fields: Tuple[Field, ...]
    #: Elements of exact values, and others.
    exact: Mapping[Tuple[Any, ...], Any]
    others: Tuple[Tuple[Tuple[Values, ...], Any], ...] = ()
    #: Whether rules add elements, so that what is not there now may be there next.
    filled: bool = False

    @property
    def values(self) -> Mapping[Any, Any]:
        """The values of the elements, by the elements."""
        return {**self.exact, **{place: value for place, (_key, value) in enumerate(self.others)}}

    def with_values(self, values: Mapping[Any, Any]) -> Lookup:
        """The same elements with other values."""
        exact = {key: values[key] for key in self.exact}
        others = tuple((key, values[place]) for place, (key, _value) in enumerate(self.others))
        return replace(self, exact=exact, others=others)

    def found(self, packet: Packet, family: str) -> tuple[Any, bool]:
        """The value of the packet's element (None for none), and whether that is sure."""
        key = [value_of(field, packet, family) for field in self.fields]
        if ABSENT in key:
            return None, True
        if self.filled or None in key:
            return None, False
        if tuple(key) in self.exact:
            return self.exact[tuple(key)], True
        for wanted, value in self.others:
            if all(each.has(one) for each, one in zip(wanted, key)):
                return value, True
        return None, True


@dataclass(frozen=True)
class Condition:
    """A match: whether the packet's fields are, or are not, among elements."""

    lookup: Lookup
    wanted: bool = True

    def matches(self, packet: Packet, family: str) -> bool | None:
        """Whether a packet matches; None where nobody can say."""
        fields = self.lookup.fields
        if any(value_of(field, packet, family) is ABSENT for field in fields):
            return False
        if fields[0].name in ("flags", "state") and not fields[0].mask:
            found = value_of(fields[0], packet, family)
            known = None if found is None else any(each in self._words() for each in found)
            return None if known is None else known == self.wanted
        value, sure = self.lookup.found(packet, family)
        if not sure:
            return self._surely_not(packet)
        return (value is not None) == self.wanted

    def _words(self) -> set[Any]:
        return {word for key in self.lookup.exact for word in (key[0] if isinstance(key[0], frozenset) else key)}

    def _surely_not(self, packet: Packet) -> bool | None:
        """What comes from outside neither came by the loopback device nor has a loopback address."""
        (field, *more) = self.lookup.fields
        if more or not packet.from_outside:
            return None
        if field.name == "in_device" and packet.in_device is None and set(self.lookup.exact) == {("lo",)}:
            return None if self.lookup.others else not self.wanted
        if field.name == "source" and packet.source is None and field.needs == "inet" and not self.lookup.exact:
            spans = [span for (values,), _value in self.lookup.others for span in values.ranges]
            if spans and all(low >> 24 == 127 == high >> 24 for low, high in spans):
                return not self.wanted
        return None


def condition(given: Mapping[str, Any], sets: Sets) -> Condition | None:
    """A match as JSON has it; None where it is not understood here."""
    fields = fields_of(given["left"])
    if fields is None:
        return None
    operator, right = given["op"], given["right"]
    if operator in ("<", ">", "<=", ">="):
        return _compared(fields, operator, right)
    if fields[0].name in ("flags", "state"):
        return _flagged(fields[0], operator, right)
    if isinstance(right, dict) and "set" not in right and not ({"prefix", "range", "concat"} & set(right)):
        return None
    lookup = elements_of(fields, right if _is_set(right) else {"set": [right]}, sets)
    return None if lookup is None else Condition(lookup, operator != "!=")


def only(field: Field, value: str) -> Condition:
    """A match of one value."""
    return Condition(Lookup((field,), {(value,): True}))


def _is_set(right: Any) -> bool:
    return (isinstance(right, str) and right.startswith("@")) or (isinstance(right, dict) and "set" in right)


def _compared(fields: Sequence[Field], operator: str, right: Any) -> Condition | None:
    if len(fields) > 1 or fields[0].name not in _NUMERIC:
        return None
    number = _converted(fields[0], right)
    if not isinstance(number, int):
        return None
    ranges = {"<": (0, number - 1), "<=": (0, number), ">": (number + 1, 1 << 128), ">=": (number, 1 << 128)}
    return Condition(Lookup(tuple(fields), {}, (((Values(ranges=(ranges[operator],)),), True),)))


def _flagged(field: Field, operator: str, right: Any) -> Condition | None:
    """Flags of TCP and states of conntrack: any of some, or behind a mask exactly these."""
    words = _words(right)
    if words is None:
        return None
    if field.mask is not None:
        return Condition(Lookup((field,), {(frozenset(words),): True}), operator != "!=")
    if field.name == "flags" and operator in ("==", "!="):  # exactly these
        every = frozenset(["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECN", "CWR"])
        return Condition(Lookup((field._replace(mask=every),), {(frozenset(words),): True}), operator != "!=")
    return Condition(Lookup((field,), {(frozenset(words),): True}), operator != "!=")


def _words(given: Any) -> list[str] | None:
    if isinstance(given, str):
        return None if given.startswith("@") else [given.upper()]
    if isinstance(given, dict) and len(given) == 1:
        ((word, inner),) = given.items()
        return _words(inner) if word in ("|", "set") else None
    if isinstance(given, list):
        found = [_words(each) for each in given]
        return None if None in found else [word for each in found for word in each or ()]
    return [] if given == 0 else None


def fields_of(left: Any) -> tuple[Field, ...] | None:
    """The fields that an expression reads; None where it is not understood here."""
    if not isinstance(left, dict) or len(left) != 1:
        return None
    ((word, value),) = left.items()
    if word == "concat":
        found = [fields_of(each) for each in value]
        return None if None in found else tuple(field for each in found for field in each or ())
    if word == "&":
        return _masked(value)
    field = _field(word, value)
    return None if field is None else (field,)


def _masked(value: Sequence[Any]) -> tuple[Field, ...] | None:
    inner = fields_of(value[0])
    if inner is None or len(inner) > 1:
        return None
    if inner[0].name == "mark" and isinstance(value[1], int):
        return (inner[0]._replace(mask=value[1]),)
    words = _words(value[1]) if inner[0].name == "flags" else None
    return None if words is None else (inner[0]._replace(mask=frozenset(words)),)


def _field(word: str, value: Any) -> Field | None:
    if word == "meta":
        name = _META.get(value.get("key"))
        return Field(name) if name else None
    if word == "ct":
        return Field("state") if value.get("key") == "state" else None
    if word != "payload" or "field" not in value:
        return None
    protocol, name = value.get("protocol"), value["field"]
    if protocol in ("ip", "ip6"):
        family = "inet" if protocol == "ip" else "inet6"
        if name in _ADDRESSES:
            return Field(_ADDRESSES[name], family)
        return Field("protocol", family) if name in ("protocol", "nexthdr") else Field("unknown", family)
    if protocol == "th" or protocol in _TRANSPORTS:
        needs = "" if protocol == "th" else protocol
        if name in _PORTS:
            return Field(_PORTS[name], needs)
        return Field("flags" if (protocol, name) == ("tcp", "flags") else "unknown", needs)
    if protocol in ("icmp", "icmpv6"):
        return Field("unknown", "icmp" if protocol == "icmp" else "ipv6-icmp")
    return Field("ethertype") if (protocol, name) == ("ether", "type") else None


def value_of(field: Field, packet: Packet, family: str) -> Any:
    """A packet's value of a field: None is unknown, :data:`ABSENT` none at all."""
    if field.needs in ("inet", "inet6"):
        if field.needs != family:
            return ABSENT
    elif field.needs:
        if packet.protocol is not None and packet.protocol != field.needs:
            return ABSENT
        if packet.protocol is None:
            return None
    if field.name in ("nfproto", "ethertype"):
        return _FAMILIES[family][field.name == "ethertype"]
    value = getattr(packet, field.name, None)
    if value is None:
        return None
    if field.name in ("source", "destination"):
        return int(value)
    if field.name == "state":
        return frozenset([value])
    if field.mask is not None:
        return value & field.mask
    return value


def elements_of(fields: Sequence[Field], given: Any, sets: Sets) -> Lookup | None:
    """The elements of a set or map that is looked up by these fields; None where they are not understood here."""
    filled = False
    if isinstance(given, str):
        name = given.lstrip("@")
        if name not in sets.elements:
            return None
        filled = name in sets.filled
        elements = sets.elements[name]
    else:
        elements = given["set"]
    exact: Dict[Tuple[Any, ...], Any] = {}
    others: List[Tuple[Tuple[Values, ...], Any]] = []
    for each in elements:
        key, value = each if isinstance(each, list) and len(each) == 2 and isinstance(each[1], dict) else (each, True)
        wanted = _key(fields, key)
        if wanted is None:
            return None
        if all(len(one.exact) == 1 for one in wanted):
            exact[tuple(next(iter(one.exact)) for one in wanted)] = value
        else:
            others.append((wanted, value))
    if len(fields) == 1 and all(value is True for _key_, value in others):
        others = _united(wanted for (wanted,), _value in others)
    # What stands for all others is asked last.
    others.sort(key=lambda other: other[0][0].everything)
    return Lookup(tuple(fields), exact, tuple(others), filled)


def _united(values: Iterable[Values]) -> list[tuple[tuple[Values, ...], Any]]:
    """Elements of a set of one field as one, so that they are not asked one by one."""
    found = list(values)
    if not found:
        return []
    ranges = sorted(span for each in found for span in each.ranges)
    stems = tuple(stem for each in found for stem in each.stems)
    return [((Values(ranges=tuple(ranges), stems=stems, everything=any(each.everything for each in found)),), True)]


def _key(fields: Sequence[Field], given: Any) -> tuple[Values, ...] | None:
    if isinstance(given, dict) and "elem" in given:
        return _key(fields, given["elem"]["val"])
    if isinstance(given, dict) and "concat" in given:
        parts = given["concat"]
        if len(parts) != len(fields):
            return None
        found = [_values(field, part) for field, part in zip(fields, parts)]
    elif given == "*":
        return (Values(everything=True),) * len(fields)
    elif len(fields) == 1:
        found = [_values(fields[0], given)]
    else:
        return None
    return None if None in found else tuple(each for each in found if each is not None)


def _values(field: Field, given: Any) -> Values | None:
    if isinstance(given, dict) and "prefix" in given:
        if field.name not in ("source", "destination"):
            return None
        network = ipaddress.ip_network("%(addr)s/%(len)s" % given["prefix"], strict=False)
        return Values(ranges=((int(network.network_address), int(network.broadcast_address)),))
    if isinstance(given, dict) and "range" in given:
        low, high = (_converted(field, each) for each in given["range"])
        return Values(ranges=((low, high),)) if isinstance(low, int) and isinstance(high, int) else None
    if isinstance(given, (dict, list)):
        return None
    if isinstance(given, str) and given.endswith("*") and field.name.endswith("_device"):
        return Values(stems=(given[:-1],))
    value = _converted(field, given)
    if value is None:
        return None
    return Values(exact=frozenset([frozenset([value]) if field.name == "state" else value]))


def _converted(field: Field, given: Any) -> Any:
    """A value as packets have it; None where it is not understood."""
    if field.name in ("source", "destination"):
        try:
            return int(ipaddress.ip_address(given))
        except ValueError:
            return None
    if field.name in _NUMERIC:
        return given if isinstance(given, int) else int(given, 0) if str(given).isdigit() else None
    if field.name == "protocol":
        return _NUMBERS.get(str(given), str(given))
    return str(given).upper() if field.name == "state" else str(given)
