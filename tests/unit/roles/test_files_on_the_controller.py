# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What roles write on the controller: their own files, in folders that they leave as they are."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).parents[3]
HOST = dict(name="h", namespaces=[], services=[], sets=[])
ASKED = dict(
    reachability_targets=[dict(name="nobody", url="http://127.0.0.1:9")],
    reachability_expectations=[dict(client="host", target="nobody", failure="refused")],
)


def play(folder, *tasks, arguments=(), **environment):
    playbook = folder / "play.yml"
    head = dict(hosts="localhost", connection="local", gather_facts=False)
    playbook.write_text(yaml.safe_dump([dict(head, tasks=list(tasks))]))
    return subprocess.run(
        ["ansible-playbook", playbook, *arguments],
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def drawing(folder):
    """The tasks of the role ``picture`` that write, behind those that read a kernel."""
    tasks = yaml.safe_load((CHECKOUT / "roles" / "picture" / "tasks" / "main.yml").read_text())
    names = [task["name"] for task in tasks]
    return [
        {"ansible.builtin.include_vars": str(CHECKOUT / "roles" / "picture" / "defaults" / "main.yml")},
        {"ansible.builtin.set_fact": dict(picture_folder=str(folder), _picture_hosts=[HOST])},
        *tasks[names.index("Have a folder for the picture") :],
    ]


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_picture_leaves_the_mode_of_its_folder_and_check_mode_writes_nothing(tmp_path):
    place = tmp_path / "folder"
    place.mkdir(mode=0o700)
    foretold = play(tmp_path, *drawing(place), arguments=["--check"])
    assert foretold.returncode == 0, foretold.stdout
    assert list(place.iterdir()) == []
    done = play(tmp_path, *drawing(place))
    assert done.returncode == 0, done.stdout
    assert mode(place) == 0o700
    assert {path.suffix for path in place.iterdir()} == {".txt", ".mmd", ".svg", ".html"}


def test_without_graphlay_there_is_a_picture_as_text(tmp_path):
    (tmp_path / "graphlay.py").write_text("raise ImportError('No module named graphlay')\n")
    place = tmp_path / "folder"
    done = play(tmp_path, *drawing(place), PYTHONPATH=str(tmp_path))
    assert done.returncode != 0
    assert "pip install graphlay" in done.stdout + done.stderr
    assert {path.suffix for path in place.iterdir()} == {".txt", ".mmd"}


def test_a_report_leaves_the_mode_of_its_folder(tmp_path):
    place = tmp_path / "shared"
    place.mkdir()
    place.chmod(0o1777)
    role = {"ansible.builtin.include_role": dict(name="linuxnet.ipvs.reachability")}
    done = play(tmp_path, dict(role, vars=dict(ASKED, reachability_report=str(place / "report.json"))))
    assert done.returncode == 0, done.stdout
    assert mode(place) == 0o1777
    (row,) = json.loads((place / "report.json").read_text())
    assert (row["failing"], row["as_expected"]) == (True, True)
