# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What changes named namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Tuple, Union

if TYPE_CHECKING:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.sysctls import Sysctl


class CreateNetns(NamedTuple):
    """Make a namespace of that name; ``leftover`` is whether an interrupted creation left an empty file there."""

    name: str
    leftover: bool = False


class SetLoopbackUp(NamedTuple):
    """Set the device ``lo`` of a namespace up."""

    name: str


class WriteSysctls(NamedTuple):
    """Write the ``wrong`` ones of some sysctls inside a namespace, so that all of them hold in the end."""

    name: str
    wrong: Tuple[Sysctl, ...]
    right: Tuple[Sysctl, ...] = ()


class WriteEtc(NamedTuple):
    """Write a file of a namespace's configuration, all of it at once."""

    name: str
    file: str
    text: str


class RemoveNetns(NamedTuple):
    """Take a name, and what is mounted on it, away."""

    name: str


class RemoveEtc(NamedTuple):
    """Take files of a namespace's configuration away, and the folder where it is the ``whole`` of it."""

    name: str
    files: Tuple[str, ...]
    whole: bool


Operation = Union[CreateNetns, SetLoopbackUp, WriteSysctls, WriteEtc, RemoveNetns, RemoveEtc]
