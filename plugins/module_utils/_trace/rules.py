# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rule's text as the program writes it that made it: iptables on top of nftables, or nft(8)."""

from __future__ import annotations

import json

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.programs import Run, finished
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.path import Hit

_IPTABLES = {"ip": "iptables-nft", "ip6": "ip6tables-nft"}
_TABLES = ("raw", "mangle", "nat", "filter", "security")


class RuleTexts:
    """Asks the programs that are installed; without them there is no text."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __call__(self, netns: str | None, hit: Hit, place: int) -> str | None:
        """The text of the rule of a chain that is at a place, counted from 1.

        iptables shows a rule that nft(8) has made in one of its tables without what it does not know, such as a set.
        """
        by_iptables = hit.table in _TABLES and hit.family in _IPTABLES
        if by_iptables and not self._asks_for_a_set(netns, hit):
            words = [_IPTABLES[hit.family], "--table", hit.table, "--list-rules", hit.chain, str(place)]
            printed = self._ask(netns, words).strip()
            if printed:
                return "%s -t %s %s" % (_IPTABLES[hit.family].replace("-nft", ""), hit.table, printed)
        return self._by_nft(netns, hit)

    def _asks_for_a_set(self, netns: str | None, hit: Hit) -> bool:
        """Whether a rule has no part of iptables, and a set or map of nft(8)."""
        printed = self._ask(netns, ["nft", "--json", "list", "chain", hit.family, hit.table, hit.chain])
        try:
            rules = [each["rule"] for each in json.loads(printed or "{}").get("nftables", ()) if "rule" in each]
        except ValueError:
            return False
        parts = [part for each in rules if each["handle"] == hit.handle for part in each["expr"]]
        told = json.dumps(parts)
        return not any("xt" in part for part in parts) and any(word in told for word in ('"@', '"set"', '"vmap"'))

    def _by_nft(self, netns: str | None, hit: Hit) -> str | None:
        ending = " # handle %s" % hit.handle
        for line in self._ask(
            netns, ["nft", "--handle", "list", "chain", hit.family, hit.table, hit.chain]
        ).splitlines():
            if line.endswith(ending):
                return "%s (chain %s of table %s %s)" % (line[: -len(ending)].strip(), hit.chain, hit.family, hit.table)
        return None

    def _ask(self, netns: str | None, words: list[str]) -> str:
        ended = finished(self._run, words[0], netns, *words[1:])
        return ended.printed if ended and ended.code == 0 else ""
