# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One task at a time: what another task must not change while this one reads, plans and writes.

A lock is a file below :data:`FOLDER`, which only root can enter: a file that any user may open is one that any user may
lock (flock(2)), and root's tasks would wait for him. A lock ends with its process, whatever ends it.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from contextlib import contextmanager, suppress
from typing import Iterator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    Conflict,
    MissingRequirement,
    errno_text,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import identity

#: Where the locks are.
FOLDER = "/run/linuxnet-ipvs"
#: How long a task waits for another one (seconds).
PATIENCE = 120
#: How long it sleeps between two looks (seconds).
_NAP = 0.02


@contextmanager
def alone(netns: str | None, wanted: bool = True) -> Iterator[None]:
    """Keep other tasks of this collection out of a namespace's tables: IPVS's, sets, rules.

    A namespace that does not exist is left for the body to find out.

    Raises:
        Conflict: another task did not end in time.
        MissingRequirement: there can be no lock.
    """
    there = identity(netns) if wanted else None
    if there is None:
        yield
        return
    where = "this network namespace" if netns is None else "network namespace '%s'" % netns
    with _locked("tables-%d-%d" % there, "the tables of " + where):
        yield


@contextmanager
def alone_with_links(wanted: bool = True) -> Iterator[None]:
    """Keep other tasks of this collection out of the machine's named namespaces and their links.

    It is one lock for all namespaces, since a veth pair has its ends in two of them, and may be moved to a third.

    Raises:
        Conflict: another task did not end in time.
        MissingRequirement: there can be no lock.
    """
    if not wanted:
        yield
        return
    with _locked("links", "the namespaces and links of this machine"):
        yield


@contextmanager
def _locked(name: str, what: str) -> Iterator[None]:
    folder = _folder()
    lock = None
    try:
        deadline = time.monotonic() + PATIENCE
        while lock is None:
            lock = _taken(folder, name)
            if lock is None and time.monotonic() > deadline:
                raise Conflict(
                    "%s has been changing %s for %d s: wait until it ends, or end it"
                    % (_holder(folder, name), what, PATIENCE)
                )
            if lock is None:
                time.sleep(_NAP)
        yield
    finally:
        if lock is not None:
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)
            os.close(lock)
        os.close(folder)


def _folder() -> int:
    """The folder of the locks, opened; it is made where it is missing."""
    try:
        with suppress(FileExistsError):
            os.mkdir(FOLDER, 0o700)
        folder = os.open(FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as exc:
        raise _no_lock(exc) from exc
    found = os.fstat(folder)
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != os.geteuid() or mode & 0o077:
        os.close(folder)
        raise Conflict(
            "%s belongs to user id %d and has mode %04o, and tasks wait for each other in a folder that only root can"
            " enter: remove it" % (FOLDER, found.st_uid, mode)
        )
    return folder


def _taken(folder: int, name: str) -> int | None:
    """The lock, ``None`` where another process has it.

    Whoever lets go of a lock removes its file, so the one that was locked may no longer be the one that others find.
    """
    try:
        lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    except OSError as exc:
        raise _no_lock(exc) from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.stat(name, dir_fd=folder, follow_symlinks=False), os.fstat(lock)):
            os.ftruncate(lock, 0)
            with suppress(OSError):  # a full file system has no room for it, and the lock holds all the same
                os.write(lock, b"%d" % os.getpid())
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


def _holder(folder: int, name: str) -> str:
    """Who has the lock, as far as it has said so in its file."""
    try:
        with open(os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder), encoding="ascii") as file:
            pid = int(file.read())
        with open("/proc/%d/cmdline" % pid, encoding="utf-8", errors="replace") as file:
            words = file.read().replace("\0", " ").strip()
    except (OSError, ValueError):
        return "another task"
    return "another task, process %d (%s)," % (pid, words[:80])


def _no_lock(exc: OSError) -> MissingRequirement:
    return MissingRequirement(
        "cannot have a file in %s, by which tasks wait for each other: %s (%s)"
        % (FOLDER, exc.strerror, errno_text(exc.errno or 0))
    )
