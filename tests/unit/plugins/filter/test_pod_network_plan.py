# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pods on a bridge mean for the modules that make them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.linuxnet.ipvs.plugins.filter.pod_network_plan import pod_network_plan

BRIDGE = ("10.1.0.1/24", "fd00:1::1/64")


def plan(*pods, addresses=BRIDGE, **options) -> dict[str, Any]:
    return pod_network_plan(pods, "pods", list(addresses), ["198.51.100.53"], **options)


def test_names_and_gateways_are_filled_in():
    (port,) = plan({"name": "a", "addresses": ["10.1.0.2/24"]})["ports"]
    assert port == {
        "name": "veth_a",
        "hairpin": None,
        "mtu": None,
        "peer": {
            "name": "veth_ns_a",
            "netns": "netns_a",
            "addresses": ["10.1.0.2/24"],
            "gateway": "10.1.0.1",
            "routes": None,
            "mtu": None,
        },
    }


@pytest.mark.parametrize(
    ("addresses", "bridge", "gateway", "routes"),
    [
        (["10.1.0.2/24", "fd00:1::2/64"], BRIDGE, "10.1.0.1", [{"to": "::/0", "via": "fd00:1::1"}]),
        (["fd00:1::2/64"], BRIDGE, "fd00:1::1", None),
        (["10.1.0.2/24", "fd00:1::2/64"], BRIDGE[:1], "10.1.0.1", None),
        (["10.1.0.2/24"], [], None, None),
        ([], BRIDGE, None, None),
    ],
)
def test_the_way_out_is_of_the_pods_family(addresses, bridge, gateway, routes):
    (port,) = plan({"name": "a", "addresses": addresses}, addresses=bridge)["ports"]
    assert (port["peer"]["gateway"], port["peer"]["routes"]) == (gateway, routes)


def test_what_is_said_wins_and_null_leaves_alone():
    said: dict[str, object] = {"name": "a", "netns": "blue", "veth": "v", "peer": "eth0", "gateway": None, "routes": []}
    (port,) = plan({**said, "mtu": 1400})["ports"]
    assert (port["name"], port["mtu"], port["peer"]["name"], port["peer"]["netns"]) == ("v", 1400, "eth0", "blue")
    assert (port["peer"]["gateway"], port["peer"]["routes"]) == (None, [])


def test_pods_that_are_alike_are_one_task():
    found = plan({"name": "a"}, {"name": "b", "nameservers": []}, {"name": "c"}, {"name": "d", "connected": False})
    assert [each["name"] for each in found["namespaces"]] == [["netns_a", "netns_c", "netns_d"], ["netns_b"]]
    assert [each["dns"]["nameservers"] for each in found["namespaces"]] == [["198.51.100.53"], []]
    assert [port["name"] for port in found["ports"]] == ["veth_a", "veth_b", "veth_c"]


def test_switches_of_devices_come_when_the_devices_are_there():
    later = {
        "net.ipv4.conf.veth_ns_a.arp_ignore": 1,
        "net/ipv6/conf/eth0.5/accept_ra": 0,
        "net.ipv4.neigh.eth0.retrans_time_ms": 500,
    }
    first = {
        "net.ipv4.ip_forward": 1,
        "net.ipv4.conf.all.arp_ignore": 1,
        "net.ipv4.conf.default.rp_filter": 0,
        "net.ipv4.conf.lo.arp_ignore": 1,
    }
    found = plan({"name": "a", "sysctl": {**later, **first}}, {"name": "b", "sysctl": later}, {"name": "c"})
    assert [each["sysctl"] for each in found["namespaces"]] == [first, {}]
    assert found["device_sysctls"] == [{"name": ["netns_a", "netns_b"], "sysctl": later}]


def test_families_of_the_bridge():
    assert [plan(addresses=each)["families"] for each in (BRIDGE, BRIDGE[:1], BRIDGE[1:], ())] == [
        ["ipv4", "ipv6"],
        ["ipv4"],
        ["ipv6"],
        [],
    ]


@pytest.mark.parametrize(
    ("pods", "words"),
    [
        ([{"name": "a", "addresses": ["10.1.0.300/24"]}], "10.1.0.300/24"),
        ([{"name": "a", "sysctl": {"kernel.pid_max": 1}}], "kernel.pid_max"),
        ([{"name": "a" * 12}], "veth_aaaaaaaaaaaa"),
        ([{"name": "a", "netns": "x"}, {"name": "b", "netns": "x"}], "two pods share the namespace 'x'"),
    ],
)
def test_what_cannot_be_meant_is_found_at_once(pods, words):
    assert any(words in problem for problem in plan(*pods)["problems"])


def test_nothing_is_wrong_with_what_can_be_meant():
    assert plan({"name": "a", "addresses": ["10.1.0.2/24"]}, mtu=1400)["problems"] == []
    assert pod_network_plan([], "", [])["problems"] == []


def test_a_pod_without_a_name_is_refused():
    with pytest.raises(AnsibleFilterError, match="each a dict with a name"):
        plan({"addresses": []})
