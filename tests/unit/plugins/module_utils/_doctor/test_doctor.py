# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The doctor's checks on nodes that no test machine is: other kernels, other families, other programs."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor import modules
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.catalogue import CHECKS
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.chains import BaseChain, decoded
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.facts import rules_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import (
    SEVERITIES,
    Facts,
    LoopSet,
    Row,
    Rules,
    Way,
    Wishes,
    examine,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.owners import PROGRAMS, Owner
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServer, Service, ServiceKey
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel import netlink
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import DeviceAddress, Link, Route, Snapshot
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import parse

VIRTUAL, POD = ipaddress.ip_address("10.100.100.100"), ipaddress.ip_address("10.0.0.11")
ANYWHERE = ipaddress.ip_network("0.0.0.0/0")
SERVICE = Service(ServiceKey("inet", "tcp", VIRTUAL.packed, 80), "rr")
RULES = Rules(
    parse("*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -m set --match-set LOOP dst,dst,src -j MASQUERADE\nCOMMIT\n")
)
#: iptables has no rule.
NO_RULES = {"inet": Rules({})}
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
    rules={"inet": RULES},
    answers={(POD, 80): ("answered", "connected")},
)


def found(facts, **options):
    return [each["id"] for each in examine(CHECKS, facts, **options)[0]]


def skipped(facts):
    return {each["id"]: each["reason"] for each in examine(CHECKS, facts)[2]}


def left_open(facts):
    return {each["id"]: each["reason"] for each in examine(CHECKS, facts)[2] if each["left_open"]}


def filtered(facts, *lines):
    """The facts with rules of the table filter besides."""
    tables = {**facts.rules["inet"].tables, **parse("\n".join(["*filter", *lines, "COMMIT"]))}
    return replace(facts, rules={"inet": replace(facts.rules["inet"], tables=tables)})


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
        ("4.5.7", "1", []),
        ("4.6.0", "1", ["conn_reuse_delay"]),
        ("5.6.19", "1", ["conn_reuse_delay"]),
        ("5.6.19-300.fc32.x86_64", "1", ["conn_reuse_delay"]),
        ("5.6.19", "0", []),
        ("5.9.0", "1", []),
        ("5.10.0-30-amd64", "1", []),
        ("5.10.0-30-amd64", "0", ["conn_reuse_off"]),
        ("5.14.0-427.el9.x86_64", "0", ["conn_reuse_off"]),
        # Series that were mended while they lived.
        ("4.14.193", "1", ["conn_reuse_delay"]),
        ("4.14.194", "1", []),
        ("4.19.139", "1", ["conn_reuse_delay"]),
        ("4.19.140", "1", []),
        ("5.4.58", "1", ["conn_reuse_delay"]),
        ("5.4.59", "1", []),
        ("5.7.15", "1", ["conn_reuse_delay"]),
        ("5.7.16", "1", []),
        ("5.8.1", "1", ["conn_reuse_delay"]),
        ("5.8.2", "1", []),
    ],
)
def test_traps_of_the_kernels_age(release, mode, ids):
    facts = switched(replace(HEALTHY, release=release), net_ipv4_vs_conn_reuse_mode=mode)
    assert found(facts) == ids
    assert left_open(facts) == {}


@pytest.mark.parametrize(
    "release",
    [
        "4.19.0-21-amd64",  # Debian 10
        "5.4.0-150-generic",  # Ubuntu 20.04
        "5.8.0-63-generic",
        "4.9.300",
        "4.18.0-553.el8_10.x86_64",
        "5.3.18-150300.59.164-default",
    ],
)
def test_kernels_that_are_not_what_their_number_says(release):
    facts = replace(HEALTHY, release=release)
    assert found(facts) == []
    assert "its version does not tell" in left_open(facts)["conn_reuse_delay"]


