# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Large IPVS tables beside ipvsadm(8), on the lab's node and in one run.

What is measured of ours is the module's own code in a process that runs already: reading options or text, reading the
table, planning, encoding, sending, confirming. Beside it stands the same with what Ansible does in that process before
and after it; and a whole ansible-playbook.
"""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from figures import Figure, Measurement, Place
from node import Node
from runs import INVENTORY, on_node

NETNS = "bench"
SERVERS = 10
RESTORE, SAVE, UNCHANGED = "`ipvsadm --restore`", "`ipvsadm --save`", "nothing changed"


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
    with Node(INVENTORY) as node:
        if NETNS in node.command("ip", "netns", "list").split():
            node.command("ip", "netns", "exec", NETNS, "ipvsadm", "--clear")
            node.command("ip", "netns", "del", NETNS)
        node.command("ip", "netns", "add", NETNS)
        node.command("ip", "-n", NETNS, "link", "set", "lo", "up")


def ipvsadm(option: str, text: str = "") -> float:
    """The seconds that ipvsadm takes."""
    with Node(INVENTORY) as node:
        done = node.ask(dict(command=["ip", "netns", "exec", NETNS, "ipvsadm", option], stdin=text))
        return float(done["took"]["seconds"])


class Taken(NamedTuple):
    """What our module takes in a new process: seconds of its own, with Ansible's part, and MiB at its peak."""

    own: float
    whole: float
    memory: float


def ours(**options: Any) -> Taken:
    with Node(INVENTORY) as node:
        took = node.module("ipvs_table", netns=NETNS, purge=True, diff=False, **options)["took"]
        return Taken(took["seconds"] - took["ansible_seconds"], took["seconds"], took["peak_kib"] / 1024)


def played(text: str) -> float:
    """The seconds of a whole ansible-playbook with the one task, by Ansible's own strategy."""
    task = {"linuxnet.ipvs.ipvs_table": dict(netns=NETNS, purge=True, text=text)}
    play = dict(hosts="lab_nodes", gather_facts=False, become=True, tasks=[task])
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump([play], file)
        file.flush()
        seconds, _printed = on_node(Path(file.name))
    return seconds


#: Rules of a block list, beside which the doctor looks at the table once more.
RULES = 1000


def doctor() -> tuple[float, float]:
    """The seconds of ipvs_info, which reads the table, and of ipvs_doctor, which looks for what is wrong with it."""
    with Node(INVENTORY) as node:
        took = (
            node.module("ipvs_info", netns=NETNS)["took"],
            node.module("ipvs_doctor", netns=NETNS, probe=False, ignore=["address_missing"])["took"],
        )
    reading, looking = (each["seconds"] - each["ansible_seconds"] for each in took)
    return reading, looking


def blocked() -> None:
    """Have rules that drop what some others send."""
    rules = "".join(f"-A INPUT -s 198.51.{number // 250}.{number % 250} -j DROP\n" for number in range(RULES))
    with Node(INVENTORY) as node:
        words = ["ip", "netns", "exec", NETNS, "iptables-restore"]
        node.ask(dict(command=words, stdin=f"*filter\n{rules}COMMIT\n"))


def ways(services: int, rounds: int) -> Iterator[Figure]:
    """Each way to describe a table, the least of all rounds: whatever else the machine does only adds to it."""
    restored: list[float] = []
    saved: list[float] = []
    taken: dict[str, list[tuple[Taken, ...]]] = {"text": [], "services": []}
    text, changed = ("\n".join(lines(services, weight)) + "\n" for weight in (1, 2))
    renew()
    ipvsadm("-R", text)
    with Node(INVENTORY) as node:
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
        new, same, some = map(least, zip(*rounds_taken, strict=True))
        yield Figure(f"`{form}` into an empty table", new.own, RESTORE, restore, 0.15)
        yield Figure(f"`{form}` again", same.own, SAVE, save, 0.9)
        yield Figure(f"`{form}`, 1 % changed", some.own, UNCHANGED, same.own, 1.05)
        yield Figure(f"`{form}` into an empty table, with Ansible's part", new.whole, RESTORE, restore)
        yield Figure(f"`{form}` again, with Ansible's part", same.whole, SAVE, save)
        yield Figure(f"`{form}`, memory at its peak", max(new.memory, same.memory, some.memory), aim=160, unit="MiB")
    renew()
    new_play, again = played(text), played(text)
    yield Figure("`text` into an empty table, the whole `ansible-playbook`", new_play, RESTORE, restore, 1)
    yield Figure("`text` again, the whole `ansible-playbook`", again, SAVE, save, 4)


def least(taken: tuple[Taken, ...]) -> Taken:
    return Taken(*map(min, zip(*taken, strict=True)))


def doctors(services: int, rounds: int) -> Iterator[Figure]:
    """The doctor beside ipvs_info, which reads the same table; then beside rules, too."""
    renew()
    ipvsadm("-R", "\n".join(lines(services)) + "\n")
    for rules, what in ((0, "`ipvs_doctor`"), (RULES, f"`ipvs_doctor` beside {RULES:,} rules")):
        if rules:
            blocked()
        reading, looking = map(min, zip(*(doctor() for _round in range(rounds)), strict=True))
        yield Figure(what, looking, "`ipvs_info`", reading, 2)


def growth(few: Measurement, many: Measurement, times: int) -> Measurement:
    """How the seconds of each figure grow from one size of table to the next."""
    less = {figure.name: figure.ours for figure in few.figures}
    found = [
        Figure(figure.name, figure.ours, f"with {services_of(few):,} services", less[figure.name], 1.1 * times)
        for figure in many.figures
        if figure.unit == "s" and "`ansible-playbook`" not in figure.name
    ]
    return Measurement(f"growth-{services_of(many)}", many.place, many.rounds, tuple(found))


def services_of(measured: Measurement) -> int:
    return int(measured.name.rpartition("-")[2])


@contextmanager
def namespace() -> Iterator[Place]:
    """The namespace, to be taken away at the end; where it is."""
    try:
        with Node(INVENTORY) as node:
            yield Place.there(node)
    finally:
        with Node(INVENTORY) as node:
            if NETNS in node.command("ip", "netns", "list").split():
                node.command("ip", "netns", "del", NETNS)


def measure(rounds: int) -> Iterator[Measurement]:
    yield from _sizes((100, 1000), rounds)
    with namespace() as place:
        yield Measurement("doctor", place, rounds, tuple(doctors(1000, rounds)))


def measure_large(rounds: int) -> Iterator[Measurement]:
    yield from _sizes((1000, 10000), rounds)


def _sizes(sizes: tuple[int, int], rounds: int) -> Iterator[Measurement]:
    """Tables of two sizes, and how the figures grow from one to the other."""
    with namespace() as place:
        few, many = (Measurement(f"tables-{size}", place, rounds, tuple(ways(size, rounds))) for size in sizes)
        yield from (few, many, growth(few, many, sizes[1] // sizes[0]))
