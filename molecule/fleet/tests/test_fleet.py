# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two nodes on the machine's kernel, judged from the machine's own namespaces. The tests build on each other."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import steps

FOLDER = "/run/fleet-test"
NODES = [{"name": "one", "address": "100.64.0.1/16"}, {"name": "two", "address": "100.64.0.2/16"}]
PROGRAM = (steps.CHECKOUT / "roles/lab_host/files/lab_nodes.py").read_text()
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

#: Everything of the machine's own that a node might have changed. Counters, dates and what counts down are left out.
LOOK = r"""
import json, subprocess

def run(*words):
    return subprocess.run(words, capture_output=True, text=True).stdout

def steady(value):
    if isinstance(value, list):
        return [steady(each) for each in value]
    if isinstance(value, dict):
        return {k: steady(v) for k, v in value.items() if "life_time" not in k and k not in ("expires", "gc_timer")}
    return value

seen = {}
for what in ("link", "address", "rule"):
    seen[what] = steady(json.loads(run("ip", "-j", "-d", what) or "[]"))
for family in "-4", "-6":
    seen["route" + family] = steady(json.loads(run("ip", family, "-j", "-d", "route", "show", "table", "all") or "[]"))
for words in (("iptables-save",), ("ip6tables-save",), ("ipset", "save"), ("ipvsadm", "-Sn"), ("sysctl", "-a"),
              ("find", "/etc", "/run/netns", "-printf", "%p %s %T@\n"), ("findmnt", "-rno", "TARGET,SOURCE,FSTYPE")):
    seen[words[0]] = [line for line in run(*words).splitlines() if not line.startswith("#")]
seen["sysctl"] = [line for line in seen["sysctl"] if line.startswith("net.") and "nf_conntrack_count" not in line]
print(json.dumps(seen))
"""

PROCESSES = r"""
import os
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        spaces = tuple(os.stat("/proc/%s/ns/%s" % (pid, kind)).st_ino for kind in ("net",))
        if spaces[0] != os.stat("/proc/self/ns/net").st_ino:
            print(pid, open("/proc/%s/cmdline" % pid).read().replace("\0", " "))
    except OSError:
        pass
"""