def test_the_delay_needs_conntrack_and_masquerading():
    old = replace(HEALTHY, release="5.4.0", sets=(), rules=NO_RULES)
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


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_task_stops_a_program(name):
    """It may hold the virtual address, or take its services with it."""
    facts = replace(HEALTHY, owners=(Owner(name, 7, "process 7"),), wishes=Wishes(owner="tasks"))
    (told,) = examine(CHECKS, facts)[0]
    assert (told["id"], told["task"]) == ("other_owner", None)
    assert ("does not know each time it synchronizes" in told["consequence"]) == name.startswith("kube-")


DRAINED = HEALTHY.table[0].servers[0]._replace(weight=0)


def test_a_program_that_keeps_the_table_has_its_reasons():
    facts = replace(HEALTHY, table=(Row(SERVICE, (DRAINED,)),), connections={(SERVICE.key, DRAINED.key): 0}, answers={})
    assert found(facts) == ["weight_zero"]
    assert found(replace(facts, owners=(Owner("keepalived", 7, "process 7"),))) == []
    assert found(replace(facts, connections={(SERVICE.key, DRAINED.key): 3})) == []


@pytest.mark.parametrize(
    ("answers", "weight", "said"),
    [
        ({(POD, 80): ("answered", "connected")}, 1, "Give it a weight again"),
        ({(POD, 80): ("refused", "Connection refused")}, None, "it did not"),
        ({}, None, "that was not tried"),
        (None, None, "that was not tried"),
    ],
)
def test_a_weight_is_for_who_answers(answers, weight, said):
    facts = replace(
        HEALTHY, table=(Row(SERVICE, (DRAINED,)),), connections={(SERVICE.key, DRAINED.key): 0}, answers=answers
    )
    (told,) = examine(CHECKS, facts)[0]
    assert told["id"] == "weight_zero"
    assert said in told["remedy"]
    assert (told["task"] and told["task"]["linuxnet.ipvs.ipvs_real_server"]["weight"]) == weight


def test_the_weight_that_a_dead_server_had_is_told():
    server = HEALTHY.table[0].servers[0]._replace(weight=7)
    for outcome in ("refused", "timed out"):
        (told,) = examine(
            CHECKS, replace(HEALTHY, table=(Row(SERVICE, (server,)),), answers={(POD, 80): (outcome, "words")})
        )[0]
        assert "its weight is 7 now" in told["remedy"]


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


OTHER = ipaddress.ip_address("10.1.0.5")


@pytest.mark.parametrize("loopback", [None, True])
@pytest.mark.parametrize(("router", "ids"), [(None, ["loopback_entry_missing"]), ("10.0.0.99", [])])
def test_who_lives_behind_a_router_need_not_loop_back_here(loopback, router, ids):
    """kube-proxy has entries for the pods of its own node."""
    table = (Row(SERVICE, (*HEALTHY.table[0].servers, RealServer(OTHER.packed, 80, "masquerading"))),)
    way = Way("br0", ipaddress.ip_address(router) if router else None)
    facts = replace(HEALTHY, table=table, ways={**HEALTHY.ways, OTHER: way}, wishes=Wishes(loopback=loopback))
    assert found(facts) == ids


