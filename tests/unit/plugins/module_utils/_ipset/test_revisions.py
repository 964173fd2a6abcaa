# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which revision of a type a set gets."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries import Wish
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries_plan import plan_contents
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.outcome import Outcome
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.plan import plan_set
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.revisions import (
    FIRST_KERNELS,
    REVISIONS,
    TOO_OLD,
    beyond,
    lowest_revision,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import KernelSet, Operation
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SET_TYPES
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.wishes import header_options, set_type
from ansible_collections.linuxnet.ipvs.tests.unit.plugins.module_utils._ipset.cases import have_set, header


def created(outcome: Outcome) -> Operation:
    """The step that creates a set."""
    (found,) = (each for each in outcome.plan.operations if each.verb == "create")
    return found


def test_every_option_of_a_type_has_a_revision():
    """What no revision brought, the type always had."""
    always = {"hash:ip,mac", "hash:mac"}  # which came with all of them
    assert set(REVISIONS) == set(SET_TYPES)
    for name, revisions in REVISIONS.items():
        options = {option for revision in revisions if revision != TOO_OLD for option in revision.split()}
        known = set(set_type(name, None).options()) & set(FIRST_KERNELS)
        assert options <= known | {"wildcard"}
        missing = known - options
        netnet = {"counters", "comment"} if name in ("hash:net,net", "hash:net,port,net", "hash:ip,mark") else set()
        masks = {"netmask"} if name in ("hash:ip", "bitmap:ip") else set()
        assert missing == netnet | masks or name in always
        assert missing <= {"counters", "comment", "forceadd", "skbinfo", "netmask"}


@pytest.mark.parametrize(
    ("name", "options", "revision"),
    [
        ("hash:ip", {}, 0),
        ("hash:ip", dict(netmask=24), 0),
        ("hash:ip", dict(timeout=5), 0),
        ("hash:ip", dict(counters=True), 1),
        ("hash:ip", dict(skbinfo=True, counters=True), 4),
        ("hash:ip", dict(bucketsize=12), 0),
        ("hash:ip", dict(bucketsize=6), 5),
        ("hash:ip", dict(initval=0), 5),
        ("hash:ip", dict(bitmask="255.0.255.0"), 6),
        ("hash:ip,port", {}, 1),
        ("hash:ip,port", dict(netmask=24), 7),
        ("hash:ip,port,ip", {}, 1),
        ("hash:ip,port,net", dict(forceadd=True), 6),
        ("hash:net", {}, 2),
        ("hash:net,iface", dict(comment=True), 4),
        ("hash:net,net", dict(netmask=24), 4),
        ("hash:mac", dict(counters=True, comment=True, skbinfo=True, forceadd=True), 0),
        ("bitmap:port", dict(comment=True), 2),
        ("list:set", dict(skbinfo=True), 3),
    ],
)
def test_a_new_set_gets_the_lowest_revision_that_holds_it(name, options, revision):
    of = header(name, **options)
    assert lowest_revision(of) == revision
    given = header_options(of.kind, dict(options, range=of.range))
    assert created(plan_set("S", of.kind, given, None)).revision == revision


def test_a_wildcard_wants_a_revision_too():
    of = header("hash:net,iface")
    assert created(plan_set("S", of.kind, {}, None, Wish(["10.0.0.0/8,eth"]))).revision == 2
    assert created(plan_set("S", of.kind, {}, None, Wish(["10.0.0.0/8,eth wildcard"]))).revision == 7
    old = KernelSet(of, revision=2, entries=have_set(of, "10.0.0.0/8,lo").entries)
    assert created(plan_contents(old, Wish(["10.0.0.0/8,eth wildcard"]))).revision == 7
    in_place = plan_contents(old, Wish(["10.0.0.0/8,eth"]))
    assert [each.verb for each in in_place.plan.operations] == ["add"]
    new = KernelSet(of, revision=8, entries=old.entries)
    assert {each.verb for each in plan_contents(new, Wish(["10.0.0.0/8,eth wildcard"])).plan.operations} == {"add"}


@pytest.mark.parametrize(
    ("old", "options", "revision"),
    [(3, dict(maxelem=9), 3), (5, dict(counters=True), 5), (0, dict(counters=True), 1), (2, dict(bucketsize=4), 5)],
)
def test_a_set_that_takes_the_place_of_another_keeps_its_revision_unless_an_option_wants_more(old, options, revision):
    of = header("hash:ip")
    have = KernelSet(of, revision=old)
    assert created(plan_set("S", of.kind, header_options(of.kind, options), have, recreate=True)).revision == revision
    atomic = plan_contents(have, Wish(["10.0.0.1"], purge=True, atomic=True))
    assert created(atomic).revision == old
    lists = KernelSet(header("list:set"), revision=old, entries=have_set(header("list:set"), "A", "B").entries)
    assert created(plan_contents(lists, Wish(["B before A"]))).revision == old


def test_what_an_older_kernel_has_not():
    assert beyond(header("hash:ip", bucketsize=6, bitmask="255.0.255.0"), 5) == "bitmask"
    assert beyond(header("hash:ip", bucketsize=6), 4) == "bucketsize"
    assert beyond(header("hash:net,iface"), 6) == "wildcard"
    assert beyond(header("hash:ip", netmask=24), 0) == ""
