# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import sanity

PASSING = """\
WARNING: Using locale "C.UTF-8"
Running sanity test "compile" on Python 3.11
Running sanity test "pep8"
Installing requirements
"""
FAILING = """\
Running sanity test "pylint"
ERROR: Found 1 pylint issue(s) which need to be resolved:
ERROR: plugins/x.py:1:1: bad
Running sanity test "yamllint"
FATAL: The 1 sanity test(s) listed below (out of 2) failed. See error output above for details.
pylint
"""


def test_each_sanity_test_is_a_step() -> None:
    done = list(sanity.split(PASSING.splitlines(keepends=True)))
    assert [(step.name, step.failure) for step in done] == [("compile", None), ("pep8", None)]


def test_only_the_test_that_reports_an_error_has_failed() -> None:
    pylint, yamllint = sanity.split(FAILING.splitlines(keepends=True))
    assert pylint.failure is not None
    assert "plugins/x.py:1:1: bad" in pylint.failure
    assert yamllint.failure is None


def test_trouble_before_the_first_test_is_a_failed_step() -> None:
    (start,) = sanity.split(["FATAL: no such Python\n"])
    assert (start.name, start.failure) == ("start", "FATAL: no such Python\n")


PACKAGES = "lib/python3.11/site-packages"
REQUIREMENTS = "# made by a tool\nPyYAML==6.0.2\nvoluptuous==0.15.2\n"


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment as ansible-test leaves it, with both packages."""
    found = tmp_path / "sanity.runtime-metadata" / "3.11" / "384cba8e"
    for package, module, compiled in (("PyYAML-6.0.2", "yaml.py", "yaml.pyc"), ("voluptuous-0.15.2", "v.py", "v.pyc")):
        metadata = found / PACKAGES / f"{package}.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Name: {package.partition('-')[0]}\n")
        (metadata / "RECORD").write_text(f"{module},,\n__pycache__/{compiled},,\n")
        metadata.with_name(module).touch()
    installed = ["install", {"requirements": [["sanity.runtime-metadata.txt", REQUIREMENTS]]}]
    (found / "meta.install.json").write_text(json.dumps([["bootstrap", {}], installed]))
    (found / "marker.txt").touch()
    (found / "pyvenv.cfg").touch()
    return found


def test_an_environment_that_is_whole_is_kept(environment: Path) -> None:
    assert sanity.redo_broken(environment.parents[2]) == []
    assert (environment / "marker.txt").exists()


@pytest.mark.parametrize("lost", [f"{PACKAGES}/v.py", f"{PACKAGES}/voluptuous-0.15.2.dist-info", "pyvenv.cfg"])
def test_an_environment_that_lost_something_is_made_anew(environment: Path, lost: str) -> None:
    path = environment / lost
    path.unlink() if path.is_file() else shutil.rmtree(path)
    assert sanity.redo_broken(environment.parents[2]) == [environment]
    assert not (environment / "marker.txt").exists()
