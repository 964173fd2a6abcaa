# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import DeleteRoute, SetRoute
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.routes import gateway_text, plan_routes
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import (
    Link,
    NextHop,
    Route,
    Snapshot,
    WantedRoute,
)

DEVICE = Link(2, "eth0", "veth", up=True)
OTHER = Link(3, "eth1", up=True)
ADDRESSES = (ip_interface("10.0.0.11/24"), ip_interface("fd00::11/64"))


def route(to, via, index=2, metric=0, protocol=3):
    return Route(ip_network(to), via and ip_address(via), index, metric, protocol)


def wanted(to, via):
    return WantedRoute(ip_network(to), ip_address(via))


def plan(want, have=(), flushed=(), device=DEVICE, addresses=ADDRESSES):
    return plan_routes(None, device, want, Snapshot((DEVICE, OTHER), (), tuple(have)), addresses, flushed)


def before(found):
    (routes,) = found.before.values()
    return [gateway_text(each, DEVICE, Snapshot((DEVICE, OTHER))) for each in routes]


def said(found):
    return [str(each) for each in found.operations]


def test_a_missing_route_is_added():
    found = plan([wanted("0.0.0.0/0", "10.0.0.1")])
    assert said(found) == ["add route to 0.0.0.0/0 via 10.0.0.1 on device 'eth0'"]
    assert before(found) == []


def test_a_route_that_is_there_is_left():
    assert said(plan([wanted("::/0", "fd00::1")], [route("::/0", "fd00::1", metric=1024)])) == []


def test_another_gateway_is_replaced_in_one_step():
    found = plan([wanted("0.0.0.0/0", "10.0.0.1")], [route("0.0.0.0/0", "10.0.0.254")])
    assert said(found) == ["add route to 0.0.0.0/0 via 10.0.0.1 on device 'eth0'"]
    assert before(found) == ["10.0.0.254"]


def test_routes_of_other_metrics_by_other_devices_are_left():
    have = [route("0.0.0.0/0", "10.0.0.1"), route("0.0.0.0/0", "192.168.0.1", index=3, metric=100)]
    found = plan([wanted("0.0.0.0/0", "10.0.0.1")], have)
    assert said(found) == []
    assert before(found) == ["10.0.0.1"]


def test_another_one_through_the_device_goes_but_no_daemons():
    have = [
        route("0.0.0.0/0", None, metric=50),
        route("0.0.0.0/0", "10.0.0.3", metric=100, protocol=16),
        route("0.0.0.0/0", "10.0.0.4", metric=20, protocol=12),
    ]
    found = plan([wanted("0.0.0.0/0", "10.0.0.1")], have)
    assert found.operations == (
        SetRoute(None, "eth0", ip_network("0.0.0.0/0"), ip_address("10.0.0.1"), 0, replace=False),
        DeleteRoute(None, have[0]),
    )
    assert before(found) == ["on link"]


def test_one_of_several_ways_is_replaced_where_the_metric_is_the_same():
    ways = (NextHop(ip_address("10.0.0.7"), 2), NextHop(ip_address("192.168.0.8"), 3, 2))
    several = Route(ip_network("0.0.0.0/0"), None, 0, hops=ways)
    found = plan([wanted("0.0.0.0/0", "10.0.0.1")], [several])
    assert said(found) == ["add route to 0.0.0.0/0 via 10.0.0.1 on device 'eth0'"]
    assert before(found) == ["10.0.0.7 and 192.168.0.8 (eth1)"]
    assert said(plan([wanted("0.0.0.0/0", "10.0.0.1")], [replace(several, metric=20, protocol=186)]))[1:] == []


def test_routes_of_the_kernel_and_of_router_advertisements_are_left():
    have = [route("::/0", "fe80::1", metric=1024, protocol=9), route("fd00::/64", None, protocol=2)]
    assert said(plan([wanted("::/0", "fd00::1")], have)) == ["add route to ::/0 via fd00::1 on device 'eth0'"]


