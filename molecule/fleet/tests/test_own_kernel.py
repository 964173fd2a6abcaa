# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab on the kernel of the machine on which Ansible runs, for a login whose sudo wants a password."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from machine import Machine
from plays import PLAYBOOKS, play

HOME = "/home/somebody"
CHECKOUT = f"{HOME}/linuxnet.ipvs"
PASSWORD = f"{HOME}/password"
#: Not the folder that a later run would look at by itself
FOLDER = "/run/elsewhere"
KILLED = "/run/killed"
LOGIN = f"""
set -e
useradd --create-home --shell /bin/sh somebody
echo somebody:secret | chpasswd
echo 'somebody ALL=(ALL) ALL' > /etc/sudoers.d/somebody
echo secret > {PASSWORD}
mkdir {HOME}/.ssh && cp /root/.ssh/authorized_keys {HOME}/.ssh
"""
#: What a run leaves behind that is killed as soon as it has begun to make nodes: nobody has said whose they are.
INTERRUPTED = f"""
set -e
mkdir -p {KILLED} {CHECKOUT}/.lab
mount -t tmpfs lab-nodes {KILLED}
echo '{{"machine": "localhost", "folder": "{KILLED}", "owner": "{CHECKOUT}/.lab"}}' > {CHECKOUT}/.lab/nodes.json
"""

Ansible = Callable[..., str]


def own(seen: dict[str, Any]) -> dict[str, Any]:
    """What was seen of the machine, without the nodes."""
    return seen | {"findmnt": [line for line in seen["findmnt"] if FOLDER not in line]}


@pytest.fixture(scope="module")
def machine(inventory: str) -> Machine:
    return Machine(inventory, FOLDER)


@pytest.fixture(scope="module")
def ansible(machine: Machine) -> Iterator[Ansible]:
    """What one of Ansible's programs prints on the machine itself, in a checkout that has never seen a lab."""
    machine.run("modprobe", "-a", "ip_vs", "ip_vs_rr", "nf_conntrack", "br_netfilter", "dummy", "veth", "xt_set")
    machine.shell(LOGIN)
    machine.send_checkout(CHECKOUT, f"{HOME}/python")
    machine.run("chown", "-R", "somebody:", HOME)

    def run(program: str, *arguments: str, checkout: str = CHECKOUT, password: bool = True, code: int = 0) -> str:
        settings = [f"HOME={HOME}", f"PYTHONPATH={HOME}/python", f"ANSIBLE_CONFIG={checkout}/ansible.cfg"]
        settings += [f"ANSIBLE_BECOME_PASSWORD_FILE={PASSWORD}"] if password else []
        python = ["python3", "-c", f"from ansible.cli.{program} import main; main()", *arguments]
        as_somebody = ["runuser", "-u", "somebody", "--", "env", f"--chdir={checkout}", *settings, *python]
        return " ".join(machine.run(*as_somebody, code=code).split())

    yield run
    # ssh keeps a connection open for a while.
    machine.shell("rm /etc/sudoers.d/somebody; pkill -KILL -u somebody; userdel --remove somebody 2>&1")


@pytest.fixture(scope="module")
def before(machine: Machine, ansible: Ansible) -> dict[str, Any]:
    return machine.look()


def test_who_may_not_become_root_gets_a_virtual_machine(ansible: Ansible, before: dict[str, Any]) -> None:
    """Ansible takes a sudo that refuses for an error of its own. (One too small is refused before anything is made.)"""
    small = ["playbooks/host_up.yml", "--extra-vars", "lab_host_vm_memory=1"]
    said = ansible("playbook", *small, password=False, code=2)
    assert "The lab lives in a virtual machine on this one" in said
    assert "Ansible is not root here and cannot become it by sudo" in said
    assert "lab_host_vm_memory is 1, and must be 256 (MiB) or more" in said


def test_who_may_not_become_root_cannot_have_namespaces(ansible: Ansible, before: dict[str, Any]) -> None:
    wanted = ["playbooks/host_up.yml", "--extra-vars", "lab_host_kind=namespace"]
    said = ansible("playbook", *wanted, password=False, code=2)
    assert "on this machine's kernel, but Ansible is not root here and cannot become it by sudo" in said


def test_the_lab_takes_this_way_by_itself(machine: Machine, ansible: Ansible, before: dict[str, Any]) -> None:
    """It finishes the work of a killed run as well, which had another folder."""
    machine.shell(INTERRUPTED)
    machine.run("chown", "-R", "somebody:", f"{CHECKOUT}/.lab")
    said = ansible("playbook", "playbooks/host_up.yml", "--extra-vars", f"lab_host_nodes_dir={FOLDER}")
    assert "The lab lives in namespaces on this machine's own kernel" in said
    assert "this kernel has IPVS (loaded)" in said
    machine.run("test", "-e", KILLED, code=1)
    assert own(machine.look()) == before


def test_the_lab_is_built_and_proved_in_it(
    machine: Machine, ansible: Ansible, before: dict[str, Any], inventory: str, tmp_path: Path
) -> None:
    """From here, over ssh instead of the connection local: Ansible itself is slow where it is emulated."""
    left = yaml.safe_load(machine.run("cat", f"{CHECKOUT}/.lab/inventory.yml"))
    (way,) = yaml.safe_load(Path(inventory).read_text())["lab_nodes"]["hosts"].values()
    there = {"ansible_connection": "ssh", "ansible_user": "somebody", "ansible_become_password": "secret"}
    left["lab_nodes"]["vars"] |= {key: value for key, value in way.items() if key.startswith("ansible_")} | there
    nodes = tmp_path / "inventory.yml"
    nodes.write_text(yaml.safe_dump(left))
    settings = ["--extra-vars", f"lab_host_state_dir={tmp_path}"]
    for playbook in ("topology_up.yml", "verify.yml"):
        proved = play(str(nodes), PLAYBOOKS / playbook, *settings)
        assert proved.code == 0, proved.account
    assert any(each.task.endswith("Everyone is reached by everyone, or fails as expected") for each in proved.outcomes)
    asked = ["lab_nodes", "-i", ".lab/inventory.yml", "-m", "ansible.builtin.command", "-a", "ipvsadm -Ln"]
    assert "10.100.100.100:8080 rr" in ansible("adhoc", *asked)
    assert own(machine.look()) == before


def test_it_is_taken_away_from_where_it_was(machine: Machine, ansible: Ansible, before: dict[str, Any]) -> None:
    """Nothing but what the lab has noted says which folder has the nodes, and their owner is one that has moved."""
    moved = f"{HOME}/moved"
    assert machine.processes() != ""
    machine.run("mv", CHECKOUT, moved)
    ansible("playbook", "playbooks/lab_down.yml", checkout=moved)
    assert machine.shell(f"ls -A {moved}/.lab") == ""
    assert machine.processes() == ""
    machine.run("test", "-e", FOLDER, code=1)
    assert machine.look() == before