def test_a_set_comes_before_its_rule():
    six = Service(ServiceKey("inet6", "tcp", ipaddress.ip_address("fd00::100").packed, 80), "rr")
    pod = ipaddress.ip_address("fd00::11")
    facts = replace(
        HEALTHY,
        table=(*HEALTHY.table, Row(six, (RealServer(pod.packed, 80, "masquerading"),))),
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


def natted(facts, *lines):
    """The facts with these rules of the table nat."""
    return replace(facts, rules={"inet": Rules(parse("\n".join(["*nat", ":POSTROUTING ACCEPT", *lines, "COMMIT"])))})


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
    table = (Row(Service(key, "rr"), (RealServer(POD.packed, 0, "masquerading"),)),)
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


def balancing(*links):
    """A director of a tunnel: its devices, each with its MTU and whether the default route leads there."""
    server = ipaddress.ip_address("10.2.0.5")
    service = Service(ServiceKey("inet", "tcp", VIRTUAL.packed, 80), "rr")
    return Facts(
        table=(Row(service, (RealServer(server.packed, 80, "tunnel"),)),),
        snapshot=Snapshot(
            links=tuple(Link(index, "eth%d" % index, up=True, mtu=mtu) for index, (mtu, _way) in enumerate(links)),
            addresses=(DeviceAddress(0, ipaddress.ip_interface("10.100.100.100/32")),),
            routes=tuple(Route(ANYWHERE, VIRTUAL, index) for index, (_mtu, way) in enumerate(links) if way),
        ),
        ways={server: Way("eth0")},
        rules=NO_RULES,
    )


def test_room_for_a_tunnel():
    assert found(balancing((1500, False), (1500, True))) == ["tunnel_mtu"]
    assert found(balancing((1520, False), (1500, True))) == []
    for mtu in (1500, 1520, 9000):
        one_armed = balancing((mtu, True))
        assert found(one_armed) == []
        assert "eth0" in left_open(one_armed)["tunnel_mtu"]


def test_a_director_without_pods_needs_no_bridge_netfilter():
    director = replace(HEALTHY, sets=(), rules=NO_RULES)
    director = switched(director, net_bridge_bridge_nf_call_iptables="0", net_ipv4_vs_conntrack="0")
    assert found(director) == []
    assert "no set of what loops back" in skipped(director)["bridge_netfilter_off"]
    wanted = replace(director, wishes=Wishes(loopback=True))
    assert found(wanted) == ["bridge_netfilter_off", "loopback_set_missing", "loopback_rule_missing"]


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
        rules=NO_RULES,
    )
    assert found(facts) == ids


def test_other_rules_than_those_of_iptables_may_masquerade():
    facts = replace(HEALTHY, rules=NO_RULES)
    assert found(facts) == ["loopback_rule_missing"]
    told = replace(facts, rules={"inet": Rules({}, masquerading_besides="inet mine")})
    assert found(told) == []
    assert left_open(told) == dict.fromkeys(
        ["loopback_entry_missing", "loopback_rule_missing", "loopback_rule_shadowed"], "inet mine"
    )
    assert left_open(switched(told, net_ipv4_vs_conntrack="0"))["ipvs_conntrack_off"] == "inet mine"


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
        Service(ServiceKey("inet6", "tcp", virtual.packed, 80), "rr"), (RealServer(pod.packed, 80, "masquerading"),)
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


def chain(family, table, name, kind="filter", hook=1, idle=False):
    return BaseChain(family, table, name, kind, hook, idle)


@pytest.mark.parametrize(
    ("chains", "masquerading", "dropping"),
    [
        ([], "", ""),
        # Those of iptables, and Debian's empty /etc/nftables.conf
        ([chain("ip", "nat", "POSTROUTING", "nat", 4), chain("ip", "filter", "INPUT")], "", ""),
        ([chain("inet", "filter", "input", idle=True), chain("inet", "filter", "forward", "filter", 2, True)], "", ""),
        ([chain("inet", "filter", "input")], "", "inet filter"),
        ([chain("inet", "firewalld", "nat_POSTROUTING", "nat", 4)], "inet firewalld", ""),
        ([chain("inet", "firewalld", "nat_PREROUTING", "nat", 0)], "", ""),
        ([chain("ip", "nat", "postrouting", "nat", 4)], "ip nat", ""),
        ([chain("ip6", "mine", "out", "nat", 4), chain("ip6", "mine", "in")], "", ""),
        ([chain("bridge", "b", "x"), chain("netdev", "n", "x", "filter", 0)], "", "bridge b, netdev n"),
        ([chain("ip", "mine", "out", "route", 3)], "", "ip mine"),
    ],
)
def test_chains_of_nftables_that_are_not_those_of_iptables(chains, masquerading, dropping):
    told = rules_of("inet", "*nat\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n", chains)
    assert told.tables
    assert "nat" in told.tables
    assert told.masquerading_besides.partition(": ")[2] == masquerading
    assert told.dropping_besides.partition(": ")[2] == dropping


