# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draining: real servers that shall go get no new connections, and are waited for until the live ones have ended.

What IPVS does meanwhile was measured on Linux 6.1 and 7.3. With the schedulers sh, mh and dh a real server of weight 0
keeps its share of clients, who are refused, unless the flag says to fall back to another one; dh has no such flag.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Callable, Iterable, Mapping, NamedTuple, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, LinuxnetError
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import or_nothing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.conflicts import refuse_foreign
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.connections import unbound
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.drain_options import FALLBACK, refuses_clients
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.features import refuse_unknown
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.proc import switched_on
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.settings_client import daemons
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.task import Planned, enforce
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import (
    Operation,
    RealServer,
    RealServers,
    Service,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.lock import alone

#: Seconds between two looks at the connections, and between two words to the system's log.
LOOK_INTERVAL = 1.0
LOG_INTERVAL = 10.0


def live(service: Service, connections: Mapping[str, int]) -> int:
    """How many of a real server's connections are live.

    The kernel calls a TCP or SCTP connection active while it is established; the inactive ones have ended and are
    remembered for a while. Of UDP, and so of a firewall mark, which may stand for it, all are inactive.
    """
    count = connections["active_connections"]
    if service.key.fwmark or service.key.protocol == "udp":
        count += connections["inactive_connections"]
    return count


class Leaving(NamedTuple):
    """Real servers of one virtual service that shall go, as they were before."""

    #: The virtual service as it is while they are drained, but for :attr:`fallback`.
    service: Service
    servers: Sequence[RealServer]
    #: The flag that the service gets for the time of the drain.
    fallback: int = 0

    def steps(self) -> list[Operation]:
        """Have no new connections go there."""
        found = [Operation("set", self._draining)] if self.fallback else []
        weighty = [server.having(weight=0) for server in self.servers if server.weight]
        return [*found, Operation("set", self.service, RealServers.of(weighty))] if weighty else found

    @property
    def _draining(self) -> Service:
        return replace(self.service, scheduler_flags=self.service.scheduler_flags | self.fallback)

    def flags_back(self, ipvs: Ipvs) -> list[Operation]:
        """Take the flag from the service, if that is still as the drain has left it."""
        return (
            [Operation("set", self.service)]
            if self.fallback and ipvs.service(self.service.key) == self._draining
            else []
        )

    def weights_back(self, ipvs: Ipvs) -> list[Operation]:
        """Give those their weight that are still at the weight 0 that the drain gave them."""
        if ipvs.service(self.service.key) is None:
            return []
        now = {server.key: server for server in ipvs.real_servers(self.service.key)}
        mine = [server for server in self.servers if server.weight and now.get(server.key) == server.having(weight=0)]
        return [Operation("set", self.service, RealServers.of(mine))] if mine else []


def leaving(ipvs: Ipvs, losses: Iterable[Operation]) -> list[Leaving]:
    """The real servers that steps delete, by their virtual services.

    Raises:
        Conflict: the scheduler of one refuses clients as long as a real server of weight 0 is there.
    """
    found: dict[Any, tuple[Service, list[RealServer]]] = {}
    for operation in losses:
        servers = ipvs.real_servers(operation.service.key) if operation.servers is None else operation.servers
        found.setdefault(operation.service.key, (operation.service, []))[1].extend(servers)
    gone = {operation.service.key for operation in losses if operation.servers is None}
    return [
        Leaving(service, servers, 0 if service.key in gone else _fallback(ipvs, service, servers))
        for service, servers in found.values()
    ]


def _fallback(ipvs: Ipvs, service: Service, servers: Iterable[RealServer]) -> int:
    """The flag without which clients of the other real servers were refused; 0 for none."""
    going = {server.key for server in servers}
    weights = [0 if server.key in going else server.weight for server in ipvs.real_servers(service.key)]
    refused = refuses_clients(service, weights)
    if not refused:
        return 0
    if not FALLBACK[service.scheduler]:
        raise Conflict("a drain would refuse clients: %s, or leave 'drain_timeout' out" % refused)
    return FALLBACK[service.scheduler]


def drained_away(
    module: AnsibleModule, timeout: int, planned: Callable[[Ipvs], Planned], nothing: Planned
) -> tuple[Planned, dict[str, Any]]:
    """A task's plan, and what became of the connections of what it deletes, if it was carried out.

    What the plan adds and changes is done at once, and real servers that shall go get weight 0. Then they are waited
    for, and what is still drained then is deleted. Other tasks wait for the first step and for the last one only. A run
    that is killed meanwhile leaves weight 0 behind, and the flag of a scheduler; the next one goes on from there. One
    that fails takes both back.

    Args:
        module: The task.
        timeout: For how many seconds the connections are waited for.
        planned: What is to be done, from the kernel.
        nothing: The plan where the place is missing and that is no error.

    Raises:
        Conflict: meanwhile something else gave them weight again.
    """
    netns = module.params["netns"]

    def now() -> Planned:
        with Ipvs(netns) as ipvs:
            return planned(ipvs)

    with alone(netns, not module.check_mode):
        outcome: Planned = or_nothing(module, now, None) or nothing
        gains = [operation for operation in outcome.operations if operation.verb != "delete"]
        losses = [operation for operation in outcome.operations if operation.verb == "delete"]
        if not outcome.changed or (module.check_mode and not losses):
            return outcome, {}
        with Ipvs(netns) as ipvs:
            going = leaving(ipvs, losses)
            refuse_unknown(gains)
            refuse_foreign(ipvs, gains)
            if module.check_mode:
                return outcome, {}
            if not going:
                enforce(ipvs, gains, lambda: planned(ipvs).operations)
                return outcome, {}
            ipvs.apply([*gains, *(step for each in going for step in each.steps())])
    with Ipvs(netns) as ipvs:
        try:
            drained = _waited(module, ipvs, going, timeout)
            with alone(netns):
                _refuse_regained(ipvs, going)
                enforce(ipvs, planned(ipvs).operations, lambda: planned(ipvs).operations)
                ipvs.apply([step for each in going for step in each.flags_back(ipvs)])
        except BaseException:
            _give_back(module, ipvs, going)
            raise
    return outcome, dict(drained=drained)


def _refuse_regained(ipvs: Ipvs, going: Iterable[Leaving]) -> None:
    for each in going:
        keys = {server.key for server in each.servers}
        for server in ipvs.real_servers(each.service.key):
            if server.key in keys and server.weight:
                raise Conflict(
                    "real server %s of virtual service %s got weight %d while it was drained, so something else wants"
                    " it to stay: nothing was deleted, and the others have their weights again"
                    % (server, each.service.key, server.weight)
                )


def _give_back(module: AnsibleModule, ipvs: Ipvs, going: Iterable[Leaving]) -> None:
    """Take back what the drain has done, where that is still as it has left it."""
    try:
        with alone(module.params["netns"]):
            ipvs.apply([step for each in going for step in (*each.weights_back(ipvs), *each.flags_back(ipvs))])
    except LinuxnetError as exc:
        module.warn("the weights of the real servers that were drained could not be given back: %s" % exc)


def _waited(module: AnsibleModule, ipvs: Ipvs, going: Sequence[Leaving], timeout: int) -> dict[str, Any]:
    """Wait until real servers have no live connection, or for ``timeout`` seconds; the system's log is told of it.

    Raises:
        Conflict: meanwhile something else gave one of them weight again.
    """
    netns = module.params["netns"]
    names = ", ".join(str(each.service.key) for each in going[:3]) + (" and others" if len(going) > 3 else "")
    persistent = next((each.service.key for each in going if each.service.persistence_timeout), None)
    if persistent and not switched_on("expire_quiescent_template", netns):
        module.warn(
            "virtual service %s is persistent, and persistent clients go on making new connections to a real server"
            " of weight 0, unless the sysctl net.ipv4.vs.expire_quiescent_template is 1" % persistent
        )
    # What a backup daemon took in before the service was made here counts for no real server.
    synchronized = any(daemon.role == "backup" for daemon in daemons(ipvs))

    def left() -> int:
        count = 0
        for each in going:
            keys = {server.key for server in each.servers}
            counted = ipvs.connections(each.service.key)
            bound = sum(live(each.service, connections) for key, connections in counted.items() if key in keys)
            count += max(bound, unbound(each.service.key, keys, netns)) if synchronized else bound
        return count

    def tell() -> float:
        module.log("draining virtual service %s: %d of %d connections left" % (names, now_left, first))
        return time.monotonic()

    start = time.monotonic()
    first = now_left = left()
    told = tell()
    while now_left and time.monotonic() - start < timeout:
        if time.monotonic() - told >= LOG_INTERVAL:
            told = tell()
        time.sleep(min(LOOK_INTERVAL, max(0.0, start + timeout - time.monotonic())))
        _refuse_regained(ipvs, going)
        now_left = left()
    tell()
    return dict(complete=not now_left, connections=first, left=now_left, seconds=round(time.monotonic() - start))
