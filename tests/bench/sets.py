# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Large sets by the module ipset beside ipset(8), in a namespace of this machine: it needs root.

The module's own code is measured, from the task's options to the kernel's last answer and the diff; and beside it the
whole module, with what Ansible does before and after it in the same process. ``ipset`` runs in the namespace without
anything around it, reads from a file and writes to /dev/null. All take turns, and the least of all rounds counts, since
whatever else the machine does only adds to it; by the clock and, for a machine that is never quiet, in processor time.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import bench
from kernel_sets import NETNS
from node import Node

sys.path.insert(0, str(bench.CHECKOUT / ".venv" / "collections"))

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.client import IpSets
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.plan import Wish, plan_set
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import (
    header_options,
    set_type,
    temporary_name,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.lock import alone
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import inside

#: What is measured: a type, the set's options, and an entry for each address.
SHAPES: dict[str, tuple[str, dict[str, Any], str]] = {
    "hash:ip": ("hash:ip", {}, "{}"),
    "hash:net": ("hash:net", {}, "{}/32"),
    "hash:ip,port": ("hash:ip,port", {}, "{},tcp:80"),
    "hash:ip,port,ip": ("hash:ip,port,ip", {}, "{},tcp:8080,10.0.0.1"),
    "hash:ip, timeout and comment": ("hash:ip", {"timeout": 0, "comment": True}, '{} timeout 0 comment "a word"'),
}


#: Seconds by the clock, and of the processor.
Cost = tuple[float, float]


def processor() -> float:
    """The seconds that this process, and those that it has started and awaited, have had of a processor."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def cost(work: Callable[[], Any]) -> Cost:
    """What some work takes."""
    clock, before = time.perf_counter(), processor()
    work()
    return time.perf_counter() - clock, processor() - before


def own_code(kind: str, options: dict[str, Any], entries: list[str]) -> None:
    """The module without Ansible around it."""
    with alone(NETNS), IpSets(NETNS) as sets:
        leftover, have = sets.header(temporary_name("many")), sets.find("many")
        of = set_type(kind, None)
        wish = Wish(entries, purge=True)
        outcome = plan_set("many", of, header_options(of, options), have, wish, leftover=leftover)
        sets.apply(outcome.plan.operations)


def measure(node: Node, shape: str, count: int) -> dict[str, Cost]:
    """What ipset restore and save take, and the module into nothing and with nothing to do."""
    kind, options, form = SHAPES[shape]
    entries = [form.format("10.%d.%d.%d" % (n >> 16, n >> 8 & 255, n & 255)) for n in range(1, count + 1)]
    words = [word for name, value in options.items() for word in ([name] if value is True else [name, str(value)])]
    lines = [f"create many {kind} {' '.join(words)}", *(f"add many {entry}" for entry in entries), ""]
    task = dict(netns=NETNS, name="many", type=kind, **options, entries=entries, purge_entries=True)

    def ipset(*command: str) -> None:
        subprocess.run(["ipset", *command], stdin=stdin, stdout=subprocess.DEVNULL, check=True)

    def module() -> Cost:
        seconds = float(node.module("ipset", **task)["took"]["seconds"])
        return seconds, seconds

    with tempfile.TemporaryFile("w+") as stdin, inside(NETNS):
        stdin.write("\n".join(lines))
        stdin.seek(0)
        found = {"restore": cost(lambda: ipset("restore")), "save": cost(lambda: ipset("save", "many"))}
        ipset("destroy")
        found["new"] = cost(lambda: own_code(kind, options, entries))
        found["same"] = cost(lambda: own_code(kind, options, entries))
        ipset("destroy")
        found["whole new"], found["whole same"] = module(), module()
        ipset("destroy")
    return found


def tables(node: Node, rounds: int, count: int) -> Iterator[str]:
    found: dict[str, dict[str, Cost]] = {}
    for _round in range(rounds):
        for shape in SHAPES:
            best = found.setdefault(shape, {})
            for name, (clock, used) in measure(node, shape, count).items():
                least = best.get(name, (clock, used))
                best[name] = min(least[0], clock), min(least[1], used)
    for what, title, peer, aim in (
        ("new", f"{count} entries into an empty set", "restore", "at most 1.0"),
        ("same", f"The same {count} again, nothing to change", "save", "at most 1.5"),
    ):
        rows = []
        for shape, each in found.items():
            rows.append((f"`{shape}`", each[what][0], each[peer][0], aim))
            rows.append((f"`{shape}`, processor time", each[what][1], each[peer][1], ""))
            rows.append((f"`{shape}`, with Ansible's part", each["whole " + what][0], each[peer][0], ""))
        yield from bench.table(f"{title} (least of {rounds})", f"`ipset {peer}`", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often each is run (9)")
    parser.add_argument("--entries", type=int, default=50000, help="how many entries (50000)")
    options = parser.parse_args()
    if os.geteuid() != 0 or not shutil.which("ipset"):
        print("\nSets are not measured: that needs root and ipset on this machine.")
        return
    with Node() as node:
        node.command("ip", "netns", "add", NETNS)
        try:
            for line in tables(node, options.rounds, options.entries):
                print(line, flush=True)
        finally:
            node.command("ip", "netns", "del", NETNS)


if __name__ == "__main__":
    main()
