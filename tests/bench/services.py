# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Thousands of Kubernetes Services beside the programs that load and save the same state, in one run on one kernel.

Ours is the filters' and the modules' own code in the order of the role kubernetes_services, in processes of the node
that run already, without what Ansible does before and after each. The peers are ipvsadm(8), ipset(8) and the two
iptables-restore(8), or their ``--save``, one after the other. All in processor time; nothing is asserted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import steps
from figures import Figure, Measurement, Place
from node import Node
from runs import INVENTORY, cost

sys.path.insert(0, str(steps.CHECKOUT / ".venv" / "collections"))

from clusters import role_tasks

CPU = "s CPU"
NETNS = "bench"
ENDPOINTS = 10
NODES = 20
NODE = {"name": "node-0", "addresses": {"eth0": ["192.0.2.10"]}}

#: The filter's own code, on the node. The objects come as mappings, so no YAML is read, for which a node may have no
#: library. One endpoint of the last Service may be another one.
FILTER = """
import json, resource, sys, time, types
sys.modules.setdefault("yaml", types.SimpleNamespace(SafeLoader=None))
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.state import kernel_state

def address(first, number):
    return "10.%d.%d.%d" % (first + number // 62500, number // 250 % 250, number % 250 + 1)

def objects(services, endpoints, nodes, moved):
    for number in range(services):
        labels = {"kubernetes.io/service-name": "web-%d" % number}
        last = moved and number == services - 1
        yield {
            "apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "shop", "name": "web-%d" % number},
            "spec": {
                "type": "ClusterIP", "clusterIP": address(96, number), "clusterIPs": [address(96, number)],
                "ipFamilies": ["IPv4"], "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}],
            },
        }
        yield {
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"namespace": "shop", "name": "web-%d-1" % number, "labels": labels},
            "ports": [{"name": "http", "protocol": "TCP", "port": 8080}],
            "endpoints": [
                {
                    "addresses": [address(150 if last and not each else 128, number * endpoints + each)],
                    "conditions": {"ready": True, "serving": True, "terminating": False},
                    "nodeName": "node-%d" % (each * 7 % nodes),
                }
                for each in range(endpoints)
            ],
        }

services, endpoints, nodes, moved, node = json.loads(sys.argv[1])
given = list(objects(services, endpoints, nodes, moved))
start = time.process_time()
made = kernel_state(given, node)
took = time.process_time() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps(dict(made=made, processor=took, peak_kib=peak)))
"""


class Made(NamedTuple):
    """A state with the seconds of the filter that made it, and the peak of its process in KiB."""

    state: dict[str, Any]
    processor: float
    peak_kib: int


class Taken(NamedTuple):
    """Seconds of the processor by module, and the peak of the process in KiB."""

    modules: dict[str, float]
    peak_kib: int

    @property
    def processor(self) -> float:
        return sum(self.modules.values())


SAVES = {"ipset": "ipset save", "ipvsadm": "ipvsadm -Sn", "iptables": "iptables-save", "ip6tables": "ip6tables-save"}
#: In this order, since rules refer to sets.
RESTORES = {
    "ipset": "ipset restore",
    "ipvsadm": "ipvsadm -R",
    "iptables": "iptables-restore",
    "ip6tables": "ip6tables-restore",
}


