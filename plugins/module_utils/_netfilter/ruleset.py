# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of nftables as values: what ``nft -j list ruleset`` prints, its rules of iptables in iptables' own words.

Sources: libnftables-json(5), nft(8). Of a rule that has a match or target of xtables JSON tells only the kind;
``iptables-save`` tells it, in the same place of the same chain. Of any other it tells the text, unless the rule asks
for what iptables leaves out when it writes it (iptables/nft-shared.c): a set, say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Union

from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.conditions import (
    NO_SETS,
    Condition,
    Field,
    Lookup,
    Sets,
    condition,
    elements_of,
    fields_of,
    only,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import Rule, Tables

#: Statements behind which a packet goes on to the next one, and that change nothing that is asked for here.
_PASSING = ("counter", "log", "comment", "meta", "mangle", "notrack", "flow", "dup", "ct helper", "secmark", "last")
#: Statements that end a packet's way through a base chain, by iptables' name for the like.
_ENDS = {
    "accept": "ACCEPT",
    "drop": "DROP",
    "reject": "REJECT",
    "return": "RETURN",
    "masquerade": "MASQUERADE",
    "snat": "SNAT",
    "dnat": "DNAT",
    "redirect": "DNAT",
}
#: The families of tables whose chains see packets of IP version 4 and 6, and at which hooks of their own.
_SEEN = {"ip": ("inet",), "ip6": ("inet6",), "inet": ("inet", "inet6")}
_FAMILY_OF = {"icmp": "ipv4", "icmpv6": "ipv6", "ip": "ipv4", "ip6": "ipv6"}
#: What iptables asks of a packet without a match of xtables: the keys of meta, and the fields of headers.
_META_OF_IPTABLES = ("iif", "iifname", "oif", "oifname", "l4proto", "mark")
_PAYLOAD_OF_IPTABLES = {
    "ip": ("saddr", "daddr", "protocol", "frag-off"),
    "ip6": ("saddr", "daddr", "nexthdr"),
    "tcp": ("sport", "dport", "flags"),
    "udp": ("sport", "dport"),
}
_TABLE = re.compile(r"^table (\S+) (\S+) \{")
_CHAIN = re.compile(r"^\tchain (\S+) \{")
_RULE = re.compile(r"^\t\t(.*\S) # handle (\d+)$")


@dataclass(frozen=True)
class Branch:
    """What a rule does to packets that it matches: a target in iptables' words, or a chain; empty goes on."""

    target: str = ""
    goto: bool = False


@dataclass(frozen=True)
class NativeRule:
    """A rule of nft(8). ``unread`` is whether it asks for what is not read here.

    A rule with a verdict map has ``lookup``, and the branches by its elements.
    """

    text: str
    conditions: Tuple[Condition, ...] = ()
    unread: bool = False
    branch: Branch = Branch()
    lookup: Optional[Lookup] = None
    #: Whether packets that it matches are kept from conntrack.
    untracks: bool = False


#: A rule in a chain of nftables: one of nft(8), or one of iptables.
AnyRule = Union[NativeRule, Rule]


@dataclass(frozen=True)
class RulesetChain:
    """A chain. One that has a hook sees packets there, in the order of priorities; ``policy`` is its end."""

    family: str
    table: str
    name: str
    rules: Tuple[AnyRule, ...] = ()
    kind: str = ""
    hook: str = ""
    priority: int = 0
    policy: str = "accept"

    def sees(self, family: str) -> bool:
        """Whether it may see packets of a family (``inet``, ``inet6``); those of devices and bridges see both."""
        return family in _SEEN.get(self.family, ("inet", "inet6"))

    @property
    def of_ip(self) -> bool:
        """Whether its hook is one of IP's, and not a device's or a bridge's."""
        return self.family in _SEEN


@dataclass(frozen=True)
class Ruleset:
    """All chains, by family and table, and by name."""

    tables: Mapping[Tuple[str, str], Mapping[str, RulesetChain]]

    def bases(self, family: str, hook: str, *kinds: str) -> list[RulesetChain]:
        """The chains that see packets of a family at a hook, in their order."""
        found = [
            chain
            for chains in self.tables.values()
            for chain in chains.values()
            if chain.hook == hook and chain.kind in kinds and chain.sees(family)
        ]
        return sorted(found, key=lambda chain: chain.priority)

    def rules(self) -> Iterable[AnyRule]:
        """All rules of all chains."""
        return (rule for chains in self.tables.values() for chain in chains.values() for rule in chain.rules)

    @property
    def untracks(self) -> bool:
        """Whether a rule keeps packets from conntrack."""
        return any(isinstance(rule, NativeRule) and rule.untracks for rule in self.rules())


def parse(told: Mapping[str, Any], written: str = "", by_iptables: Optional[Mapping[str, Tables]] = None) -> Ruleset:
    """The rules that ``nft -j list ruleset`` told.

    Args:
        told: The document.
        written: What ``nft --handle --terse --stateless list ruleset`` printed, for the texts of rules.
        by_iptables: What ``iptables-save`` and ``ip6tables-save`` of the back end nf_tables say, by ``ip`` and ``ip6``.
    """
    texts = _texts(written)
    sets = _sets(told)
    chains: Dict[Tuple[str, str], Dict[str, RulesetChain]] = {}
    rules: Dict[Tuple[str, str, str], List[Any]] = {}
    for each in told.get("nftables", ()):
        if "chain" in each:
            chain = _chain(each["chain"])
            chains.setdefault((chain.family, chain.table), {})[chain.name] = chain
        elif "rule" in each:
            given = each["rule"]
            rules.setdefault((given["family"], given["table"], given["chain"]), []).append(given)
    for (family, table, name), given in rules.items():
        own = (by_iptables or {}).get(family, {}).get(table, {}).get(name)
        there = chains.setdefault((family, table), {})
        chain = there.get(name, RulesetChain(family, table, name))
        known = own.rules if own is not None and len(own.rules) == len(given) else ()
        made: List[AnyRule] = []
        for place, each in enumerate(given):
            if known and _of_xtables(each):
                made.append(known[place])
                continue
            text = texts.get((family, table, name, each["handle"]), "")
            rule = _rule(each, sets.get((family, table), NO_SETS), text)
            made.append(replace(rule, text=known[place].text) if known and _iptables_shows(each) else rule)
        there[name] = replace(chain, rules=tuple(made))
    return Ruleset(chains)


def _chain(given: Mapping[str, Any]) -> RulesetChain:
    return RulesetChain(
        family=given["family"],
        table=given["table"],
        name=given["name"],
        kind=given.get("type", ""),
        hook=given.get("hook", ""),
        priority=given.get("prio", 0),
        policy=given.get("policy", "accept"),
    )


def _sets(told: Mapping[str, Any]) -> dict[tuple[str, str], Sets]:
    """The elements of sets and maps by table and name; of one that rules fill, nobody knows what it has next."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    filled: dict[tuple[str, str], set[str]] = {}
    for each in told.get("nftables", ()):
        for word in ("set", "map"):
            if word in each:
                given = each[word]
                found.setdefault((given["family"], given["table"]), {})[given["name"]] = given.get("elem", [])
        for statement in each.get("rule", {}).get("expr", ()):
            for word in ("set", "map"):
                if isinstance(statement.get(word), dict):
                    rule = each["rule"]
                    name = str(statement[word].get(word, "")).lstrip("@")
                    filled.setdefault((rule["family"], rule["table"]), set()).add(name)
    return {table: Sets(sets, frozenset(filled.get(table, ()))) for table, sets in found.items()}


def _texts(written: str) -> dict[tuple[str, str, str, int], str]:
    found = {}
    family = table = chain = ""
    for line in written.splitlines():
        opened = _TABLE.match(line)
        if opened:
            family, table = opened.groups()
            continue
        opened = _CHAIN.match(line)
        if opened:
            chain = opened.group(1)
            continue
        rule = _RULE.match(line)
        if rule:
            found[family, table, chain, int(rule.group(2))] = rule.group(1)
    return found


def _of_xtables(given: Mapping[str, Any]) -> bool:
    return any("xt" in statement for statement in given["expr"])


def _iptables_shows(given: Mapping[str, Any]) -> bool:
    """Whether iptables writes all that a rule without matches of xtables asks for; it leaves out sets, for one."""
    for statement in given["expr"]:
        ((word, value),) = statement.items()
        if word == "match":
            left, right = value["left"], value["right"]
            if isinstance(left, dict) and "&" in left:
                left = left["&"][0]
            asked = left.get("payload", {}) if isinstance(left, dict) else {}
            shown = asked.get("field") in _PAYLOAD_OF_IPTABLES.get(asked.get("protocol", ""), ())
            shown = shown or (isinstance(left, dict) and left.get("meta", {}).get("key") in _META_OF_IPTABLES)
            if not shown or str(right).startswith("@") or (isinstance(right, dict) and "set" in right):
                return False
        elif word not in ("counter", "accept", "drop", "return", "jump", "goto"):
            return False
    return True


def _rule(given: Mapping[str, Any], sets: Sets, text: str) -> NativeRule:
    place = "chain %s of table %s %s" % (given["chain"], given["family"], given["table"])
    text = "%s (%s)" % (text or "a rule (handle %s)" % given["handle"], place)
    conditions: list[Condition] = []
    unread, untracks = False, False
    for statement in given["expr"]:
        ((word, value),) = statement.items()
        if word == "match":
            found = condition(value, sets)
            unread = unread or found is None
            conditions += [found] if found else []
        elif word == "vmap":
            fields = fields_of(value["key"])
            lookup = None if fields is None else elements_of(fields, value["data"], sets)
            if lookup is None:
                return NativeRule(text, tuple(conditions), True, Branch("an unread verdict map"))
            branches = {key: _branch(verdict) for key, verdict in lookup.values.items()}
            return NativeRule(text, tuple(conditions), unread, lookup=lookup.with_values(branches))
        elif word in ("jump", "goto") or word in _ENDS:
            conditions += _of_verdict(word, value)
            return NativeRule(text, tuple(conditions), unread, _branch(statement), untracks=untracks)
        elif word == "continue":
            break
        elif word == "set" and not value.get("stmt"):
            continue
        elif word not in _PASSING:  # a limit, a quota, a queue, a match of xtables...
            unread = True
            if word in ("queue", "fwd", "tproxy", "synproxy", "xt"):
                return NativeRule(text, tuple(conditions), True, Branch(word))
        untracks = untracks or word == "notrack"
    return NativeRule(text, tuple(conditions), unread, untracks=untracks)


def _of_verdict(word: str, value: Any) -> list[Condition]:
    """What a verdict asks of a packet by itself: a kind of ICMP is of one family, a reset of TCP only."""
    kind = value.get("type" if word == "reject" else "family", "") if isinstance(value, dict) else ""
    if kind == "tcp reset":
        return [only(Field("protocol"), "tcp")]
    if kind in _FAMILY_OF:
        return [only(Field("nfproto"), _FAMILY_OF[kind])]
    return []


def _branch(verdict: Mapping[str, Any]) -> Branch:
    ((word, value),) = verdict.items()
    if word in ("jump", "goto"):
        return Branch(str(value["target"]), word == "goto")
    return Branch(_ENDS.get(word, "" if word == "continue" else word))
