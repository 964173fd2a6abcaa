# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rules for forwarding are missing, and in front of what they go."""

from __future__ import annotations

import json

import pytest

from ansible_collections.linuxnet.ipvs.plugins.filter.forward_rules import (
    forward_chains,
    forward_drops,
    forward_rules,
)

POLICY, REJECT = "-P FORWARD ACCEPT", "-A FORWARD -j REJECT --reject-with icmp-host-prohibited"
IN, OUT = "-A FORWARD -i br -j ACCEPT", "-A FORWARD -o br -j ACCEPT"
OTHER = "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"

BOTH_BEHIND_1, BOTH_BEHIND_2 = ([("-i", place, True), ("-o", place, True)] for place in (1, 2))


def wrong(*lines, state="present"):
    found = forward_rules([dict(family="ipv4", stdout_lines=[POLICY, *lines])], "br", state)
    return [(each["option"], each["place"], each["behind"]) for each in found]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], [("-i", None, False), ("-o", None, False)]),
        ([OTHER, IN, OUT], []),
        ([IN], [("-o", None, False)]),
        ([OTHER, REJECT], [("-i", 2, False), ("-o", 2, False)]),
        ([OTHER, "-A FORWARD -j DROP"], [("-i", 2, False), ("-o", 2, False)]),
        ([IN, REJECT, OUT], [("-o", 2, True)]),
        ([REJECT, IN, OUT], [("-i", 1, True), ("-o", 1, True)]),
        ([IN, OUT, REJECT], []),
        ([IN, OUT, REJECT, IN, OUT], []),
        # One that has a match does not end every packet's way.
        (["-A FORWARD -s 198.51.100.0/24 -j DROP", IN, OUT], []),
        (["-A FORWARD -j DOCKER-USER", IN, OUT], []),
        # A chain from which no packet comes back is an end, and so is one that FORWARD goes to for good.
        (
            ["-A FORWARD -j FW", IN, OUT, "-A FW -s 198.51.100.0/24 -j ACCEPT", "-A FW -j DROP"],
            [("-i", 1, True), ("-o", 1, True)],
        ),
        (
            [OTHER, "-A FORWARD -j FW", IN, OUT, "-A FW -g LAST", "-A LAST -j LOG", "-A LAST -j REJECT"],
            [("-i", 2, True), ("-o", 2, True)],
        ),
        (["-A FORWARD -g FW", IN, OUT, "-A FW -s 198.51.100.0/24 -j DROP"], BOTH_BEHIND_1),
        (['-A FORWARD -m comment --comment "the rest" -j DROP', IN, OUT], BOTH_BEHIND_1),
        # From these one comes back.
        (["-A FORWARD -j FW", IN, OUT, "-A FW -s 198.51.100.0/24 -j DROP"], []),
        (["-A FORWARD -j FW", IN, OUT, "-A FW -j RETURN", "-A FW -j DROP"], []),
        (["-A FORWARD -j FW", IN, OUT, "-A FW -g LAST", "-A FW -j DROP", "-A LAST -j LOG"], []),
        (["-A FORWARD -i eth0 -j FW", IN, OUT, "-A FW -j DROP"], []),
        # What accepts every packet drops none.
        (["-A FORWARD -j ACCEPT", IN, OUT], []),
        (["-A FORWARD -i br0 -j ACCEPT"], [("-i", None, False), ("-o", None, False)]),
    ],
)
def test_what_is_missing_goes_in_front_of_the_end(lines, expected):
    assert wrong(*lines) == expected


def test_what_is_to_go_goes_wherever_it_stands():
    assert wrong(REJECT, IN, state="absent") == [("-i", None, False)]
    assert wrong(REJECT, state="absent") == []


def chain(name="filter_FORWARD", family="inet", table="firewalld", hook="forward", policy="accept"):
    return {"chain": {"family": family, "table": table, "name": name, "hook": hook, "prio": 10, "policy": policy}}


def rule(*expressions):
    return {"rule": {"family": "inet", "table": "firewalld", "chain": "filter_FORWARD", "expr": expressions}}


def printed(*objects):
    return json.dumps({"nftables": [{"metainfo": {"version": "1.0.6"}}, *objects]})


MATCH = {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}
REJECTED = ({"counter": {"packets": 0, "bytes": 0}}, {"reject": {"type": "icmpx", "expr": "admin-prohibited"}})


def test_chains_beside_iptables_that_see_what_is_forwarded():
    text = printed(
        chain("FORWARD", "ip", "filter"),
        chain("FORWARD", "ip6", "filter"),
        chain("filter_INPUT", hook="input"),
        {"chain": {"family": "inet", "table": "firewalld", "name": "a_user_chain"}},
        chain("fw", family="bridge"),
        chain(),
    )
    assert forward_chains(text) == [{"family": "inet", "table": "firewalld", "name": "filter_FORWARD"}]
    assert forward_chains("") == forward_chains("Error: JSON support not compiled-in") == []


@pytest.mark.parametrize(
    ("objects", "drops"),
    [
        ([chain(policy="drop")], True),
        ([chain(), rule(MATCH, {"accept": None}), rule(*REJECTED)], True),
        ([chain(), rule({"drop": None})], True),
        ([chain()], False),
        ([chain(), rule(MATCH, {"drop": None})], False),
        ([chain(policy="drop"), rule(MATCH, {"drop": None}), rule({"accept": None})], False),
        ([chain(), rule({"jump": {"target": "zones"}})], False),
    ],
)
def test_a_chain_that_drops_what_it_does_not_accept(objects, drops):
    words = "filter_FORWARD of the table firewalld (IPv4 and IPv6)"
    assert forward_drops([printed(*objects)]) == [words] * drops
