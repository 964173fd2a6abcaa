# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets for kernels and programs of other ages, with any name, and what keeps a set from going."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from kernel_sets import NETNS, TYPES, Sets
from node import Failed

#: The lowest revision that ipset(8) has for every entry of a type (lib/ipset_*.c of ipset); else 0.
LOWEST = {"hash:ip,port": 1, "hash:ip,port,ip": 1, "hash:ip,port,net": 3, "hash:net": 2}
LOWEST.update({"hash:net,iface": 2, "hash:net,port": 3})


def revision(sets: Sets, name: str) -> int:
    """The revision of a set."""
    (found,) = re.findall(r"^Revision: (\d+)$", sets.ipset("list", "-terse", name), re.MULTILINE)
    return int(found)


def test_sets_of_the_lowest_revision(sets: Sets, types: list[str]) -> None:
    """So that an ipset(8) which is older than the kernel lists them."""
    for number, kind in enumerate(types):
        needed = dict(zip(TYPES[kind][::2], TYPES[kind][1::2], strict=True))
        sets.run("ipset", name=str(number), type=kind, **needed)
        assert revision(sets, str(number)) == LOWEST.get(kind, 0), kind
    sets.run("ipset", name="more", type="hash:ip", counters=True, skbinfo=True)
    assert revision(sets, "more") == 4


def test_a_set_keeps_its_revision(sets: Sets, masks: bool) -> None:
    for low in (True, False):
        sets.clear()
        if low:
            sets.run("ipset", name="kept", type="hash:ip", timeout=0)
        else:
            sets.ipset("create", "kept", "hash:ip", "timeout", "0")
        before = revision(sets, "kept")
        assert low == (before == 0)
        sets.module("ipset_entry", name="kept", entries=["10.0.0.1"], purge=True, atomic=True)
        sets.module("ipset", name="kept", type="hash:ip", maxelem=9, recreate=True)
        assert revision(sets, "kept") == before
        if masks:
            sets.module("ipset", name="kept", type="hash:ip", bitmask="255.0.255.0", recreate=True)
            assert revision(sets, "kept") == 6


def test_a_seed_is_for_new_sets_only(sets: Sets) -> None:
    sets.ipset("create", "here", "hash:ip", "initval", "0x1")
    (found,) = sets.run("ipset_info")["sets"]
    assert found["initval"] == 1
    sets.ipset("destroy", "here")
    sets.ipset("create", "here", "hash:ip", "initval", "0x2")
    assert not sets.module("ipset", **found)["changed"]
    assert not sets.module("ipset", **found, recreate=True)["changed"]
    assert "initval 0x00000002" in sets.ipset("save", "here")
    sets.module("ipset", **{**found, "name": "new"})
    assert "initval 0x00000001" in sets.ipset("save", "new")


NAMES = ["np-a;b", "a*", "ab", "a b", 'a"b', "\u00fc", "$x", "~", "a\tb"]


@pytest.fixture
def named(sets: Sets) -> Iterator[Sets]:
    """The namespace, with a set of each name, and all of them in a list."""
    for name in NAMES:
        sets.ipset("create", name, "hash:ip")
        sets.ipset("add", name, "10.0.0.1")
    sets.ipset("create", "all", "list:set")
    for name in NAMES:
        sets.ipset("add", "all", name)
    sets.command("sh", "-c", """ipset create "$(printf 'b\\377')" hash:ip""")
    yield sets
    sets.ipset("flush")
    sets.ipset("destroy")


def test_any_name(named: Sets) -> None:
    """The kernel takes them all, so whatever is there can be fed back."""
    found = {each["name"]: each for each in named.run("ipset_info")["sets"]}
    names = [*NAMES, r"b\xff"]
    assert {*names, "all"} == set(found)
    for each in found.values():
        assert not named.module("ipset", **each, purge_entries=True)["changed"]
        assert not named.module("ipset_entry", name=each["name"], entries=each["entries"], purge=True)["changed"]
    assert [each["name"] for each in named.run("ipset_info", names=["a*"])["sets"]] == ["a*"]
    assert {each["name"] for each in named.run("ipset_info", names=["a?"])["sets"]} == {"a*", "ab"}
    # In one moment, under a temporary name made of that one.
    for name in names:
        named.module("ipset_entry", name=name, entries=["10.0.0.2"], purge=True, atomic=True)
    named.module("ipset", name="all", state="absent")
    for name in names:
        assert named.module("ipset", name=name, state="absent")["changed"]
    assert named.ipset("list", "-name") == ""


def test_entries_of_which_no_timeout_is_said_start_again(sets: Sets) -> None:
    """As with ``ipset -exist add``."""
    sets.ipset("create", "block", "hash:ip", "timeout", "100", "comment")
    sets.ipset("add", "block", "10.0.0.1", "timeout", "5", "comment", "kept")
    task: dict[str, Any] = dict(name="block", entries=["10.0.0.1"])
    assert not sets.run("ipset_entry", **task)["changed"]
    result = sets.run("ipset_entry", **task, refresh_timeouts=True)
    assert result["updated"] == ['10.0.0.1 timeout 100 comment "kept"']
    (entry,) = sets.ipset("save", "block").splitlines()[1:]
    assert int(entry.split()[4]) > 90
    assert 'comment "kept"' in entry


def test_a_member_goes_at_once_behind_its_list(sets: Sets) -> None:
    """Though the kernel takes the memory of a set back later."""
    sets.ipset("restore", stdin="create in hash:ip\ncreate list list:set\nadd list in\n")
    with pytest.raises(Failed, match="set 'in' is in use: take it out of the list 'list' first"):
        sets.module("ipset", name="in", state="absent")
    sets.run("ipset", name="list", state="absent")
    sets.run("ipset", name="in", state="absent")
    assert sets.ipset("list", "-name") == ""


def test_a_list_holds_what_ran_out_for_a_while(sets: Sets) -> None:
    sets.ipset("restore", stdin="create in hash:ip\ncreate list list:set timeout 600\nadd list in timeout 1\n")
    time.sleep(1.5)
    assert sets.saved("list")[1:] == []
    with pytest.raises(Failed, match=r"set 'in' is in use: an entry of the list 'list' that ran out .* 180 s"):
        sets.run("ipset", name="in", state="absent")
    assert sets.node.module("ipset", netns=NETNS, name="in", state="absent", check=True)["changed"]
