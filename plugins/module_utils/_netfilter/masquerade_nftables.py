# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The masquerade rule by nftables: its expressions, and the commands that make it or take it away."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import NoSuchPlace
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import or_nothing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter import nft, nft_matches, nft_sets
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.backends import rules_or_nothing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.masquerade import (
    Outcome,
    rule,
    rule_family,
    too_few,
)

#: The types of sets by how many parts an entry has, from one on.
_LIKELY = tuple(nft_sets.SET_TYPES)


def planned(module: AnsibleModule) -> tuple[Outcome, Callable[[], None]]:
    """What a task's rule needs, and what does it."""
    params = module.params
    match, family = params["match_set"], rule_family(params)
    nft_rule(params, None)
    client = nft.Nft(module.run_command, family, params["netns"])
    table = rules_or_nothing(module, client.table, nft.OwnTable())

    def kind() -> str:
        found = table.sets.get(match["name"])
        if found is None:
            raise NoSuchPlace(
                "nftables' set '%s' does not exist: create it first, with linuxnet.ipvs.nft_set" % match["name"]
            )
        return nft_sets.kind_of(found, family)

    there = or_nothing(module, kind, None) if match else None
    # Of a set that an earlier task of a real run would have made, check mode knows what the directions tell.
    likely = _LIKELY[min(len(match["directions"]), len(_LIKELY)) - 1] if match else None
    wanted, shown = nft_rule(params, there or likely)
    if params["state"] == "present":
        commands = nft.present(table, nft.MASQUERADE, wanted)
    else:  # without its set there is no rule that asks for it
        commands = nft.absent(table, nft.MASQUERADE, wanted) if there or not match else []
    return Outcome(shown, tuple(commands)), lambda: client.apply(commands)


def nft_rule(options: Mapping[str, Any], kind: str | None) -> tuple[nft.Rule, str]:
    """The rule for nftables, and how nft(8) writes it; ``kind`` is the type of the set.

    Raises:
        InvalidOption: an option is not valid, or the set is none that a packet can match.
    """
    rule(options)  # the same options are refused
    family, source, match = rule_family(options), options["source"], options["match_set"]
    matches = []
    if source is not None and values.network("source", source).prefixlen:
        matches.append(nft_matches.address(family, "saddr", values.network("source", source)))
    if options["out_interface"] is not None:
        matches.append(nft_matches.device("oifname", options["out_interface"]))
    if match is not None:
        name = nft_sets.set_name("match_set.name", match["name"])
        directions = match["directions"]
        if kind is not None:
            if len(directions) < len(nft_sets.SET_TYPES[kind]):
                raise too_few(directions, name, kind, len(nft_sets.SET_TYPES[kind]))
            matches.append(nft_sets.match(name, kind, family, directions))
    return nft_matches.rule(nft.MASQUERADE.name, matches, "masquerade", options["comment"])
