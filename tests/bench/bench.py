# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures that matter to a user of the lab, each beside a peer that is measured in the same run: see the ratios.

The node is the lab's own, made by playbooks/lab.yml, so these are the figures of this machine. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
BENCH = Path(__file__).resolve().parent
INVENTORY = CHECKOUT / ".lab" / "inventory.yml"
#: That of this environment, which need not be on the PATH
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
PEER = "ping"


def playbook(name: Path, *options: str | Path, **environment: str) -> tuple[float, str]:
    """Run a playbook and return its wall time in seconds and what it printed."""
    command = [str(word) for word in (PLAYBOOK, name, *options)]
    start = time.monotonic()
    done = subprocess.run(
        command, cwd=CHECKOUT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    seconds = time.monotonic() - start
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return seconds, done.stdout


def on_node(name: Path, **environment: str) -> tuple[float, str]:
    """Run a playbook on the lab's node with Ansible's own strategy."""
    return playbook(name, "--inventory", INVENTORY, **{"ANSIBLE_STRATEGY": "linear", **environment})


def task_times(rounds: int) -> dict[str, float]:
    """The median time of each task of tasks.yml, in seconds."""
    times: dict[str, list[float]] = defaultdict(list)
    for _round in range(rounds):
        _seconds, printed = on_node(BENCH / "tasks.yml", ANSIBLE_STDOUT_CALLBACK="ansible.posix.json")
        for task in json.loads(printed[printed.index("{") :])["plays"][0]["tasks"]:
            start, end = (datetime.fromisoformat(task["task"]["duration"][moment]) for moment in ("start", "end"))
            if any(host.get("changed") for host in task["hosts"].values()):
                sys.exit(f"{task['task']['name']} changed the node, which is not what is measured here")
            times[task["task"]["name"].removeprefix("Time ")].append((end - start).total_seconds())
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def table(title: str, peer: str, rows: Sequence[tuple[str, float, float, str]]) -> Iterator[str]:
    """A table in Markdown: each row is a name, its seconds, its peer's seconds and the aim."""
    yield from ("", f"### {title}", "", f"| | seconds | {peer} | ratio | aim |", "| --- | ---: | ---: | ---: | --- |")
    for name, seconds, against, aim in rows:
        yield f"| {name} | {seconds:.2f} | {against:.2f} | {seconds / against:.2f} | {aim} |"


def single_tasks(rounds: int) -> Iterator[str]:
    times = task_times(rounds)
    aims = dict.fromkeys(("netns", "veth_bridge", "hairpin", "virtual_ip"), "at most 2.5")
    rows = [
        (f"`{name}`", seconds, times[PEER], aims.get(name, "at most 1.5"))
        for name, seconds in times.items()
        if name != PEER
    ]
    yield from table(f"One task, nothing to change (median of {rounds})", "`ansible.builtin.ping`", rows)


def whole_topology(rounds: int) -> Iterator[str]:
    ours, theirs = [], []
    for _round in range(rounds):
        ours.append(on_node(CHECKOUT / "playbooks" / "topology_up.yml")[0])
        theirs.append(on_node(BENCH / "article.yml")[0])
    row = ("`playbooks/topology_up.yml`", statistics.median(ours), statistics.median(theirs), "at most 0.33")
    yield from table(
        f"The whole topology, second run (median of {rounds})", "a `command` for each command of the article", [row]
    )


def from_nothing(fresh: bool) -> Iterator[str]:
    yield from ("", "### From nothing to the finished, verified lab", "", "| | seconds | aim |", "| --- | ---: | --- |")
    if fresh:
        with tempfile.TemporaryDirectory() as cache:
            yield f"| without the image | {from_destroyed(XDG_CACHE_HOME=cache):.0f} | at most 360 |"
            playbook(CHECKOUT / "playbooks" / "host_down.yml", XDG_CACHE_HOME=cache)
    yield f"| with the image in the cache | {from_destroyed():.0f} | at most 150 |"


def from_destroyed(**environment: str) -> float:
    """The wall time of playbooks/lab.yml, in seconds, where there was no lab before."""
    playbook(CHECKOUT / "playbooks" / "host_down.yml", **environment)
    # The same machine everywhere, also where this one's own kernel has IPVS
    return playbook(CHECKOUT / "playbooks" / "lab.yml", "--extra-vars=lab_host_kind=vm", **environment)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often what is compared is run (3)")
    parser.add_argument("--fresh", action="store_true", help="also build the node's image anew, which takes minutes")
    options = parser.parse_args()
    for part in (from_nothing(options.fresh), single_tasks(options.rounds), whole_topology(options.rounds)):
        for line in part:
            print(line, flush=True)


if __name__ == "__main__":
    main()
