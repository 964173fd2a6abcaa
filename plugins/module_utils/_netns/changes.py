# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of named namespaces, with system calls alone."""

from __future__ import annotations

import fcntl
import os
import socket
from contextlib import suppress
from typing import Any, Callable, Iterable

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import ETC_DIR, fresh, inside
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.client import (
    IFF_UP,
    IFREQ,
    SIOCSIFFLAGS,
    loopback_flags,
    run_path,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.mounts import (
    bind_own,
    made_folder,
    share_names,
    unmount,
    where_names_are,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.operations import (
    CreateNetns,
    Operation,
    RemoveEtc,
    RemoveNetns,
    SetLoopbackUp,
    WriteEtc,
    WriteSysctls,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.sysctl_client import (
    put_sysctl,
    read_sysctl,
    refusals,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.values import NEW_FILE

#: How often sysctls are written that move each other.
_ROUNDS = 4


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

    with refusals("make network namespace '%s'" % operation.name):
        where_names_are(make)


def _loopback_up(operation: SetLoopbackUp) -> None:
    with refusals("set lo of network namespace '%s' up" % operation.name), inside(operation.name):
        _set_loopback_up()


def _write_sysctls(operation: WriteSysctls) -> None:
    """Write sysctls until all hold: one may move others, as net.ipv4.ip_forward sets each accept_redirects anew."""
    wanted = (*operation.right, *operation.wrong)
    with inside(operation.name):
        made = {sysctl.path: read_sysctl(sysctl) for sysctl in operation.right}
        left = list(operation.wrong)
        for _round in range(_ROUNDS):
            for sysctl in left:
                put_sysctl(operation.name, sysctl)
                made[sysctl.path] = read_sysctl(sysctl)
            left = [sysctl for sysctl in wanted if read_sysctl(sysctl) != made[sysctl.path]]
            if not left:
                return
    raise Conflict(
        "sysctl: in network namespace '%s' the kernel changes %s when others of these keys are set: leave one out"
        % (operation.name, " and ".join(sysctl.key for sysctl in left))
    )


def _write_etc(operation: WriteEtc) -> None:
    folder = os.path.join(ETC_DIR, operation.name)
    path = os.path.join(folder, operation.file)
    with refusals("write %s" % path):
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

    with refusals("remove network namespace '%s'" % operation.name):
        where_names_are(remove)


def _remove_etc(operation: RemoveEtc) -> None:
    folder = os.path.join(ETC_DIR, operation.name)
    with refusals("remove %s" % folder):
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


def _set_loopback_up() -> None:
    flags = loopback_flags() | IFF_UP
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCSIFFLAGS, IFREQ.pack(b"lo", flags))