def test_flushed_routes_are_set_again_those_on_the_link_first():
    have = [route("10.9.0.0/16", "10.0.0.2"), route("10.8.0.0/16", None), route("10.7.0.0/16", "10.0.9.1", index=3)]
    found = plan([wanted("0.0.0.0/0", "10.0.0.1")], [*have, route("0.0.0.0/0", "10.0.0.1")], flushed=(4,))
    assert said(found) == [
        "set route to 10.8.0.0/16 again",
        "set route to 10.9.0.0/16 again",
        "add route to 0.0.0.0/0 via 10.0.0.1 on device 'eth0'",
    ]


def test_flushed_routes_that_no_address_reaches_any_more_stay_away():
    assert said(plan([], [route("10.9.0.0/16", "10.5.0.2")], flushed=(4,))) == []


def test_a_device_that_was_elsewhere_has_no_routes_here():
    have = [route("10.9.0.0/16", "10.0.0.2", index=0)]
    assert said(plan([], have, flushed=(4, 6), device=Link(0, "eth0"))) == []


@pytest.mark.parametrize("via", ["10.0.1.1", "192.168.0.1", "fd01::1"])
def test_a_gateway_out_of_reach_is_refused(via):
    to = "0.0.0.0/0" if "." in via else "::/0"
    with pytest.raises(
        InvalidOption, match=r"device 'eth0' cannot reach it, its subnets are: 10\.0\.0\.0/24, fd00::/64"
    ):
        plan([wanted(to, via)])


def test_the_device_itself_is_no_gateway():
    with pytest.raises(InvalidOption, match="it is an address of device 'eth0' itself"):
        plan([wanted("0.0.0.0/0", "10.0.0.11")])


def test_a_gateway_may_be_link_local_or_behind_a_route_on_the_link():
    assert said(plan([wanted("::/0", "fe80::1")])) == ["add route to ::/0 via fe80::1 on device 'eth0'"]
    assert len(said(plan([wanted("0.0.0.0/0", "10.8.0.1")], [route("10.8.0.1/32", None)]))) == 1


def test_a_gateway_may_be_said_to_be_on_the_link():
    host = (ip_interface("203.0.113.5/32"),)
    onlink = WantedRoute(ip_network("0.0.0.0/0"), ip_address("169.254.1.1"), onlink=True)
    found = plan([onlink], addresses=host)
    assert [each.onlink for each in found.operations] == [True]
    there = replace(route("0.0.0.0/0", "169.254.1.1"), onlink=True)
    assert said(plan([onlink], [there], addresses=host)) == []
    assert len(said(plan([onlink], [replace(there, onlink=False)], addresses=host))) == 1
    # Or a route to it is listed, which is made first.
    near = [WantedRoute(ip_network("169.254.1.1/32"), None), WantedRoute(*wanted("0.0.0.0/0", "169.254.1.1")[:2])]
    assert said(plan(near[::-1], addresses=host)) == [
        "add route to 169.254.1.1/32 on device 'eth0'",
        "add route to 0.0.0.0/0 via 169.254.1.1 on device 'eth0'",
    ]


def test_routes_from_an_address_that_is_gone_stay_away():
    have = replace(route("10.9.0.0/16", "10.0.0.2", protocol=12), source=ip_address("10.0.0.12"))
    assert said(plan([], [have], flushed=(4,))) == []
    assert said(plan([], [replace(have, source=ip_address("10.0.0.11"))], flushed=(4,))) == [
        "set route to 10.9.0.0/16 again"
    ]


def test_purging_leaves_what_daemons_have_made():
    have = [route("10.9.0.0/16", "10.0.0.2"), route("10.8.0.0/16", "10.0.0.2", protocol=16), route("10.7.0.0/16", None)]
    found = plan_routes(None, DEVICE, [], Snapshot((DEVICE, OTHER), (), tuple(have)), ADDRESSES, (), purge=True)
    assert found.purged == (have[0],)
