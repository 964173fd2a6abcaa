# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The masquerade rule by either back end: read and plan; what applies the plan comes along."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Tuple

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import or_nothing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.client import IpSets, NoSuchSet
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.lock import alone
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter import nft, nft_sets
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.backends import (
    NFTABLES,
    chosen,
    rules_or_nothing,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.iptables import Iptables
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.live_connections import make_live_known
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.masquerade import (
    CHAIN,
    TABLE,
    changes,
    nft_rule,
    refuse_other_sets,
    rule,
    rule_family,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.saved import SavedTable, quoted

#: The types of sets by how many parts an entry has, from one on.
_LIKELY = tuple(nft_sets.SET_TYPES)


class Outcome(NamedTuple):
    """The rule as its own tool writes it, and what is to be done for it."""

    shown: str
    operations: Tuple[Any, ...]


def carried_out(module: AnsibleModule) -> Outcome:
    """What a task's rule needs; the kernel has it then, but in check mode."""
    with alone(module.params["netns"], not module.check_mode):
        by = _by_nftables if chosen(module.params["backend"]) == NFTABLES else _by_iptables
        outcome, apply = by(module)
        if outcome.operations and not module.check_mode:
            if module.params["state"] == "present":
                make_live_known(module.params["netns"], rule_family(module.params))
            apply()
        return outcome


def _by_iptables(module: AnsibleModule) -> tuple[Outcome, Callable[[], None]]:
    params = module.params
    words, match = rule(params), params["match_set"]
    iptables = Iptables(module.run_command, rule_family(params), params["netns"], params["lock_timeout"])

    def read() -> SavedTable:
        if match is not None:
            with IpSets(params["netns"]) as sets:
                header = sets.required(match["name"], entries=False).header
            if params["state"] == "present":
                refuse_other_sets(params, header)
        return iptables.tables([TABLE]).get(TABLE, SavedTable())

    lines = changes(rules_or_nothing(module, read, SavedTable()), words, params["state"] == "present")
    outcome = Outcome("%s %s" % (CHAIN, quoted(words)), lines)
    return outcome, lambda: iptables.restore(["*%s" % TABLE, *lines, "COMMIT"])


def _by_nftables(module: AnsibleModule) -> tuple[Outcome, Callable[[], None]]:
    params = module.params
    match, family = params["match_set"], rule_family(params)
    nft_rule(params, None)
    client = nft.Nft(module.run_command, family, params["netns"])
    table = rules_or_nothing(module, client.table, nft.OwnTable())

    def kind() -> str:
        found = table.sets.get(match["name"])
        if found is None:
            raise NoSuchSet(
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
