# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rule that lets packets be forwarded, by either back end: read, plan and apply, while other tasks wait."""

from __future__ import annotations

from typing import Any, List, NamedTuple, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import or_nothing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.lock import alone
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.programs import installed
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.backends import (
    NFTABLES,
    chosen,
    rules_or_nothing,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.forward import rule, rule_family


class Outcome(NamedTuple):
    """The rule as its own tool writes it, what is to be done for it, and the chains that may drop all the same."""

    shown: str
    operations: Tuple[Any, ...]
    overridden_by: Optional[List[str]]


def carried_out(module: AnsibleModule) -> Outcome:
    """What a task's rule needs; the kernel has it then, but in check mode."""
    by = _by_nftables if chosen(module.params["backend"]) == NFTABLES else _by_iptables
    with alone(module.params["netns"], not module.check_mode):
        return by(module, rule_family(module.params))


def _by_nftables(module: AnsibleModule, family: str) -> Outcome:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter import nft
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.forward_nftables import nft_rule

    params = module.params
    client = nft.Nft(module.run_command, family, params["netns"])
    wanted, shown = nft_rule(params)
    table = rules_or_nothing(module, client.table, nft.OwnTable())
    step = nft.present if params["state"] == "present" else nft.absent
    commands = tuple(step(table, nft.FORWARD, wanted))
    if commands and not module.check_mode:
        client.apply(commands)
    return Outcome(shown, commands, _others(module, family))


def _by_iptables(module: AnsibleModule, family: str) -> Outcome:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.forward_iptables import CHAIN, TABLE, changes
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.iptables import Iptables
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.saved import SavedTable, quoted

    params = module.params
    words = rule(params)
    iptables = Iptables(module.run_command, family, params["netns"], params["lock_timeout"])
    saved = rules_or_nothing(module, lambda: iptables.tables([TABLE]).get(TABLE, SavedTable()), SavedTable())
    lines = changes(saved, params)
    if lines and not module.check_mode:
        iptables.restore(["*%s" % TABLE, *lines, "COMMIT"])
    return Outcome("%s %s" % (CHAIN, quoted(words)), lines, _others(module, family, "%s %s" % (TABLE, CHAIN)))


def _others(module: AnsibleModule, family: str, own: str = "") -> Optional[List[str]]:
    """The chains of nftables but our ``own`` that may drop such packets; ``None`` where nobody can tell."""
    if not installed("nft"):
        return None
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter import nft

    client = nft.Nft(module.run_command, family, module.params["netns"])
    others: Optional[List[str]] = or_nothing(module, lambda: client.others(nft.FORWARD.hook), None)
    own = "%s %s" % (nft.FAMILIES[family], own)
    return None if others is None else [each for each in others if each != own]
