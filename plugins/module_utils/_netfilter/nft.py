# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's own table of nftables, by nft(8) and its JSON: read as a whole, changed in one transaction.

There is one for each family, ``ip linuxnet_ipvs`` and ``ip6 linuxnet_ipvs``; no other table is touched. The last thing
that goes takes its chain and the table along. Sources: nft(8), libnftables-json(5).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    Conflict,
    LinuxnetError,
    MissingRequirement,
    NotInstalled,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.programs import Finished, Run, finished

TABLE = "linuxnet_ipvs"
#: The families as nftables calls them.
FAMILIES = {"inet": "ip", "inet6": "ip6"}

#: An expression, a command, an element: JSON as libnftables-json(5) has it.
Json = Dict[str, Any]


@dataclass(frozen=True)
class BaseChain:
    """A chain at a hook; ``priority`` is a number, as nft(8) lists it."""

    name: str
    kind: str
    hook: str
    priority: int


#: The names are none that nft(8) could not read again, as `masquerade`, and the priorities those of iptables.
MASQUERADE = BaseChain("postrouting", "nat", "postrouting", 100)
FORWARD = BaseChain("forward", "filter", "forward", 0)


@dataclass(frozen=True)
class Rule:
    """A rule, without its counter."""

    chain: str
    expressions: Tuple[Json, ...]
    comment: Optional[str] = None
    handle: Optional[int] = field(default=None, compare=False)


@dataclass(frozen=True)
class NftSet:
    """A set: the types of an entry's parts, and the entries as tuples of text and numbers."""

    name: str
    types: Tuple[str, ...]
    entries: FrozenSet[Tuple[Any, ...]] = frozenset()


@dataclass(frozen=True)
class OwnTable:
    """The collection's table of one family; empty where there is none."""

    chains: Tuple[BaseChain, ...] = ()
    rules: Tuple[Rule, ...] = ()
    sets: Mapping[str, NftSet] = field(default_factory=dict)

    def like(self, rule: Rule) -> List[Rule]:
        """The rules that are this one, whatever the order of their matches."""
        return [each for each in self.rules if _key(each) == _key(rule)]


def _key(rule: Rule) -> Tuple[Any, ...]:
    return rule.chain, rule.comment, sorted(json.dumps(each, sort_keys=True) for each in rule.expressions)


class Nft:
    """nft(8) for a family (``inet``, ``inet6``) in a namespace.

    Each method raises

    NotInstalled
        There is no such command.
    MissingRequirement
        This kernel has no nftables, or nft(8) no JSON, or the task may not do it.
    LinuxnetError
        nft(8), or the kernel, refused it for another reason.
    """

    def __init__(self, run: Run, family: str, netns: Optional[str]) -> None:
        self._run_command = run
        self._family = FAMILIES[family]
        self._netns = netns

    def table(self) -> OwnTable:
        """The collection's table."""
        ended = self._run("list", "table", self._family, TABLE)
        if ended.code == 0:
            return table_of(json.loads(ended.printed)["nftables"])
        if _NO_SUCH in ended.warned:
            return OwnTable()
        raise self._refused("read table %s %s" % (self._family, TABLE), ended)

    def others(self, hook: str) -> List[str]:
        """The chains of others at a hook that drop what none of their rules accepts, or may do so in the end.

        That are those of such a policy, and firewalld's, which ends with a rule that rejects.
        """
        ended = self._run("list", "chains")
        if ended.code != 0:
            raise self._refused("list the chains", ended)
        chains = [each["chain"] for each in json.loads(ended.printed)["nftables"] if "chain" in each]
        seen = [each for each in chains if each.get("hook") == hook and each["family"] in (self._family, "inet")]
        return [
            "%s %s %s" % (each["family"], each["table"], each["name"])
            for each in seen
            if each["table"] != TABLE and (each.get("policy") == "drop" or each["table"] == "firewalld")
        ]

    def apply(self, commands: Sequence[Json]) -> None:
        """Carry out commands, all or none; each object is given without its family and table."""
        whole = [
            {verb: {kind: dict(_named(kind), family=self._family, **value) for kind, value in each.items()}}
            for command in commands
            for verb, each in command.items()
        ]
        ended = self._run("-f", "-", given=json.dumps({"nftables": whole}))
        if ended.code != 0:
            raise self._refused("change table %s %s" % (self._family, TABLE), ended)

    def _run(self, *arguments: str, given: Optional[str] = None) -> Finished:
        ended = self._once(*arguments, given=given)
        if given is None and not ended.warned and (ended.code != 0 or not ended.printed):
            # run_command() loses the words of a program that ends between its two looks at it, on a slow machine.
            ended = self._once(*arguments)
        return ended

    def _once(self, *arguments: str, given: Optional[str] = None) -> Finished:
        ended = finished(self._run_command, "nft", self._netns, "-j", "-n", *arguments, given=given)
        if ended is None:
            raise NotInstalled("the command 'nft' is not installed: install the package 'nftables'")
        return ended

    def _refused(self, action: str, ended: Finished) -> LinuxnetError:
        told = " ".join(ended.warned.split()) or "exit code %d, without a word" % ended.code
        where = " of network namespace '%s'" % self._netns if self._netns else ""
        said = "nft could not %s%s: %s" % (action, where, told)
        if "not permitted" in told:
            return MissingRequirement("%s: root needs the capability CAP_NET_ADMIN for it" % said)
        if "JSON support not compiled" in told:
            return MissingRequirement("%s: take an nft that is built with it, as that of the distributions" % said)
        if "not supported" in told:
            return MissingRequirement(
                "%s: this kernel's nf_tables lacks it; 'modprobe -a nf_tables nft_chain_nat nft_masq' says why" % said
            )
        if "Device or resource busy" in told:
            return Conflict("%s: it is in use: a rule asks for the set; delete that first" % said)
        return LinuxnetError(said)


