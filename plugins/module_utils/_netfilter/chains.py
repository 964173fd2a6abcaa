# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole chains of iptables, as a task wishes them: a rule is text, what iptables-save(8) prints behind ``-A CHAIN``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.saved import SavedTable

#: The chains that each table has by itself (iptables(8)).
BUILT_IN = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "raw": ("PREROUTING", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
#: The families under the names of the task's options, and what the collection calls them.
FAMILIES = {"ipv4": "inet", "ipv6": "inet6"}
#: Where a rule stands in a chain of somebody else's.
POSITIONS = ("first", "last", "anywhere")
#: XT_EXTENSION_MAXNAMELEN in linux/netfilter/x_tables.h is 29 with its closing NUL.
CHAIN_NAME_MAX = 28
#: iptables-restore(8) reads lines into 10240 bytes.
RULE_MAX = 10000

_VERDICTS = ("ACCEPT", "DROP", "QUEUE", "RETURN")
_RULE = re.compile(r'(?:\s*(?:"(?:[^"\\]|\\.)*"|[^\s"]+))*')
_COMMAND = re.compile(r"-[AIDRNXPEFZLSC](\s|$)|--(append|insert|delete|replace|new-chain|table)\b|-t\s")


class ChainKey(NamedTuple):
    """Where a chain is: ``ipv4`` or ``ipv6``, the table, and its name."""

    family: str
    table: str
    chain: str


class ChainWish(NamedTuple):
    """A chain; ``None`` leaves its rules as they are."""

    key: ChainKey
    rules: Optional[Tuple[str, ...]]


class JumpWish(NamedTuple):
    """A rule in a chain that the task does not fill, and where it stands there (:data:`POSITIONS`)."""

    key: ChainKey
    rule: str
    position: str


@dataclass(frozen=True)
class Scope:
    """Which chains a task owns beyond those that it lists."""

    chains: Tuple[str, ...] = ()
    families: Tuple[str, ...] = tuple(FAMILIES)
    tables: Tuple[str, ...] = tuple(BUILT_IN)

    def has(self, chain: ChainKey) -> bool:
        """Whether a chain is in it."""
        return (
            chain.family in self.families
            and chain.table in self.tables
            and any(fnmatchcase(chain.chain, pattern) for pattern in self.chains)
        )


@dataclass(frozen=True)
class Wish:
    """What a task wants; ``purge`` are the chains that go where they are not listed."""

    chains: Tuple[ChainWish, ...]
    jumps: Tuple[JumpWish, ...]
    present: bool
    purge: Optional[Scope] = None

    def tables(self) -> list[tuple[str, str]]:
        """The tables in which something is listed, as family and name."""
        return list(dict.fromkeys(each[:2] for each in self.places()))

    def places(self) -> list[ChainKey]:
        """The chains that are listed, and those into which rules are put."""
        return [each.key for each in self.chains] + [each.key for each in self.jumps]

    def families(self) -> list[str]:
        """The families of which something is listed, or may have to go."""
        listed = {family for family, _table in self.tables()} | set(self.purge.families if self.purge else ())
        return [family for family in FAMILIES if family in listed]


#: What the kernel has: tables by family and name.
Have = Mapping[str, Mapping[str, SavedTable]]


def wish_of(options: Mapping[str, Any]) -> Wish:
    """What a task's options say.

    Raises:
        InvalidOption: one cannot be meant.
    """
    chains = tuple(_chain_wish(index, each) for index, each in enumerate(options["chains"] or ()))
    values.unique("chains", [" ".join(each.key) for each in chains], "a chain")
    jumps = tuple(_jump_wish(index, each) for index, each in enumerate(options["jumps"] or ()))
    values.unique("jumps", [" ".join((*each.key, each.rule)) for each in jumps], "a rule")
    listed = {each.key for each in chains}
    for index, jump in enumerate(jumps):
        if jump.key in listed:
            raise InvalidOption("jumps[%d].chain" % index, jump.key.chain, "'chains' lists it: put the rule there")
    if options["scope"] and not options["purge"]:
        raise InvalidOption("scope", options["scope"], "it is for 'purge: true' only")
    scope = _scope(options["scope"]) if options["purge"] else None
    if scope is not None:
        for index, each in enumerate(chains):
            if not scope.has(each.key):
                raise InvalidOption("chains[%d]" % index, " ".join(each.key), "'scope' does not have it: widen it")
    return Wish(chains, jumps, options["state"] == "present", scope)


def _chain_wish(index: int, options: Mapping[str, Any]) -> ChainWish:
    where = "chains[%d]" % index
    name = chain_name(where + ".chain", options["chain"])
    if name in _VERDICTS or any(name in names for names in BUILT_IN.values()):
        raise InvalidOption(
            where + ".chain", name, "this is iptables' own: list rules for a built-in chain under 'jumps'"
        )
    rules = options["rules"]
    if rules is not None:
        rules = tuple(_rule("%s.rules[%d]" % (where, place), each) for place, each in enumerate(rules))
    return ChainWish(ChainKey(options["family"], options["table"], name), rules)


def _jump_wish(index: int, options: Mapping[str, Any]) -> JumpWish:
    where = "jumps[%d]" % index
    name, table = chain_name(where + ".chain", options["chain"]), options["table"]
    if name not in BUILT_IN[table] and any(name in names for names in BUILT_IN.values()):
        raise InvalidOption(where + ".chain", name, "table %s has %s" % (table, ", ".join(BUILT_IN[table])))
    return JumpWish(
        ChainKey(options["family"], table, name), _rule(where + ".rule", options["rule"]), options["position"]
    )


def chain_name(option: str, value: str) -> str:
    """A chain's name, as iptables(8) and the kernel take it (assert_valid_chain_name() in iptables/xshared.c)."""
    if not 0 < len(value.encode()) <= CHAIN_NAME_MAX:
        raise InvalidOption(option, value, "a chain's name has 1 to %d bytes" % CHAIN_NAME_MAX)
    if value[0] in "-!" or any(c.isspace() or not c.isprintable() or c in "\"'\\" for c in value):
        raise InvalidOption(option, value, "a chain's name begins with neither '-' nor '!', and has no blank or quote")
    return value


def _rule(option: str, value: str) -> str:
    """A rule's text, of which iptables-restore(8) can make one line; what it means is for that to say."""
    text = value.strip()
    if not text.isprintable() or len(text.encode()) > RULE_MAX:
        raise InvalidOption(option, value, "a rule is one line of at most %d bytes" % RULE_MAX)
    if not _RULE.fullmatch(text):
        raise InvalidOption(option, value, 'a double quote is not closed; inside two of them write \\" for one')
    if _COMMAND.match(text):
        raise InvalidOption(option, value, "write only what iptables-save shows behind '-A CHAIN'")
    return text


def _scope(options: Mapping[str, Any]) -> Scope:
    if not options["chains"]:
        raise InvalidOption("scope.chains", options["chains"], "name the chains that the task owns, such as 'MINE-*'")
    for index, pattern in enumerate(options["chains"]):
        if not pattern.strip("*?"):
            raise InvalidOption("scope.chains[%d]" % index, pattern, "this would be everybody's chains")
    return Scope(
        tuple(options["chains"]),
        tuple(options["families"] or FAMILIES),
        tuple(options["tables"] or BUILT_IN),
    )
