# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a play grows with the number of nodes that are namespaces, on this machine's kernel: it needs root.

The peer of each figure is that of the smallest number of nodes, multiplied: a play whose time grows with the work has a
ratio of 1 or less.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import steps
from figures import Figure, Measurement, Place, Unable
from runs import BENCH, playbook

#: How many nodes are compared, the fewest first; and how many Ansible works on at once
COUNTS, FORKS = (2, 8, 32), (5, 32)
FOLDER = "/run/linuxnet-bench"
PROGRAM = steps.CHECKOUT / "roles" / "lab_host" / "files" / "lab_nodes.py"


def nodes(command: str, count: int) -> float:
    """Make the nodes, or take them away; the seconds that it took."""
    settings = {
        "folder": FOLDER,
        "owner": "bench",
        "nodes": [{"name": f"node{number}", "address": f"100.64.0.{number}/16"} for number in range(1, count + 1)],
        "modules": [],
        "programs": {},
        "libraries": {},
        "least": {},
        "check": False,
    }
    start = time.monotonic()
    subprocess.run(
        [sys.executable, "-", command, json.dumps(settings)],
        input=PROGRAM.read_bytes(),
        capture_output=True,
        check=True,
    )
    return time.monotonic() - start


@contextmanager
def inventory(count: int) -> Iterator[Path]:
    hosts = {
        f"node{number}": {
            "ansible_netns": f"{FOLDER}/node{number}/net",
            "ansible_netns_mount": f"{FOLDER}/node{number}/mnt",
        }
        for number in range(1, count + 1)
    }
    way = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "ansible_become": True,
        "ansible_become_method": "linuxnet.ipvs.netns",
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "inventory.json"
        file.write_text(json.dumps({"nodes": {"hosts": hosts, "vars": way}}))
        yield file


def inhabit(count: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process for each pod, as the lab's web servers are, to be ended with the nodes."""
    for number in range(1, count + 1):
        node = f"{FOLDER}/node{number}"
        for pod in ("netns_dustin", "netns_leah"):
            into = [f"--net={node}/net", f"--mount={node}/mnt", "ip", "netns", "exec", pod]
            process = subprocess.Popen(["nsenter", *into, "sleep", "3600"])
            while Path(f"/proc/{process.pid}/comm").read_text() != "sleep\n":
                time.sleep(0.01)  # it is not there yet
            yield process


def _built(count: int, forks: int) -> dict[str, float]:
    """Seconds to make nodes, to give each its pods, to find them so, and to take all away with what runs there."""
    found = {"made": nodes("present", count)}
    try:
        with inventory(count) as file:
            for run in ("built", "built again"):
                found[run], _printed = playbook(
                    BENCH / "nodes.yml", "--inventory", file, "--forks", str(forks), ANSIBLE_STRATEGY="linear"
                )
        running = list(inhabit(count))
    finally:
        found["taken away"] = nodes("absent", count)
    for process in running:
        process.wait()
    return found


def measure(rounds: int) -> Iterator[Measurement]:
    if os.geteuid() != 0:
        raise Unable("that needs root on this machine")
    few, *more = COUNTS
    for forks in FORKS:
        found = []
        least = _rounds(few, forks, rounds)
        for count in more:
            for what, seconds in _rounds(count, forks, rounds).items():
                peer = f"{count // few} times {few} nodes"
                found.append(Figure(f"{count} nodes {what}", seconds, peer, least[what] * count / few, 1))
        yield Measurement(f"nodes-{forks}-forks", Place.here(), rounds, tuple(found))


def _rounds(count: int, forks: int, rounds: int) -> dict[str, float]:
    """The least of some rounds."""
    taken = [_built(count, forks) for _round in range(rounds)]
    return {what: min(each[what] for each in taken) for what in taken[0]}
