# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that drop what a service needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor import remedies
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.checks.common import (
    SYN,
    SYN_ACK,
    say_what_is_left,
    sent_to,
    untracked_by_rule,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import ERROR, check
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import Finding, NodeFacts, NotApplicable, Row
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import ServiceKey, endpoint
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import DROP, UNKNOWN, Packet, walk


@check(
    ERROR,
    what="Rules of iptables drop every packet of a service on its way.",
    where="virtual services: INPUT for the virtual address; OUTPUT and FORWARD for masqueraded real servers",
    source="iptables(8); ip_vs_core.c: the hooks of IPVS come behind filter; ip_vs_xmit.c: ip_vs_notrack()",
)
def firewall_drops(facts: NodeFacts) -> Iterator[Finding]:
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
    say_what_is_left(facts, (row.key.family for row in facts.table), lambda rules: rules.dropping_besides, doubtful)


def _passing(facts: NodeFacts, row: Row) -> Iterator[tuple[str, Packet, str]]:
    """The packets of a service that pass this node: the chain of filter, what is known of them, and their name."""
    tables, protocol = facts.tables(row.key.family), row.key.protocol
    if tables is None:
        return
    kept = facts.switch("net/ipv4/vs/conntrack") == 1
    tracked = not untracked_by_rule(tables)
    asked = Packet(
        destination=row.key.address,  # of a firewall mark nobody can say
        protocol=protocol,
        destination_port=row.key.port or None,
        state="NEW" if tracked else None,
        from_outside=True,
        flags=SYN,
    )
    yield "INPUT", asked, "what clients send to virtual service %s" % row.key
    for server in row.servers:
        if server.forwarding_method != "masquerading" or facts.is_local(server.address):
            continue
        sent = replace(sent_to(facts, row.key, server), state=("NEW" if tracked else None) if kept else "UNTRACKED")
        answer = Packet(
            source=server.address,
            source_port=server.port or None,
            in_device=sent.out_device,
            state=_state_of_answer(protocol, kept) if tracked else None,
            from_outside=True,
            protocol=protocol,
            flags=SYN_ACK,
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


def _dropped(facts: NodeFacts, key: ServiceKey, chain: str, packet: Packet, text: str, what: str) -> Finding:
    if packet.state in ("UNTRACKED", "INVALID"):
        what += " (%s to conntrack, since net.ipv4.vs.conntrack is 0)" % packet.state
    return Finding(
        "%s: %s" % (chain, text),
        "chain %s of filter drops %s, by %s" % (chain, what, text),
        "The clients wait until they give up.",
        "Accept these packets before they are dropped.",
        remedies.accept(facts, key.family, chain, packet),
    )
