# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What synchronization daemons do not go with, refused before they are started."""

from __future__ import annotations

from typing import Iterable

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.proc import switched_on
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.settings import ROLES, Settings, SettingsOperation


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
