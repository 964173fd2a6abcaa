# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The masquerade rule by either back end: read, plan and apply, while other tasks wait."""

from __future__ import annotations

from typing import Callable

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.lock import alone
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.backends import NFTABLES, chosen
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.masquerade import Outcome, rule_family


def carried_out(module: AnsibleModule) -> Outcome:
    """What a task's rule needs; the kernel has it then, but in check mode."""
    params = module.params
    with alone(params["netns"], not module.check_mode):
        outcome, apply = _planned(module)
        if outcome.operations and not module.check_mode:
            if params["state"] == "present":
                from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.live_connections import (
                    make_live_known,
                )

                make_live_known(params["netns"], rule_family(params))
            apply()
        return outcome


def _planned(module: AnsibleModule) -> tuple[Outcome, Callable[[], None]]:
    """What a task's rule needs by the back end that it chooses, and what does it."""
    if chosen(module.params["backend"]) == NFTABLES:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.masquerade_nftables import planned
    else:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.masquerade_iptables import planned
    return planned(module)
