# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real servers that are clients of their own services."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from doctor_node import HEALTHY, NO_RULES, SERVICE, found, left_open, natted, not_checked, switched

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.catalogue import CHECKS
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import examine
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import NextHop, Row, Rules, Wishes
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServer, Service, ServiceKey
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import DeviceAddress

OTHER = ipaddress.ip_address("10.1.0.5")


@pytest.mark.parametrize("loopback", [None, True])
@pytest.mark.parametrize(("router", "ids"), [(None, ["loopback_entry_missing"]), ("10.0.0.99", [])])
def test_who_lives_behind_a_router_need_not_loop_back_here(loopback, router, ids):
    """kube-proxy has entries for the pods of its own node."""
    table = (Row(SERVICE, (*HEALTHY.table[0].servers, RealServer.of(OTHER.packed, 80, "masquerading"))),)
    way = NextHop("br0", ipaddress.ip_address(router) if router else None)
    facts = replace(HEALTHY, table=table, next_hops={**HEALTHY.next_hops, OTHER: way}, wishes=Wishes(loopback=loopback))
    assert found(facts) == ids


def test_a_set_comes_before_its_rule():
    six = Service(ServiceKey("inet6", "tcp", ipaddress.ip_address("fd00::100").packed, 80), "rr")
    pod = ipaddress.ip_address("fd00::11")
    facts = replace(
        HEALTHY,
        table=(*HEALTHY.table, Row(six, (RealServer.of(pod.packed, 80, "masquerading"),))),
        snapshot=HEALTHY.snapshot._replace(
            addresses=(
                *HEALTHY.snapshot.addresses,
                DeviceAddress(4, ipaddress.ip_interface("fd00::100/128")),
            )
        ),
        rules={**HEALTHY.rules, "inet6": Rules({})},
        wishes=Wishes(loopback=True),
    )
    made, masqueraded = examine(CHECKS, facts)[0]
    assert (made["id"], masqueraded["id"]) == ("loopback_set_missing", "loopback_rule_missing")
    assert made["task"]["linuxnet.ipvs.ipset"] == dict(
        name="LOOP-BACK6", type="hash:ip,port,ip", family="inet6", entries=["fd00::11,tcp:80,fd00::11"]
    )
    assert masqueraded["task"]["linuxnet.ipvs.masquerade"]["match_set"]["name"] == "LOOP-BACK6"


@pytest.mark.parametrize(
    ("rule", "loopback", "ids"),
    [
        ("-s 10.0.0.0/24", True, ["ipvs_conntrack_off"]),
        ("-s 10.0.0.0/24", False, []),  # for the way out of real servers
        ("-s 10.0.0.0/24 -o eth0", False, []),
        ("-d 10.0.0.0/24", False, ["ipvs_conntrack_off"]),
        ("-d 10.0.0.11/32 -p tcp -m tcp --dport 80", None, ["ipvs_conntrack_off"]),
        ("-d 10.0.0.11/32 -p udp", False, []),
        ("! -d 10.0.0.0/24", False, []),
        ("-d 10.9.0.0/24", False, []),
        ("-o br0", False, []),
        ("-m ipvs --vaddr 10.100.100.100/32", False, ["ipvs_conntrack_off"]),
    ],
)
def test_rules_that_are_meant_for_what_ipvs_sends_on(rule, loopback, ids):
    facts = replace(HEALTHY, sets=(), wishes=Wishes(loopback=loopback))
    facts = natted(facts, "-A POSTROUTING %s -j MASQUERADE" % rule)
    assert found(facts) == []
    assert found(switched(facts, net_ipv4_vs_conntrack="0")) == ids


def test_a_rule_of_nat_in_doubt_is_named():
    rule = "-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE"
    facts = natted(HEALTHY, rule)
    assert found(facts) == []
    assert set(left_open(facts)) == {"loopback_entry_missing", "loopback_rule_missing", "loopback_rule_shadowed"}
    assert all(rule in reason for reason in left_open(facts).values())
    # Nobody needs to know where the set's own rule says it all.
    kept = "-A POSTROUTING -m set --match-set LOOP dst,dst,src -j MASQUERADE"
    assert left_open(natted(HEALTHY, kept, rule)) == {}


def test_a_director_without_pods_needs_no_bridge_netfilter():
    director = replace(HEALTHY, sets=(), rules=NO_RULES)
    director = switched(director, net_bridge_bridge_nf_call_iptables="0", net_ipv4_vs_conntrack="0")
    assert found(director) == []
    assert "no set of what loops back" in not_checked(director)["bridge_netfilter_off"]
    wanted = replace(director, wishes=Wishes(loopback=True))
    assert found(wanted) == ["bridge_netfilter_off", "loopback_set_missing", "loopback_rule_missing"]


def test_other_rules_than_those_of_iptables_may_masquerade():
    facts = replace(HEALTHY, rules=NO_RULES)
    assert found(facts) == ["loopback_rule_missing"]
    told = replace(facts, rules={"inet": Rules({}, masquerading_besides="inet mine")})
    assert found(told) == []
    assert left_open(told) == dict.fromkeys(
        ["loopback_entry_missing", "loopback_rule_missing", "loopback_rule_shadowed"], "inet mine"
    )
    assert left_open(switched(told, net_ipv4_vs_conntrack="0"))["ipvs_conntrack_off"] == "inet mine"


def test_a_port_that_drops_untagged_frames_is_not_blamed_for_its_hairpin_mode():
    """vlan_filtering without a PVID: hairpin mode would change nothing."""
    links = tuple(replace(link, hairpin=False) if link.name == "veth0" else link for link in HEALTHY.snapshot.links)
    off = replace(HEALTHY, snapshot=HEALTHY.snapshot._replace(links=links))
    assert found(off) == ["hairpin_off"]
    filtered = replace(off, tagged_only=frozenset(["veth0"]))
    assert found(filtered) == []
    assert "veth0" in left_open(filtered)["hairpin_off"]
