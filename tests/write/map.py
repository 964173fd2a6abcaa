# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the map of docs/architecture.md: each folder of shared code, and what each file in it says of itself."""

from __future__ import annotations

import ast
import sys
from itertools import groupby
from pathlib import Path

import documents
import steps

DOCUMENT = steps.CHECKOUT / "docs" / "architecture.md"
ROOMS = ("plugins/module_utils", "plugins/plugin_utils")


def first_line(path: Path) -> str:
    """What a file says of itself, as Markdown."""
    told = ast.get_docstring(ast.parse(path.read_text())) or ""
    return told.splitlines()[0].replace("``", "`").replace("|", r"\|").replace(":class:", "")


def written() -> str:
    """The map: a table for each folder."""
    files = [path for room in ROOMS for path in (steps.CHECKOUT / room).rglob("*.py")]
    files.sort(key=lambda path: (path.parent, path.name))
    lines = [""]
    for folder, inside in groupby(files, key=lambda path: path.parent):
        lines += [f"### `{folder.relative_to(steps.CHECKOUT)}`", "", "| file | what is in it |", "| --- | --- |"]
        lines += [f"| `{path.stem}` | {first_line(path)} |" for path in inside]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(documents.close(__doc__, [(DOCUMENT, documents.with_part(DOCUMENT.read_text(), "map", written()))]))
