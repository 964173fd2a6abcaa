# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's errno in words that fit the action.

Source: enum ipset_errno in linux/netfilter/ipset/ip_set.h, and those of each kind of set beside it.
"""

from __future__ import annotations

import errno

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import KernelRefused
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SetType

IPSET_ERR_BUSY = 4100
_ERRNO_MEANINGS = {
    errno.ENOENT: "there is no such set",
    errno.EEXIST: "a set of that name exists already",
    errno.EPERM: "not permitted: this needs CAP_NET_ADMIN in the namespace, which root of a container often lacks",
    errno.ENOMEM: "the kernel has no memory for it: choose a smaller 'hashsize'",
    errno.EBUSY: "somebody lists the set all the time",
    4097: "this kernel speaks no version of the ipset protocol that is known here (6)",
    4098: "this kernel has no such set type: run 'modprobe ip_set_TYPE', with '_' for ':' and ','",
    4099: "the kernel holds as many sets as it can",
    IPSET_ERR_BUSY: "the set is in use: delete the iptables rules and list:set sets that refer to it first",
    4101: "there is no set to change places with",
    4102: "sets of these types cannot change places",
    4103: "the entry is there already, or not there to be deleted",
    4104: "the prefix length does not fit the set",
    4105: "the netmask does not fit the set",
    4106: "the address family does not fit the set",
    4107: "the set has no timeouts",
    4108: "the set is in use",
    4109: "an IPv4 address is wanted",
    4110: "an IPv6 address is wanted",
    4111: "the set has no counters",
    4112: "the set has no comments",
    4113: "the mark's mask is not valid",
    4114: "the set has no skbinfo",
    4115: "a set has either a netmask or a bitmask",
}
#: linux/netfilter/ipset/ip_set_{bitmap,hash,list}.h: numbers that each kind of set, or a type, gives its own meaning.
_TYPE_MEANINGS = {
    ("bitmap", 4352): "it is outside of the set's range",
    ("bitmap", 4353): "the range is too large",
    ("hash", 4352): "the set is full: create it with a larger 'maxelem'",
    # Once a network has 63, the kernel enlarges no bucket of the others (mtype_add in ip_set_hash_gen.h).
    ("hash:net,iface", 4352): "the set is full: create it with a larger 'maxelem', or fewer devices of a network",
    ("hash", 4353): "the entry is a null element",
    ("hash", 4354): "the protocol is not valid",
    ("hash", 4355): "the protocol is missing",
    ("hash", 4357): "the range is not valid",
    ("list", 4352): "no set of that name exists: create it first",
    ("list", 4353): "a list:set cannot hold a list:set",
    ("list", 4354): "the set it shall stand before or after is not said",
    ("list", 4355): "the set it shall stand before or after does not exist",
    ("list", 4356): "the list is full",
    ("list", 4357): "the set it shall stand before or after is not in the list",
}


def explained(exc: KernelRefused, action: str, kind: SetType | None = None) -> KernelRefused:
    """The kernel's errno in words that fit the action, and its own words where it has some."""
    meaning = _ERRNO_MEANINGS.get(exc.errno)
    if kind and not meaning:
        meaning = _TYPE_MEANINGS.get((kind.name, exc.errno)) or _TYPE_MEANINGS.get((kind.method, exc.errno))
    words = "%s (%s)" % (meaning, exc.told) if meaning and exc.told else meaning or exc
    return KernelRefused(exc.errno, "the kernel refused to %s: %s" % (action, words), exc.told)