@pytest.mark.parametrize(
    ("saved", "masquerading", "dropping"),
    [
        (None, "not installed", "not installed"),
        ("# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n", "both", "both"),
        ("# Table `nat' is incompatible, use 'nft' tool.\n", "ip nat", ""),
        ("# Table `filter' is incompatible, use 'nft' tool.\n", "", "ip filter"),
        # It writes the others, and which those are is known from elsewhere.
        ("# Table `nat' contains incompatible base-chains, use 'nft' tool to list them.\n", "", ""),
    ],
)
def test_rules_that_iptables_cannot_tell(saved, masquerading, dropping):
    told = rules_of("inet", saved, [])
    assert masquerading in told.masquerading_besides
    assert dropping in told.dropping_besides
    assert bool(told.masquerading_besides) == bool(masquerading)
    assert bool(told.dropping_besides) == bool(dropping)


def test_chains_as_the_kernel_tells_them():
    """The attributes in their order in linux/netfilter/nf_tables.h; numbers in network order."""

    def number(kind, value):
        return netlink.attribute(kind, value.to_bytes(4, "big"))

    def reply(family, *attributes):
        return bytes([family, 0, 0, 0]) + b"".join(attributes)

    named = netlink.text(1, "filter") + netlink.text(3, "input")
    hook = netlink.nested(4, number(1, 1), number(2, 0))
    kind = netlink.text(7, "filter")
    replies = [
        reply(1, named, hook, number(5, 1), number(6, 0), kind),
        reply(1, named, hook, number(5, 0), number(6, 0), kind),
        reply(10, named, hook, number(5, 1), number(6, 2), kind),
        reply(2, named, number(6, 2)),  # without a hook: others jump there
        reply(3, named, hook, number(5, 1), number(6, 1), kind),  # arp
    ]
    assert list(decoded(replies)) == [
        chain("inet", "filter", "input", idle=True),
        chain("inet", "filter", "input"),
        chain("ip6", "filter", "input"),
    ]


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


@pytest.mark.parametrize("outcome", ["timed out", "refused"])
def test_a_probe_that_this_node_drops_tells_nothing_of_the_server(outcome):
    facts = replace(HEALTHY, answers={(POD, 80): (outcome, "words")})
    assert found(filtered(facts, "-A OUTPUT -d 10.0.0.11/32 -o br0 -j DROP")) == ["firewall_drops"]
    assert len(found(filtered(facts, "-A OUTPUT -d 10.0.0.12/32 -o br0 -j DROP"))) == 1
    doubtful = filtered(facts, ":OUTPUT DROP", "-A OUTPUT -m owner --uid-owner 0 -j ACCEPT")
    assert (found(doubtful), list(left_open(doubtful))) == ([], ["firewall_drops"])


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
    facts = Facts(
        snapshot=snapshot,
        wishes=Wishes(real_server_for=(VIRTUAL,)),
        without_arp=frozenset(["wg0"] if silent else []),
    )
    assert found(facts) == ([] if silent else ["arp_ignore", "arp_announce"])


