# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the rules of a namespace: those of nftables by nft(8), and those of iptables by the back end that has them.

Without nft(8) the kernel is asked over netlink which chains there are, and those that iptables does not show stay open.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.chains import (
    BaseChain,
    base_chains,
    dropping,
    marked,
    masquerading,
    native_rules,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.modules import lines, there
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import Rules
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import inside
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.programs import Run, finished, output_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter import ruleset
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import Tables, parse

#: The commands that tell the rules of a family: of the back end nf_tables, of the older one, and of the one in use.
_SAVERS = {
    "inet": ("iptables-nft-save", "iptables-legacy-save", "iptables-save"),
    "inet6": ("ip6tables-nft-save", "ip6tables-legacy-save", "ip6tables-save"),
}
#: What the one in use says in its first line if it is that of nf_tables.
_NEWER = "(nf_tables)"
#: Where the older back end lists its tables.
_OLDER_TABLES = {"inet": "/proc/thread-self/net/ip_tables_names", "inet6": "/proc/thread-self/net/ip6_tables_names"}
NFT_FAMILIES = {"inet": "ip", "inet6": "ip6"}
_OWN_TABLES = "nft(8) has tables of its own that may %s, and is not installed or fails: %s"
#: What iptables-save(8) says of a table that it does not write at all (iptables/xtables-save.c).
_INCOMPATIBLE = re.compile("^# Table `([a-z]+)' is incompatible", re.MULTILINE)


def read_rules(run: Run, netns: str | None, families: Iterable[str]) -> dict[str, Rules]:
    """The rules of families, and why they may not be all that there are."""
    families = list(families)
    chains: list[BaseChain] = []
    native: Mapping[tuple[str, str, str], list[bool]] = {}
    document, written = None, ""
    # To ask the newer back end would load it.
    if families and there("nf_tables"):
        chains = base_chains(netns)
        if chains:
            document, written = _told_by_nft(run, netns)
        if document is None and chains:
            native = native_rules(netns)
    found = {}
    for family in families:
        newer = _newer(run, netns, family) if any(_iptables_has(each, family) for each in chains) else ""
        found[family] = rules_of(family, newer, _older(run, netns, family), chains, native, document, written)
    return found


def _iptables_has(chain: BaseChain, family: str) -> bool:
    return chain.by_iptables and chain.family == NFT_FAMILIES[family]


def _told_by_nft(run: Run, netns: str | None) -> tuple[Any, str]:
    """All rules of nftables, as a document and as text; None where nft(8) is not installed or fails."""
    ended = finished(run, "nft", netns, "--json", "list", "ruleset")
    if ended is None or ended.code:
        return None, ""
    try:
        document = json.loads(ended.printed)
    except ValueError:
        return None, ""
    return document, output_of(run, "nft", netns, "--handle", "--terse", "--stateless", "list", "ruleset") or ""


def _newer(run: Run, netns: str | None, family: str) -> str | None:
    """What iptables tells of its rules in nf_tables; None where nothing does."""
    program, _older_one, used = _SAVERS[family]
    told = output_of(run, program, netns)
    if told is None:
        told = output_of(run, used, netns)
        return told if told is not None and _NEWER in told else None
    return told


def _older(run: Run, netns: str | None, family: str) -> str | None:
    """What iptables tells of its rules in the older back end; None where nothing does."""
    with inside(netns):
        if not lines(_OLDER_TABLES[family]):
            return ""
    _newer_one, program, used = _SAVERS[family]
    told = output_of(run, program, netns)
    if told is None:
        told = output_of(run, used, netns)
        return told if told is not None and _NEWER not in told else None
    return told


def rules_of(
    family: str,
    newer: str | None,
    older: str | None,
    chains: Iterable[BaseChain],
    native: Mapping[tuple[str, str, str], list[bool]],
    document: Any = None,
    written: str = "",
) -> Rules:
    """The rules of a family.

    Args:
        family: ``inet`` or ``inet6``.
        newer: What ``iptables-save`` of the back end nf_tables printed; empty for no rules, None where it is not there.
        older: The same of the back end legacy.
        chains: All chains of nftables that see packets, as the kernel tells them.
        native: Which rules iptables does not show as a whole.
        document: What ``nft --json list ruleset`` told; None without nft(8).
        written: The same as text, with handles.
    """
    legacy: Tables = parse(older or "")
    unread = "" if older is not None else "%s is not installed, or fails" % _SAVERS[family][1]
    name = NFT_FAMILIES[family]
    if document is not None:
        known = marked(parse(newer or ""), name, native)
        rules = ruleset.parse(document, written, {name: known})
        return Rules(known, unread, unread, family, rules, legacy)
    nat, filters = masquerading(chains, family), dropping(chains, family)
    if newer is None:
        unread = "%s is not installed, or fails" % _SAVERS[family][0]
        return Rules(None, unread, unread, family, None, legacy)
    for table in _INCOMPATIBLE.findall(newer):  # nft(8) has changed it in ways of its own
        (nat if table == "nat" else filters).add("%s %s" % (name, table))
    return Rules(
        marked(parse(newer), name, native),
        _OWN_TABLES % ("masquerade", ", ".join(sorted(nat))) if nat else unread,
        _OWN_TABLES % ("drop", ", ".join(sorted(filters))) if filters else unread,
        family,
        None,
        legacy,
    )
