# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a machine's named namespaces are mounted (ip-netns(8), mount(2), mount_namespaces(7)).

``ip netns exec`` gives what it runs a mount namespace of its own, a slave of the machine's: what is mounted there ends
with it, and nobody else sees it. So a name is made and taken away in the mount namespace that is the master.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import re
import time
from contextlib import suppress
from typing import Any, Callable, Iterator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import RUN_DIR

#: sys/mount.h
_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_SHARED = 0x100000
_MNT_DETACH = 0x2
_UMOUNT_NOFOLLOW = 0x8
#: linux/sched.h
_CLONE_NEWNS = 0x20000
#: A mount's place, and its optional fields.
_MOUNTINFO = re.compile(r"\S+ \S+ \S+ \S+ (?P<point>\S+) \S+ (?P<options>.*?)- ")
#: How long to wait for a program that prepares the folder of names at the same time (seconds).
_PATIENCE = 5.0


def share_names() -> None:
    """Let names made here be seen in every mount namespace, and those unmounted there vanish here."""
    made_folder(RUN_DIR)
    if _shared():
        return
    folder = os.open(RUN_DIR, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _wait_for(folder)
        if not _shared():
            _mount(RUN_DIR, RUN_DIR, _MS_BIND | _MS_REC)
            _mount("", RUN_DIR, _MS_SHARED | _MS_REC)
    finally:
        os.close(folder)


def bind_own(path: str) -> None:
    """Mount the network namespace of this process at a path."""
    _mount("/proc/thread-self/ns/net", path, _MS_BIND)


def unmount(path: str) -> None:
    """Take away all that is mounted at a path, but nothing of what a link there leads to."""
    while _libc().umount2(path.encode(), _MNT_DETACH | _UMOUNT_NOFOLLOW) == 0:
        pass
    code = ctypes.get_errno()
    if code not in (errno.EINVAL, errno.ENOENT):  # there is nothing mounted, or nothing at all
        raise OSError(code, os.strerror(code))


def made_folder(path: str) -> None:
    """Have a folder that everybody may read and enter, whatever the umask; one that is there stays as it is."""
    with suppress(FileExistsError):
        os.makedirs(path)
        os.chmod(path, 0o755)


def where_names_are(work: Callable[[], None]) -> None:
    """Do some work in the mount namespace in which the machine's names are mounted; mostly that is this one.

    Raises:
        OSError: as the work does.
    """
    process = _master()
    if process is None:
        work()
        return
    child = os.fork()
    if child == 0:
        code = errno.EIO
        try:
            code = _carried_out("/proc/%s/ns/mnt" % process, work)
        finally:
            os._exit(code)
    code = os.WEXITSTATUS(os.waitpid(child, 0)[1])
    if code:
        raise OSError(code, os.strerror(code))


def _carried_out(mounts: str, work: Callable[[], None]) -> int:
    """The errno with which the work has ended in another mount namespace, 0 where it has not failed."""
    try:
        with open(mounts, "rb") as file:
            if _libc().setns(file.fileno(), _CLONE_NEWNS) != 0:
                return ctypes.get_errno()
        work()
    except OSError as exc:
        return exc.errno or errno.EIO
    return 0


def _master() -> str | None:
    """A process in whose mount namespace the names are that this one only gets to see; ``None`` where there is none."""
    own = _mount_of_names("self")
    group = own and re.search(r"\bmaster:(\d+)", own.group("options"))
    if not own or not group:
        return None
    for process in (*_ancestors(), "1"):
        found = _mount_of_names(process)
        same = found and found.group("point") == own.group("point")
        if found and same and "shared:%s" % group.group(1) in found.group("options").split():
            return process
    return None


def _mount_of_names(process: str) -> re.Match[str] | None:
    """The line of a process's mountinfo (proc_pid_mountinfo(5)) that the folder of names belongs to."""
    try:
        with open("/proc/%s/mountinfo" % process, encoding="utf-8", errors="replace") as file:
            lines = [match for match in map(_MOUNTINFO.match, file) if match]
    except OSError:
        return None
    inside = [line for line in lines if (RUN_DIR + "/").startswith(line.group("point").rstrip("/") + "/")]
    # Of several with the same place the last one hides the others.
    return max(reversed(inside), key=lambda line: len(line.group("point")), default=None)


def _ancestors() -> Iterator[str]:
    process = str(os.getppid())
    while process not in ("0", "1"):
        yield process
        try:
            with open("/proc/%s/stat" % process, encoding="utf-8", errors="replace") as file:
                process = file.read().rpartition(")")[2].split()[1]
        except (OSError, IndexError):
            return


def _shared() -> bool:
    """Whether the folder of names is a mount, and shared from now on."""
    try:
        _mount("", RUN_DIR, _MS_SHARED | _MS_REC)
    except OSError as exc:
        if exc.errno != errno.EINVAL:
            raise
        return False
    return True


def _wait_for(folder: int) -> None:
    """Take turns with ip(8), which locks the folder meanwhile; any user can, so nobody is waited for for long."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with suppress(BlockingIOError):
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(0.02)


def _mount(source: str, target: str, flags: int) -> None:
    if _libc().mount(source.encode(), target.encode(), b"none", ctypes.c_ulong(flags), None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)
