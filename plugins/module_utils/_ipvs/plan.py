# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for the IPVS table: pure functions from what is there and what is wished to operations and a diff."""

from __future__ import annotations

from typing import Any, Iterable, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan, differing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import (
    Operation,
    RealServer,
    RealServers,
    Service,
    brief,
    service_options,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.wishes import (
    RealServerWish,
    RealServerWishes,
    ServiceWish,
)

Servers = Sequence[RealServer]


def plan_service(
    wish: ServiceWish, have: Service | None, have_servers: Servers
) -> tuple[Plan[Operation], Service, Servers]:
    """Bring a virtual service, and the real servers that are wished, into being.

    Args:
        wish: The service as the task describes it.
        have: The virtual service as the kernel has it, or None.
        have_servers: Its real servers as the kernel has them.

    Returns:
        The plan, and the service and its real servers as they are after it.
    """
    operations, service, servers = service_steps(wish, wish.purge, have, have_servers)
    kept = set(have_servers) & set(servers)
    wished = service_options(service, [server for server in servers if server not in kept])
    if have:
        before, after = differing(
            service_options(have, [server for server in have_servers if server not in kept]), wished
        )
    else:
        before, after = {}, brief(wished)
    return Plan(tuple(operations), _legible(before), _legible(after)), service, servers


def plan_no_service(have: Service | None, have_servers: Servers) -> Plan[Operation]:
    """Take a virtual service away; the kernel takes its real servers with it."""
    if have is None:
        return Plan()
    return Plan((Operation("delete", have),), _legible(brief(service_options(have, have_servers))), {})


def _legible(options: dict[str, Any]) -> dict[str, Any]:
    """What differs of a service, and of its real servers what does not go without saying."""
    if "real_servers" in options:
        return dict(options, real_servers=list(map(brief, options["real_servers"])))
    return options


def plan_server(service: Service, wish: RealServerWish, have: RealServer | None) -> tuple[Plan[Operation], RealServer]:
    """Bring one real server of a virtual service into being."""
    server = wish.resolve(service.key, have)
    if server == have:
        return Plan(), server
    refuse_one_packet(service, [server], "service.")
    before, after = differing(have.options(), server.options()) if have else ({}, brief(server.options()))
    return Plan((Operation("set" if have else "add", service, RealServers.of([server])),), before, after), server


def plan_no_server(service: Service | None, servers: Servers) -> Plan[Operation]:
    """Take one real server away; ``servers`` is it, or empty where it is not there."""
    if service is None or not servers:
        return Plan()
    return Plan((Operation("delete", service, RealServers.of(servers[:1])),), brief(servers[0].options()), {})


def service_steps(
    wish: ServiceWish, purge: bool, have: Service | None, have_servers: Servers
) -> tuple[list[Operation], Service, Servers]:
    """The operations for a service and its real servers, and both as they are afterwards."""
    service = wish.resolve(have)
    operations = [] if service == have else [Operation("add" if have is None else "set", service)]
    steps, servers = _server_steps(service, wish.servers, purge, have_servers)
    if service.one_packet:
        was = set(have_servers) if have and have.one_packet else set()
        refuse_one_packet(service, (server for server in servers if server not in was), wish.prefix)
    return operations + steps, service, servers


def refuse_one_packet(service: Service, servers: Iterable[RealServer], prefix: str = "") -> None:
    """Refuse masquerading in a one-packet service: no answer comes back with the virtual address (seen on 6.1, 7.3).

    Raises:
        InvalidOption: one of these real servers has it.
    """
    for server in servers if service.one_packet else ():
        if server.forwarding_method == "masquerading":
            raise InvalidOption(
                prefix + "one_packet",
                True,
                "no client would take the answers of real server %s, since the kernel does not masquerade those of a"
                " one-packet service: give it forwarding method 'direct' or 'tunnel'" % (server,),
            )


def _server_steps(
    service: Service, wishes: RealServerWishes | None, purge: bool, have: Servers
) -> tuple[list[Operation], Servers]:
    """The operations on real servers, new ones before old ones go, and the servers there are afterwards."""
    if not have and wishes is not None:
        anew = wishes.anew(service.key)
        return [Operation("add", service, anew)] if anew else [], anew
    servers = {server.key: server for server in have}
    steps = []
    for wish in wishes or ():
        server = wish.resolve(service.key, servers.get(wish.key))
        if server != servers.get(wish.key):
            verb = "set" if wish.key in servers else "add"
            steps.append(Operation(verb, service, RealServers.of([server])))
            servers[wish.key] = server
    if purge and wishes is not None:
        listed = {wish.key for wish in wishes}
        for key in [key for key in servers if key not in listed]:
            steps.append(Operation("delete", service, RealServers.of([servers.pop(key)])))
    return steps, list(servers.values())
