# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real servers that are clients of their own services: set, rule, conntrack, bridge netfilter, hairpin mode."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any, Iterator, Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor import remedies
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.checks.common import (
    IP_SYSCTL,
    SYSCTL,
    masqueraded,
    nat_rules,
    once,
    say_what_is_left,
    sent_to,
    some,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import ERROR, NOTICE, check
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.loops import (
    DIRECTIONS,
    NEW_SETS,
    bridged_servers,
    clients_of_themselves,
    entry_of,
    fate_of,
    loop_rules,
    loop_sets,
    say_what_may_masquerade,
    say_which_ports_filter,
    sees_bridged,
    unmasqueraded,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import (
    Finding,
    NodeFacts,
    NotApplicable,
    Rules,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import (
    MASQUERADE,
    UNKNOWN,
    Packet,
    Rule,
    matches,
    network_of,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.traversal import Filters, Traversal

#: What kube-proxy calls its sets (pkg/proxy/ipvs/ipset.go).
_KUBE_SETS = ("KUBE-LOOP-BACK", "KUBE-6-LOOP-BACK")
#: What the guide says below the table.
_LOOPBACK = "masquerading services that are used by their own real servers"


@check(
    ERROR,
    what="A bridge does not show iptables the packets that cross it.",
    where=_LOOPBACK + ", where those live behind ports of a bridge of this node",
    source=IP_SYSCTL + ": bridge-nf-call-iptables; net/bridge/br_netfilter_hooks.c",
)
def bridge_netfilter_off(facts: NodeFacts) -> Iterator[Finding]:
    bridges: dict[tuple[str, str], list[str]] = {}
    for family, server, _port, bridge in bridged_servers(facts):
        if not sees_bridged(facts, family, bridge):
            bridges.setdefault((bridge.name, family), []).append(str(server))
    for (bridge_name, family), servers in bridges.items():
        program = "iptables" if family == "inet" else "ip6tables"
        key = "net.bridge.bridge-nf-call-%s" % program
        value = facts.switch(key.replace(".", "/"))
        yield Finding(
            bridge_name,
            "%s is %s, and real server %s lives behind a port of the bridge"
            % (key, "missing: br_netfilter is not loaded" if value is None else value, some(servers)),
            "Where client and real server live on this bridge, the bridge hands the answer straight to the client. It"
            " comes from the real server's address instead of the virtual one, and the client drops it.",
            "Have this bridge show its frames to %s. (The switch %s is for all bridges, whose hosts would pass by these"
            " rules, too.)" % (program, key)
            if value is not None
            else "Load br_netfilter. (It shows the rules what crosses each bridge, until the switches"
            " net.bridge.bridge-nf-call-* are 0 again and this bridge has one of its own.)",
            _shown(facts, bridge_name, program, value),
        )
    say_which_ports_filter(facts)


def _shown(facts: NodeFacts, bridge: str, program: str, switch: int | None) -> Mapping[str, Any] | None:
    """One bridge's own switch; to load the module is for all bridges, so it is a task only where there is no other."""
    if switch is not None:
        words = ["ip", "link", "set", "dev", bridge, "type", "bridge", "nf_call_" + program, "1"]
        return remedies.command(facts, "Show %s what crosses %s" % (program, bridge), words)
    others = [link for link in facts.snapshot.links if link.kind == "bridge" and link.name != bridge]
    return None if others else remedies.load("br_netfilter")


@check(
    ERROR,
    what="IPVS does not keep its connections in conntrack, but NAT rules are meant for them.",
    where="masquerading services, and a NAT rule of POSTROUTING, or of a chain that it leads to, that is for what real"
    " servers send to themselves, for connections of IPVS (C(-m ipvs)), or for the real servers' addresses",
    source=SYSCTL + ": conntrack",
)
def ipvs_conntrack_off(facts: NodeFacts) -> Iterator[Finding]:
    if facts.switch("net/ipv4/vs/conntrack") is None:
        raise NotApplicable("this kernel has no net.ipv4.vs.conntrack")
    servers = masqueraded(facts)
    if facts.switch("net/ipv4/vs/conntrack"):
        return
    try:
        fates = [(each.row, fate_of(facts, each)) for each in clients_of_themselves(facts)]
    except NotApplicable:  # nobody shall reach itself, but rules may be meant for other connections
        fates = []
    for family in ("inet", "inet6"):
        used = [each.rule for row, each in fates if row.key.family == family and each.kind == MASQUERADE]
        relying = [
            rule
            for rule in nat_rules(facts, family)
            if rule.target in ("MASQUERADE", "SNAT") and (rule.text in used or _meant_for_ipvs(facts, family, rule))
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
    say_what_is_left(
        facts,
        (row.key.family for row, _server in servers),
        lambda rules: rules.masquerading_besides,
        [verdict for _row, verdict in fates],
    )


def _meant_for_ipvs(facts: NodeFacts, family: str, rule: Rule) -> bool:
    """Whether a rule names what loops back, connections of IPVS, or real servers as the destination."""
    loop_names = {each.name for each in loop_sets(facts)}
    by_set = any(name in loop_names and directions == DIRECTIONS for name, directions, _in in rule.sets)
    if by_set or " -m ipvs " in rule.text:
        return True
    to = rule.terms.get("destination")
    if to is None or not to.wanted or not network_of(to.text).prefixlen:
        return False
    network, (addresses, packets) = network_of(to.text), _sent(facts, family)
    first = bisect_left(addresses, int(network.network_address))
    behind = bisect_right(addresses, int(network.broadcast_address))
    return any(matches(rule, packet) for packet in packets[first:behind])


@once
def _sent(facts: NodeFacts, family: str) -> tuple[list[int], list[Packet]]:
    """What IPVS sends on to real servers, by their addresses; one packet of those that no rule of nat tells apart."""
    rules = facts.rules.get(family, Rules())
    told_apart = Traversal(Filters(family, None, (rules.tables or {}, rules.older))).alike
    found: dict[Any, Packet] = {}
    for row, server in masqueraded(facts):
        if row.key.family == family:
            packet = sent_to(facts, row.key, server)
            found.setdefault((told_apart(server.packed, server.port), packet.protocol, packet.out_device), packet)
    packets = sorted(found.values(), key=lambda packet: int(packet.destination or 0))
    return [int(packet.destination or 0) for packet in packets], packets


@check(
    ERROR,
    what="A bridge port does not send frames back by the port that they came from, and the bridge is not promiscuous.",
    where=_LOOPBACK + ", where those live behind ports of a bridge of this node and iptables sees what crosses it",
    source="bridge(8): hairpin; net/bridge/br_forward.c: should_deliver()",
)
def hairpin_off(facts: NodeFacts) -> Iterator[Finding]:
    seen = set()
    for family, server, port, bridge in bridged_servers(facts):
        if port.hairpin or bridge.promiscuous or port.name in seen or not sees_bridged(facts, family, bridge):
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
    say_which_ports_filter(facts)


@check(
    ERROR,
    what="The loopback set lacks a real server, and no other rule masquerades its packets to itself.",
    where=_LOOPBACK + "; the real servers of the same service, or behind the same device",
    source="ipset(8): hash:ip,port,ip",
)
def loopback_entry_missing(facts: NodeFacts) -> Iterator[Finding]:
    sets = loop_sets(facts)
    if not sets:
        raise NotApplicable("no set of what loops back")
    entries = frozenset().union(*(each.entries for each in sets))
    missing: dict[str, dict[str, None]] = {}
    for client in clients_of_themselves(facts):
        target = next((each.name for each in sets if each.family == client.row.key.family), None)
        if target is None or client.entry in entries or fate_of(facts, client).kind in (MASQUERADE, UNKNOWN):
            continue
        missing.setdefault(target, {})[client.entry] = None
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
    say_what_may_masquerade(facts)


@check(
    NOTICE,
    what="The loopback set has an entry that is no real server.",
    where="sets of which at least one entry is a real server",
    source="ipset(8): hash:ip,port,ip",
)
def loopback_entry_stale(facts: NodeFacts) -> Iterator[Finding]:
    sets = loop_sets(facts)
    if not sets:
        raise NotApplicable("no set of what loops back")
    # A service of a firewall mark has no protocol, and its real servers no ports that are known.
    marked = {str(server.address) for row in facts.table if row.key.fwmark for server in row.servers}
    known = {entry_of(row.key, server) for row in facts.table for server in row.servers}
    live = any(entry in known for each in sets for entry in each.entries)
    left_over = [] if live else [each for each in sets if each.name in _KUBE_SETS and each.entries]
    if left_over and not any(owner.name == "kube-proxy" and owner.pid for owner in facts.owners):
        for each in left_over:
            yield Finding(
                each.name,
                "set %s has %d entries and none is a real server, and no kube-proxy writes the table"
                % (each.name, len(each.entries)),
                "Nothing fails now. kube-proxy has left it behind, and maybe rules and the device kube-ipvs0 with it.",
                "Clean up (kube-proxy --cleanup, in the version that made it), or delete its rules, this set and the"
                " device by hand.",
            )
        return
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


@check(
    ERROR,
    what="There is no loopback set, and no rule masquerades what real servers send to themselves.",
    where=_LOOPBACK + "; all NAT rules are iptables'",
    source="ipset(8): hash:ip,port,ip",
)
def loopback_set_missing(facts: NodeFacts) -> Iterator[Finding]:
    families = {each.row.key.family for each in clients_of_themselves(facts)}
    without = {family for family in families if not loop_sets(facts, family)}
    if not without:
        raise NotApplicable("there is a set of what loops back, or no real server that does")
    for family, rows in unmasqueraded(facts, ruled=False).items():
        if family not in without:
            continue
        entries = sorted({client.entry for client, _verdict in rows})
        name = NEW_SETS[family]
        yield Finding(
            name,
            "no set of the type hash:ip,port,ip has %s, which are real servers" % some(entries),
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
    say_what_may_masquerade(facts, without)


@check(
    ERROR,
    what="No rule masquerades what the loopback set matches.",
    where=_LOOPBACK + "; all NAT rules are iptables'",
    source="iptables-extensions(8): set, MASQUERADE",
)
def loopback_rule_missing(facts: NodeFacts) -> Iterator[Finding]:
    for family, rows in unmasqueraded(facts, ruled=False).items():
        sets = loop_sets(facts, family)
        name = sets[0].name if sets else NEW_SETS[family]
        yield Finding(
            "nat POSTROUTING (%s)" % family,
            "no rule masquerades %s" % some([str(client.server) for client, _verdict in rows])
            + (", although set %s has it" % name if sets else ""),
            "A real server that reaches itself through the virtual address gets a packet from its own address, and"
            " drops it: the connection times out whenever it is its own turn.",
            "Masquerade what the set has." if sets else "Masquerade what set %s has, once there is one." % name,
            remedies.task(
                facts,
                "Masquerade what loops back",
                "masquerade",
                match_set=dict(name=name, directions=DIRECTIONS.split(",")),
                family=family,
            ),
        )
    say_what_may_masquerade(facts)


@check(
    ERROR,
    what="An earlier rule decides about packets that should be masqueraded.",
    where=_LOOPBACK + "; all NAT rules are iptables', and the earlier ones are fully understood",
    source="iptables(8): TARGETS",
)
def loopback_rule_shadowed(facts: NodeFacts) -> Iterator[Finding]:
    for family, rows in unmasqueraded(facts, ruled=True).items():
        masquerading = loop_rules(facts, family)
        by_rule: dict[str, list[str]] = {}
        for client, verdict in rows:
            if verdict.rule:
                by_rule.setdefault(verdict.rule, []).append(str(client.server))
        for text, servers in by_rule.items():
            yield Finding(
                text,
                "this rule of nat comes before the one that masquerades, and ends the way of what %s sends to itself"
                % some(servers),
                "The rule that masquerades is never reached, so a real server that reaches itself through the virtual"
                " address drops its own packets.",
                "Put the rule that masquerades first, or have the earlier one choose less: it may be there for others.",
                remedies.rule_first(facts, family, masquerading[0].text) if masquerading else None,
            )
    say_what_may_masquerade(facts)
