# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a node for the doctor: nothing is written, loaded or changed; connections are tried only where asked for.

To ask the kernel for a part of it that is a module has it load that module, so it is looked first whether it is there.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from typing import Any, Iterable, Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address
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
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.client import IpSets, NoSets
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import PLAIN
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import all_written
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.owners import address_movers, owners
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import NoSuchProtocol
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import inside
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.programs import Run, output_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.client import Links
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import Link, Snapshot

#: Switches that each namespace has once, and those of each device.
_SWITCHES = (
    "net/ipv4/ip_forward",
    "net/ipv6/conf/all/forwarding",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
    "net/ipv4/vs/conntrack",
    "net/ipv4/vs/conn_reuse_mode",
)
_DEVICE_SWITCHES = ("forwarding", "rp_filter", "arp_ignore", "arp_announce")
_LOOP_TYPE = "hash:ip,port,ip"
#: linux/sockios.h, linux/if.h; an ifreq has the name, and here the flags.
_SIOCGIFFLAGS, _IFF_NOARP = 0x8913, 0x80
_IFREQ = struct.Struct("=16sH22x")


def read(run: Run, netns: str | None, wishes: Wishes, probe_timeout: float | None) -> NodeFacts:
    """Look at a namespace; connections to real servers are tried where ``probe_timeout`` (seconds) is given."""
    with inside(netns):
        ipvs = os.path.exists("/proc/thread-self/net/ip_vs")
    table, connections, backup = _table(netns) if ipvs else ((), {}, False)
    addresses = sorted({server.address for row in table for server in row.servers}, key=lambda each: each.packed)
    answers = None
    if probe_timeout is not None:  # first, because it has the kernel find out which neighbour is where
        answers = probe(netns, _endpoints(table), probe_timeout)
    with Links() as links:
        here = links.same(netns)
        snapshot = links.snapshot(here, routes=True)
        next_hops = {address: NextHop(*found) for address, found in links.ways(here, addresses).items()}
        ports = _ports(links, here, snapshot, next_hops)
        local = links.local_networks(here)
        netfilter_bridges = links.netfilter_bridges(here)
    return NodeFacts(
        release=os.uname().release,
        netns=netns,
        ipvs=ipvs,
        ipvs_barred=None if ipvs else barred(run, "ip_vs"),
        table=table,
        connections=connections,
        backup=backup,
        switches=_switches(netns, snapshot),
        snapshot=snapshot,
        local=local,
        next_hops=next_hops,
        ports=ports,
        netfilter_bridges=netfilter_bridges,
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


def _table(netns: str | None) -> tuple[tuple[Row, ...], dict[Any, int], bool]:
    with Ipvs(netns) as ipvs:
        rows = tuple(Row(service, tuple(servers)) for service, servers in ipvs.table())
        connections = {}
        for row in rows:
            if any(server.weight == 0 for server in row.servers):
                counted = ipvs.connections(row.key)
                connections.update({(row.key, key): sum(each.values()) for key, each in counted.items()})
        return rows, connections, "backup" in ipvs.settings().daemons


def _endpoints(table: Iterable[Row]) -> list[tuple[Address, int]]:
    """The real servers of TCP services, on ports that are known, each once; whether they have a weight or not."""
    found = {
        (server.address, server.port): None
        for row in table
        for server in row.servers
        if row.key.protocol == "tcp" and server.port
    }
    return list(found)


def _ports(
    links: Links, netns: str | None, snapshot: Snapshot, next_hops: Mapping[Address, NextHop]
) -> dict[Address, str]:
    """The bridge port behind which each neighbour lives.

    The neighbour's hardware address tells, by what the bridge has learned from its frames. Where nobody has spoken for
    a while, the other end of a veth device tells, if it has the address.
    """
    near: dict[Address, Link] = {}
    for address, way in next_hops.items():
        device = snapshot.link(way.device)
        if device is not None and device.kind == "bridge" and way.router is None and not way.local:
            near[address] = device
    if not near:
        return {}
    neighbours, learned = links.neighbours(netns), links.learned(netns)
    found: dict[Address, str] = {}
    for address, bridge in near.items():
        hardware = neighbours.get((bridge.index, address))
        port = snapshot.link_at(learned.get((bridge.index, hardware), 0)) if hardware else None
        if port is not None:
            found[address] = port.name
    if len(found) < len(near):
        names = [port.name for bridge in set(near.values()) for port in snapshot.ports_of(bridge)]
        for name, end in links.far_ends(netns, names, {netns: snapshot}).items():
            for interface in end.addresses:
                if interface.ip in near:
                    found.setdefault(interface.ip, name)
    return found


def _switches(netns: str | None, snapshot: Snapshot) -> dict[str, str]:
    paths = list(_SWITCHES)
    for device in ("all", *(link.name for link in snapshot.links)):
        paths += ["net/ipv4/conf/%s/%s" % (device, name) for name in _DEVICE_SWITCHES]
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
    try:
        with IpSets(netns) as sets:
            names = [each.header.name for each in sets.headers() if each.header.kind.name == _LOOP_TYPE]
            read_sets = [each for each in map(sets.find, names) if each is not None]
    except (NoSets, NoSuchProtocol):
        return ()
    return tuple(
        LoopSet(
            each.header.name,
            each.header.kind.family,
            frozenset(all_written(each.header.kind, dict.fromkeys(each.entries, PLAIN))),
        )
        for each in read_sets
    )


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
