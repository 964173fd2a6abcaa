# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps a release from being made."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import release
import steps


def test_a_version_that_the_changelog_has_not_is_told() -> None:
    assert release.recorded("1.0.0") is None
    assert "the changelog has no 99.0.0" in str(release.recorded("99.0.0"))


def test_what_is_not_committed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "CHECKOUT", tmp_path)
    assert release.uncommitted() is None  # no checkout of git's: an unpacked archive
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    assert release.uncommitted() is None
    (tmp_path / "new").touch()
    assert release.uncommitted() == "?? new\n"


def test_what_a_play_writes_into_the_collection_is_told(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("1")
    (tmp_path / "changed").write_text("1")
    before = release.files(tmp_path)
    assert release.untouched("it", before, tmp_path).failure is None
    (tmp_path / "changed").write_text("2")
    (tmp_path / ".lab").mkdir()
    (tmp_path / ".lab" / "inventory.yml").touch()
    (tmp_path / "plugin.pyc").touch()
    assert release.untouched("it", before, tmp_path).failure == ".lab/inventory.yml\nchanged"


def test_playbooks_and_plugins_have_the_names_by_which_they_are_used() -> None:
    assert "linuxnet.ipvs.lab" in release.playbooks()
    found = release.plugins()
    assert "linuxnet.ipvs.netns" in found["become"] & found["inventory"] & found["module"]
    assert {"linuxnet.ipvs.topology_svg", "linuxnet.ipvs.from_ipvsadm"} <= found["filter"]
    assert set(found) == set(release.KINDS)
