# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This machine: its programs, its ability to run virtual machines, and locks between runs."""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

# Debian keeps some of the programs where only root looks for them.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])

# Program -> Debian's package
TO_ENTER = {
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
TO_RUN_QEMU = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
}
# Its kernel comes with the image.
TO_RUN_UML = {
    "ip": "iproute2",
    "unshare": "util-linux",
}
TO_BUILD = {
    "mmdebstrap": "mmdebstrap",
    "genext2fs": "genext2fs",
    "resize2fs": "e2fsprogs",
}
# How mmdebstrap becomes root in a namespace of its own where it is not root already
TO_BUILD_UNPRIVILEGED = {"newuidmap": "uidmap"}
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class LabError(Exception):
    """What went wrong and what to do about it, for a person to read."""


def run(
    argv: Sequence[str | Path], *, cwd: Path | None = None, log: Path | None = None, pass_fds: Sequence[int] = ()
) -> str:
    """Run a program and return its standard output, or with `log` send everything there.

    :raises LabError: with the end of what the program said, if it fails or is not installed
    """
    environment = {**os.environ, "PATH": SEARCH_PATH, "LC_ALL": "C.UTF-8"}
    if log is not None:
        # mmdebstrap unpacks in TMPDIR; where it is root, in a folder that the next run clears away if this one dies
        if os.geteuid() == 0:
            environment["TMPDIR"] = str(log.parent)
        with log.open("wb") as out:
            code = subprocess.run(
                argv,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                pass_fds=pass_fds,
                check=False,
            ).returncode
        said = log.read_text(errors="replace") if code else ""
    else:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        code, said = done.returncode, done.stderr if done.returncode else done.stdout
    if code:
        raise LabError(f"{Path(argv[0]).name} failed with exit code {code}:\n{last_lines(said)}")
    return said


def last_lines(text: str, count: int = 15) -> str:
    return "\n".join(text.strip().splitlines()[-count:])


def missing_packages(engine: str, *, to_build: bool) -> list[str]:
    """Debian's names of the packages whose programs are not on this machine."""
    wanted = {**TO_ENTER, **(TO_RUN_UML if engine == "uml" else TO_RUN_QEMU)}
    if to_build:
        wanted.update(TO_BUILD)
        if os.geteuid() != 0:
            wanted.update(TO_BUILD_UNPRIVILEGED)
    missing = {package for program, package in wanted.items() if shutil.which(program, path=SEARCH_PATH) is None}
    if to_build and not KEYRING.exists():
        missing.add("debian-archive-keyring")
    return sorted(missing)


def has_apt() -> bool:
    return shutil.which("apt-get", path=SEARCH_PATH) is not None


def is_supported() -> bool:
    return platform.system() == "Linux" and platform.machine() == "x86_64"


def kvm_obstacle(cpuinfo: Path = Path("/proc/cpuinfo"), device: Path = Path("/dev/kvm")) -> str:
    """Why this machine cannot run virtual machines on its own processor; nothing if it can.

    The device alone proves nothing: machines that are virtual themselves may have it although their processor has
    no such mode, and then a guest hangs.
    """
    try:
        flags = next(line for line in cpuinfo.read_text().splitlines() if line.startswith("flags")).split()
    except (OSError, StopIteration):
        flags = []
    if not {"vmx", "svm"} & set(flags):
        return "its processor has no virtualization, or does not show it"
    if not device.exists():
        return f"there is no {device}: load kvm_intel or kvm_amd, or switch virtualization on in the firmware"
    if not os.access(device, os.R_OK | os.W_OK):
        return f"this user may not read and write {device}: join the group {group_of(device)}, and log in again"
    return ""


def group_of(path: Path) -> str:
    """The name of a file's group, or its number where it has none."""
    number = path.stat().st_gid
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Hold `folder`, which is made if need be, against other runs; waits for them. Yields the lock's descriptor.

    A child that inherits the descriptor keeps the lock even when this process is killed.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
