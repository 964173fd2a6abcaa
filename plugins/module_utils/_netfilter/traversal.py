# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all rules of a node do to a packet at one hook: those of nftables, and those of the older back end of iptables.

Sources: nft(8): CHAINS (each base chain of a hook is asked, whatever those before have accepted); net/netfilter/core.c,
nf_nat_core.c: nf_nat_inet_fn() (the first chain of NAT that gives an address decides).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
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
_IPTABLES = {
    "prerouting": ("PREROUTING", ("raw", "mangle")),
    "input": ("INPUT", ("mangle", "filter", "security")),
    "forward": ("FORWARD", ("mangle", "filter", "security")),
    "output": ("OUTPUT", ("raw", "mangle", "filter", "security")),
    "postrouting": ("POSTROUTING", ("mangle",)),
}
#: Where IPVS takes packets (ip_vs_core.c: ip_vs_ops4): chains of these priorities or later do not see them as before.
_IPVS = {"input": 99, "forward": 100}
#: Chains of this priority or before see packets that conntrack has not (NF_IP_PRI_CONNTRACK).
_CONNTRACK = -200
IPTABLES_TABLES = ("filter", "nat", "mangle", "raw", "security")
IPTABLES_CHAINS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")


class Filters(NamedTuple):
    """All rules of one family that are known: those of nftables, and tables of iptables that are not among these."""

    family: str
    ruleset: Optional[Ruleset] = None
    iptables: Tuple[Tables, ...] = ()


class Decision(NamedTuple):
    """What happens to packets at a hook, and by what: a rule's text (empty for the policy) in or behind a chain there.

    ``family`` of the chain's table is empty where only iptables tells of it.
    """

    kind: str
    rule: str = ""
    family: str = ""
    table: str = ""
    chain: str = ""

    @property
    def by_iptables(self) -> bool:
        """Whether iptables shows the chain, and takes rules into it."""
        return self.family in ("", "ip", "ip6") and self.table in IPTABLES_TABLES and self.chain in IPTABLES_CHAINS


class Traversal:
    """Asks what happens to packets; those that all rules take for the same are asked about once."""

    def __init__(self, filters: Filters) -> None:
        self._filters = filters
        self._known: Dict[Any, Decision] = {}
        self._bounds = _Bounds(_all_rules(filters))

    def filtered(self, hook: str, packet: Packet) -> Decision:
        """Whether chains that filter at a hook drop every packet of which this is known; ``unknown`` is in doubt."""
        return self._once("filter", hook, packet)

    def masqueraded(self, packet: Packet) -> Decision:
        """Whether a chain of NAT behind the routing gives each of these packets another source."""
        return self._once("nat", "postrouting", packet)

    def alike(self, packed: bytes, port: int) -> Tuple[int, ...]:
        """The same for addresses (packed, with a port) that no rule tells apart, as source or destination."""
        return self._bounds.of_end(int.from_bytes(packed, "big"), port)

    def _once(self, kind: str, hook: str, packet: Packet) -> Decision:
        key = (kind, hook, self._bounds.alike(packet))
        if key not in self._known:
            found = list(self._decisions(kind, hook, packet))
            self._known[key] = _first(found, MASQUERADE if kind == "nat" else DROP)
        return self._known[key]

    def _decisions(self, kind: str, hook: str, packet: Packet) -> Iterator[Decision]:
        for tables in self._filters.iptables:
            chain, names = ("POSTROUTING", ("nat",)) if kind == "nat" else _IPTABLES[hook]
            for name in names:
                # What raw sees is not in conntrack yet.
                seen = replace(packet, state=None) if name == "raw" else packet
                found = walk(tables, name, chain, seen)
                yield Decision(found.kind, found.rule.text if found.rule else "", "", name, chain)
        if self._filters.ruleset is not None:
            yield from self._of_nftables(self._filters.ruleset, kind, hook, packet)

    def _of_nftables(self, ruleset: Ruleset, kind: str, hook: str, packet: Packet) -> Iterator[Decision]:
        family = self._filters.family
        bases = ruleset.bases(family, hook, *(("nat",) if kind == "nat" else ("filter", "route")))
        if (kind, hook) == ("filter", "prerouting"):
            bases += ruleset.bases(family, "ingress", "filter")
        for base in bases:
            if kind == "filter" and base.of_ip and base.priority >= _IPVS.get(hook, 1 << 31):
                continue
            untracked = hook in ("prerouting", "output") and base.priority <= _CONNTRACK
            found = _walked(ruleset, base, replace(packet, state=None) if untracked else packet, family)
            # Which device's packets, or which frames, a chain that is none of IP's sees is not known here.
            sure = base.of_ip or found.kind == ACCEPT
            text = found.rule.text if found.rule else ""
            yield Decision(found.kind if sure else UNKNOWN, text, base.family, base.table, base.name)


def _first(found: Iterable[Decision], sought: str) -> Decision:
    """The decision that counts: the sought one, or else a doubtful one, or else another."""
    decisions = list(found)
    for kind in (sought, UNKNOWN):
        for each in decisions:
            if each.kind == kind:
                return each
    return next((each for each in decisions if each.rule), Decision(ACCEPT))


def _walked(ruleset: Ruleset, base: RulesetChain, packet: Packet, family: str) -> Verdict:
    chains = ruleset.tables[base.family, base.table]
    policy = DROP if base.policy == "drop" else ACCEPT
    ends = [
        Verdict(policy, each.rule, base.name) if each.kind == RETURN else each
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
    for tables in filters.iptables:
        for chains in tables.values():
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
        self._sources, self._destinations = (self._bounds.get(name, []) for name in ("source", "destination"))
        self._source_ports = self._bounds.get("source_port", [])
        self._destination_ports = self._bounds.get("destination_port", [])

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

    def of_end(self, address: int, port: int) -> Tuple[int, ...]:
        """Where an address and a port lie among the bounds, as source and as destination."""
        return (
            bisect_right(self._sources, address),
            bisect_right(self._destinations, address),
            bisect_right(self._source_ports, port),
            bisect_right(self._destination_ports, port),
            port == 0,
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
