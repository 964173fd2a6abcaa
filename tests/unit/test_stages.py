# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of stages is complete, and its commands are the article's."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
STAGES = yaml.safe_load((CHECKOUT / "playbooks" / "vars" / "stages.yml").read_text())["lab_stages"]
PLACES = ("dustin", "leah", "virtual")
#: Those of the article, and what is beyond
ARTICLE = [stage for stage in STAGES if "manifests" not in stage]
TYPED = ("sysctl", "ip ", "mkdir -p /etc", 'echo "names', "iptables", "ipvsadm", "ipset", "modprobe", "brctl")
FAILURES = ("refused", "timeout", "unreachable", "outside", "nobody")


def typed():
    """The commands of the article's script, without what only looks, loops or stands for the servers."""
    text = (CHECKOUT / "molecule" / "article" / "article.sh").read_text().split('echo "1 forward"')[1]
    for line in text.splitlines():
        if line.startswith(TYPED):
            yield line


def test_the_commands_are_those_of_the_article():
    told = [command for stage in STAGES for command in stage["commands"] if "http.server" not in command]
    assert told == list(typed())


def test_no_name_twice():
    names = [stage["name"] for stage in STAGES]
    assert len(set(names)) == len(names) == 18


def test_one_stage_is_beyond_the_article_and_comes_last():
    assert [stage["name"] for stage in STAGES] == [*(stage["name"] for stage in ARTICLE), "service"]
    (beyond,) = STAGES[len(ARTICLE) :]
    assert beyond["commands"] == []
    assert (CHECKOUT / "playbooks" / beyond["manifests"]).is_file()


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage["name"])
def test_every_cell_is_said(stage):
    assert list(stage["expect"]) == ["host", "dustin", "leah"]
    for row in stage["expect"].values():
        assert tuple(row) == (*PLACES, *(target["name"] for target in stage.get("targets", ())))
        assert all(cell in FAILURES or set(cell) <= {"dustin", "leah"} for cell in row.values())


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage["name"])
def test_the_texts_are_there_and_speak_of_cells(stage):
    for language in stage.keys() - {"name", "commands", "expect", "trace", "manifests", "targets"}:
        text = stage[language]
        assert all(text[key].strip() for key in ("title", "done", "why"))
        assert all(stage["expect"][client][target] for client, row in text["because"].items() for target in row)
    assert "en" in stage


def test_some_stages_have_a_packet_to_follow():
    names = [stage["name"] for stage in STAGES if "trace" in stage]
    assert {"servers", "virtual_service", "bridge_netfilter", "hairpin", "promiscuous", "second_server"} < set(names)


@pytest.mark.parametrize(
    ("before", "stage"),
    [pair for pair in pairwise(STAGES) if "trace" in pair[1]],
    ids=lambda stage: stage["name"],
)
def test_a_trace_ends_as_the_table_says_of_its_cell(before, stage):
    trace = stage["trace"]
    assert set(trace) <= {"from", "to", "by", "before", "halfway", "after"}
    # Halfway, the lab is taken on from the stage before, which has to be there for that.
    assert "halfway" not in trace or "before" in trace
    switches = [f"sysctl --write {name}={value}" for name, value in trace.get("halfway", {}).get("sysctl", {}).items()]
    assert "manifests" in stage or set(switches) < set(stage["commands"])
    for moment, at in (("before", before), ("after", stage)):
        # What a stage brings with it, nobody has before.
        cell = at["expect"][trace["from"]].get(trace["to"], "outside")
        if moment in trace:
            assert trace[moment]["outcome"] == (cell if isinstance(cell, str) else "answered")
            assert all(trace[moment]["says"])
        else:
            # Who asks then asks the world outside of the node.
            assert cell == "outside"
    # It tells of something that the stage has changed.
    assert trace.get("before") != trace["after"]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage["name"])
def test_a_failure_of_the_virtual_address_has_its_reason(stage):
    told = stage["en"]["because"]
    failing = [client for client, row in stage["expect"].items() if row["virtual"] == "timeout"]
    assert all("virtual" in told.get(client, {}) for client in failing)
