# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the doctor looks for: each check a pure function of what is known of the node.

A check tells what it can prove. Where something is missing from the proof, such as a rule of iptables with a match
that is not read here, it says nothing: a doctor who finds fault with the healthy is soon not asked any more.

Sources: Documentation/networking/ipvs-sysctl.rst and ip-sysctl.rst of the kernel, its net/netfilter/ipvs and
net/bridge, ipvsadm(8), iptables-extensions(8), ipset(8).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Callable, Iterable, Iterator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address, family_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor import remedies
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.probe import ANSWERED, NO_WAY, REFUSED, TIMED_OUT
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import (
    Check,
    Facts,
    Finding,
    LeftOpen,
    LoopSet,
    NotApplicable,
    Row,
    Rules,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServer, ServiceKey, endpoint
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import Link
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import (
    ACCEPT,
    DROP,
    MASQUERADE,
    UNKNOWN,
    Packet,
    Rule,
    Tables,
    Verdict,
    matches,
    mentioned,
    network_of,
    reachable,
    walk,
)

#: What a packet that loops back is compared with: destination, its port, source.
_DIRECTIONS = "dst,dst,src"
#: The flags of TCP's first packet, and of the answer to it.
_SYN, _SYN_ACK = frozenset(["SYN"]), frozenset(["SYN", "ACK"])
#: Bytes that a tunnel puts before a packet: the outer IP header, and GRE's or UDP's and GUE's (ip_vs_xmit.c).
_OUTER = {"inet": 20, "inet6": 40}
_TUNNEL_EXTRA = {"ipip": 0, "gre": 4, "gue": 12}
_NO_MASQUERADING = "no service with forwarding method masquerading"
#: What a set of what loops back is called where there is none yet.
_NEW_SETS = {"inet": "LOOP-BACK", "inet6": "LOOP-BACK6"}
_TUNNEL_KINDS = ("ipip", "ip6tnl", "sit", "gre", "ip6gre", "gretap")


# Which real servers come back to themselves


def _entry(key: ServiceKey, server: RealServer) -> str:
    """A real server's entry in a set of what loops back."""
    return "%s,%s:%d,%s" % (server.address, key.protocol, server.port, server.address)


def _loops(entry: str) -> bool:
    first, _port, last = entry.split(",")
    return first == last


def _loop_sets(facts: Facts, family: str | None = None) -> list[LoopSet]:
    """The sets by which looped connections are masqueraded: a rule asks for them so, or they hold nothing else."""
    asked = {
        name
        for each in ("inet", "inet6")
        for name, directions in mentioned(_nat_rules(facts, each))
        if directions == _DIRECTIONS
    }
    found = [each for each in facts.sets if (each.name in asked or each.entries) and all(map(_loops, each.entries))]
    return [each for each in found if family in (None, each.family)]


def _nat_rules(facts: Facts, family: str) -> tuple[Rule, ...]:
    return reachable(facts.tables(family) or {}, "nat", "POSTROUTING")


def _masqueraded(facts: Facts) -> list[tuple[Row, RealServer]]:
    found = list(facts.servers("masquerading"))
    if not found:
        raise NotApplicable(_NO_MASQUERADING)
    return found


def _clients_of_themselves(facts: Facts) -> list[tuple[Row, RealServer]]:
    """The real servers that shall reach themselves through their own service."""
    found = _masqueraded(facts)
    if facts.wishes.loopback is False:
        raise NotApplicable("'loopback' says that no real server is a client of its own service")
    sets = _loop_sets(facts)
    if facts.wishes.loopback is None and not sets:
        raise NotApplicable(
            "nothing tells that real servers are clients of their own services: no set of what loops back"
        )
    # Who lives behind a router may well come to its own service by another node.
    found = [(row, server) for row, server in found if row.key.protocol and not _behind_router(facts, server.address)]
    if facts.wishes.loopback:
        return found
    entries = frozenset().union(*(each.entries for each in sets))
    # With nothing in the sets, whatever the rule was made for is missing from them.
    own = {row.key for row, server in found if _entry(row.key, server) in entries}
    beside = {_place(facts, server.address) for row, server in found if _entry(row.key, server) in entries}
    return [
        (row, server)
        for row, server in found
        if not entries or row.key in own or _place(facts, server.address) in beside
    ]


def _behind_router(facts: Facts, address: Address) -> bool:
    way = facts.ways.get(address)
    return way is not None and way.router is not None


def _place(facts: Facts, address: Address) -> str:
    way = facts.ways.get(address)
    return way.device if way else str(address)


def _fate(facts: Facts, key: ServiceKey, server: RealServer) -> Verdict:
    """What nat's POSTROUTING does to a connection of a real server to itself."""
    rules = facts.rules.get(key.family, Rules())
    if rules.tables is None or rules.masquerading_besides:
        return Verdict(UNKNOWN)
    entry = _entry(key, server)
    way = facts.ways.get(server.address)
    packet = Packet(
        source=server.address,
        destination=server.address,
        protocol=key.protocol,
        destination_port=server.port,
        out_device=way.device if way else None,
        flags=_SYN,
        sets={(each.name, _DIRECTIONS): entry in each.entries for each in facts.sets},
    )
    return walk(rules.tables, "nat", "POSTROUTING", packet)


def _say_what_is_left(
    facts: Facts, families: Iterable[str], reason: Callable[[Rules], str], doubtful: Iterable[Verdict] = ()
) -> None:
    """The end of a check of rules: why it does not know those of some families as a whole, and which are in doubt."""
    unread = Rules(None, *["the rules of iptables could not be read"] * 2)
    told = [reason(facts.rules.get(family, unread)) for family in sorted(set(families))]
    rules = [verdict.rule.text for verdict in doubtful if verdict.kind == UNKNOWN and verdict.rule]
    if rules:
        told.append("a rule asks for more than is known of the packets: %s" % _some(rules))
    if any(told):
        raise LeftOpen("; ".join(dict.fromkeys(filter(None, told))))


def _say_what_may_masquerade(facts: Facts, only: Iterable[str] = ("inet", "inet6")) -> None:
    clients = [(row, server) for row, server in _clients_of_themselves(facts) if row.key.family in only]
    families = (row.key.family for row, _server in clients)
    fates = [_fate(facts, row.key, server) for row, server in clients]
    _say_what_is_left(facts, families, lambda rules: rules.masquerading_besides, fates)


def _ports(facts: Facts) -> Iterator[tuple[str, RealServer, Link, Link]]:
    """Real servers that shall reach themselves and live behind a port of a bridge: family, server, port, bridge."""
    for _row, server in _clients_of_themselves(facts):
        port = facts.port_of(server.address)
        bridge = facts.bridge_of(port) if port else None
        if port and bridge:
            yield family_of(server.address), server, port, bridge


def _sees_bridged(facts: Facts, family: str, bridge: Link) -> bool:
    """Whether iptables sees what crosses a bridge."""
    name = "iptables" if family == "inet" else "ip6tables"
    own = facts.netfilter_bridges.get(bridge.name, (False, False))[family == "inet6"]
    return own or facts.switch("net/bridge/bridge-nf-call-%s" % name) == 1


# The checks


def forwarding(facts: Facts) -> Iterator[Finding]:
    switches: dict[str, list[str]] = {}
    for _row, server in _masqueraded(facts):
        way = facts.ways.get(server.address)
        if way is None:
            continue
        if family_of(server.address) == "inet6":
            path = "net/ipv6/conf/all/forwarding"
        else:
            path = "net/ipv4/conf/%s/forwarding" % way.device
        if facts.switch(path) == 0:
            switches.setdefault(path, []).append(str(server))
    for path, servers in switches.items():
        six = path.startswith("net/ipv6")
        # The switch of IPv4 as a whole sets that of each device.
        wanted = "net.ipv6.conf.all.forwarding" if six else "net.ipv4.ip_forward"
        if not six and facts.switch("net/ipv4/ip_forward"):
            wanted = path.replace(".", "?").replace("/", ".").replace("?", "/")
        yield Finding(
            wanted,
            "%s is 0, and real server %s is reached by masquerading" % (path.replace("/", "."), _some(servers)),
            "The answers of these real servers come back to this node, which does not send them on to the clients: only"
            " the node itself reaches the service.",
            "Switch forwarding on, and see that it is on after the next boot.",
            remedies.switch(facts, wanted, 1),
        )


def bridge_netfilter(facts: Facts) -> Iterator[Finding]:
    bridges: dict[tuple[str, str], list[str]] = {}
    for family, server, _port, bridge in _ports(facts):
        if not _sees_bridged(facts, family, bridge):
            bridges.setdefault((bridge.name, family), []).append(str(server))
    for (bridge_name, family), servers in bridges.items():
        key = "net.bridge.bridge-nf-call-%s" % ("iptables" if family == "inet" else "ip6tables")
        value = facts.switch(key.replace(".", "/"))
        yield Finding(
            bridge_name,
            "%s is %s, and real server %s lives behind a port of the bridge"
            % (key, "missing: br_netfilter is not loaded" if value is None else value, _some(servers)),
            "Where client and real server live on this bridge, the bridge hands the answer straight to the client. It"
            " comes from the real server's address instead of the virtual one, and the client drops it.",
            "Load br_netfilter, and have the bridge show its frames to iptables.",
            remedies.load("br_netfilter") if value is None else remedies.switch(facts, key, 1),
        )


def ipvs_conntrack(facts: Facts) -> Iterator[Finding]:
    if facts.switch("net/ipv4/vs/conntrack") is None:
        raise NotApplicable("this kernel has no net.ipv4.vs.conntrack")
    servers = _masqueraded(facts)
    if facts.switch("net/ipv4/vs/conntrack"):
        return
    try:
        fates = [(row, _fate(facts, row.key, server)) for row, server in _clients_of_themselves(facts)]
    except NotApplicable:  # nobody shall reach itself, but rules may be meant for other connections
        fates = []
    for family in ("inet", "inet6"):
        used = [each.rule for row, each in fates if row.key.family == family and each.kind == MASQUERADE]
        relying = [
            rule
            for rule in _nat_rules(facts, family)
            if rule.target in ("MASQUERADE", "SNAT") and (rule in used or _meant_for_ipvs(facts, rule, servers))
        ]
        if relying:
            yield Finding(
                "net.ipv4.vs.conntrack",
                "net.ipv4.vs.conntrack is 0, and a rule of nat is meant for what IPVS sends on: %s" % relying[0].text,
                "Connections of IPVS pass by conntrack and so by the rules of nat: nothing of theirs is masqueraded."
                " A real server that reaches itself through the virtual address drops its own packets, and one whose"
                " way back leads elsewhere answers past this node.",
                "Have IPVS keep its connections in conntrack.",
                remedies.switch(facts, "net.ipv4.vs.conntrack", 1),
            )
    _say_what_is_left(
        facts,
        (row.key.family for row, _server in servers),
        lambda rules: rules.masquerading_besides,
        [verdict for _row, verdict in fates],
    )


def _meant_for_ipvs(facts: Facts, rule: Rule, servers: Iterable[tuple[Row, RealServer]]) -> bool:
    """Whether a rule names what loops back, connections of IPVS, or real servers as the destination."""
    loop_names = {each.name for each in _loop_sets(facts)}
    by_set = any(name in loop_names and directions == _DIRECTIONS for name, directions, _in in rule.sets)
    if by_set or " -m ipvs " in rule.text:
        return True
    to = rule.terms.get("destination")
    if to is None or not to.wanted or not network_of(to.text).prefixlen:
        return False
    return any(matches(rule, _sent(facts, row.key, server)) for row, server in servers)


def _sent(facts: Facts, key: ServiceKey, server: RealServer) -> Packet:
    """The first packet of a connection as IPVS sends it on to a real server; nothing is known of the client."""
    return Packet(
        destination=server.address,
        destination_port=server.port or None,
        out_device=_device(facts, server),
        protocol=key.protocol,
        flags=_SYN,
    )


def hairpin(facts: Facts) -> Iterator[Finding]:
    seen = set()
    for family, server, port, bridge in _ports(facts):
        if port.hairpin or bridge.promiscuous or port.name in seen or not _sees_bridged(facts, family, bridge):
            continue
        seen.add(port.name)
        yield Finding(
            port.name,
            "port %s of bridge %s is not in hairpin mode, the bridge is not promiscuous, and real server %s lives"
            " behind the port" % (port.name, bridge.name, server),
            "What this real server sends to its own service does not come back to it by the port that it left by: the"
            " connection times out whenever it is its own turn.",
            "Put the port into hairpin mode (or the bridge into promiscuous mode, for all its ports).",
            remedies.task(facts, "Let %s send frames back" % port.name, "hairpin", name=port.name),
        )


def address_missing(facts: Facts) -> Iterator[Finding]:
    wanted: dict[Address, str] = {}
    for row in facts.table:
        if row.key.address is not None and not row.key.address.is_unspecified:
            wanted.setdefault(row.key.address, "virtual service %s" % row.key)
    elsewhere = []  # a director that stands by has no address
    if facts.backup or facts.address_movers:
        elsewhere = [str(address) for address in wanted if not facts.is_local(address)]
        wanted = {}
    for address in facts.wishes.real_server_for:
        wanted.setdefault(address, "'real_server_for'")
    if not wanted and not facts.table:
        raise NotApplicable("no virtual service with an address")
    device = next((link.name for link in facts.snapshot.links if link.kind == "dummy"), "ipvs0")
    for address, by in wanted.items():
        if not facts.is_local(address):
            yield Finding(
                str(address),
                "%s is named by %s, and no device has it" % (address, by),
                "Packets to this address are not delivered to this node, so nobody else reaches the service here.",
                "Put the address on a device of kind dummy.",
                remedies.task(facts, "Have the address", "virtual_ip", name=device, addresses=[str(address)]),
            )
    if elsewhere:
        raise LeftOpen(
            "no device has %s, and another director may: %s runs here"
            % (_some(elsewhere), ", ".join(facts.address_movers) or "a backup daemon of IPVS")
        )


def loopback_entry_missing(facts: Facts) -> Iterator[Finding]:
    sets = _loop_sets(facts)
    if not sets:
        raise NotApplicable("no set of what loops back")
    entries = frozenset().union(*(each.entries for each in sets))
    missing: dict[str, list[str]] = {}
    for row, server in _clients_of_themselves(facts):
        entry = _entry(row.key, server)
        target = next((each.name for each in sets if each.family == row.key.family), None)
        if target is None or entry in entries or _fate(facts, row.key, server).kind in (MASQUERADE, UNKNOWN):
            continue
        if entry not in missing.setdefault(target, []):
            missing[target].append(entry)
    for name, lacking in missing.items():
        for entry in lacking:
            yield Finding(
                entry,
                "set %s has no entry %s, and %s is a real server" % (name, entry, entry.partition(",")[0]),
                "When this real server reaches itself through the virtual address, the packet comes back with its own"
                " address as source, and it drops it: the connection times out.",
                "Add the entry to the set.",
                remedies.task(facts, "Masquerade what loops back", "ipset_entry", name=name, entries=[entry]),
            )
    _say_what_may_masquerade(facts)


def loopback_entry_stale(facts: Facts) -> Iterator[Finding]:
    sets = _loop_sets(facts)
    if not sets:
        raise NotApplicable("no set of what loops back")
    # A service of a firewall mark has no protocol, and its real servers no ports that are known.
    marked = {str(server.address) for row in facts.table if row.key.fwmark for server in row.servers}
    known = {_entry(row.key, server) for row in facts.table for server in row.servers}
    live = any(entry in known for each in sets for entry in each.entries)
    if not live:
        raise NotApplicable("no entry of the sets is a real server, so they may be meant for something else")
    for each in sets:
        for entry in sorted(each.entries - known):
            if entry.partition(",")[0] not in marked:
                yield Finding(
                    entry,
                    "set %s has the entry %s, and no virtual service has that real server" % (each.name, entry),
                    "Nothing fails now. Whoever gets this address next is masqueraded when it reaches itself, and the"
                    " set grows with each real server that goes.",
                    "Take the entry out of the set.",
                    remedies.task(
                        facts, "Forget a real server", "ipset_entry", name=each.name, entries=[entry], state="absent"
                    ),
                )


def loopback_set_missing(facts: Facts) -> Iterator[Finding]:
    families = {row.key.family for row, _server in _clients_of_themselves(facts)}
    without = {family for family in families if not _loop_sets(facts, family)}
    if not without:
        raise NotApplicable("there is a set of what loops back, or no real server that does")
    for family, rows in _unmasqueraded(facts, ruled=False).items():
        if family not in without:
            continue
        entries = sorted({_entry(row.key, server) for row, server, _verdict in rows})
        name = _NEW_SETS[family]
        yield Finding(
            name,
            "no set of the type hash:ip,port,ip has %s, which are real servers" % _some(entries),
            "Nothing tells a rule which packets loop back to the real server that they come from. It drops them, since"
            " they have its own address: the connection times out whenever it is its own turn.",
            "Have a set of what loops back, for a rule that masquerades it.",
            remedies.task(
                facts,
                "Know what loops back",
                "ipset",
                name=name,
                type="hash:ip,port,ip",
                family=family,
                entries=entries,
            ),
        )
    _say_what_may_masquerade(facts, without)


def loopback_rule_missing(facts: Facts) -> Iterator[Finding]:
    for family, rows in _unmasqueraded(facts, ruled=False).items():
        sets = _loop_sets(facts, family)
        name = sets[0].name if sets else _NEW_SETS[family]
        yield Finding(
            "nat POSTROUTING (%s)" % family,
            "no rule masquerades %s" % _some([str(server) for _row, server, _verdict in rows])
            + (", although set %s has it" % name if sets else ""),
            "A real server that reaches itself through the virtual address gets a packet from its own address, and"
            " drops it: the connection times out whenever it is its own turn.",
            "Masquerade what the set has." if sets else "Masquerade what set %s has, once there is one." % name,
            remedies.task(
                facts,
                "Masquerade what loops back",
                "masquerade",
                match_set=dict(name=name, directions=_DIRECTIONS.split(",")),
                family=family,
            ),
        )
    _say_what_may_masquerade(facts)


def loopback_rule_shadowed(facts: Facts) -> Iterator[Finding]:
    for family, rows in _unmasqueraded(facts, ruled=True).items():
        by_rule: dict[str, list[str]] = {}
        for _row, server, verdict in rows:
            if verdict.rule is not None:
                by_rule.setdefault(verdict.rule.text, []).append(str(server))
        for text, servers in by_rule.items():
            yield Finding(
                text,
                "this rule of nat comes before the one that masquerades, and ends the way of what %s sends to itself"
                % _some(servers),
                "The rule that masquerades is never reached, so a real server that reaches itself through the virtual"
                " address drops its own packets.",
                "Delete the earlier rule, or have it choose less; rules that masquerade come first.",
                remedies.delete_rule(facts, family, "nat", text),
            )
    _say_what_may_masquerade(facts)


def _unmasqueraded(facts: Facts, ruled: bool) -> dict[str, list[tuple[Row, RealServer, Verdict]]]:
    """The real servers that are surely not masqueraded, by family, where a rule for the sets is or is not.

    Of the families that have sets, those that are in them.
    """
    found: dict[str, list[tuple[Row, RealServer, Verdict]]] = {}
    for row, server in _clients_of_themselves(facts):
        family = row.key.family
        sets = _loop_sets(facts, family)
        if sets and not any(_entry(row.key, server) in each.entries for each in sets):
            continue
        names = {each.name for each in sets}
        rules = [
            rule
            for rule in _nat_rules(facts, family)
            if any(name in names and directions == _DIRECTIONS for name, directions, _in in rule.sets)
            and rule.target in ("MASQUERADE", "SNAT")
        ]
        verdict = _fate(facts, row.key, server)
        if verdict.kind not in (MASQUERADE, UNKNOWN) and bool(rules) == ruled:
            found.setdefault(family, []).append((row, server, verdict))
    return found


def unreachable(facts: Facts) -> Iterator[Finding]:
    for row, server, outcome, words in _answers(facts):
        # The port of a real server of direct routing or a tunnel need not be open at its own address.
        if outcome == NO_WAY or (outcome == TIMED_OUT and server.forwarding_method == "masquerading"):
            yield Finding(
                "%s of %s" % (server, row.key),
                "a TCP connection from this node to %s: %s" % (server, words),
                "Each client whose turn it is waits until it gives up.",
                "See that the real server is up and that this node reaches it; until then give it no new connections"
                " (its weight is %d now)." % server.weight,
                remedies.real_server(facts, "Take the real server out of the turn", row.key, server, weight=0),
            )


def refusing(facts: Facts) -> Iterator[Finding]:
    for row, server, outcome, words in _answers(facts):
        if outcome == REFUSED and server.forwarding_method == "masquerading":
            yield Finding(
                "%s of %s" % (server, row.key),
                "a TCP connection from this node to %s: %s" % (server, words),
                "Each client whose turn it is is refused.",
                "Start the program that should listen there; until then give the real server no new connections (its"
                " weight is %d now)." % server.weight,
                remedies.real_server(facts, "Take the real server out of the turn", row.key, server, weight=0),
            )


def _answers(facts: Facts) -> Iterator[tuple[Row, RealServer, str, str]]:
    if facts.answers is None:
        raise NotApplicable("'probe' is off")
    taking = [(row, server) for row in facts.table for server in row.servers if server.weight]
    told = [(row, server, _answer(facts, row, server)) for row, server in taking]
    if not any(answer for _row, _server, answer in told):
        raise NotApplicable("no TCP service with a real server that takes connections")
    for row, server, answer in told:
        if answer and not _keeps_from_asking(facts, server):
            yield (row, server, *answer)


def _answer(facts: Facts, row: Row, server: RealServer) -> tuple[str, str] | None:
    """What came of a connection to a real server: outcome and words; None where none was tried."""
    return (facts.answers or {}).get((server.address, server.port)) if row.key.protocol == "tcp" else None


def _keeps_from_asking(facts: Facts, server: RealServer) -> bool:
    """Whether this node's own rules may drop what it asks a real server, so that no answer tells nothing of it."""
    tables = facts.tables(family_of(server.address))
    if tables is None:
        return False
    asked = Packet(
        destination=server.address,
        destination_port=server.port,
        protocol="tcp",
        out_device=_device(facts, server),
        state=None if _untracked_by_rule(tables) else "NEW",
        flags=_SYN,
    )
    return walk(tables, "filter", "OUTPUT", asked).kind != ACCEPT


def weight_zero(facts: Facts) -> Iterator[Finding]:
    _not_kept_by_a_program(facts)
    if not facts.table:
        raise NotApplicable("no virtual service")
    for row in facts.table:
        for server in row.servers:
            if server.weight == 0 and facts.connections.get((row.key, server.key)) == 0:
                outcome, words = _answer(facts, row, server) or ("", "")
                answers = outcome == ANSWERED
                yield Finding(
                    "%s of %s" % (server, row.key),
                    "its weight is 0, and it has no connection left"
                    + ("; a TCP connection from this node to it: %s" % words if words else ""),
                    "It gets no connections any more, and nothing is left to wait for.",
                    "Give it a weight again, or delete it."
                    if answers
                    else "See that it answers before it gets a weight again (%s), or delete it."
                    % ("it did not" if outcome else "that was not tried"),
                    remedies.real_server(facts, "Put the real server back into the turn", row.key, server, weight=1)
                    if answers
                    else None,
                )


def service_empty(facts: Facts) -> Iterator[Finding]:
    _not_kept_by_a_program(facts)
    if not facts.table:
        raise NotApplicable("no virtual service")
    for row in facts.table:
        if not row.servers:
            yield Finding(
                str(row.key),
                "the virtual service has no real server",
                "Its clients are refused (ICMP port unreachable).",
                "Add real servers, or delete the service.",
                remedies.task(facts, "Delete the service", "ipvs_service", state="absent", **row.key.options()),
            )


def _not_kept_by_a_program(facts: Facts) -> None:
    if facts.owners:
        raise NotApplicable("%s keeps the table, and has its reasons" % facts.owners[0].name)


def ipvs_missing(facts: Facts) -> Iterator[Finding]:
    if facts.ipvs:
        return
    if facts.ipvs_barred is None:
        seen, remedy, task = "module ip_vs is not loaded", "Load ip_vs, now and at each boot.", remedies.load("ip_vs")
    else:
        seen, remedy, task = facts.ipvs_barred, _NO_MODULE, None
    if facts.wishes.owner is None and not facts.wishes.schedulers:
        raise LeftOpen("there is no IPVS here (%s), and nothing tells that there should be ('owner')" % seen)
    yield Finding(
        "ip_vs",
        "%s, and %s" % (seen, "'owner' is said" if facts.wishes.owner else "'schedulers' are said"),
        "There is no virtual service: this node balances nothing.",
        remedy,
        task,
    )


#: What helps where the kernel cannot have a module; no task does.
_NO_MODULE = (
    "Boot a kernel that has the module, delete the line of modprobe.d(5) that bars it, or allow modules again"
    " (kernel.modules_disabled is 0 after a boot)."
)


def scheduler_missing(facts: Facts) -> Iterator[Finding]:
    if not facts.schedulers:
        raise NotApplicable("'schedulers' names none")
    for name, reason in facts.schedulers.items():
        if reason is not None:
            yield Finding(
                name,
                reason,
                "A task that adds a virtual service with scheduler '%s' fails." % name,
                "Choose another scheduler, or have this one: " + _NO_MODULE[0].lower() + _NO_MODULE[1:],
            )


def other_owner(facts: Facts) -> Iterator[Finding]:
    meant = facts.wishes.owner
    others = [owner for owner in facts.owners if owner.name != meant]
    if meant is None and len({owner.name for owner in others}) < 2:
        return  # whoever it is may well be meant
    for owner in others:
        yield Finding(
            owner.name,
            owner.evidence,
            _WHAT_OWNERS_DO[owner.name],
            "Leave the table to one program: take the services out of the configuration of this one, or work on another"
            " node. (What it does besides, such as to hold a virtual address, ends with it when it is stopped.)",
        )


_SYNCHRONIZES = (
    "It deletes virtual services that it does not know each time it synchronizes%s: what another makes is gone some"
    ' seconds later ("Service not defined").'
)
#: What comes of a program that writes the table (:data:`_owners.PROGRAMS`), as its sources have it.
_WHAT_OWNERS_DO = {
    "keepalived": "It changes the services of its configuration as its checks say, whatever another has made of them,"
    " and deletes them when it ends. Others it leaves alone, unless its configuration says lvs_flush.",
    "ldirectord": "It changes the services of its configuration as its checks say, deletes real servers of theirs that"
    " it does not know when it starts, and the services when it ends. Others it leaves alone.",
    "kube-router": _SYNCHRONIZES % "",
    "kube-proxy": _SYNCHRONIZES % " (but for --ipvs-exclude-cidrs)",
}


def direct_through_router(facts: Facts) -> Iterator[Finding]:
    servers = list(facts.servers("direct"))
    if not servers:
        raise NotApplicable("no real server with forwarding method direct")
    for row, server in servers:
        way = facts.ways.get(server.address)
        if way is not None and way.router is not None:
            yield Finding(
                "%s of %s" % (server, row.key),
                "the forwarding method is direct, and the way to %s leads through router %s"
                % (server.address, way.router),
                "Direct routing changes nothing but the hardware address, and a router's is not the real server's: the"
                " packets do not arrive.",
                "Reach it on the link, or through a tunnel.",
                remedies.real_server(facts, "Use a tunnel", row.key, server, forwarding_method="tunnel"),
            )


def tunnel_mtu(facts: Facts) -> Iterator[Finding]:
    servers = list(facts.servers("tunnel"))
    if not servers:
        raise NotApplicable("no real server with forwarding method tunnel")
    indexes = {route.index for route in facts.snapshot.routes if route.to.prefixlen == 0}
    outside = [link for link in facts.snapshot.links if link.index in indexes]
    if not outside:
        raise NotApplicable("no default route tells by which device clients come")
    told, same = set(), set()
    for _row, server in servers:
        way = facts.ways.get(server.address)
        device = facts.snapshot.link(way.device) if way else None
        if device is None or device.name in told:
            continue
        # Of who comes by the device by which the tunnel leaves, its own MTU tells nothing: it limits both.
        widest = max((link.mtu for link in outside if link != device), default=0)
        if not widest:
            same.add(device.name)
        overhead = _OUTER[family_of(server.address)] + _TUNNEL_EXTRA[server.tunnel_type]
        if device.mtu - overhead >= widest:
            continue
        told.add(device.name)
        yield Finding(
            device.name,
            "device %s has MTU %d, of which a tunnel of type %s to %s leaves %d bytes; clients send up to %d"
            % (device.name, device.mtu, server.tunnel_type, server.address, device.mtu - overhead, widest),
            "Full packets of clients do not fit: each client has to be told by ICMP, and where that is filtered on"
            " its way uploads hang.",
            "Give this device and the network behind it an MTU of at least %d, or let the real servers announce a"
            " smaller segment (advmss) to clients." % (widest + overhead),
            remedies.command(
                facts,
                "Make room for the tunnel",
                ["ip", "link", "set", "dev", device.name, "mtu", str(widest + overhead)],
            ),
        )
    if same:
        raise LeftOpen("clients come by %s, too: what they send at most is not known here" % _some(sorted(same)))


def arp_answers(facts: Facts) -> Iterator[Finding]:
    for address, device in _arp_devices(facts):
        own = device.name in _devices_with(facts, address)
        ignored = facts.stronger("ipv4", device.name, "arp_ignore")
        if ignored == 0 or (own and ignored not in (3, 8)):
            yield Finding(
                "%s on %s" % (address, device.name),
                "arp_ignore of device %s is %d, and this node has the virtual address %s%s"
                % (device.name, ignored, address, " on that very device" if own else ""),
                "This real server answers when the network asks who has the virtual address, so clients reach it past"
                " the director.",
                # No value of the switch tells two addresses of one device apart.
                "Move the address to lo or a dummy device, with prefix length 32 (also where this node configures it at"
                " boot), and let devices answer for their own addresses only (net.ipv4.conf.all.arp_ignore=1)."
                if own
                else "Let devices answer for their own addresses only.",
                None if own else remedies.switch(facts, "net.ipv4.conf.all.arp_ignore", 1),
            )


def arp_announces(facts: Facts) -> Iterator[Finding]:
    for address, device in _arp_devices(facts):
        announced = facts.stronger("ipv4", device.name, "arp_announce")
        link = facts.snapshot.link(device.name)
        near = link is not None and any(address in each.network for each in facts.snapshot.addresses_on(link))
        if announced == 0 or (announced == 1 and near):
            yield Finding(
                "%s on %s" % (address, device.name),
                "arp_announce of device %s is %d, and this node has the virtual address %s"
                % (device.name, announced, address),
                "When this real server answers a client it asks for its router in the name of the virtual address,"
                " and the router then sends what is for the director to it.",
                "Let devices ask in the name of their own best address only.",
                remedies.switch(facts, "net.ipv4.conf.all.arp_announce", 2),
            )


def _arp_devices(facts: Facts) -> Iterator[tuple[Address, Link]]:
    """The virtual addresses that this node shall have in silence, each with the devices that could give it away."""
    served = [each for each in facts.wishes.real_server_for if each.version == 4 and facts.is_local(each)]
    if not served:
        raise NotApplicable("'real_server_for' names no IPv4 address that this node has")
    if facts.arp_rules:
        raise NotApplicable("arptables(8) has rules, which may do the same")
    if all(_decapsulating(facts, each) for each in served):
        raise NotApplicable("the addresses are on tunnel devices: real servers of a tunnel may be in another network")
    for address in served:
        near = {*_devices_towards(facts, address), *_devices_with(facts, address)}
        for link in facts.snapshot.links:
            own = facts.snapshot.addresses_on(link)
            speaks = link.up and link.name not in ("lo", *facts.without_arp) and not link.master
            if speaks and link.name in near and any(each.version == 4 for each in own):
                yield address, link


def _devices_towards(facts: Facts, address: Address) -> list[str]:
    """The devices to which the best routes to an address lead, if it were not this node's: who asks for it is there."""
    routes = [route for route in facts.snapshot.routes if address in route.to]
    longest = max((route.to.prefixlen for route in routes), default=0)
    links = (facts.snapshot.link_at(route.index) for route in routes if route.to.prefixlen == longest)
    return [link.name for link in links if link]


def _devices_with(facts: Facts, address: Address) -> list[str]:
    links = (facts.snapshot.link_at(each.index) for each in facts.snapshot.addresses if each.interface.ip == address)
    return [link.name for link in links if link]


def _decapsulating(facts: Facts, address: Address) -> bool:
    links = map(facts.snapshot.link, _devices_with(facts, address))
    return any(link is not None and link.kind in _TUNNEL_KINDS for link in links)


def rp_filter(facts: Facts) -> Iterator[Finding]:
    tunnels = [link for link in facts.snapshot.links if link.kind in ("ipip", "gre") and link.up]
    served = [each for each in facts.wishes.real_server_for if each.version == 4 and facts.is_local(each)]
    if not served or not tunnels:
        raise NotApplicable("'real_server_for' names no IPv4 address that this node has, or no tunnel device is up")
    with_address = {name for address in served for name in _devices_with(facts, address)}
    unplaced = [address for address in served if not _decapsulating(facts, address)]
    unclear = []
    for link in tunnels:
        routes = [route for route in facts.snapshot.routes if route.index == link.index and route.to.prefixlen == 0]
        if facts.stronger("ipv4", link.name, "rp_filter") != 1 or routes:
            continue
        if link.name in with_address:
            key = "net.ipv4.conf.%s.rp_filter" % link.name.replace(".", "/")
            yield Finding(
                link.name,
                "rp_filter of tunnel device %s is 1 (the larger of its own and that of all), and the way back to"
                " clients does not lead through it" % link.name,
                "What the director sends through the tunnel comes from clients to whom another device leads: the kernel"
                " drops it without a word.",
                "Let the tunnel device take packets whose way back is another (2, loose).",
                remedies.switch(facts, key, 2),
            )
        elif unplaced:
            unclear.append(link.name)
    if unclear:
        raise LeftOpen(
            "whether a director sends through tunnel device %s, whose rp_filter is 1, is not known: it has no address"
            " of 'real_server_for'" % _some(unclear)
        )


def firewall(facts: Facts) -> Iterator[Finding]:
    if not facts.table:
        raise NotApplicable("no virtual service")
    told: set[tuple[str, str, str]] = set()
    doubtful = []
    for row in facts.table:
        for chain, packet, what in _passing(facts, row):
            verdict = walk(facts.tables(row.key.family) or {}, "filter", chain, packet)
            text = verdict.rule.text if verdict.rule else "the policy of chain %s" % chain
            near = packet.source if chain == "FORWARD" else packet.destination
            if verdict.kind == UNKNOWN:
                doubtful.append(verdict)
            elif verdict.kind == DROP and (chain, text, str(near)) not in told:
                told.add((chain, text, str(near)))
                yield _dropped(facts, row.key, chain, packet, text, what)
    _say_what_is_left(facts, (row.key.family for row in facts.table), lambda rules: rules.dropping_besides, doubtful)


def _passing(facts: Facts, row: Row) -> Iterator[tuple[str, Packet, str]]:
    """The packets of a service that pass this node: the chain of filter, what is known of them, and their name."""
    tables, protocol = facts.tables(row.key.family), row.key.protocol
    if tables is None:
        return
    kept = facts.switch("net/ipv4/vs/conntrack") == 1
    tracked = not _untracked_by_rule(tables)
    asked = Packet(
        destination=row.key.address,  # of a firewall mark nobody can say
        protocol=protocol,
        destination_port=row.key.port or None,
        state="NEW" if tracked else None,
        from_outside=True,
        flags=_SYN,
    )
    yield "INPUT", asked, "what clients send to virtual service %s" % row.key
    for server in row.servers:
        if server.forwarding_method != "masquerading" or facts.is_local(server.address):
            continue
        sent = replace(_sent(facts, row.key, server), state=("NEW" if tracked else None) if kept else "UNTRACKED")
        answer = Packet(
            source=server.address,
            source_port=server.port or None,
            in_device=sent.out_device,
            state=_state_of_answer(protocol, kept) if tracked else None,
            from_outside=True,
            protocol=protocol,
            flags=_SYN_ACK,
        )
        name = endpoint(server.packed, server.port)
        yield "OUTPUT", sent, "what IPVS sends on to real server %s" % name
        yield "FORWARD", answer, "the answers of real server %s" % name


def _state_of_answer(protocol: str | None, kept: bool) -> str | None:
    """What conntrack takes the first answer of a real server for, with or without a memory of the question.

    IPVS that does not keep its connections in conntrack has it forget the question (ip_vs_xmit.c: ip_vs_notrack()); of
    TCP the answer to an unknown question is invalid (nf_conntrack_proto_tcp.c: SYN/ACK in state NONE).
    """
    if kept:
        return "ESTABLISHED"
    return "INVALID" if protocol == "tcp" else None


def _untracked_by_rule(tables: Tables) -> bool:
    """Whether rules keep packets from conntrack, so that nobody can say here in which state they are."""
    rules = (rule for chain in ("PREROUTING", "OUTPUT") for rule in reachable(tables, "raw", chain))
    return any(rule.target == "NOTRACK" or "--notrack" in rule.text for rule in rules)


def _device(facts: Facts, server: RealServer) -> str | None:
    way = facts.ways.get(server.address)
    return way.device if way else None


def _dropped(facts: Facts, key: ServiceKey, chain: str, packet: Packet, text: str, what: str) -> Finding:
    if packet.state in ("UNTRACKED", "INVALID"):
        what += " (%s to conntrack, since net.ipv4.vs.conntrack is 0)" % packet.state
    return Finding(
        "%s: %s" % (chain, text),
        "chain %s of filter drops %s, by %s" % (chain, what, text),
        "The clients wait until they give up.",
        "Accept these packets before they are dropped.",
        remedies.accept(facts, key.family, chain, packet),
    )


#: Linux 4.6 began to drop the first packet ("ipvs: drop first packet to redirect conntrack"), 5.9 mended it ("ipvs:
#: allow connection reuse for unconfirmed conntrack"), and so did these releases of older series.
_DELAYS, _MENDED = (4, 6), (5, 9)
_MENDED_RELEASES = {(4, 14): 194, (4, 19): 140, (5, 4): 59, (5, 7): 16, (5, 8): 2}
#: A series that lived on when that was mended, of which nobody here knows whether it was there.
_UNTOLD = ((4, 9),)
#: Whose kernels keep their number and get what newer ones have: Red Hat, SUSE.
_VENDORS = (".el", "-default")


def _version(release: str) -> tuple[tuple[int, int], int, str]:
    """A kernel's series, the release in it, and what its maker has added to that."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?(.*)", release)
    if found is None:
        raise NotApplicable("the version of kernel %s does not tell" % release)
    return (int(found.group(1)), int(found.group(2))), int(found.group(3) or 0), found.group(4)


def conn_reuse_delay(facts: Facts) -> Iterator[Finding]:
    series, number, suffix = _version(facts.release)
    if not _DELAYS <= series < _MENDED or number >= _MENDED_RELEASES.get(series, number + 1):
        raise NotApplicable("kernel %s is not of those that delay (4.6 to 5.8, not mended)" % facts.release)
    servers = [server for row, server in _masqueraded(facts) if row.key.protocol in ("tcp", None)]
    if servers and facts.switch("net/ipv4/vs/conn_reuse_mode") and facts.switch("net/ipv4/vs/conntrack"):
        # Debian and Ubuntu count their own builds behind a number that stays 0.
        if series in _UNTOLD or (suffix and not number) or any(each in suffix for each in _VENDORS):
            raise LeftOpen("kernel %s may have been mended: its version does not tell" % facts.release)
        yield Finding(
            "net.ipv4.vs.conn_reuse_mode",
            "kernel %s, net.ipv4.vs.conn_reuse_mode is %s and net.ipv4.vs.conntrack is 1"
            % (facts.release, facts.switch("net/ipv4/vs/conn_reuse_mode")),
            "A client that uses a port again, as busy clients do, waits a second for each such connection: this"
            " kernel drops its first packet.",
            "Run %s; until then leave connections on a port that is used again where they were."
            % (
                "Linux %d.%d.%d or later" % (*series, _MENDED_RELEASES[series])
                if series in _MENDED_RELEASES
                else "Linux 5.9 or later"
            ),
            remedies.switch(facts, "net.ipv4.vs.conn_reuse_mode", 0),
        )


def conn_reuse_off(facts: Facts) -> Iterator[Finding]:
    if _version(facts.release)[0] < _MENDED:
        raise NotApplicable("kernel %s may be better off without conn_reuse_mode" % facts.release)
    if not any(row.key.protocol == "tcp" or row.key.fwmark for row in facts.table):
        raise NotApplicable("no TCP service")
    if facts.switch("net/ipv4/vs/conn_reuse_mode") == 0:
        yield Finding(
            "net.ipv4.vs.conn_reuse_mode",
            "net.ipv4.vs.conn_reuse_mode is 0, which kernels before 5.9 needed, and this is %s" % facts.release,
            "A client that uses a port again goes to the real server it had before, even if that has weight 0: busy"
            " clients keep a real server busy that is being drained, and do not find new ones.",
            "Let IPVS schedule such connections anew.",
            remedies.switch(facts, "net.ipv4.vs.conn_reuse_mode", 1),
        )


def _some(names: list[str]) -> str:
    """A few names, and how many more there are."""
    unique = list(dict.fromkeys(names))
    return ", ".join(unique[:3]) + (" and %d more" % (len(unique) - 3) if len(unique) > 3 else "")


_SYSCTL = "ipvs-sysctl.rst"
_IP_SYSCTL = "ip-sysctl.rst"
_LOOPBACK = (
    "a set of the type hash:ip,port,ip names real servers of masquerading services, or O(loopback) is set (not for"
    " those behind a router)"
)

CHECKS = (
    Check(
        "ipvs_missing",
        "error",
        "The kernel has no IPVS.",
        "O(owner) or O(schedulers)",
        "modules.dep(5), modprobe.d(5)",
        ipvs_missing,
    ),
    Check(
        "forwarding_off",
        "error",
        "This node does not forward what comes from the device behind which real servers are.",
        "masquerading services",
        _IP_SYSCTL + ": ip_forward, conf/interface/forwarding",
        forwarding,
    ),
    Check(
        "bridge_netfilter_off",
        "error",
        "A bridge does not show iptables what crosses it.",
        _LOOPBACK + ", and they live behind ports of a bridge of this node",
        _IP_SYSCTL + ": bridge-nf-call-iptables; net/bridge/br_netfilter_hooks.c",
        bridge_netfilter,
    ),
    Check(
        "ipvs_conntrack_off",
        "error",
        "IPVS does not keep its connections in conntrack, and rules of nat are meant for them.",
        "masquerading services, and a rule in or behind POSTROUTING that masquerades what loops back, by a set or"
        " otherwise, C(-m ipvs), or what goes to the real servers' addresses",
        _SYSCTL + ": conntrack",
        ipvs_conntrack,
    ),
    Check(
        "hairpin_off",
        "error",
        "A bridge port does not send frames back by the port that they came from, and the bridge is not promiscuous.",
        _LOOPBACK + ", they live behind ports of a bridge of this node, and iptables sees what crosses it",
        "bridge(8): hairpin; net/bridge/br_forward.c: should_deliver()",
        hairpin,
    ),
    Check(
        "address_missing",
        "error",
        "A virtual address is on no device.",
        "virtual services with an address, unless a program that moves addresses (keepalived, Pacemaker, ldirectord,"
        " ucarp, BGP...) or a backup daemon runs; addresses in O(real_server_for)",
        "net/netfilter/ipvs/ip_vs_core.c: IPVS looks at what is delivered to this node",
        address_missing,
    ),
    Check(
        "loopback_entry_missing",
        "error",
        "The set of what loops back lacks a real server, and no other rule masquerades it.",
        _LOOPBACK + "; the real servers of the same service, or behind the same device",
        "ipset(8): hash:ip,port,ip",
        loopback_entry_missing,
    ),
    Check(
        "loopback_entry_stale",
        "notice",
        "The set of what loops back has an entry that is no real server.",
        "at least one entry of such sets is a real server",
        "ipset(8): hash:ip,port,ip",
        loopback_entry_stale,
    ),
    Check(
        "loopback_set_missing",
        "error",
        "There is no set of what loops back, and no rule masquerades it otherwise.",
        _LOOPBACK + "; all rules of nat are iptables'",
        "ipset(8): hash:ip,port,ip",
        loopback_set_missing,
    ),
    Check(
        "loopback_rule_missing",
        "error",
        "No rule masquerades what the set of what loops back has.",
        _LOOPBACK + "; all rules of nat are iptables'",
        "iptables-extensions(8): set, MASQUERADE",
        loopback_rule_missing,
    ),
    Check(
        "loopback_rule_shadowed",
        "error",
        "An earlier rule ends the way of what should be masqueraded.",
        _LOOPBACK + "; all rules of nat are iptables', and those before are understood as a whole",
        "iptables(8): TARGETS",
        loopback_rule_shadowed,
    ),
    Check(
        "real_server_unreachable",
        "error",
        "A real server does not answer, or there is no way to it.",
        "O(probe); TCP services, real servers with a weight; with direct routing and tunnels only where there is no"
        " way",
        "connect(2): EHOSTUNREACH, ENETUNREACH, ETIMEDOUT",
        unreachable,
    ),
    Check(
        "real_server_refusing",
        "error",
        "A real server refuses connections.",
        "O(probe); masquerading TCP services, real servers with a weight",
        "connect(2): ECONNREFUSED",
        refusing,
    ),
    Check(
        "weight_zero",
        "notice",
        "A real server has weight 0 and no connection left.",
        "no other program keeps the table",
        "ipvsadm(8): --weight",
        weight_zero,
    ),
    Check(
        "service_empty",
        "warning",
        "A virtual service has no real server.",
        "no other program keeps the table",
        "net/netfilter/ipvs/ip_vs_core.c: ip_vs_leave()",
        service_empty,
    ),
    Check(
        "scheduler_missing",
        "error",
        "The kernel cannot have a scheduler.",
        "O(schedulers)",
        "modules.dep(5), modprobe.d(5), sysctl kernel.modules_disabled",
        scheduler_missing,
    ),
    Check(
        "other_owner",
        "warning",
        "Several programs write the table, or another than O(owner).",
        "everywhere",
        "keepalived(8), ldirectord(8), pkg/proxy/ipvs/proxier.go of Kubernetes",
        other_owner,
    ),
    Check(
        "direct_through_router",
        "error",
        "A router stands between this node and a real server of direct routing.",
        "services with direct routing",
        "ipvsadm(8): --gatewaying; ip_vs_xmit.c: ip_vs_dr_xmit()",
        direct_through_router,
    ),
    Check(
        "tunnel_mtu",
        "notice",
        "A tunnel leaves less room than clients use.",
        "services with tunnels, and a default route by another device than the tunnel's, which tells what clients send",
        "ip_vs_xmit.c: ip_vs_tunnel_xmit(); " + _SYSCTL + ": pmtu_disc",
        tunnel_mtu,
    ),
    Check(
        "arp_ignore",
        "error",
        "A real server answers ARP requests for a virtual address.",
        "IPv4 addresses in O(real_server_for) that this node has, not on tunnel devices only, on devices that have them"
        " or by which a route leads to their network; no rules of arptables",
        _IP_SYSCTL + ": arp_ignore",
        arp_answers,
    ),
    Check(
        "arp_announce",
        "error",
        "A real server sends ARP requests in the name of a virtual address.",
        "as arp_ignore",
        _IP_SYSCTL + ": arp_announce",
        arp_announces,
    ),
    Check(
        "rp_filter_strict",
        "error",
        "A tunnel device drops what comes from clients to whom another device leads.",
        "IPv4 addresses in O(real_server_for) on tunnel devices that are up",
        _IP_SYSCTL + ": rp_filter",
        rp_filter,
    ),
    Check(
        "firewall_drops",
        "error",
        "Rules of iptables drop every packet of a service on its way.",
        "virtual services: INPUT for the virtual address; OUTPUT and FORWARD for masqueraded real servers",
        "iptables(8); ip_vs_core.c: the hooks of IPVS come behind filter; ip_vs_xmit.c: ip_vs_notrack()",
        firewall,
    ),
    Check(
        "conn_reuse_delay",
        "warning",
        "This kernel makes clients wait a second when they use a port again.",
        "Linux 4.6 to 5.8 without that mended (5.8.2, 5.7.16, 5.4.59, 4.19.140, 4.14.194), where the release tells (not"
        " 4.19.0-21-amd64); masquerading TCP services",
        _SYSCTL + ": conn_reuse_mode; Linux 5.9: ipvs: allow connection reuse for unconfirmed conntrack",
        conn_reuse_delay,
    ),
    Check(
        "conn_reuse_off",
        "notice",
        "A setting for kernels before 5.9 was left behind.",
        "Linux 5.9 or later; TCP services",
        _SYSCTL + ": conn_reuse_mode",
        conn_reuse_off,
    ),
)
