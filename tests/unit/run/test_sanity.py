# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

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
