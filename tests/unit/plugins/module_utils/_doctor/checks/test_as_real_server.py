# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes that are real servers of direct routing or of a tunnel."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from doctor_node import ANYWHERE, VIRTUAL, found, left_open, switched

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.catalogue import CHECKS
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import examine
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import NodeFacts, Wishes
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import DeviceAddress, Link, Route, Snapshot


@pytest.mark.parametrize("silent", [True, False])
def test_devices_without_arp_give_no_address_away(silent):
    snapshot = Snapshot(
        links=(Link(1, "lo", up=True), Link(5, "wg0", "wireguard", up=True)),
        addresses=(
            DeviceAddress(1, ipaddress.ip_interface("10.100.100.100/32")),
            DeviceAddress(5, ipaddress.ip_interface("10.9.0.2/24")),
        ),
        routes=(Route(ANYWHERE, ipaddress.ip_address("10.9.0.1"), 5),),
    )
    facts = NodeFacts(
        snapshot=snapshot,
        wishes=Wishes(real_server_for=(VIRTUAL,)),
        without_arp=frozenset(["wg0"] if silent else []),
    )
    assert found(facts) == ([] if silent else ["arp_ignore", "arp_announce"])


#: A real server of direct routing, with Docker.
REAL = NodeFacts(
    snapshot=Snapshot(
        links=(
            Link(1, "lo", up=True),
            Link(2, "eth0", up=True),
            Link(3, "docker0", "bridge", up=True),
            Link(4, "gre1", "gre", up=True),
        ),
        addresses=(
            DeviceAddress(1, ipaddress.ip_interface("10.100.100.100/32")),
            DeviceAddress(2, ipaddress.ip_interface("10.9.0.2/24")),
            DeviceAddress(3, ipaddress.ip_interface("172.17.0.1/16")),
            DeviceAddress(4, ipaddress.ip_interface("10.8.0.1/30")),
        ),
        routes=(
            Route(ANYWHERE, ipaddress.ip_address("10.9.0.1"), 2),
            Route(ipaddress.ip_network("172.17.0.0/16"), None, 3),
        ),
    ),
    switches={
        "net/ipv4/conf/eth0/arp_ignore": "1",
        "net/ipv4/conf/eth0/arp_announce": "2",
        "net/ipv4/conf/gre1/rp_filter": "0",
    },
    wishes=Wishes(real_server_for=(VIRTUAL,)),
)


def with_address(facts, index):
    """The facts with the virtual address on another device."""
    interface = ipaddress.ip_interface("10.100.100.100/32")
    own = tuple(each for each in facts.snapshot.addresses if each.interface != interface)
    return replace(facts, snapshot=facts.snapshot._replace(addresses=(*own, DeviceAddress(index, interface))))


def test_who_asks_for_an_address_is_where_its_routes_lead():
    assert found(REAL) == []
    assert left_open(REAL) == {}
    assert found(replace(REAL, switches={})) == ["arp_ignore", "arp_announce"]
    near = Route(ipaddress.ip_network("10.100.0.0/16"), None, 3)
    snapshot = REAL.snapshot._replace(routes=(*REAL.snapshot.routes, near))
    told = examine(CHECKS, replace(REAL, snapshot=snapshot))[0]
    assert [each["subject"] for each in told] == ["10.100.100.100 on docker0"] * 2


@pytest.mark.parametrize("ignored", ["0", "1", "2"])
def test_no_switch_silences_one_address_of_a_device(ignored):
    """With arp_ignore=8 it would answer for none, and nobody would reach the host any more."""
    facts = with_address(switched(REAL, net_ipv4_conf_eth0_arp_ignore=ignored), 2)
    (told,) = examine(CHECKS, facts)[0]
    assert (told["id"], told["task"]) == ("arp_ignore", None)
    assert "lo or a dummy device" in told["remedy"]


def test_what_comes_by_a_tunnel_device_has_its_address():
    strict = switched(REAL, net_ipv4_conf_gre1_rp_filter="1")
    assert found(strict) == []
    assert "gre1" in left_open(strict)["rp_filter_strict"]
    assert found(with_address(strict, 4)) == ["rp_filter_strict"]
