# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ranges of addresses and ports, which stay whole as long as they can."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import encode, encode_rest, layout
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries import Wish
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries_plan import plan_contents, plan_no_entries
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import PLAIN
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.plan import plan_set
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.ranges import members
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.reader import Reader
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import KernelSet
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import written
from ansible_collections.linuxnet.ipvs.tests.unit.plugins.module_utils._ipset.cases import have_set, header, verbs

MILLION = header("hash:ip", maxelem=1 << 20)


def sent(outcome):
    """What each step adds or deletes, in ipset's words."""
    return [
        (step.verb, [written(step.header.kind, *each) for each in step.entries.items()])
        for step in outcome.plan.operations
        if step.verb in ("add", "delete")
    ]


def test_a_range_of_a_million_is_one_entry_of_the_request_and_of_the_result():
    outcome = plan_set("S", MILLION.kind, dict(maxelem=1 << 20), None, Wish(["10.0.0.0/12"]))
    assert outcome.added == ["10.0.0.0/12"]
    assert sent(outcome) == [("add", ["10.0.0.0/12"])]
    ((key, options),) = outcome.plan.operations[1].entries.items()
    request = encode(layout(MILLION.kind), key, options)
    address = struct.Struct(">HHHHI")
    assert address.size == 12
    # IP and IP_TO, each with an address that is said to be in network order.
    first, last = request[:12], request[12:]
    assert struct.unpack("=HHHH", first[:8]) == (12, 0x8001, 8, 0x4001)
    assert struct.unpack("=HHHH", last[:8]) == (12, 0x8002, 8, 0x4001)
    assert (first[8:], last[8:]) == (bytes([10, 0, 0, 0]), bytes([10, 15, 255, 255]))


@pytest.mark.parametrize(
    ("name", "there", "wished", "added"),
    [
        ("hash:ip", [], ["10.0.0.1-10.0.0.9"], ["10.0.0.1-10.0.0.9"]),
        ("hash:ip", ["10.0.0.1-10.0.0.9"], ["10.0.0.1-10.0.0.9"], []),
        ("hash:ip", ["10.0.0.4"], ["10.0.0.0/29"], ["10.0.0.0/30", "10.0.0.5-10.0.0.7"]),
        ("hash:ip", ["10.0.0.1", "10.0.0.3"], ["10.0.0.0/30"], ["10.0.0.0", "10.0.0.2"]),
        ("hash:ip", [], ["10.0.0.1", "10.0.0.2"], ["10.0.0.1", "10.0.0.2"]),
        ("hash:ip,port", [], ["10.0.0.1,tcp:1-65535"], ["10.0.0.1,tcp:1-65535"]),
        ("hash:ip,port", [], ["10.0.0.0/29,80-81"], ["10.0.0.0/29,tcp:80", "10.0.0.0/29,tcp:81"]),
        ("hash:ip,port", ["10.0.0.1,tcp:2"], ["10.0.0.1,tcp:1-4"], ["10.0.0.1,tcp:1", "10.0.0.1,tcp:3-4"]),
        ("hash:ip,port,ip", [], ["10.0.0.0/30,udp:5,10.1.1.1"], ["10.0.0.0/30,udp:5,10.1.1.1"]),
        ("hash:ip,port,net", [], ["10.0.0.0/30,udp:5,10.1.0.0/16"], ["10.0.0.0/30,udp:5,10.1.0.0/16"]),
        ("hash:ip,mark", [], ["10.0.0.0/30,7"], ["10.0.0.0/30,0x00000007"]),
        ("bitmap:ip", ["10.0.0.5"], ["10.0.0.4-10.0.0.9"], ["10.0.0.4", "10.0.0.6-10.0.0.9"]),
        ("bitmap:port", ["7"], ["0-65535"], ["0-6", "8-65535"]),
        ("hash:net", [], ["10.0.0.1-10.0.0.2"], ["10.0.0.1", "10.0.0.2"]),
    ],
)
def test_what_is_missing_of_a_range_is_ranges(name, there, wished, added):
    outcome = plan_contents(have_set(header(name), *there), Wish(wished))
    assert sorted(outcome.added) == sorted(added)
    assert sent(outcome) == ([("add", outcome.added)] if added else [])


def test_a_range_goes_as_ranges():
    have = have_set(header("hash:ip"), "10.0.0.1", "10.0.0.3", "10.0.0.4", "10.1.0.0")
    assert sent(plan_no_entries(have, ["10.0.0.0/24"])) == [("delete", ["10.0.0.1", "10.0.0.3-10.0.0.4"])]
    assert sent(plan_contents(have, Wish(["10.0.0.3-10.0.0.4"], purge=True))) == [("delete", ["10.0.0.1", "10.1.0.0"])]