#: What nft(8) says of a table that is not there.
_NO_SUCH = "No such file or directory"


def _named(kind: str) -> Json:
    return {"name": TABLE} if kind == "table" else {"table": TABLE}


def table_of(listed: Sequence[Json]) -> OwnTable:
    """A table as nft(8) lists it.

    Raises:
        Conflict: it holds what the collection does not put there.
    """
    chains, rules, sets = [], [], {}
    for each in listed:
        for kind, value in each.items():
            if kind == "chain" and "hook" in value:
                chains.append(BaseChain(value["name"], value["type"], value["hook"], value["prio"]))
            elif kind == "rule":
                said = tuple(_without_counter(value["expr"]))
                rules.append(Rule(value["chain"], said, value.get("comment"), value["handle"]))
            elif kind == "set":
                types = value["type"]
                entries = frozenset(_entry(element) for element in value.get("elem", ()))
                sets[value["name"]] = NftSet(
                    value["name"], tuple([types] if isinstance(types, str) else types), entries
                )
    for chain in chains:
        for own in (MASQUERADE, FORWARD):
            if chain.name == own.name and chain != own:
                raise Conflict(
                    "chain %s of table %s is at another hook than the collection's: delete it" % (own.name, TABLE)
                )
    return OwnTable(tuple(chains), tuple(rules), sets)


def _without_counter(expressions: Sequence[Json]) -> List[Json]:
    return [each for each in expressions if "counter" not in each]


def _entry(element: Any) -> Tuple[Any, ...]:
    if isinstance(element, dict) and "elem" in element:  # with a timeout, a comment or a counter
        element = element["elem"]["val"]
    parts = element["concat"] if isinstance(element, dict) and "concat" in element else [element]
    return tuple(json.dumps(part) if isinstance(part, dict) else part for part in parts)


def present(table: OwnTable, chain: BaseChain, rule: Rule) -> List[Json]:
    """The commands by which a rule is there; none where it is."""
    if table.like(rule):
        return []
    comment = {} if rule.comment is None else {"comment": rule.comment}
    *matches, verdict = rule.expressions
    return [
        {"add": {"table": {}}},
        {
            "add": {
                "chain": {
                    "name": chain.name,
                    "type": chain.kind,
                    "hook": chain.hook,
                    "prio": chain.priority,
                    "policy": "accept",
                }
            }
        },
        {"add": {"rule": dict(comment, chain=chain.name, expr=[*matches, {"counter": None}, verdict])}},
    ]


def absent(table: OwnTable, chain: BaseChain, rule: Rule) -> List[Json]:
    """The commands by which each copy of a rule goes, and what nobody needs then; none where there is none."""
    gone = table.like(rule)
    if not gone:
        return []
    commands: List[Json] = [{"delete": {"rule": {"chain": chain.name, "handle": each.handle}}} for each in gone]
    left = [each for each in table.rules if each not in gone]
    if not any(each.chain == chain.name for each in left):
        commands.append({"delete": {"chain": {"name": chain.name}}})
        if not left and not table.sets and [each.name for each in table.chains] == [chain.name]:
            commands.append({"delete": {"table": {}}})
    return commands
