# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What images and kernels are built with: mmdebstrap, in a folder that gets its name when all is there."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from .host import LabError, locked, run

# Nobody needs the manuals in there, and without them an image is built in two thirds of the time.
WITHOUT = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")
# Root's mmdebstrap mounts /proc, /sys and parts of /dev into what it builds. In namespaces of their own neither these
# mounts nor the processes outlive it, however it ends. (For everybody else it makes such namespaces itself.)
CONTAINED = ("unshare", "--mount", "--pid", "--fork", "--kill-child")


# What apt and dpkg say (LC_ALL=C.UTF-8), and what helps
REMEDIES = (
    (
        r"Release file for .* is expired",
        "The mirror's lists are past their date: see that this machine's clock is right, or name a mirror that is up "
        "to date with lab_host_mirror.",
    ),
    (r"Release file for .* is not valid yet", "This machine's clock is slow: set it."),
    (
        r"does not have a Release file",
        "lab_host_mirror has no such suite: see lab_host_release and lab_host_kernel_suite.",
    ),
    (
        r"Could not (resolve|connect to)|Temporary failure resolving|Connection (timed out|refused)",
        "lab_host_mirror does not answer from here: name another one, or set http_proxy.",
    ),
    (
        r"No space left on device",
        "The file system of lab_host_cache_dir, or of TMPDIR, is full: an image takes 2 GB while it is built.",
    ),
    (r"Unable to locate package", "lab_host_packages names a package that the release does not have."),
)


def mmdebstrap(
    release: str, suite: str, mirror: str, packages: Sequence[str], *more: str, target: str, form: str
) -> list[str]:
    """mmdebstrap's arguments for a Debian of `release` with `packages`, of which some may name another `suite`."""
    return [
        "mmdebstrap",
        f"--format={form}",
        "--variant=apt",
        "--architectures=amd64",
        f"--include={','.join(packages)}",
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=Acquire::Retries "3"',
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in WITHOUT),
        *more,
        release,
        target,
        *(f"deb {mirror} {each} main" for each in dict.fromkeys([release, suite])),
    ]


def contained(command: Sequence[str], folder: Path, lock: int) -> None:
    """Run mmdebstrap in a folder, whose `build.log` gets what it says; it keeps the lock as long as it runs.

    :raises LabError: if it fails
    """
    around = CONTAINED if os.geteuid() == 0 else ()
    log = folder / "build.log"
    try:
        run([*around, *command], cwd=folder, log=log, pass_fds=[lock])
    except LabError as error:
        remedies = [remedy for sign, remedy in REMEDIES if re.search(sign, log.read_text(errors="replace"))]
        if not remedies:
            raise
        raise LabError("\n".join([str(error), *remedies])) from error


@contextlib.contextmanager
def in_place(folder: Path) -> Iterator[tuple[Path | None, int]]:
    """A folder to build in, which gets its name when all went well, and the lock that keeps others out; no folder if
    `folder` is there already.

    So what a killed run leaves behind is never taken for the whole, and the next run clears it away.
    """
    with locked(folder.parent) as lock:
        for leftover in folder.parent.glob("*.part"):
            shutil.rmtree(leftover)
        if folder.is_dir():
            yield None, lock
            return
        part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
        part.mkdir()
        yield part, lock
        part.rename(folder)
