# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two nodes on the machine's kernel, judged from the machine's own namespaces. The tests build on each other."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import steps
from machine import Machine

SUPERVISOR = (steps.CHECKOUT / "roles/http_backends/files/supervisor.py").read_text()
SERVERS = [{"name": "blue", "netns": "pod_blue", "port": 80, "address": "", "content": "blue\n"}]

#: A pod behind a virtual address, with what a director has besides.
DIRECTOR = """
set -e
ip netns add pod_blue
ip link add bridge_home type bridge
ip addr add 10.0.0.1/24 dev bridge_home
ip link set bridge_home up
ip link add veth_blue type veth peer name eth0 netns pod_blue
ip link set veth_blue master bridge_home up
ip -n pod_blue addr add 10.0.0.11/24 dev eth0
ip -n pod_blue link set eth0 up
ip -n pod_blue link set lo up
ip -n pod_blue route add default via 10.0.0.1
ip link add dummy_home type dummy
ip addr add 10.100.100.100/32 dev dummy_home
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.vs.conntrack=1 net.bridge.bridge-nf-call-iptables=1
ipset create FLEET hash:ip,port,ip
ipset add FLEET 10.0.0.11,tcp:80,10.0.0.11
iptables -t nat -A POSTROUTING -m set --match-set FLEET dst,dst,src -j MASQUERADE
ipvsadm -A -t 10.100.100.100:8080 -s rr
ipvsadm -a -t 10.100.100.100:8080 -r 10.0.0.11:80 -m
echo net.ipv4.ip_forward=1 > /etc/sysctl.d/fleet-test.conf
mkdir -p /etc/netns/pod_blue
"""


@pytest.fixture(scope="module")
def machine(inventory: str) -> Machine:
    return Machine(inventory, "/run/fleet-test")


def servers(machine: Machine, command: str, *servers: dict[str, Any], check: bool = False) -> list[str]:
    """Run the role's program in the first node, as the role does."""
    settings = shlex.quote(json.dumps({"check": check, "servers": servers or SERVERS}))
    program = f"<< 'END OF PROGRAM'\n{SUPERVISOR}\nEND OF PROGRAM\n"
    if command == "present":
        script = f"mkdir -p /run/fleet && cat > /run/fleet/supervisor.py {program}"
        script += f"python3 /run/fleet/supervisor.py present /run/fleet {settings}\n"
    else:
        script = f"python3 - {command} /run/fleet {settings} {program}"
    changed: list[str] = json.loads(machine.inside("one", script))["changed"]
    return changed


def supervisor(machine: Machine, server: str) -> int:
    """The process that starts a server of the first node again."""
    return int(machine.inside("one", f"cat /run/fleet/{server}.pid").split()[0])


@pytest.fixture(scope="module")
def before(machine: Machine) -> Iterator[dict[str, Any]]:
    """The machine before there are nodes. Modules are its own to load, and bring sysctls and a rule table's format."""
    machine.run("modprobe", "-a", "ip_vs", "ip_vs_rr", "nf_conntrack", "br_netfilter", "dummy", "veth", "xt_set")
    machine.run("ip", "netns", "add", "machines_own")
    yield machine.look()
    machine.nodes("absent")
    machine.run("ip", "netns", "del", "machines_own")


def test_nodes_are_predicted_made_and_found(machine: Machine, before: dict[str, Any]) -> None:
    assert machine.nodes("present", check=True)["made"] == ["one", "two"]
    machine.run("test", "-e", machine.folder, code=1)
    assert machine.nodes("present")["made"] == ["one", "two"]
    assert not machine.nodes("present")["changed"]
    # A node that knew the machine's namespaces would keep them alive.
    assert "machines_own" in machine.shell("cat /proc/self/mountinfo")
    assert "machines_own" not in machine.inside("one", "cat /proc/self/mountinfo")


def test_a_director_in_a_node_balances(machine: Machine, before: dict[str, Any]) -> None:
    machine.inside("one", DIRECTOR)
    assert servers(machine, "present", check=True) == ["blue"]
    assert servers(machine, "present") == ["blue"]
    assert servers(machine, "present") == []
    asked = "curl -s --retry 20 --retry-connrefused --retry-delay 1 http://10.100.100.100:8080"
    assert machine.inside("one", asked) == "blue\n"
    assert "10.0.0.11:80" in machine.inside("one", "ipvsadm -Sn")


def test_the_other_node_has_nothing_of_it(machine: Machine, before: dict[str, Any]) -> None:
    assert machine.inside("two", "ipvsadm -Sn; ipset save; iptables-save; ls /run/netns; ls /etc/netns || true") == ""
    assert "100.64.0.1" in machine.inside("one", "ip -o -4 addr show eth0")
    machine.inside("one", "python3 -m http.server --bind 100.64.0.1 99 --directory /run >/dev/null 2>&1 &")
    machine.inside("two", "curl -sf --retry 20 --retry-connrefused --retry-delay 1 -o /dev/null http://100.64.0.1:99/")


