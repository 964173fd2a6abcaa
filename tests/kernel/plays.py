# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of playbooks from within a test, and what each of their tasks reported."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import steps

PLAYBOOKS = steps.CHECKOUT / "playbooks"


@dataclass(frozen=True)
class Outcome:
    """What a task reported for a host, or for one item of its loop."""

    task: str
    item: str
    changed: bool
    diff: Any
    failed: bool
    msg: str


@dataclass(frozen=True)
class Run:
    """A playbook's run that has ended."""

    code: int
    outcomes: Sequence[Outcome]
    output: str

    @property
    def changed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.changed]

    @property
    def failures(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.failed]

    @property
    def account(self) -> str:
        """What went wrong, in short: each failure, or all that was printed where no task has failed."""
        return "\n".join(f"{each.task} ({each.item}): {each.msg}" for each in self.failures) or self.output


def command(inventory: str | None, playbook: Path, arguments: Sequence[str] = ()) -> list[str]:
    """The command that plays a playbook against an inventory, or without one."""
    named = [] if inventory is None else ["--inventory", inventory]
    return ["ansible-playbook", *named, str(playbook), *arguments]


def play(inventory: str | None, playbook: Path, *arguments: str) -> Run:
    """Play a playbook to its end, whatever that is."""
    done = subprocess.run(
        command(inventory, playbook, arguments),
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    _banner, brace, text = done.stdout.partition("{\n")
    outcomes = list(_outcomes(json.loads(brace + text))) if brace else []
    return Run(done.returncode, outcomes, done.stdout + done.stderr)


def _outcomes(report: dict[str, Any]) -> Iterator[Outcome]:
    for play in report["plays"]:
        for task in play["tasks"]:
            for result in task["hosts"].values():
                for each in result.get("results", [result]):
                    yield Outcome(
                        task=task["task"]["name"],
                        item=json.dumps(each.get(each.get("ansible_loop_var"))),
                        changed=bool(each.get("changed")),
                        diff=_without_paths(each.get("diff")),
                        failed=bool(each.get("failed")) or bool(each.get("unreachable")),
                        msg=str(each.get("msg", "")),
                    )


def _without_paths(diff: Any) -> Any:
    """A diff without its headers: for a template they name a temporary file."""
    if isinstance(diff, list):
        return [_without_paths(each) for each in diff]
    if isinstance(diff, dict):
        return {key: value for key, value in diff.items() if not key.endswith("_header")}
    return diff
