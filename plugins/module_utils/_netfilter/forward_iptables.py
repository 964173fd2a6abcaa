# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rule of iptables that lets packets be forwarded, in front of all that may keep them from it."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.forward import DEVICES, rule
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.saved import SavedTable, key, quoted, words
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import (
    Chain,
    Packet,
    Rule,
    chains_of,
    harmless,
    matches,
)

TABLE = "filter"
CHAIN = "FORWARD"


def changes(table: SavedTable, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The lines for iptables-restore(8) by which the rule stands where it decides, or each copy of it goes."""
    wanted, listed = rule(options), table.rules.get(CHAIN, [])
    same = key(wanted)
    there = [place for place, text in enumerate(listed) if text.endswith("-j ACCEPT") and key(words(text)) == same]
    gone = ["-D %s %s" % (CHAIN, listed[place]) for place in there]
    if options["state"] == "absent":
        return tuple(gone)
    first = first_in_the_way(table, options)
    if any(place < first for place in there):
        return ()
    if first == len(listed):
        return ("-A %s %s" % (CHAIN, quoted(wanted)),)
    return (*gone, "-I %s %d %s" % (CHAIN, first + 1, quoted(wanted)))


def first_in_the_way(table: SavedTable, options: Mapping[str, Any]) -> int:
    """The place of the first rule that may end such packets' way otherwise than by letting them pass."""
    chains = chains_of(table)
    came, leaves = (_whole(options[name]) for name, _option, _key in DEVICES)
    packet = Packet(in_device=came, out_device=leaves, from_outside=True)
    listed: Sequence[Rule] = chains[CHAIN].rules if CHAIN in chains else ()
    return next((place for place, each in enumerate(listed) if _may_end(chains, each, packet)), len(listed))


def _whole(device: Optional[str]) -> Optional[str]:
    return None if device is None or device.endswith("+") else device


def _may_end(chains: Mapping[str, Chain], rule: Rule, packet: Packet, above: frozenset[str] = frozenset()) -> bool:
    if matches(rule, packet) is False or harmless(rule):
        return False
    if rule.target == "RETURN":
        return not above
    if rule.target not in chains or rule.target in above:
        return True
    below = chains[rule.target].rules
    return rule.goto or any(_may_end(chains, each, packet, above | {rule.target}) for each in below)
