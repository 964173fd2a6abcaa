# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors the collection raises; a module turns each into one failed result and never into a traceback."""

from __future__ import annotations

import errno as _errno


class LinuxnetError(Exception):
    """Anything a user can be told about: the text names the object, what is wrong with it and what to do."""


class InvalidOption(LinuxnetError):
    """An option whose value cannot be meant; raised before anything is changed."""

    def __init__(self, option: str, value: object, remedy: str) -> None:
        super().__init__("%s: %r is not valid: %s" % (option, value, remedy))
        self.option = option
        self.value = value
        self.remedy = remedy


class MissingRequirement(LinuxnetError):
    """The machine lacks a package, a kernel module or the right to do the task."""


class NotInstalled(MissingRequirement):
    """What the machine lacks is a package that an earlier task of the same play may install."""


class NoSuchPlace(LinuxnetError):
    """The place in which a task's object lives is not there: its namespace, its set, the kernel's table."""


class NoSuchNamespace(NoSuchPlace):
    """The network namespace that a task names does not exist."""


class Conflict(LinuxnetError):
    """Something is in the way that the collection does not own, so it leaves it and stops."""


class KernelRefused(LinuxnetError):
    """The kernel answered a request with an errno; ``told`` are its own words, where it sent some."""

    def __init__(self, errno: int, text: str, told: str = "") -> None:
        super().__init__(text)
        self.errno = errno
        self.told = told


def errno_text(errno: int) -> str:
    """The symbol of an errno, such as ``ENOENT``, or its number where Python has no name for it."""
    return _errno.errorcode.get(errno, "errno %d" % errno)
