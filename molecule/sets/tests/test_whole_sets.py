# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Large sets, sets that are in use, runs that are killed, and two runs at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from kernel_sets import NETNS, TYPES, Sets
from node import Failed, Node
from turns import second_waits

TEMPORARY = "linuxnet.ipvs~"


def names(sets: Sets) -> list[str]:
    """The names of all sets."""
    return sets.ipset("list", "-name").split()


def many(count: int, start: int = 1) -> list[str]:
    """Addresses, all different."""
    return ["10.%d.%d.%d" % (n >> 16, n >> 8 & 255, n & 255) for n in range(start, start + count)]


def test_sixty_thousand_entries(sets: Sets) -> None:
    task = dict(name="large", type="hash:ip", comment=True, entries=many(60000), purge_entries=True)
    assert len(sets.module("ipset", **task)["added"]) == 60000
    assert sets.ipset("save", "large").count("\nadd large") == 60000
    assert not sets.module("ipset", **task)["changed"]
    other = many(60000, start=1001)
    result = sets.module("ipset", **{**task, "entries": other})
    assert (len(result["added"]), len(result["deleted"])) == (1000, 1000)
    saved = {line.split()[2] for line in sets.ipset("save", "large").splitlines()[1:]}
    assert saved == set(other)
    with pytest.raises(Failed, match="holds at most 65536"):
        sets.module("ipset", **{**task, "entries": many(65537)})


def test_a_set_in_use_gets_another_shape(sets: Sets) -> None:
    sets.ipset("create", "used", "hash:ip", "counters")
    sets.ipset("add", "used", "10.0.0.1", "packets", "5", "bytes", "6")
    sets.command("iptables", "-A", "INPUT", "-m", "set", "--match-set", "used", "src", "-j", "DROP")
    try:
        with pytest.raises(Failed, match="set 'used' exists with maxelem 65536, the task wants 9"):
            sets.module("ipset", name="used", type="hash:ip", maxelem=9)
        result = sets.module("ipset", name="used", type="hash:ip", maxelem=9, recreate=True)
        assert result["diff"] == dict(before=dict(maxelem=65536), after=dict(maxelem=9, rebuilt=True))
        assert not sets.module("ipset", name="used", type="hash:ip", maxelem=9, recreate=True)["changed"]
        create, entry = sets.saved("used")
        assert "maxelem 9 counters" in create
        assert entry == "add used 10.0.0.1 packets 5 bytes 6"
        assert sets.run("ipset_info")["usage"]["used"]["references"] == 1
        assert "--match-set used src" in sets.command("iptables-save")
        with pytest.raises(Failed, match="in use"):
            sets.module("ipset", name="used", type="hash:net", recreate=True)
        with pytest.raises(Failed, match="set 'used' is in use: delete the iptables rules and list:set sets that"):
            sets.run("ipset", name="used", state="absent")
        # An earlier task of the play may be the one that deletes the rule.
        predicted = sets.node.module("ipset", netns=NETNS, name="used", state="absent", check=True)
        assert predicted["changed"]
        assert predicted["warnings"] == [
            "Set 'used' is in use. Check mode goes on as if what refers to it was deleted."
        ]
        assert sets.run("ipset", name="used", type="hash:ip", entries=["10.0.0.2"], purge_entries=True, atomic=True)
        assert sets.saved("used")[1:] == ["add used 10.0.0.2 packets 0 bytes 0"]
        assert names(sets) == ["used"]
    finally:
        sets.command("iptables", "-F", "INPUT")


