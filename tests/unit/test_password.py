# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where `make` asks for a password of sudo, and where the lab says that one is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
INVENTORIES = {"here": "ansible_connection: local\n", "vm": "ansible_connection: ssh\n"}


def login(folder: Path, *, uid: int, knows: bool) -> dict[str, str]:
    """The environment of a login with that number, which sudo knows without a password or not."""
    for name, script in (("id", f"echo {uid}"), ("sudo", "true" if knows else "false")):
        program = folder / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}"}


def asks(target: str, folder: Path, *, uid: int, knows: bool) -> bool:
    """Whether a target has Ansible ask for sudo's password."""
    for name in ("requirements.txt", "constraints.txt"):  # what .venv is made of
        (folder / name).touch()
    told = subprocess.run(
        ["make", "--dry-run", "--file", CHECKOUT / "Makefile", target],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (line,) = (line for line in told.splitlines() if "playbooks/" in line and "python -c" not in line)
    said = subprocess.run(
        ["sh", "-c", f"echo {line.removeprefix('@')}"],
        cwd=folder,
        env=login(folder, uid=uid, knows=knows),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return "--ask-become-pass" in said


LOGINS = pytest.mark.parametrize(
    ("uid", "knows", "asked"), [(0, False, False), (1000, True, False), (1000, False, True)], ids=["root", "nopw", "pw"]
)


@pytest.mark.parametrize("target", ["lab", "tour", "picture", "destroy"])
@LOGINS
def test_a_password_is_asked_for_where_sudo_wants_one(
    tmp_path: Path, target: str, uid: int, knows: bool, asked: bool
) -> None:
    (tmp_path / ".lab").mkdir()
    (tmp_path / ".lab" / "inventory.yml").write_text(INVENTORIES["here"])
    assert asks(target, tmp_path, uid=uid, knows=knows) is asked


def test_no_password_is_asked_for_to_draw_a_virtual_machine(tmp_path: Path) -> None:
    (tmp_path / ".lab").mkdir()
    (tmp_path / ".lab" / "inventory.yml").write_text(INVENTORIES["vm"])
    assert not asks("picture", tmp_path, uid=1000, knows=False)


def test_the_lab_says_where_its_commands_need_a_password(tmp_path: Path) -> None:
    """Of a node that sudo leads to, and not of a virtual machine or of a node there."""
    (play,) = yaml.safe_load((CHECKOUT / "playbooks" / "verify.yml").read_text())
    (asked,) = (task["vars"]["ask_become"] for task in play["tasks"] if "ask_become" in task.get("vars", {}))
    ways = {"here": ("node", "local"), "machine": ("vm", "ssh"), "there": ("node", "ssh")}
    hosts = {
        name: {"lab_host_origin": origin, "ansible_connection": connection, "ask_become": asked}
        for name, (origin, connection) in ways.items()
    }
    text = "{% for host in groups.all %}{{ host }}{{ hostvars[host].ask_become }}\n{% endfor %}"
    told = {"ansible.builtin.copy": {"content": text, "dest": str(tmp_path / "told")}}
    hosts["here"]["ansible_python_interpreter"] = sys.executable
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "here", "gather_facts": False, "tasks": [told]}]))
    env = login(tmp_path, uid=1000, knows=False)
    command = ["ansible-playbook", "--inventory", "hosts.yml", "play.yml"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "told").read_text().split("\n") == ["here -K", "machine", "there", ""]
