# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of a director with which IPVS refuses, drops or misleads what it should forward."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor import remedies
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.checks.common import (
    HASHING,
    SYSCTL,
    devices_with,
    keeps_slots,
    links_near,
    some,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import ERROR, NOTICE, WARNING, check
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import (
    Finding,
    LeftOpen,
    NodeFacts,
    NotApplicable,
    Row,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServer
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import Link

#: Connections in a bucket beyond which looking one up takes several times as long.
_CROWDED = 8
#: Devices on which nobody asks for a hardware address.
_SILENT_KINDS = ("dummy", "loopback")


@check(
    ERROR,
    what="A one-packet service masquerades.",
    where="one-packet services",
    source="ip_vs_xmit.c, ip_vs_core.c: a connection of one packet is gone before its answer comes back",
)
def one_packet_masquerading(facts: NodeFacts) -> Iterator[Finding]:
    rows = [row for row in facts.table if row.service.one_packet]
    if not rows:
        raise NotApplicable("no one-packet service")
    for row in rows:
        servers = [str(each) for each in row.servers if each.forwarding_method == "masquerading"]
        if servers:
            yield Finding(
                str(row.key),
                "the service is one-packet, and real server %s is reached by masquerading" % some(servers),
                "The answers come to the clients from the real server's own address instead of the virtual one, and"
                " they drop them: nobody is answered.",
                "Use direct routing or a tunnel, or take one_packet away from the service.",
            )


@check(
    ERROR,
    what="IPVS forwards nothing, since a backup daemon runs and backup_only is 1, though a master daemon runs as well.",
    where="virtual services, and a master daemon and a backup daemon",
    source=SYSCTL + ": backup_only; ip_vs.h: sysctl_backup_only()",
)
def backup_only_refuses(facts: NodeFacts) -> Iterator[Finding]:
    if not facts.table or not {"master", "backup"} <= facts.daemons:
        raise NotApplicable("no virtual service, or not both a master daemon and a backup daemon")
    if facts.switch("net/ipv4/vs/backup_only"):
        yield Finding(
            "net.ipv4.vs.backup_only",
            "net.ipv4.vs.backup_only is %d, and a backup daemon runs beside the master daemon"
            % (facts.switch("net/ipv4/vs/backup_only") or 0),
            "As long as the backup daemon runs, this node forwards nothing: each client is refused.",
            "Let this node forward while it listens to the other director, or stop the backup daemon on the node that"
            " is master.",
            remedies.switch(facts, "net.ipv4.vs.backup_only", 0),
        )


@check(
    WARNING,
    what="Clients of a real server that is being drained are refused.",
    where="services with scheduler sh, mh or dh without a fallback; real servers of weight 0 beside others",
    source="ip_vs_sh.c: ip_vs_sh_get(), ip_vs_sh_get_fallback(); ip_vs_mh.c; ip_vs_dh.c",
)
def drained_refuses(facts: NodeFacts) -> Iterator[Finding]:
    rows = [row for row in facts.table if keeps_slots(row)]
    if not rows:
        raise NotApplicable("no service with scheduler sh, mh or dh without a fallback")
    for row in rows:
        drained = [each for each in row.servers if not each.weight]
        if not drained or len(drained) == len(row.servers):
            continue
        flag = HASHING[row.service.scheduler]
        yield Finding(
            "%s of %s" % (some([str(each) for each in drained]), row.key),
            "%s, and real server %s has weight 0" % (keeps_slots(row), some([str(each) for each in drained])),
            "It keeps its share of the clients, and these are refused (ICMP port unreachable) instead of going to"
            " another real server.",
            "Give the service the flag %s." % flag if flag else "Delete the real server instead of draining it.",
            remedies.task(
                facts,
                "Let other real servers take its clients",
                "ipvs_service",
                **row.key.options(),
                scheduler=row.service.scheduler,
                scheduler_flags=[
                    *(name for name in row.service.options()["scheduler_flags"]),
                    flag,
                ],
            )
            if flag
            else None,
        )


@check(
    WARNING,
    what="A real server has as many connections as its upper threshold allows.",
    where="real servers with an upper threshold",
    source="ipvsadm(8): --u-threshold; ip_vs_ctl.c, ip_vs_conn.c: ended connections count until they time out",
)
def connection_limit_reached(facts: NodeFacts) -> Iterator[Finding]:
    limited = [(row, each) for row in facts.table for each in row.servers if each.terms.upper_threshold]
    if not limited:
        raise NotApplicable("no real server with an upper threshold")
    for row, server in limited:
        number = facts.loads.get((row.key, server.key), 0)
        if number >= server.terms.upper_threshold:
            yield Finding(
                "%s of %s" % (server, row.key),
                "it has %d connections, ended ones included, and its upper threshold is %d"
                % (number, server.terms.upper_threshold),
                "It gets no new clients%s." % _what_others_do(row, server),
                "Raise the threshold: connections that have ended count for two minutes more.",
            )


def _what_others_do(row: Row, server: RealServer) -> str:
    others = any(each.weight for each in row.servers if each.key != server.key)
    return ", which others have to take" if others else ", and there is no other real server: they are refused"


@check(
    ERROR,
    what="IPVS has as many connections as it may have.",
    where="kernels with net.ipv4.vs.conn_max (Linux 7.1 or later)",
    source=SYSCTL + ": conn_max; ip_vs_conn.c: ip_vs_conn_new()",
)
def conn_max_reached(facts: NodeFacts) -> Iterator[Finding]:
    limit = facts.switch("net/ipv4/vs/conn_max")
    if limit is None:
        raise NotApplicable("this kernel has no net.ipv4.vs.conn_max")
    if not facts.table:
        raise NotApplicable("no virtual service")
    if facts.total >= limit:
        yield Finding(
            "net.ipv4.vs.conn_max",
            "the real servers have %d connections, and net.ipv4.vs.conn_max is %d (a namespace takes it from the first"
            " one when it is made)" % (facts.total, limit),
            "New connections are dropped without a word: no counter and no log tells.",
            "Raise the limit, as far as there is memory: a connection takes some 300 bytes.",
        )


@check(
    NOTICE,
    what="The table of connections has too few buckets.",
    where="virtual services",
    source="ip_vs_conn.c: conn_tab_bits; modinfo(8)",
)
def connection_table_small(facts: NodeFacts) -> Iterator[Finding]:
    if not facts.table or not facts.buckets:
        raise NotApplicable("no virtual service")
    if facts.total > _CROWDED * facts.buckets:
        bits = max(8, (facts.total - 1).bit_length())
        yield Finding(
            "conn_tab_bits",
            "%d connections are kept in %d buckets" % (facts.total, facts.buckets),
            "Each packet looks through %d connections on average: a busy director loses time there."
            % (facts.total // facts.buckets),
            "Give the module ip_vs more buckets (options ip_vs conn_tab_bits=%d in /etc/modprobe.d), which takes effect"
            " when it is loaded anew." % min(bits, 20),
        )


@check(
    ERROR,
    what="Nobody on the link can find out where a virtual IPv6 address is.",
    where="virtual IPv6 addresses that lie in a network on the link, but are only on lo or dummy devices",
    source="net/ipv6/ndisc.c: ndisc_recv_ns() answers for addresses of the device that is asked; ip-sysctl.rst:"
    " proxy_ndp",
)
def ipv6_address_silent(facts: NodeFacts) -> Iterator[Finding]:
    addresses = dict.fromkeys(row.key.address for row in facts.table if row.key.family == "inet6" and row.key.address)
    if not addresses:
        raise NotApplicable("no virtual service of IPv6 with an address")
    proxied = []
    for address in addresses:
        names = devices_with(facts, address)
        if not names or not all(map(_is_silent, map(facts.link, names))):
            continue
        for device in links_near(facts, address):
            if facts.switch("net/ipv6/conf/%s/proxy_ndp" % device) or facts.switch("net/ipv6/conf/all/proxy_ndp"):
                proxied.append("%s on %s" % (address, device))
                continue
            yield Finding(
                "%s on %s" % (address, device),
                "%s is on device %s, and hosts on %s take it for one of their network" % (address, some(names), device),
                "They ask on the link who has it, and this node answers for addresses of the device that is asked only"
                " (of IPv4 it answers for all): none of them reaches the service.",
                "Put the address on %s, or let this node answer there (ip -6 neigh add proxy %s dev %s, with"
                " net.ipv6.conf.%s.proxy_ndp=1 and forwarding)." % (device, address, device, device),
            )
    if proxied:
        raise LeftOpen("proxy_ndp is on, and whether it answers for %s was not asked" % some(proxied))


def _is_silent(link: Link | None) -> bool:
    return link is not None and (link.kind in _SILENT_KINDS or link.name == "lo")
