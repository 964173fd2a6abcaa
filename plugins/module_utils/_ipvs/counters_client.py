# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel counts of virtual services and real servers, read and set to zero.

The totals of a whole table are told in a file only (ip_vs_stats_show() in net/netfilter/ipvs/ip_vs_ctl.c).
"""

from __future__ import annotations

import errno
from typing import Any, Iterable

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import KernelRefused
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.codec import (
    ATTR_DEST,
    ATTR_SERVICE,
    DEST_STATS,
    DEST_STATS64,
    SVC_STATS,
    SVC_STATS64,
    decode_connections,
    decode_server,
    encode_key,
    inner,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.counters import TOTALS, decode_statistics
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import ServiceKey
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import MalformedReply
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import BatchRefused
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import inside

_STATS = "/proc/thread-self/net/ip_vs_stats"
# linux/ip_vs.h
CMD_ZERO = 16


def statistics(ipvs: Ipvs, keys: Iterable[ServiceKey]) -> list[dict[str, Any]]:
    """What the kernel counts of virtual services and of each of their real servers."""
    return [found for found in (_statistics_of(ipvs, key) for key in keys) if found]


def _statistics_of(ipvs: Ipvs, key: ServiceKey) -> dict[str, Any] | None:
    reply = ipvs.service_reply(key)
    if reply is None:  # it was deleted meanwhile
        return None
    counted = decode_statistics(inner(reply, ATTR_SERVICE), SVC_STATS, SVC_STATS64)
    servers = []
    for data in (inner(reply, ATTR_DEST) for reply in ipvs.server_replies(key)):
        server = decode_server(data, key.family)
        servers.append(
            dict(
                address=str(server.address),
                port=server.port,
                **decode_connections(data),
                **decode_statistics(data, DEST_STATS, DEST_STATS64),
            )
        )
    return dict(key.options(), **counted, real_servers=servers)


def zero(ipvs: Ipvs, keys: Iterable[ServiceKey] | None) -> None:
    """Set the counters of virtual services and of their real servers to zero; None are all, and the whole table's.

    Raises:
        KernelRefused: the kernel refused it, because one of the services is gone.
    """
    bodies = [b""] if keys is None else [encode_key(key) for key in keys]
    try:
        ipvs.send((CMD_ZERO, body) for body in bodies)
    except BatchRefused as exc:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.refusals import reason

        words = reason(exc, {errno.ESRCH: "a virtual service is gone meanwhile: run the task again"})
        raise KernelRefused(exc.errno, "the kernel refused to set counters to zero: %s" % words) from exc


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
