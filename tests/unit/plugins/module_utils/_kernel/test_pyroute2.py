# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import MissingRequirement
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.pyroute2 import found_version, is_enough, load


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        ("0.7.2", True),
        ("0.7.10", True),
        ("0.9.7", True),
        ("1.0", True),
        ("0.7.2.post1", True),
        ("unknown", True),
        ("0.7.1", False),
        ("0.7", False),
        ("0.6.13", False),
        ("0.5.14", False),
    ],
)
def test_versions(version, enough):
    assert is_enough(version) is enough


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "pyroute2"]:
        monkeypatch.delitem(sys.modules, name)  # another test may have imported the real one
    folder = tmp_path / "pyroute2"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise ImportError('not from here')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def test_the_version_that_the_package_says(package):
    (package / "config").mkdir()
    (package / "config" / "version.py").write_text('__version__ = "0.9.7"\n')
    (package.parent / "pyroute2-0.1.0.dist-info").mkdir()
    assert found_version(str(package)) == "0.9.7"


@pytest.mark.parametrize(
    "name", ["pyroute2-0.7.2.dist-info", "pyroute2-0.7.2.egg-info", "pyroute2-0.7.2-py3.11.egg-info"]
)
def test_the_version_that_stands_beside_the_package(package, name):
    (package.parent / name).mkdir()
    (package.parent / "pyroute2.core-0.6.0.dist-info").mkdir()
    assert found_version(str(package)) == "0.7.2"


def test_no_version_at_all(package):
    assert found_version(str(package)) == "unknown"


def test_one_that_is_too_old_is_named_with_its_place(package):
    (package.parent / "pyroute2-0.6.13.dist-info").mkdir()
    with pytest.raises(
        MissingRequirement, match=r"pyroute2 0\.6\.13 in .*/pyroute2 is too old: 0\.7\.2 or later"
    ) as caught:
        load()
    assert str(package) in str(caught.value)


def test_one_that_cannot_be_imported_is_named_with_the_reason(package):
    with pytest.raises(MissingRequirement, match=r"pyroute2 unknown in .*/pyroute2 cannot be imported: not from here"):
        load()


def test_none_at_all(monkeypatch):
    monkeypatch.setattr("sys.path", [])
    monkeypatch.delitem(sys.modules, "pyroute2", raising=False)
    remedy = r"has no pyroute2: install 0\.7\.2 or later .*-m pip install 'pyroute2>=0\.7\.2'"
    with pytest.raises(MissingRequirement, match=remedy):
        load()
