# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What roles and playbooks ask a host without Python there: their commands may have a terminal."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]


def test_files_are_listed_a_line_each() -> None:
    """On a terminal ls(1) writes several into a line, as soon as two fit."""
    found = [
        (path.relative_to(CHECKOUT), line)
        for folder in ("roles", "playbooks")
        for path in (CHECKOUT / folder).rglob("*.yml")
        for line in path.read_text().splitlines()
        if re.search(r"(^|[\s;|(])ls -", line) and not line.lstrip().startswith("#")
    ]
    assert len(found) > 4  # The pattern finds them.
    assert [each for each in found if not re.search(r"\bls -1 ", each[1])] == []
