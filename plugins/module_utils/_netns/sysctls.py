# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sysctls of a namespace: their keys, and where the kernel has them."""

from __future__ import annotations

from typing import Any, NamedTuple, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption

#: A sysctl's place below /proc/sys, part by part.
SysctlPath = Tuple[str, ...]


class Sysctl(NamedTuple):
    """A sysctl: the key as the user spells it, where the kernel has it, and its value with single spaces."""

    key: str
    path: SysctlPath
    value: str


def sysctl_path(key: str) -> SysctlPath:
    """Where the kernel has a key, in either spelling of sysctl(8): the first separator is the one between parts.

    Only keys below ``net`` are taken, since only those does each namespace have of its own.
    """
    first = next((char for char in key if char in "./"), ".")
    swapped = {"/": "/", ".": "."} if first == "/" else {".": "/", "/": "."}
    path = tuple("".join(swapped.get(char, char) for char in key).split("/"))
    if len(path) < 2 or path[0] != "net":
        raise InvalidOption("sysctl", key, "a namespace has only the keys below 'net.' of its own")
    if any(not part or part in (".", "..") or not part.isprintable() for part in path):
        raise InvalidOption("sysctl", key, "write a key such as net.ipv4.ip_forward")
    return path


def device_of(path: SysctlPath) -> str:
    """The device of a sysctl such as net.ipv4.conf.eth0.arp_ignore (ip-sysctl.rst); empty where it has none."""
    of_devices = len(path) > 4 and path[2] in ("conf", "neigh") and path[3] not in ("all", "default")
    return path[3] if of_devices else ""


def wanted_sysctl(key: str, value: Any) -> Sysctl:
    """A sysctl as a task writes it."""
    if isinstance(value, bool):
        value = int(value)
    if not isinstance(value, (str, int)) or not str(value).isascii():
        raise InvalidOption("sysctl", value, "the value of %s is a number or a text of ASCII characters" % key)
    return Sysctl(key, sysctl_path(key), " ".join(str(value).split()))
