# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a table of iptables does to a packet of which not everything is known (iptables(8), iptables-save(8)).

A rule matches, does not match, or nobody can say: it asks for something that is unknown of the packet, or by a match
that is not read here. A verdict is given only where every packet of that kind gets it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, FrozenSet, Iterable, Iterator, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address, Network
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.saved import SavedTable, tables, words

ACCEPT, DROP, MASQUERADE, RETURN, UNKNOWN = "accept", "drop", "masquerade", "return", "unknown"
#: Targets that end a packet's way through a table, and how.
TERMINAL = {
    "ACCEPT": ACCEPT,
    "DROP": DROP,
    "REJECT": DROP,
    "RETURN": RETURN,
    "MASQUERADE": MASQUERADE,
    "SNAT": MASQUERADE,
}
#: Targets behind which the packet goes on to the next rule (iptables-extensions(8)).
PASSING = ("", "CHECKSUM", "CONNMARK", "DSCP", "LOG", "MARK", "NFLOG", "SET", "TCPMSS", "TTL")

#: A match of one word, and the field of :class:`Rule` that has it.
_FIELDS = {
    "-s": "source",
    "-d": "destination",
    "-p": "protocol",
    "-i": "in_device",
    "-o": "out_device",
    "--sport": "source_port",
    "--dport": "destination_port",
    "--sports": "source_port",
    "--dports": "destination_port",
    "--ctstate": "states",
    "--state": "states",
}
#: Words that mean the field only behind ``-m`` of this name: connmark(8) has a ``--mark`` of its own.
_FIELDS_OF = {("mark", "--mark"): "mark"}
#: Words of iptables-save(8) that choose no packets by themselves.
_HARMLESS = {"-m": 1, "--comment": 1}


class Term(NamedTuple):
    """What a rule asks of one property of a packet, as text; ``wanted`` is false behind a ``!``."""

    text: str
    wanted: bool = True


@dataclass(frozen=True)
class Rule:
    """A rule; ``unread`` is whether it has matches that are not understood here."""

    text: str
    target: str = ""
    goto: bool = False
    terms: Mapping[str, Term] = field(default_factory=dict)
    #: Each match of a set: its name, its directions, and whether the packet shall be in it.
    sets: Tuple[Tuple[str, str, bool], ...] = ()
    unread: bool = False


@dataclass(frozen=True)
class Chain:
    """A chain; ``policy`` is a built-in chain's, empty for a user's own."""

    name: str
    policy: str = ""
    rules: Tuple[Rule, ...] = ()


#: The tables of one family by name, each with its chains by name.
Tables = Mapping[str, Mapping[str, Chain]]


@dataclass(frozen=True)
class Packet:
    """What is known of a packet; ``None`` is unknown. ``sets`` tells of sets whether it is in them, by directions."""

    source: Optional[Address] = None
    destination: Optional[Address] = None
    protocol: Optional[str] = None
    source_port: Optional[int] = None
    destination_port: Optional[int] = None
    in_device: Optional[str] = None
    out_device: Optional[str] = None
    state: Optional[str] = None
    mark: Optional[int] = None
    #: The flags of TCP that are set.
    flags: Optional[FrozenSet[str]] = None
    #: It came by some device other than loopback.
    from_outside: bool = False
    sets: Mapping[Tuple[str, str], bool] = field(default_factory=dict)


class Verdict(NamedTuple):
    """What happens to a packet, and the rule that says so; no rule for the end of the chain."""

    kind: str
    rule: Optional[Rule] = None
    chain: str = ""


def parse(saved: str) -> Tables:
    """The tables in what ``iptables-save`` printed."""
    return {name: chains_of(table) for name, table in tables(saved).items()}


def chains_of(table: SavedTable) -> Mapping[str, Chain]:
    """The chains of a table."""
    return {
        name: Chain(
            name,
            table.policies.get(name, "-").replace("-", ""),
            tuple(_rule("-A %s %s" % (name, text), words(text)) for text in rules),
        )
        for name, rules in table.rules.items()
    }


