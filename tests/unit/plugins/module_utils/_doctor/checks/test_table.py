# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Owners, weights and answers of real servers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from doctor_node import DRAINED, HEALTHY, NO_RULES, POD, SERVICE, VIRTUAL, filtered, found, left_open

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.catalogue import CHECKS
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import examine
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import NodeFacts, Row, Wishes
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.owners import PROGRAMS, Owner
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServer


@pytest.mark.parametrize(
    ("owner", "names", "ids"),
    [
        (None, [], []),
        (None, ["keepalived"], []),
        ("keepalived", ["keepalived"], []),
        ("tasks", ["keepalived"], ["other_owner"]),
        (None, ["keepalived", "kube-proxy"], ["other_owner", "other_owner"]),
        ("keepalived", ["keepalived", "kube-proxy"], ["other_owner"]),
    ],
)
def test_who_may_write_the_table(owner, names, ids):
    owners = tuple(Owner(name, 7, "process 7: %s" % name) for name in names)
    assert found(replace(HEALTHY, owners=owners, wishes=Wishes(owner=owner))) == ids


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_task_stops_a_program(name):
    """It may hold the virtual address, or take its services with it."""
    facts = replace(HEALTHY, owners=(Owner(name, 7, "process 7"),), wishes=Wishes(owner="tasks"))
    (told,) = examine(CHECKS, facts)[0]
    assert (told["id"], told["task"]) == ("other_owner", None)
    synchronizes = "does not know each time it synchronizes" in told["consequence"]
    assert synchronizes == (name in ("kube-proxy", "kube-router", "k3s"))


def test_a_program_that_keeps_the_table_has_its_reasons():
    facts = replace(HEALTHY, table=(Row(SERVICE, (DRAINED,)),), connections={(SERVICE.key, DRAINED.key): 0}, answers={})
    assert found(facts) == ["weight_zero"]
    assert found(replace(facts, owners=(Owner("keepalived", 7, "process 7"),))) == []
    assert found(replace(facts, connections={(SERVICE.key, DRAINED.key): 3})) == []


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({(POD, 80): ("answered", "connected")}, "Give it a weight again"),
        ({(POD, 80): ("refused", "Connection refused")}, "it did not"),
        ({}, "that was not tried"),
        (None, "that was not tried"),
    ],
)
def test_a_weight_is_for_who_answers(answers, said):
    """And no task gives it: it may have been taken away on purpose."""
    facts = replace(
        HEALTHY, table=(Row(SERVICE, (DRAINED,)),), connections={(SERVICE.key, DRAINED.key): 0}, answers=answers
    )
    (told,) = examine(CHECKS, facts)[0]
    assert told["id"] == "weight_zero"
    assert said in told["remedy"]
    assert told["task"] is None


def test_the_weight_that_a_dead_server_had_is_told():
    server = HEALTHY.table[0].servers[0].having(weight=7)
    for outcome in ("refused", "timed out"):
        (told,) = examine(
            CHECKS, replace(HEALTHY, table=(Row(SERVICE, (server,)),), answers={(POD, 80): (outcome, "words")})
        )[0]
        assert "its weight is 7 now" in told["remedy"]


@pytest.mark.parametrize(
    ("method", "outcome", "ids"),
    [
        ("masquerading", "refused", ["real_server_refusing"]),
        ("masquerading", "timed out", ["real_server_unreachable"]),
        ("masquerading", "no way", ["real_server_unreachable"]),
        # At its own address such a real server need not listen.
        ("direct", "refused", []),
        ("direct", "timed out", []),
        ("direct", "no way", ["real_server_unreachable"]),
    ],
)
def test_what_no_answer_means(method, outcome, ids):
    server = RealServer.of(POD.packed, 80, method)
    facts = replace(
        HEALTHY,
        table=(Row(SERVICE, (server,)),),
        answers={(POD, 80): (outcome, "words")},
        sets=(),
        rules=NO_RULES,
    )
    assert found(facts) == ids


@pytest.mark.parametrize("outcome", ["timed out", "refused"])
def test_a_probe_that_this_node_drops_tells_nothing_of_the_server(outcome):
    facts = replace(HEALTHY, answers={(POD, 80): (outcome, "words")})
    assert found(filtered(facts, "-A OUTPUT -d 10.0.0.11/32 -o br0 -j DROP")) == ["firewall_drops"]
    assert len(found(filtered(facts, "-A OUTPUT -d 10.0.0.12/32 -o br0 -j DROP"))) == 1
    doubtful = filtered(facts, ":OUTPUT DROP", "-A OUTPUT -m owner --uid-owner 0 -j ACCEPT")
    assert (found(doubtful), list(left_open(doubtful))) == ([], ["firewall_drops"])


@pytest.mark.parametrize(
    ("wishes", "barred", "ids"),
    [
        (Wishes(), None, []),
        (Wishes(real_server_for=(VIRTUAL,)), "there is no module", ["address_missing"]),
        (Wishes(owner="tasks"), None, ["ipvs_missing"]),
        (Wishes(owner="keepalived"), "there is no module", ["ipvs_missing"]),
        (Wishes(schedulers=("mh",)), None, ["ipvs_missing"]),
    ],
)
def test_a_kernel_without_ipvs(wishes, barred, ids):
    facts = NodeFacts(ipvs=False, ipvs_barred=barred, wishes=wishes)
    findings = examine(CHECKS, facts)[0]
    assert [each["id"] for each in findings] == ids
    for each in findings:
        if each["id"] == "ipvs_missing":
            assert (each["task"] is None) == bool(barred), "a module that cannot be had cannot be loaded"
    assert ("ipvs_missing" in left_open(facts)) == ("ipvs_missing" not in ids)


@pytest.mark.parametrize(("scheduler", "flags", "mended"), [("rr", 0, True), ("sh", 0, False), ("sh", 8, True)])
def test_weight_0_is_a_remedy_only_where_others_get_the_clients(scheduler, flags, mended):
    service = replace(SERVICE, scheduler=scheduler, scheduler_flags=flags)
    facts = replace(HEALTHY, table=(Row(service, HEALTHY.table[0].servers),), answers={(POD, 80): ("refused", "no")})
    (told,) = examine(CHECKS, facts)[0]
    assert (told["id"], told["task"] is not None) == ("real_server_refusing", mended)
    assert ("delete it" in told["remedy"]) != mended
