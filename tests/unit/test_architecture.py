# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wall that holds the house: who may import whom (docs/architecture.md), and how large a file may be."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
ARCHITECTURE = PLUGINS.parent / "docs" / "architecture.md"
COLLECTION = "ansible_collections.linuxnet.ipvs.plugins."
#: From the ground up: a folder imports from the floors below its own, and from itself.
FLOORS = (
    {"_base"},
    {"_kernel"},
    {"_link", "_ipvs", "_ipset"},
    {"_netns", "_netfilter"},
    {"_trace", "_doctor"},
    {"_kube", "_node", "_picture", "_reachability"},
    {"_lab"},
    {"modules", "become", "inventory", "filter"},
)
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
#: Files that are nothing but tables may be longer.
LONGEST = 500


def room(path: Path) -> str:
    """The folder that a file counts for: its subject, or the kind of plugin."""
    kind, *below = path.relative_to(PLUGINS).parts
    return below[0] if kind in ("module_utils", "plugin_utils") else kind


def imported(path: Path) -> Iterator[Path]:
    """The files of the collection that a file imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.startswith(COLLECTION):
                file = PLUGINS / (name.removeprefix(COLLECTION).replace(".", "/") + ".py")
                if file.exists():
                    yield file


FILES = sorted(path for path in PLUGINS.rglob("*.py") if room(path) != "doc_fragments")


def arrows() -> Iterator[tuple[Path, Path]]:
    """Each import from one room into another."""
    for importer in FILES:
        for file in imported(importer):
            if room(file) != room(importer):
                yield importer, file


def test_every_room_has_its_floor():
    assert {room(path) for path in FILES} <= set(FLOOR)
    assert len(list(arrows())) > 100  # The reader of imports sees them.


def test_no_arrow_runs_back_or_along_a_floor():
    wrong = [
        f"{importer.relative_to(PLUGINS)} imports {file.relative_to(PLUGINS)}"
        for importer, file in arrows()
        if FLOOR[room(file)] >= FLOOR[room(importer)]
    ]
    assert not wrong, "against the order of floors (docs/architecture.md):\n" + "\n".join(wrong)


def test_no_imports_lead_back_to_a_file():
    """Nor do they within a folder, where floors say nothing."""
    try:
        assert set(TopologicalSorter({importer: set(imported(importer)) for importer in FILES}).static_order())
    except CycleError as circle:
        pytest.fail(" imports ".join(str(path.relative_to(PLUGINS)) for path in reversed(circle.args[1])))


def test_the_picture_of_the_floors_shows_the_imports():
    """An arrow for each import, but for those that follow from others."""
    lines = re.findall(r"^  (\w+)(?:\[.*\])?(?: --> (.+))?$", ARCHITECTURE.read_text(), re.MULTILINE)
    boxes = {box: next((room for room in FLOOR if room in (box, f"_{box}")), "") for box, _lower in lines}
    drawn = {(boxes[box], boxes[lower]) for box, lowers in lines if lowers for lower in lowers.split(" & ")}
    known = {(room(importer), room(file)) for importer, file in arrows()}
    below = {each: {lower for upper, lower in known if upper == each} for each in FLOOR}
    for each in sorted(FLOOR, key=FLOOR.__getitem__):
        below[each] = below[each].union(*(below[lower] for lower in below[each]))
    needed = {(upper, lower) for upper, lower in known if not any(lower in below[other] for other in below[upper])}
    shown = {(upper, lower) for upper, lower in drawn if upper and lower}
    wrong = "draw %s and take away %s in docs/architecture.md" % (sorted(needed - shown), sorted(shown - needed))
    assert shown == needed, wrong


def test_no_module_is_imported():
    plugins = FLOORS[-1]
    wrong = [f"{importer} imports {file}" for importer in FILES for file in imported(importer) if room(file) in plugins]
    assert not wrong


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PLUGINS)))
def test_a_file_can_be_read_in_one_sitting(path: Path):
    lines = len(path.read_text().splitlines())
    assert lines <= LONGEST or _only_tables(path), f"{lines} lines, {LONGEST} are allowed: split it by subject"


def _only_tables(path: Path) -> bool:
    """Whether a file has no code but assignments of values, besides imports and documentation."""
    plain = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Expr)
    return all(isinstance(node, plain) for node in ast.parse(path.read_text()).body)
