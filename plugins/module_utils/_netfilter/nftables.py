# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nf_tables' numbers and messages on netlink, for those who read its chains or hear its trace.

Sources: linux/netfilter.h, linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import struct

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import Message

# linux/netfilter/nfnetlink.h
NFNL_SUBSYS_NFTABLES = 10
NFGENMSG = struct.Struct(">BBH")

# linux/netfilter.h
NFPROTO_INET, NFPROTO_IPV4, NFPROTO_BRIDGE, NFPROTO_IPV6 = 1, 2, 7, 10
FAMILIES = {NFPROTO_INET: "inet", NFPROTO_IPV4: "ip", NFPROTO_BRIDGE: "bridge", NFPROTO_IPV6: "ip6"}
#: In the order of their numbers, which are the same for IP and for bridges.
HOOKS = ("prerouting", "input", "forward", "output", "postrouting")

# linux/netfilter/nf_tables.h
NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, NFTA_CHAIN_HOOK, NFTA_CHAIN_POLICY, NFTA_CHAIN_TYPE = 1, 3, 4, 5, 7
NFTA_HOOK_HOOKNUM, NFTA_HOOK_PRIORITY = 1, 2


def message(kind: int, family: int, payload: bytes, flags: int = 0) -> Message:
    """A request to nf_tables; ``kind`` is its NFT_MSG number, ``family`` an NFPROTO number (0 for all)."""
    return Message(NFNL_SUBSYS_NFTABLES << 8 | kind, NFGENMSG.pack(family, 0, 0) + payload, flags)
