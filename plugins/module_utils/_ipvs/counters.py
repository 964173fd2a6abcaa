# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What IPVS counts of virtual services and real servers, and the plan by which it begins at zero."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import ServiceKey
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    MalformedReply,
    attribute_map,
    integer,
)

#: What the kernel counts, in IPVS_STATS_ATTR_*'s order: totals since the start, then what it estimates a second.
STATISTICS = (
    "connections",
    "incoming_packets",
    "outgoing_packets",
    "incoming_bytes",
    "outgoing_bytes",
    "connections_per_second",
    "incoming_packets_per_second",
    "outgoing_packets_per_second",
    "incoming_bytes_per_second",
    "outgoing_bytes_per_second",
)
TOTALS = STATISTICS[:5]


def decode_statistics(data: bytes, stats: int, stats64: int) -> dict[str, int]:
    """What is counted of a service or a real server, by the numbers of the two attributes that may hold it.

    Kernels before 4.1 write the first only, whose totals are 32-bit numbers.
    """
    found = attribute_map(data)
    try:
        counted = attribute_map(found[stats64] if stats64 in found else found[stats])
        return {name: integer(counted[kind]) for kind, name in enumerate(STATISTICS, 1)}
    except KeyError as exc:
        raise MalformedReply("statistics without attribute %s" % exc) from exc


def plan_zero(
    counted: Iterable[tuple[ServiceKey, Mapping[str, Any]]], whole: Mapping[str, int] | None = None
) -> Plan[ServiceKey | None]:
    """Set counters to zero: the keys of the virtual services, of those given with their statistics, that have others.

    What the kernel estimates for a second does not count, since it follows from the rest.

    Args:
        counted: Virtual services with their statistics.
        whole: What is counted of the whole table, if that shall be zero, too; it then is None among the keys.
    """
    keys: list[ServiceKey | None] = []
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if whole and any(whole.values()):
        keys.append(None)
        before["whole table"] = dict(whole)
        after["whole table"] = dict.fromkeys(whole, 0)
    for key, statistics in counted:
        if any(each[name] for each in (statistics, *statistics["real_servers"]) for name in TOTALS):
            keys.append(key)
            before[str(key)] = {name: statistics[name] for name in TOTALS}
            after[str(key)] = dict.fromkeys(TOTALS, 0)
    return Plan(tuple(keys), before, after)
