# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draining: real servers that shall go get no new connections, and are waited for until the live ones have ended."""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping, Optional, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import or_nothing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.task import enforce
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import (
    Operation,
    RealServer,
    RealServers,
    Service,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.lock import alone
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import inside

Servers = Sequence[RealServer]

DRAIN: dict[str, Any] = dict(drain_timeout=dict(type="int"))
#: The longest wait (seconds): a day.
MAX_DRAIN_TIMEOUT = 86400
#: Seconds between two looks at the connections, and between two words to the system's log.
LOOK_INTERVAL = 1.0
LOG_INTERVAL = 10.0


def drain_timeout(options: Mapping[str, Any]) -> int | None:
    """The option ``drain_timeout`` (seconds), or None where nothing is waited for.

    Raises:
        InvalidOption: it is out of bounds, or goes with a state in which nothing is deleted.
    """
    timeout = options["drain_timeout"]
    if timeout is None:
        return None
    if options["state"] != "absent":
        raise InvalidOption("drain_timeout", timeout, "it goes with 'state: absent' only")
    return values.number("drain_timeout", timeout, 0, MAX_DRAIN_TIMEOUT, "a timeout (seconds)")


def live(service: Service, connections: Mapping[str, int]) -> int:
    """How many of a real server's connections are live.

    The kernel calls a TCP or SCTP connection active while it is established; the inactive ones have ended and are
    remembered for a while. Of UDP, and so of a firewall mark, which may stand for it, all are inactive.
    """
    count = connections["active_connections"]
    if service.key.fwmark or service.key.protocol == "udp":
        count += connections["inactive_connections"]
    return count


def drained_away(
    module: AnsibleModule,
    timeout: int,
    read: Callable[[Ipvs], tuple[Optional[Service], Servers]],
    plan: Callable[[Optional[Service], Servers], Plan[Operation]],
) -> tuple[Plan[Operation], dict[str, Any]]:
    """The plan that deletes, and what became of the connections, if it was carried out.

    Real servers that shall go get weight 0, then they are waited for, and what is still drained then is deleted. Other
    tasks wait for the first step and for the last one only. A run that is killed meanwhile leaves weight 0 behind; the
    next one goes on from there.

    Args:
        module: The task.
        timeout: For how many seconds the connections are waited for.
        read: The virtual service, or None, and its real servers that shall go.
        plan: What deletes these.

    Raises:
        Conflict: meanwhile something else gave them weight again.
    """
    netns = module.params["netns"]

    def now() -> tuple[Service | None, Servers]:
        with Ipvs(netns) as ipvs:
            return read(ipvs)

    with alone(netns, not module.check_mode):
        service, servers = or_nothing(module, now, (None, ()))
        planned = plan(service, servers)
        if service is None or not planned.changed or module.check_mode:
            return planned, {}
        with Ipvs(netns) as ipvs:
            weighty = RealServers.of(each.having(weight=0) for each in servers if each.weight)
            ipvs.apply([Operation("set", service, weighty)])
    with Ipvs(netns) as ipvs:
        drained = _waited(module, ipvs, service, servers, timeout)

        def deletion() -> Sequence[Operation]:
            still = or_nothing(module, lambda: read(ipvs), (None, ()))
            for server in still[1]:
                if server.weight:
                    raise Conflict(
                        "real server %s of virtual service %s got weight %d while it was drained, so something else"
                        " wants it to stay: nothing was deleted" % (server, service.key, server.weight)
                    )
            return plan(*still).operations

        with alone(netns):
            enforce(ipvs, deletion(), deletion)
    return planned, dict(drained=drained)


def _waited(module: AnsibleModule, ipvs: Ipvs, service: Service, servers: Servers, timeout: int) -> dict[str, Any]:
    """Wait until real servers have no live connection, or for ``timeout`` seconds; the system's log is told of it."""
    if service.persistence_timeout and not _expires_templates(module.params["netns"]):
        module.warn(
            "virtual service %s is persistent, and persistent clients go on making new connections to a real server"
            " of weight 0, unless the sysctl net.ipv4.vs.expire_quiescent_template is 1" % service.key
        )
    keys = {server.key for server in servers}

    def left() -> int:
        counted = ipvs.connections(service.key)
        return sum(live(service, connections) for key, connections in counted.items() if key in keys)

    def tell() -> float:
        module.log("draining virtual service %s: %d of %d connections left" % (service.key, now_left, first))
        return time.monotonic()

    start = time.monotonic()
    first = now_left = left()
    told = tell()
    while now_left and time.monotonic() - start < timeout:
        if time.monotonic() - told >= LOG_INTERVAL:
            told = tell()
        time.sleep(min(LOOK_INTERVAL, max(0.0, start + timeout - time.monotonic())))
        now_left = left()
    tell()
    return dict(complete=not now_left, connections=first, left=now_left, seconds=round(time.monotonic() - start))


def _expires_templates(netns: str | None) -> bool:
    """Whether a persistent client is taken from a real server of weight 0 (net/netfilter/ipvs/ip_vs_conn.c)."""
    with inside(netns), open("/proc/sys/net/ipv4/vs/expire_quiescent_template", encoding="ascii") as switch:
        return switch.read().strip() != "0"
