# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the map of docs/architecture.md: each folder of shared code, and what each file in it says of itself."""

from __future__ import annotations

import ast
import sys
from itertools import groupby
from pathlib import Path

import steps

DOCUMENT = steps.CHECKOUT / "docs" / "architecture.md"
BEGIN, END = "<!-- map:begin -->\n", "<!-- map:end -->"
ROOMS = ("plugins/module_utils", "plugins/plugin_utils")


def first_line(path: Path) -> str:
    """What a file says of itself, as Markdown."""
    told = ast.get_docstring(ast.parse(path.read_text())) or ""
    return told.splitlines()[0].replace("``", "`").replace("|", r"\|").replace(":class:", "")


def written() -> str:
    """The map: a table for each folder."""
    files = [path for room in ROOMS for path in (steps.CHECKOUT / room).rglob("*.py")]
    files.sort(key=lambda path: (path.parent, path.name))
    lines = []
    for folder, inside in groupby(files, key=lambda path: path.parent):
        lines += [f"### `{folder.relative_to(steps.CHECKOUT)}`", "", "| file | what is in it |", "| --- | --- |"]
        lines += [f"| `{path.stem}` | {first_line(path)} |" for path in inside]
        lines.append("")
    return "\n".join(lines)


def with_map(document: str) -> str:
    """The document with the map that belongs there."""
    before, _begin, rest = document.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    return f"{before}{BEGIN}\n{written()}\n{END}{after}"


def main() -> int:
    document = DOCUMENT.read_text()
    if "--check" in sys.argv[1:]:
        if with_map(document) != document:
            print(f"{DOCUMENT.relative_to(steps.CHECKOUT)} is not as the code is now: make tables")
            return 1
        return 0
    DOCUMENT.write_text(with_map(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
