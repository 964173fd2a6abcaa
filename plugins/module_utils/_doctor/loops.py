# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which real servers reach themselves through their own service, and what nat does to these connections.

Sources: ipset(8), iptables-extensions(8), net/bridge of the kernel.
"""

from __future__ import annotations

from typing import Iterable, Iterator, NamedTuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import family_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.checks.common import (
    SYN,
    device_towards,
    masqueraded,
    nat_rules,
    once,
    say_what_is_left,
    some,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import (
    LeftOpen,
    LoopSet,
    NodeFacts,
    NotApplicable,
    Row,
    Rules,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServer, ServiceKey
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import Link
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import (
    MASQUERADE,
    UNKNOWN,
    Packet,
    Rule,
    mentioned,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.traversal import Decision

#: What a packet that loops back is compared with: destination, its port, source.
DIRECTIONS = "dst,dst,src"
#: What a set of what loops back is called where there is none yet.
NEW_SETS = {"inet": "LOOP-BACK", "inet6": "LOOP-BACK6"}


class Client(NamedTuple):
    """A real server that shall reach itself through its own service, and its entry in a set of what loops back."""

    row: Row
    server: RealServer
    entry: str


def entry_of(key: ServiceKey, server: RealServer) -> str:
    """A real server's entry in a set of what loops back."""
    address = server.address
    return "%s,%s:%d,%s" % (address, key.protocol, server.port, address)


def _loops(entry: str) -> bool:
    first, _port, last = entry.split(",")
    return first == last


@once
def loop_sets(facts: NodeFacts, family: str | None = None) -> list[LoopSet]:
    """The sets by which looped connections are masqueraded: a rule asks for them so, or they hold nothing else."""
    asked = {
        name
        for each in ("inet", "inet6")
        for name, directions in mentioned(nat_rules(facts, each))
        if directions == DIRECTIONS
    }
    found = [each for each in facts.sets if (each.name in asked or each.entries) and all(map(_loops, each.entries))]
    return [each for each in found if family in (None, each.family)]


@once
def clients_of_themselves(facts: NodeFacts) -> list[Client]:
    """The real servers that shall reach themselves through their own service."""
    found = masqueraded(facts)
    if facts.wishes.loopback is False:
        raise NotApplicable("'loopback' says that no real server is a client of its own service")
    sets = loop_sets(facts)
    if facts.wishes.loopback is None and not sets:
        raise NotApplicable(
            "nothing tells that real servers are clients of their own services: no set of what loops back"
        )
    # Who lives behind a router may well come to its own service by another node.
    clients = [
        Client(row, server, entry_of(row.key, server))
        for row, server in found
        if row.key.protocol and not _behind_router(facts, server)
    ]
    if facts.wishes.loopback:
        return clients
    entries = frozenset().union(*(each.entries for each in sets))
    # With nothing in the sets, whatever the rule was made for is missing from them.
    known = [each for each in clients if each.entry in entries]
    own = {each.row.key for each in known}
    beside = {_location(facts, each.server) for each in known}
    return [each for each in clients if not entries or each.row.key in own or _location(facts, each.server) in beside]


def _behind_router(facts: NodeFacts, server: RealServer) -> bool:
    hop = facts.next_hop_of.get(server.packed)
    return hop is not None and hop.router is not None


def _location(facts: NodeFacts, server: RealServer) -> str:
    return device_towards(facts, server) or str(server.address)


def fate_of(facts: NodeFacts, client: Client) -> Decision:
    """What nat's POSTROUTING does to a connection of a real server to itself."""
    return _fates(facts)[client.entry]


@once
def _fates(facts: NodeFacts) -> dict[str, Decision]:
    """The fates by the entries of sets, which tell all of these connections that a rule could ask for."""
    return {each.entry: _fate_of(facts, *each) for each in clients_of_themselves(facts)}


def _fate_of(facts: NodeFacts, row: Row, server: RealServer, entry: str) -> Decision:
    key = row.key
    rules = facts.rules.get(key.family, Rules())
    if (rules.tables is None and rules.ruleset is None) or rules.masquerading_besides:
        return Decision(UNKNOWN)
    way = facts.next_hop_of.get(server.packed)
    packet = Packet(
        source=server.address,
        destination=server.address,
        protocol=key.protocol,
        destination_port=server.port,
        out_device=way.device if way else None,
        flags=SYN,
        sets={(each.name, DIRECTIONS): entry in each.entries for each in facts.sets},
    )
    return rules.traversal.masqueraded(packet)


def say_what_may_masquerade(facts: NodeFacts, only: Iterable[str] = ("inet", "inet6")) -> None:
    clients = [each for each in clients_of_themselves(facts) if each.row.key.family in only]
    families = (each.row.key.family for each in clients)
    fates = [fate_of(facts, each) for each in clients]
    say_what_is_left(facts, families, lambda rules: rules.masquerading_besides, fates)


def bridged_servers(facts: NodeFacts) -> Iterator[tuple[str, RealServer, Link, Link]]:
    """Real servers that shall reach themselves and live behind a port of a bridge: family, server, port, bridge."""
    for _row, server, _entry in clients_of_themselves(facts):
        port = facts.port_of(server.address)
        bridge = facts.bridge_of(port) if port else None
        if port and bridge and port.name not in facts.tagged_only:
            yield family_of(server.address), server, port, bridge


def say_which_ports_filter(facts: NodeFacts) -> None:
    """The end of a check of bridges: ports that drop whatever a real server sends, of which nothing else is told.

    Raises:
        LeftOpen: there are such ports.
    """
    found = {
        facts.ports[each.server.address] for each in clients_of_themselves(facts) if each.server.address in facts.ports
    }
    dropping = sorted(found & facts.tagged_only)
    if dropping:
        raise LeftOpen("the bridge filters VLANs, and port %s takes no frame without a tag (no PVID)" % some(dropping))


def sees_bridged(facts: NodeFacts, family: str, bridge: Link) -> bool:
    """Whether iptables sees what crosses a bridge."""
    name = "iptables" if family == "inet" else "ip6tables"
    own = bridge.nf_call_iptables if family == "inet" else bridge.nf_call_ip6tables
    return bool(own) or facts.switch("net/bridge/bridge-nf-call-%s" % name) == 1


@once
def loop_rules(facts: NodeFacts, family: str) -> list[Rule]:
    """The rules that masquerade what the sets have."""
    names = {each.name for each in loop_sets(facts, family)}
    return [
        rule
        for rule in nat_rules(facts, family)
        if any(name in names and directions == DIRECTIONS for name, directions, _in in rule.sets)
        and rule.target in ("MASQUERADE", "SNAT")
    ]


def unmasqueraded(facts: NodeFacts, ruled: bool) -> dict[str, list[tuple[Client, Decision]]]:
    """The real servers that are surely not masqueraded, by family, where a rule for the sets is or is not.

    Of the families that have sets, those that are in them.
    """
    found: dict[str, list[tuple[Client, Decision]]] = {}
    for client in clients_of_themselves(facts):
        family = client.row.key.family
        sets = loop_sets(facts, family)
        if sets and not any(client.entry in each.entries for each in sets):
            continue
        verdict = fate_of(facts, client)
        if verdict.kind not in (MASQUERADE, UNKNOWN) and bool(loop_rules(facts, family)) == ruled:
            found.setdefault(family, []).append((client, verdict))
    return found
