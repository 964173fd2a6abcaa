# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses and ways of nodes that no test machine is."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from doctor_node import ANYWHERE, HEALTHY, NO_RULES, VIRTUAL, found, left_open

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.catalogue import CHECKS
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import examine
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import NextHop, NodeFacts, Row, Rules, Wishes
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
    backup = replace(facts, daemons=frozenset(["backup"]))
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


SIX, SIX_POD = ipaddress.ip_address("fd00:1::100"), ipaddress.ip_address("fd00:2::11")


def of_ipv6(**switches):
    """A director of IPv6 whose virtual address lies in the network of eth0, and is on the dummy device."""
    service = Service(ServiceKey("inet6", "tcp", SIX.packed, 80), "rr")
    return NodeFacts(
        table=(Row(service, (RealServer.of(SIX_POD.packed, 80, "masquerading"),)),),
        snapshot=Snapshot(
            links=(Link(1, "lo", up=True), Link(2, "eth0", up=True), Link(4, "ipvs0", "dummy", up=True)),
            addresses=(
                DeviceAddress(2, ipaddress.ip_interface("fd00:1::1/64")),
                DeviceAddress(4, ipaddress.ip_interface("fd00:1::100/128")),
            ),
            routes=(Route(ipaddress.ip_network("::/0"), ipaddress.ip_address("fe80::1"), 2),),
        ),
        next_hops={SIX_POD: NextHop("eth0")},
        switches={"net/ipv6/conf/all/forwarding": "1", **switches},
        rules={"inet6": Rules({}, family="inet6")},
    )


def test_an_address_of_ipv6_on_a_dummy_device_is_silent():
    facts = of_ipv6()
    own, virtual = facts.snapshot.addresses
    assert found(facts) == ["ipv6_address_silent"]
    elsewhere = DeviceAddress(2, ipaddress.ip_interface("fd00:9::1/64"))
    on_link = DeviceAddress(2, virtual.interface)
    for addresses in ((elsewhere, virtual), (own, on_link)):
        assert found(replace(facts, snapshot=facts.snapshot._replace(addresses=addresses))) == []
    proxied = of_ipv6(**{"net/ipv6/conf/eth0/proxy_ndp": "1"})
    assert (found(proxied), list(left_open(proxied))) == ([], ["ipv6_address_silent"])


def test_a_missing_address_is_put_where_it_is_heard():
    facts = of_ipv6()
    facts = replace(facts, snapshot=facts.snapshot._replace(addresses=facts.snapshot.addresses[:1]))
    (told,) = examine(CHECKS, facts)[0]
    assert told["task"]["ansible.builtin.command"]["argv"][-3:] == ["dev", "eth0", "nodad"]


@pytest.mark.parametrize(("accept_ra", "mended"), [("0", True), ("1", False), ("2", True)])
def test_forwarding_does_not_take_the_default_route_away(accept_ra, mended):
    facts = of_ipv6(**{"net/ipv6/conf/all/forwarding": "0", "net/ipv6/conf/eth0/accept_ra": accept_ra})
    told = next(each for each in examine(CHECKS, facts)[0] if each["id"] == "forwarding_off")
    assert (told["task"] is not None) == mended
    assert ("accept_ra" in told["remedy"]) != mended
