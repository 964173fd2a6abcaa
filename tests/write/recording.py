# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record what a person sees who uses the lab at a terminal, as pictures in docs/: run on a lab that is there.

Each command of SESSIONS is run for real, and what it prints is drawn line by line. All lines are there from the start
for whoever sees no animation, has asked for less motion, or prints the page; nothing depends on colour.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import steps

#: Columns of the terminal, and what a character and a line take in the picture
COLUMNS, CHARACTER, LINE, FONT, MARGIN = 92, 7.85, 18, 13, 14
#: Seconds between a command and what it prints, and between two lines
PAUSE, PACE = 1.2, 0.12
STYLE = f"""\
text {{ font: {FONT}px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre; fill: #1f2328; }}
rect {{ fill: #f6f8fa; stroke: #8c959f; }}
.typed {{ font-weight: bold; }}
@keyframes shown {{ from {{ opacity: 0; }} to {{ opacity: 1; }} }}
@media (prefers-reduced-motion: no-preference) {{ text {{ animation: shown 0.01s linear both; }} }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3; }} rect {{ fill: #0d1117; stroke: #6e7681; }} }}
"""
#: In a command's words, where the lab's inventory goes
INVENTORY = "INVENTORY"


class Typed(NamedTuple):
    """A command as a reader types it, its words as they are run here, and the lines that are shown of what it prints.

    These are from the first one that fits ``first`` to the next one that fits ``last``; without ``first`` none is.
    """

    shown: str
    words: Sequence[str]
    first: str = ""
    last: str = r"\Z."


def on_node(command: str) -> Typed:
    """A command that is typed on the lab's node, and prints nothing."""
    module = ["lab_nodes", "--become", "--module-name", "ansible.builtin.command"]
    return Typed(f"# {command}", ["ansible", "--inventory", INVENTORY, *module, "--args", command])


def doctor(first: str, last: str) -> Typed:
    """The doctor's playbook, with a part of its report."""
    shown = "$ .venv/bin/ansible-playbook -i .lab/inventory.yml playbooks/doctor.yml"
    return Typed(shown, ["ansible-playbook", "--inventory", INVENTORY, "playbooks/doctor.yml"], first, last)


TOUR = ["python", "playbooks/tour", "--inventory", INVENTORY, "--yes", "--from", "hairpin", "--to", "hairpin"]
#: What the set of what loops back says of the first real server
ENTRY = "DUSTIN-LOOP-BACK 10.0.0.11,tcp:8080,10.0.0.11"
SESSIONS = {
    "recording-doctor": [
        on_node(f"ipset del {ENTRY}"),
        doctor(r"\d+ findings? on", r"^ *name: DUSTIN"),
        on_node(f"ipset add {ENTRY}"),
        doctor("Nothing is wrong", "Nothing is wrong"),
    ],
    "recording-tour": [Typed("$ make tour ARGS='--from hairpin --to hairpin --yes'", TOUR, r"\S")],
}


def printed(typed: Typed, inventory: Path, environment: Mapping[str, str]) -> list[str]:
    """Run a command, and give the lines that are shown of what it prints. Raises CalledProcessError if it fails."""
    words = [str(inventory) if word == INVENTORY else word for word in typed.words]
    done = subprocess.run(
        words, cwd=steps.CHECKOUT, env=dict(environment), stdout=subprocess.PIPE, text=True, check=True
    )
    return shown(done.stdout.splitlines(), typed.first, typed.last)


def shown(lines: Sequence[str], first: str, last: str) -> list[str]:
    """The lines from one that fits to another, as far left as they go, with `...` for a rest of the same paragraph.

    Raises ValueError where none fits.
    """
    if not first:
        return []
    start = next((place for place, line in enumerate(lines) if re.search(first, line)), None)
    if start is None:
        raise ValueError("nothing fits '{}' in:\n{}".format(first, "\n".join(lines)))
    end = next((place for place in range(start, len(lines)) if re.search(last, lines[place])), len(lines) - 1)
    found = lines[start : end + 1]
    indent = min(len(line) - len(line.lstrip()) for line in found if line.strip())
    cut = found[-1].strip() and lines[end + 1 : end + 2] and lines[end + 1].strip()
    return [line[indent:].rstrip() for line in found] + (["..."] if cut else [])


def timed(session: Sequence[tuple[Typed, Sequence[str]]]) -> Iterator[tuple[float, bool, str]]:
    """Each line of a session: when it is shown, in seconds, whether it is typed, and its text."""
    now = 0.3
    for number, (typed, lines) in enumerate(session):
        if number:
            now += PAUSE
        yield now, True, typed.shown
        now += PAUSE
        for line in lines:
            yield now, False, line
            now += PACE


def svg(title: str, lines: Sequence[tuple[float, bool, str]]) -> str:
    """Draw the lines of a terminal."""
    width = COLUMNS * CHARACTER + 2 * MARGIN
    height = len(lines) * LINE + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f'<rect x="0.5" y="0.5" width="{width - 1:.0f}" height="{height - 1}" rx="6"/>',
    ]
    for place, (at, typed, text) in enumerate(lines):
        if text:
            kind = ' class="typed"' if typed else ""
            where = f'x="{MARGIN}" y="{MARGIN + place * LINE + FONT}"'
            parts.append(f'<text {where}{kind} style="animation-delay: {at:.2f}s">{escape(text)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--inventory", type=Path, default=steps.CHECKOUT / ".lab" / "inventory.yml")
    parser.add_argument("session", nargs="*", choices=[[], *SESSIONS])
    asked = parser.parse_args()
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "NO_COLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml"}
    for name in asked.session or SESSIONS:
        session = [(typed, printed(typed, asked.inventory, environment)) for typed in SESSIONS[name]]
        lines = list(timed(session))
        title = " ".join(text for _at, _typed, text in lines)
        path = steps.CHECKOUT / "docs" / f"{name}.svg"
        path.write_text(svg(title, lines))
        print(f"wrote {path.relative_to(steps.CHECKOUT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
