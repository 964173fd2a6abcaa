# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all rules of a node do to a packet at one hook: those of nftables, and those of the older back end of iptables.

Sources: nft(8): CHAINS (each base chain of a hook is asked, whatever those before have accepted); net/netfilter/core.c,
nf_nat_core.c: nf_nat_inet_fn() (the first chain of NAT that gives an address decides).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.conditions import Condition, Values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.ruleset import (
    AnyRule,
    Branch,
    NativeRule,
    Ruleset,
    RulesetChain,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import (
    ACCEPT,
    DROP,
    MASQUERADE,
    PASSING,
    RETURN,
    TERMINAL,
    UNKNOWN,
    Packet,
    Rule,
    Tables,
    Verdict,
    bounds_of,
    matches,
    walk,
)

#: The tables of iptables that a packet passes at a hook, in their order, and the chain's name there.
_OLDER = {
    "prerouting": ("PREROUTING", ("raw", "mangle")),
    "input": ("INPUT", ("mangle", "filter", "security")),
    "forward": ("FORWARD", ("mangle", "filter", "security")),
    "output": ("OUTPUT", ("raw", "mangle", "filter", "security")),
    "postrouting": ("POSTROUTING", ("mangle",)),
}
#: Where IPVS takes packets (ip_vs_core.c: ip_vs_ops4): chains of these priorities or later do not see them as they came.
_IPVS = {"input": 99, "forward": 100}


class Filters(NamedTuple):
    """All rules of one family that are known: of nftables (with those that iptables made there), and the older ones."""

    family: str
    ruleset: Optional[Ruleset] = None
    older: Optional[Tables] = None


class Traversal:
    """Asks what happens to packets; those that all rules take for the same are asked about once."""

    def __init__(self, filters: Filters) -> None:
        self._filters = filters
        self._known: Dict[Any, Verdict] = {}
        self._bounds = _Bounds(_all_rules(filters))

    def filtered(self, hook: str, packet: Packet) -> Verdict:
        """Whether chains that filter at a hook drop every packet of which this is known; ``unknown`` is in doubt."""
        return self._once("filter", hook, packet)

    def masqueraded(self, packet: Packet) -> Verdict:
        """Whether a chain of NAT behind the routing gives each of these packets another source."""
        return self._once("nat", "postrouting", packet)

    def _once(self, kind: str, hook: str, packet: Packet) -> Verdict:
        key = (kind, hook, self._bounds.alike(packet))
        if key not in self._known:
            found = list(self._verdicts(kind, hook, packet))
            self._known[key] = _first(found, MASQUERADE if kind == "nat" else DROP)
        return self._known[key]

    def _verdicts(self, kind: str, hook: str, packet: Packet) -> Iterator[Verdict]:
        family, ruleset, older = self._filters.family, self._filters.ruleset, self._filters.older or {}
        if kind == "nat":
            yield walk(older, "nat", "POSTROUTING", packet)
        else:
            chain, tables = _OLDER[hook]
            for table in tables:
                yield walk(older, table, chain, packet)
        if ruleset is None:
            return
        for base in ruleset.bases(family, hook, *(("nat",) if kind == "nat" else ("filter", "route"))):
            if kind != "nat" and base.of_ip and base.priority >= _IPVS.get(hook, 1 << 31):
                continue
            found = _walked(ruleset, base, packet, family)
            # Which device's packets, or which frames, such a chain sees is not known here.
            yield found if base.of_ip or found.kind == ACCEPT else Verdict(UNKNOWN, found.rule, base.name)
        if kind != "nat" and hook == "prerouting":
            for base in ruleset.bases(family, "ingress", "filter"):
                found = _walked(ruleset, base, packet, family)
                yield found if found.kind == ACCEPT else Verdict(UNKNOWN, found.rule, base.name)


def _first(found: Iterable[Verdict], sought: str) -> Verdict:
    """The verdict of the chain that decides: the sought one, or else a doubtful one, or else another."""
    verdicts = list(found)
    for kind in (sought, UNKNOWN):
        for each in verdicts:
            if each.kind == kind:
                return each
    return next((each for each in verdicts if each.rule is not None), Verdict(ACCEPT))


def _walked(ruleset: Ruleset, base: RulesetChain, packet: Packet, family: str) -> Verdict:
    chains = ruleset.tables[base.family, base.table]
    policy = DROP if base.policy == "drop" else ACCEPT
    place = "%s of table %s %s" % (base.name, base.family, base.table)
    ends = [
        Verdict(policy, each.rule, place) if each.kind == RETURN else each
        for each in _ends(chains, base, packet, family)
    ]
    other = next((each for each in ends if each.kind != ends[-1].kind), None)
    return Verdict(UNKNOWN, other.rule, other.chain) if other else ends[-1]


def _ends(chains: Mapping[str, RulesetChain], chain: RulesetChain, packet: Packet, family: str) -> list[Verdict]:
    """As packets may leave a chain: by rules that may match, and at last by one that does, or by its end."""
    found: List[Verdict] = []
    for rule in chain.rules:
        for matched, branch in _branches(rule, packet, family):
            if matched is False or branch.target in PASSING:
                continue
            if branch.target in TERMINAL:
                ends = [Verdict(TERMINAL[branch.target], _named(rule), chain.name)]
            elif branch.target in chains:
                below = _ends(chains, chains[branch.target], packet, family)
                ends = below if branch.goto else [each for each in below if each.kind != RETURN]
                matched = matched and len(ends) == len(below)
            else:
                ends = [Verdict(UNKNOWN, _named(rule), chain.name)]
            if matched:
                return found + ends
            # What one of them may drop, others get by.
            found += [each for each in ends if each.kind != DROP]
    return [*found, Verdict(RETURN, None, chain.name)]


def _branches(rule: AnyRule, packet: Packet, family: str) -> Iterator[Tuple[Optional[bool], Branch]]:
    """Whether a rule matches, and what it does then; more than one answer where a map decides by what is unknown."""
    if isinstance(rule, Rule):
        yield matches(rule, packet), Branch(rule.target, rule.goto)
        return
    answers = [each.matches(packet, family) for each in rule.conditions]
    if False in answers:
        return
    matched = None if rule.unread or None in answers else True
    if rule.lookup is None:
        yield matched, rule.branch
        return
    value, sure = rule.lookup.found(packet, family)
    if sure:
        if value is not None:
            yield matched, value
        return
    for branch in dict.fromkeys(rule.lookup.values.values()):
        yield None, branch


def _named(rule: AnyRule) -> Rule:
    return rule if isinstance(rule, Rule) else Rule(rule.text, unread=rule.unread)


def _all_rules(filters: Filters) -> Iterator[AnyRule]:
    for chains in (filters.older or {}).values():
        for chain in chains.values():
            yield from chain.rules
    if filters.ruleset is not None:
        yield from filters.ruleset.rules()


class _Bounds:
    """Where rules tell numbers apart: between two bounds all addresses (or ports) are alike to all rules."""

    def __init__(self, rules: Iterable[AnyRule]) -> None:
        found: Dict[str, set[int]] = {}
        for rule in rules:
            for name, low, high in bounds_of(rule) if isinstance(rule, Rule) else _native_bounds(rule):
                found.setdefault(name, set()).update((low, high + 1))
        self._bounds = {name: sorted(values) for name, values in found.items()}

    def alike(self, packet: Packet) -> Tuple[Any, ...]:
        """The same for packets that no rule tells apart."""
        return (
            self._place("source", packet.source),
            self._place("destination", packet.destination),
            self._place("source_port", packet.source_port),
            self._place("destination_port", packet.destination_port),
            packet.protocol,
            packet.in_device,
            packet.out_device,
            packet.state,
            packet.flags,
            packet.mark,
            packet.from_outside,
            tuple(sorted(packet.sets.items())),
        )

    def _place(self, name: str, value: Any) -> int | None:
        return None if value is None else bisect_right(self._bounds.get(name, []), int(value))


def _native_bounds(rule: NativeRule) -> Iterator[Tuple[str, int, int]]:
    lookups = [each.lookup for each in rule.conditions if isinstance(each, Condition)]
    for lookup in [*lookups, *([rule.lookup] if rule.lookup else [])]:
        for place, field in enumerate(lookup.fields):
            name = field.name
            if name not in ("source", "destination", "source_port", "destination_port"):
                continue
            for key in lookup.exact:
                yield name, key[place], key[place]
            for wanted, _value in lookup.others:
                yield from ((name, *span) for span in _spans(wanted[place]))


def _spans(values: Values) -> Iterator[Tuple[int, int]]:
    yield from values.ranges
    yield from ((each, each) for each in values.exact if isinstance(each, int))