def test_what_an_entry_carries_changes_in_place(sets: Sets, types: list[str]) -> None:
    """Each in turn, and nothing else with it: the set is the same one, and goes on counting."""
    create = "create many hash:net counters comment skbinfo timeout 0 initval 0x1234"
    sets.ipset("restore", stdin=create + "\nadd many 10.0.0.0/8 packets 3 bytes 4 comment old skbmark 0x1\n")
    for said, carried in (
        ("comment new", 'comment "new" skbmark 0x1'),
        ("skbmark 0x2/0xff", 'comment "new" skbmark 0x2/0xff'),
        ("skbprio 1:10 skbqueue 5", 'comment "new" skbmark 0x2/0xff skbprio 1:10 skbqueue 5'),
        ("nomatch", 'nomatch comment "new" skbmark 0x2/0xff skbprio 1:10 skbqueue 5'),
        ("", 'comment "new" skbmark 0x2/0xff skbprio 1:10 skbqueue 5'),
        ("skbmark 0x0/0x0 skbprio 0:0 skbqueue 0", 'comment "new"'),
        ('comment ""', ""),
    ):
        result = sets.module("ipset_entry", name="many", entries=["10.0.0.0/8 " + said])
        assert (len(result["updated"]), result["added"], result["deleted"]) == (1, [], [])
        create, entry = sets.ipset("save", "many").splitlines()
        assert "initval 0x00001234" in create
        assert sorted(entry.split()) == sorted(f"add many 10.0.0.0/8 timeout 0 packets 3 bytes 4 {carried}".split())
    if "hash:net,iface" in types:
        sets.ipset("restore", stdin="create wild hash:net,iface\nadd wild 10.0.0.0/8,eth\n")
        for said in ("10.0.0.0/8,eth wildcard", "10.0.0.0/8,eth"):
            result = sets.module("ipset_entry", name="wild", entries=[said])
            assert result["updated"] == result["diff"]["after"]["deleted_and_added"] == [said]
            assert sets.saved("wild")[1:] == [f"add wild {said}"]


def test_as_many_devices_as_the_kernel_takes(sets: Sets, types: list[str]) -> None:
    """One more is refused before the kernel is asked: older ones would take all memory for it."""
    if "hash:net,iface" not in types:
        pytest.skip("this kernel has no such type")
    entries = ["10.0.0.0/8,eth%d" % number for number in range(64)]
    task = dict(name="crowd", type="hash:net,iface", bucketsize=4, entries=entries)
    assert sets.module("ipset", **task)["changed"]
    assert not sets.module("ipset", **task)["changed"]
    saved = sets.ipset("save", "crowd").splitlines()[1:]
    assert len(saved) == 64
    for module, options in (("ipset", dict(type="hash:net,iface")), ("ipset_entry", {})):
        for check in (True, False):
            more: dict[str, Any] = dict(options, netns=NETNS, name="crowd", entries=["10.0.0.0/8,more"])
            with pytest.raises(Failed, match="its network would have 65 devices"):
                sets.node.module(module, check=check, **more)
    # What is read makes the same, though the kernel tells of larger buckets than a new set may have.
    (found,) = sets.run("ipset_info")["sets"]
    sets.ipset("destroy", "crowd")
    assert sets.module("ipset", **found)["changed"]
    assert sorted(sets.ipset("save", "crowd").splitlines()[1:]) == sorted(saved)


EVERYTHING = "netmask 16 timeout 60 counters comment skbinfo forceadd"
NOTHING = dict(netmask=32, timeout=-1, counters=False, comment=False, skbinfo=False, forceadd=False)


@pytest.mark.parametrize(
    ("kind", "made", "task", "left"),
    [
        ("hash:ip", "netmask 24", dict(netmask=16), "10.0.0.0"),
        ("hash:ip", "", dict(netmask=24), "10.0.0.0 10.0.1.0"),
        ("hash:ip", EVERYTHING, NOTHING, "10.0.0.0"),
        ("bitmap:ip", "range 10.0.0.0/16", dict(range="10.0.0.0-10.0.1.255"), "10.0.0.1 10.0.1.1"),
        ("bitmap:ip", "range 10.0.0.0/16", dict(netmask=24), "10.0.0.0 10.0.1.0"),
        ("bitmap:port", "range 0-1023", dict(range="0-100"), "7 8"),
        ("list:set", "size 8 counters", dict(size=9, counters=False), "b a"),
    ],
)
def test_a_set_in_use_gets_any_other_option(sets: Sets, kind: str, made: str, task: dict[str, Any], left: str) -> None:
    entries = {"bitmap:port": ["7", "8"], "list:set": ["b", "a"]}.get(kind, ["10.0.0.1", "10.0.1.1"])
    create = f"create a hash:ip\ncreate b hash:ip\ncreate used {kind} {made}\n"
    sets.ipset("-exist", "restore", stdin=create + "".join(f"add used {entry}\n" for entry in entries))
    sets.command("iptables", "-A", "INPUT", "-m", "set", "--match-set", "used", "src", "-j", "DROP")
    try:
        with pytest.raises(Failed, match="the kernel cannot change that in place"):
            sets.module("ipset", name="used", type=kind, **task)
        assert sets.module("ipset", name="used", type=kind, **task, recreate=True)["changed"]
        assert not sets.module("ipset", name="used", type=kind, **task, recreate=True)["changed"]
        assert listed(sets, "used") == left.split() or kind != "list:set"
        created, *found = sets.saved("used")
        assert sorted(found) == sorted(f"add used {entry}" for entry in left.split())
        for name, value in task.items():
            assert (f" {name}" in created) == (value not in (False, -1, 32))
        assert "--match-set used src" in sets.command("iptables-save")
        assert sorted(names(sets)) == ["a", "b", "used"]
    finally:
        sets.command("iptables", "-F", "INPUT")


