# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table itself: is there IPVS, who writes it, do its real servers answer."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import family_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor import remedies
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.checks.common import (
    SYN,
    device_towards,
    keeps_slots,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import ERROR, NOTICE, WARNING, check
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.probe import ANSWERED, NO_WAY, REFUSED, TIMED_OUT
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import (
    Finding,
    LeftOpen,
    NodeFacts,
    NotApplicable,
    Row,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServer
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import ACCEPT, Packet

#: What helps where the kernel cannot have a module; no task does.
_NO_MODULE = (
    "Boot a kernel that has the module, delete the line of modprobe.d(5) that bars it, or allow modules again"
    " (kernel.modules_disabled is 0 after a boot)."
)


@check(
    ERROR,
    what="The kernel has no IPVS.",
    where="any node, if O(owner) or O(schedulers) is given",
    source="modules.dep(5), modprobe.d(5)",
)
def ipvs_missing(facts: NodeFacts) -> Iterator[Finding]:
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


@check(
    ERROR,
    what="A real server does not answer, or there is no way to it.",
    where="TCP services, real servers with a weight, with O(probe); with direct routing and tunnels only where there"
    " is no way",
    source="connect(2): EHOSTUNREACH, ENETUNREACH, ETIMEDOUT",
)
def real_server_unreachable(facts: NodeFacts) -> Iterator[Finding]:
    for row, server, outcome, words in _answers(facts):
        # The port of a real server of direct routing or a tunnel need not be open at its own address.
        if outcome == NO_WAY or (outcome == TIMED_OUT and server.forwarding_method == "masquerading"):
            yield Finding(
                "%s of %s" % (server, row.key),
                "a TCP connection from this node to %s: %s" % (server, words),
                "Each client whose turn it is waits until it gives up.",
                "See that the real server is up and that this node reaches it; until then %s"
                " (its weight is %d now)." % (_for_now(row), server.weight),
                _out_of_turn(facts, row, server),
            )


@check(
    ERROR,
    what="A real server refuses connections.",
    where="masquerading TCP services, real servers with a weight, with O(probe)",
    source="connect(2): ECONNREFUSED",
)
def real_server_refusing(facts: NodeFacts) -> Iterator[Finding]:
    for row, server, outcome, words in _answers(facts):
        if outcome == REFUSED and server.forwarding_method == "masquerading":
            yield Finding(
                "%s of %s" % (server, row.key),
                "a TCP connection from this node to %s: %s" % (server, words),
                "Each client whose turn it is is refused.",
                "Start the program that should listen there; until then %s (its"
                " weight is %d now)." % (_for_now(row), server.weight),
                _out_of_turn(facts, row, server),
            )


def _for_now(row: Row) -> str:
    """What is done with a real server that does not answer."""
    kept = keeps_slots(row)
    return "delete it (%s: with weight 0 it keeps its clients)" % kept if kept else "give it no new connections"


def _out_of_turn(facts: NodeFacts, row: Row, server: RealServer) -> Mapping[str, Any] | None:
    """Weight 0, where that has its clients go to others."""
    if keeps_slots(row):
        return None
    return remedies.real_server(facts, "Take the real server out of the turn", row.key, server, weight=0)


def _answers(facts: NodeFacts) -> Iterator[tuple[Row, RealServer, str, str]]:
    if facts.answers is None:
        raise NotApplicable("'probe' is off")
    taking = [(row, server) for row in facts.table for server in row.servers if server.weight]
    told = [(row, server, _answer(facts, row, server)) for row, server in taking]
    if not any(answer for _row, _server, answer in told):
        raise NotApplicable("no TCP service with a real server that takes connections")
    for row, server, answer in told:
        if answer and not _keeps_from_asking(facts, server):
            yield (row, server, *answer)


def _answer(facts: NodeFacts, row: Row, server: RealServer) -> tuple[str, str] | None:
    """What came of a connection to a real server: outcome and words; None where none was tried."""
    return (facts.answers or {}).get((server.address, server.port)) if row.key.protocol == "tcp" else None


def _keeps_from_asking(facts: NodeFacts, server: RealServer) -> bool:
    """Whether this node's own rules may drop what it asks a real server, so that no answer tells nothing of it."""
    rules = facts.rules.get(family_of(server.address))
    if rules is None or (rules.tables is None and rules.ruleset is None):
        return False
    asked = Packet(
        destination=server.address,
        destination_port=server.port,
        protocol="tcp",
        out_device=device_towards(facts, server),
        state=None if rules.untracks else "NEW",
        flags=SYN,
    )
    return any(rules.traversal.filtered(hook, asked).kind != ACCEPT for hook in ("output", "postrouting"))


@check(
    NOTICE,
    what="A real server has weight 0 and no connection left.",
    where="no other program keeps the table",
    source="ipvsadm(8): --weight",
)
def weight_zero(facts: NodeFacts) -> Iterator[Finding]:
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
                )


@check(
    WARNING,
    what="A virtual service has no real server.",
    where="no other program keeps the table",
    source="net/netfilter/ipvs/ip_vs_core.c: ip_vs_leave()",
)
def service_empty(facts: NodeFacts) -> Iterator[Finding]:
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
            )


def _not_kept_by_a_program(facts: NodeFacts) -> None:
    if facts.owners:
        raise NotApplicable("%s keeps the table, and has its reasons" % facts.owners[0].name)


@check(
    ERROR,
    what="The kernel cannot load a scheduler that is going to be used.",
    where="the names in O(schedulers)",
    source="modules.dep(5), modprobe.d(5), sysctl kernel.modules_disabled",
)
def scheduler_missing(facts: NodeFacts) -> Iterator[Finding]:
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


_SYNCHRONIZES = (
    "It deletes virtual services that it does not know each time it synchronizes%s: what another makes is gone some"
    ' seconds later ("Service not defined").'
)
#: What comes of a program that writes the table (:data:`_owners.PROGRAMS`), as its sources have it.
_CARES = "It keeps the service of the control plane and its real servers as its checks say. Others it leaves alone."
_WHAT_OWNERS_DO = {
    "keepalived": "It changes the services of its configuration as its checks say, whatever another has made of them,"
    " and deletes them when it ends. Others it leaves alone, unless its configuration says lvs_flush.",
    "ldirectord": "It changes the services of its configuration as its checks say, deletes real servers of theirs that"
    " it does not know when it starts, and the services when it ends. Others it leaves alone.",
    "kube-router": _SYNCHRONIZES % "",
    "kube-proxy": _SYNCHRONIZES % " (but for --ipvs-exclude-cidrs)",
    "k3s": _SYNCHRONIZES % " (but for --ipvs-exclude-cidrs)",
    "kube-vip": "It keeps the service of the control plane, changes its real servers as nodes come and go, and deletes"
    " it when it ends.",
    "dockerd": "It adds and deletes the services of Docker's networks, and their real servers, as containers come and"
    " go.",
    "lvscare": _CARES,
    "sealctl": _CARES,
    "pybal": "It changes the services of its configuration and their real servers as its checks say.",
    "seesaw_ncc": "It deletes all services of the table, whoever has made them, each time Seesaw's engine starts, and"
    " then keeps those of its cluster as its checks say.",
}


@check(
    WARNING,
    what="Several programs write the table, or one other than O(owner).",
    where="any node",
    source="keepalived(8), ldirectord(8), pkg/proxy/ipvs/proxier.go of Kubernetes",
)
def other_owner(facts: NodeFacts) -> Iterator[Finding]:
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
