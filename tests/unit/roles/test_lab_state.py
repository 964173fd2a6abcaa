# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the role lab_host keeps what belongs to a lab, and whose folder it takes for its own."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
#: The role's words on where the lab lives, which need no host; then the folder.
PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: linuxnet.ipvs.lab_host, public: true}
      vars: {lab_host_kind: inventory, lab_host_state: absent}
    - ansible.builtin.debug: {msg: "it is {{ lab_host_state_dir | expanduser | realpath }} now"}
    - ansible.builtin.debug: {msg: "nodes in {{ lab_host_nodes_dir }} now"}
"""


def play(folder: Path, home: Path, *arguments: str) -> tuple[int, str]:
    """The exit code and the words of a play in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "play.yml").write_text(PLAY)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    environment.update(
        HOME=str(home),
        ANSIBLE_COLLECTIONS_PATH=str(CHECKOUT / ".venv" / "collections"),
        ANSIBLE_HOME=str(home / ".ansible"),
        ANSIBLE_LOCALHOST_WARNING="false",
    )
    done = subprocess.run(
        ["ansible-playbook", str(folder / "play.yml"), *arguments],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_a_playbook_of_ones_own_leaves_nothing_beside_its_folder(tmp_path: Path, home: Path) -> None:
    code, said = play(tmp_path / "own" / "playbooks", home)
    assert code == 0, said
    assert f"it is {home}/.local/state/linuxnet-ipvs/lab now" in said


def test_what_a_checkout_builds_is_its_own(tmp_path: Path, home: Path) -> None:
    (tmp_path / "checkout" / "roles" / "lab_host").mkdir(parents=True)
    (tmp_path / "checkout" / "galaxy.yml").touch()
    code, said = play(tmp_path / "checkout" / "playbooks", home)
    assert code == 0, said
    assert f"it is {tmp_path}/checkout/.lab now" in said


def test_two_labs_on_one_kernel_have_a_folder_each_for_their_nodes(tmp_path: Path, home: Path) -> None:
    folders = set()
    for name in ("one", "other"):
        (tmp_path / name / "roles" / "lab_host").mkdir(parents=True)
        (tmp_path / name / "galaxy.yml").touch()
        for _time in range(2):
            code, said = play(tmp_path / name / "playbooks", home)
            assert code == 0, said
            folders |= set(re.findall(r"nodes in (\S+)", said))
    assert len(folders) == 2
    assert all(re.fullmatch(r"/run/linuxnet-lab-[0-9a-f]{8}", folder) for folder in folders)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a folder away")
def test_another_users_folder_is_not_believed(tmp_path: Path, home: Path) -> None:
    theirs = home / ".local" / "state" / "linuxnet-ipvs" / "lab"
    theirs.mkdir(parents=True)
    os.chown(theirs, 12345, 12345)
    code, said = play(tmp_path / "own", home)
    assert code != 0
    assert f"lab_host_state_dir, {theirs}, belongs to the user 12345" in said
    assert "set lab_host_state_dir to a folder of your own" in said


def test_a_folder_in_which_others_may_write_is_not_believed(tmp_path: Path, home: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    code, said = play(tmp_path / "own", home, "--extra-vars", f"lab_host_state_dir={tmp_path}/open")
    assert code != 0
    assert "may be written by others (its mode is 0777)" in said
