# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole lab in nodes that are namespaces: by the lab's own playbooks, through the become plugin."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from machine import PROGRAM, Machine
from plays import PLAYBOOKS, Run, play

TABLE = [
    "-A -t 10.100.100.100:8080 -s rr",
    "-a -t 10.100.100.100:8080 -r 10.0.0.11:8080 -m -w 1",
    "-a -t 10.100.100.100:8080 -r 10.0.0.21:8080 -m -w 1",
]


@pytest.fixture(scope="module")
def machine(inventory: str) -> Machine:
    """The machine with the lab's own folder, which is named after where the lab keeps its state."""
    state = str(Path(inventory).resolve().parent)
    return Machine(inventory, f"/run/linuxnet-lab-{hashlib.sha256(state.encode()).hexdigest()[:8]}")


@pytest.fixture(scope="module")
def lab(inventory: str) -> Callable[..., Run]:
    """Play one of the lab's playbooks without an inventory, as `make lab` does."""
    settings = {"lab_host_state_dir": str(Path(inventory).resolve().parent), "lab_host_kind": "vm"}

    def run(playbook: str, *arguments: str, **variables: Any) -> Run:
        return play(None, PLAYBOOKS / playbook, "--extra-vars", json.dumps({**settings, **variables}), *arguments)

    return run


@pytest.fixture(scope="module")
def before(machine: Machine, lab: Callable[..., Run]) -> Iterator[dict[str, Any]]:
    """The machine before there are nodes, and afterwards without them."""
    seen = machine.look()
    yield seen
    lab("host_up.yml")


@pytest.fixture(scope="module")
def two(lab: Callable[..., Run], before: dict[str, Any]) -> Run:
    """Two nodes, with the whole topology and the proof that everyone reaches everyone."""
    return lab("lab.yml", lab_host_nodes=2)


def test_the_lab_is_built_and_proved_in_each_node(machine: Machine, two: Run) -> None:
    assert two.code == 0, two.account
    proofs = [
        each for each in two.outcomes if each.task.endswith("Everyone is reached by everyone, or fails as expected")
    ]
    assert len(proofs) == 2
    for node in ("lab1", "lab2"):
        assert machine.inside(node, "ipvsadm -Sn").splitlines() == TABLE
        rules = machine.inside(node, "iptables-save -t nat").splitlines()
        assert "-A POSTROUTING -m set --match-set DUSTIN-LOOP-BACK dst,dst,src -j MASQUERADE" in rules


def test_again_changes_nothing(lab: Callable[..., Run], two: Run) -> None:
    again = lab("lab.yml", lab_host_nodes=2)
    assert again.code == 0, again.account
    assert again.changed == []


def test_the_machines_own_network_is_what_it_was(machine: Machine, two: Run, before: dict[str, Any]) -> None:
    now = machine.look()
    assert now | {"findmnt": [line for line in now["findmnt"] if machine.folder not in line]} == before


def test_a_server_that_dies_is_started_again_and_logs_who_asked(machine: Machine, two: Run) -> None:
    old = machine.inside("lab1", "ip netns pids netns_dustin").split()
    machine.inside("lab1", f"kill -9 {' '.join(old)}")
    ask = "curl -sf --retry 40 --retry-connrefused --retry-delay 1 http://10.0.0.11:8080/?again"
    assert machine.inside("lab1", ask).strip() == "dustin"
    assert set(machine.inside("lab1", "ip netns pids netns_dustin").split()).isdisjoint(old)
    assert "10.0.0.1" in machine.inside("lab1", "grep again /run/http-backend/dustin.log")


def test_the_nodes_go_back_to_a_stage_and_on_again(machine: Machine, lab: Callable[..., Run], two: Run) -> None:
    """Without systemd, and with switches and rules that are each node's own."""
    back = lab("lab.yml", lab_host_nodes=2, lab_stage="leah")
    assert back.code == 0, back.account
    for node in ("lab1", "lab2"):
        assert machine.inside(node, "ipvsadm -Sn; ipset save; iptables-save | grep ^-A; true") == ""
        assert machine.inside(node, "ls -A /run/http-backend 2>/dev/null; ip netns pids netns_dustin") == ""
        leah = machine.inside(node, "ip -n netns_leah -4 -br address show dev veth_ns_leah")
        assert leah.split()[-1] == "10.0.0.21/24"
    on = lab("lab.yml", lab_host_nodes=2)
    assert on.code == 0, on.account
    for node in ("lab1", "lab2"):
        assert machine.inside(node, "ipvsadm -Sn").splitlines() == TABLE


