# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others have made in a namespace: a task begins with it, and leaves it as it was, to the last attribute."""

from __future__ import annotations

import json

import pytest
from node import Failed

#: A port with its far end, and what the tasks say of them.
PEER = dict(name="eth0", netns="links_a", addresses=["198.51.100.2/24", "fd00::2/64"], gateway="198.51.100.1")
BRIDGE = dict(name="br", netns="links", addresses=["198.51.100.1/24"], ports=[dict(name="p1", peer=PEER)])

#: Somebody's second uplink, a routing daemon's and a DHCP client's routes, and ways that have no plain words.
FOREIGN = """
ip -n links_a link add eth1 type veth peer name eth2
ip -n links_a link set eth1 up
ip -n links_a link set eth2 up
ip -n links_a address add 203.0.113.9/24 dev eth1
ip -n links_a route add default via 203.0.113.1 dev eth1 proto dhcp metric 200
ip -n links_a route add default via 203.0.113.1 dev eth1 metric 300
ip -n links_a route add default via 198.51.100.9 dev eth0 proto bird metric 32 mtu 1400
ip -n links_a route add 192.0.2.0/25 via 198.51.100.9 proto bird src 198.51.100.2 mtu lock 1400 advmss 1300
ip -n links_a route add 192.0.2.128/25 via 10.9.9.9 dev eth0 onlink
ip -n links_a route add 192.0.2.128/25 via inet6 fd00::9 dev eth0 metric 7 proto bird
ip -n links_a -6 route add 2001:db8::/64 via fd00::9 proto bird mtu 1400 pref high
ip -n links_a -6 route add 2001:db8:1::/64 proto zebra nexthop via fd00::7 weight 2 nexthop via fd00::8
"""

#: One with several ways, of which every kernel has those of IPv6, and not every kernel those of IPv4.
SEVERAL = "-n links_a route add default proto zebra metric 20"
SEVERAL += " nexthop via 198.51.100.7 weight 3 nexthop via 203.0.113.7"


def routes(node, netns):
    """What ip(8) tells of all routes, but for what changes by itself."""
    found = []
    for family in ("-4", "-6"):
        told = json.loads(node.command("ip", "-n", netns, "-d", "-j", family, "route"))
        found += [json.dumps(route, sort_keys=True) for route in told if not route["dst"].startswith("fe80")]
    return sorted(found)


@pytest.fixture
def foreign(node, namespaces):
    """The routes that are there when a task has done its work and others theirs."""
    node.module("veth_bridge", **BRIDGE)
    node.command("sh", "-ec", FOREIGN)
    try:
        node.command("ip", *SEVERAL.split())
    except Failed as refused:
        if "Multipath support not enabled in kernel" not in str(refused):
            raise
    return routes(node, "links_a")


def test_the_same_task_again_leaves_it_all(node, foreign):
    again = node.module("veth_bridge", purge_addresses=True, purge_ports=True, **BRIDGE)
    assert (again["changed"], again["diff"]) == (False, dict(before={}, after={}))
    assert routes(node, "links_a") == foreign


def test_purged_routes_are_no_daemons(node, foreign):
    done = node.module("veth_bridge", purge_routes=True, **BRIDGE)
    gone = [each for each in foreign if each not in routes(node, "links_a")]
    # The one that nobody but a person makes, with the protocol of ip(8), through this device.
    assert [json.loads(each)["gateway"] for each in gone] == ["10.9.9.9"]
    assert done["diff"]["before"]["ports"]["p1"]["peer"]["routes"] == [dict(to="192.0.2.128/25", via="10.9.9.9 onlink")]
    assert not node.module("veth_bridge", purge_routes=True, **BRIDGE)["changed"]


def test_a_renamed_far_end_gets_back_what_it_loses(node, foreign):
    """It has to be down for that, and the kernel flushes its routes."""
    renamed = dict(BRIDGE, ports=[dict(name="p1", peer=dict(PEER, name="eth9"))])
    node.module("veth_bridge", **renamed)
    assert sorted(each.replace('"eth9"', '"eth0"') for each in routes(node, "links_a")) == foreign
    assert not node.module("veth_bridge", **renamed)["changed"]


def test_purged_addresses_leave_routes_that_the_kernel_leaves(node, namespaces):
    """Two addresses of a bridge, one of which goes, and a daemon's route from the other."""
    node.module("veth_bridge", name="br", netns="links", addresses=["198.51.100.1/25", "198.51.100.129/25"])
    route = "203.0.113.0/24 via 198.51.100.9 dev br proto bird src 198.51.100.1 mtu 1400"
    node.command("ip", "-n", "links", "route", "add", *route.split())
    node.command(
        "ip", "-n", "links", "route", "add", *["203.0.114.0/24", "via", "198.51.100.130", "src", "198.51.100.1"]
    )
    before = [each for each in routes(node, "links") if '"198.51.100.128/25"' not in each]
    wish = dict(name="br", netns="links", addresses=["198.51.100.1/25"], purge_addresses=True)
    assert node.module("veth_bridge", **wish)["changed"]
    assert routes(node, "links") == before
    assert not node.module("veth_bridge", **wish)["changed"]


def test_a_default_route_that_leads_nowhere_goes_once(node, namespaces):
    """One without a gateway through the far end, as a lab's nodes have them: it is named by all that it is."""
    node.module("veth_bridge", **dict(BRIDGE, ports=[dict(name="p1", peer=dict(PEER, gateway=None))]))
    node.command("ip", "-n", "links_a", "route", "add", "default", "dev", "eth0", "metric", "50")
    done = node.module("veth_bridge", **BRIDGE)
    assert done["diff"]["before"]["ports"]["p1"]["peer"] == dict(gateway="on link")
    told = json.loads(node.command("ip", "-n", "links_a", "-j", "route", "show", "default"))
    assert [(each.get("gateway"), each.get("metric")) for each in told] == [("198.51.100.1", None)]
    assert not node.module("veth_bridge", **BRIDGE)["changed"]


def test_what_has_several_ways_is_read_and_fed_back(node, foreign):
    told = node.module("netns_info", names=["links_a", "links"])["namespaces"]
    ways = {(route["to"], route["metric"]): route for route in told[1]["routes"]}
    if any(json.loads(each).get("metric") == 20 for each in foreign):
        assert ways[("0.0.0.0/0", 20)]["nexthops"] == [
            dict(via="198.51.100.7", device="eth0", weight=3),
            dict(via="203.0.113.7", device="eth1", weight=1),
        ]
    assert ways[("192.0.2.128/25", 7)]["via"] == "fd00::9"
    assert ways[("192.0.2.0/25", 0)]["source"] == "198.51.100.2"
    assert ways[("192.0.2.128/25", 0)]["onlink"]
    assert [each["weight"] for each in ways[("2001:db8:1::/64", 1024)]["nexthops"]] == [2, 1]
    (bridge,) = told[0]["bridges"]
    assert not node.module("veth_bridge", **bridge)["changed"]
    assert routes(node, "links_a") == foreign
