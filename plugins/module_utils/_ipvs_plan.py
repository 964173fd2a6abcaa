# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for the IPVS table: pure functions from what is there and what is wished to operations and a diff."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs_values import (
    Operation,
    RealServer,
    RealServerWish,
    Service,
    ServiceKey,
    service_options,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._plan import Plan, differing

Servers = Sequence[RealServer]


def plan_service(
    key: ServiceKey,
    given: Mapping[str, Any],
    wishes: Sequence[RealServerWish] | None,
    purge: bool,
    have: Service | None,
    have_servers: Servers,
) -> tuple[Plan[Operation], Service, list[RealServer]]:
    """Bring a virtual service, and the real servers that are wished, into being.

    Args:
        key: Which virtual service.
        given: The fields of :class:`Service` that the task sets; the others stay as they are.
        wishes: The real servers the task lists; None leaves them all alone.
        purge: Whether real servers that are not listed go.
        have: The virtual service as the kernel has it, or None.
        have_servers: Its real servers as the kernel has them.

    Returns:
        The plan, and the service and its real servers as they are after it.
    """
    service = replace(have or Service(key), **given)
    service.check()
    verb = "add" if have is None else "set"
    operations = [] if service == have else [Operation(verb, service)]
    steps, servers = _server_steps(service, wishes, purge, have_servers)
    kept = set(have_servers) & set(servers)
    before, after = differing(
        service_options(have, [server for server in have_servers if server not in kept]) if have else {},
        service_options(service, [server for server in servers if server not in kept]),
    )
    return Plan((*operations, *steps), before, after), service, servers


def plan_no_service(have: Service | None, have_servers: Servers) -> Plan[Operation]:
    """Take a virtual service away; the kernel takes its real servers with it."""
    if have is None:
        return Plan()
    return Plan((Operation("delete", have),), service_options(have, have_servers), {})


def plan_server(service: Service, wish: RealServerWish, have: RealServer | None) -> tuple[Plan[Operation], RealServer]:
    """Bring one real server of a virtual service into being."""
    server = wish.resolve(service.key, have)
    if server == have:
        return Plan(), server
    before, after = differing(have.options() if have else {}, server.options())
    return Plan((Operation("set" if have else "add", service, server),), before, after), server


def plan_no_server(service: Service, have: RealServer | None) -> Plan[Operation]:
    """Take one real server away."""
    return Plan((Operation("delete", service, have),), have.options(), {}) if have else Plan()


def _server_steps(
    service: Service, wishes: Sequence[RealServerWish] | None, purge: bool, have: Servers
) -> tuple[list[Operation], list[RealServer]]:
    """The operations on real servers, new ones before old ones go, and the servers there are afterwards."""
    servers = {server.key: server for server in have}
    steps = []
    for wish in wishes or ():
        server = wish.resolve(service.key, servers.get(wish.key))
        if server != servers.get(wish.key):
            steps.append(Operation("set" if wish.key in servers else "add", service, server))
            servers[wish.key] = server
    if purge and wishes is not None:
        for key in servers.keys() - {wish.key for wish in wishes}:
            steps.append(Operation("delete", service, servers.pop(key)))
    return steps, list(servers.values())
