# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What iptables-save(8) prints: tables of chains with their rules as text, and a rule's words, whatever their order.

It writes one rule in one spelling only, but for the order of its matches, which is that in which they were given.
Sources: iptables/iptables-save.c, iptables/xshared.c (xtables_save_string(), add_param_to_argv()).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Dict, List, NamedTuple, Sequence, Tuple

#: A word in double quotes, inside which a backslash stands before what is meant as it is; or one without.
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_ESCAPED = re.compile(r"\\(.)")
#: What iptables-save(8) writes without quotes.
_PLAIN = re.compile(r"[^\s\"'\\]+")
_NOT_SAVED = re.compile("^# Table `([a-z]+)' is incompatible", re.MULTILINE)


@dataclass
class SavedTable:
    """A table: the policy of each chain (``-`` for a user's own), and its rules, as text behind ``-A CHAIN``."""

    policies: Dict[str, str] = field(default_factory=dict)
    rules: Dict[str, List[str]] = field(default_factory=dict)


class RuleKey(NamedTuple):
    """What makes two rules the same: the matches, sorted, each of its words, and the target's words in their order."""

    matches: Tuple[Tuple[str, ...], ...]
    target: Tuple[str, ...]


def tables(saved: str) -> dict[str, SavedTable]:
    """The tables in what iptables-save(8) printed."""
    found: dict[str, SavedTable] = {}
    table = SavedTable()
    for line in saved.splitlines():
        if line.startswith("-A "):
            _option, chain, *rule = line.split(" ", 2)
            table.rules.setdefault(chain, []).append(rule[0] if rule else "")
        elif line.startswith("*"):
            table = found.setdefault(line[1:].strip(), SavedTable())
        elif line.startswith(":"):
            chain, policy = line[1:].split(" ")[:2]
            table.policies[chain] = policy
            table.rules.setdefault(chain, [])
    return found


def whole(saved: str) -> bool:
    """Whether nothing of it is missing: each table that begins ends."""
    lines = saved.splitlines()
    return sum(line.startswith("*") for line in lines) == lines.count("COMMIT")


def not_saved(saved: str) -> list[str]:
    """The tables that iptables-save(8) cannot write, because nft(8) has changed them in ways of its own."""
    return _NOT_SAVED.findall(saved)


def words(text: str) -> list[str]:
    """A rule's words, as iptables-restore(8) reads them."""
    return [_ESCAPED.sub(r"\1", match[1]) if match[1] is not None else match[2] for match in _WORD.finditer(text)]


def quoted(rule: Sequence[str]) -> str:
    """Words as a rule's text, which iptables-restore(8) reads as these words."""
    return " ".join(each if _PLAIN.fullmatch(each) else '"%s"' % re.sub(r"([\"'\\])", r"\\\1", each) for each in rule)


def key(rule: Sequence[str]) -> RuleKey:
    """What of a rule does not depend on the order in which its matches were given."""
    matches: list[list[str]] = [[]]
    module = False
    for place, word in enumerate(rule):
        if word in ("-j", "-g"):
            return RuleKey(_sorted(matches), tuple(rule[place:]))
        if word == "-m":
            matches.append([])
            module = True
        elif not module and (word == "!" or (word.startswith("-") and matches[-1] != ["!"])):
            matches.append([])
        matches[-1].append(word)
    return RuleKey(_sorted(matches), ())


def _sorted(matches: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(sorted(_canonical(match) for match in matches if match))


def _canonical(match: Sequence[str]) -> tuple[str, ...]:
    """A match with its address as Python writes it: the C library writes some of IPv6 in another way."""
    if len(match) > 1 and match[-2] in ("-s", "-d"):
        try:
            return (*match[:-1], str(ipaddress.ip_network(match[-1])))
        except ValueError:  # a mask that is no prefix
            pass
    return tuple(match)
