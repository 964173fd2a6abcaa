# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rule that lets packets be forwarded, and where it has to stand."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.forward import rule, rule_family
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.forward_iptables import changes
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.forward_nftables import nft_rule
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.saved import tables

OPTIONS = dict.fromkeys(("in_interface", "out_interface", "source", "destination", "family", "comment"), None)


def options(state="present", **given):
    return dict(OPTIONS, state=state, **given)


def saved(*rules, others=""):
    chains = ":FORWARD DROP [0:0]\n:SAFE - [0:0]\n:STAGE - [0:0]\n-A SAFE -i br0 -j RETURN\n-A STAGE -j DROP\n"
    return tables("*filter\n%s%sCOMMIT\n" % (chains, "".join("-A FORWARD %s\n" % each for each in rules)))["filter"]


OURS = "-i br0 -j ACCEPT"


@pytest.mark.parametrize(
    ("rules", "lines"),
    [
        ([], ["-A FORWARD " + OURS]),
        (["-j SAFE", "-i eth9 -j DROP", "-j LOG"], ["-A FORWARD " + OURS]),
        (["-j SAFE", "-j REJECT --reject-with icmp-host-prohibited"], ["-I FORWARD 2 " + OURS]),
        (["-s 10.0.0.0/8 -j DROP"], ["-I FORWARD 1 " + OURS]),
        (["-i docker0 -j STAGE", "-j STAGE"], ["-I FORWARD 2 " + OURS]),
        (["-j RETURN"], ["-I FORWARD 1 " + OURS]),
        (["-j NFQUEUE --queue-num 0"], ["-I FORWARD 1 " + OURS]),
        (["-g SAFE"], ["-I FORWARD 1 " + OURS]),
        (["-j SAFE", OURS, "-j DROP"], []),
        (["-j DROP", OURS], ["-D FORWARD " + OURS, "-I FORWARD 1 " + OURS]),
        (["-m conntrack --ctstate ESTABLISHED -j ACCEPT", "-j DROP"], ["-I FORWARD 2 " + OURS]),
    ],
)
def test_it_stands_before_the_first_rule_that_may_end_the_way(rules, lines):
    assert list(changes(saved(*rules), options(in_interface="br0"))) == lines


def test_what_goes_is_this_rule_and_no_other():
    mark, remark = "-m mark --mark 0x1", "-m comment --comment a"
    there = saved("-j DROP", "-i br0 %s -j ACCEPT" % remark, "-i br0 %s %s -j ACCEPT" % (mark, remark), OURS)
    gone = changes(there, options("absent", in_interface="br0", comment="a"))
    assert gone == ("-D FORWARD -i br0 -m comment --comment a -j ACCEPT",)


def test_words_are_in_the_order_in_which_iptables_saves_them():
    given = options(in_interface="br+", out_interface="eth0", source="fd00::/64", destination="fd01::1", comment="it's")
    assert rule(given) == [
        *("-s", "fd00::/64", "-d", "fd01::1/128", "-i", "br+", "-o", "eth0"),
        *("-m", "comment", "--comment", "it's", "-j", "ACCEPT"),
    ]
    assert rule_family(given) == "inet6"
    made, text = nft_rule(given)
    assert text == 'forward ip6 saddr fd00::/64 ip6 daddr fd01::1 iifname "br*" oifname "eth0" accept comment "it\'s"'
    assert made.expressions[-1] == {"accept": None}


@pytest.mark.parametrize(
    "given",
    [
        dict(source="0.0.0.0/0"),
        dict(in_interface="!eth0"),
        dict(out_interface="veth0@if5"),
        dict(in_interface="br0", comment="a\nb"),
        dict(source="10.0.0.1/24"),
    ],
)
def test_rules_that_are_none(given):
    with pytest.raises(InvalidOption):
        rule(options(**given))


def test_addresses_of_two_families():
    with pytest.raises(InvalidOption, match="destination: "):
        rule_family(options(source="10.0.0.0/8", destination="fd00::/8"))
