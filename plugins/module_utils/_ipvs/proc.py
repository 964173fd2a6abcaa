# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel tells of an IPVS table in files only, each of its namespace.

Source: ip_vs_status_show() in net/netfilter/ipvs/ip_vs_ctl.c.
"""

from __future__ import annotations

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import inside

_STATUS = "/proc/thread-self/net/ip_vs_status"


def status(netns: str | None = None) -> dict[str, str] | None:
    """The state of the tables that a kernel since Linux 7.1 tells; None where it does not."""
    try:
        with inside(netns), open(_STATUS, encoding="ascii", errors="replace") as file:
            return status_in(file.read())
    except FileNotFoundError:
        return None


def status_in(text: str) -> dict[str, str]:
    """The lines of the file, each a name, a colon and a value; names with ``_`` for all but letters and digits."""
    found = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found["_".join("".join(c if c.isalnum() else " " for c in name.lower()).split())] = value.strip()
    return found


def switched_on(name: str, netns: str | None = None) -> bool:
    """Whether a sysctl below ``net.ipv4.vs`` is another than 0; False where the kernel does not have it."""
    try:
        with inside(netns), open("/proc/sys/net/ipv4/vs/" + name, encoding="ascii") as switch:
            return switch.read().strip() != "0"
    except FileNotFoundError:
        return False
