# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the program that makes nodes reads of other programs and of the kernel."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.pyroute2 import MINIMUM
from ansible_collections.linuxnet.ipvs.roles.lab_host.files.lab_nodes import (
    VERSIONS,
    candidate,
    outdated,
    runs,
    versions,
)

VARIABLES = Path(__file__).parents[3] / "roles" / "lab_host" / "vars" / "main.yml"
POLICY = """\
python3-pyroute2:
  Installed: (none)
  Candidate: {}
  Version table:
     0.7.2-2 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
"""


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("0.7.2", ""),
        ("0.5.14", "pyroute2 is 0.5.14 here, and must be 0.7.2 or later"),
        ("0.8.1-1", ""),
        ("0.5.14-2ubuntu1", "pyroute2 is 0.5.14-2ubuntu1 here, and must be 0.7.2 or later"),
        ("0.7.12.post1", ""),
        ("", ""),  # nobody knows
    ],
)
def test_a_version_is_too_old(version: str, told: str) -> None:
    assert outdated("pyroute2", version, "0.7.2") == told


@pytest.mark.parametrize(
    ("known", "expected"), [("0.7.2-2", "0.7.2-2"), ("1:0.7-5", "0.7-5"), ("(none)", ""), (None, "")]
)
def test_what_apt_would_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: str | None, expected: str
) -> None:
    (tmp_path / "policy").write_text("" if known is None else POLICY.format(known))
    (tmp_path / "apt-cache").write_text(f"#!/bin/sh\ncat {tmp_path}/policy\n")
    (tmp_path / "apt-cache").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert candidate("python3-pyroute2") == expected


def test_a_library_is_found_wherever_python_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In none of the folders of Debian, with metadata and without."""
    (tmp_path / "with_metadata").mkdir()
    (tmp_path / "with_metadata" / "__init__.py").touch()
    (tmp_path / "with_metadata-1.2.3.dist-info").mkdir()
    (tmp_path / "with_metadata-1.2.3.dist-info" / "METADATA").write_text("Name: with_metadata\nVersion: 1.2.3\n")
    (tmp_path / "without.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert versions(["with_metadata", "without", "absent"]) == {
        "with_metadata": "1.2.3",
        "without": "0",
        "absent": None,
    }


def test_what_asks_for_versions_is_for_old_pythons_too() -> None:
    ast.parse(VERSIONS, feature_version=(3, 7))


def test_the_role_asks_for_what_the_modules_ask_for() -> None:
    least = yaml.safe_load(VARIABLES.read_text())["_lab_host_nodes_settings"]["least"]
    assert least == {"pyroute2": ".".join(map(str, MINIMUM))}


def test_a_nodes_own_run_is_found_among_mounts() -> None:
    table = (
        "618 616 0:21 / /proc rw,nosuid - proc proc rw\n"
        "619 617 0:52 / /run rw,nosuid,nodev shared:5 master:1 - tmpfs lab-run rw,mode=755\n"
        "620 619 0:3 net:[4026532393] /run/netns/pod rw - nsfs nsfs rw\n"
        "621 617 0:24 / /run rw - tmpfs tmpfs rw\n"
    )
    assert runs(table) == {"0:52"}
