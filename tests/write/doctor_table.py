# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the table of the doctor's checks in docs/doctor.md from the checks themselves."""

from __future__ import annotations

import re
import sys

import ansible_collections
import documents
import steps

ansible_collections.__path__.append(str(steps.CHECKOUT / ".venv" / "collections" / "ansible_collections"))

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.catalogue import CHECKS  # noqa: E402 # found only now

GUIDE = steps.CHECKOUT / "docs" / "doctor.md"


def table() -> str:
    """The checks as a table in Markdown."""
    lines = ["| finding | what is wrong | applies to | source |", "| --- | --- | --- | --- |"]
    for check in CHECKS:
        cells = (f"`{check.id}` ({check.severity})", check.what, check.where, check.source)
        lines.append("| %s |" % " | ".join(re.sub(r"\b[CO]\(([^()]*)\)", r"`\1`", cell) for cell in cells))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(documents.close(__doc__, [(GUIDE, documents.with_part(GUIDE.read_text(), "checks", table()))]))