class Machine:
    """The machine, seen from its own namespaces."""

    def __init__(self, inventory: str) -> None:
        config = Path(inventory).resolve().parent / "ssh_config"
        name = next(line.split()[1] for line in config.read_text().splitlines() if line.startswith("Host "))
        self._way = ["ssh", "-F", str(config), name, "--"]

    def run(self, *words: str, stdin: str = "", code: int = 0) -> str:
        done = subprocess.run([*self._way, shlex.join(words)], input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout

    def look(self) -> dict[str, Any]:
        seen: dict[str, Any] = json.loads(self.run("python3", "-", stdin=LOOK))
        return seen

    def nodes(self, command: str, *, check: bool = False, owner: str = "a test") -> dict[str, Any]:
        settings = {
            "folder": FOLDER,
            "owner": owner,
            "nodes": NODES,
            "modules": ["ip_vs", "nf_conntrack", "br_netfilter", "dummy", "veth"],
            "programs": {},
            "check": check,
        }
        answer: dict[str, Any] = json.loads(
            self.run("python3", "-", command, json.dumps(settings), stdin=PROGRAM, code=0)
        )
        return answer

    def inside(self, node: str, script: str) -> str:
        spaces = [f"--net={FOLDER}/{node}/net", f"--mount={FOLDER}/{node}/mnt"]
        return self.run("nsenter", *spaces, "--", "sh", stdin=script)

    def servers(self, command: str, *, check: bool = False) -> list[str]:
        """Run the role's program in the first node, as the role does."""
        settings = json.dumps({"check": check, "servers": SERVERS})
        script = (
            "mkdir -p /run/fleet && cat > /run/fleet/supervisor.py << 'END OF PROGRAM'\n"
            f"{SUPERVISOR}\nEND OF PROGRAM\n"
            f"python3 /run/fleet/supervisor.py {command} /run/fleet {shlex.quote(settings)}\n"
        )
        changed: list[str] = json.loads(self.inside("one", script))["changed"]
        return changed


@pytest.fixture(scope="module")
def machine(inventory: str) -> Machine:
    return Machine(inventory)


@pytest.fixture(scope="module")
def before(machine: Machine) -> Iterator[dict[str, Any]]:
    """The machine before there are nodes. Modules are its own to load, and bring sysctls and a rule table's format."""
    machine.run("modprobe", "-a", "ip_vs", "ip_vs_rr", "nf_conntrack", "br_netfilter", "dummy", "veth", "xt_set")
    yield machine.look()
    machine.nodes("absent")


def test_nodes_are_predicted_made_and_found(machine: Machine, before: dict[str, Any]) -> None:
    assert machine.nodes("present", check=True)["made"] == ["one", "two"]
    machine.run("test", "-e", FOLDER, code=1)
    assert machine.nodes("present")["made"] == ["one", "two"]
    assert not machine.nodes("present")["changed"]


def test_a_director_in_a_node_balances(machine: Machine, before: dict[str, Any]) -> None:
    machine.inside("one", DIRECTOR)
    assert machine.servers("present", check=True) == ["blue"]
    assert machine.servers("present") == ["blue"]
    assert machine.servers("present") == []
    asked = "curl -s --retry 20 --retry-connrefused --retry-delay 1 http://10.100.100.100:8080"
    assert machine.inside("one", asked) == "blue\n"
    assert "10.0.0.11:80" in machine.inside("one", "ipvsadm -Sn")


def test_the_other_node_has_nothing_of_it(machine: Machine, before: dict[str, Any]) -> None:
    assert machine.inside("two", "ipvsadm -Sn; ipset save; iptables-save; ls /run/netns; ls /etc/netns || true") == ""
    assert "100.64.0.1" in machine.inside("one", "ip -o -4 addr show eth0")
    machine.inside("one", "python3 -m http.server --bind 100.64.0.1 99 --directory /run >/dev/null 2>&1 &")
    machine.inside("two", "curl -sf --retry 20 --retry-connrefused --retry-delay 1 -o /dev/null http://100.64.0.1:99/")


def test_a_server_that_dies_comes_back(machine: Machine, before: dict[str, Any]) -> None:
    child = "cat /proc/$(cat /run/fleet/blue.pid)/task/*/children"
    old = machine.inside("one", child).strip()
    machine.inside(
        "one", f'kill -9 {old}; for try in $(seq 100); do new=$({child}); [ -n "$new" ] && break; sleep 0.2; done'
    )
    assert machine.inside("one", child).strip() not in ("", old)
    assert machine.inside("one", "curl -s --retry 20 --retry-connrefused --retry-delay 1 10.0.0.11") == "blue\n"
    assert machine.inside("one", f"awk '/^Uid/ {{ print $2 }}' /proc/$(echo $({child}))/status") == "65534\n"


def test_a_supervisor_that_dies_takes_the_server_along_and_is_mended(machine: Machine, before: dict[str, Any]) -> None:
    machine.inside("one", "kill -9 $(cat /run/fleet/blue.pid); sleep 1")
    machine.inside("one", "! curl -s --max-time 2 10.0.0.11")
    assert machine.servers("present", check=True) == ["blue"]
    assert machine.servers("present") == ["blue"]
    assert machine.servers("present") == []
    assert machine.inside("one", "curl -s --retry 20 --retry-connrefused --retry-delay 1 10.0.0.11") == "blue\n"


def test_servers_are_taken_away_without_a_trace(machine: Machine, before: dict[str, Any]) -> None:
    pid = machine.inside("one", "cat /run/fleet/blue.pid")
    assert machine.servers("absent", check=True) == ["blue"]
    assert machine.servers("absent") == ["blue"]
    assert machine.servers("absent") == []
    machine.run("test", "-e", f"/proc/{pid}", code=1)
    assert machine.inside("one", "ls /run/fleet") == "supervisor.py\n"
    assert machine.servers("present") == ["blue"]  # for the end of the node


def test_the_machine_is_what_it_was(machine: Machine, before: dict[str, Any]) -> None:
    now = machine.look()
    own = [line for line in now["findmnt"] if FOLDER not in line]
    assert now | {"findmnt": own} == before


def test_another_labs_nodes_are_left_alone(machine: Machine, before: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="nodes of another lab"):
        machine.nodes("absent", owner="somebody else")
    assert not machine.nodes("present", check=True)["changed"]


def test_the_end_leaves_nothing(machine: Machine, before: dict[str, Any]) -> None:
    assert machine.run("python3", "-", stdin=PROCESSES) != ""
    assert machine.nodes("absent")["changed"]
    assert not machine.nodes("absent")["changed"]
    assert machine.look() == before
    machine.run("test", "-e", FOLDER, code=1)
