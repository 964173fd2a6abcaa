# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import figures
import pytest

FIGURE = figures.Figure("`text` again", 0.3, "`ipvsadm --save`", 0.4, 0.9)
MEMORY = figures.Figure("memory", 200.0, aim=160, unit="MiB")
MEASURED = figures.Measurement("tables", figures.Place("6.1.0", 2, "hardware"), 3, (FIGURE, MEMORY))


@pytest.mark.parametrize(
    ("figure", "missed", "row"),
    [
        (FIGURE, False, "| `text` again | 0.30 s | `ipvsadm --save` | 0.40 s | 0.75 | at most 0.9 |  |"),
        (
            replace(FIGURE, ours=0.4),
            True,
            "| `text` again | 0.40 s | `ipvsadm --save` | 0.40 s | 1.00 | at most 0.9 | missed |",
        ),
        (MEMORY, True, "| memory | 200 MiB |  |  |  | at most 160 MiB | missed |"),
        (replace(MEMORY, aim=None), False, "| memory | 200 MiB |  |  |  |  |  |"),
        (
            replace(FIGURE, ours=12.34, theirs=123.4),
            False,
            "| `text` again | 12.3 s | `ipvsadm --save` | 123 s | 0.10 | at most 0.9 |  |",
        ),
    ],
)
def test_a_figure_says_whether_its_aim_is_missed(figure: figures.Figure, missed: bool, row: str) -> None:
    assert (figure.missed, figure.row()) == (missed, row)


def test_what_is_kept_is_found_again_and_replaced_by_name(tmp_path: Path) -> None:
    file = tmp_path / "output" / "bench.json"
    assert figures.kept(file) == []
    other = replace(MEASURED, name="sets", figures=(MEMORY,))
    for measured in (MEASURED, other, replace(MEASURED, rounds=5)):
        figures.keep(measured, file)
    assert figures.kept(file) == [other, replace(MEASURED, rounds=5)]
    first = json.loads(file.read_text())[1]
    assert {key: first[key] for key in ("measurement", "name", "ratio", "missed", "kernel", "cores")} == {
        "measurement": "tables",
        "name": "`text` again",
        "ratio": 0.3 / 0.4,
        "missed": False,
        "kernel": "6.1.0",
        "cores": 2,
    }


def test_a_document_gets_the_tables_that_it_has_a_place_for() -> None:
    document = "# A\n<!-- tables:begin -->\nold\n<!-- tables:end -->\nB\n"
    written = figures.with_tables(document, [MEASURED, replace(MEASURED, name="sets")])
    assert written.startswith("# A\n<!-- tables:begin -->\n\n| | ours |")
    assert written.endswith("\nLinux 6.1.0 on hardware with 2 processors; 3 rounds.\n\n<!-- tables:end -->\nB\n")
    assert "old" not in written
    assert figures.with_tables(written, [MEASURED]) == written
