# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What docs/namespaces.md says of a fleet on a laptop, from `make lab` to `make destroy`; nothing is left behind it."""

from __future__ import annotations

import os
from pathlib import Path

import guide
import steps

DOCUMENT = steps.CHECKOUT / "docs" / "namespaces.md"
PODS = "pods.netns.yml"


def test_a_fleet_of_directors(inventory: str, tmp_path: Path) -> None:
    state_dir = Path(inventory).resolve().parent
    guide.checkout_beside(tmp_path, state_dir)
    settings = tmp_path / "playbooks" / "group_vars" / "all.yml"
    settings.parent.mkdir()
    settings.write_text("lab_host_kind: vm\n")  # wherever this test runs
    chapters = guide.chapters(DOCUMENT.read_text())
    (pods,) = (block.text for each in chapters for block in each.blocks if block.text.startswith(f"# {PODS}\n"))
    (tmp_path / PODS).write_text(pods)
    (fleet,) = (each for each in chapters if each.title == "A fleet of directors on a laptop")
    own = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    with guide.Reader(tmp_path, {**own, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg")}) as someone:
        for command in fleet.commands:
            someone.type(command)
    assert list(state_dir.iterdir()) == []