def test_a_server_that_dies_comes_back(machine: Machine, before: dict[str, Any]) -> None:
    child = f"pgrep --parent {supervisor(machine, 'blue')}"
    old = machine.inside("one", child).strip()
    # The old one is there, as a zombie, until its supervisor has seen to it.
    again = f'new=$({child}) && [ "$new" != {old} ] && exit; sleep 0.2'
    machine.inside("one", f"kill -9 {old}; for try in $(seq 100); do {again}; done; exit 1")
    assert machine.inside("one", "curl -s --retry 20 --retry-connrefused --retry-delay 1 10.0.0.11") == "blue\n"
    assert machine.inside("one", f"awk '/^Uid/ {{ print $2 }}' /proc/$({child})/status") == "65534\n"


def test_a_supervisor_that_dies_takes_the_server_along_and_is_mended(machine: Machine, before: dict[str, Any]) -> None:
    machine.inside("one", f"kill -9 {supervisor(machine, 'blue')}; sleep 1")
    machine.inside("one", "! curl -s --max-time 2 10.0.0.11")
    assert servers(machine, "present", check=True) == ["blue"]
    assert servers(machine, "present") == ["blue"]
    assert servers(machine, "present") == []
    assert machine.inside("one", "curl -s --retry 20 --retry-connrefused --retry-delay 1 10.0.0.11") == "blue\n"


def test_a_server_ends_with_its_namespace(machine: Machine, before: dict[str, Any]) -> None:
    green = {**SERVERS[0], "name": "green", "netns": "pod_green", "port": 81}
    machine.inside("one", "ip netns add pod_green")
    assert servers(machine, "present", green) == ["green"]
    pid = supervisor(machine, "green")
    space = machine.inside("one", "stat -L -c %i /run/netns/pod_green").strip()
    inhabited = f"find /proc/[0-9]*/ns/net -lname 'net:?{space}?' 2>/dev/null || true"
    assert machine.run("sh", stdin=inhabited) != ""
    machine.inside("one", "ip netns delete pod_green")
    machine.run("sh", stdin=f"for try in $(seq 100); do test -e /proc/{pid} || exit 0; sleep 0.1; done; exit 1")
    assert machine.run("sh", stdin=inhabited) == ""
    assert servers(machine, "absent", green) == ["green"]
    assert machine.inside("one", "ls /run/fleet | grep -v blue") == "supervisor.py\n"


def test_a_server_that_cannot_listen_is_no_success(machine: Machine, before: dict[str, Any]) -> None:
    """It is tried again and again, and its supervisor lives all the time."""
    twin = {**SERVERS[0], "name": "twin"}
    for _time in range(2):
        with pytest.raises(AssertionError, match=r"server 'twin' does not listen .* Address already in use"):
            servers(machine, "present", twin)
    assert servers(machine, "absent", twin) == ["twin"]


def test_servers_are_taken_away_without_a_trace(machine: Machine, before: dict[str, Any]) -> None:
    pid = supervisor(machine, "blue")
    assert servers(machine, "absent", check=True) == ["blue", "supervisor.py"]
    assert servers(machine, "absent") == ["blue", "supervisor.py"]
    assert servers(machine, "absent") == []
    machine.run("test", "-e", f"/proc/{pid}", code=1)
    assert machine.inside("one", "find /run/fleet 2>&1 || true").endswith("No such file or directory\n")
    assert servers(machine, "present") == ["blue"]  # for the end of the node


def test_the_machine_is_what_it_was(machine: Machine, before: dict[str, Any]) -> None:
    now = machine.look()
    own = [line for line in now["findmnt"] if machine.folder not in line]
    assert now | {"findmnt": own} == before


def test_another_labs_nodes_are_left_alone(machine: Machine, before: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="nodes of another lab"):
        machine.nodes("absent", owner="somebody else")
    assert not machine.nodes("present", check=True)["changed"]


def test_the_end_leaves_nothing(machine: Machine, before: dict[str, Any]) -> None:
    """Whichever way a process has come into a node or a pod of it."""
    machine.inside("one", "ip netns exec pod_blue sleep 600 >/dev/null 2>&1 &")
    machine.inside("two", "(trap '' TERM; while :; do sleep 1; done) >/dev/null 2>&1 &")
    machine.shell(f"nsenter --net={machine.folder}/two/net sleep 600 >/dev/null 2>&1 &")
    assert len(machine.processes().splitlines()) >= 5
    assert machine.nodes("absent")["changed"]
    assert not machine.nodes("absent")["changed"]
    assert machine.look() == before
    assert machine.processes() == ""
    machine.run("test", "-e", machine.folder, code=1)