def test_pods_of_a_node_are_hosts(inventory: str, two: Run, tmp_path: Path) -> None:
    """dustin and leah ask the virtual address as hosts of the inventory, which a plugin makes of the nodes."""
    pods = tmp_path / "pods.netns.yml"
    pods.write_text("plugin: linuxnet.ipvs.netns\nparents: [lab_nodes]\nnamespaces: [netns_dustin, netns_leah]\n")
    playbook = tmp_path / "ask.yml"
    playbook.write_text(
        """
- hosts: namespaces
  gather_facts: false
  strategy: ansible.builtin.linear
  tasks:
    - name: Ask
      ansible.builtin.uri: {url: "http://10.100.100.100:8080", return_content: true}
      register: asked
      loop: [1, 2]
      throttle: 1  # so that nobody else takes a turn meanwhile
    - name: Tell
      ansible.builtin.debug: {msg: "{{ asked.results | map(attribute='content') | map('trim') | sort | join(' ') }}"}
"""
    )
    run = play(inventory, playbook, "--inventory", str(pods))
    assert run.code == 0, run.account
    told = [each.msg for each in run.outcomes if each.task == "Tell"]
    assert told == ["dustin leah"] * 4


def test_one_node_less_and_then_none(
    machine: Machine, lab: Callable[..., Run], before: dict[str, Any], two: Run
) -> None:
    """Nodes go with all that is in them, and nothing of them stays behind."""
    alone = lab("host_up.yml")
    assert alone.code == 0, alone.account
    assert machine.look() == before
    assert machine.processes() == ""
    machine.run("test", "-e", machine.folder, code=1)


def test_a_container_does_not_take_it(machine: Machine, before: dict[str, Any]) -> None:
    """Root without the right to mount is told apart."""
    settings = json.dumps({"modules": ["ip_vs"], "programs": {}, "libraries": {}, "least": {}})
    looked = ["python3", "-", "look", settings]
    assert json.loads(machine.run(*looked, stdin=PROGRAM))["fault"] == ""
    confined = ["setpriv", "--bounding-set", "-sys_admin", *looked]
    assert "may not make namespaces" in json.loads(machine.run(*confined, stdin=PROGRAM))["fault"]
    mapped = ["unshare", "--user", "--map-root-user", *looked]
    assert "user namespace" in json.loads(machine.run(*mapped, stdin=PROGRAM))["fault"]
    # Namespaces can be made, but not kept by files: what leads to them is not this /proc.
    astray = ["unshare", "--pid", "--fork", *looked]
    assert "may not make namespaces" in json.loads(machine.run(*astray, stdin=PROGRAM))["fault"]
    assert machine.look() == before


def test_a_pyroute2_that_is_too_old_is_told(machine: Machine) -> None:
    libraries = {"pyroute2": "python3-pyroute2", "apt": "python3-apt"}
    settings = {"modules": [], "programs": {}, "libraries": libraries, "least": {"pyroute2": "0.7.2", "apt": "999"}}
    (told,) = json.loads(machine.run("python3", "-", "look", json.dumps(settings), stdin=PROGRAM))["old"]
    assert told.startswith("apt is ")
    assert told.endswith(" here, and must be 999 or later")


def test_a_module_that_is_loaded_for_nodes_leaves_bridges_alone(machine: Machine, before: dict[str, Any]) -> None:
    """br_netfilter would have the rules of the machine, and of each container, read what their bridges forward.

    And dummy would give it a device.
    """
    machine.run("sh", "-c", "modprobe -r br_netfilter dummy; ip link add own type bridge; ip link set own up")
    machine.run("ip", "netns", "add", "named")
    # A container's namespace has no name, but processes.
    contained = "setsid unshare --net sleep 300 > /dev/null 2>&1 & echo $!; sleep 1"
    process = machine.run("sh", "-c", contained).strip()
    try:
        links = machine.run("ip", "-br", "link")
        assert machine.nodes("present")["changed"]
        assert machine.run("ip", "-br", "link") == links
        for namespace in ("/proc/self/ns/net", "/run/netns/named", f"/proc/{process}/ns/net"):
            read = f"nsenter --net={namespace} -- sh -c 'cat /proc/sys/net/bridge/bridge-nf-call-*'"
            assert machine.run("sh", "-c", read).split() == ["0", "0", "0"]
    finally:
        machine.nodes("absent")
        machine.run("sh", "-c", f"kill {process}; ip netns del named; ip link del own")


def test_somebody_elses_folder_is_refused(machine: Machine, before: dict[str, Any]) -> None:
    machine.run("mkdir", "-p", "/run/fleet-other/thing")
    try:
        other = dict(folder="/run/fleet-other")
        with pytest.raises(AssertionError, match="used for something else"):
            machine.nodes("present", **other)
        assert not machine.nodes("absent", **other)["changed"]
        machine.run("test", "-d", "/run/fleet-other/thing")
    finally:
        machine.run("rm", "-r", "/run/fleet-other")


def test_what_a_node_only_has_a_name_for_survives_it(machine: Machine, before: dict[str, Any]) -> None:
    """Such as the machine's own namespace, and that of a container."""
    machine.nodes("present")
    sleepers = machine.shell(
        "sleep 600 >/dev/null 2>&1 & echo $!; unshare --net --mount sleep 600 >/dev/null 2>&1 & echo $!"
    ).split()
    machine.inside("one", f"sleep 1; ip netns attach host {sleepers[0]}; ip netns attach container {sleepers[1]}")
    machine.nodes("absent")
    machine.run("kill", *sleepers)
