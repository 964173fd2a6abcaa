# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each module as one task that changes nothing, beside `ansible.builtin.ping`, with Ansible's own strategy."""

from __future__ import annotations

import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from figures import Figure, Measurement, Place
from node import Node
from runs import BENCH, INVENTORY, on_node

PEER = "ping"


def measure(rounds: int) -> Iterator[Measurement]:
    times = task_times(rounds)
    with Node(INVENTORY) as node:
        place = Place.there(node)
    peer = "`ansible.builtin.ping`"
    found = [Figure(f"`{name}`", taken, peer, times[PEER], 1.15) for name, taken in times.items() if name != PEER]
    yield Measurement("tasks", place, rounds, tuple(found))


def task_times(rounds: int) -> dict[str, float]:
    """The median time of each task of tasks.yml, in seconds."""
    times: dict[str, list[float]] = defaultdict(list)
    on_node(BENCH / "tasks.yml")  # what is only once there, such as a set of nftables
    for _round in range(rounds):
        _seconds, printed = on_node(BENCH / "tasks.yml", ANSIBLE_STDOUT_CALLBACK="ansible.posix.json")
        for task in json.loads(printed[printed.index("{") :])["plays"][0]["tasks"]:
            name = task["task"]["name"]
            start, end = (datetime.fromisoformat(task["task"]["duration"][moment]) for moment in ("start", "end"))
            if any(host.get("changed") for host in task["hosts"].values()):
                sys.exit(f"{name} changed the node, which is not what is measured here")
            if name.startswith("Time "):
                times[name.removeprefix("Time ")].append((end - start).total_seconds())
    return {name: statistics.median(seconds) for name, seconds in times.items()}
