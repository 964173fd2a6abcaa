# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps of a test run: each one is timed, told in a line as it ends, and recorded for the closing count.

The records are JUnit files in tests/output/junit, as pytest and ansible-test write them, so that one summary (and any
CI system) can read them all.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
OUTPUT = CHECKOUT / "tests" / "output"
JUNIT = OUTPUT / "junit"


@dataclass(frozen=True)
class Step:
    """A step that has run: what it was, how long it took (seconds), and why it failed (None: it passed)."""

    name: str
    seconds: float
    failure: str | None = None

    @property
    def line(self) -> str:
        return f"{'FAIL' if self.failure is not None else 'ok':4}  {self.seconds:6.1f} s  {self.name}"


def run(
    name: str, command: Sequence[str | Path], env: Mapping[str, str] | None = None, folder: Path = CHECKOUT
) -> Step:
    """Run a command in a folder (the checkout's top), and keep quiet about what it prints, unless it fails."""
    start = time.monotonic()
    try:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as exc:
        return Step(name, time.monotonic() - start, str(exc))
    failure = None if done.returncode == 0 else done.stdout or f"exit status {done.returncode}, and no output"
    return Step(name, time.monotonic() - start, failure)


def tell(step: Step) -> None:
    """Print a step's line, and under it what went wrong, if anything did."""
    print(step.line)
    if step.failure is not None:
        print("".join(f"      | {line}\n" for line in step.failure.splitlines()), end="")
    sys.stdout.flush()


def close(suite: str, steps: Sequence[Step], started: float) -> int:
    """Record the steps of a suite that began at `started` (time.monotonic), sum them up, and give the exit status."""
    record(suite, steps)
    failed = sum(step.failure is not None for step in steps)
    print(f"{suite}: {len(steps) - failed} passed, {failed} failed, {time.monotonic() - started:.0f} s")
    return 0 if steps and not failed else 1


def record(suite: str, steps: Sequence[Step]) -> None:
    """Write the steps of a suite to its JUnit file."""
    root = ET.Element("testsuite", name=suite, tests=str(len(steps)), time=f"{sum(s.seconds for s in steps):.1f}")
    for step in steps:
        case = ET.SubElement(root, "testcase", classname=suite, name=step.name, time=f"{step.seconds:.1f}")
        if step.failure is not None:
            # XML cannot hold the escape characters of coloured output.
            text = "".join(char for char in step.failure if char.isprintable() or char in "\n\t")
            ET.SubElement(case, "failure", message=f"{step.name} failed").text = text
    JUNIT.mkdir(parents=True, exist_ok=True)
    ET.ElementTree(root).write(JUNIT / f"{suite}.xml", encoding="utf-8", xml_declaration=True)
