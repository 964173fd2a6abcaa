# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entering a network namespace and coming back (setns(2), unshare(2), ip-netns(8))."""

from __future__ import annotations

import ctypes
import os
from contextlib import contextmanager
from typing import Any, Iterator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    LinuxnetError,
    MissingRequirement,
    NoSuchNamespace,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import netns_name

#: Where ip-netns(8) keeps named namespaces, and the configuration files it lays over /etc for each.
RUN_DIR = "/run/netns"
ETC_DIR = "/etc/netns"

#: linux/sched.h
CLONE_NEWNET = 0x40000000

_OWN = "/proc/thread-self/ns/net"


def path_of(netns: str) -> str:
    """The file that stands for a namespace: a name is looked up in /run/netns, a path is taken as it is."""
    return netns if netns.startswith("/") else os.path.join(RUN_DIR, netns_name("netns", netns))


def is_namespace(path: str) -> bool:
    """Whether a namespace is mounted at ``path``; a plain file there is what an interrupted creation leaves."""
    return identity(path) is not None


def identity(netns: str | None) -> tuple[int, int] | None:
    """What two spellings of one namespace have in common (device and inode); ``None`` if there is no such namespace."""
    path = _OWN if netns is None else path_of(netns)
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found.st_dev == os.stat(_OWN).st_dev else None


@contextmanager
def inside(netns: str | None) -> Iterator[None]:
    """Run the body in a namespace and return to the one it came from, whatever happens.

    A socket opened inside stays in the namespace, so a body need only open its sockets. ``None`` stays here.

    Raises:
        NoSuchNamespace: there is none of that name.
        MissingRequirement: the process may not enter it.
    """
    if netns is None:
        yield
        return
    with _returning():
        target = _opened(netns)
        try:
            _setns(target, netns)
        finally:
            os.close(target)
        yield


def _opened(netns: str) -> int:
    """A namespace as a file descriptor."""
    path = path_of(netns)
    if is_namespace(path):
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            pass  # it has been deleted in this moment
        except OSError as exc:
            raise LinuxnetError("cannot open network namespace '%s': %s" % (netns, exc)) from exc
    raise NoSuchNamespace(
        "network namespace '%s' does not exist (looked at %s): create it first, with linuxnet.ipvs.netns"
        " or 'ip netns add'" % (netns, path)
    )


@contextmanager
def fresh() -> Iterator[None]:
    """Run the body in a new namespace that ends with the body, unless the body mounts it somewhere."""
    with _returning():
        if _libc().unshare(CLONE_NEWNET) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise MissingRequirement("cannot make a network namespace: %s (this needs root)" % reason)
        yield


@contextmanager
def _returning() -> Iterator[None]:
    home = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        try:
            if os.stat(_OWN).st_ino != os.fstat(home).st_ino:
                _setns(home, "the namespace this task came from")
        finally:
            os.close(home)


def _setns(fd: int, name: str) -> None:
    """setns(2) through the C library, because Python has it only since 3.12."""
    if _libc().setns(fd, CLONE_NEWNET) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise MissingRequirement("cannot enter network namespace '%s': %s (this needs root)" % (name, reason))


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)
