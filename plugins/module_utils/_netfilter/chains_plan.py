# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the chains that the kernel has to those that a task wishes: lines for iptables-restore(8), and the difference.

Pure. Rules are compared as text, so a wish is first brought into the spelling of iptables-save(8): what is not in the
kernel word for word is put into an empty namespace, and read from there (``spelling.py``).
"""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.chains import (
    BUILT_IN,
    POSITIONS,
    ChainKey,
    ChainWish,
    Have,
    JumpWish,
    Wish,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.saved import RuleKey, SavedTable, key, words

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_TARGET = re.compile(r"(?:^| )-[jg] (\S+)")

#: The rules of a chain, ``None`` where there is no such chain.
Rules = Optional[Tuple[str, ...]]


class Change(NamedTuple):
    """One run of iptables-restore(8), and what the chains that it changes hold then."""

    family: str
    lines: Tuple[str, ...]
    after: Mapping[ChainKey, Rules]


def target(text: str) -> str:
    """The target, or the chain, to which a saved rule leads; empty where it leads nowhere."""
    match = _TARGET.search(_QUOTED.sub("", text) if '"' in text else text)
    return match[1] if match else ""


def rules_of(have: Have, chain: ChainKey) -> Optional[List[str]]:
    """The rules of a chain."""
    return have.get(chain.family, {}).get(chain.table, SavedTable()).rules.get(chain.chain)


def unspelled(wish: Wish, have: Have) -> Wish:
    """The part of a wish of which it is not certain that its text is what iptables-save(8) would print."""
    if not wish.present:
        return replace(wish, chains=(), jumps=())
    return replace(
        wish,
        chains=tuple(each for each in wish.chains if each.rules and list(each.rules) != rules_of(have, each.key)),
        jumps=tuple(each for each in wish.jumps if each.rule not in (rules_of(have, each.key) or ())),
    )


def respelled(wish: Wish, part: Wish, found: Have) -> Wish:
    """A wish with a part of its rules as they were found where nothing but they was put."""
    chains = {each: ChainWish(each.key, tuple(rules_of(found, each.key) or ())) for each in part.chains}
    jumps: Dict[JumpWish, JumpWish] = {}
    for chain in dict.fromkeys(each.key for each in part.jumps):
        wanted = [each for each in part.jumps if each.key == chain]
        rules = rules_of(found, chain) or []
        if len(rules) != len(wanted):
            texts = "; ".join(each.rule for each in wanted)
            raise InvalidOption("jumps", texts, "iptables makes %d rules of this: write each by itself" % len(rules))
        jumps.update({each: each._replace(rule=rule) for each, rule in zip(wanted, rules)})
    return replace(
        wish,
        chains=tuple(chains.get(each, each) for each in wish.chains),
        jumps=tuple(jumps.get(each, each) for each in wish.jumps),
    )


def plan(wish: Wish, have: Have) -> Plan[Change]:
    """The changes, a run of iptables-restore(8) for each family, and the difference by the rules' numbers.

    Raises:
        Conflict: a chain of somebody else's into which a rule is to be put is not there.
    """
    changes: list[Change] = []
    before: dict[str, dict[str, Any]] = {"chains": {}, "jumps": {}}
    after: dict[str, dict[str, Any]] = {"chains": {}, "jumps": {}}
    for family in wish.families():
        lines: list[str] = []
        left: dict[ChainKey, Rules] = {}
        for table in BUILT_IN:
            edit = _Edit(wish, family, table, have.get(family, {}).get(table, SavedTable()))
            lines += edit.lines()
            for name, rules in edit.after.items():
                chain = ChainKey(family, table, name)
                left[chain] = rules
                option, old = "chains" if name in edit.owned else "jumps", edit.before(name)
                _show(before[option], chain, old, rules)
                _show(after[option], chain, rules, old)
        if lines:
            changes.append(Change(family, tuple(lines), left))
    return Plan(tuple(changes), *({option: each for option, each in side.items() if each} for side in (before, after)))


def _show(side: dict[str, Any], chain: ChainKey, rules: Rules, other: Rules) -> None:
    """The rules, by their number in the chain, that stand on one side of the difference only."""
    if rules is None:
        return
    matcher = difflib.SequenceMatcher(None, rules, other or (), autojunk=False)
    common = {place for start, _other, size in matcher.get_matching_blocks() for place in range(start, start + size)}
    side[" ".join(chain)] = {str(place + 1): rule for place, rule in enumerate(rules) if place not in common}


class _Edit:
    """What is to be done to one table; ``after`` is what each chain that changes holds then."""

    def __init__(self, wish: Wish, family: str, table: str, have: SavedTable) -> None:
        self._table, self._have = table, have
        self.after: Dict[str, Rules] = {}
        self._declared: List[str] = []
        self._others: List[str] = []
        listed = {each.key.chain: each.rules for each in wish.chains if each.key[:2] == (family, table)}
        deleted = [] if wish.present else [name for name in listed if name in have.rules]
        if wish.purge is not None:
            mine = (name for name, policy in have.policies.items() if policy == "-" and name not in listed)
            deleted += [name for name in mine if wish.purge.has(ChainKey(family, table, name))]
        self._deleted = deleted
        self.owned = {*listed, *deleted}
        if wish.present:
            self._fill(listed)
        for name in deleted:
            self._declared.append(name)
            self.after[name] = None
        jumps: Dict[str, List[JumpWish]] = {}
        for each in wish.jumps:
            if each.key[:2] == (family, table):
                jumps.setdefault(each.key.chain, []).append(each)
        for name in dict.fromkeys([*have.rules, *jumps]):
            if name not in self._declared:
                unwanted = {*deleted, *(listed if wish.purge is not None and name in BUILT_IN[table] else ())}
                self._rearrange(name, jumps.get(name, []), unwanted, wish.present)

    def before(self, name: str) -> Rules:
        """What a chain holds now."""
        rules = self._have.rules.get(name)
        return None if rules is None else tuple(rules)

    def lines(self) -> list[str]:
        """The lines for iptables-restore(8): a chain that is declared is emptied, or made."""
        if not self.after:
            return []
        filled = ["-A %s %s" % (name, rule) for name in self._declared for rule in self.after[name] or ()]
        return [
            "*%s" % self._table,
            *(":%s - [0:0]" % name for name in self._declared),
            *self._others,
            *filled,
            *("-X %s" % name for name in self._deleted),
            "COMMIT",
        ]

    def _fill(self, listed: Mapping[str, Rules]) -> None:
        for name, rules in listed.items():
            there = self.before(name)
            if there is None or (rules is not None and rules != there):
                self._declared.append(name)
                self.after[name] = rules or ()

    def _rearrange(self, name: str, mine: Sequence[JumpWish], unwanted: Set[str], present: bool) -> None:
        """Bring rules into a chain that the task does not fill, and out of it."""
        there = self.before(name)
        if there is None and name not in BUILT_IN[self._table]:
            if present:
                raise Conflict("jumps: table %s has no chain '%s': its owner must make it first" % (self._table, name))
            return
        if not mine and not unwanted:
            return
        new, lines = rearranged(name, there or (), mine, unwanted, present)
        if lines:
            self.after[name] = new
            self._others += lines


def rearranged(
    chain: str, old: Sequence[str], mine: Sequence[JumpWish], unwanted: Set[str], present: bool
) -> Tuple[Tuple[str, ...], List[str]]:
    """What a chain of somebody else's holds once the task's rules have their places in it, and the lines for that.

    A rule that is where it shall be stays as it is there; ``unwanted`` are the targets of the others that go.
    """
    wanted = {key(words(each.rule)): each for each in mine}
    own = {place: same for place, same in enumerate(key(words(rule)) for rule in old) if same in wanted} if mine else {}
    first, last, anywhere = (
        [same for same, each in wanted.items() if present and each.position == position] for position in POSITIONS
    )
    above = _in_place(own, first, range(len(first)))
    below = _in_place(own, last, range(len(old) - len(last), len(old)))
    between = {place for same in anywhere for place in own if _in_place(own, [same], [place])}
    kept = above | below | between
    gone = [place for place, rule in enumerate(old) if place not in kept and (place in own or target(rule) in unwanted)]
    stay = [place for place in range(len(old)) if place not in {*above, *below, *gone}]

    texts = {same: each.rule for same, each in wanted.items()}
    on_top = [texts[same] for same in first]
    inserted = [texts[same] for same in anywhere if same not in {own[place] for place in between}]
    at_end = [texts[same] for same in last]
    lines = ["-D %s %s" % (chain, old[place]) for place in gone]
    if not above:
        lines += ["-I %s 1 %s" % (chain, rule) for rule in reversed(on_top)]
    lines += ["-I %s %d %s" % (chain, len(first) + 1, rule) for rule in reversed(inserted)]
    if not below:
        lines += ["-A %s %s" % (chain, rule) for rule in at_end]
    new = [
        *([old[place] for place in sorted(above)] or on_top),
        *inserted,
        *(old[place] for place in stay),
        *([old[place] for place in sorted(below)] or at_end),
    ]
    return tuple(new), lines


def _in_place(own: Mapping[int, RuleKey], block: Sequence[RuleKey], places: Sequence[int]) -> Set[int]:
    """These places, where they hold a block of the task's rules in its order, and no other place holds one of them."""
    holds = [own.get(place) for place in places] == list(block)
    alone = all(list(own.values()).count(same) == 1 for same in block)
    return set(places) if holds and alone else set()
