# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of a list's entries."""

from __future__ import annotations

import graphlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries import Wish
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries_plan import plan_contents
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import described
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import text
from ansible_collections.linuxnet.ipvs.tests.unit.plugins.module_utils._ipset.cases import (
    have_set,
    header,
    verbs,
)


def test_a_list_is_described_in_its_order():
    of = header("list:set")
    found = described(of, have_set(of, "A", "B", "C").entries)
    assert found == [dict(entry="A"), dict(entry="B", after="A"), dict(entry="C", after="B")]
    other = have_set(of, "C", "X", "B", "A")
    assert applied(other, plan_contents(other, Wish(found, purge=True)).plan.operations) == ["A", "B", "C"]


#: A list whose members change places is built anew, so that none is ever missing.
ANEW = ["create", "add", "swap", "destroy"]


@pytest.mark.parametrize(
    ("item", "operations"),
    [("A before C", []), ("C after A", []), ("C before A", ANEW), ("D before A", ["add"]), ("D after C", ["add"])],
)
def test_places_in_a_list(item, operations):
    outcome = plan_contents(have_set(header("list:set"), "A", "B", "C"), Wish([item]))
    assert verbs(outcome) == operations
    assert ("rebuilt" in outcome.plan.after) == (operations is ANEW)


def applied(have, operations):
    """A list of sets after the operations, as list_set_uadd() carries them out."""
    lists = {have.header.name: list(have.entries)}
    for operation in operations:
        name = operation.header.name
        if operation.verb == "create":
            lists[name] = []
        elif operation.verb == "swap":
            lists[name], lists[operation.other] = lists[operation.other], lists[name]
        elif operation.verb == "destroy":
            del lists[name]
        for key, options in operation.entries.items():
            if operation.verb == "delete":
                lists[name].remove(key)
                continue
            place = len(lists[name])
            if options.before or options.after:
                place = lists[name].index(text(18, options.before or options.after)) + (options.before is None)
            if key not in lists[name]:
                lists[name].insert(place, key)
    return [key[4:].partition(b"\0")[0].decode() for key in lists[have.header.name]]


@pytest.mark.parametrize(
    ("there", "wished", "left"),
    [
        ("ABC", ["A after B", "B after C"], "CBA"),
        ("AB", ["A after B", "X before A"], "BXA"),
        ("ABC", ["d before B", "C before A"], "CAdB"),
        ("AB", ["B before A", "A after B"], "BA"),
        ("A", ["X", "A after X"], "XA"),
        ("", ["A", "B", "C before A", "D after A"], "CADB"),
    ],
)
def test_places_that_hang_together(there, wished, left):
    have = have_set(header("list:set"), *there)
    assert "".join(applied(have, plan_contents(have, Wish(wished)).plan.operations)) == left


@given(
    st.lists(st.sampled_from("ABCDEFG"), unique=True),
    st.lists(st.tuples(st.sampled_from("ABCDEFG"), st.sampled_from(["", " before ", " after "]), st.integers(0, 9))),
    st.booleans(),
)
def test_any_list_and_any_places(there, tasks, purge):
    """Each list gets what the task says, in an order that serves all of it, or stays as it is."""
    wished: dict[str, tuple[str, str]] = {}
    named = [] if purge else list(there)
    for name, relation, number in tasks:
        others = [other for other in named if other != name] if relation else []
        wished[name] = (relation, others[number % len(others)]) if others else wished.get(name, ("", ""))
        named.append(name)
    items = [name + relation + other for name, (relation, other) in wished.items()]
    have = have_set(header("list:set"), *there)
    before = [(o, n) if r == " after " else (n, o) for n, (r, o) in wished.items() if r]
    try:
        outcome = plan_contents(have, Wish(items, purge=purge))
    except InvalidOption as exc:
        if "name it first" not in str(exc):
            sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
            for first, second in before:
                sorter.add(second, first)
            with pytest.raises(graphlib.CycleError):
                sorter.prepare()
        return
    left = applied(have, outcome.plan.operations)
    assert set(left) == set(wished) | (set() if purge else set(there))
    assert all(left.index(first) < left.index(second) for first, second in before)
    again = plan_contents(have_set(header("list:set"), *left), Wish(items, purge=purge))
    assert not again.plan.changed
    # Nobody is missing in between.
    verbs_ = verbs(outcome)
    assert verbs_ in ([], ["add"], ["delete"], ["add", "delete"]) or verbs_[-4:] in (ANEW, ANEW[:1] + ANEW[2:])


@pytest.mark.parametrize("items", [["A before B", "B before A"], ["A after B", "B after C", "C after A"]])
def test_places_that_contradict_each_other(items):
    with pytest.raises(InvalidOption, match="both before and after another"):
        plan_contents(have_set(header("list:set"), "A", "B", "C"), Wish(items))


@pytest.mark.parametrize("item", ["A before A", "A before X", "X after Y"])
def test_places_that_are_none(item):
    with pytest.raises(InvalidOption, match="not in the list"):
        plan_contents(have_set(header("list:set"), "A", "B"), Wish([item]))
