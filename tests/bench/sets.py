# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Large sets by the module ipset beside ipset(8), in a namespace of this machine: it needs root.

The module's own code is measured, from the task's options to the kernel's last answer and the diff; and beside it the
whole module, with what Ansible does before and after it in the same process.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import bench

sys.path.insert(0, str(bench.CHECKOUT / "tests" / "tools"))

from kernel_sets import NETNS
from node import Node

sys.path.insert(0, str(bench.CHECKOUT / ".venv" / "collections"))

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset import IpSets
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset_plan import Wish, plan_set
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset_values import (
    header_options,
    set_type,
    temporary_name,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns import alone

#: What is measured: a type, the set's options, and an entry for each address.
SHAPES: dict[str, tuple[str, dict[str, Any], str]] = {
    "hash:ip": ("hash:ip", {}, "{}"),
    "hash:net": ("hash:net", {}, "{}/32"),
    "hash:ip,port": ("hash:ip,port", {}, "{},tcp:80"),
    "hash:ip,port,ip": ("hash:ip,port,ip", {}, "{},tcp:8080,10.0.0.1"),
    "hash:ip, timeout and comment": ("hash:ip", {"timeout": 0, "comment": True}, '{} timeout 0 comment "a word"'),
}


def own_code(kind: str, options: dict[str, Any], entries: list[str]) -> float:
    """The seconds of the module without Ansible around it."""
    start = time.perf_counter()
    with alone(NETNS), IpSets(NETNS) as sets:
        leftover, have = sets.header(temporary_name("many")), sets.find("many")
        of = set_type(kind, None)
        wish = Wish(entries, purge=True)
        outcome = plan_set("many", of, header_options(of, options), have, wish, leftover=leftover)
        sets.apply(outcome.plan.operations)
    return time.perf_counter() - start


def measure(node: Node, shape: str, count: int) -> dict[str, float]:
    """Seconds of ipset restore and save, and of the module into nothing and with nothing to do."""
    kind, options, form = SHAPES[shape]
    entries = [form.format("10.%d.%d.%d" % (n >> 16, n >> 8 & 255, n & 255)) for n in range(1, count + 1)]
    words = [word for name, value in options.items() for word in ([name] if value is True else [name, str(value)])]
    lines = [f"create many {kind} {' '.join(words)}", *(f"add many {entry}" for entry in entries), ""]

    def ipset(*command: str, stdin: str = "") -> float:
        request = dict(command=["ip", "netns", "exec", NETNS, "ipset", *command], stdin=stdin)
        return float(node.ask(request)["took"]["seconds"])

    def module() -> float:
        task = dict(name="many", type=kind, **options, entries=entries, purge_entries=True)
        return float(node.module("ipset", **dict(task, netns=NETNS))["took"]["seconds"])

    found = {"restore": ipset("restore", stdin="\n".join(lines)), "save": ipset("save", "many")}
    ipset("destroy")
    found["new"] = own_code(kind, options, entries)
    found["same"] = own_code(kind, options, entries)
    ipset("destroy")
    found["whole new"], found["whole same"] = module(), module()
    ipset("destroy")
    return found


def tables(node: Node, rounds: int, count: int) -> Iterator[str]:
    found = {}
    for shape in SHAPES:
        each = [measure(node, shape, count) for _round in range(rounds)]
        found[shape] = {name: statistics.median(one[name] for one in each) for name in each[0]}
    for what, title, peer, aim in (
        ("new", f"{count} entries into an empty set", "restore", "at most 1.0"),
        ("same", f"The same {count} again, nothing to change", "save", "at most 1.5"),
    ):
        rows = []
        for shape, seconds in found.items():
            rows.append((f"`{shape}`", seconds[what], seconds[peer], aim))
            rows.append((f"`{shape}`, with Ansible's part", seconds["whole " + what], seconds[peer], ""))
        yield from bench.table(f"{title} (median of {rounds})", f"`ipset {peer}`", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run (3)")
    parser.add_argument("--entries", type=int, default=50000, help="how many entries (50000)")
    options = parser.parse_args()
    with Node() as node:
        node.command("ip", "netns", "add", NETNS)
        try:
            for line in tables(node, options.rounds, options.entries):
                print(line, flush=True)
        finally:
            node.command("ip", "netns", "del", NETNS)


if __name__ == "__main__":
    main()
