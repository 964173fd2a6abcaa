# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for services, real servers and whole tables."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import replace

import pytest
from ipvs_things import DUSTIN, LEAH, MARK, OTHER, VIP, replies, service_wish, steps, table_wish, wish

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs import codec
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.conflicts import first_foreign
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.counters import plan_zero
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.plan import (
    plan_no_server,
    plan_no_service,
    plan_server,
    plan_service,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.scope import Scope
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.table_plan import plan_table
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import (
    Operation,
    RealServer,
    RealServers,
    Service,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    MalformedReply,
)


def test_a_new_service_comes_before_its_real_servers():
    wishes = [wish(DUSTIN, forwarding_method="masquerading"), wish(LEAH, forwarding_method="masquerading")]
    plan, service, after = plan_service(service_wish(VIP, dict(scheduler="rr"), wishes, False), None, ())
    assert steps(plan) == [
        "add virtual service tcp 10.100.100.100:8080",
        "add real server 10.0.0.11:8080 of virtual service tcp 10.100.100.100:8080",
        "add real server 10.0.0.21:8080 of virtual service tcp 10.100.100.100:8080",
    ]
    assert plan.before == {}
    assert plan.after["scheduler"] == "rr"
    assert service.scheduler == "rr"
    assert list(after) == [DUSTIN, LEAH]


def test_nothing_to_do_is_an_empty_plan():
    have = Service(VIP, scheduler="rr")
    plan, _service, _servers = plan_service(
        service_wish(VIP, dict(scheduler="rr"), [wish(LEAH)], False), have, [DUSTIN, LEAH]
    )
    assert not plan.changed
    assert plan.before == plan.after == {}


def test_what_a_task_leaves_open_stays():
    have = Service(
        VIP, "sh", scheduler_flags=0x8, persistence_timeout=300, persistence_netmask=24, persistence_engine="sip"
    )
    drained = DUSTIN.having(weight=0, upper_threshold=10)
    plan, service, after = plan_service(service_wish(VIP, {}, [wish(DUSTIN)], False), have, [drained])
    assert not plan.changed
    plan, service, after = plan_service(
        service_wish(VIP, dict(scheduler="mh"), [wish(DUSTIN, weight=2)], False), have, [drained]
    )
    assert service == replace(have, scheduler="mh", scheduler_flags=0)  # the flags mean something else there
    assert after == [drained.having(weight=2)]
    assert steps(plan)[0].startswith("set virtual service")
    assert plan.before["scheduler"] == "sh"
    assert plan.after["scheduler"] == "mh"


def test_the_diff_shows_only_the_real_servers_that_change():
    have = Service(VIP)
    plan, _service, _servers = plan_service(service_wish(VIP, {}, [wish(LEAH, weight=0)], False), have, [DUSTIN, LEAH])
    assert [server["address"] for server in plan.before["real_servers"]] == ["10.0.0.21"]
    assert [server["weight"] for server in plan.after["real_servers"]] == [0]
    assert "scheduler" not in plan.after


def test_the_diff_shows_what_does_not_go_without_saying():
    plan, service, _servers = plan_service(service_wish(VIP, {}, [wish(DUSTIN)], False), None, ())
    assert plan.after == dict(
        protocol="tcp",
        address="10.100.100.100",
        port=8080,
        scheduler="wlc",
        real_servers=[dict(address="10.0.0.11", port=8080, forwarding_method="direct", weight=1)],
    )
    persistent = replace(service, persistence_timeout=300)
    plan, _service, _servers = plan_service(service_wish(VIP, dict(persistence_timeout=0), None, False), persistent, ())
    assert plan.before == dict(persistence_timeout=300, persistence_netmask="32", persistence_engine="none")
    assert plan.after == dict(persistence_timeout=0)


@pytest.mark.parametrize(
    ("wishes", "purge", "gone"), [(None, True, 0), ([], False, 0), ([], True, 2), ([LEAH], True, 1)]
)
def test_real_servers_go_only_when_a_list_is_to_be_exact(wishes, purge, gone):
    wishes = None if wishes is None else [wish(server) for server in wishes]
    plan, _service, after = plan_service(service_wish(VIP, {}, wishes, purge), Service(VIP), [DUSTIN, LEAH])
    assert len(plan.operations) == gone
    assert all(operation.verb == "delete" for operation in plan.operations)
    assert len(after) == 2 - gone


def test_new_real_servers_come_before_old_ones_go():
    plan, _service, _servers = plan_service(service_wish(VIP, {}, [wish(LEAH)], True), Service(VIP), [DUSTIN])
    assert [operation.verb for operation in plan.operations] == ["add", "delete"]


def test_absent():
    assert not plan_no_service(None, ()).changed
    plan = plan_no_service(Service(VIP, "rr"), [DUSTIN])
    assert steps(plan) == ["delete virtual service tcp 10.100.100.100:8080"]
    assert plan.after == {}
    assert plan.before["real_servers"][0]["address"] == "10.0.0.11"
    assert not plan_no_server(Service(VIP), []).changed
    assert not plan_no_server(None, []).changed
    assert plan_no_server(Service(VIP), [DUSTIN]).changed


def test_one_real_server():
    plan, server = plan_server(Service(VIP), wish(DUSTIN), None)
    assert (plan.operations[0].verb, server.forwarding_method, server.weight) == ("add", "direct", 1)
    plan, server = plan_server(Service(VIP), wish(DUSTIN, weight=7), DUSTIN)
    assert (plan.operations[0].verb, plan.before, plan.after) == ("set", dict(weight=1), dict(weight=7))
    plan, server = plan_server(Service(VIP), wish(DUSTIN), DUSTIN)
    assert not plan.changed


def test_a_table_in_place_is_an_empty_plan():
    have = [(Service(VIP, "rr"), replies(DUSTIN, LEAH)), (Service(OTHER), replies())]
    plan = plan_table([table_wish(dict(scheduler="rr"), LEAH, DUSTIN), table_wish({}, key=OTHER)], have, Scope())
    assert not plan.changed
    assert plan.diff() == dict(before="", after="")
    assert plan.counts["real_servers"] == dict(added=0, changed=0, deleted=0, unchanged=2)


@pytest.mark.parametrize("purge", [False, True])
def test_only_a_real_server_that_differs_is_touched(purge):
    others = [RealServer.of(bytes([10, 0, 1, number]), 8080, "masquerading") for number in range(1, 10)]
    have = [(Service(VIP), replies(DUSTIN.having(forwarding_method="direct"), *others))]
    plan = plan_table([table_wish({}, *others, DUSTIN, LEAH, purge=purge)], have, None)
    assert [what.split(" of ")[0] for what in steps(plan)] == [
        "set real server 10.0.0.11:8080",
        "add real server 10.0.0.21:8080",
    ]
    assert plan.counts["real_servers"] == dict(added=1, changed=1, deleted=0, unchanged=9)


def test_a_real_server_that_comes_twice_while_something_else_writes_is_not_deleted():
    for twice in ([DUSTIN, DUSTIN.having(weight=5)], [DUSTIN.having(weight=5), DUSTIN]):
        assert not plan_table([table_wish({}, DUSTIN)], [(Service(VIP), replies(*twice))], Scope()).changed


def test_what_is_not_listed_is_not_even_read():
    (reply,) = replies(LEAH).replies
    strange = reply.replace(struct.pack("=HHI", 8, 3, 0), struct.pack("=HHI", 8, 3, 7))
    there = codec.KernelServers([*replies(DUSTIN).replies, strange])
    assert not plan_table([table_wish({}, DUSTIN)], [(Service(VIP), there)], None).changed
    with pytest.raises(MalformedReply):
        plan_table([table_wish({}, DUSTIN)], [(Service(VIP), there)], Scope())


def test_a_table_gains_before_it_loses():
    have = [(Service(OTHER), replies(LEAH)), (Service(MARK, "sh"), replies())]
    plan = plan_table([table_wish({}, DUSTIN, LEAH)], have, Scope())
    assert [what.split()[0] for what in steps(plan)] == ["add", "add", "add", "delete", "delete"]
    assert plan.counts["virtual_services"] == dict(added=1, changed=0, deleted=2, unchanged=0)
    assert plan.counts["real_servers"] == dict(added=2, changed=0, deleted=1, unchanged=0)
    assert plan.diff()["before"].splitlines()[0] == "-A -t 10.100.100.101:80 -s wlc"
    assert not [step for step in plan_table([table_wish({}, DUSTIN)], have, None).operations if step.verb == "delete"]


def test_all_of_a_table_that_goes_goes_behind_all_that_comes():
    have = [(Service(OTHER), replies(LEAH)), (Service(VIP), replies(LEAH))]
    plan = plan_table([table_wish({}, DUSTIN, key=key) for key in (OTHER, VIP)], have, Scope())
    assert [step.verb for step in plan.operations] == ["add", "add", "delete", "delete"]


def test_real_servers_of_another_family_are_told_apart():
    foreign = RealServer.of(ipaddress.ip_address("fd00::1").packed, 8080, "tunnel")
    for verb, found in (("add", (VIP, foreign)), ("set", (VIP, foreign)), ("delete", None)):
        assert (
            first_foreign(
                [
                    Operation(verb, Service(VIP), RealServers.of([DUSTIN])),
                    Operation(verb, Service(VIP), RealServers.of([foreign])),
                ]
            )
            == found
        )
        assert first_foreign([Operation(verb, Service(VIP), RealServers.of([DUSTIN, foreign, LEAH]))]) == found
        assert first_foreign([Operation(verb, Service(VIP), RealServers.of([DUSTIN]))]) is None
    assert first_foreign([Operation("add", Service(VIP))]) is None
    new = service_wish(VIP, {}, [wish(DUSTIN), wish(foreign, forwarding_method="tunnel")])
    assert first_foreign(plan_table([new], [], None).operations) == (VIP, foreign)


def test_a_table_lists_each_service_once():
    with pytest.raises(InvalidOption, match="a virtual service is listed twice"):
        plan_table([table_wish({}), table_wish({})], [], None)


def test_an_empty_list_keeps_its_real_servers_unless_the_service_purges_them():
    """As the template of an empty group leaves it."""
    have = [(Service(VIP), replies(DUSTIN, LEAH)), (Service(OTHER), replies())]
    plan = plan_table([table_wish({})], have, Scope())
    assert steps(plan) == ["delete virtual service tcp 10.100.100.101:80"]
    plan = plan_table([table_wish({}, purge=True)], have, Scope())
    assert [what.split(" of ")[0] for what in steps(plan)] == [
        "delete real server 10.0.0.11:8080",
        "delete real server 10.0.0.21:8080",
        "delete virtual service tcp 10.100.100.101:80",
    ]


def test_a_one_packet_service_does_not_masquerade():
    """No client gets an answer; but what another tool has made is none of the task's."""
    udp = replace(VIP, protocol="udp")
    masked = wish(DUSTIN, forwarding_method="masquerading")
    with pytest.raises(InvalidOption, match="one_packet: True is not valid: no client would take the answers"):
        plan_service(service_wish(udp, dict(one_packet=True), [masked]), None, ())
    with pytest.raises(InvalidOption, match=r"of real server 10\.0\.0\.11:8080"):
        plan_service(service_wish(udp, dict(one_packet=True), None), Service(udp), [DUSTIN])
    with pytest.raises(InvalidOption, match="one_packet"):
        plan_server(Service(udp, one_packet=True), masked, None)
    odd = Service(udp, one_packet=True)
    assert not plan_service(service_wish(udp, dict(one_packet=True), [masked]), odd, [DUSTIN])[0].changed
    assert plan_service(service_wish(udp, dict(one_packet=True), [wish(DUSTIN)]), None, ())[0].changed


def test_what_the_whole_table_counts_is_zeroed_too():
    """Services that were made anew count nothing, and the table still does (ip_vs_zero_all())."""
    assert not plan_zero([], dict(connections=0, incoming_packets=0)).changed
    plan = plan_zero([], dict(connections=5, incoming_packets=0))
    assert plan.operations == (None,)
    assert plan.before == {"whole table": dict(connections=5, incoming_packets=0)}
    assert plan.after == {"whole table": dict(connections=0, incoming_packets=0)}
    assert not plan_zero([], None).changed