def test_a_member_of_a_list_gets_another_shape(sets: Sets) -> None:
    sets.ipset("restore", stdin="create in hash:ip\nadd in 10.0.0.1\ncreate all list:set\nadd all in\n")
    assert sets.module("ipset", name="in", type="hash:ip", maxelem=9, recreate=True)["changed"]
    assert sets.saved("all")[1:] == ["add all in"]
    create, entry = sets.saved("in")
    assert ("maxelem 9" in create, entry) == (True, "add in 10.0.0.1")
    assert sorted(names(sets)) == ["all", "in"]


def test_a_refusal_names_the_entry(request: pytest.FixtureRequest, sets: Sets) -> None:
    """The first that finds no room, in any message, because something else has filled the set meanwhile."""
    place = f"/run/full-{os.getpid()}"
    entries = many(2500)
    with Node(request.config.getoption("ansible_inventory", None)) as other, ThreadPoolExecutor() as pool:
        for room, hashsize in ((0, "1024"), (1, "1024"), (1700, "1024"), (1, "4096")):
            sets.clear()
            sets.ipset("create", "full", "hash:ip", "maxelem", "3000", "hashsize", hashsize)
            held = pool.submit(other.held, "ipset_entry", place, netns=NETNS, name="full", entries=entries)
            try:
                sets.command("timeout", "60", "sh", "-c", f"until [ -e {place} ]; do sleep 0.1; done")
                others = (f"add full 172.16.{n >> 8}.{n & 255}\n" for n in range(3000 - room))
                sets.ipset("restore", stdin="".join(others))
            finally:
                sets.command("rm", "-f", place)
            with pytest.raises(Failed, match="the set is full: create it") as refused:
                held.result()
            # Not always entries[room]: a kernel shares maxelem out among the parts of a large hash, or of one that it
            # has enlarged, and refuses none that falls into a part with room (mtype_add in ip_set_hash_gen.h).
            held_now = set(sets.saved("full"))
            first = next(entry for entry in entries if f"add full {entry}" not in held_now)
            assert f"add entry '{first}' of set 'full': " in str(refused.value)
            assert first in entries[room : room + 100]


def test_another_type_where_nothing_refers(sets: Sets) -> None:
    sets.ipset("create", "free", "hash:ip")
    sets.ipset("add", "free", "10.0.0.1")
    task = dict(name="free", type="hash:net", entries=["10.0.0.0/8"], recreate=True)
    result = sets.module("ipset", **task)
    assert (result["added"], result["deleted"]) == (["10.0.0.0/8"], ["10.0.0.1"])
    assert result["diff"]["after"] == dict(type="hash:net", entries=["10.0.0.0/8"], rebuilt=True)
    assert sets.saved("free")[1:] == ["add free 10.0.0.0/8"]
    assert not sets.module("ipset", **task)["changed"]
    assert names(sets) == ["free"]


