# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Named network namespaces as ip-netns(8) keeps them, read and changed with system calls alone."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
import socket
import struct
from contextlib import contextmanager
from typing import Any, Callable, Iterable, Iterator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    Conflict,
    InvalidOption,
    KernelRefused,
    errno_text,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import (
    ETC_DIR,
    RUN_DIR,
    fresh,
    identity,
    inside,
    is_namespace,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.plan import (
    CreateNetns,
    HaveNetns,
    Operation,
    RemoveEtc,
    RemoveNetns,
    SetLoopbackUp,
    Sysctl,
    SysctlPath,
    WantedNetns,
    WriteResolvConf,
    WriteSysctl,
)

#: sys/mount.h
_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_SHARED = 0x100000
_MNT_DETACH = 0x2
#: linux/sockios.h, net/if.h; struct ifreq is a name of 16 bytes and a union of 24.
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1
_IFREQ = struct.Struct("16sH22x")


def run_path(name: str) -> str:
    """The file that stands for a named namespace."""
    return os.path.join(RUN_DIR, name)


def read(want: WantedNetns) -> HaveNetns:
    """Read what is there under a name. The sysctls of a namespace yet to be made are those of any new one.

    Raises:
        InvalidOption: the kernel has no such sysctl.
        Conflict: the name's file is something else.
    """
    path = run_path(want.name)
    exists = is_namespace(path)
    leftover = not exists and os.path.lexists(path)
    if leftover and (os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path)):
        raise Conflict("name: %s is neither a namespace nor what an interrupted creation of one leaves" % path)
    folder = os.path.join(ETC_DIR, want.name)
    with inside(want.name) if exists else _fresh_for(want.sysctls):
        loopback_up = exists and bool(_loopback_flags() & _IFF_UP)
        sysctls = {each.path: _read_sysctl(each) for each in want.sysctls}
    return HaveNetns(
        exists=exists,
        leftover=leftover,
        loopback_up=loopback_up,
        resolv_conf=_text(os.path.join(folder, "resolv.conf")),
        etc_folder=os.path.isdir(folder),
        sysctls=sysctls,
    )


def processes_in(name: str) -> list[tuple[int, str]]:
    """The processes that live in a named namespace, with their commands' names."""
    wanted = identity(name)
    if wanted is None:
        return []
    pids = sorted(int(entry) for entry in os.listdir("/proc") if entry.isdigit())
    inhabitants = [pid for pid in pids if identity("/proc/%d/ns/net" % pid) == wanted]
    return [(pid, (_text("/proc/%d/comm" % pid) or "").strip()) for pid in inhabitants]


def apply(operations: Iterable[Operation]) -> None:
    """Carry out operations one after the other.

    Raises:
        KernelRefused: with what was to be done, where, and the system's answer.
    """
    for operation in operations:
        _HOW[type(operation)](operation)


def _create(operation: CreateNetns) -> None:
    path = run_path(operation.name)
    with _refusals("make network namespace '%s'" % operation.name):
        _share_run_dir()
        with fresh():
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0))
            _mount("/proc/thread-self/ns/net", path, _MS_BIND)
            _set_loopback_up()


def _share_run_dir() -> None:
    """Let names made here be seen in every mount namespace, and those unmounted there vanish here (ip-netns(8))."""
    os.makedirs(RUN_DIR, mode=0o755, exist_ok=True)
    folder = os.open(RUN_DIR, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        try:
            _mount("", RUN_DIR, _MS_SHARED | _MS_REC)
        except OSError as exc:
            if exc.errno != errno.EINVAL:
                raise
            _mount(RUN_DIR, RUN_DIR, _MS_BIND | _MS_REC)
            _mount("", RUN_DIR, _MS_SHARED | _MS_REC)
    finally:
        os.close(folder)


def _loopback_up(operation: SetLoopbackUp) -> None:
    with _refusals("set lo of network namespace '%s' up" % operation.name), inside(operation.name):
        _set_loopback_up()


def _write_sysctl(operation: WriteSysctl) -> None:
    sysctl = operation.sysctl
    what = "set sysctl %s to '%s' in network namespace '%s'" % (sysctl.key, sysctl.value, operation.name)
    with _refusals(what), inside(operation.name), open(_sysctl_file(sysctl.path), "w", encoding="ascii") as file:
        file.write(sysctl.value)


def _write_resolv_conf(operation: WriteResolvConf) -> None:
    folder = os.path.join(ETC_DIR, operation.name)
    path = os.path.join(folder, "resolv.conf")
    with _refusals("write %s" % path):
        os.makedirs(folder, mode=0o755, exist_ok=True)
        # The name is always the same, so that a run that was killed here leaves nothing that the next one keeps.
        new = os.path.join(folder, ".resolv.conf.new")
        with open(new, "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(operation.text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)


def _remove(operation: RemoveNetns) -> None:
    path = run_path(operation.name)
    with _refusals("remove network namespace '%s'" % operation.name):
        if _libc().umount2(path.encode(), _MNT_DETACH) != 0 and ctypes.get_errno() not in (errno.EINVAL, errno.ENOENT):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        if os.path.lexists(path):
            os.unlink(path)


def _remove_etc(operation: RemoveEtc) -> None:
    folder = os.path.join(ETC_DIR, operation.name)
    with _refusals("remove %s" % folder):
        shutil.rmtree(folder)


_HOW: dict[type, Callable[[Any], None]] = {
    CreateNetns: _create,
    SetLoopbackUp: _loopback_up,
    WriteSysctl: _write_sysctl,
    WriteResolvConf: _write_resolv_conf,
    RemoveNetns: _remove,
    RemoveEtc: _remove_etc,
}


@contextmanager
def _fresh_for(sysctls: Iterable[Sysctl]) -> Iterator[None]:
    """A new namespace to look at, if there is something to look at."""
    if not tuple(sysctls):
        yield
        return
    with fresh():
        yield


def _sysctl_file(path: SysctlPath) -> str:
    return os.path.join("/proc/sys", *path)


def _read_sysctl(sysctl: Sysctl) -> str:
    try:
        with open(_sysctl_file(sysctl.path), encoding="ascii", errors="replace") as file:
            return " ".join(file.read().split())
    except OSError as exc:
        raise InvalidOption(
            "sysctl",
            sysctl.key,
            "a namespace of this kernel has no such key (%s): look for the name in 'sysctl -a', and whether the"
            " module that brings it is loaded" % errno_text(exc.errno or 0),
        ) from exc


def _loopback_flags() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        answer = fcntl.ioctl(sock, _SIOCGIFFLAGS, _IFREQ.pack(b"lo", 0))
    return int(_IFREQ.unpack(answer)[1])


def _set_loopback_up() -> None:
    flags = _loopback_flags() | _IFF_UP
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, _IFREQ.pack(b"lo", flags))


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def _mount(source: str, target: str, flags: int) -> None:
    if _libc().mount(source.encode(), target.encode(), b"none", ctypes.c_ulong(flags), None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        code = exc.errno or 0
        raise KernelRefused(code, "cannot %s: %s (%s)" % (what, exc.strerror or exc, errno_text(code))) from exc
