# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses and ways of nodes that no test machine is."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from doctor_node import ANYWHERE, HEALTHY, NO_RULES, VIRTUAL, found, left_open

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import NextHop, NodeFacts, Row, Wishes
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServer, Service, ServiceKey
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import DeviceAddress, Link, Route, Snapshot


@pytest.mark.parametrize("movers", [("pacemakerd", "ldirectord"), ("ucarp",), ("keepalived",), ("bird",)])
def test_an_address_that_another_director_may_have(movers):
    facts = replace(HEALTHY, snapshot=HEALTHY.snapshot._replace(addresses=()))
    assert found(facts) == ["address_missing"]
    stands_by = replace(facts, address_movers=movers)
    assert found(stands_by) == []
    assert "10.100.100.100" in left_open(stands_by)["address_missing"]
    assert left_open(replace(HEALTHY, address_movers=movers)) == {}
    backup = replace(facts, backup=True)
    assert (found(backup), list(left_open(backup))) == ([], ["address_missing"])
    real_server = replace(stands_by, wishes=Wishes(real_server_for=(ipaddress.ip_address("10.1.1.1"),)))
    assert found(real_server) == ["address_missing"]


def balancing(*links):
    """A director of a tunnel: its devices, each with its MTU and whether the default route leads there."""
    server = ipaddress.ip_address("10.2.0.5")
    service = Service(ServiceKey("inet", "tcp", VIRTUAL.packed, 80), "rr")
    return NodeFacts(
        table=(Row(service, (RealServer.of(server.packed, 80, "tunnel"),)),),
        snapshot=Snapshot(
            links=tuple(Link(index, "eth%d" % index, up=True, mtu=mtu) for index, (mtu, _way) in enumerate(links)),
            addresses=(DeviceAddress(0, ipaddress.ip_interface("10.100.100.100/32")),),
            routes=tuple(Route(ANYWHERE, VIRTUAL, index) for index, (_mtu, way) in enumerate(links) if way),
        ),
        next_hops={server: NextHop("eth0")},
        rules=NO_RULES,
    )


def test_room_for_a_tunnel():
    assert found(balancing((1500, False), (1500, True))) == ["tunnel_mtu"]
    assert found(balancing((1520, False), (1500, True))) == []
    for mtu in (1500, 1520, 9000):
        one_armed = balancing((mtu, True))
        assert found(one_armed) == []
        assert "eth0" in left_open(one_armed)["tunnel_mtu"]
