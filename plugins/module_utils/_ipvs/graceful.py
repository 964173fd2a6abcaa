# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real servers that shall go while connections hold them: they get weight 0, and go when these are forgotten.

As kube-proxy does it (``pkg/proxy/ipvs/graceful_termination.go``), with a run of the task for each of its looks. Of UDP
and SCTP nothing is waited for.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.table_plan import TablePlan
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import ServerKey, ServiceKey
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.wishes import (
    OtherOptions,
    RealServerWishes,
    ServiceWish,
    WishedTerms,
)

#: How many connections each real server of a virtual service has, as ``Ipvs.connections`` tells.
Connections = Callable[[ServiceKey], Dict[ServerKey, Dict[str, int]]]
Held = Dict[ServiceKey, List[ServerKey]]


def held(plan: TablePlan, connections: Connections) -> Held:
    """The real servers that a plan deletes, while their virtual service stays, and that have connections."""
    found: Held = {}
    counted: Dict[ServiceKey, Dict[ServerKey, Dict[str, int]]] = {}
    for verb, service, servers in plan.operations:
        key = service.key
        if verb != "delete" or not servers or key.protocol in ("udp", "sctp"):
            continue
        if key not in counted:
            counted[key] = connections(key)
        for server in servers:
            if any(counted[key].get(server.key, {}).values()):
                found.setdefault(key, []).append(server.key)
    return found


def keeping(wishes: Sequence[ServiceWish], kept: Held) -> Sequence[ServiceWish]:
    """The wishes with these real servers among them, with weight 0 and otherwise as they are."""
    return [_keeping(wish, kept[wish.key]) if wish.key in kept else wish for wish in wishes]


def _keeping(wish: ServiceWish, kept: Sequence[ServerKey]) -> ServiceWish:
    if wish.servers is None:  # Of a service that lists no real servers none is deleted.
        return wish
    listed = wish.servers
    leaving = WishedTerms(weight=0)
    return wish._replace(
        servers=RealServerWishes(
            [*listed.packed, *(key.packed for key in kept)],
            [*listed.others, *(OtherOptions(key.port, leaving) for key in kept)],
            range(len(listed) + len(kept)),
            wish.prefix + "real_servers[%d].",
        )
    )
