# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sysctls of a namespace, read, tried and written."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import Iterable, Iterator, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption, KernelRefused, errno_text
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import fresh, inside
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.sysctls import Sysctl, SysctlPath, device_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.values import WantedNetns


def meant(name: str, sysctls: Sequence[Sysctl]) -> dict[SysctlPath, str | None]:
    """What the kernel makes of values, such as ``8080-8081`` of ``8080,8081``: each is tried in a new namespace.

    Without the keys that such a namespace does not have, as those of a device.

    Raises:
        KernelRefused: the kernel does not take a value.
    """
    found: dict[SysctlPath, str | None] = {}
    with fresh_for(sysctls):
        for sysctl in sysctls:
            try:
                put_sysctl(name, sysctl)
                found[sysctl.path] = read_sysctl(sysctl)
            except KernelRefused as exc:
                if exc.errno in (errno.EINVAL, errno.ERANGE):
                    raise
            except InvalidOption:
                continue
    return found


def put_sysctl(name: str, sysctl: Sysctl) -> None:
    """Write a sysctl in the namespace in which it is called; ``name`` is for errors."""
    what = "set sysctl %s to '%s' in network namespace '%s'" % (sysctl.key, sysctl.value, name)
    with refusals(what), open(_sysctl_file(sysctl.path), "w", encoding="ascii") as file:
        file.write(sysctl.value)


@contextmanager
def fresh_for(sysctls: Iterable[Sysctl]) -> Iterator[None]:
    """A new namespace to look at, if there is something to look at."""
    if not tuple(sysctls):
        yield
        return
    with fresh():
        yield


def _sysctl_file(path: SysctlPath) -> str:
    return os.path.join("/proc/sys", *path)


def read_sysctl(sysctl: Sysctl) -> str | None:
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


def read_sysctls(
    want: WantedNetns, exists: bool, foreseeing: bool
) -> tuple[dict[SysctlPath, str | None], dict[SysctlPath, str | None]]:
    """The values of the wanted sysctls, and what the kernel makes of those that differ; see :func:`client.read`."""
    with inside(want.name) if exists else fresh():
        found = {each.path: read_sysctl(_foreseen(each) if foreseeing else each) for each in want.sysctls}
    return found, meant(want.name, [each for each in want.sysctls if found[each.path] != each.value])


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """Say in an error of the collection what the system has refused."""
    try:
        yield
    except OSError as exc:
        code = exc.errno or 0
        raise KernelRefused(code, "cannot %s: %s (%s)" % (what, exc.strerror or exc, errno_text(code))) from exc