@pytest.mark.parametrize("how", ["in place", "ipset_entry", "atomic", "recreated", "another type"])
def test_killed_at_every_message(node: Node, sets: Sets, how: str) -> None:
    """Whatever a run has sent before it was killed, the next one completes it, and nothing is left over."""
    entries = ['%s comment "%s"' % (each, "x" * 200) for each in many(400)]
    ways: dict[str, Any] = {
        "in place": {},
        "atomic": dict(atomic=True),
        "recreated": dict(maxelem=1000, recreate=True),
        # What the task does not say stays, so it stays too where the old set is gone.
        "another type": dict(type="hash:net", comment=None, recreate=True),
    }
    module = "ipset_entry" if how == "ipset_entry" else "ipset"
    task = dict(name="killed", entries=entries, purge=True)
    if module == "ipset":
        task = {**dict(name="killed", type="hash:ip", comment=True, entries=entries, purge_entries=True), **ways[how]}
    killed, messages = True, 1
    seen: set[int] = set()
    while killed:
        sets.clear()
        create = "create killed hash:ip comment timeout 0 maxelem 1000000"
        sets.ipset("restore", stdin=f"{create}\nadd killed 10.9.9.9\nadd killed 10.0.0.1\n")
        killed = node.killed(module, messages, **dict(task, netns=NETNS))
        seen.add(sets.ipset("save").count("\nadd killed ") if "killed" in names(sets) else -1)
        sets.module(module, **task)
        saved = sets.ipset("save", "killed")
        assert saved.count("\nadd killed") == 400
        assert " maxelem %d timeout 0 " % ways.get(how, {}).get("maxelem", 10**6) in saved.splitlines()[0]
        assert names(sets) == ["killed"]
        assert not sets.module(module, **task)["changed"]
        messages += 1
    assert messages > 5
    # In place each message shows, and what was there goes last. Otherwise each moment shows the old or the new
    # contents, but for one without the set where the kernel does not let the new one take its place.
    if how in ("in place", "ipset_entry"):
        assert len(seen) > 3
        assert max(seen) == 401
    else:
        assert seen == {2, 400} | ({-1} if how == "another type" else set())


def test_what_was_left_goes_with_the_set(node: Node, sets: Sets) -> None:
    sets.ipset("create", "gone", "hash:ip")
    assert node.killed("ipset", 1, netns=NETNS, name="gone", type="hash:ip", maxelem=5, recreate=True)
    assert len(names(sets)) == 2
    assert sets.module("ipset", name="gone", state="absent")["changed"]
    assert names(sets) == []


def test_a_set_of_somebody_else_with_a_temporary_name(node: Node, sets: Sets) -> None:
    sets.ipset("create", "mine", "hash:ip")
    assert node.killed("ipset", 1, netns=NETNS, name="mine", type="hash:ip", maxelem=5, recreate=True)
    (temporary,) = (name for name in names(sets) if name.startswith(TEMPORARY))
    sets.ipset("create", "list", "list:set")
    sets.ipset("add", "list", temporary)
    with pytest.raises(Failed, match="a rule or another set refers to it"):
        sets.module("ipset", name="mine", type="hash:ip")
    assert temporary in names(sets)


@pytest.mark.parametrize("how", ["in place", "atomic", "ipset_entry"])
def test_a_run_waits_for_another_that_has_read_and_not_yet_written(
    request: pytest.FixtureRequest, sets: Sets, how: str
) -> None:
    """Neither adds to what the other has just made, nor finds its plan outdated."""
    inventory = request.config.getoption("ansible_inventory", None)
    sets.ipset("create", "both", "hash:ip")
    module, options = "ipset", dict(type="hash:ip", purge_entries=True, atomic=how == "atomic")
    if how == "ipset_entry":
        module, options = "ipset_entry", dict(purge=True)
    first, second = (dict(options, netns=NETNS, name="both", entries=[entry]) for entry in ("10.0.0.1", "10.0.0.2"))
    assert second_waits(sets.node, inventory, module, first, second)
    assert sets.saved("both")[1:] == ["add both 10.0.0.2"]
    assert names(sets) == ["both"]


def test_timeouts_start_again_where_asked(sets: Sets) -> None:
    sets.ipset("create", "visits", "hash:ip", "timeout", "100")
    task = dict(name="visits", entries=["10.0.0.1 timeout 1000"])
    sets.module("ipset_entry", **task)
    sets.ipset("-exist", "add", "visits", "10.0.0.1", "timeout", "500")
    assert not sets.module("ipset_entry", **task)["changed"]
    # What is there runs, so that check mode and the run may see another second.
    assert sets.run("ipset_entry", **task, refresh_timeouts=True)["changed"]
    (entry,) = sets.saved("visits")[1:]
    assert int(entry.split()[-1]) > 990
    sets.ipset("-exist", "add", "visits", "10.0.0.1", "timeout", "0")
    assert sets.module("ipset_entry", **task)["changed"]
    assert not sets.module("ipset_entry", **task)["changed"]


