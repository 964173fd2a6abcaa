# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the options of a real server into the documentation of the modules that have them, from one table.

What they mean stands in tests/write/real_server.yml, their types and choices are those of the argument spec. With
--check nothing is written, and documentation that differs is an error.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ansible_collections
import documents
import steps
import yaml

ansible_collections.__path__.append(str(steps.CHECKOUT / ".venv" / "collections" / "ansible_collections"))

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.options import REAL_SERVER  # noqa: E402

TABLE = Path(__file__).with_suffix(".yml")
MODULES = steps.CHECKOUT / "plugins" / "modules"
BEGIN, END = "# real server: begin (make tables writes it)", "# real server: end"
#: How deep the options stand in each module, and what goes before their names.
PLACES = {
    "ipvs_real_server": (2, ""),
    "ipvs_service": (6, "real_servers[]."),
    "ipvs_table": (10, "services[].real_servers[]."),
}
WIDTH = 120


def options(indent: int, prefix: str) -> Iterator[str]:
    """The lines of all options."""
    meanings: dict[str, list[str]] = yaml.safe_load(TABLE.read_text())
    assert list(meanings) == list(REAL_SERVER), "real_server.yml and the argument spec list other options"
    yield BEGIN
    for name, spec in REAL_SERVER.items():
        yield f"{name}:"
        yield "  description:"
        for sentence in meanings[name]:
            text = sentence.replace("O(.", f"O({prefix}")
            yield from textwrap.wrap(
                text,
                WIDTH - indent,
                initial_indent="    - ",
                subsequent_indent="      ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        yield f"  type: {spec['type']}"
        yield from details(spec)
    yield END


def details(spec: dict[str, Any]) -> Iterator[str]:
    """What an option has beside its type."""
    if spec.get("required"):
        yield "  required: true"
    if "choices" in spec:
        yield f"  choices: [{', '.join(spec['choices'])}]"
    if "default" in spec:
        yield f"  default: {str(spec['default']).lower()}"


def written(text: str, indent: int, prefix: str) -> str:
    """A module's text with the options between the two marks."""
    before, _begin, rest = text.partition(" " * indent + BEGIN + "\n")
    _old, end, after = rest.partition(" " * indent + END + "\n")
    assert end, "the marks are missing"
    return before + "".join(" " * indent + line + "\n" for line in options(indent, prefix)) + after


def made() -> Iterator[tuple[Path, str]]:
    """Each module with what it has to hold."""
    for name, place in PLACES.items():
        path = MODULES / f"{name}.py"
        yield path, written(path.read_text(), *place)


if __name__ == "__main__":
    sys.exit(documents.close(__doc__, made()))
