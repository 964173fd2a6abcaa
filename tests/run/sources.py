# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of this checkout: those that git knows, and those that it would offer to track."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import steps

#: Where a checkout without git (an unpacked archive) has things that are not its own.
NOT_SOURCES = shutil.ignore_patterns(".git", ".venv", ".lab*", ".ansible", "__pycache__", ".*_cache", "output")


def files(*, new: bool) -> list[Path] | None:
    """The files by their path below the checkout, with those that are new to git or without; None without git."""
    kinds = ["--cached", "--others", "--exclude-standard"] if new else ["--cached"]
    listed = subprocess.run(
        ["git", "ls-files", "-z", *kinds], cwd=steps.CHECKOUT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        return None
    names = map(Path, filter(None, listed.stdout.split("\0")))
    # A file may be tracked and already deleted.
    return [name for name in names if (steps.CHECKOUT / name).is_symlink() or (steps.CHECKOUT / name).is_file()]


def copy(target: Path, *, new: bool) -> None:
    """Copy the files to a folder; without git, everything that does not look generated."""
    names = files(new=new)
    if names is None:
        shutil.copytree(steps.CHECKOUT, target, symlinks=True, ignore=NOT_SOURCES)
        return
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(steps.CHECKOUT / name, target / name, follow_symlinks=False)
