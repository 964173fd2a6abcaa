# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The masquerade rule by iptables: the lines that make it or take it away, and whether its set can match."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.backends import rules_or_nothing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.iptables import Iptables
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.masquerade import (
    Outcome,
    refuse_other_sets,
    rule,
    rule_family,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.saved import SavedTable, key, quoted, words

TABLE = "nat"
CHAIN = "POSTROUTING"


def planned(module: AnsibleModule) -> tuple[Outcome, Callable[[], None]]:
    """What a task's rule needs, and what does it."""
    params = module.params
    wanted = rule(params)
    iptables = Iptables(module.run_command, rule_family(params), params["netns"], params["lock_timeout"])

    def read() -> SavedTable:
        if params["match_set"] is not None:
            _look_at_set(params)
        return iptables.tables([TABLE]).get(TABLE, SavedTable())

    lines = changes(rules_or_nothing(module, read, SavedTable()), wanted, params["state"] == "present")
    outcome = Outcome("%s %s" % (CHAIN, quoted(wanted)), lines)
    return outcome, lambda: iptables.restore(["*%s" % TABLE, *lines, "COMMIT"])


def _look_at_set(params: Mapping[str, Any]) -> None:
    """See that the set is there, and that packets can match it."""
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.client import IpSets

    with IpSets(params["netns"]) as sets:
        header = sets.required(params["match_set"]["name"], entries=False).header
    if params["state"] == "present":
        refuse_other_sets(params, header)


def copies(table: SavedTable, wanted: Sequence[str]) -> list[str]:
    """The rules of the chain that are the wanted one, as they are saved, whatever the order of their matches."""
    same = key(wanted)
    listed = table.rules.get(CHAIN, ())
    return [text for text in listed if "-j MASQUERADE" in text and key(words(text)) == same]


def changes(table: SavedTable, wanted: Sequence[str], present: bool) -> tuple[str, ...]:
    """The lines for iptables-restore(8) by which the rule comes, or each copy of it goes; none where that is so."""
    there = copies(table, wanted)
    if present:
        return () if there else ("-A %s %s" % (CHAIN, quoted(wanted)),)
    return tuple("-D %s %s" % (CHAIN, text) for text in there)