#: A real server of direct routing, with Docker.
REAL = Facts(
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


@pytest.mark.parametrize(
    ("wishes", "barred", "ids"),
    [
        (Wishes(), None, []),
        (Wishes(real_server_for=(VIRTUAL,)), "there is no module", ["address_missing"]),
        (Wishes(owner="tasks"), None, ["ipvs_missing"]),
        (Wishes(owner="keepalived"), "there is no module", ["ipvs_missing"]),
        (Wishes(schedulers=("mh",)), None, ["ipvs_missing"]),
    ],
)
def test_a_kernel_without_ipvs(wishes, barred, ids):
    facts = Facts(ipvs=False, ipvs_barred=barred, wishes=wishes)
    findings = examine(CHECKS, facts)[0]
    assert [each["id"] for each in findings] == ids
    for each in findings:
        if each["id"] == "ipvs_missing":
            assert (each["task"] is None) == bool(barred), "a module that cannot be had cannot be loaded"
    assert ("ipvs_missing" in left_open(facts)) == ("ipvs_missing" not in ids)


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A kernel's folder of modules, and what modprobe(8) says there."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "modules.builtin").write_text("kernel/net/netfilter/ip_vs_built.ko\n")
    (folder / "modules.dep").write_text("kernel/net/ip_vs_a.ko.xz: kernel/net/ip_vs.ko.xz\nkernel/net/ip-vs-b.ko:\n")
    monkeypatch.setattr(modules, "_folder", lambda: str(folder))
    said = SimpleNamespace(lines="insmod /lib/x.ko", folder=folder)
    monkeypatch.setattr(modules, "saved", lambda run, *words: said.lines)
    return said


def barred(name):
    return modules.barred(lambda *words, **options: (0, "", ""), name)


def test_modules_that_the_kernel_can_have(kernel):
    assert [barred(name) for name in ("ip_vs_built", "ip_vs_a", "ip_vs_b")] == [None] * 3
    assert barred("ip_vs_c") == "there is no module ip_vs_c in %s" % kernel.folder
    assert modules.there("ip_vs_built")
    assert not modules.there("ip_vs_a")


@pytest.mark.parametrize(
    ("lines", "is_barred"),
    [
        ("install /bin/false", True),
        ("insmod /lib/ip_vs.ko\ninstall /usr/bin/true \n", True),
        ("install /sbin/modprobe --ignore-install ip_vs_a && logger loaded", False),
        ("install true && /sbin/modprobe --ignore-install ip_vs_a", False),
        ("builtin ip_vs\ninsmod /lib/ip_vs_a.ko hash=1", False),
        (None, False),  # no modprobe there
    ],
)
def test_modules_that_modprobe_d_bars(kernel, lines, is_barred):
    kernel.lines = lines
    assert (barred("ip_vs_a") is not None) == is_barred


def test_nobody_can_say_without_the_modules_at_hand(kernel):
    (kernel.folder / "modules.dep").unlink()
    assert barred("ip_vs_c") is None


def test_ignored_checks_are_said_to_be():
    facts = switched(HEALTHY, net_ipv4_vs_conn_reuse_mode="0")
    assert found(facts, ignore=["conn_reuse_off"]) == []
    _findings, checked, left = examine(CHECKS, facts, ["conn_reuse_off"])
    assert "conn_reuse_off" not in checked
    assert dict(id="conn_reuse_off", reason="it is in 'ignore'", left_open=False) in left


@pytest.mark.parametrize(
    ("netns", "module", "options"),
    [
        (None, "ansible.posix.sysctl", dict(name="net.ipv4.ip_forward", value="1", sysctl_set=True)),
        ("blue", "linuxnet.ipvs.netns", dict(name="blue", sysctl={"net.ipv4.ip_forward": 1})),
        (
            "/proc/12/ns/net",
            "ansible.builtin.command",
            dict(argv=["nsenter", "--net=/proc/12/ns/net", "sysctl", "--write", "net.ipv4.ip_forward=1"]),
        ),
    ],
)
def test_tasks_name_the_namespace(netns, module, options):
    facts = switched(replace(HEALTHY, netns=netns), net_ipv4_conf_br0_forwarding="0", net_ipv4_ip_forward="0")
    ((finding,), _checked, _skipped) = examine(CHECKS, facts)
    assert finding["task"] == {"name": "Set net.ipv4.ip_forward", module: options}


def test_every_check_is_described():
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    assert {check.severity for check in CHECKS} <= set(SEVERITIES)
    assert all(check.what.endswith(".") and check.where and check.source for check in CHECKS)
