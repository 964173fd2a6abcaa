# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a play grows with the number of nodes that are namespaces, on this machine's kernel: it needs root.

The peer of each figure is that of the smallest number of nodes, multiplied: a play whose time grows with the work has a
ratio of 1 or less. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bench

FOLDER = "/run/linuxnet-bench"
PROGRAM = bench.CHECKOUT / "roles" / "lab_host" / "files" / "lab_nodes.py"


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


def measure(count: int, forks: int) -> dict[str, float]:
    """Seconds to make nodes, to give each its pods, to find them so, and to take all away with what runs there."""
    found = {"made": nodes("present", count)}
    try:
        with inventory(count) as file:
            for run in ("built", "built again"):
                found[run], _printed = bench.playbook(
                    bench.BENCH / "nodes.yml", "--inventory", file, "--forks", str(forks), ANSIBLE_STRATEGY="linear"
                )
        running = list(inhabit(count))
    finally:
        found["taken away"] = nodes("absent", count)
    for process in running:
        process.wait()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nodes", type=int, nargs="*", default=[2, 8, 32], help="how many (2 8 32)")
    parser.add_argument("--forks", type=int, nargs="*", default=[5, 32], help="how many at once (5 32)")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("\nMany nodes are not measured: that needs root on this machine.")
        return
    for forks in options.forks:
        print(f"\n### Nodes with two pods each, {forks} forks\n")
        print("| nodes | | seconds | as many times the fewest nodes | ratio |\n| ---: | --- | ---: | ---: | ---: |")
        fewest: dict[str, float] = {}
        for count in options.nodes:
            for what, seconds in measure(count, forks).items():
                fewest.setdefault(what, seconds)
                peer = fewest[what] * count / options.nodes[0]
                print(f"| {count} | {what} | {seconds:.2f} | {peer:.2f} | {seconds / peer:.2f} |", flush=True)


if __name__ == "__main__":
    main()
