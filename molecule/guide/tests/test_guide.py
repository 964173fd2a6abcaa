# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guide does what it says: its commands print what stands there, and its tasks are the commands' equals."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import guide
import kernel
import pytest
import yaml

CHAPTERS = guide.chapters(guide.ENGLISH.read_text())
STAGES = [chapter for chapter in CHAPTERS if chapter.stage]
#: Behind these stages the tasks are asked. What a stage has made holds until the next of these.
ASKED = ("servers", "promiscuous", "masquerade_dustin", "second_server")
NAMESPACES = ("netns_dustin", "netns_leah")
#: What a person would look at to see that everything has been taken away
TRACES = """(
ip -br address; ip route; ip netns; ls /run/guide /etc/netns/*; iptables-save | grep ^-A; ipvsadm -Sn; ipset save
systemctl list-units --all --plain --no-legend 'web-*'; sysctl net.ipv4.ip_forward
) 2>&1; true"""


class Node:
    """What is read of the node; by plain ssh, since Ansible's way costs seconds each time."""

    def __init__(self, state_dir: Path) -> None:
        config = state_dir / "ssh_config"
        (name,) = (line.split()[1] for line in config.read_text().splitlines() if line.startswith("Host "))
        self._way = ["ssh", "-F", str(config), name, "--"]

    def check_output(self, command: str) -> str:
        done = subprocess.run([*self._way, command], stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout.rstrip("\n")


@dataclass(frozen=True)
class Question:
    """What is asked of the tasks: whether those of some stages are done, and whether those of others are not."""

    done: Sequence[guide.Chapter]
    coming: Sequence[guide.Chapter]


def groups() -> Iterator[list[guide.Chapter]]:
    """The stages, cut behind each of ASKED."""
    ends = [0, *(1 + [chapter.stage for chapter in STAGES].index(stage) for stage in ASKED)]
    assert ends[-1] == len(STAGES)
    for start, end in pairwise(ends):
        yield STAGES[start:end]


def course() -> Iterator[object]:
    """What the test does, in order, each thing with a name."""
    questions = [Question(*pair) for pair in zip([[], *groups()], [*groups(), []], strict=True)]
    for chapter in CHAPTERS:
        if chapter is STAGES[0]:
            yield pytest.param(questions.pop(0), id="tasks-before-all")
        yield pytest.param(chapter, id=chapter.stage or chapter.title.replace(" ", "-") or "start")
        if chapter.stage in ASKED:
            yield pytest.param(questions.pop(0), id=f"tasks-after-{chapter.stage}")


@pytest.fixture(scope="module")
def state_dir(inventory):
    return Path(inventory).resolve().parent


@pytest.fixture(scope="module")
def reader(state_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkout")
    guide.checkout_beside(folder, state_dir)
    with guide.Reader(folder, {**os.environ, "ANSIBLE_CONFIG": str(folder / "ansible.cfg")}) as someone:
        yield someone


@pytest.fixture(scope="module")
def node(state_dir):
    return Node(state_dir)


@pytest.fixture(scope="module")
def seen():
    """What is kept from one test to a later one; each finds the node as the one before it left it."""
    return {"wrong": False}


@pytest.mark.parametrize("part", list(course()))
def test_guide(node, reader, play, seen, part):
    assert not seen["wrong"], "something before has gone wrong already"
    seen["wrong"] = True
    if isinstance(part, Question):
        ask(play, part)
    else:
        compare(node, seen, part)
        for command in part.commands:
            reader.type(command)
    seen["wrong"] = False


def ask(play, question):
    """The tasks of stages that commands have built find nothing to do; those of the stages to come have something."""
    asked = [*question.done, *question.coming]
    tasks = {chapter.stage: {task["name"] for task in yaml.safe_load(chapter.tasks)} for chapter in asked}
    run = play("guide.yml", "--check", "--tags", ",".join(tasks))
    assert run.code == 0, run.account
    assert {outcome.task for outcome in run.outcomes} == set().union(*tasks.values())
    changed = {outcome.task for outcome in run.changed}
    assert {stage for stage, names in tasks.items() if names & changed} == {each.stage for each in question.coming}


def compare(node, seen, chapter):
    """Before some chapters: the commands leave nothing behind, and all tasks together lead to where they lead."""
    if chapter is STAGES[0]:
        seen["bare"] = node.check_output(TRACES)
    elif chapter.title == "Take it away":
        seen["built"] = kernel.read(node, NAMESPACES)
    elif chapter.title == "Any stage at once":
        assert node.check_output(TRACES) == seen["bare"]
    elif chapter.title == "Give the node back":
        assert list(kernel.differences(seen["built"], kernel.read(node, NAMESPACES))) == []
        seen["compared"] = True
    elif chapter.title == "Where to look further":
        assert seen["compared"]
