# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that tells whether the pyroute2 of a host is too old, before anything is done that needs it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.pyroute2 import MINIMUM, is_enough
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._base.plain import plain

#: A package's folder or file beside it (Core metadata specifications), and what ``apt-cache policy`` would install
_INSTALLED = re.compile(r"(?P<folder>/.*)/pyroute2-(?P<version>[0-9][^-/]*)(-[^/]*)?\.(dist|egg)-info$")
_CANDIDATE = re.compile(r"\s*Candidate: (?P<version>[0-9]\S*)$")


def pyroute2_problems(lines: Sequence[str], python: str) -> list[str]:
    """Why no pyroute2 of a host will do, in words; nothing where one will, or where none is known.

    Args:
        lines: The folders with the versions that are installed, one a line, and what ``apt-cache policy`` printed.
        python: The host's Python.
    """
    text = [str(line).rstrip() for line in plain(lines)]
    installed = [match for match in map(_INSTALLED.match, text) if match]
    candidates = [match for match in map(_CANDIDATE.match, text) if match]
    known = installed or candidates
    if not known or any(is_enough(match["version"]) for match in known):
        return []
    where = "in %s" % installed[0]["folder"] if installed else "which its distribution has"
    least = ".".join(map(str, MINIMUM))
    return [
        "pyroute2 %s, %s, is too old, and %s or later is needed: install it with %s -m pip install 'pyroute2>=%s'"
        " (pip is in the package python3-pip)" % (known[0]["version"], where, least, python, least)
    ]


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"pyroute2_problems": pyroute2_problems}
