# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole chains: from what the kernel has and what a task wishes to lines for iptables-restore."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.chains import ChainKey, JumpWish, wish_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.chains_plan import (
    plan,
    rearranged,
    respelled,
    target,
    unspelled,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.saved import tables
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.spelling import sets_of, trial

SAVED = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:MINE - [0:0]
:MINE-OLD - [0:0]
:THEIRS - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -s 10.0.0.0/8 -j MINE
-A INPUT -j MINE-OLD
-A MINE -s 10.0.0.1/32 -j DROP
-A THEIRS -m comment --comment "-j MINE" -j RETURN
-A THEIRS -m comment --comment "so it goes" -g MINE-OLD
COMMIT
"""
HAVE = {"ipv4": tables(SAVED)}


def wish(chains=(), jumps=(), **options):
    where = dict(family="ipv4", table="filter")
    given = dict(
        chains=[dict(where, rules=None, **each) if "rules" not in each else dict(where, **each) for each in chains],
        jumps=[
            dict(where, position="first", **each) if "position" not in each else dict(where, **each) for each in jumps
        ],
        purge=False,
        scope=None,
        state="present",
    )
    return wish_of(dict(given, **options))


def lines(wanted):
    return [line for change in plan(wanted, HAVE).operations for line in change.lines]


def test_what_is_there_is_no_change():
    wanted = wish([dict(chain="MINE", rules=["-s 10.0.0.1/32 -j DROP"])], [dict(chain="INPUT", rule="-i lo -j ACCEPT")])
    assert not plan(wanted, HAVE).changed
    assert unspelled(wanted, HAVE).places() == []


def test_a_chain_that_changes_is_filled_anew_and_shown_by_the_numbers_of_its_rules():
    wanted = wish([dict(chain="MINE", rules=["-j LOG", "-s 10.0.0.1/32 -j DROP", "-j RETURN"])])
    made = plan(wanted, HAVE)
    assert made.operations[0].lines == (
        "*filter",
        ":MINE - [0:0]",
        "-A MINE -j LOG",
        "-A MINE -s 10.0.0.1/32 -j DROP",
        "-A MINE -j RETURN",
        "COMMIT",
    )
    assert made.before == {"chains": {"ipv4 filter MINE": {}}}
    assert made.after == {"chains": {"ipv4 filter MINE": {"1": "-j LOG", "3": "-j RETURN"}}}


def test_what_is_purged_goes_with_each_rule_that_leads_there():
    wanted = wish([dict(chain="MINE")], purge=True, scope=dict(chains=["MINE*"], families=None, tables=None))
    assert lines(wanted) == [
        "*filter",
        ":MINE-OLD - [0:0]",
        "-D INPUT -s 10.0.0.0/8 -j MINE",
        "-D INPUT -j MINE-OLD",
        '-D THEIRS -m comment --comment "so it goes" -g MINE-OLD',
        "-X MINE-OLD",
        "COMMIT",
    ]
    made = plan(wanted, HAVE)
    assert made.before["chains"] == {"ipv4 filter MINE-OLD": {}}
    assert made.operations[0].after[ChainKey("ipv4", "filter", "MINE-OLD")] is None


def test_absent_takes_what_is_listed_and_no_more():
    assert lines(wish([dict(chain="MINE"), dict(chain="NEVER")], state="absent")) == [
        "*filter",
        ":MINE - [0:0]",
        "-D INPUT -s 10.0.0.0/8 -j MINE",
        "-X MINE",
        "COMMIT",
    ]


@pytest.mark.parametrize(
    ("text", "leads_to"),
    [
        ("-s 10.0.0.1/32 -j DROP", "DROP"),
        ('-m comment --comment "-j MINE" -j RETURN', "RETURN"),
        ("-g MINE", "MINE"),
        ('-m comment --comment "a b"', ""),
        ("", ""),
    ],
)
def test_the_target_is_no_word_of_a_comment(text, leads_to):
    assert target(text) == leads_to


A, B, LAST = (JumpWish(ChainKey("ipv4", "filter", "INPUT"), f"-j {name}", "first") for name in ("A", "B", "LAST"))
LAST = LAST._replace(position="last")
ANYWHERE = A._replace(position="anywhere")


@pytest.mark.parametrize(
    ("old", "mine", "new", "done"),
    [
        ([], [A, B], ["-j A", "-j B"], ["-I X 1 -j B", "-I X 1 -j A"]),
        (["-j A", "-j B", "-j C"], [A, B], ["-j A", "-j B", "-j C"], []),
        (["-j B", "-j A"], [A, B], ["-j A", "-j B"], ["-D X -j B", "-D X -j A", "-I X 1 -j B", "-I X 1 -j A"]),
        (["-j A", "-j C", "-j A"], [A], ["-j A", "-j C"], ["-D X -j A", "-D X -j A", "-I X 1 -j A"]),
        (["-j LAST", "-j C"], [LAST], ["-j C", "-j LAST"], ["-D X -j LAST", "-A X -j LAST"]),
        (["-j C", "-j LAST"], [LAST], ["-j C", "-j LAST"], []),
        (["-j C"], [A, LAST], ["-j A", "-j C", "-j LAST"], ["-I X 1 -j A", "-A X -j LAST"]),
        (["-j C", "-j A"], [ANYWHERE], ["-j C", "-j A"], []),
        (["-j C"], [B, ANYWHERE], ["-j B", "-j A", "-j C"], ["-I X 1 -j B", "-I X 2 -j A"]),
        (["-j A", "-j OLD", "-j C"], [A], ["-j A", "-j C"], ["-D X -j OLD"]),
    ],
)
def test_rules_come_to_their_places(old, mine, new, done):
    assert rearranged("X", old, mine, {"OLD"}, present=True) == (tuple(new), done)
    assert rearranged("X", new, mine, {"OLD"}, present=True)[1] == []
    assert not set(rearranged("X", new, mine, set(), present=False)[0]) & {each.rule for each in mine}


def test_only_what_is_not_there_word_for_word_is_tried_and_takes_the_kernels_spelling():
    wanted = wish(
        [
            dict(chain="MINE", rules=["-s 10.0.0.1 -j THEIRS", '-m set --match-set "S" src']),
            dict(chain="NEW", rules=[]),
        ],
        [dict(chain="INPUT", rule="-i lo -j ACCEPT"), dict(chain="INPUT", rule="-j NEW --source 10.0.0.2")],
    )
    part = unspelled(wanted, HAVE)
    assert [each.key.chain for each in part.chains] == ["MINE"]
    assert sets_of(part) == sets_of(part, "ipv4") == ["S"]
    assert sets_of(part, "ipv6") == []
    assert trial(wanted, part, HAVE, "ipv4") == [
        "*filter",
        ":MINE - [0:0]",
        ":NEW - [0:0]",
        ":THEIRS - [0:0]",
        "-A MINE -s 10.0.0.1 -j THEIRS",
        '-A MINE -m set --match-set "S" src',
        "-A INPUT -j NEW --source 10.0.0.2",
        "COMMIT",
    ]
    found = "*filter\n:MINE - [0:0]\n-A INPUT -s 10.0.0.2/32 -j NEW\n-A MINE -s 10.0.0.1/32 -j THEIRS\nCOMMIT\n"
    spelled = respelled(wanted, part, {"ipv4": tables(found)})
    assert [each.rules for each in spelled.chains] == [("-s 10.0.0.1/32 -j THEIRS",), ()]
    assert [each.rule for each in spelled.jumps] == ["-i lo -j ACCEPT", "-s 10.0.0.2/32 -j NEW"]


@pytest.mark.parametrize(
    "chains",
    [
        [dict(chain="-A")],
        [dict(chain="!A")],
        [dict(chain="A B")],
        [dict(chain='A"')],
        [dict(chain="")],
        [dict(chain="RETURN")],
        [dict(chain="PREROUTING")],
        [dict(chain="A", rules=["-j B\n -X"])],
        [dict(chain="A", rules=["-j B \0"])],
        [dict(chain="A", rules=["-I A -j B"])],
        [dict(chain="A", rules=["--append A -j B"])],
        [dict(chain="A", rules=["-m comment --comment " + "x" * 10001])],
    ],
)
def test_chains_that_are_none(chains):
    with pytest.raises(InvalidOption, match=r"^chains\[0\]\."):
        wish(chains)


def test_one_changed_rule_of_many_is_shown_alone():
    many = [f"-s 10.{number >> 8}.{number & 255}.0/24 -j DROP" for number in range(5000)]
    have = {"ipv4": tables("*filter\n" + "".join(f"-A MINE {rule}\n" for rule in many) + "COMMIT\n")}
    made = plan(wish([dict(chain="MINE", rules=[*many[:2500], "-j RETURN", *many[2501:]])]), have)
    assert made.before == {"chains": {"ipv4 filter MINE": {"2501": many[2500]}}}
    assert made.after == {"chains": {"ipv4 filter MINE": {"2501": "-j RETURN"}}}
