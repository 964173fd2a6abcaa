# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of both back ends of iptables and of nftables, put together as the node has them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from doctor_node import HEALTHY, found, left_open

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.catalogue import CHECKS
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.chains import BaseChain
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import examine
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.rules import rules_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import parse

#: As iptables-nft-save 1.8.9 shows ``nft add rule ip filter INPUT ip saddr @s drop``.
WITHOUT_ITS_SET = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j DROP\nCOMMIT\n"
NAT = "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -m set --match-set LOOP dst,dst,src -j MASQUERADE\nCOMMIT\n"


def chain(family, table, name, hook="input", policy="accept", kind="filter", priority=0):
    return {
        "chain": dict(family=family, table=table, name=name, type=kind, hook=hook, prio=priority, policy=policy),
    }


def rule(family, table, name, *expr, handle=1):
    return {"rule": dict(family=family, table=table, chain=name, handle=handle, expr=list(expr))}


def source(value):
    return {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": value}}


def to(value):
    return {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": value}}


NATIVE = [
    {"set": dict(family="ip", table="filter", name="s", elem=["198.51.100.9"])},
    chain("ip", "filter", "INPUT"),
    rule("ip", "filter", "INPUT", source("@s"), {"drop": None}),
    chain("ip", "nat", "POSTROUTING", "postrouting", kind="nat", priority=100),
    rule("ip", "nat", "POSTROUTING", {"xt": {"type": "match", "name": "set"}}, {"xt": None}),
]


def seen(newer, *, older="", chains=(), native=None, told=None, written=""):
    document = None if told is None else {"nftables": told}
    rules = rules_of("inet", newer, older, chains, native or {}, document, written)
    return replace(HEALTHY, rules={"inet": rules})


def test_a_rule_that_asks_for_a_set_is_no_drop_of_everything():
    without_nft = seen(WITHOUT_ITS_SET + NAT, native={("ip", "filter", "INPUT"): [True]})
    assert found(without_nft) == []
    assert "-A INPUT -j DROP (and what iptables does not show)" in left_open(without_nft)["firewall_drops"]
    with_nft = seen(WITHOUT_ITS_SET + NAT, told=NATIVE)
    assert (found(with_nft), left_open(with_nft)) == ([], {})
    # What iptables has made itself is read as before.
    assert found(seen(WITHOUT_ITS_SET + NAT, native={("ip", "filter", "INPUT"): [False]})) == ["firewall_drops"]


def test_a_native_rule_is_blamed_by_its_own_text():
    told = [
        *NATIVE,
        chain("inet", "fw", "input"),
        rule("inet", "fw", "input", to("10.100.100.100"), {"drop": None}, handle=9),
    ]
    written = (
        "table inet fw { # handle 2\n\tchain input { # handle 1\n\t\tip daddr 10.100.100.100 drop # handle 9\n\t}\n}\n"
    )
    facts = seen(NAT, told=told, written=written)
    assert found(facts) == ["firewall_drops"]
    ((finding,), _checked, _not_checked) = examine(CHECKS, facts)
    assert finding["subject"] == "input: ip daddr 10.100.100.100 drop (chain input of table inet fw)"
    assert finding["task"]["ansible.builtin.command"]["argv"] == [
        *("nft", "insert", "rule", "inet", "fw", "input"),
        *("ip", "daddr", "10.100.100.100", "tcp", "dport", "80", "accept"),
    ]


@pytest.mark.parametrize(
    ("match", "shown", "subject"),
    [
        (to("10.100.100.100"), "-d 10.100.100.100/32 ", "INPUT: -A INPUT -d 10.100.100.100/32 -j DROP"),
        (to("@ours"), "", "INPUT: ip daddr @ours counter drop (chain INPUT of table ip filter)"),
    ],
)
def test_a_rule_of_iptables_is_blamed_by_its_own_text(match, shown, subject):
    """Unless it asks for what iptables does not show; iptables-nft 1.8.9 makes the first one without xtables."""
    told = [
        {"set": dict(family="ip", table="filter", name="ours", elem=["10.100.100.100"])},
        chain("ip", "filter", "INPUT"),
        rule("ip", "filter", "INPUT", match, {"counter": {"packets": 1, "bytes": 60}}, {"drop": None}),
    ]
    written = "table ip filter {\n\tchain INPUT {\n\t\tip daddr @ours counter drop # handle 1\n\t}\n}\n"
    saved = NAT + "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT %s-j DROP\nCOMMIT\n" % shown
    ((finding,), _checked, _not_checked) = examine(CHECKS, seen(saved, told=[*NATIVE[-2:], *told], written=written))
    assert (finding["id"], finding["subject"]) == ("firewall_drops", subject)


@pytest.mark.parametrize(("policy", "ids"), [("accept", []), ("drop", ["firewall_drops"])])
def test_firewalld_is_read_and_not_written(policy, ids):
    told = [*NATIVE, chain("inet", "firewalld", "filter_FORWARD", "forward", policy, priority=10)]
    facts = seen(NAT, told=told)
    assert (found(facts), left_open(facts)) == (ids, {})


@pytest.mark.parametrize(
    ("newer", "told", "ids", "is_open"),
    [
        # iptables-nft-save is not there, and the back end in use is the other one
        (None, None, [], True),
        ("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n", None, ["firewall_drops"], False),
        ("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n", [chain("ip", "filter", "FORWARD", "forward", "drop")], None, False),
    ],
)
def test_rules_of_the_back_end_that_is_not_in_use(newer, told, ids, is_open):
    """``iptables`` is the older one, and somebody did ``iptables-nft --policy FORWARD DROP``."""
    chains = [BaseChain("ip", "filter", "FORWARD", "filter", 2, False)]
    facts = seen(newer, older=NAT, chains=chains, told=told)
    assert found(facts) == (["firewall_drops"] if ids is None else ids)
    assert ("firewall_drops" in left_open(facts)) == is_open


def test_both_back_ends_decide():
    newer = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 10.9.0.0/16 -j DROP\nCOMMIT\n"
    older = NAT + "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -d 10.100.100.100/32 -j DROP\nCOMMIT\n"
    assert found(seen(newer, older=older)) == ["firewall_drops"]
    assert found(seen(newer, older=NAT)) == []
    assert "iptables-legacy-save" in left_open(seen(newer + NAT, older=None))["firewall_drops"]


def test_other_tables_than_filter_drop_too():
    facts = seen(NAT + "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 10.100.100.100/32 -j DROP\nCOMMIT\n")
    assert found(facts) == ["firewall_drops"]
    raw = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m conntrack --ctstate NEW -j DROP\nCOMMIT\n"
    assert found(seen(NAT + raw)) == []


def test_a_native_rule_masquerades():
    told = [
        chain("inet", "mine", "out", "postrouting", kind="nat", priority=100),
        rule("inet", "mine", "out", to({"prefix": {"addr": "10.0.0.0", "len": 24}}), {"masquerade": None}),
    ]
    facts = seen("", told=told)
    assert (found(facts), left_open(facts)) == ([], {})
    assert parse("") == {}
    assert found(seen("", told=told[:1])) == ["loopback_rule_missing"]