def _rule(line: str, listed: list[str]) -> Rule:
    terms: dict[str, Term] = {}
    sets: list[tuple[str, str, bool]] = []
    target, goto, unread, wanted, module = "", False, False, True, ""
    place = 0
    while place < len(listed):
        word = listed[place]
        following = listed[place + 1] if place + 1 < len(listed) else ""
        if word == "!":
            wanted, place = False, place + 1
            continue
        if word in ("-j", "-g"):
            target, goto = following, word == "-g"
            break  # what follows belongs to the target
        if word in _FIELDS and _FIELDS[word] not in terms:
            terms[_FIELDS[word]] = Term(following, wanted)
            place += 2
        elif (module, word) in _FIELDS_OF and "mark" not in terms:
            terms[_FIELDS_OF[module, word]] = Term(following, wanted)
            place += 2
        elif word == "--match-set":
            sets.append((following, listed[place + 2] if place + 2 < len(listed) else "", wanted))
            place += 3
        elif word == "--tcp-flags" and "flags" not in terms:
            terms["flags"] = Term(" ".join(listed[place + 1 : place + 3]), wanted)
            place += 3
        elif word in _HARMLESS:
            module = following if word == "-m" else module
            place += 1 + _HARMLESS[word]
        else:
            unread, place = True, place + 1
        wanted = True
    return Rule(line, target, goto, terms, tuple(sets), unread)


def walk(found: Tables, table: str, chain: str, packet: Packet) -> Verdict:
    """What a chain does to every packet of which this is known; ``unknown`` where it depends on something else.

    That some packets may be dropped is no verdict: only that all are. The rule of ``unknown`` is the first in doubt.
    """
    chains = found.get(table, {})
    if chain not in chains:
        return Verdict(ACCEPT)
    policy = DROP if chains[chain].policy == "DROP" else ACCEPT
    ends = [
        Verdict(policy, each.rule, chain) if each.kind == RETURN else each
        for each in _ends(chains, chains[chain], packet)
    ]
    other = next((each for each in ends if each.kind != ends[-1].kind), None)
    return Verdict(UNKNOWN, other.rule, other.chain) if other else ends[-1]


def _ends(chains: Mapping[str, Chain], chain: Chain, packet: Packet) -> list[Verdict]:
    """How such packets may leave a chain: by rules that may match, and at last by one that does, or by its end."""
    found: list[Verdict] = []
    for rule in chain.rules:
        matched = matches(rule, packet)
        if matched is False or rule.target in PASSING:
            continue
        if rule.target in TERMINAL:
            ends = [Verdict(TERMINAL[rule.target], rule, chain.name)]
        elif rule.target in chains:
            below = _ends(chains, chains[rule.target], packet)
            ends = below if rule.goto else [each for each in below if each.kind != RETURN]
            matched = matched and len(ends) == len(below)
        else:
            ends = [Verdict(UNKNOWN, rule, chain.name)]
        if matched:
            return found + ends
        # What one of them may drop, others get by.
        found += [each for each in ends if each.kind != DROP]
    return [*found, Verdict(RETURN, None, chain.name)]


def harmless(rule: Rule) -> bool:
    """Whether a rule lets packets pass, or go on to the next one."""
    return rule.target == "ACCEPT" or rule.target in PASSING


def reachable(listed: Tables, table: str, chain: str) -> tuple[Rule, ...]:
    """The rules of a chain and of all chains to which they lead."""
    chains = listed.get(table, {})
    found: list[Rule] = []
    seen, left = set(), [chain]
    while left:
        name = left.pop()
        if name in seen or name not in chains:
            continue
        seen.add(name)
        found += chains[name].rules
        left += [rule.target for rule in chains[name].rules]
    return tuple(found)


