# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node as the unit tests of the doctor tell it, and what the doctor says about it."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Any

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.catalogue import CHECKS
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import examine
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import (
    LoopSet,
    NextHop,
    NodeFacts,
    Row,
    Rules,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServer, Service, ServiceKey
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import DeviceAddress, Link, Snapshot
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import parse

VIRTUAL, POD = ipaddress.ip_address("10.100.100.100"), ipaddress.ip_address("10.0.0.11")
ANYWHERE = ipaddress.ip_network("0.0.0.0/0")
SERVICE = Service(ServiceKey("inet", "tcp", VIRTUAL.packed, 80), "rr")
RULES = Rules(
    parse("*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -m set --match-set LOOP dst,dst,src -j MASQUERADE\nCOMMIT\n")
)
#: iptables has no rule.
NO_RULES = {"inet": Rules({})}
ENTRY = "10.0.0.11,tcp:80,10.0.0.11"
#: A node like the lab's, with one pod.
HEALTHY = NodeFacts(
    release="6.1.0-50-cloud-amd64",
    table=(Row(SERVICE, (RealServer.of(POD.packed, 80, "masquerading"),)),),
    switches={
        "net/ipv4/ip_forward": "1",
        "net/ipv4/conf/br0/forwarding": "1",
        "net/bridge/bridge-nf-call-iptables": "1",
        "net/ipv4/vs/conntrack": "1",
        "net/ipv4/vs/conn_reuse_mode": "1",
    },
    snapshot=Snapshot(
        links=(
            Link(1, "lo", up=True),
            Link(2, "br0", "bridge", up=True),
            Link(3, "veth0", "veth", up=True, master=2, hairpin=True),
            Link(4, "ipvs0", "dummy"),
        ),
        addresses=(DeviceAddress(4, ipaddress.ip_interface("10.100.100.100/32")),),
    ),
    next_hops={POD: NextHop("br0")},
    ports={POD: "veth0"},
    sets=(LoopSet("LOOP", "inet", frozenset([ENTRY])),),
    rules={"inet": RULES},
    answers={(POD, 80): ("answered", "connected")},
)
DRAINED = HEALTHY.table[0].servers[0].having(weight=0)


def found(facts: NodeFacts, **options: Any) -> list[str]:
    """What the doctor finds, by id."""
    return [each["id"] for each in examine(CHECKS, facts, **options)[0]]


def not_checked(facts: NodeFacts) -> dict[str, str]:
    """The checks that did not look, or not at everything, and why."""
    return {each["id"]: each["reason"] for each in examine(CHECKS, facts)[2]}


def left_open(facts: NodeFacts) -> dict[str, str]:
    """The checks that could not see all that they are for, and why."""
    return {each["id"]: each["reason"] for each in examine(CHECKS, facts)[2] if each["left_open"]}


def filtered(facts: NodeFacts, *lines: str) -> NodeFacts:
    """The facts with rules of the table filter besides."""
    tables = {**(facts.tables("inet") or {}), **parse("\n".join(["*filter", *lines, "COMMIT"]))}
    return replace(facts, rules={"inet": replace(facts.rules["inet"], tables=tables)})


def switched(facts: NodeFacts, **values: str) -> NodeFacts:
    """The facts with other values of switches, written with _ for /."""
    known = {path.replace("/", "_").replace("-", "_"): path for path in facts.switches}
    return replace(facts, switches={**facts.switches, **{known[name]: value for name, value in values.items()}})


def natted(facts: NodeFacts, *lines: str) -> NodeFacts:
    """The facts with these rules of the table nat."""
    return replace(facts, rules={"inet": Rules(parse("\n".join(["*nat", ":POSTROUTING ACCEPT", *lines, "COMMIT"])))})
