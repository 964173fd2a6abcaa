# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tour's way to the lab: plays are run, and what they report is read."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PLAYBOOKS = Path(__file__).resolve().parents[1]
#: The task that follows a packet
FOLLOWING = "Open a connection and follow it"
#: The plays with which another moment of a stage begins; what is traced ahead of them is ``before`` it.
MOMENTS = {"Do half of the stage": "halfway", "Build the topology": "after"}

Stage = Mapping[str, Any]


class Failed(Exception):
    """A stage could not be built, or is not what the table says."""


@dataclass
class Done:
    """What a run of the plays reported."""

    changed: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    matrix: list[dict[str, Any]] = field(default_factory=list)
    #: What packet_trace saw, by the moment
    followed: dict[str, dict[str, Any]] = field(default_factory=dict)


def build(inventory: Path, stage: Stage, variables: Sequence[str], *, behind: Stage | None) -> Done:
    """Take the lab to a stage and prove it.

    Args:
        inventory: Where the lab is.
        stage: The stage; where it has a connection to follow, that is followed before it and behind the proof.
        variables: Further variables for Ansible.
        behind: The stage before. The lab may be at any other one, and is taken there first if a connection is to be
            followed there. None: there is none, or the lab is there.

    Raises:
        Failed: Ansible could not say what happened, or not take the lab to the stage before.
    """
    trace = stage.get("trace", {})
    if behind and "before" in trace:
        ready = ansible(inventory, ["topology_up.yml"], {"lab_stage": behind["name"]}, variables)
        if ready.failures:
            raise Failed("\n".join(ready.failures))
    plays = [
        *(["trace.yml"] if "before" in trace else []),
        *(["tour/halfway.yml", "trace.yml"] if "halfway" in trace else []),
        *["topology_up.yml", "verify.yml"],
        *(["trace.yml"] if trace else []),
    ]
    # What is traced is judged here: a trace that cannot be made is no reason to leave the stage unbuilt.
    chosen = {"lab_stage": stage["name"], "trace_optional": True}
    chosen |= {f"trace_{name}": trace[name] for name in ("from", "to", "by") if name in trace}
    return ansible(inventory, plays, chosen, variables)


def ansible(inventory: Path, plays: Sequence[str], chosen: Mapping[str, Any], variables: Sequence[str]) -> Done:
    """Run plays.

    Raises:
        Failed: Ansible could not say what happened.
    """
    command = ["ansible-playbook", "--inventory", str(inventory), *(str(PLAYBOOKS / play) for play in plays)]
    command += ["--extra-vars", json.dumps(chosen)]
    for each in variables:
        command += ["--extra-vars", each]
    ran = subprocess.run(
        command,
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_DEPRECATION_WARNINGS": "false"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    report = last_report(ran.stdout)
    if report is None:
        raise Failed((ran.stderr or ran.stdout).strip())
    done = read(report)
    if ran.returncode != 0 and not done.failures:
        raise Failed((ran.stderr or ran.stdout).strip())
    return done


def last_report(output: str) -> Any:
    """The last report in JSON that Ansible printed: it prints one behind each playbook, with those before in it."""
    report = None
    decoder = json.JSONDecoder()
    start = 0 if output.startswith("{\n") else output.find("\n{\n") + 1
    while start >= 0 and output.startswith("{\n", start):
        report, end = decoder.raw_decode(output, start)
        start = output.find("{\n", end)
    return report


def read(report: Mapping[str, Any]) -> Done:
    """What the plays' report in JSON says of changes, failures, answers and traces."""
    done = Done()
    moment = "before"
    for play in report["plays"]:
        moment = MOMENTS.get(play["play"]["name"], moment)
        for task in play["tasks"]:
            for result in task["hosts"].values():
                name = task["task"]["name"].rpartition(" : ")[2]
                if result.get("changed") and name not in done.changed:
                    done.changed.append(name)
                if result.get("failed") or result.get("unreachable"):
                    done.failures.append(f"{name}: {_message(result)}")
                done.matrix = result.get("ansible_facts", {}).get("reachability_matrix", done.matrix)
                if "verdict" in result:
                    done.followed[moment] = result
                elif name == FOLLOWING and "msg" in result:
                    done.followed[moment] = unfollowed(_message(result))
    return done


def unfollowed(message: str) -> dict[str, Any]:
    """What stands for a trace that could not be made."""
    return {"verdict": [{"text": message, "basis": "observed", "evidence": ""}], "packets": []}


def _message(result: Mapping[str, Any]) -> str:
    items = [item for item in result.get("results", []) if item.get("failed")]
    return str((items[0] if items else result).get("msg", "failed")).strip()