def matches(rule: Rule, packet: Packet) -> bool | None:
    """Whether a rule matches a packet; ``None`` where that cannot be said."""
    answers = [_term(name, term, packet) for name, term in rule.terms.items()]
    for name, directions, wanted in rule.sets:
        inside = packet.sets.get((name, directions))
        answers.append(None if inside is None else inside == wanted)
    if False in answers:
        return False
    return None if rule.unread or None in answers else True


def _term(name: str, term: Term, packet: Packet) -> bool | None:
    if name == "states":
        found = None if packet.state is None else packet.state in term.text.split(",")
    elif name == "in_device" and packet.in_device is None:
        found = False if packet.from_outside and term.text == "lo" else None
    else:
        value = getattr(packet, name)
        if value is None:
            found = _never_outside(name, term, packet)
        else:
            found = _COMPARE[name](term.text, value)
    return None if found is None else found == term.wanted


def _never_outside(name: str, term: Term, packet: Packet) -> bool | None:
    """A packet from outside has no loopback address."""
    if name == "source" and packet.from_outside and network_of(term.text).is_loopback:
        return False
    return None


def network_of(text: str) -> Network:
    """A source or destination of a rule; iptables-save(8) writes a mask that is no prefix as an address."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return ipaddress.ip_network("0.0.0.0/32")


@lru_cache(maxsize=None)
def _span(text: str) -> tuple[int, int, int] | None:
    """A network's version, first and last address; None where the mask is no prefix."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return network.version, int(network.network_address), int(network.broadcast_address)


def _in_network(text: str, value: Any) -> bool | None:
    span = _span(text)
    return None if span is None else value.version == span[0] and span[1] <= int(value) <= span[2]


def bounds_of(rule: Rule) -> Iterator[tuple[str, int, int]]:
    """The ranges by which a rule tells addresses and ports apart: the field, the first and the last number."""
    for name in ("source", "destination"):
        term = rule.terms.get(name)
        if term is not None:
            span = _span(term.text)
            yield (name, *(span[1:] if span else (0, 1 << 128)))
    for name in ("source_port", "destination_port"):
        term = rule.terms.get(name)
        for part in term.text.split(",") if term is not None else ():
            first, _colon, last = part.partition(":")
            if first.isdigit() and (last or first).isdigit():
                yield name, int(first), int(last or first)


def _protocol(text: str, value: Any) -> bool | None:
    numbers = {"6": "tcp", "17": "udp", "132": "sctp"}
    return bool(numbers.get(text, text) == value)


def _device(text: str, value: Any) -> bool:
    return str(value).startswith(text[:-1]) if text.endswith("+") else text == value


def _ports(text: str, value: Any) -> bool | None:
    """Of one port, a range, or a list of both."""
    answers = [_port(each, value) for each in text.split(",")]
    return True if True in answers else None if None in answers else False


def _mark(text: str, value: Any) -> bool | None:
    """A mark, and behind a slash the bits that are looked at."""
    wanted, _slash, mask = text.partition("/")
    try:
        return bool(value & int(mask or "0xffffffff", 0) == int(wanted, 0))
    except ValueError:
        return None


def _flags(text: str, value: Any) -> bool | None:
    """Which flags are looked at, and which of these are set."""
    looked_at, _space, wanted = text.partition(" ")
    return bool(value & set(looked_at.split(",")) == set(wanted.split(",")) - {"NONE"})


def _port(text: str, value: Any) -> bool | None:
    first, colon, last = text.partition(":")
    if not first.isdigit() or (colon and not last.isdigit()):
        return None
    return bool(int(first) <= value <= int(last or first))


_COMPARE: Mapping[str, Any] = {
    "source": _in_network,
    "destination": _in_network,
    "protocol": _protocol,
    "in_device": _device,
    "out_device": _device,
    "source_port": _ports,
    "destination_port": _ports,
    "flags": _flags,
    "mark": _mark,
}


def mentioned(rules: Iterable[Rule]) -> frozenset[tuple[str, str]]:
    """The sets that rules ask about, each with its directions."""
    return frozenset((name, directions) for rule in rules for name, directions, _wanted in rule.sets)
