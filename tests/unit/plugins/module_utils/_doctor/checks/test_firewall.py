# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of filter, and what is known of the packets that meet them."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from doctor_node import HEALTHY, NO_RULES, POD, RULES, VIRTUAL, filtered, found, left_open, switched

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.catalogue import CHECKS
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import examine
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import LoopSet, Row, Rules
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServer, Service, ServiceKey
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import DeviceAddress


@pytest.mark.parametrize(
    ("rule", "ids", "is_open"),
    [
        ("-i eth0 -p tcp -m tcp --dport 80 -j ACCEPT", [], True),
        ("-m string --string x --algo bm -j ACCEPT", [], True),
        ("-p tcp -m multiport --dports 443,80 -j ACCEPT", [], False),
        ("-p tcp -m multiport --dports 443,8000:8100 -j ACCEPT", ["firewall_drops"], False),
        ("-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT", [], False),
        ("-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT", ["firewall_drops"], False),
    ],
)
def test_a_rule_of_filter_in_doubt_is_named(rule, ids, is_open):
    facts = filtered(HEALTHY, ":INPUT DROP", "-A INPUT -i lo -j ACCEPT", "-A INPUT %s" % rule)
    assert found(facts) == ids
    assert list(left_open(facts)) == ["firewall_drops"] * is_open
    assert not is_open or "-A INPUT %s" % rule in left_open(facts)["firewall_drops"]
    # Where all are accepted in the end it does not matter.
    assert left_open(filtered(HEALTHY, ":INPUT ACCEPT", "-A INPUT %s" % rule)) == {}


@pytest.mark.parametrize(
    "key", [ServiceKey("inet", None, None, 0, 7), ServiceKey("inet", "tcp", VIRTUAL.packed, 0)], ids=["mark", "port 0"]
)
def test_services_without_a_port_pass_by_the_rules_too(key):
    table = (Row(Service(key, "rr"), (RealServer.of(POD.packed, 0, "masquerading"),)),)
    facts = replace(HEALTHY, table=table, sets=(), rules=NO_RULES, answers={})
    assert (found(facts), left_open(facts)) == ([], {})
    drops = filtered(facts, ":INPUT DROP", ":OUTPUT ACCEPT", "-A OUTPUT -d 10.0.0.11/32 -j DROP")
    asked, sent = examine(CHECKS, drops)[0]
    assert (asked["id"], sent["id"]) == ("firewall_drops", "firewall_drops")
    words = dict(destination="10.0.0.11") if key.fwmark else dict(protocol="tcp", destination="10.0.0.11")
    assert sent["task"]["ansible.builtin.iptables"] == dict(
        chain="OUTPUT", action="insert", ip_version="ipv4", jump="ACCEPT", **words
    )
    assert (asked["task"] is None) == bool(key.fwmark)
    some = filtered(facts, ":INPUT DROP", "-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT")
    assert (found(some), list(left_open(some))) == ([], ["firewall_drops"])


def test_other_rules_than_those_of_iptables_may_drop():
    told = replace(HEALTHY, rules={"inet": replace(RULES, dropping_besides="inet firewalld")})
    assert found(told) == []
    assert left_open(told) == {"firewall_drops": "inet firewalld"}
    # What iptables drops is gone all the same.
    assert found(filtered(told, "-A INPUT -d 10.100.100.100/32 -j DROP")) == ["firewall_drops"]
    assert found(replace(told, rules={"inet": Rules({}, dropping_besides="inet firewalld")})) == [
        "loopback_rule_missing"
    ]


def test_rules_of_one_family_that_cannot_be_read():
    """They do not hide what is wrong with the other."""
    virtual, pod = ipaddress.ip_address("fd00::100"), ipaddress.ip_address("fd00::11")
    six = Row(
        Service(ServiceKey("inet6", "tcp", virtual.packed, 80), "rr"), (RealServer.of(pod.packed, 80, "masquerading"),)
    )
    entry = LoopSet("LOOP6", "inet6", frozenset(["fd00::11,tcp:80,fd00::11"]))
    address = DeviceAddress(4, ipaddress.ip_interface("fd00::100/128"))
    facts = replace(
        HEALTHY,
        sets=(*HEALTHY.sets, entry),
        snapshot=HEALTHY.snapshot._replace(addresses=(*HEALTHY.snapshot.addresses, address)),
        rules=NO_RULES,
    )
    facts = filtered(facts, "-A INPUT -d 10.100.100.100/32 -j DROP")
    facts = replace(facts, rules={**facts.rules, "inet6": Rules(None, "none", "none")})
    for table in ((*HEALTHY.table, six), (six, *HEALTHY.table)):
        assert found(replace(facts, table=table)) == ["loopback_rule_missing", "firewall_drops"]
        assert left_open(replace(facts, table=table)) == dict.fromkeys(
            ["loopback_entry_missing", "loopback_rule_missing", "loopback_rule_shadowed", "firewall_drops"], "none"
        )


@pytest.mark.parametrize(
    ("conntrack", "protocol", "lines", "ids"),
    [
        ("0", "tcp", ["-A FORWARD -m conntrack --ctstate INVALID -j DROP"], ["firewall_drops"]),
        ("1", "tcp", ["-A FORWARD -m conntrack --ctstate INVALID -j DROP"], []),
        ("0", "udp", ["-A FORWARD -m conntrack --ctstate INVALID -j DROP"], []),
        (
            "0",
            "tcp",
            [":FORWARD DROP", "-A FORWARD -m state --state RELATED,ESTABLISHED -j ACCEPT"],
            ["firewall_drops"],
        ),
        ("1", "tcp", [":FORWARD DROP", "-A FORWARD -m state --state RELATED,ESTABLISHED -j ACCEPT"], []),
        ("0", "tcp", [":FORWARD DROP", "-A FORWARD -s 10.0.0.0/24 -j ACCEPT"], []),
        ("0", "udp", [":OUTPUT DROP", "-A OUTPUT -m conntrack --ctstate NEW -j ACCEPT"], ["firewall_drops"]),
        ("1", "udp", [":OUTPUT DROP", "-A OUTPUT -m conntrack --ctstate NEW -j ACCEPT"], []),
        ("0", "tcp", [":OUTPUT DROP", "-A OUTPUT -m conntrack --ctstate NEW,UNTRACKED -j ACCEPT"], []),
        (
            "0",
            "tcp",
            [
                "-A FORWARD -m conntrack --ctstate INVALID -j DROP",
                "COMMIT",
                "*raw",
                "-A PREROUTING -s 10.0.0.11/32 -j CT --notrack",
            ],
            [],
        ),
    ],
)
def test_what_conntrack_takes_packets_for(conntrack, protocol, lines, ids):
    service = Service(ServiceKey("inet", protocol, VIRTUAL.packed, 80), "rr")
    facts = replace(HEALTHY, table=(Row(service, HEALTHY.table[0].servers),), sets=(), rules=NO_RULES)
    facts = switched(facts, net_ipv4_vs_conntrack=conntrack)
    assert found(filtered(facts, *lines)) == ids
