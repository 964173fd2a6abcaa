# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Large IPVS tables beside ipvsadm(8), on the lab's node and in one run: see the ratios. Nothing is asserted.

What is measured of ours is the module's whole work in a process that runs already: reading options or text, reading the
table, planning, encoding, sending, confirming. Left out is what Ansible needs to get there; a whole ansible-playbook
stands beside it.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import bench

sys.path.insert(0, str(bench.CHECKOUT / "tests" / "tools"))

from node import Node

NETNS = "bench"
SERVERS = 10


def lines(services: int, weight: int = 1) -> list[str]:
    """A table in ipvsadm's words; one real server of a hundred has another weight."""
    found = []
    for number in range(services):
        name = "-t 10.%d.%d.1:80" % (100 + number // 250, number % 250)
        found.append(f"-A {name} -s rr")
        for server in range(1, SERVERS + 1):
            other = weight if (number % 10, server) == (0, 1) else 1
            found.append(f"-a {name} -r 10.{number // 250}.{number % 250}.{server}:8080 -m -w {other}")
    return found


def ipvsadm(option: str, text: str = "") -> float:
    """The seconds that ipvsadm takes."""
    with Node(bench.INVENTORY) as node:
        done = node.ask(dict(command=["ip", "netns", "exec", NETNS, "ipvsadm", option], stdin=text))
        return float(done["took"]["seconds"])


def ours(**options: Any) -> tuple[float, float]:
    """The seconds that our module takes in a new process, and the most memory that the process had (MiB)."""
    with Node(bench.INVENTORY) as node:
        took = node.module("ipvs_table", netns=NETNS, purge=True, diff=False, **options)["took"]
        return took["seconds"], took["peak_kib"] / 1024


def played(text: str) -> float:
    """The seconds of a whole ansible-playbook with the one task, by Ansible's own strategy."""
    task = {"linuxnet.ipvs.ipvs_table": dict(netns=NETNS, purge=True, text=text)}
    play = dict(hosts="lab_nodes", gather_facts=False, become=True, tasks=[task])
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump([play], file)
        file.flush()
        seconds, _printed = bench.on_node(Path(file.name))
    return seconds


def rows(services: int) -> Iterator[tuple[str, float, str, float, str]]:
    """What is compared: our seconds, the peer and its seconds, and the aim."""
    text, changed = ("\n".join(lines(services, weight)) + "\n" for weight in (1, 2))
    ipvsadm("-C")
    restore = ipvsadm("-R", text)
    save = ipvsadm("-Sn")
    with Node(bench.INVENTORY) as node:
        listed = node.module("ipvs_info", netns=NETNS)["services"]
    other_listed = copy.deepcopy(listed)
    for service in other_listed[::SERVERS]:
        service["real_servers"][0]["weight"] = 2
    for form, options, other in (
        ("text", dict(text=text), dict(text=changed)),
        ("services", dict(services=listed), dict(services=other_listed)),
    ):
        ipvsadm("-C")
        seconds, _memory = ours(**options)
        yield f"`{form}` into an empty table", seconds, "`ipvsadm --restore`", restore, "at most 0.3"
        again, memory = ours(**options)
        yield f"`{form}` again ({memory:.0f} MiB)", again, "`ipvsadm --save`", save, "at most 1.5"
        seconds, _memory = ours(**other)
        yield f"`{form}`, 1 % changed", seconds, "nothing changed", again, "at most 1.2"
    ipvsadm("-C")
    yield "`text` into an empty table, the whole `ansible-playbook`", played(text), "`ipvsadm --restore`", restore, ""
    yield "`text` again, the whole `ansible-playbook`", played(text), "`ipvsadm --save`", save, ""
    ipvsadm("-C")


def growth(taken: list[tuple[int, dict[str, float]]]) -> Iterator[str]:
    """How the seconds of each row grow from one size of table to the next."""
    for (few, less), (many, more) in pairwise(taken):
        found = [
            (name, more[name], less[name], f"at most {1.1 * many / few:.0f}")
            for name in more
            if name in less and "playbook" not in name
        ]
        yield from bench.table(f"{many:,} virtual services", f"with {few:,}", found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, nargs="*", default=[100, 1000], help="sizes of tables (100 1000)")
    options = parser.parse_args()
    with Node(bench.INVENTORY) as node:
        node.command("ip", "netns", "add", NETNS)
        node.command("ip", "-n", NETNS, "link", "set", "lo", "up")
        try:
            taken: list[tuple[int, dict[str, float]]] = []
            for services in options.services:
                print(f"\n### {services:,} virtual services with {SERVERS} real servers each\n")
                print("| | seconds | peer | its seconds | ratio | aim |\n| --- | ---: | --- | ---: | ---: | --- |")
                taken.append((services, {}))
                for name, seconds, peer, against, aim in rows(services):
                    taken[-1][1][name.partition(" (")[0]] = seconds
                    print(
                        f"| {name} | {seconds:.2f} | {peer} | {against:.2f} | {seconds / against:.2f} | {aim} |",
                        flush=True,
                    )
            for line in growth(taken):
                print(line)
        finally:
            node.command("ip", "netns", "del", NETNS)


if __name__ == "__main__":
    main()
