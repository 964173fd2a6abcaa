# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a node for the doctor: nothing is written, loaded or changed; connections are tried only where asked for."""

from __future__ import annotations

import os
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor_values import Facts, LoopSet, Row, Way, Wishes
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset import IpSets, NoSets
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset_entries import PLAIN, all_written
from ansible_collections.linuxnet.ipvs.plugins.module_utils._iptables import Run, saved
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs import Ipvs, NoIpvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link_values import Link, Snapshot
from ansible_collections.linuxnet.ipvs.plugins.module_utils._links import Kernel
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netlink import NoSuchProtocol
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns import inside
from ansible_collections.linuxnet.ipvs.plugins.module_utils._owners import owners
from ansible_collections.linuxnet.ipvs.plugins.module_utils._packet_filter import Tables, parse
from ansible_collections.linuxnet.ipvs.plugins.module_utils._probe import probe
from ansible_collections.linuxnet.ipvs.plugins.module_utils._values import Address

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


def read(run: Run, netns: str | None, wishes: Wishes, probe_timeout: float | None) -> Facts:
    """Look at a namespace; connections to real servers are tried where ``probe_timeout`` (seconds) is given."""
    table, connections, backup = _table(netns)
    addresses = sorted({server.address for row in table for server in row.servers}, key=lambda each: each.packed)
    answers = None
    if probe_timeout is not None:  # first, because it has the kernel find out which neighbour is where
        answers = probe(netns, _endpoints(table), probe_timeout)
    with Kernel() as kernel:
        here = kernel.same(netns)
        snapshot = kernel.snapshot(here, routes=True)
        ways = {address: Way(*found) for address, found in kernel.ways(here, addresses).items()}
        ports = _ports(kernel, here, snapshot, ways)
        local = kernel.local_networks(here)
        netfilter_bridges = kernel.netfilter_bridges(here)
    families = {row.key.family for row in table}
    tables, beside = _tables(run, netns, families)
    return Facts(
        release=os.uname().release,
        netns=netns,
        table=table,
        connections=connections,
        backup=backup,
        switches=_switches(netns, snapshot),
        snapshot=snapshot,
        local=local,
        ways=ways,
        ports=ports,
        netfilter_bridges=netfilter_bridges,
        sets=_sets(netns),
        tables=tables,
        beside_tables=beside,
        arp_rules=bool(wishes.real_server_for) and _has_rules(saved(run, "arptables-save", netns)),
        owners=tuple(owners(netns)),
        answers=answers,
        schedulers={name: _missing_scheduler(name) for name in wishes.schedulers},
        wishes=wishes,
    )


def _table(netns: str | None) -> tuple[tuple[Row, ...], dict[Any, int], bool]:
    try:
        with Ipvs(netns) as ipvs:
            rows = tuple(Row(service, tuple(servers)) for service, servers in ipvs.table())
            connections = {}
            for row in rows:
                if any(server.weight == 0 for server in row.servers):
                    counted = ipvs.connections(row.key)
                    connections.update({(row.key, key): sum(each.values()) for key, each in counted.items()})
            return rows, connections, "backup" in ipvs.settings().daemons
    except NoIpvs:
        return (), {}, False


def _endpoints(table: Iterable[Row]) -> list[tuple[Address, int]]:
    """The real servers that take TCP connections on a port that is known, each once."""
    found = {
        (server.address, server.port): None
        for row in table
        for server in row.servers
        if row.key.protocol == "tcp" and server.port and server.weight
    }
    return list(found)


def _ports(kernel: Kernel, netns: str | None, snapshot: Snapshot, ways: Mapping[Address, Way]) -> dict[Address, str]:
    """The bridge port behind which each neighbour lives.

    The neighbour's hardware address tells, by what the bridge has learned from its frames. Where nobody has spoken for
    a while, the other end of a veth device tells, if it has the address.
    """
    near: dict[Address, Link] = {}
    for address, way in ways.items():
        device = snapshot.link(way.device)
        if device is not None and device.kind == "bridge" and way.router is None and not way.local:
            near[address] = device
    if not near:
        return {}
    neighbours, learned = kernel.neighbours(netns), kernel.learned(netns)
    found: dict[Address, str] = {}
    for address, bridge in near.items():
        hardware = neighbours.get((bridge.index, address))
        port = snapshot.link_at(learned.get((bridge.index, hardware), 0)) if hardware else None
        if port is not None:
            found[address] = port.name
    if len(found) < len(near):
        names = [port.name for bridge in set(near.values()) for port in snapshot.ports_of(bridge)]
        for name, end in kernel.far_ends(netns, names, {netns: snapshot}).items():
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


def _tables(run: Run, netns: str | None, families: Iterable[str]) -> tuple[dict[str, Tables | None], str]:
    """The tables of iptables, and why they may not be all that there is."""
    found: dict[str, Tables | None] = {}
    beside = ""
    for family in sorted(families):
        program = {"inet": "iptables-save", "inet6": "ip6tables-save"}[family]
        text = saved(run, program, netns)
        found[family] = None if text is None else parse(text)
        if text is None:
            beside = "%s is not installed, or fails" % program
        elif "legacy tables present" in text:
            beside = "there are rules of both back ends of iptables (nf_tables, legacy)"
    listed = saved(run, "nft", netns, "list", "chains")
    own = _native_chains(listed or "")
    if own:
        beside = "nft(8) has chains of its own: %s" % ", ".join(own)
    return found, beside


def _native_chains(listed: str) -> list[str]:
    """The tables of nftables with nat or filter chains that are not those of iptables."""
    found: list[str] = []
    table = ""
    for line in listed.splitlines():
        words = line.split()
        if words[:1] == ["table"]:
            table = " ".join(words[1:3])
        elif words[:1] == ["type"] and words[1] in ("nat", "filter") and "hook" in words:
            family, _blank, name = table.partition(" ")
            ours = family in ("ip", "ip6") and name in ("filter", "nat", "mangle", "raw", "security")
            if family in ("ip", "ip6", "inet") and not ours and table not in found:
                found.append(table)
    return found


def _has_rules(text: str | None) -> bool:
    return any(line.startswith("-A") for line in (text or "").splitlines())


def _missing_scheduler(name: str) -> str | None:
    """Why the kernel cannot have a scheduler; None if it has it, or would load it when it is asked for."""
    module = "ip_vs_%s" % name
    if os.path.isdir("/sys/module/%s" % module):
        return None
    folder = os.path.join("/lib/modules", os.uname().release)
    listed = [_lines(os.path.join(folder, each)) for each in ("modules.builtin", "modules.dep")]
    if not any(listed):
        return None  # nobody can say: a container without the host's modules
    for place, lines in enumerate(listed):
        files = (os.path.basename(line.partition(":")[0]) for line in lines)
        if any(file.split(".")[0].replace("-", "_") == module for file in files):
            if place and _lines("/proc/sys/kernel/modules_disabled")[:1] == ["1"]:
                return (
                    "module %s is not loaded, and this kernel loads no more modules (kernel.modules_disabled is 1)"
                    % module
                )
            return None
    return "there is no module %s in %s" % (module, folder)


def _lines(path: str) -> Sequence[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return ()
