# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel tells of an IPVS table in files only, each of its namespace.

Sources: ip_vs_stats_show() and ip_vs_status_show() in net/netfilter/ipvs/ip_vs_ctl.c.
"""

from __future__ import annotations

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.counters import TOTALS
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import MalformedReply
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import inside

_STATS = "/proc/thread-self/net/ip_vs_stats"
_STATUS = "/proc/thread-self/net/ip_vs_status"


def table_totals(netns: str | None = None) -> dict[str, int]:
    """What is counted of the whole table, services that are gone included, under the names of :data:`TOTALS`."""
    with inside(netns), open(_STATS, encoding="ascii") as file:
        return totals_in(file.read())


def totals_in(text: str) -> dict[str, int]:
    """The totals in the file: behind two lines of headings, in hexadecimal.

    Raises:
        MalformedReply: the text is another.
    """
    lines = text.splitlines()
    try:
        connections, in_packets, out_packets, in_bytes, out_bytes = (int(word, 16) for word in lines[2].split())
        return dict(zip(TOTALS, (connections, in_packets, out_packets, in_bytes, out_bytes)))
    except (IndexError, ValueError) as exc:
        raise MalformedReply("counters that cannot be read: %r" % text[:200]) from exc


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
