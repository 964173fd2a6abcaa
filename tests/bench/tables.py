# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Large IPVS tables beside ipvsadm(8), on the lab's node and in one run: see the ratios. Nothing is asserted.

What is measured of ours is the module's own code in a process that runs already: reading options or text, reading the
table, planning, encoding, sending, confirming. Beside it stands the same with what Ansible does in that process before
and after it; and a whole ansible-playbook.
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import bench
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


def renew() -> None:
    """Have a namespace without a table. One that was emptied would not do.

    The kernel looks for each new real server among those deleted during the last two minutes (ip_vs_trash_get_dest()).
    """
    with Node(bench.INVENTORY) as node:
        if NETNS in node.command("ip", "netns", "list").split():
            node.command("ip", "netns", "exec", NETNS, "ipvsadm", "--clear")
            node.command("ip", "netns", "del", NETNS)
        node.command("ip", "netns", "add", NETNS)
        node.command("ip", "-n", NETNS, "link", "set", "lo", "up")


def ipvsadm(option: str, text: str = "") -> float:
    """The seconds that ipvsadm takes."""
    with Node(bench.INVENTORY) as node:
        done = node.ask(dict(command=["ip", "netns", "exec", NETNS, "ipvsadm", option], stdin=text))
        return float(done["took"]["seconds"])


class Taken(NamedTuple):
    """What our module takes in a new process: seconds of its own, with Ansible's part, and MiB at its peak."""

    own: float
    whole: float
    memory: float


def ours(**options: Any) -> Taken:
    with Node(bench.INVENTORY) as node:
        took = node.module("ipvs_table", netns=NETNS, purge=True, diff=False, **options)["took"]
        return Taken(took["seconds"] - took["ansible_seconds"], took["seconds"], took["peak_kib"] / 1024)


def played(text: str) -> float:
    """The seconds of a whole ansible-playbook with the one task, by Ansible's own strategy."""
    task = {"linuxnet.ipvs.ipvs_table": dict(netns=NETNS, purge=True, text=text)}
    play = dict(hosts="lab_nodes", gather_facts=False, become=True, tasks=[task])
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump([play], file)
        file.flush()
        seconds, _printed = bench.on_node(Path(file.name))
    return seconds


#: Rules of a block list, beside which the doctor looks at the table once more.
RULES = 1000


def doctor() -> tuple[float, float]:
    """The seconds of ipvs_info, which reads the table, and of ipvs_doctor, which looks for what is wrong with it."""
    with Node(bench.INVENTORY) as node:
        took = (
            node.module("ipvs_info", netns=NETNS)["took"],
            node.module("ipvs_doctor", netns=NETNS, probe=False, ignore=["address_missing"])["took"],
        )
    reading, looking = (each["seconds"] - each["ansible_seconds"] for each in took)
    return reading, looking


def blocked() -> None:
    """Have rules that drop what some others send."""
    rules = "".join(f"-A INPUT -s 198.51.{number // 250}.{number % 250} -j DROP\n" for number in range(RULES))
    with Node(bench.INVENTORY) as node:
        words = ["ip", "netns", "exec", NETNS, "iptables-restore"]
        node.ask(dict(command=words, stdin=f"*filter\n{rules}COMMIT\n"))


class Row(NamedTuple):
    """What is compared: our seconds, the peer and its seconds, and the aim; and where we have it, what we took."""

    name: str
    seconds: float
    peer: str
    against: float
    aim: str = ""
    taken: Taken | None = None

    def __str__(self) -> str:
        whole, memory = (f"{self.taken.whole:.2f}", f"{self.taken.memory:.0f}") if self.taken else ("", "")
        ratio = self.seconds / self.against
        return (
            f"| {self.name} | {self.seconds:.2f} | {self.peer} | {self.against:.2f} | {ratio:.2f} | {self.aim} "
            f"| {whole} | {memory} |"
        )


HEAD = """
| | seconds | peer | its seconds | ratio | aim | with Ansible's part | MiB |
| --- | ---: | --- | ---: | ---: | --- | ---: | ---: |"""


def rows(services: int, rounds: int) -> Iterator[Row]:
    """Each the least of all rounds, since whatever else the machine does only adds to it."""
    restored: list[float] = []
    saved: list[float] = []
    taken: dict[str, list[tuple[Taken, ...]]] = {"text": [], "services": []}
    text, changed = ("\n".join(lines(services, weight)) + "\n" for weight in (1, 2))
    renew()
    ipvsadm("-R", text)
    with Node(bench.INVENTORY) as node:
        listed = node.module("ipvs_info", netns=NETNS)["services"]
    other_listed = copy.deepcopy(listed)
    for service in other_listed[::SERVERS]:
        service["real_servers"][0]["weight"] = 2
    wished = {
        "text": (dict(text=text), dict(text=changed)),
        "services": (dict(services=listed), dict(services=other_listed)),
    }
    # In turns, so that what else the machine does meets all of them.
    for _round in range(rounds):
        renew()
        restored.append(ipvsadm("-R", text))
        saved.append(ipvsadm("-Sn"))
        for form, (options, other) in wished.items():
            renew()
            taken[form].append((ours(**options), ours(**options), ours(**other)))
    restore, save = min(restored), min(saved)
    for form, rounds_taken in taken.items():
        new, same, some = map(min, zip(*rounds_taken, strict=True))
        yield Row(f"`{form}` into an empty table", new.own, "`ipvsadm --restore`", restore, "at most 0.3", new)
        yield Row(f"`{form}` again", same.own, "`ipvsadm --save`", save, "at most 1.5", same)
        yield Row(f"`{form}`, 1 % changed", some.own, "nothing changed", same.own, "at most 1.2", some)
    renew()
    ipvsadm("-R", text)
    reading, looking = map(min, zip(*(doctor() for _round in range(rounds)), strict=True))
    yield Row("`ipvs_doctor`", looking, "`ipvs_info`", reading, "at most 2")
    blocked()
    reading, looking = map(min, zip(*(doctor() for _round in range(rounds)), strict=True))
    yield Row(f"`ipvs_doctor` beside {RULES:,} rules", looking, "`ipvs_info`", reading, "at most 2")
    renew()
    yield Row("`text` into an empty table, the whole `ansible-playbook`", played(text), "`ipvsadm --restore`", restore)
    yield Row("`text` again, the whole `ansible-playbook`", played(text), "`ipvsadm --save`", save)


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
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run (3)")
    options = parser.parse_args()
    try:
        taken: list[tuple[int, dict[str, float]]] = []
        for services in options.services:
            print(f"\n### {services:,} virtual services with {SERVERS} real servers each")
            print(HEAD)
            taken.append((services, {}))
            for row in rows(services, options.rounds):
                taken[-1][1][row.name] = row.seconds
                print(row, flush=True)
        for line in growth(taken):
            print(line)
    finally:
        with Node(bench.INVENTORY) as node:
            node.command("ip", "netns", "del", NETNS)


if __name__ == "__main__":
    main()
