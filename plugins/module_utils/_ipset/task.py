# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules that change sets do alike: read, plan and apply, while other tasks wait."""

from __future__ import annotations

from functools import partial
from typing import Callable

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import or_nothing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.client import IpSets
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.outcome import Outcome, new_members, refuse_list
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.lock import alone


def carried_out(module: AnsibleModule, plan: Callable[[IpSets], Outcome]) -> Outcome:
    """What ``plan`` makes of the sets of the task's namespace; the kernel has it then, but in check mode."""
    netns = module.params["netns"]
    with alone(netns, not module.check_mode), IpSets(netns) as sets:
        outcome = plan(sets)
        for name in new_members(outcome.plan.operations):
            member = or_nothing(module, partial(sets.required, name, entries=False), None)
            if member is not None:
                refuse_list(name, member)
        for operation in outcome.plan.operations:
            if operation.verb == "create":
                sets.revision(operation)
        if not module.check_mode:
            sets.apply(outcome.plan.operations)
        return outcome
