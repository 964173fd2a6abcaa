# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What web servers in namespaces mean, and which of them do not run as they should."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.linuxnet.ipvs.plugins.filter.http_backends_plan import http_backends_plan

VERSION = ["systemd", "systemd 252 (252.39-1~deb12u1)", "+PAM +AUDIT", ""]


def plan(*servers, looked=(), **options):
    settings = {"folder": "/run/systemd/system", "python": "/usr/bin/python3", "template": "T", "program": "P"}
    return http_backends_plan(servers, "web", looked, **{**settings, **options})


def sums(*servers, **options):
    return {each["name"]: each["made_from"] for each in plan(*servers, **options)["wrong"]}


def shown(name, made_from, **changes):
    """What the look prints of a service that runs as it should, but for changes; None leaves a line out."""
    lines = {
        "Id": f"web-{name}.service",
        "ActiveState": "active",
        "Environment": f"MADE_FROM={made_from}",
        "FragmentPath": f"/run/systemd/system/web-{name}.service",
        "MainPID": "7",
        "NeedDaemonReload": "no",
        "MADE_FROM": made_from,
    }
    return [f"{key}={value}" for key, value in {**lines, **changes}.items() if value is not None]


@pytest.mark.parametrize(
    ("servers", "words"),
    [
        ([{"name": "a b"}], "'a b' cannot be a server's or the group's name"),
        ([{"name": "a" * 65}], "cannot be a server's"),
        ([{"name": "a\n"}], "cannot be a server's"),
        ([{"name": "a", "port": 0}], "port 0 of 'a' is not a number from 1 to 65535"),
        ([{"name": "a", "port": 65536}], "port 65536 of 'a'"),
        ([{"name": "a", "netns": "x/y"}], "'x/y' cannot be a namespace's name"),
        ([{"name": "a"}, {"name": "a", "port": 81}], "two servers have the same name"),
    ],
)
def test_what_cannot_be_meant(servers, words):
    (problem,) = plan(*servers)["problems"]
    assert words in problem


def test_the_groups_name_is_looked_at_too():
    assert "'a/b' cannot be" in http_backends_plan([{"name": "a"}], "a/b")["problems"][0]
    assert http_backends_plan([{"name": "a", "netns": "n@1", "port": 80}], "web")["problems"] == []


def test_a_server_that_runs_as_it_should_is_left_alone():
    servers = [{"name": "a", "netns": "n"}, {"name": "b"}]
    made_from = sums(*servers)
    looked = [*VERSION, *shown("a", made_from["a"]), "", *shown("b", made_from["b"])]
    found = plan(*servers, looked=looked)
    assert (found["systemd"], found["wrong"]) == (252, [])
    assert plan(*servers, looked=[line + "\r" for line in looked])["wrong"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"ActiveState": "activating"},
        {"Environment": "MADE_FROM=other"},
        {"MADE_FROM": None},
        {"MADE_FROM": "other"},
        {"FragmentPath": "/etc/systemd/system/web-a.service"},
        {"NeedDaemonReload": "yes"},
    ],
)
def test_one_that_does_not_is_wrong(changes):
    servers = [{"name": "a"}, {"name": "b"}]
    made_from = sums(*servers)
    looked = [*VERSION, *shown("a", made_from["a"], **changes), "", *shown("b", made_from["b"])]
    assert sums(*servers, looked=looked) == {"a": made_from["a"]}


def test_all_are_wrong_where_nothing_runs():
    assert plan({"name": "a"})["systemd"] is None
    assert list(sums({"name": "a"}, {"name": "b"})) == ["a", "b"]


def test_a_sum_tells_whatever_a_unit_is_made_of():
    server = {"name": "a", "port": 80}
    found = [
        sums(server),
        sums({**server, "port": 81}),
        sums(server, python="/opt/python"),
        sums(server, template="other"),
    ]
    assert len({each["a"] for each in found}) == len(found)
    assert sums({"port": 80, "name": "a"}) == found[0]


def test_the_supervisor_is_told_everything():
    (server,) = plan({"name": "a", "port": "81"})["supervised"]
    made_from = server.pop("made_from")
    assert server == {"name": "a", "netns": "", "port": 81, "address": "", "content": "a\n"}
    assert made_from != plan({"name": "a"}, program="other")["supervised"][0]["made_from"]


def test_a_server_without_a_name_is_refused():
    with pytest.raises(AnsibleFilterError, match="each a dict with a name"):
        plan({"port": 80})
