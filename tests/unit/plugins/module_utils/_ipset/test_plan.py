# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for sets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset import sets
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries import Wish
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries_plan import plan_contents, predict_entries
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import Options
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.plan import plan_no_set, plan_set
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import KernelSet
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SetHeader, temporary_name
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.wishes import header_options, set_type
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import written
from ansible_collections.linuxnet.ipvs.tests.unit.plugins.module_utils._ipset.cases import (
    HAVE,
    LOOP,
    A,
    description,
    have_set,
    header,
    verbs,
)


def test_a_new_set_is_created_with_the_kernels_defaults():
    outcome = plan_set("S", LOOP, {}, None)
    assert verbs(outcome) == ["create"]
    assert outcome.plan.before == {}
    assert outcome.plan.after == dict(
        name="S", type="hash:ip,port,ip", family="inet", hashsize=1024, maxelem=65536, bucketsize=12,
        counters=False, comment=False, skbinfo=False, forceadd=False, timeout=-1,
    )  # fmt: skip


def test_a_set_that_the_kernel_has_enlarged_is_no_difference():
    have = have_set(header("hash:ip", hashsize=8192))
    outcome = plan_set("S", have.header.kind, dict(hashsize=64), have)
    assert not outcome.plan.changed
    assert outcome.header == have.header


DIFFERENT = [
    ("hash:ip", None, {}, "exists with type hash:ip,port,ip, the task wants hash:ip"),
    ("hash:ip,port,ip", "inet6", {}, "exists with family inet, the task wants inet6"),
    ("hash:ip,port,ip", None, dict(maxelem=5), "exists with maxelem 65536, the task wants 5"),
    ("hash:ip,port,ip", None, dict(timeout=5), "exists with timeout -1, the task wants 5"),
    ("hash:ip,port,ip", None, dict(counters=True), "exists with counters False, the task wants True"),
]


@pytest.mark.parametrize(("name", "family", "given_options", "told"), DIFFERENT)
def test_what_cannot_be_changed_in_place_is_said(name, family, given_options, told):
    with pytest.raises(Conflict, match=told):
        plan_set("S", set_type(name, family), given_options, have_set(header("hash:ip,port,ip")))


def test_another_shape_takes_the_entries_along_and_the_place():
    have = have_set(header("hash:ip", timeout=9, comment=True), "10.0.0.1 timeout 5 comment x", references=3)
    outcome = plan_set("S", have.header.kind, dict(maxelem=7, comment=False), have, recreate=True)
    assert verbs(outcome) == ["create", "add", "swap", "destroy"]
    create, add, swap, destroy = outcome.plan.operations
    assert create.header.name == swap.header.name == destroy.header.name == temporary_name("S")
    assert swap.other == "S"
    assert (create.header.maxelem, create.header.timeout, create.header.comment) == (7, 9, False)
    assert list(add.entries.values()) == [Options(timeout=5)]
    assert (outcome.plan.before, outcome.plan.after) == (
        dict(maxelem=65536, comment=True),
        dict(maxelem=7, comment=False, rebuilt=True),
    )


@pytest.mark.parametrize(
    ("options", "taken"),
    [
        (dict(timeout=9), dict(timeout=-1)),
        (dict(counters=True, comment=True, skbinfo=True), dict(counters=False, comment=False, skbinfo=False)),
        (dict(netmask=24), dict(netmask=32)),
        (dict(bitmask="255.0.255.0"), dict(netmask=32)),
        (dict(netmask=24), dict(bitmask="255.255.255.255")),
        (dict(netmask=24), dict(bitmask="255.0.255.0")),
        (dict(bitmask="255.0.255.0"), dict(netmask=24)),
    ],
)
def test_what_a_set_has_can_be_taken_from_it(options, taken):
    of = header("hash:ip", **options)
    given_options = header_options(of.kind, taken)
    with pytest.raises(Conflict, match="set 'S' exists with"):
        plan_set("S", of.kind, given_options, have_set(of))
    outcome = plan_set("S", of.kind, given_options, have_set(of), recreate=True)
    assert outcome.header == header("hash:ip", **taken)
    assert outcome.header
    have = have_set(outcome.header)
    assert not plan_set("S", of.kind, given_options, have).plan.changed
    # A set tells all that makes it out, so that this takes away what another has.
    for mine, other in ((of, outcome.header), (outcome.header, of)):
        options = {name: value for name, value in mine.options().items() if name not in ("name", "type", "family")}
        back = plan_set("S", of.kind, header_options(of.kind, options), have_set(other), recreate=True)
        assert back.header == mine


def test_entries_of_a_set_that_gets_counters_start_with_what_is_said():
    have = have_set(header("hash:ip"), "10.0.0.1", "10.0.0.2")
    wish = Wish(["10.0.0.1 packets 1 bytes 2", "10.0.0.2 packets 0 bytes 0"])
    outcome = plan_set("S", have.header.kind, dict(counters=True), have, wish, recreate=True)
    assert outcome.updated == ["10.0.0.1 packets 1 bytes 2"]


def test_old_entries_that_another_shape_does_not_take_are_no_matter_where_they_go():
    of = header("bitmap:ip", range="10.0.0.0/24", counters=True)
    have = have_set(of, "10.0.0.1 packets 1 bytes 2", "10.0.0.200")
    smaller = header_options(of.kind, dict(range="10.0.0.0/28"))
    with pytest.raises(InvalidOption, match="the set's range is"):
        plan_set("S", of.kind, smaller, have, recreate=True)
    outcome = plan_set("S", of.kind, smaller, have, Wish(["10.0.0.1", "10.0.0.2"], purge=True), recreate=True)
    assert (outcome.added, outcome.deleted) == (["10.0.0.2"], ["10.0.0.200"])
    add = outcome.plan.operations[1]
    assert [written(of.kind, *each) for each in add.entries.items()] == ["10.0.0.1 packets 1 bytes 2", "10.0.0.2"]


