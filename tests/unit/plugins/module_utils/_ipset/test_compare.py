# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which entries differ."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries import Wish
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries_plan import plan_contents, plan_no_entries
from ansible_collections.linuxnet.ipvs.tests.unit.plugins.module_utils._ipset.cases import (
    HAVE,
    A,
    B,
    C,
    changes,
    have_set,
    header,
    only,
)


def test_entries_are_added_and_with_purge_others_go():
    assert changes(plan_contents(HAVE, Wish([A, B, A]))) == [("add", [A])]
    assert changes(plan_contents(HAVE, Wish([A, B], purge=True))) == [("add", [A]), ("delete", [C])]
    assert changes(plan_contents(HAVE, Wish([], purge=True))) == [("delete", [B, C])]
    assert changes(plan_contents(HAVE, Wish([]))) == []
    assert changes(plan_no_entries(HAVE, [A, B, B])) == [("delete", [B])]
    assert changes(plan_no_entries(HAVE, [A])) == []


def test_contents_in_one_moment():
    outcome = plan_contents(HAVE, Wish([A, B], purge=True, atomic=True))
    assert changes(outcome) == [("create", []), ("add", [B, A]), ("swap", []), ("destroy", [])]
    assert not plan_contents(HAVE, Wish([B, C], purge=True, atomic=True)).plan.changed


def test_the_diff_of_entries_shows_what_changes():
    plan = plan_contents(HAVE, Wish([A, B], purge=True)).plan
    assert (plan.before, plan.after) == (dict(entries=[C]), dict(entries=[A]))
    plan = plan_contents(HAVE, Wish([B])).plan
    assert plan.before == plan.after == {}


FULL = header("hash:net", timeout=60, counters=True, comment=True, skbinfo=True)


CARRIED = "10.0.0.1 timeout 7 packets 1 bytes 2 comment x skbmark 0x1 skbqueue 3 nomatch"


@pytest.mark.parametrize(
    ("item", "refresh", "updated"),
    [
        (CARRIED, False, None),
        ("10.0.0.1 nomatch", False, None),
        ("10.0.0.1 timeout 50 packets 9 bytes 9 nomatch", False, None),
        ("10.0.0.1 timeout 7 nomatch", True, None),
        ("10.0.0.1 timeout 50 nomatch", True, CARRIED.replace("timeout 7", "timeout 50")),
        ("10.0.0.1 timeout 0 nomatch", False, CARRIED.replace("timeout 7", "timeout 0")),
        ("10.0.0.1", False, CARRIED.replace(" nomatch", "")),
        ("10.0.0.1 comment y nomatch", False, CARRIED.replace("comment x", "comment y")),
        ('10.0.0.1 comment "" nomatch', False, CARRIED.replace(" comment x", "")),
        ("10.0.0.1 skbmark 0x1/0xff nomatch", False, CARRIED.replace("0x1", "0x1/0xff")),
        ("10.0.0.1 skbprio 0:0 nomatch", False, None),
        ("10.0.0.1 skbprio 1:0 nomatch", False, CARRIED.replace("skbqueue", "skbprio 1:0 skbqueue")),
    ],
)
def test_when_an_entry_differs(item, refresh, updated):
    outcome = plan_contents(have_set(FULL, CARRIED), Wish([item], refresh=refresh))
    assert outcome.plan.changed == (updated is not None)
    if updated is not None:
        expected = only(FULL, updated)
        assert only(FULL, outcome.updated[0])[1] == expected[1]
        (add,) = outcome.plan.operations
        # In place the kernel goes on counting.
        (sent,) = add.entries.values()
        assert (sent.packets, sent.bytes) == (None, None)


def test_a_permanent_entry_that_shall_expire():
    outcome = plan_contents(have_set(FULL, "10.0.0.1 timeout 0"), Wish(["10.0.0.1 timeout 5"]))
    assert outcome.updated == ["10.0.0.1 timeout 5"]