def test_a_list_in_order(sets: Sets) -> None:
    sets.ipset("restore", stdin="".join(f"create {name} hash:ip\n" for name in "abcd"))
    task = dict(name="all", type="list:set")
    sets.module("ipset", **task, entries=["a", "b", "c"])
    sets.module("ipset", **task, entries=["d before b", "c before a"])
    order = ["c", "a", "d", "b"]
    assert sets.saved("all")[1:] == [f"add all {name}" for name in order]
    (found,) = sets.run("ipset_info", names=["al*"])["sets"]
    sets.module("ipset", **{**found, "name": "copy"})
    assert sets.saved("copy")[1:] == [f"add copy {name}" for name in order]
    sets.module("ipset", **task, entries=["b before c", "a", "c", "b"], purge_entries=True, atomic=True)
    assert sets.saved("all")[1:] == [f"add all {name}" for name in ["b", "c", "a"]]


@pytest.mark.parametrize("purge", [False, True])
def test_any_list_gets_any_order(sets: Sets, purge: bool) -> None:
    """Generated lists and places; what cannot be served is refused, and then the list stays as it was."""
    pool = "abcdef"
    sets.ipset("restore", stdin="".join(f"create {name} hash:ip\n" for name in pool) + "create all list:set\n")

    @settings(max_examples=25, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
    @given(
        st.lists(st.sampled_from(pool), unique=True),
        st.lists(st.tuples(st.sampled_from(pool), st.sampled_from(["before", "after", ""]), st.sampled_from(pool))),
    )
    def served(there: list[str], wished: list[tuple[str, str, str]]) -> None:
        sets.ipset("restore", stdin="flush all\n" + "".join(f"add all {name}\n" for name in there))
        last = {name: (relation, other) for name, relation, other in wished if relation}
        task = dict(
            name="all",
            entries=[f"{name} {relation} {other}" if relation else name for name, relation, other in wished],
            purge=purge,
        )
        try:
            result = sets.module("ipset_entry", **task)
        except Failed as exc:
            refused = str(exc)
        else:
            refused = ""
        if refused:
            assert "not in the list" in refused or "both before and after another" in refused
            assert listed(sets, "all") == there
            return
        left = listed(sets, "all")
        assert set(left) == {name for name, *_place in wished} | (set() if purge else set(there))
        for name, (relation, other) in last.items():
            assert (left.index(name) < left.index(other)) == (relation == "before")
        assert result["changed"] == (left != there)
        assert not sets.module("ipset_entry", **task)["changed"]

    served()


def listed(sets: Sets, name: str) -> list[str]:
    """The entries of a set in the kernel's order, without what they carry."""
    return [line.split()[2] for line in sets.ipset("save", name).splitlines()[1:]]


def test_a_list_of_what_is_not_there(sets: Sets) -> None:
    """Members that the kernel would refuse are found before anything is deleted, also in check mode."""
    sets.ipset("restore", stdin="create a hash:ip\ncreate b hash:ip\ncreate all list:set\ncreate other list:set\n")
    sets.ipset("restore", stdin="add all a\nadd all b\n")
    task: dict[str, Any] = dict(name="all", type="list:set", purge_entries=True)
    for atomic in (False, True):
        with pytest.raises(Failed, match=r"set 'typo' does not exist in network namespace '.*': create it first"):
            sets.run("ipset", **task, entries=["a", "typo"], atomic=atomic)
        for check in (True, False):
            with pytest.raises(Failed, match="'other' is not valid: it is a list:set itself"):
                sets.node.module("ipset", check=check, netns=NETNS, **task, entries=["a", "other"], atomic=atomic)
        assert listed(sets, "all") == ["a", "b"]
    # In check mode an earlier task of the play may be the one that makes it.
    predicted = sets.node.module("ipset", check=True, netns=NETNS, **task, entries=["a", "typo"])
    assert (predicted["added"], predicted["deleted"]) == (["typo"], ["b"])
    assert any("set 'typo' does not exist" in warning for warning in predicted["warnings"])
    assert names(sets) == ["a", "b", "all", "other"]


def test_a_comment_of_any_bytes(sets: Sets) -> None:
    """A comment need not be text, but what Ansible passes on has to be."""
    sets.ipset("create", "said", "hash:ip", "comment")
    sets.command("sh", "-c", "printf 'add said 10.0.0.1 comment \"a\\377\\t\\r\"' | ipset restore")
    saved = sets.command("sh", "-c", "ipset save said | od -c")
    (found,) = sets.run("ipset_info")["sets"]
    assert found["entries"] == [dict(entry="10.0.0.1", comment="a\\xff\t\r")]
    assert not sets.module("ipset", **found, purge_entries=True)["changed"]
    sets.ipset("flush", "said")
    assert sets.module("ipset", **found)["changed"]
    assert sets.command("sh", "-c", "ipset save said | od -c") == saved


def test_a_comment_with_a_line_feed(sets: Sets) -> None:
    """Of somebody else it is told. Nobody gets it from a task, since ipset could not read back what it has saved."""
    sets.ipset("create", "said", "hash:ip", "comment")
    sets.ipset("add", "said", "10.0.0.1", "comment", "a\nb")
    (found,) = sets.run("ipset_info")["sets"]
    assert found["entries"] == [dict(entry="10.0.0.1", comment="a\nb")]
    with pytest.raises(Failed, match="no line feed"):
        sets.run("ipset", **found)


def test_what_is_read(sets: Sets) -> None:
    sets.ipset(
        "restore", stdin="create one hash:ip counters\nadd one 10.0.0.1 packets 3 bytes 4\ncreate two hash:net\n"
    )
    found = sets.run("ipset_info")
    assert [each["name"] for each in found["sets"]] == ["one", "two"]
    assert found["sets"][0]["entries"] == [dict(entry="10.0.0.1", packets=3, bytes=4)]
    assert found["usage"]["one"]["entries"] == 1
    assert found["usage"]["one"]["memory"] > 0
    found = sets.run("ipset_info", names=["tw?", "none"], entries=False)
    assert [each["name"] for each in found["sets"]] == ["two"]
    assert "entries" not in found["sets"][0]


def test_a_wide_range(sets: Sets) -> None:
    """It is given to the kernel as one, and told as one; what is missing of it later, too."""
    task: dict[str, Any] = dict(name="wide", type="hash:ip", entries=["10.0.0.0/16"])
    result = sets.module("ipset", **task)
    assert (result["added"], result["diff"]["after"]["entries"]) == (["10.0.0.0/16"], ["10.0.0.0/16"])
    assert sets.run("ipset_info", entries=False)["usage"]["wide"]["entries"] == 1 << 16
    for address in ("10.0.0.0", "10.0.7.7", "10.0.255.255"):
        sets.ipset("test", "wide", address)
    sets.ipset("del", "wide", "10.0.0.4/31")
    assert sets.run("ipset", **task)["added"] == ["10.0.0.4/31"]
    assert not sets.run("ipset", **task)["changed"]
    sets.run("ipset_entry", name="wide", entries=["10.0.0.0/16"], state="absent")
    assert sets.saved("wide")[1:] == []


def test_ranges_of_every_type_that_has_them(sets: Sets, types: list[str]) -> None:
    """As ``ipset add`` reads them."""
    for kind, entry in (
        ("hash:ip", "10.0.0.1-10.0.0.9"),
        ("hash:ip,port", "10.0.0.0/29,udp:5-7"),
        ("hash:ip,port", "10.0.0.1,tcp:1-5000"),
        ("hash:ip,port,ip", "10.0.0.0/29,tcp:80-81,10.1.1.1"),
        ("hash:ip,port,net", "10.0.0.1-10.0.0.3,tcp:80-81,10.1.0.0/16"),
        ("hash:ip,mark", "10.0.0.0/29,7"),
        ("bitmap:ip", "10.0.0.1-10.0.0.9"),
        ("bitmap:port", "100-200"),
    ):
        if kind not in types:
            continue
        sets.clear()
        needed = dict(zip(TYPES[kind][::2], TYPES[kind][1::2], strict=True))
        sets.ipset("create", "theirs", kind, *TYPES[kind])
        sets.ipset("add", "theirs", entry)
        task: dict[str, Any] = dict(name="ours", type=kind, entries=[entry], **needed)
        assert sets.module("ipset", **task)["changed"]
        assert not sets.module("ipset", **task)["changed"]
        assert [line.replace(" ours ", " theirs ") for line in sets.saved("ours")[1:]] == sets.saved("theirs")[1:]
        sets.ipset("del", "ours", sets.saved("ours")[1].split()[2])
        assert sets.module("ipset", **task)["changed"]
        assert [line.replace(" ours ", " theirs ") for line in sets.saved("ours")[1:]] == sets.saved("theirs")[1:]
        sets.module("ipset_entry", name="ours", entries=[entry], state="absent")
        assert sets.saved("ours")[1:] == []