def test_an_exception_may_follow_a_range_and_a_range_an_exception():
    of = header("hash:ip", comment=True)
    for wished, carried in (
        (["10.0.0.0/30 comment a", "10.0.0.2 comment b"], "aaba"),
        (["10.0.0.2 comment b", "10.0.0.0/30 comment a"], "aaaa"),
        (["10.0.0.2 comment b", "10.0.0.0/30"], "  b "),
        (["10.0.0.0/30 comment a", "10.0.0.2-10.0.0.9 comment b"], "aabbbbbbbb"),
    ):
        found = Reader(of).read(wished)
        assert "".join(options.comment or " " for _key, options in sorted(found.items())) == carried


def test_what_members_of_a_range_carry_is_written_again_together():
    of = header("hash:ip", comment=True)
    have = have_set(of, "10.0.0.1 comment a", "10.0.0.2 comment b", "10.0.0.3 comment b", "10.0.0.4 comment c")
    outcome = plan_contents(have, Wish(["10.0.0.1-10.0.0.5 comment c"]))
    assert outcome.updated == ['10.0.0.1-10.0.0.3 comment "c"']
    assert outcome.added == ['10.0.0.5 comment "c"']
    assert outcome.plan.before == dict(entries=['10.0.0.1 comment "a"', '10.0.0.2/31 comment "b"'])
    at_once = plan_contents(have, Wish(["10.0.0.1-10.0.0.5 comment c"], purge=True, atomic=True))
    assert verbs(at_once) == ["create", "add", "swap", "destroy"]
    assert len(at_once.plan.operations[1].entries) == 5
    assert {options.comment for options in at_once.plan.operations[1].entries.values()} == {"c"}


def test_a_range_that_the_set_cannot_hold():
    for there in ([], ["10.9.0.0"]):
        with pytest.raises(InvalidOption, match=r"holds at most|may hold"):
            plan_contents(have_set(header("hash:ip", maxelem=8), *there), Wish(["10.0.0.0/29", "10.0.1.0"]))
    full = have_set(header("hash:ip", maxelem=8), "10.9.0.0")
    with pytest.raises(InvalidOption, match="with these it would have more"):
        plan_contents(full, Wish(["10.0.0.0/29"]))
    assert verbs(plan_contents(full, Wish(["10.0.0.0/29"], purge=True))) == ["delete", "add"]


def test_a_range_is_no_longer_than_kernels_take():
    """Those from 5.16 to 6.1 take a million addresses."""
    of = header("hash:ip", maxelem=2**32 - 1)
    assert plan_set("S", of.kind, dict(maxelem=2**32 - 1), None, Wish(["10.0.0.0/11"])).added == [
        "10.0.0.0/12",
        "10.16.0.0/12",
    ]


#: A few addresses and ports, so that ranges meet.
numbers = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted)


@given(
    st.lists(st.tuples(numbers, numbers, st.sampled_from(["", " comment a", " comment b"])), max_size=4),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=20, unique=True),
    st.booleans(),
)
@example([([0, 3], [1, 1], ""), ([4, 9], [1, 1], " comment a")], [(5, 1)], False)
def test_ranges_make_what_their_members_would(wished, there, purge):
    """Whatever meets, and whatever is there; and then there is nothing left to do."""
    of = header("hash:ip,port", comment=True)
    items = ["10.0.0.%d-10.0.0.%d,tcp:%d-%d%s" % (*a, *p, said) for a, p, said in wished]
    single = [
        "10.0.0.%d,tcp:%d%s" % (address, port, said)
        for a, p, said in wished
        for address in range(a[0], a[1] + 1)
        for port in range(p[0], p[1] + 1)
    ]
    have = have_set(of, *("10.0.0.%d,tcp:%d comment x" % each for each in there))
    left, expected = (after(have, plan_contents(have, Wish(each, purge))) for each in (items, single))
    assert left == expected
    again = KernelSet(of, have.revision, entries=left)
    assert not plan_contents(again, Wish(items, purge)).plan.changed
    assert after(again, plan_no_entries(again, items)) == after(again, plan_no_entries(again, single))


def after(have, outcome):
    """The entries of a set after a plan, as the kernel would list them."""
    entries = dict(have.entries)
    for step in outcome.plan.operations:
        for key, options in step.entries.items():
            for member in members(layout(have.header.kind), key):
                if step.verb == "delete":
                    entries.pop(member, None)
                else:
                    entries[member] = encode_rest(options._replace(comment=options.comment or None))
    return entries


def test_ranges_of_both_kinds_may_meet():
    of = header("hash:ip,port")
    assert len(Reader(of).read(["10.0.0.1-10.0.0.5,tcp:3", "10.0.0.2,tcp:1-9"])) == 5 + 9 - 1
    assert PLAIN in Reader(of).read(["10.0.0.1-10.0.0.5,tcp:3", "10.0.0.2,tcp:1-9"]).values()
