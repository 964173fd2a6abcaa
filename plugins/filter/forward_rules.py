# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter of the role ``pod_network``: which of its rules for forwarding are not as they should be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._base.plain import plain

#: A rule of FORWARD without a match, by a target with which the way of every packet ends (iptables-extensions(8)).
_ENDS_ALL_WAYS = re.compile(r"-A FORWARD -[jg] (DROP|REJECT)( --reject-with [a-z0-9-]+)?$")


def forward_rules(results: Sequence[Mapping[str, Any]], bridge: str, state: str) -> list[dict[str, Any]]:
    """The rules to be made or taken away, for each family that was looked at and each direction.

    Args:
        results: Of ``iptables --list-rules FORWARD``, each with its ``family`` and its ``stdout_lines``.
        bridge: The bridge whose traffic is accepted.
        state: ``present`` or ``absent``.
    """
    return [
        rule for result in plain(results) for rule in _wrong(result["family"], result["stdout_lines"], bridge, state)
    ]


def _wrong(family: str, lines: Sequence[str], bridge: str, state: str) -> Iterator[dict[str, Any]]:
    rules = [line.strip() for line in lines if line.startswith("-A FORWARD ")]
    end = next((number for number, rule in enumerate(rules) if _ENDS_ALL_WAYS.match(rule)), None)
    place = None if end is None else end + 1
    for option in ("-i", "-o"):
        rule = "-A FORWARD %s %s -j ACCEPT" % (option, bridge)
        behind = end is not None and rule in rules[end:] and rule not in rules[:end]
        if state == "absent":
            if rule in rules:
                yield {"family": family, "option": option, "place": None, "behind": False}
        elif rule not in rules or behind:
            yield {"family": family, "option": option, "place": place, "behind": behind}


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"forward_rules": forward_rules}
