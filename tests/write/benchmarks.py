# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write what `make bench` has measured, as it is kept in tests/output/bench.json, into docs/benchmarks.md."""

from __future__ import annotations

import sys

import figures


def main() -> int:
    measured = figures.kept()
    if not measured:
        print(f"There is no {figures.FILE}: make bench")
        return 1
    figures.DOCUMENT.write_text(figures.with_tables(figures.DOCUMENT.read_text(), measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
