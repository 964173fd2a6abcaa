# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The doctor's checks on nodes that no test machine is: other kernels, other families, other programs."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils import _doctor_facts as reading
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor_checks import CHECKS
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor_values import (
    SEVERITIES,
    Facts,
    LoopSet,
    Row,
    Way,
    Wishes,
    examine,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs_values import RealServer, Service, ServiceKey
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link_values import DeviceAddress, Link, Snapshot
from ansible_collections.linuxnet.ipvs.plugins.module_utils._owners import Owner
from ansible_collections.linuxnet.ipvs.plugins.module_utils._packet_filter import parse

VIRTUAL, POD = ipaddress.ip_address("10.100.100.100"), ipaddress.ip_address("10.0.0.11")
SERVICE = Service(ServiceKey("inet", "tcp", VIRTUAL, 80), "rr")
RULES = parse(
    "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -m set --match-set LOOP dst,dst,src -j MASQUERADE\nCOMMIT\n"
)
ENTRY = "10.0.0.11,tcp:80,10.0.0.11"

#: A node like the lab's, with one pod.
HEALTHY = Facts(
    release="6.1.0-50-cloud-amd64",
    table=(Row(SERVICE, (RealServer(POD.packed, 80, "masquerading"),)),),
    switches={
        "net/ipv4/ip_forward": "1",
        "net/ipv4/conf/br0/forwarding": "1",
        "net/bridge/bridge-nf-call-iptables": "1",
        "net/ipv4/vs/conntrack": "1",
        "net/ipv4/vs/conn_reuse_mode": "1",
    },
    snapshot=Snapshot(
        links=(
            Link(1, "lo", up=True),
            Link(2, "br0", "bridge", up=True),
            Link(3, "veth0", "veth", up=True, master=2, hairpin=True),
            Link(4, "ipvs0", "dummy"),
        ),
        addresses=(DeviceAddress(4, ipaddress.ip_interface("10.100.100.100/32")),),
    ),
    ways={POD: Way("br0")},
    ports={POD: "veth0"},
    sets=(LoopSet("LOOP", "inet", frozenset([ENTRY])),),
    tables={"inet": RULES},
    answers={(POD, 80): ("answered", "connected")},
)


def found(facts, **options):
    return [each["id"] for each in examine(CHECKS, facts, **options)[0]]


def skipped(facts):
    return {each["id"]: each["reason"] for each in examine(CHECKS, facts)[2]}


def switched(facts, **values):
    """The facts with other values of switches, written with _ for /."""
    known = {path.replace("/", "_").replace("-", "_"): path for path in facts.switches}
    return replace(facts, switches={**facts.switches, **{known[name]: value for name, value in values.items()}})


def test_the_healthy_has_nothing():
    assert found(HEALTHY) == []
    assert found(Facts()) == []


@pytest.mark.parametrize(
    ("release", "mode", "ids"),
    [
        ("4.0.9", "1", []),
        ("4.1.0", "1", ["conn_reuse_delay"]),
        ("5.8.18-generic", "1", ["conn_reuse_delay"]),
        ("5.8.18-generic", "0", []),
        ("5.9.0", "1", []),
        ("5.10.0-30-amd64", "0", ["conn_reuse_off"]),
        # The vendor's kernels have changes of newer ones.
        ("4.18.0-553.el8_10.x86_64", "1", []),
        ("5.14.0-427.el9.x86_64", "0", []),
    ],
)
def test_traps_of_the_kernels_age(release, mode, ids):
    facts = switched(replace(HEALTHY, release=release), net_ipv4_vs_conn_reuse_mode=mode)
    assert found(facts) == ids


def test_the_delay_needs_conntrack_and_masquerading():
    old = replace(HEALTHY, release="5.4.0", sets=(), tables={"inet": {}})
    assert found(old) == ["conn_reuse_delay"]
    assert found(switched(old, net_ipv4_vs_conntrack="0")) == []


@pytest.mark.parametrize(
    ("owner", "names", "ids"),
    [
        (None, [], []),
        (None, ["keepalived"], []),
        ("keepalived", ["keepalived"], []),
        ("tasks", ["keepalived"], ["other_owner"]),
        (None, ["keepalived", "kube-proxy"], ["other_owner", "other_owner"]),
        ("keepalived", ["keepalived", "kube-proxy"], ["other_owner"]),
    ],
)
def test_who_may_write_the_table(owner, names, ids):
    owners = tuple(Owner(name, 7, "process 7: %s" % name) for name in names)
    assert found(replace(HEALTHY, owners=owners, wishes=Wishes(owner=owner))) == ids


def test_a_program_that_keeps_the_table_has_its_reasons():
    drained = HEALTHY.table[0].servers[0]._replace(weight=0)
    facts = replace(HEALTHY, table=(Row(SERVICE, (drained,)),), connections={(SERVICE.key, drained.key): 0}, answers={})
    assert found(facts) == ["weight_zero"]
    assert found(replace(facts, owners=(Owner("keepalived", 7, "process 7"),))) == []
    assert found(replace(facts, connections={(SERVICE.key, drained.key): 3})) == []


def test_a_director_without_pods_needs_no_bridge_netfilter():
    director = replace(HEALTHY, sets=(), tables={"inet": {}})
    director = switched(director, net_bridge_bridge_nf_call_iptables="0", net_ipv4_vs_conntrack="0")
    assert found(director) == []
    assert "no set of what loops back" in skipped(director)["bridge_netfilter_off"]
    wanted = replace(director, wishes=Wishes(loopback=True))
    assert found(wanted) == ["bridge_netfilter_off", "loopback_rule_missing"]


@pytest.mark.parametrize(
    ("method", "outcome", "ids"),
    [
        ("masquerading", "refused", ["real_server_refusing"]),
        ("masquerading", "timed out", ["real_server_unreachable"]),
        ("masquerading", "no way", ["real_server_unreachable"]),
        # At its own address such a real server need not listen.
        ("direct", "refused", []),
        ("direct", "timed out", []),
        ("direct", "no way", ["real_server_unreachable"]),
    ],
)
def test_what_no_answer_means(method, outcome, ids):
    server = RealServer(POD.packed, 80, method)
    facts = replace(
        HEALTHY,
        table=(Row(SERVICE, (server,)),),
        answers={(POD, 80): (outcome, "words")},
        sets=(),
        tables={"inet": {}},
    )
    assert found(facts) == ids


def test_other_rules_than_those_of_iptables_may_masquerade():
    facts = replace(HEALTHY, tables={"inet": {}})
    assert found(facts) == ["loopback_rule_missing"]
    told = replace(facts, beside_tables="nft(8) has chains of its own: inet mine")
    assert found(told) == []
    assert skipped(told)["loopback_rule_missing"] == told.beside_tables


def test_chains_of_nftables_that_are_not_those_of_iptables():
    listed = (
        "table ip nat {\n\tchain POSTROUTING {\n\t\ttype nat hook postrouting priority srcnat;\n\t}\n}\n"
        "table inet mine {\n\tchain out {\n\t\ttype nat hook postrouting priority srcnat;\n\t}\n}\n"
        "table bridge b {\n\tchain x {\n\t\ttype filter hook forward priority 0;\n\t}\n}\n"
    )
    assert reading._native_chains(listed) == ["inet mine"]
    assert reading._native_chains("") == []


def test_ignored_checks_are_said_to_be():
    facts = switched(HEALTHY, net_ipv4_vs_conn_reuse_mode="0")
    assert found(facts, ignore=["conn_reuse_off"]) == []
    _findings, checked, left = examine(CHECKS, facts, ["conn_reuse_off"])
    assert "conn_reuse_off" not in checked
    assert dict(id="conn_reuse_off", reason="it is in 'ignore'") in left


def test_tasks_name_the_namespace():
    facts = switched(replace(HEALTHY, netns="blue"), net_ipv4_conf_br0_forwarding="0", net_ipv4_ip_forward="0")
    ((finding,), _checked, _skipped) = examine(CHECKS, facts)
    assert finding["task"]["linuxnet.ipvs.netns"] == dict(name="blue", sysctl={"net.ipv4.ip_forward": 1})


def test_every_check_is_described():
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    assert {check.severity for check in CHECKS} <= set(SEVERITIES)
    assert all(check.what.endswith(".") and check.where and check.source for check in CHECKS)
