# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual environments beside the checkout's own, for tools that want other libraries than it has."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import steps


class NotInstalled(Exception):
    """Something cannot be installed; the text is what pip printed."""


def installed(name: str, wanted: Sequence[str | Path], python: str = sys.executable) -> Path:
    """The folder of the commands of an environment in .venv/NAME, which is made anew where something else is wanted.

    What is wanted is a package by its name and version, or a file of requirements. Raises NotInstalled.
    """
    folder = steps.CHECKOUT / ".venv" / name
    binaries = folder / "bin"
    text = "\n".join([python, *(each.read_text() if isinstance(each, Path) else each for each in wanted)])
    stamp, digest = folder / "stamp", hashlib.sha256(text.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return binaries
    shutil.rmtree(folder, ignore_errors=True)
    words: list[str | Path] = []
    for each in wanted:
        words += ["--requirement", each] if isinstance(each, Path) else [each]
    pip: list[str | Path] = [binaries / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    making: list[list[str | Path]] = [[python, "-m", "venv", folder], [*pip, *words]]
    for command in making:
        step = steps.run(name, command)
        if step.failure is not None:
            raise NotInstalled(step.failure)
    stamp.write_text(digest)
    return binaries
