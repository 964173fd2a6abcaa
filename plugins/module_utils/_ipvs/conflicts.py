# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change of a table does not go with, refused before it is made: other owners, and daemons that run."""

from __future__ import annotations

from typing import Iterable, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import Operation, RealServer, ServiceKey


def refuse_owners(netns: str | None, operations: Sequence[Operation]) -> None:
    """Refuse to delete virtual services of a table that another program keeps, where the task has no scope.

    Raises:
        Conflict: there is such a program.
    """
    gone = deleted_services(operations)
    if not gone:
        return
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.owners import owners

    for owner in owners(netns):
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
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.settings_client import daemons

    service, server = foreign
    for daemon in daemons(ipvs):
        raise Conflict(
            "real server %s of virtual service %s is of another family, and the kernel takes none while a"
            " synchronization daemon runs, here the %s: stop that, with linuxnet.ipvs.ipvs_settings"
            % (server, service, daemon)
        )


def first_foreign(operations: Iterable[Operation]) -> tuple[ServiceKey, RealServer] | None:
    """The first virtual service to which these steps give a real server of another family, and that; or None."""
    for verb, service, servers in operations:
        if servers and verb != "delete" and set(map(len, servers.addresses)) != {service.key.address_bytes}:
            return service.key, next(server for server in servers if server.crosses(service.key))
    return None


def deleted_services(operations: Iterable[Operation]) -> list[ServiceKey]:
    """The virtual services that steps delete."""
    return [step.service.key for step in operations if step.verb == "delete" and step.servers is None]
