# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the README's table of what is tested (by what the tests run) and what should work (by what is known)."""

from __future__ import annotations

import sys

import documents
import scenarios
import steps
import versions

README = steps.CHECKOUT / "README.md"
#: What Debian's suites have: the release, its kernel and its ipset(8).
SUITES = {
    "bookworm": ("Debian 12", "6.1", "7.17"),
    "trixie": ("Debian 13", "6.12", "7.22"),
    "trixie-backports": ("Debian 13", "7.3", "7.22"),
}
#: Nothing of it was run; it has what the modules ask for, by its packages' versions.
SAID = {
    "kernel": "5.16 and later; on older ones run `modprobe ip_vs` first",
    "ipset": "any: sets are made in the oldest form that holds what is asked for, and the modules need no `ipset`",
    "distribution": "Ubuntu 24.04 and 26.04, Fedora, EL 9 and 10, openSUSE, Arch, Alpine",
}


def pythons(core: versions.Core) -> str:
    """The Pythons that a core's controller may have."""
    return "3.%d to 3.%d" % (core.oldest[1], core.newest[1] - 1)


def rows() -> list[tuple[str, str, str, str]]:
    """What there are versions of: those of each run of `make test`, those that are run on request, and the others."""
    cores = versions.CORES
    first, *others = [SUITES[suite] for suite in ("bookworm", *scenarios.SUITES)]
    coming = [core.name for core in versions.COMING]
    said = ", ".join(core.name for core in cores[1:-1])
    column = {place: ", ".join(dict.fromkeys(each[place] for each in others)) for place in range(3)}
    return [
        ("ansible-core", f"{cores[0].name}, {cores[-1].name}", ", ".join(coming), said),
        ("Python of its controller", ", ".join(f"{pythons(core)} ({core.name})" for core in cores), "", ""),
        ("kernel of a managed node", first[1], column[1], SAID["kernel"]),
        ("ipset(8) used alongside the modules", first[2], column[2], SAID["ipset"]),
        ("distribution of a managed node", first[0], column[0], SAID["distribution"]),
    ]


def table() -> str:
    """The table in Markdown."""
    head = ["| | `make test` | `make kernels`, `make versions` | expected to work |", "| --- | --- | --- | --- |"]
    return "\n".join(["", *head, *("| %s |" % " | ".join(row) for row in rows()), ""])


if __name__ == "__main__":
    sys.exit(documents.close(__doc__, [(README, documents.with_part(README.read_text(), "tested", table()))]))
