# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that drop what a service needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Container, Hashable, Iterator, NamedTuple, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor import remedies
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.checks.common import (
    SYN,
    SYN_ACK,
    device_towards,
    say_what_is_left,
    sent_to,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import ERROR, check
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import (
    Finding,
    NodeFacts,
    NotApplicable,
    Row,
    Rules,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import ServiceKey, endpoint
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import ACCEPT, UNKNOWN, Packet
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.traversal import Decision


class Passing(NamedTuple):
    """Packets of a service that pass this node: the hooks that see them so, what is known of them, whose they are.

    No rule tells packets of a service apart that are `alike`.
    """

    hooks: Tuple[str, ...]
    packet: Packet
    what: str
    whose: str
    alike: Hashable


@check(
    ERROR,
    what="Rules of iptables or nftables drop every packet of a service on its way.",
    where="virtual services: prerouting and INPUT for the virtual address; OUTPUT and postrouting, and prerouting and"
    " FORWARD of the answers, for masqueraded real servers",
    source="iptables(8), nft(8); ip_vs_core.c: the hooks of IPVS come behind filter; ip_vs_xmit.c: ip_vs_notrack()",
)
def firewall_drops(facts: NodeFacts) -> Iterator[Finding]:
    if not facts.table:
        raise NotApplicable("no virtual service")
    told: set[tuple[str, str, str]] = set()
    doubtful = []
    for row in facts.table:
        rules = facts.rules.get(row.key.family)
        if rules is None or (rules.tables is None and rules.ruleset is None):
            continue
        let_through: set[Hashable] = set()
        for passing in _passing(facts, row, rules, let_through):
            for hook in passing.hooks:
                decision = rules.traversal.filtered(hook, passing.packet)
                if decision.kind == ACCEPT:
                    continue
                if decision.kind == UNKNOWN:
                    doubtful.append(decision)
                    continue
                near = (hook, decision.rule, passing.whose if hook != "input" else str(row.key.address))
                if near not in told:
                    told.add(near)
                    yield _dropped(facts, row.key, hook, passing, decision)
                break
            else:
                let_through.add(passing.alike)
    say_what_is_left(facts, (row.key.family for row in facts.table), lambda rules: rules.dropping_besides, doubtful)


def _passing(facts: NodeFacts, row: Row, rules: Rules, let_through: Container[Hashable]) -> Iterator[Passing]:
    """The packets of a service that pass this node, but those that are like others that the rules let through."""
    protocol, tracked = row.key.protocol, not rules.untracks
    kept = facts.switch("net/ipv4/vs/conntrack") == 1
    asked = Packet(
        destination=row.key.address,  # of a firewall mark nobody can say
        protocol=protocol,
        destination_port=row.key.port or None,
        state="NEW" if tracked else None,
        from_outside=True,
        flags=SYN,
    )
    whose = str(row.key)
    if row.key.fwmark:  # it is given before INPUT
        yield Passing(
            ("input",), replace(asked, mark=row.key.fwmark), "what clients send to virtual service %s", whose, None
        )
    else:
        yield Passing(("prerouting", "input"), asked, "what clients send to virtual service %s", whose, None)
    state_sent = ("NEW" if tracked else None) if kept else "UNTRACKED"
    state_back = _state_of_answer(protocol, kept) if tracked else None
    for server in row.servers:
        if server.forwarding_method != "masquerading" or not facts.is_remote(server.packed):
            continue
        device = device_towards(facts, server)
        alike = (rules.traversal.alike(server.packed, server.port), device)
        if ("sent", alike) in let_through and ("answers", alike) in let_through:
            continue
        sent = sent_to(facts, row.key, server, state_sent)
        answer = Packet(
            source=server.address,
            source_port=server.port or None,
            in_device=device,
            state=state_back,
            from_outside=True,
            protocol=protocol,
            flags=SYN_ACK,
        )
        whose = endpoint(server.packed, server.port)
        yield Passing(("output", "postrouting"), sent, "what IPVS sends on to real server %s", whose, ("sent", alike))
        yield Passing(("prerouting", "forward"), answer, "the answers of real server %s", whose, ("answers", alike))


def _state_of_answer(protocol: str | None, kept: bool) -> str | None:
    """What conntrack takes the first answer of a real server for, with or without a memory of the question.

    IPVS that does not keep its connections in conntrack has it forget the question (ip_vs_xmit.c: ip_vs_notrack()); of
    TCP the answer to an unknown question is invalid (nf_conntrack_proto_tcp.c: SYN/ACK in state NONE).
    """
    if kept:
        return "ESTABLISHED"
    return "INVALID" if protocol == "tcp" else None


def _dropped(facts: NodeFacts, key: ServiceKey, hook: str, passing: Passing, decision: Decision) -> Finding:
    what = passing.what % passing.whose
    if passing.packet.state in ("UNTRACKED", "INVALID"):
        what += " (%s to conntrack, since net.ipv4.vs.conntrack is 0)" % passing.packet.state
    if decision.by_iptables:
        chain = decision.chain
        where = "chain %s of %s" % (chain, decision.table)
        text = decision.rule or "the policy of chain %s" % chain
    else:
        chain = hook
        where = "hook %s" % hook
        text = decision.rule or "the policy of chain %s of table %s %s" % (
            decision.chain,
            decision.family,
            decision.table,
        )
    return Finding(
        "%s: %s" % (chain, text),
        "%s drops %s, by %s" % (where, what, text),
        "The clients wait until they give up.",
        "Accept these packets before they are dropped%s." % remedies.by_whom(decision),
        remedies.accept(facts, key.family, decision, passing.packet),
    )