def test_another_type_starts_anew_where_nothing_refers_to_the_set():
    have = have_set(header("hash:ip"), "10.0.0.1")
    net = set_type("hash:net", None)
    outcome = plan_set("S", net, {}, have, Wish(["10.0.0.0/8"]), recreate=True)
    assert verbs(outcome) == ["create", "add", "destroy", "rename"]
    assert outcome.plan.after == dict(type="hash:net", entries=["10.0.0.0/8"], rebuilt=True)
    assert (outcome.added, outcome.deleted) == (["10.0.0.0/8"], ["10.0.0.1"])
    with pytest.raises(Conflict, match="in use"):
        plan_set("S", net, {}, have_set(header("hash:ip"), references=1), recreate=True)


def test_what_an_interrupted_run_left_goes():
    leftover = KernelSet(SetHeader(temporary_name("S"), LOOP))
    outcome = plan_set("S", LOOP, {}, None, leftover=leftover)
    assert verbs(outcome) == ["create", "destroy"]
    outcome = plan_contents(HAVE, Wish([A], purge=True, atomic=True), leftover)
    assert verbs(outcome) == ["destroy", "create", "add", "swap", "destroy"]
    assert verbs(plan_no_set(None, leftover)) == ["destroy"]
    mine = KernelSet(SetHeader(temporary_name("S"), LOOP), references=1)
    with pytest.raises(Conflict, match="delete or rename it"):
        plan_no_set(None, mine)


def test_what_an_interrupted_run_left_tells_the_options_of_the_set_that_is_gone():
    """And tells them until the new set has them, since this run may be interrupted too."""
    old = have_set(header("hash:ip", comment=True, timeout=300, maxelem=10**6), "10.0.0.1")
    net, wish = set_type("hash:net", None), Wish(['10.0.0.0/8 comment "x"'])
    interrupted = plan_set("S", net, {}, old, wish, recreate=True)
    leftover = KernelSet(interrupted.plan.operations[0].header)
    completed = plan_set("S", net, {}, None, wish, recreate=True, leftover=leftover)
    assert verbs(completed) == ["create", "add", "destroy"]
    assert completed.header == interrupted.header == header("hash:net", maxelem=10**6, timeout=300, comment=True)
    other = plan_set("S", net, dict(timeout=5), None, wish, recreate=True, leftover=leftover)
    assert other.header == header("hash:net", maxelem=10**6, timeout=5, comment=True)
    # A task that recreates nothing makes what it says.
    assert plan_set("S", net, {}, None, leftover=leftover).header == header("hash:net")


def test_absent_sets():
    assert not plan_no_set(None).plan.changed
    assert verbs(plan_no_set(have_set(header("hash:ip")))) == ["destroy"]
    with pytest.raises(Conflict, match="set 'S' is in use: delete the iptables rules"):
        plan_no_set(have_set(header("hash:ip"), references=1))


def test_what_comes_is_there_before_anything_goes():
    of = header("hash:ip", maxelem=2)
    room, full = have_set(of, "10.0.0.1"), have_set(of, "10.0.0.1", "10.0.0.2")
    assert verbs(plan_contents(room, Wish(["10.0.0.3"], purge=True))) == ["add", "delete"]
    assert verbs(plan_contents(full, Wish(["10.0.0.1", "10.0.0.3"], purge=True))) == ["delete", "add"]
    wild = have_set(header("hash:net,iface"), "10.0.0.0/8,eth wildcard")
    assert verbs(plan_contents(wild, Wish(["10.0.0.0/8,eth0"], purge=True))) == ["delete", "add"]


def test_a_wildcard_comes_and_goes_with_the_entry():
    of = header("hash:net,iface")
    have, wild = have_set(of, "10.0.0.0/8,eth"), "10.0.0.0/8,eth wildcard"
    outcome = plan_contents(have, Wish([wild, "10.0.0.0/8,lo"]))
    assert verbs(outcome) == ["delete", "add"]
    assert outcome.plan.before == dict(entries=["10.0.0.0/8,eth"])
    assert outcome.plan.after == dict(entries=["10.0.0.0/8,lo", wild], deleted_and_added=[wild])
    at_once = plan_contents(have, Wish([wild], purge=True, atomic=True)).plan
    assert at_once.after == dict(entries=[wild], rebuilt=True)


def test_buckets_that_the_kernel_has_enlarged_are_no_difference():
    """With many devices of a network it does, and it tells, but takes no more than 12 in a new set."""
    of = header("hash:net,iface", bucketsize=4)
    have = sets.decode_set([description(replace(of, bucketsize=40))])
    assert have.header.bucketsize == 12
    assert not plan_set("S", of.kind, dict(bucketsize=4), have).plan.changed
    other = have_set(header("hash:ip", bucketsize=12))
    with pytest.raises(Conflict, match="exists with bucketsize 12, the task wants 4"):
        plan_set("S", other.header.kind, dict(bucketsize=4), other)


def test_entries_of_a_set_that_is_not_there_yet():
    assert not predict_entries([]).plan.changed
    assert predict_entries(["10.0.0.1", dict(entry="10.0.0.2")]).plan.after == dict(entries=["10.0.0.1", "10.0.0.2"])
