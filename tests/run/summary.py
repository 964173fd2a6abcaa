# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Count what the last test run recorded, suite by suite; the last line is `N passed, N failed`."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import steps


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.seconds + other.seconds,
        )

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def count(junit: Path) -> Count:
    """Count the test cases of a JUnit file."""
    total = Count()
    for case in ET.parse(junit).iter("testcase"):
        total.seconds += float(case.get("time") or 0)
        if case.find("failure") is not None or case.find("error") is not None:
            total.failed += 1
        elif case.find("skipped") is not None:
            total.skipped += 1
        else:
            total.passed += 1
    return total


def summarize(folder: Path) -> tuple[dict[str, Count], Count]:
    """Count each suite (a file, or a folder of files) and all of them together."""
    suites: dict[str, Count] = {}
    for junit in sorted(folder.rglob("*.xml")):
        suite = junit.relative_to(folder).with_suffix("").parts[0]
        suites[suite] = suites.get(suite, Count()) + count(junit)
    return suites, sum(suites.values(), Count())


def main() -> int:
    suites, total = summarize(steps.JUNIT)
    for suite, counted in suites.items():
        print(f"{suite:10} {counted.seconds:7.1f} s  {counted}")
    print(total)
    return 0 if total.passed and not total.failed else 1


if __name__ == "__main__":
    sys.exit(main())
