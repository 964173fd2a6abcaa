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

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import steps
from figures import Figure, Measurement, Place, Unable
from kernel_sets import NETNS
from node import Node
from runs import Cost, cost

sys.path.insert(0, str(steps.CHECKOUT / ".venv" / "collections"))

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.client import IpSets
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries import Wish
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.plan import plan_set
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import temporary_name
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.wishes import header_options, set_type
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


def own_code(kind: str, options: dict[str, Any], entries: list[str]) -> None:
    """The module without Ansible around it."""
    with alone(NETNS), IpSets(NETNS) as sets:
        leftover, have = sets.header(temporary_name("many")), sets.find("many")
        of = set_type(kind, None)
        wish = Wish(entries, purge=True)
        outcome = plan_set("many", of, header_options(of, options), have, wish, leftover=leftover)
        sets.apply(outcome.plan.operations)


def _costs(node: Node, shape: str, count: int) -> dict[str, Cost]:
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
        return Cost(seconds, seconds)

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


def _filled(node: Node, shapes: Iterable[str], rounds: int, count: int) -> Iterator[Figure]:
    """Sets of so many entries, made and found to be there."""
    found: dict[str, dict[str, Cost]] = {}
    for _round in range(rounds):
        for shape in shapes:
            best = found.setdefault(shape, {})
            for name, taken in _costs(node, shape, count).items():
                best[name] = taken.least(best.get(name))
    for what, title, peer, aim in (
        ("new", "into an empty set", "restore", 0.9),
        ("same", "again, nothing to change", "save", 1.2),
    ):
        for shape, each in found.items():
            name, beside = f"`{shape}` {title}", f"`ipset {peer}`"
            yield Figure(name, each[what].processor, beside, each[peer].processor, aim, "s CPU")
            yield Figure(f"{name}, with Ansible's part", each["whole " + what].clock, beside, each[peer].clock)


def _range(node: Node, rounds: int) -> Iterator[Figure]:
    """One range of 1,048,576 addresses in `hash:ip`, which the kernel makes as many entries of."""
    network = "10.0.0.0/12"
    task: dict[str, Any] = dict(
        netns=NETNS, name="many", type="hash:ip", maxelem=1 << 20, entries=[network], purge_entries=True
    )
    ours, theirs = [], []
    for _round in range(rounds):
        with inside(NETNS):
            subprocess.run(["ipset", "create", "many", "hash:ip", "maxelem", str(1 << 20)], check=True)
            theirs.append(cost(lambda: subprocess.run(["ipset", "add", "many", network], check=True)).clock)
            subprocess.run(["ipset", "destroy", "many"], check=True)
        took = node.module("ipset", **task)["took"]
        ours.append(took["seconds"] - took["ansible_seconds"])
        with inside(NETNS):
            subprocess.run(["ipset", "destroy", "many"], check=True)
    yield Figure(f"`{network}` into `hash:ip`", min(ours), "`ipset add`", min(theirs), 1.2)


@contextmanager
def _namespace() -> Iterator[Node]:
    if os.geteuid() != 0 or not shutil.which("ipset"):
        raise Unable("that needs root and ipset on this machine")
    with Node() as node:
        node.command("ip", "netns", "add", NETNS)
        try:
            yield node
        finally:
            node.command("ip", "netns", "del", NETNS)


def measure(rounds: int) -> Iterator[Measurement]:
    with _namespace() as node:
        yield Measurement("sets", Place.here(), rounds, tuple(_filled(node, SHAPES, rounds, 50_000)))


def measure_large(rounds: int) -> Iterator[Measurement]:
    with _namespace() as node:
        found = [*_filled(node, ["hash:ip"], rounds, 1_000_000), *_range(node, rounds)]
        yield Measurement("sets-large", Place.here(), rounds, tuple(found))