class Bench:
    """The node's namespace in which all is measured; each process there is a new one."""

    def __init__(self, inventory: Path | None) -> None:
        self._inventory = inventory

    def made(self, services: int, moved: bool = False) -> Made:
        with Node(self._inventory) as node:
            told = json.loads(node.python(FILTER, json.dumps([services, ENDPOINTS, NODES, moved, NODE])))
        return Made(told["made"], told["processor"], told["peak_kib"])

    def applied(self, state: dict[str, Any]) -> Taken:
        """Have a state, as the role does it."""
        seconds: dict[str, float] = {}
        peak = 0

        def module(name: str, /, **options: Any) -> dict[str, Any]:
            nonlocal peak
            result = node.module(name, netns=NETNS, diff=False, **options)
            took = result["took"]
            seconds[name] = seconds.get(name, 0.0) + took["processor"] - took["ansible_processor"]
            peak = took["peak_kib"]
            return result

        with Node(self._inventory) as node:
            module("ipvs_info", services=[{"fwmark": 4294967295}])
            there = module("ipset_info", names=["KUBE-*"])["sets"]
            tasks: list[tuple[str, dict[str, Any]]] = []
            handover = cost(lambda: tasks.extend(role_tasks(state, there, ["192.0.2.10"])))
            seconds["kube_proxy_handover"] = handover.processor
            for name, options in tasks:
                module(name, **options)
        return Taken(seconds, peak)

    def saved(self) -> tuple[dict[str, str], float]:
        """The state as the programs save it, and how long they took."""
        with Node(self._inventory) as node:
            told = {name: _asked(node, words) for name, words in SAVES.items()}
        return {name: text for name, (text, _took) in told.items()}, sum(took for _text, took in told.values())

    def restored(self, texts: dict[str, str]) -> float:
        with Node(self._inventory) as node:
            return sum(_asked(node, words, texts[name])[1] for name, words in RESTORES.items())

    def renew(self) -> None:
        """Have a namespace without anything (see tables.py)."""
        self.clear()
        with Node(self._inventory) as node:
            node.command("ip", "netns", "add", NETNS)
            node.command("ip", "-n", NETNS, "link", "set", "lo", "up")

    def clear(self) -> None:
        with Node(self._inventory) as node:
            if NETNS in node.command("ip", "netns", "list").split():
                node.command("ip", "netns", "exec", NETNS, "ipvsadm", "--clear")
                node.command("ip", "netns", "del", NETNS)


def _asked(node: Node, words: str, stdin: str = "") -> tuple[str, float]:
    """What a program prints in the namespace, and its seconds of the processor."""
    done = node.ask(dict(command=["ip", "netns", "exec", NETNS, *words.split()], stdin=stdin))
    if done["rc"]:
        sys.exit(f"{words}: {done['stderr']}")
    return str(done["stdout"]), float(done["took"]["processor"])


def compared(bench: Bench, services: int, rounds: int) -> Iterator[Figure]:
    """Each the least of all rounds, since whatever else the machine does only adds to it."""
    first, other = bench.made(services), bench.made(services, moved=True)
    filters = [first.processor, other.processor]
    taken: dict[str, list[Taken]] = {"new": [], "again": [], "changed": []}
    restores, saves = [], []
    for _round in range(rounds):
        bench.renew()
        for what, state in zip(taken, (first.state, first.state, other.state), strict=True):
            taken[what].append(bench.applied(state))
        texts, seconds = bench.saved()
        saves.append(seconds)
        bench.renew()
        restores.append(bench.restored(texts))
        filters.append(bench.made(services).processor)
    read = min(filters)
    best = {what: min(of_rounds, key=lambda each: each.processor) for what, of_rounds in taken.items()}
    new, again, changed = (read + each.processor for each in best.values())
    yield Figure("into an empty namespace", new, "`ipvsadm`, `ipset`, `iptables`: restore", min(restores), 0.4, CPU)
    yield Figure("again, nothing to change", again, "the same: save", min(saves), 1.5, CPU)
    yield Figure("one endpoint changed", changed, "nothing changed", again, 1.1, CPU)
    yield Figure("memory of the filter at its peak", first.peak_kib / 1024, aim=250, unit="MiB")
    peak = max(each.peak_kib for of_rounds in taken.values() for each in of_rounds)
    yield Figure("memory of the modules at its peak", peak / 1024, aim=250, unit="MiB")
    yield Figure("of that: `kube_proxy_state`", read, unit=CPU)
    for module, seconds in best["new"].modules.items():
        yield Figure(f"of that, into an empty namespace: `{module}`", seconds, unit=CPU)
        yield Figure(f"of that, again: `{module}`", best["again"].modules.get(module, 0.0), unit=CPU)


def measure(rounds: int, inventory: Path | None = INVENTORY, services: int = 5000) -> Iterator[Measurement]:
    """On the lab's node; without an inventory on this machine, as root."""
    bench = Bench(inventory)
    try:
        with Node(inventory) as node:
            place = Place.there(node)
        yield Measurement("services", place, rounds, tuple(compared(bench, services, rounds)))
    finally:
        bench.clear()
