# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rule that lets packets be forwarded, in front of all that may keep them from it."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter import nft, nft_matches
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.options import comment, matched_device
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

_DEVICES = (("in_interface", "-i", "iifname"), ("out_interface", "-o", "oifname"))
_NETWORKS = (("source", "-s", "saddr"), ("destination", "-d", "daddr"))


def rule_family(options: Mapping[str, Any]) -> str:
    """``inet`` or ``inet6``: as said, or as the addresses are, or ``inet``."""
    family: Optional[str] = options["family"]
    for name, _option, _field in _NETWORKS:
        if options[name] is not None:
            found = values.family_of(values.network(name, options[name]))
            if family not in (None, found):
                raise InvalidOption(name, options[name], "the rule's family is %s, and this is %s" % (family, found))
            family = found
    return family or "inet"


def rule(options: Mapping[str, Any]) -> list[str]:
    """The rule's words for iptables(8), in the order in which it saves them.

    Raises:
        InvalidOption: an option is not valid, or there is nothing by which the rule would choose its packets.
    """
    found: list[str] = []
    for name, option, _field in _NETWORKS:
        if options[name] is not None and values.network(name, options[name]).prefixlen:
            found += [option, str(values.network(name, options[name]))]
    for name, option, _key in _DEVICES:
        if options[name] is not None:
            found += [option, matched_device(name, options[name])]
    if not found:
        raise InvalidOption(
            "in_interface",
            options["in_interface"],
            "a rule for all packets is refused: set 'in_interface', 'out_interface', 'source' or 'destination'",
        )
    if options["comment"] is not None:
        found += ["-m", "comment", "--comment", comment("comment", options["comment"])]
    return [*found, "-j", "ACCEPT"]


def nft_rule(options: Mapping[str, Any]) -> tuple[nft.Rule, str]:
    """The rule for nftables, and how nft(8) writes it."""
    rule(options)  # the same options are refused
    family = rule_family(options)
    found = [
        nft_matches.address(family, field, values.network(name, options[name]))
        for name, _option, field in _NETWORKS
        if options[name] is not None and values.network(name, options[name]).prefixlen
    ]
    found += [nft_matches.device(name, options[option]) for option, _o, name in _DEVICES if options[option] is not None]
    return nft_matches.rule(nft.FORWARD.name, found, "accept", options["comment"])


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
    came, leaves = (_whole(options[name]) for name, _option, _key in _DEVICES)
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
