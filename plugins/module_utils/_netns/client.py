# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Named network namespaces as ip-netns(8) keeps them, read and changed with system calls alone."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from typing import TYPE_CHECKING

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import (
    ETC_DIR,
    RUN_DIR,
    identity,
    inside,
    is_namespace,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.values import (
    ETC_FILES,
    NSSWITCH,
    HaveNetns,
    WantedNetns,
)

if TYPE_CHECKING:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.sysctls import SysctlPath


#: linux/sockios.h, net/if.h; struct ifreq is a name of 16 bytes and a union of 24.
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1
IFREQ = struct.Struct("16sH22x")


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
    loopback_up = False
    if exists:
        with inside(want.name):
            loopback_up = bool(loopback_flags() & IFF_UP)
    sysctls, meant = _sysctls(want, exists, foreseeing) if want.sysctls else ({}, {})
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


def _sysctls(
    want: WantedNetns, exists: bool, foreseeing: bool
) -> tuple[dict[SysctlPath, str | None], dict[SysctlPath, str | None]]:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.sysctl_client import read_sysctls

    return read_sysctls(want, exists, foreseeing)


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


def processes_in(name: str) -> list[tuple[int, str]]:
    """The processes that live in a named namespace, with their commands' names."""
    wanted = identity(name)
    if wanted is None:
        return []
    pids = sorted(int(entry) for entry in os.listdir("/proc") if entry.isdigit())
    inhabitants = [pid for pid in pids if identity("/proc/%d/ns/net" % pid) == wanted]
    return [(pid, (_text("/proc/%d/comm" % pid) or "").strip()) for pid in inhabitants]


def _text(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def loopback_flags() -> int:
    """The flags of the device ``lo`` of the namespace in which it is called."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        answer = fcntl.ioctl(sock, SIOCGIFFLAGS, IFREQ.pack(b"lo", 0))
    return int(IFREQ.unpack(answer)[1])
