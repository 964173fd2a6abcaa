# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chains of nftables as the kernel tells them, and which of them iptables does not show."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.chains import BaseChain, decoded
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.rules import rules_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel import attributes


def chain(family, table, name, kind="filter", hook=1, idle=False):
    return BaseChain(family, table, name, kind, hook, idle)


@pytest.mark.parametrize(
    ("chains", "masquerading", "dropping"),
    [
        ([], "", ""),
        # Those of iptables, and Debian's empty /etc/nftables.conf
        ([chain("ip", "nat", "POSTROUTING", "nat", 4), chain("ip", "filter", "INPUT")], "", ""),
        ([chain("inet", "filter", "input", idle=True), chain("inet", "filter", "forward", "filter", 2, True)], "", ""),
        ([chain("inet", "filter", "input")], "", "inet filter"),
        ([chain("inet", "firewalld", "nat_POSTROUTING", "nat", 4)], "inet firewalld", ""),
        ([chain("inet", "firewalld", "nat_PREROUTING", "nat", 0)], "", ""),
        ([chain("ip", "nat", "postrouting", "nat", 4)], "ip nat", ""),
        ([chain("ip6", "mine", "out", "nat", 4), chain("ip6", "mine", "in")], "", ""),
        ([chain("bridge", "b", "x"), chain("netdev", "n", "x", "filter", 0)], "", "bridge b, netdev n"),
        ([chain("ip", "mine", "out", "route", 3)], "", "ip mine"),
    ],
)
def test_chains_of_nftables_that_are_not_those_of_iptables(chains, masquerading, dropping):
    told = rules_of("inet", "*nat\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n", "", chains, {})
    assert told.tables
    assert "nat" in told.tables
    assert told.masquerading_besides.partition(": ")[2] == masquerading
    assert told.dropping_besides.partition(": ")[2] == dropping


@pytest.mark.parametrize(
    ("saved", "masquerading", "dropping"),
    [
        (None, "not installed", "not installed"),
        ("# Table `nat' is incompatible, use 'nft' tool.\n", "ip nat", ""),
        ("# Table `filter' is incompatible, use 'nft' tool.\n", "", "ip filter"),
        # It writes the others, and which those are is known from elsewhere.
        ("# Table `nat' contains incompatible base-chains, use 'nft' tool to list them.\n", "", ""),
    ],
)
def test_rules_that_iptables_cannot_tell(saved, masquerading, dropping):
    told = rules_of("inet", saved, "", [], {})
    assert masquerading in told.masquerading_besides
    assert dropping in told.dropping_besides
    assert bool(told.masquerading_besides) == bool(masquerading)
    assert bool(told.dropping_besides) == bool(dropping)


def test_chains_as_the_kernel_tells_them():
    """The attributes in their order in linux/netfilter/nf_tables.h; numbers in network order."""

    def number(kind, value):
        return attributes.attribute(kind, value.to_bytes(4, "big"))

    def reply(family, *attributes):
        return bytes([family, 0, 0, 0]) + b"".join(attributes)

    named = attributes.text(1, "filter") + attributes.text(3, "input")
    hook = attributes.nested(4, number(1, 1), number(2, 0))
    kind = attributes.text(7, "filter")
    replies = [
        reply(1, named, hook, number(5, 1), number(6, 0), kind),
        reply(1, named, hook, number(5, 0), number(6, 0), kind),
        reply(10, named, hook, number(5, 1), number(6, 2), kind),
        reply(2, named, number(6, 2)),  # without a hook: others jump there
        reply(3, named, hook, number(5, 1), number(6, 1), kind),  # arp
    ]
    assert list(decoded(replies)) == [
        chain("inet", "filter", "input", idle=True),
        chain("inet", "filter", "input"),
        chain("ip6", "filter", "input"),
    ]
