# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each client's curl asks, and what its answers are worth."""

from __future__ import annotations

import itertools
import subprocess
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.linuxnet.ipvs.plugins.filter.reachability import reachability_matrix, reachability_requests

WEB: dict[str, Any] = dict(name="web", url="http://198.51.100.10", answers=["one", "two"], turns=True)
OTHER: dict[str, Any] = dict(name="other", url="http://198.51.100.11")


def printed(*answers):
    """What curl writes: pages, or exit codes."""
    records = [("", str(each), "its words") if isinstance(each, int) else (f"{each}\n", "0", "") for each in answers]
    return "".join("\x1f".join(record) + "\x1e" for record in records)


def matrix(output, *targets, expectations=()):
    return reachability_matrix([dict(item=dict(client=dict(name="host")), stdout=output)], targets, expectations)


def test_one_curl_asks_everyone():
    (request,) = reachability_requests([dict(name="pod", netns="blue")], [WEB, OTHER], (), 2, 7)
    words = request["argv"]
    assert words[:6] == ["ip", "netns", "exec", "blue", "curl", "--disable"]
    asked = [list(group) for is_next, group in itertools.groupby(words, "--next".__eq__) if not is_next]
    assert [each.count(target["url"]) for each, target in zip(asked, (WEB, OTHER), strict=True)] == [4, 1]
    for each in asked:
        assert each[each.index("--connect-timeout") + 1] == "2"
        assert each[each.index("--max-time") + 1] == "4"
        assert each[each.index("--retry-max-time") + 1] == "7"


def test_what_is_to_fail_is_asked_once_and_not_again():
    fails = dict(client="host", target="web", failure="refused")
    ((request),) = reachability_requests([dict(name="host")], [WEB], [fails])
    assert request["argv"].count(WEB["url"]) == 1
    assert "--retry" not in request["argv"]


def test_who_asks_nobody_runs_nothing():
    (request,) = reachability_requests([dict(name="host")], [dict(WEB, clients=["pod"])])
    assert request["argv"] == []
    (row,) = matrix("", dict(WEB, clients=["pod"]))
    assert (row["asked"], row["reached"], row["as_expected"]) == (False, False, True)


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        (("one", "two", "one", "two"), ""),
        (("two", "one", "two", "one"), ""),
        (("one", "one", "two", "two"), "the servers do not take turns: one, one, two, two"),
        (("one", "one", "one", "one"), "two did not answer in 4 requests"),
        (("one", "two", "three", "two"), "answered by three"),
        (("one", "two"), "curl ended before it had asked"),
        (("one", 28, "one", "two"), "curl exit code 28, its words"),
    ],
)
def test_servers_that_take_turns(answers, problem):
    (row,) = matrix(printed(*answers), WEB)
    assert row["problem"] == problem
    assert row["reached"] is row["as_expected"] is (problem == "")


@pytest.mark.parametrize(
    ("failure", "answer", "problem"),
    [
        ("refused", 7, ""),
        ("timeout", 28, ""),
        ("unreachable", 7, ""),
        ("unreachable", 28, ""),
        ("refused", 28, "curl exit code 28, its words, where refused was expected"),
        ("timeout", "one", "answered by one, where timeout was expected"),
    ],
)
def test_what_is_to_fail(failure, answer, problem):
    expected = [dict(client="host", target="web", failure=failure)]
    (row,) = matrix(printed(answer), WEB, expectations=expected)
    assert (row["problem"], row["failing"], row["reached"]) == (problem, True, False)
    assert row["failure"] == ("" if answer == "one" else {7: "refused or without a route", 28: "timeout"}[answer])


def test_answers_are_those_of_their_own_target():
    web, other = matrix(printed("one", "two", "one", "two", "any"), WEB, OTHER)
    assert web["answers"] == ["one", "two", "one", "two"]
    assert other["answers"] == ["any"]
    assert web["reached"] is other["reached"] is True


def test_any_of_several_will_do_where_that_is_said():
    assert matrix(printed("one", "one"), dict(WEB, turns=False, every=False))[0]["reached"] is True


def test_a_curl_reads_what_is_written_for_it():
    """By the real program, which refuses what it does not know before it asks anybody."""
    (request,) = reachability_requests([dict(name="host")], [dict(OTHER, url="http://127.0.0.1:9")], (), 1, 1)
    done = subprocess.run(request["argv"], capture_output=True, text=True, check=False)
    (row,) = matrix(done.stdout, dict(OTHER, url="http://127.0.0.1:9"))
    assert row["failure"] == "refused or without a route"


@pytest.mark.parametrize("target", [dict(url="http://198.51.100.10"), dict(name="web")])
def test_what_is_no_target_is_refused(target):
    with pytest.raises(AnsibleFilterError, match="a target a name and a url"):
        reachability_requests([dict(name="host")], [target])
