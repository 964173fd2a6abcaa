# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which revision of a type has which option: a table, and the revision that a set needs.

A set has one revision for life. An ipset(8) that does not know it can list and save no set of that namespace at all, so
a new set gets the lowest that holds it. Kernels know all of a type's revisions up to their newest one.

Sources: ``.revision`` and ``.description`` in lib/ipset_*.c of ipset; IPSET_TYPE_REV_MAX in net/netfilter/ipset/*.c.
"""

from __future__ import annotations

from typing import Mapping, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import BUCKET_MAX, SetHeader, SetType

#: What came with each revision of a type, from revision 0 on. TOO_OLD are those that cannot hold every entry of the
#: type (nomatch, ranges, networks of length 0, SCTP), and so get no new sets.
TOO_OLD = "-"
_BITMAP = ("", "counters", "comment", "skbinfo")
REVISIONS: Mapping[str, Tuple[str, ...]] = {
    "bitmap:ip": _BITMAP,
    "bitmap:ip,mac": _BITMAP,
    "bitmap:port": _BITMAP,
    "hash:ip": ("", "counters", "comment", "forceadd", "skbinfo", "bucketsize initval", "bitmask"),
    "hash:ip,mac": ("", "bucketsize initval"),
    "hash:ip,mark": ("", "forceadd", "skbinfo", "bucketsize initval"),
    "hash:ip,port": (
        *(TOO_OLD, "", "counters", "comment", "forceadd", "skbinfo", "bucketsize initval", "bitmask netmask"),
    ),
    "hash:ip,port,ip": (TOO_OLD, "", "counters", "comment", "forceadd", "skbinfo", "bucketsize initval"),
    "hash:ip,port,net": (
        *(TOO_OLD, TOO_OLD, TOO_OLD, "", "counters", "comment", "forceadd", "skbinfo", "bucketsize initval"),
    ),
    "hash:mac": ("", "bucketsize initval"),
    "hash:net": (TOO_OLD, TOO_OLD, "", "counters", "comment", "forceadd", "skbinfo", "bucketsize initval"),
    "hash:net,iface": (
        *(TOO_OLD, TOO_OLD, "", "counters", "comment", "forceadd", "skbinfo", "wildcard", "bucketsize initval"),
    ),
    "hash:net,net": ("", "forceadd", "skbinfo", "bucketsize initval", "bitmask netmask"),
    "hash:net,port": (
        *(TOO_OLD, TOO_OLD, TOO_OLD, "", "counters", "comment", "forceadd", "skbinfo", "bucketsize initval"),
    ),
    "hash:net,port,net": ("", "forceadd", "skbinfo", "bucketsize initval"),
    "list:set": _BITMAP,
}
#: The first Linux that has an option, in any type that has it at all.
FIRST_KERNELS = {
    "counters": "3.10",
    "comment": "3.13",
    "forceadd": "3.15",
    "skbinfo": "3.18",
    "wildcard": "5.5",
    "bucketsize": "5.11",
    "initval": "5.11",
    "bitmask": "6.2",
    "netmask": "6.2",
}


def revision_with(kind: SetType, option: str) -> int:
    """The revision of a type from which on it has an option; 0 where it always had."""
    return next((number for number, options in enumerate(REVISIONS[kind.name]) if option in options.split()), 0)


def used(header: SetHeader, wildcard: bool = False) -> list[str]:
    """The options in use that not every revision has. Buckets of the usual size are none."""
    options = [option for option in FIRST_KERNELS if option in header.kind.options() and header.has(option)]
    if header.bucketsize == BUCKET_MAX:
        options.remove("bucketsize")
    return [*options, "wildcard"] if wildcard else options


def lowest_revision(header: SetHeader, wildcard: bool = False) -> int:
    """The lowest revision that holds a set with its entries, one of which may have the option ``wildcard``."""
    first = sum(options == TOO_OLD for options in REVISIONS[header.kind.name])
    return max(first, *(revision_with(header.kind, option) for option in used(header, wildcard)), 0)


def made_in(header: SetHeader, lowest: int, oldest: int, newest: int) -> int:
    """The revision that a kernel with those from ``oldest`` to ``newest`` is asked for, where the lowest is wanted.

    A kernel tells the size of buckets and the seed in its newest revision only (``create_flags`` in struct
    ip_set_type), so a set that has one of them gets that: in an older one the next run would not find it.
    """
    if {"bucketsize", "initval"} & set(used(header)):
        return min(newest, len(REVISIONS[header.kind.name]) - 1)
    return min(max(lowest, oldest), newest)


def beyond(header: SetHeader, newest: int) -> str:
    """The option that a kernel whose newest revision of the type is ``newest`` does not have for a set."""
    wanting = [option for option in used(header, wildcard=True) if revision_with(header.kind, option) > newest]
    return wanting[0] if wanting else ""
