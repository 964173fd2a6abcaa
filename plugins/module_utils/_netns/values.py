# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Named namespaces as plain values: the one that a task wants, and what is there under its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping, NamedTuple, Optional, Tuple

if TYPE_CHECKING:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.sysctls import Sysctl, SysctlPath

#: The files that tasks write below /etc/netns/NAME, and how one is called while it is written.
RESOLV_CONF, NSSWITCH_CONF = ETC_FILES = ("resolv.conf", "nsswitch.conf")
NEW_FILE = ".%s.new"
#: The machine's own (nsswitch.conf(5)).
NSSWITCH = "/etc/nsswitch.conf"


class WantedNetns(NamedTuple):
    """A named namespace; ``None`` leaves its resolv.conf alone."""

    name: str
    resolv_conf: Optional[str] = None
    sysctls: Tuple[Sysctl, ...] = ()


class HaveNetns(NamedTuple):
    """What is there under a name.

    Attributes:
        leftover: an interrupted creation has left an empty file.
        in_the_way: what else is there in the place of a namespace, in words.
        etc: the files of its configuration by name, with the texts of :data:`ETC_FILES`; ``None`` without the folder.
        nsswitch: the machine's own :data:`NSSWITCH`.
        sysctls: those that were asked for, by their path; ``None`` where one has no value yet.
        meant: what the kernel makes of the wanted values, where that was found out.
    """

    exists: bool = False
    leftover: bool = False
    in_the_way: str = ""
    loopback_up: bool = False
    etc: Optional[Mapping[str, Optional[str]]] = None
    nsswitch: Optional[str] = None
    sysctls: Mapping[SysctlPath, Optional[str]] = {}
    meant: Mapping[SysctlPath, Optional[str]] = {}

    def text(self, file: str) -> Optional[str]:
        """One of :data:`ETC_FILES`, ``None`` where it is not there."""
        return (self.etc or {}).get(file)
