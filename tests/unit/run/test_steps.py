# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
import steps
import summary


@pytest.fixture
def junit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(steps, "JUNIT", tmp_path)
    return tmp_path


def test_steps_are_counted_by_suite_and_in_all(junit: Path) -> None:
    steps.record("lint", [steps.Step("a", 1.5), steps.Step("b", 2.0, "\x1b[31mwrong\x1b[0m")])
    (junit / "scenarios").mkdir()
    cases = (
        "<testcase name='x' time='3'/><testcase name='y'><skipped/></testcase><testcase name='z'><error/></testcase>"
    )
    (junit / "scenarios" / "default.xml").write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    suites, total = summary.summarize(junit)
    assert {suite: str(count) for suite, count in suites.items()} == {
        "lint": "1 passed, 1 failed",
        "scenarios": "1 passed, 1 failed, 1 skipped",
    }
    assert str(total) == "2 passed, 2 failed, 1 skipped"
    assert total.seconds == 6.5


def test_a_run_without_tests_is_no_success(junit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert summary.main() == 1
    assert capsys.readouterr().out == "0 passed, 0 failed\n"


def test_last_line_of_the_summary_is_the_count(junit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps.record("lint", [steps.Step("a", 1.5)])
    assert summary.main() == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 0 failed"


def test_a_failing_step_keeps_what_its_command_said() -> None:
    step = steps.run("x", ["sh", "-c", "echo said; echo and more >&2; exit 3"])
    assert step.failure == "said\nand more\n"
    assert steps.run("x", ["true"]).failure is None
    assert steps.run("x", ["no-such-command"]).failure is not None
    assert steps.run("x", ["false"]).failure == "exit status 1, and no output"
