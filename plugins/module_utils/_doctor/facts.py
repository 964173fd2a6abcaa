# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a node for the doctor: nothing is written, loaded or changed; connections are tried only where asked for.

To ask the kernel for a part of it that is a module has it load that module, so it is looked first whether it is there.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import socket
import struct
from bisect import bisect_right
from typing import Any, Iterable, Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address, Network
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.modules import barred, there
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.probe import probe
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.rules import read_rules
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import (
    LoopSet,
    NextHop,
    NodeFacts,
    Row,
    Wishes,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.owners import address_movers, owners
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.settings_client import about, settings
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import inside
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.programs import Run, output_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.client import Links
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.far_ends import far_ends
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.forwarding import destinations as destinations_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.forwarding import has_policies, ways
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.forwarding import learned as learned_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.forwarding import neighbours as neighbours_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.forwarding import tagged_only as tagged_only_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import Link, Snapshot

#: Switches that each namespace has once, and those of each device.
_SWITCHES = (
    "net/ipv4/ip_forward",
    "net/ipv6/conf/all/forwarding",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
    "net/ipv4/vs/conntrack",
    "net/ipv4/vs/conn_reuse_mode",
    "net/ipv4/vs/backup_only",
    "net/ipv4/vs/conn_max",
)
_DEVICE_SWITCHES = ("forwarding", "rp_filter", "arp_ignore", "arp_announce")
_DEVICE_SWITCHES_6 = ("accept_ra", "proxy_ndp")
#: linux/sockios.h, linux/if.h; an ifreq has the name, and here the flags.
_SIOCGIFFLAGS, _IFF_NOARP = 0x8913, 0x80
_IFREQ = struct.Struct("=16sH22x")


def read(run: Run, netns: str | None, wishes: Wishes, probe_timeout: float | None) -> NodeFacts:
    """Look at a namespace; connections to real servers are tried where ``probe_timeout`` (seconds) is given."""
    with inside(netns):
        ipvs = os.path.exists("/proc/thread-self/net/ip_vs")
    table, connections, loads, total = _table(netns) if ipvs else ((), {}, {}, 0)
    daemons, buckets = _about(netns) if ipvs else (frozenset(), 0)
    addresses = [
        ipaddress.ip_address(packed) for packed in sorted({each.packed for row in table for each in row.servers})
    ]
    answers = None
    if probe_timeout is not None:  # first, because it has the kernel find out which neighbour is where
        answers = probe(netns, _endpoints(table), probe_timeout)
    with Links() as links:
        here = links.same(netns)
        snapshot = links.snapshot(here, routes=True)
        destinations = destinations_of(links, here)
        local = tuple(network for network, own in destinations.items() if own)
        next_hops = _next_hops(links, here, snapshot, addresses, destinations)
        ports = _ports(links, here, snapshot, next_hops)
        tagged_only = tagged_only_of(links, here, snapshot.links)
    return NodeFacts(
        release=os.uname().release,
        netns=netns,
        ipvs=ipvs,
        ipvs_barred=None if ipvs else barred(run, "ip_vs"),
        table=table,
        connections=connections,
        loads=loads,
        total=total,
        buckets=buckets,
        daemons=daemons,
        switches=_switches(netns, snapshot),
        snapshot=snapshot,
        local=local,
        next_hops=next_hops,
        ports=ports,
        tagged_only=tagged_only,
        sets=_sets(netns),
        rules=read_rules(run, netns, sorted({row.key.family for row in table})),
        arp_rules=bool(wishes.real_server_for) and _has_arp_rules(run, netns),
        without_arp=_without_arp(netns, [link.name for link in snapshot.links]),
        owners=tuple(owners(netns)),
        address_movers=address_movers(netns),
        answers=answers,
        schedulers={name: barred(run, "ip_vs_%s" % name) for name in wishes.schedulers},
        wishes=wishes,
    )


def _table(netns: str | None) -> tuple[tuple[Row, ...], dict[Any, int], dict[Any, int], int]:
    """The table, the connections of real servers of weight 0 and of those with a threshold, and how many all have."""
    rows: list[Row] = []
    connections: dict[Any, int] = {}
    loads: dict[Any, int] = {}
    total = 0
    with Ipvs(netns) as ipvs:
        for service, read_servers in ipvs.table():
            both = list(read_servers.counted())
            rows.append(Row(service, tuple(server for server, _counted in both)))
            for server, counted in both:
                number = sum(counted.values())
                total += number
                if not server.weight:
                    connections[service.key, server.key] = number
                if server.terms.upper_threshold:  # ip_vs.h: ip_vs_dest_totalconns()
                    loads[service.key, server.key] = number - counted["persistent_connections"]
    return tuple(rows), connections, loads, total


def _about(netns: str | None) -> tuple[frozenset[str], int]:
    with Ipvs(netns) as ipvs:
        return frozenset(settings(ipvs).daemons), int(about(ipvs).get("connection_table_size", 0))


def _endpoints(table: Iterable[Row]) -> list[tuple[Address, int]]:
    """The real servers of TCP services, on ports that are known, each once; whether they have a weight or not."""
    found = {
        (server.address, server.port): None
        for row in table
        for server in row.servers
        if row.key.protocol == "tcp" and server.port
    }
    return list(found)


def _next_hops(
    links: Links,
    netns: str | None,
    snapshot: Snapshot,
    addresses: Iterable[Address],
    destinations: Iterable[Network],
) -> dict[Address, NextHop]:
    """How the kernel sends to addresses; those that no route tells apart are asked about once."""
    if has_policies(links, netns):
        return {address: NextHop(*found) for address, found in ways(links, netns, snapshot.links, addresses).items()}
    bounds: dict[int, list[int]] = {}
    for version in (4, 6):
        edges = [each for each in destinations if each.version == version]
        found = {int(each.network_address) for each in edges} | {int(each.broadcast_address) + 1 for each in edges}
        bounds[version] = sorted(found)
    alike: dict[tuple[int, int], list[Address]] = {}
    for address in addresses:
        alike.setdefault((address.version, bisect_right(bounds[address.version], int(address))), []).append(address)
    asked = ways(links, netns, snapshot.links, [group[0] for group in alike.values()])
    return {address: NextHop(*asked[group[0]]) for group in alike.values() if group[0] in asked for address in group}


def _ports(
    links: Links, netns: str | None, snapshot: Snapshot, next_hops: Mapping[Address, NextHop]
) -> dict[Address, str]:
    """The bridge port behind which each neighbour lives.

    The neighbour's hardware address tells, by what the bridge has learned from its frames. Where nobody has spoken for
    a while, the other end of a veth device tells, if it has the address.
    """
    near: dict[Address, Link] = {}
    links_by_name = {link.name: link for link in snapshot.links}
    for address, way in next_hops.items():
        device = links_by_name.get(way.device)
        if device is not None and device.kind == "bridge" and way.router is None and not way.local:
            near[address] = device
    if not near:
        return {}
    neighbours, learned = neighbours_of(links, netns), learned_of(links, netns)
    found: dict[Address, str] = {}
    links_by_index = {link.index: link for link in snapshot.links}
    for address, bridge in near.items():
        hardware = neighbours.get((bridge.index, address))
        port = links_by_index.get(learned.get((bridge.index, hardware), 0)) if hardware else None
        if port is not None:
            found[address] = port.name
    if len(found) < len(near):
        names = [port.name for bridge in set(near.values()) for port in snapshot.ports_of(bridge)]
        for name, end in far_ends(links, netns, names, {netns: snapshot}).items():
            for interface in end.addresses:
                if interface.ip in near:
                    found.setdefault(interface.ip, name)
    return found


def _switches(netns: str | None, snapshot: Snapshot) -> dict[str, str]:
    paths = list(_SWITCHES)
    for device in ("all", *(link.name for link in snapshot.links)):
        paths += ["net/ipv4/conf/%s/%s" % (device, name) for name in _DEVICE_SWITCHES]
        paths += ["net/ipv6/conf/%s/%s" % (device, name) for name in _DEVICE_SWITCHES_6]
    found = {}
    with inside(netns):
        for path in paths:
            try:
                with open(os.path.join("/proc/sys", path), encoding="ascii") as file:
                    found[path] = file.read().strip()
            except OSError:  # the kernel has no such switch, or the device is gone
                continue
    return found


def _sets(netns: str | None) -> tuple[LoopSet, ...]:
    if not there("ip_set"):
        return ()
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.loop_sets import loop_sets

    return loop_sets(netns)


def _without_arp(netns: str | None, names: Iterable[str]) -> frozenset[str]:
    """The devices that are told to speak no ARP, such as those of WireGuard (netdevice(7): IFF_NOARP)."""
    found = set()
    with inside(netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for name in names:
            try:
                told = fcntl.ioctl(asked, _SIOCGIFFLAGS, _IFREQ.pack(name.encode(), 0))
            except OSError:  # the device is gone
                continue
            if _IFREQ.unpack(told)[1] & _IFF_NOARP:
                found.add(name)
    return frozenset(found)


def _has_arp_rules(run: Run, netns: str | None) -> bool:
    if not there("nf_tables") and not there("arp_tables"):
        return False
    return any(line.startswith("-A") for line in (output_of(run, "arptables-save", netns) or "").splitlines())
