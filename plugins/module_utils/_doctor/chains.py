# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chains by which nftables sees packets besides those of iptables: which there are, not what their rules do.

Sources: linux/netfilter/nf_tables.h, nft(8). Asked over netlink, since a node with iptables need not have nft(8).
"""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import Iterable, Iterator, Mapping, NamedTuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import KernelRefused
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    attribute_map,
    attributes,
    integer,
    text_of,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import (
    NETLINK_NETFILTER,
    NetlinkSocket,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.nftables import (
    NFGENMSG,
    NFTA_CHAIN_HOOK,
    NFTA_CHAIN_NAME,
    NFTA_CHAIN_POLICY,
    NFTA_CHAIN_TABLE,
    NFTA_CHAIN_TYPE,
    NFTA_HOOK_HOOKNUM,
    message,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import Rule, Tables
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.traversal import (
    IPTABLES_CHAINS,
    IPTABLES_TABLES,
)

NFT_MSG_GETCHAIN, NFT_MSG_GETRULE = 4, 7
NFTA_RULE_TABLE, NFTA_RULE_CHAIN, NFTA_RULE_EXPRESSIONS = 1, 2, 4
NFTA_EXPR_NAME = 1
#: The expressions that iptables makes and reads (iptables/nft-shared.c); it shows a rule without any other.
_OF_IPTABLES = ("payload", "meta", "cmp", "bitwise", "counter", "immediate", "match", "target", "limit", "log", "range")
NFTA_CHAIN_USE = 6
NF_ACCEPT = 1
#: What a kernel says that has no nfnetlink, or no nftables behind it (nfnetlink_rcv_msg()).
_NO_NFTABLES = (errno.EPROTONOSUPPORT, errno.EINVAL, errno.EOPNOTSUPP)
#: linux/netfilter.h: the families (NFPROTO_*), and whose packets their chains see.
_FAMILIES = {
    1: ("inet", ("inet", "inet6")),
    2: ("ip", ("inet",)),
    5: ("netdev", ("inet", "inet6")),
    7: ("bridge", ("inet", "inet6")),
    10: ("ip6", ("inet6",)),
}
_POSTROUTING = 4


class BaseChain(NamedTuple):
    """A chain that sees packets: its table's family (as nft(8) names it) and name, its own name, type and hook.

    ``idle`` is whether it lets all pass: it has no rule, and its policy is to accept.
    """

    family: str
    table: str
    name: str
    kind: str
    hook: int
    idle: bool

    @property
    def by_iptables(self) -> bool:
        """Whether it is one that iptables makes."""
        return self.family in ("ip", "ip6") and self.table in IPTABLES_TABLES and self.name in IPTABLES_CHAINS

    def sees(self, family: str) -> bool:
        """Whether packets of a family (``inet``, ``inet6``) come by."""
        return any(name == self.family and family in seen for name, seen in _FAMILIES.values())


def base_chains(netns: str | None) -> list[BaseChain]:
    """All chains of a namespace that see packets; none where the kernel has no nftables."""
    everything = message(NFT_MSG_GETCHAIN, 0, b"")
    try:
        with NetlinkSocket(NETLINK_NETFILTER, netns) as netlink:
            return list(decoded(netlink.dump(everything)))
    except (KernelRefused, OSError) as exc:
        if exc.errno in _NO_NFTABLES:
            return []
        raise


def native_rules(netns: str | None) -> dict[tuple[str, str, str], list[bool]]:
    """Of each rule, by its table's family and name and its chain, whether iptables cannot show all that it asks for."""
    found: dict[tuple[str, str, str], list[bool]] = {}
    everything = message(NFT_MSG_GETRULE, 0, b"")
    with NetlinkSocket(NETLINK_NETFILTER, netns) as netlink:
        for reply in netlink.dump(everything):
            family = NFGENMSG.unpack_from(reply)[0]
            values = attribute_map(reply[NFGENMSG.size :])
            names = [
                text_of(attribute_map(each)[NFTA_EXPR_NAME])
                for _kind, each in attributes(values.get(NFTA_RULE_EXPRESSIONS, b""))
            ]
            place = (
                _FAMILIES.get(family, ("",))[0],
                text_of(values[NFTA_RULE_TABLE]),
                text_of(values[NFTA_RULE_CHAIN]),
            )
            found.setdefault(place, []).append(any(name not in _OF_IPTABLES for name in names))
    return found


def marked(tables: Tables, family: str, native: Mapping[tuple[str, str, str], list[bool]]) -> Tables:
    """The tables of iptables, with each rule left open that asks for more than iptables shows."""
    found = {}
    for table, chains in tables.items():
        found[table] = dict(chains)
        for name, chain in chains.items():
            told = native.get((family, table, name), [])
            if any(told) and len(told) == len(chain.rules):
                rules = (
                    Rule("%s (and what iptables does not show)" % rule.text, "a rule of nft(8)", unread=True)
                    if more
                    else rule
                    for rule, more in zip(chain.rules, told)
                )
                found[table][name] = replace(chain, rules=tuple(rules))
    return found


def decoded(replies: Iterable[bytes]) -> Iterator[BaseChain]:
    """The chains in the kernel's answers that see packets; the others have no hook."""
    for reply in replies:
        family = NFGENMSG.unpack_from(reply)[0]
        values = attribute_map(reply[NFGENMSG.size :])
        if family in _FAMILIES and NFTA_CHAIN_HOOK in values:
            policy = integer(values[NFTA_CHAIN_POLICY], ">") if NFTA_CHAIN_POLICY in values else NF_ACCEPT
            yield BaseChain(
                family=_FAMILIES[family][0],
                table=text_of(values[NFTA_CHAIN_TABLE]),
                name=text_of(values[NFTA_CHAIN_NAME]),
                kind=text_of(values[NFTA_CHAIN_TYPE]),
                hook=integer(attribute_map(values[NFTA_CHAIN_HOOK])[NFTA_HOOK_HOOKNUM], ">"),
                idle=policy == NF_ACCEPT and not integer(values[NFTA_CHAIN_USE], ">"),
            )


def masquerading(chains: Iterable[BaseChain], family: str) -> set[str]:
    """The tables not made by iptables that may masquerade packets of a family, as nft(8) names them."""
    return _tables(each for each in _busy(chains, family) if each.kind == "nat" and each.hook == _POSTROUTING)


def dropping(chains: Iterable[BaseChain], family: str) -> set[str]:
    """The tables not made by iptables that may drop packets of a family, as nft(8) names them."""
    return _tables(each for each in _busy(chains, family) if each.kind != "nat")


def _busy(chains: Iterable[BaseChain], family: str) -> Iterator[BaseChain]:
    return (each for each in chains if not each.idle and not each.by_iptables and each.sees(family))


def _tables(chains: Iterable[BaseChain]) -> set[str]:
    return {"%s %s" % (each.family, each.table) for each in chains}
