# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules that change an IPVS table do alike: read, plan and apply, while other tasks wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Sequence, TypeVar

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import KernelRefused
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import or_nothing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.lock import alone

if TYPE_CHECKING:
    from typing import Union

    from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.table_plan import TablePlan
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import Operation

    AnyPlan = Union[Plan[Operation], TablePlan]

Have = TypeVar("Have")
#: A plan for one service, or for a whole table.
Planned = TypeVar("Planned", bound="AnyPlan")


def carried_out(
    module: AnsibleModule, read: Callable[[Ipvs], Have], plan: Callable[[Have], Planned], nothing: Have
) -> Planned:
    """The plan for the table of the task's namespace; the kernel has what it is for then, but in check mode.

    Where another program changes the table meanwhile, it is read and planned for once more.

    Args:
        module: The task.
        read: What there is, from the kernel.
        plan: What is to be done about that.
        nothing: What there is where the place is missing and that is no error.
    """
    netns = module.params["netns"]

    def planned() -> Planned:
        with Ipvs(netns) as ipvs:
            found_plan = plan(read(ipvs))
            if found_plan.changed:
                _refuse_impossible(ipvs, found_plan.operations)
            return found_plan

    with alone(netns, not module.check_mode):
        outcome: Planned = or_nothing(module, planned, None) or plan(nothing)
        if outcome.changed and not module.check_mode:
            with Ipvs(netns) as ipvs:
                enforce(ipvs, outcome.operations, lambda: planned().operations)
        return outcome


def enforce(ipvs: Ipvs, operations: Sequence[Operation], again: Callable[[], Sequence[Operation]]) -> None:
    """Carry out operations, or where another program has just changed the table, what ``again`` then says."""
    try:
        ipvs.apply(operations)
    except KernelRefused as exc:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.refusals import Disturbed

        if not isinstance(exc, Disturbed):
            raise
        ipvs.apply(again())


def _refuse_impossible(ipvs: Ipvs, operations: Sequence[Operation]) -> None:
    """Refuse what the kernel would leave out without a word, or would refuse with one that does not say why."""
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.conflicts import refuse_foreign
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.features import refuse_unknown

    refuse_unknown(operations)
    refuse_foreign(ipvs, operations)
