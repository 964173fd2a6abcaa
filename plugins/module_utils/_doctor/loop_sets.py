# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets that may hold real servers which are clients of their own services."""

from __future__ import annotations

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import LoopSet
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.client import IpSets, NoSets
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import PLAIN
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import all_written
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import NoSuchProtocol

_LOOP_TYPE = "hash:ip,port,ip"


def loop_sets(netns: str | None) -> tuple[LoopSet, ...]:
    """The sets of a namespace; none where the kernel has none."""
    try:
        with IpSets(netns) as sets:
            names = [each.header.name for each in sets.headers() if each.header.kind.name == _LOOP_TYPE]
            read_sets = [each for each in map(sets.find, names) if each is not None]
    except (NoSets, NoSuchProtocol):
        return ()
    return tuple(
        LoopSet(
            each.header.name,
            each.header.kind.family,
            frozenset(all_written(each.header.kind, dict.fromkeys(each.entries, PLAIN))),
        )
        for each in read_sets
    )
