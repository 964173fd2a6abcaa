# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules that change an IPVS table do alike: read, plan and apply, while other tasks wait."""

from __future__ import annotations

from typing import Callable, Iterable, Sequence, TypeVar, Union

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import or_nothing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.features import refuse_unknown
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.owners import owners
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.plan import TablePlan, deleted_services, first_foreign
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.proc import switched_on
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.refusals import Disturbed
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.settings import ROLES, Settings, SettingsOperation
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import Operation
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.lock import alone

Have = TypeVar("Have")
#: A plan for one service, or for a whole table.
Planned = TypeVar("Planned", bound=Union[Plan[Operation], TablePlan])


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
            refuse_unknown(found_plan.operations)
            refuse_foreign(ipvs, found_plan.operations)
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
    except Disturbed:
        ipvs.apply(again())


def refuse_owners(netns: str | None, operations: Sequence[Operation]) -> None:
    """Refuse to delete virtual services of a table that another program keeps, where the task has no scope.

    Raises:
        Conflict: there is such a program.
    """
    gone = deleted_services(operations)
    for owner in owners(netns) if gone else ():
        raise Conflict(
            "virtual service %s%s would be deleted, but %s writes this table, too (%s): limit the task by 'scope' to"
            " what is its own, or take that program's services out first"
            % (gone[0], " and %d more" % (len(gone) - 1) if len(gone) > 1 else "", owner.name, owner.evidence)
        )


def refuse_foreign(ipvs: Ipvs, operations: Iterable[Operation]) -> None:
    """Refuse real servers of another family than their virtual service where a daemon runs, as the kernel would.

    Synchronization cannot tell others of them (ip_vs_genl_set_cmd()).

    Raises:
        Conflict: there are both.
    """
    foreign = first_foreign(operations)
    if foreign is None:
        return
    service, server = foreign
    for daemon in ipvs.daemons():
        raise Conflict(
            "real server %s of virtual service %s is of another family, and the kernel takes none while a"
            " synchronization daemon runs, here the %s: stop that, with linuxnet.ipvs.ipvs_settings"
            % (server, service, daemon)
        )


def refuse_backup_only(netns: str | None, have: Settings, after: Settings) -> None:
    """Refuse to run both daemons where a director with a backup daemon balances nothing (sysctl backup_only).

    Raises:
        Conflict: the task would make it so.
    """
    both = set(ROLES) <= set(after.daemons) and not set(ROLES) <= set(have.daemons)
    if both and switched_on("backup_only", netns):
        raise Conflict(
            "with the sysctl net.ipv4.vs.backup_only at 1 a director with a backup daemon refuses all clients, also"
            " beside a master daemon: set it to 0, or run one daemon only"
        )


def refuse_daemons(ipvs: Ipvs, operations: Iterable[SettingsOperation]) -> None:
    """Refuse to start a daemon where a real server is of another family than its virtual service, as the kernel would.

    Raises:
        Conflict: there are both.
    """
    operations = list(operations)
    starting = next((step.daemon for step in operations if step.verb == "start"), None)
    for service, servers in ipvs.table() if starting else ():
        for server in servers:
            if server.crosses(service.key):
                raise Conflict(
                    "the kernel starts no synchronization daemon, here the %s, while a real server is of another"
                    " family than its virtual service: delete real server %s of virtual service %s first"
                    % (starting, server, service.key)
                )
