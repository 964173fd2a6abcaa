# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Named network namespaces as ip-netns(8) keeps them, read and changed with system calls alone."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from contextlib import contextmanager, suppress
from typing import Any, Callable, Iterable, Iterator, Sequence

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
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.mounts import (
    bind_own,
    made_folder,
    share_names,
    unmount,
    where_names_are,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.plan import (
    ETC_FILES,
    NEW_FILE,
    NSSWITCH,
    CreateNetns,
    HaveNetns,
    Operation,
    RemoveEtc,
    RemoveNetns,
    SetLoopbackUp,
    Sysctl,
    SysctlPath,
    WantedNetns,
    WriteEtc,
    WriteSysctls,
    device_of,
)

#: How often sysctls are written that move each other.
_ROUNDS = 4
#: linux/sockios.h, net/if.h; struct ifreq is a name of 16 bytes and a union of 24.
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1
_IFREQ = struct.Struct("16sH22x")


def run_path(name: str) -> str:
    """The file that stands for a named namespace."""
    return os.path.join(RUN_DIR, name)


def read(want: WantedNetns, foreseeing: bool = False) -> HaveNetns:
    """Read what is there under a name. The sysctls of a namespace yet to be made are those of any new one.

    Args:
        foreseeing: in check mode; then a device that is not there counts as one that an earlier task makes.

    Raises:
        InvalidOption: the kernel has no such sysctl.
        KernelRefused: it does not take the value.
    """
    path = run_path(want.name)
    exists = is_namespace(path)
    folder = os.path.join(ETC_DIR, want.name)
    with inside(want.name) if exists else _fresh_for(want.sysctls):
        loopback_up = exists and bool(_loopback_flags() & _IFF_UP)
        sysctls = {each.path: _read_sysctl(_foreseen(each) if foreseeing else each) for each in want.sysctls}
    meant = _meant(want.name, [each for each in want.sysctls if sysctls[each.path] != each.value])
    return HaveNetns(
        exists=exists,
        leftover=not exists and _is_leftover(path),
        in_the_way="" if exists else _in_the_way(path),
        loopback_up=loopback_up,
        etc=_etc(folder),
        nsswitch=_text(NSSWITCH),
        sysctls=sysctls,
        meant=meant,
    )


def _is_leftover(path: str) -> bool:
    """Whether an interrupted creation has left an empty file there."""
    return os.path.isfile(path) and not os.path.islink(path) and not os.path.getsize(path)


def _in_the_way(path: str) -> str:
    """What else is there in the place of a namespace, in words; empty where there is nothing."""
    if os.path.islink(path):
        return "a link to %s, and there is no namespace" % os.readlink(path)
    if os.path.lexists(path) and not _is_leftover(path):
        return "neither a namespace nor what an interrupted creation of one leaves"
    return ""


def _etc(folder: str) -> dict[str, str | None] | None:
    """The files of a namespace's configuration by name, and the texts of those that tasks write."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return {} if os.path.lexists(folder) else None
    return {name: _text(os.path.join(folder, name)) if name in ETC_FILES else None for name in sorted(names)}


def _meant(name: str, sysctls: Sequence[Sysctl]) -> dict[SysctlPath, str | None]:
    """What the kernel makes of values, such as ``8080-8081`` of ``8080,8081``: each is tried in a new namespace.

    Without the keys that such a namespace does not have, as those of a device.

    Raises:
        KernelRefused: the kernel does not take a value.
    """
    found: dict[SysctlPath, str | None] = {}
    with _fresh_for(sysctls):
        for sysctl in sysctls:
            try:
                _put_sysctl(name, sysctl)
                found[sysctl.path] = _read_sysctl(sysctl)
            except KernelRefused as exc:
                if exc.errno in (errno.EINVAL, errno.ERANGE):
                    raise
            except InvalidOption:
                continue
    return found


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

    def make() -> None:
        share_names()
        if operation.leftover:
            os.unlink(path)  # refused where another program has just mounted its own there
        with fresh():
            # As ip-netns(8): of two that make the same name at once, one is told.
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
            try:
                bind_own(path)
            except OSError:
                os.unlink(path)
                raise
            _set_loopback_up()

    with _refusals("make network namespace '%s'" % operation.name):
        where_names_are(make)


def _loopback_up(operation: SetLoopbackUp) -> None:
    with _refusals("set lo of network namespace '%s' up" % operation.name), inside(operation.name):
        _set_loopback_up()


def _write_sysctls(operation: WriteSysctls) -> None:
    """Write sysctls until all hold: one may move others, as net.ipv4.ip_forward sets each accept_redirects anew."""
    wanted = (*operation.right, *operation.wrong)
    with inside(operation.name):
        made = {sysctl.path: _read_sysctl(sysctl) for sysctl in operation.right}
        left = list(operation.wrong)
        for _round in range(_ROUNDS):
            for sysctl in left:
                _put_sysctl(operation.name, sysctl)
                made[sysctl.path] = _read_sysctl(sysctl)
            left = [sysctl for sysctl in wanted if _read_sysctl(sysctl) != made[sysctl.path]]
            if not left:
                return
    raise Conflict(
        "sysctl: in network namespace '%s' the kernel changes %s when others of these keys are set: leave one out"
        % (operation.name, " and ".join(sysctl.key for sysctl in left))
    )


def _put_sysctl(name: str, sysctl: Sysctl) -> None:
    what = "set sysctl %s to '%s' in network namespace '%s'" % (sysctl.key, sysctl.value, name)
    with _refusals(what), open(_sysctl_file(sysctl.path), "w", encoding="ascii") as file:
        file.write(sysctl.value)


def _write_etc(operation: WriteEtc) -> None:
    folder = os.path.join(ETC_DIR, operation.name)
    path = os.path.join(folder, operation.file)
    with _refusals("write %s" % path):
        made_folder(ETC_DIR)
        made_folder(folder)
        # The name is always the same, so that a run that was killed here leaves nothing that the next one keeps.
        new = os.path.join(folder, NEW_FILE % operation.file)
        with open(new, "w", encoding="utf-8", errors="surrogateescape") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(operation.text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)


def _remove(operation: RemoveNetns) -> None:
    path = run_path(operation.name)

    def remove() -> None:
        unmount(path)
        with suppress(FileNotFoundError):
            os.unlink(path)

    with _refusals("remove network namespace '%s'" % operation.name):
        where_names_are(remove)


def _remove_etc(operation: RemoveEtc) -> None:
    folder = os.path.join(ETC_DIR, operation.name)
    with _refusals("remove %s" % folder):
        if os.path.islink(folder):
            os.unlink(folder)
            return
        for name in operation.files:
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, name))
        if operation.whole:
            os.rmdir(folder)


_HOW: dict[type, Callable[[Any], None]] = {
    CreateNetns: _create,
    SetLoopbackUp: _loopback_up,
    WriteSysctls: _write_sysctls,
    WriteEtc: _write_etc,
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


def _read_sysctl(sysctl: Sysctl) -> str | None:
    """A sysctl's value, ``None`` where it has none yet (net.ipv6.conf.*.stable_secret answers EIO then)."""
    try:
        with open(_sysctl_file(sysctl.path), encoding="ascii", errors="replace") as file:
            return " ".join(file.read().split())
    except OSError as exc:
        if exc.errno == errno.EIO:
            return None
        code = errno_text(exc.errno or 0)
        if exc.errno in (errno.EACCES, errno.EPERM):
            raise InvalidOption(
                "sysctl", sysctl.key, "the kernel does not let it be read (%s), so no task can know its value" % code
            ) from exc
        raise InvalidOption(
            "sysctl",
            sysctl.key,
            "a namespace of this kernel has no such key (%s): look for the name in 'sysctl -a', and whether the"
            " module that brings it is loaded" % code,
        ) from exc


def _foreseen(sysctl: Sysctl) -> Sysctl:
    """The sysctl whose value that of a device will begin with, where the device is not there yet."""
    path = sysctl.path
    if not device_of(path) or os.path.lexists(_sysctl_file(path[:4])):
        return sysctl
    return sysctl._replace(path=(*path[:3], "default", *path[4:]))


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


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        code = exc.errno or 0
        raise KernelRefused(code, "cannot %s: %s (%s)" % (what, exc.strerror or exc, errno_text(code))) from exc
