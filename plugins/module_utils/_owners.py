# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other programs that believe to own the IPVS table of a namespace, and delete what they do not know."""

from __future__ import annotations

import os
import socket
from dataclasses import asdict, dataclass
from typing import Any, Iterator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns import inside, path_of

#: Each program, the device by which it is known even where its process cannot be seen (another pid namespace), and
#: the argument without which it leaves the table alone.
#: Sources: pkg/proxy/ipvs/proxier.go of Kubernetes (defaultDummyDevice), pkg/utils/linux_networking.go of kube-router
#: (KubeDummyIf), keepalived(8), ldirectord(8).
PROGRAMS = {
    "keepalived": (None, None),
    "ldirectord": (None, None),
    "kube-router": ("kube-dummy-if", None),
    "kube-proxy": ("kube-ipvs0", "ipvs"),
}


@dataclass(frozen=True)
class Owner:
    """A program that writes the table: its name, its process id where one was found, and how it was found."""

    name: str
    pid: int | None
    evidence: str

    def options(self) -> dict[str, Any]:
        """The owner as a module returns it."""
        return asdict(self)


def owners(netns: str | None = None) -> list[Owner]:
    """The other owners of a namespace's IPVS table, each once."""
    where = os.stat(path_of(netns) if netns else "/proc/thread-self/ns/net").st_ino
    with inside(netns):
        devices = {name for _index, name in socket.if_nameindex()}
    found: dict[str, Owner] = {}
    for pid, name, arguments in _processes_in(where):
        needed = PROGRAMS[name][1]
        if needed is None or any(word in (needed, "--proxy-mode=" + needed) for word in arguments):
            found.setdefault(name, Owner(name, pid, "process %d: %s" % (pid, " ".join(arguments))))
    for name, (device, _needed) in PROGRAMS.items():
        if device in devices:
            found.setdefault(name, Owner(name, None, "device %s" % device))
    return list(found.values())


def _processes_in(namespace: int) -> Iterator[tuple[int, str, list[str]]]:
    """The processes of the known programs in a namespace: (pid, program, arguments)."""
    for entry in sorted(filter(str.isdigit, os.listdir("/proc")), key=int):
        try:
            if os.stat("/proc/%s/ns/net" % entry).st_ino != namespace:
                continue
            with open("/proc/%s/cmdline" % entry, "rb") as cmdline:
                arguments = [word.decode(errors="replace") for word in cmdline.read().split(b"\0") if word]
        except OSError:  # it ended meanwhile
            continue
        # A program is its own first word; ldirectord is a Perl script, so also a later one before the options.
        names = [os.path.basename(word) for word in arguments[:3]]
        for name in PROGRAMS:
            if name in names:
                yield int(entry), name, arguments
