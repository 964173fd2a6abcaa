# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole chains: read, plan and apply, while other tasks wait."""

from __future__ import annotations

from functools import partial
from typing import Optional

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import LinuxnetError, NotInstalled
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import or_nothing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.lock import alone
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.backends import rules_or_nothing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.chains import FAMILIES, Have, Wish
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.chains_plan import (
    Change,
    plan,
    respelled,
    rules_of,
    unspelled,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.iptables import Iptables, NoTables


def carried_out(module: AnsibleModule, wish: Wish) -> Plan[Change]:
    """The plan for a wish; the kernel has it then, but in check mode."""
    netns = module.params["netns"]
    with alone(netns, not module.check_mode):
        have = rules_or_nothing(module, partial(_have, module, wish), {})
        wish = or_nothing(module, partial(_spelled, module, wish, have), wish)
        made = plan(wish, have)
        if not module.check_mode:
            for change in made.operations:
                if _makes_chains(change, have):
                    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.live_connections import (
                        make_live_known,
                    )

                    make_live_known(netns, FAMILIES[change.family])
                _apply(_client(module, netns, change.family), change)
        return made


def _client(module: AnsibleModule, netns: Optional[str], family: str) -> Iptables:
    return Iptables(module.run_command, FAMILIES[family], netns, module.params["lock_timeout"])


def _have(module: AnsibleModule, wish: Wish) -> Have:
    found = {}
    for family in wish.families():
        needed = [table for listed, table in wish.tables() if listed == family]
        try:
            found[family] = _client(module, module.params["netns"], family).tables(needed)
        except (NotInstalled, NoTables):
            if needed:  # what is only to be purged cannot be there
                raise
    return found


def _spelled(module: AnsibleModule, wish: Wish, have: Have) -> Wish:
    part = unspelled(wish, have)
    if not part.places():
        return wish
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.spelling import sets_of, spelling

    missing = sets_of(part)
    if missing:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.client import IpSets

        with IpSets(module.params["netns"]) as sets:
            for name in missing:
                or_nothing(module, partial(sets.required, name, entries=False), None)
    return respelled(wish, part, spelling(partial(_client, module, None), wish, part, have))


def _makes_chains(change: Change, have: Have) -> bool:
    """Whether rules come that have not been there in any form, so that live connections may not be known to them."""
    return any(rules and not rules_of(have, chain) for chain, rules in change.after.items())


def _apply(iptables: Iptables, change: Change) -> None:
    """Change tables, and see that they are what was foreseen."""
    iptables.restore(change.lines)
    found = {change.family: iptables.tables()}
    for chain, rules in change.after.items():
        there = rules_of(found, chain)
        if there != (None if rules is None else list(rules)):
            raise LinuxnetError(
                "chain %s is not as it was made: another program changed it at the same time; run the task again"
                % " ".join(chain)
            )
