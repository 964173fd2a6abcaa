# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of the checks grows as the node does, and not with the square of it.

It is told by the calls of functions, so that no clock decides.
"""

from __future__ import annotations

import ipaddress
import sys
from dataclasses import replace
from typing import Any

import pytest
from doctor_node import HEALTHY, NO_RULES, RULES, found

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.loops import entry_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import (
    LoopSet,
    NextHop,
    NodeFacts,
    Row,
    Rules,
    Wishes,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServer, Service, ServiceKey
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import DeviceAddress, Link
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import parse

#: How many services, each with two real servers, and how many times as many.
FEW, TIMES = 25, 4
VIRTUAL, REAL = ipaddress.ip_address("198.18.0.0"), ipaddress.ip_address("10.1.0.0")


def large(services: int) -> NodeFacts:
    """A node that works, with so many services; each real server is behind a bridge port of its own."""
    servers = [REAL + number for number in range(2 * services)]
    table = tuple(
        Row(
            Service(ServiceKey("inet", "tcp", (VIRTUAL + number).packed, 80), "rr"),
            tuple(RealServer.of(each.packed, 80, "masquerading") for each in servers[2 * number : 2 * number + 2]),
        )
        for number in range(services)
    )
    ports = tuple(
        Link(10 + number, "p%d" % number, "veth", up=True, master=2, hairpin=True) for number in range(len(servers))
    )
    addresses = (DeviceAddress(4, ipaddress.ip_interface((VIRTUAL + number, 32))) for number in range(services))
    here = HEALTHY.snapshot
    return replace(
        HEALTHY,
        table=table,
        snapshot=here._replace(links=here.links + ports, addresses=here.addresses + tuple(addresses)),
        next_hops={each: NextHop("br0") for each in servers},
        ports={each: "p%d" % number for number, each in enumerate(servers)},
        sets=(LoopSet("LOOP", "inet", frozenset(entry_of(row.key, each) for row in table for each in row.servers)),),
        answers=None,
    )


def without_entries(services: int) -> NodeFacts:
    """A node whose set has lost half of what it should have."""
    whole = large(services)
    (kept,) = whole.sets
    return replace(whole, sets=(replace(kept, entries=frozenset(sorted(kept.entries)[::2])),))


def beside_rules_of_nat(services: int) -> NodeFacts:
    """A node of which as many rules of nat name networks, and with IPVS's connections not in conntrack."""
    lines = ["-A POSTROUTING -d 192.0.%d.%d/32 -j SNAT --to-source 192.0.2.1" % divmod(n, 250) for n in range(services)]
    tables = parse("\n".join(["*nat", ":POSTROUTING ACCEPT", *lines, "COMMIT"]))
    switches = {**HEALTHY.switches, "net/ipv4/vs/conntrack": "0"}
    return replace(large(services), sets=(), rules={"inet": Rules(tables)}, switches=switches)


def beside_rules_of_nat_for_all(services: int) -> NodeFacts:
    """The same with rules that name the network of all real servers, for packets that leave by other devices."""
    lines = ["-A POSTROUTING -d 10.1.0.0/16 -o eth%d -j SNAT --to-source 192.0.2.1" % n for n in range(services)]
    tables = parse("\n".join(["*nat", ":POSTROUTING ACCEPT", *lines, "COMMIT"]))
    return replace(beside_rules_of_nat(services), rules={"inet": Rules(tables)})


def beside_rules_of_filter(services: int) -> NodeFacts:
    """A node with as many rules that drop what strangers send."""
    lines = ["-A INPUT -s 203.0.%d.%d/32 -j DROP" % divmod(number, 250) for number in range(services)]
    tables = {**(RULES.tables or {}), **parse("\n".join(["*filter", ":INPUT ACCEPT", *lines, "COMMIT"]))}
    return replace(large(services), rules={"inet": Rules(tables)})


def told_to_loop(services: int) -> NodeFacts:
    """A node without a set, of whose real servers a task says that they are clients of their own services."""
    return replace(large(services), sets=(), rules=NO_RULES, wishes=Wishes(loopback=True))


def calls(facts: NodeFacts) -> int:
    """How many functions an examination calls."""
    counted = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        found(facts)
    finally:
        sys.setprofile(before)
    return counted


def test_the_large_node_works():
    assert found(large(FEW)) == []
    assert set(found(without_entries(FEW))) == {"loopback_entry_missing"}
    assert found(beside_rules_of_nat(FEW)) == []
    assert set(found(told_to_loop(FEW))) == {"loopback_set_missing", "loopback_rule_missing"}


@pytest.mark.parametrize(
    "node",
    [
        large,
        without_entries,
        beside_rules_of_nat,
        beside_rules_of_nat_for_all,
        beside_rules_of_filter,
        told_to_loop,
    ],
)
def test_four_times_the_node_is_four_times_the_work(node):
    few, many = calls(node(FEW)), calls(node(FEW * TIMES))
    assert many < few * TIMES * 1.5, (few, many)
