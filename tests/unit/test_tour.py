# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tour tells, and where it goes on."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "playbooks" / "tour.py"


@pytest.fixture(scope="module")
def tour():
    spec = importlib.util.spec_from_file_location("tour", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["tour"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["tour"]


@pytest.fixture
def table(tour):
    return tour.stages("en")


def row(client="dustin", target="virtual", **fields):
    url = {"dustin": "http://10.0.0.11:8080", "virtual": "http://10.100.100.100:8080"}[target]
    kept = {"asked": True, "answers": [], "failure": "", "as_expected": True}
    return {"client": client, "target": target, "url": url, **kept, **fields}


def test_every_stage_fits_a_terminal(tour, table):
    for number, stage in enumerate(table, start=1):
        lines = list(tour.before(number, len(table), stage, tour.Look(bold=False)))
        assert max(map(len, lines)) <= tour.WIDTH
        assert "\x1b" not in "".join(lines)
        pasted = "\n".join(line[4:] for line in lines if line.startswith(("  $ ", "    "))).replace(" \\\n", "")
        assert [" ".join(line.split()) for line in pasted.splitlines()] == [
            " ".join(c.split()) for c in stage["commands"]
        ]


def test_what_curl_says_stands_beside_what_it_should(tour, table):
    stage = next(stage for stage in table if stage["name"] == "bridge_netfilter")
    done = tour.Done(
        changed=["Set the kernel's switches"], matrix=[row(failure="timeout"), row(target="dustin", asked=False)]
    )
    lines = list(tour.after(stage, done))
    assert "  - Set the kernel's switches" in lines
    assert [line.split() for line in lines if "->" in line] == [
        ["dustin", "->", "10.100.100.100:8080", "timeout", "timeout"]
    ]
    assert max(map(len, lines)) <= tour.WIDTH


def test_what_is_not_as_expected_is_marked(tour, table):
    answers = ["leah", "dustin", "leah", "dustin"]
    (line,) = (
        line
        for line in tour.after(table[-1], tour.Done(matrix=[row(answers=answers, as_expected=False)]))
        if "->" in line
    )
    assert line.startswith("! dustin -> 10.100.100.100:8080")
    assert len(line) <= tour.WIDTH


def test_a_report_is_read(tour):
    matrix = [row()]
    report = {
        "plays": [
            {
                "tasks": [
                    {"task": {"name": "linuxnet.ipvs.pod_network : Bridge"}, "hosts": {"lab": {"changed": True}}},
                    {"task": {"name": "Keep"}, "hosts": {"lab": {"ansible_facts": {"reachability_matrix": matrix}}}},
                    {
                        "task": {"name": "Proof"},
                        "hosts": {"lab": {"failed": True, "results": [{"failed": True, "msg": "no answer"}]}},
                    },
                ]
            }
        ]
    }
    assert tour.read(report) == tour.Done(["Bridge"], ["Proof: no answer"], matrix)


@pytest.mark.parametrize("banner", ["", "[WARNING]: something\n", "Using a config {file}\n"])
def test_the_last_report_has_all_of_it(tour, banner):
    reports = [{"plays": [1]}, {"plays": [1, {"tasks": "{\n"}]}]
    printed = banner + "\n".join(json.dumps(report, indent=4) for report in reports) + "\n"
    assert tour.last_report(printed) == reports[-1]
    assert tour.last_report(banner) is None


@pytest.mark.parametrize(
    ("kept", "words", "number"),
    [
        (None, [], 0),
        ("bridge", [], 2),
        ("second_server", [], 0),
        ("of another version", [], 0),
        ("bridge", ["--restart"], 0),
        ("bridge", ["--from", "bridge"], 1),
    ],
)
def test_where_it_goes_on(tour, table, tmp_path, kept, words, number):
    names = [stage["name"] for stage in table]
    place = tour.Place(tmp_path / "new" / "tour.json")
    if kept:
        place.keep(kept)
        assert place.last() == kept
    assert tour.first(names, tour.arguments(names).parse_args(words), place) == number


@pytest.mark.parametrize("text", ["", "{}", "[]", json.dumps({"stage": None})])
def test_a_place_that_was_spoiled_is_none(tour, tmp_path, text):
    file = tmp_path / "tour.json"
    file.write_text(text)
    assert tour.Place(file).last() is None
