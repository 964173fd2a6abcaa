# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of the role ``pod_network`` for rules: which are missing, and where they would decide nothing."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Union

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._base.plain import plain

#: The rules of a filter table's chains, each as its words behind the name of the chain, without its comment.
Chains = Mapping[str, Sequence[Sequence[str]]]
#: Targets with which a packet's way ends (iptables-extensions(8)); those that drop it.
_DROPS = ("DROP", "REJECT")
_ENDS = (*_DROPS, "ACCEPT")
#: What iptables itself keeps in nftables.
_OF_IPTABLES = (("ip", "filter", "FORWARD"), ("ip6", "filter", "FORWARD"))
_FAMILIES = {"ip": "IPv4", "ip6": "IPv6", "inet": "IPv4 and IPv6"}


def forward_rules(results: Sequence[Mapping[str, Any]], bridge: str, state: str) -> list[dict[str, Any]]:
    """The rules to be made or taken away, for each family that was looked at and each direction.

    Args:
        results: Of ``iptables --list-rules``, each with its ``family`` and its ``stdout_lines``.
        bridge: The bridge whose traffic is accepted.
        state: ``present`` or ``absent``.
    """
    return [
        rule for result in plain(results) for rule in _wrong(result["family"], result["stdout_lines"], bridge, state)
    ]


def _wrong(family: str, lines: Sequence[str], bridge: str, state: str) -> Iterator[dict[str, Any]]:
    chains = _chains(lines)
    rules = [line.strip() for line in lines if line.startswith("-A FORWARD ")]
    ends = [number for number, rule in enumerate(chains.get("FORWARD", ())) if _ends_forwarding(rule, chains)]
    end = ends[0] if ends else None
    place = None if end is None else end + 1
    for option in ("-i", "-o"):
        rule = "-A FORWARD %s %s -j ACCEPT" % (option, bridge)
        behind = end is not None and rule in rules[end:] and rule not in rules[:end]
        if state == "absent":
            if rule in rules:
                yield {"family": family, "option": option, "place": None, "behind": False}
        elif rule not in rules or behind:
            yield {"family": family, "option": option, "place": place, "behind": behind}


def _chains(lines: Sequence[str]) -> Chains:
    found: dict[str, list[list[str]]] = {}
    for line in lines:
        if line.startswith("-A "):
            _append, chain, *rule = shlex.split(line)
            found.setdefault(chain, []).append(_without_comment(rule))
    return found


def _without_comment(rule: Sequence[str]) -> list[str]:
    """A rule's words without its comment, which every packet matches; it may stand anywhere before the target."""
    kept = list(rule)
    while "--comment" in kept:
        place = kept.index("--comment")
        del kept[place : place + 2]
        if kept[max(0, place - 2) : place] == ["-m", "comment"]:
            del kept[place - 2 : place]
    return kept


def _ends_forwarding(rule: Sequence[str], chains: Chains) -> bool:
    """Whether no packet gets past a rule of FORWARD, and some may be dropped by it.

    One that accepts all of them decides the same as the rules behind it, so it need not come later.
    """
    if len(rule) < 2 or rule[0] not in ("-j", "-g") or rule[1] == "ACCEPT":
        return False
    # From a chain that it goes to, and does not jump to, a packet comes back to the policy.
    return rule[1] in _DROPS or (rule[1] in chains and (rule[0] == "-g" or _ends(rule[1], chains, ())))


def _ends(chain: str, chains: Chains, callers: Sequence[str]) -> bool:
    """Whether no packet comes back from a chain; the kernel takes no chains that call each other in a ring."""
    for rule in chains.get(chain, ()):
        if len(rule) < 2 or rule[0] not in ("-j", "-g"):
            continue
        if rule[1] in _ENDS or (rule[1] not in callers and _ends(rule[1], chains, (*callers, chain))):
            return True
        if rule[1] == "RETURN" or rule[0] == "-g":
            return False
    return False


def forward_chains(text: str) -> list[dict[str, str]]:
    """The chains of nftables through which what is forwarded goes, but for those of iptables itself.

    Args:
        text: What ``nft --json list chains`` printed; empty where there is no such program.

    Returns:
        For each its ``family``, its ``table`` and its ``name``.
    """
    chains = [each["chain"] for each in _objects(text) if "chain" in each]
    return [
        {name: str(chain[name]) for name in ("family", "table", "name")}
        for chain in chains
        if chain.get("hook") == "forward"
        and chain.get("family") in _FAMILIES
        and (chain["family"], chain["table"], chain["name"]) not in _OF_IPTABLES
    ]


def forward_drops(texts: Sequence[str]) -> list[str]:
    """The chains that drop what they do not accept, in words: no other chain's ACCEPT helps such a packet (nft(8)).

    Args:
        texts: What ``nft --json list chain FAMILY TABLE NAME`` printed for each of :func:`forward_chains`.
    """
    return [words for text in plain(texts) for words in _dropping(_objects(text))]


def _dropping(objects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    verdicts = [verdict for each in objects if "rule" in each for verdict in _for_all(each["rule"].get("expr", ()))]
    decided = next((each for each in verdicts if each in ("accept", "drop", "reject")), None)
    for each in objects:
        chain = each.get("chain", {})
        if chain and (decided or chain.get("policy")) in ("drop", "reject"):
            yield "%s of the table %s (%s)" % (chain["name"], chain["table"], _FAMILIES[chain["family"]])


def _for_all(expressions: Sequence[Union[Mapping[str, Any], str]]) -> Iterator[str]:
    """The verdict of a rule without a match."""
    words = [next(iter(each), "") if isinstance(each, Mapping) else each for each in expressions]
    if not set(words) - {"counter", "log", "accept", "drop", "reject"}:
        yield from words[-1:]


def _objects(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)["nftables"]
    except (ValueError, TypeError, KeyError):
        return []  # no such program, one that knows no JSON, or nothing that it may read
    return [each for each in found if isinstance(each, dict)]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"forward_rules": forward_rules, "forward_chains": forward_chains, "forward_drops": forward_drops}
