# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters in a real kernel: what the tools of IPVS, ipset and iptables say of it is what a real kube-proxy had made.

The cases follow each other in one namespace, so that each is also a change from one set of objects to the next.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from clusters import role_tasks
from node import Node

NETNS = "kubernetes-node"
#: Pods' addresses are those of the node itself here, so that a connection to them has somebody to answer.
MADE = [
    "ip netns add {0}",
    "ip -n {0} link set lo up",
    "ip -n {0} link add eth0 type dummy",
    "ip -n {0} address add 192.0.2.10/24 dev eth0",
    "ip -n {0} address add 10.244.0.1/24 dev eth0",
    "ip -n {0} address add 10.244.0.2/24 dev eth0",
    "ip -n {0} link set eth0 up",
]
CASES = sorted(Path(__file__).resolve().parents[1].joinpath("cases").glob("*.yml"))
DEVICE = "kube-ipvs0"


class Cluster:
    """The namespace as a node of clusters: the role's steps by the same filters and modules, and what tools say."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def module(self, called: str, /, **params: Any) -> bool:
        return bool(self.node.module(called, netns=NETNS, **params)["changed"])

    def says(self, *words: str) -> str:
        return self.node.command("ip", "netns", "exec", NETNS, *words)

    def apply(self, state: dict[str, Any]) -> bool:
        """Bring the namespace to a state; whether anything had to be changed."""
        there = self.node.module("ipset_info", netns=NETNS, names=["KUBE-*"])["sets"]
        addresses = ["192.0.2.10", "100.101.102.103", "2001:db8::1:1", "2001:db8:a::10"]
        changed = [self.module(name, **options) for name, options in role_tasks(state, there, addresses)]
        return any(changed)

    def services(self) -> list[str]:
        return sorted(line.strip() for line in self.says("ipvsadm", "-Sn").splitlines())

    def entries(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for line in self.says("ipset", "save").splitlines():
            if line.startswith("add "):
                _add, name, entry = line.split()
                found.setdefault(name, []).append(entry)
        return {name: sorted(entries) for name, entries in found.items()}

    def addresses(self) -> list[str]:
        (device,) = json.loads(self.says("ip", "-json", "address", "show", "dev", DEVICE))
        return sorted(each["local"] for each in device["addr_info"] if each["scope"] == "global")

    def rules(self, family: str, table: str) -> list[str]:
        program = "iptables-save" if family == "ipv4" else "ip6tables-save"
        return [line for line in self.says(program, "-t", table).splitlines() if line.startswith("-A ")]


def _state(case: dict[str, Any], objects: Any) -> dict[str, Any]:
    from ansible_collections.linuxnet.ipvs.plugins.filter.kube_proxy_state import kube_proxy_state

    return kube_proxy_state(objects, case["node"], case["config"])


@pytest.fixture(scope="module")
def cluster(node: Node) -> Iterator[Cluster]:
    for command in MADE:
        node.command(*command.format(NETNS).split())
    try:
        found = Cluster(node)
        found.apply(_state(NODE, []))
        # Where there is IPVS now, it has its switches.
        found.says("sysctl", "--write", "net.ipv4.vs.conntrack=1")
        yield found
    finally:
        node.command("ip", "netns", "del", NETNS)


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_the_kernel_has_what_a_real_kube_proxy_had_made(cluster: Cluster, path: Path) -> None:
    from ansible_collections.linuxnet.ipvs.plugins.filter.ipvsadm import to_ipvsadm

    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    for step in case["steps"]:
        state = _state(case, step["objects"])
        cluster.apply(state)
        assert cluster.services() == sorted(to_ipvsadm(state["virtual_services"]).splitlines())
        assert cluster.entries() == {each["name"]: sorted(each["entries"]) for each in state["sets"] if each["entries"]}
        assert cluster.addresses() == sorted(state["addresses"])
        for family in ("ipv4", "ipv6"):
            for table in ("nat", "filter"):
                wished = [
                    "-A %s %s" % (chain["chain"], rule)
                    for chain in state["chains"]
                    if (chain["family"], chain["table"]) == (family, table)
                    for rule in chain["rules"]
                ]
                assert cluster.rules(family, table) == wished
        assert not cluster.apply(state)
        if "seen" in step:
            _equals_what_was_seen(cluster, step["seen"], case["families"])


def _equals_what_was_seen(cluster: Cluster, seen: dict[str, Any], families: list[str]) -> None:
    lines = [line for service in seen["virtual_services"] for line in service]
    assert cluster.services() == sorted(lines)
    assert cluster.entries() == {name: sorted(entries) for name, entries in seen["entries"].items()}
    assert cluster.addresses() == sorted(seen["addresses"])
    for family in families:
        for table, rules in seen["rules"][family].items():
            assert cluster.rules(family, table) == rules


def _objects(*addresses: str) -> list[dict[str, Any]]:
    web = {"name": "web"}
    slice_ = {
        "kind": "EndpointSlice",
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{"port": 8080}],
        "endpoints": [{"addresses": [address], "nodeName": "here"} for address in addresses],
    }
    return [{"kind": "Service", "metadata": web, "spec": {"clusterIP": "10.96.0.9", "ports": [{"port": 80}]}}, slice_]


NODE = {"node": {"name": "here", "addresses": {"eth0": ["192.0.2.10"]}}, "config": {}}
FOLDER = "/run/kubernetes-connection"

#: A server that answers each line of a connection with its address.
SERVER = """
import socketserver, sys
class Answer(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(sys.argv[1].encode() + b"\\n")
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer((sys.argv[1], 8080), Answer).serve_forever()
"""
#: A client that keeps one connection, and writes down what it is told each moment.
CLIENT = """
import os, socket, sys, time
connection = socket.create_connection(("10.96.0.9", 80), 10).makefile("rw")
while not os.path.exists(sys.argv[1] + "/stop"):
    print("who", file=connection, flush=True)
    with open(sys.argv[1] + "/told", "a") as told:
        told.write(connection.readline())
    time.sleep(0.1)
"""


def _start(cluster: Cluster, source: str, word: str) -> None:
    command = 'ip netns exec "$0" setsid python3 -c "$1" "$2" </dev/null >/dev/null 2>&1 & echo $! >>"$3/pids"'
    cluster.node.command("sh", "-ec", command, NETNS, source, word, FOLDER)


def _told(cluster: Cluster) -> list[str]:
    """What the client was told in the last moment."""
    cluster.node.command("sh", "-c", 'rm -f "$0/told"; sleep 2; touch "$0/told"', FOLDER)
    return sorted(set(cluster.node.command("cat", FOLDER + "/told").split()))


@contextmanager
def _connection(cluster: Cluster, *pods: str) -> Iterator[None]:
    """Servers in these pods, and a client that keeps its connection to the Service."""
    cluster.node.command("mkdir", "-p", FOLDER)
    try:
        for pod in pods:
            _start(cluster, SERVER, pod)
        cluster.node.command("sleep", "1")
        _start(cluster, CLIENT, FOLDER)
        yield
    finally:
        cluster.node.command("sh", "-c", 'touch "$0/stop"; sleep 1; kill $(cat "$0/pids"); rm -r "$0"', FOLDER)


def test_a_backend_that_goes_keeps_its_connections(cluster: Cluster) -> None:
    """As kube-proxy does it: weight 0 while the connection is there."""
    pods = ["10.244.0.1", "10.244.0.2"]
    cluster.apply(_state(NODE, _objects(*pods)))
    with _connection(cluster, *pods):
        (first,) = _told(cluster)
        (left,) = (pod for pod in pods if pod != first)
        assert cluster.apply(_state(NODE, _objects(left)))
        assert "-a -t 10.96.0.9:80 -r %s:8080 -m -w 0" % first in cluster.services()
        assert _told(cluster) == [first]
        assert not cluster.apply(_state(NODE, _objects(left)))
        assert cluster.apply(_state(NODE, _objects(*pods)))
        assert "-a -t 10.96.0.9:80 -r %s:8080 -m -w 1" % first in cluster.services()


#: What somebody takes away of a node's rules, so that nothing there asks for connections to be tracked.
ALL_RULES = "for t in nat filter; do iptables -t $t -F; iptables -t $t -X; done"
MASQUERADING = (
    "iptables -F; iptables -X; iptables -t nat -F POSTROUTING; iptables -t nat -F KUBE-POSTROUTING;"
    " iptables -t nat -X KUBE-POSTROUTING"
)


@pytest.mark.parametrize("flushed", [ALL_RULES, MASQUERADING], ids=["all-rules", "what-filters-and-masquerades"])
def test_a_connection_that_nobody_tracked_is_not_taken_for_a_new_one(cluster: Cluster, flushed: str) -> None:
    """With the rules the kernel begins to track it, and would masquerade its next packet, which the server resets."""
    state = _state(NODE, _objects("10.244.0.1"))
    cluster.apply(state)
    cluster.says("sh", "-c", flushed)
    with _connection(cluster, "10.244.0.1"):
        assert _told(cluster) == ["10.244.0.1"]
        assert cluster.apply(state)
        assert _told(cluster) == ["10.244.0.1"]
        assert not cluster.apply(state)


def test_a_rule_that_masquerades_does_not_take_it_for_a_new_one_either(cluster: Cluster) -> None:
    cluster.apply(_state(NODE, _objects("10.244.0.1")))
    cluster.says("sh", "-c", ALL_RULES)
    with _connection(cluster, "10.244.0.1"):
        assert _told(cluster) == ["10.244.0.1"]
        assert cluster.module("masquerade", source="10.96.0.0/16", backend="iptables")
        assert _told(cluster) == ["10.244.0.1"]
    assert cluster.module("masquerade", source="10.96.0.0/16", backend="iptables", state="absent")
