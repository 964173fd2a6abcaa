# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The masquerade rule in the words of iptables."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SetHeader, SetType
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.masquerade import (
    refuse_other_sets,
    rule,
    rule_family,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.masquerade_iptables import changes
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.saved import tables

NOTHING = dict.fromkeys(("source", "match_set", "out_interface", "family", "comment"))
LOOP = dict(name="LOOP", directions=["dst", "dst", "src"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (dict(source="10.0.0.0/24"), "-s 10.0.0.0/24 -j MASQUERADE"),
        (dict(source="0.0.0.0/0", out_interface="eth0"), "-o eth0 -j MASQUERADE"),
        (dict(match_set=LOOP), "-m set --match-set LOOP dst,dst,src -j MASQUERADE"),
        (
            dict(source="fd00:0::/64", out_interface="eth0", match_set=LOOP, comment="why"),
            "-s fd00::/64 -o eth0 -m set --match-set LOOP dst,dst,src -m comment --comment why -j MASQUERADE",
        ),
    ],
)
def test_the_rules_words_are_those_that_iptables_saves(options, words):
    assert " ".join(rule(dict(NOTHING, **options))) == words


@pytest.mark.parametrize(
    ("options", "family"),
    [
        ({}, "inet"),
        (dict(family="inet6"), "inet6"),
        (dict(source="fd00::/64"), "inet6"),
        (dict(source="10.0.0.0/8"), "inet"),
    ],
)
def test_the_family_follows_the_source(options, family):
    assert rule_family(dict(NOTHING, **options)) == family


@pytest.mark.parametrize(
    "options",
    [
        {},
        dict(comment="all"),
        dict(source="10.0.0.1/24"),
        dict(source="x"),
        dict(source="0.0.0.0/0"),
        dict(source="::/0", comment="all"),
        dict(out_interface="a/b"),
        dict(out_interface="!docker0"),
        dict(out_interface="veth0@if5"),
        dict(out_interface="veth0@veth1"),
        dict(out_interface="eth*"),
        dict(out_interface="+"),
        dict(match_set=dict(name="LOOP", directions=[])),
        dict(match_set=dict(name="LOOP", directions=["src"] * 7)),
        dict(match_set=dict(name="A B", directions=["src"])),
        dict(comment=""),
        dict(comment="x" * 256),
        dict(comment="a\nb"),
    ],
)
def test_rules_that_are_none(options):
    with pytest.raises(InvalidOption):
        rule(dict(NOTHING, **options))


def test_a_rule_of_one_family_with_a_source_of_the_other():
    with pytest.raises(InvalidOption, match="source: "):
        rule_family(dict(NOTHING, family="inet6", source="10.0.0.0/8"))


def matching(directions, **options):
    return dict(NOTHING, match_set=dict(name="LOOP", directions=directions), **options)


@pytest.mark.parametrize(
    ("kind", "family", "options"),
    [
        ("hash:ip,port,ip", "inet", matching(["dst", "dst", "src"])),
        ("hash:ip", "inet", matching(["dst", "dst", "src"])),
        ("hash:ip,port,ip", "inet6", matching(["dst", "dst", "src"], family="inet6")),
        ("hash:ip,port,ip", "inet6", matching(["dst", "dst", "src"], source="fd00::/64")),
        ("hash:mac", "unspec", matching(["src"], family="inet6")),
        ("list:set", "unspec", matching(["src"], family="inet6")),
    ],
)
def test_sets_that_a_packet_can_match(kind, family, options):
    refuse_other_sets(options, SetHeader("LOOP", SetType(kind, family)))


@pytest.mark.parametrize(
    ("kind", "family", "options", "words"),
    [
        ("hash:ip,port,ip", "inet", matching(["dst", "dst"]), r"directions: 'dst,dst' .* its 3 parts"),
        ("bitmap:ip,mac", "inet", matching(["src"]), "its 2 parts"),
        ("hash:ip", "inet6", matching(["dst"]), "family: 'inet' is not valid: set 'LOOP' is of family inet6"),
        ("bitmap:ip", "inet", matching(["dst"], source="fd00::/64"), "family: 'inet6' is not valid"),
    ],
)
def test_sets_that_no_packet_can_match(kind, family, options, words):
    with pytest.raises(InvalidOption, match=words):
        refuse_other_sets(options, SetHeader("LOOP", SetType(kind, family)))


SAVED = r"""
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o eth+ -j MASQUERADE
-A POSTROUTING -m comment --comment "it\'s \"ours\"" -m set --match-set LOOP dst,dst,src -j MASQUERADE
-A POSTROUTING -m set --match-set LOOP dst,dst,src -j MASQUERADE --random-fully
-A POSTROUTING ! -s 10.0.0.0/24 -o eth0 -j MASQUERADE
-A POSTROUTING -s 10.0.0.0/24 -j LOG --log-prefix "-j MASQUERADE"
-A POSTROUTING -s ::ffff:10.0.0.1/128 -j MASQUERADE
COMMIT
"""


@pytest.mark.parametrize(
    ("options", "there"),
    [
        (dict(out_interface="eth+"), "-o eth+ -j MASQUERADE"),
        (
            dict(match_set=LOOP, comment='it\'s "ours"'),
            r'-m comment --comment "it\'s \"ours\"" -m set --match-set LOOP dst,dst,src -j MASQUERADE',
        ),
        (dict(source="::ffff:10.0.0.1"), "-s ::ffff:10.0.0.1/128 -j MASQUERADE"),
        (dict(match_set=LOOP), None),
        (dict(source="10.0.0.0/24"), None),
        (dict(source="10.0.0.0/24", out_interface="eth0"), None),
        (dict(match_set=LOOP, comment="ours"), None),
    ],
)
def test_a_rule_is_found_whatever_the_order_of_its_matches(options, there):
    saved, words = tables(SAVED)["nat"], rule(dict(NOTHING, **options))
    gone = changes(saved, words, present=False)
    assert gone == (("-D POSTROUTING %s" % there,) if there else ())
    assert bool(changes(saved, words, present=True)) == (there is None)


def test_each_copy_goes():
    rules = "-A POSTROUTING -o eth0 -j MASQUERADE\n" * 2
    saved = tables("*nat\n:POSTROUTING ACCEPT [0:0]\n%sCOMMIT\n" % rules)["nat"]
    gone = changes(saved, rule(dict(NOTHING, out_interface="eth0")), present=False)
    assert gone == ("-D POSTROUTING -o eth0 -j MASQUERADE",) * 2
