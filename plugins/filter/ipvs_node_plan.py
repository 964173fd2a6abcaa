# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter of the role ``ipvs_node``: what a host lacks of modules and switches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._base.plain import plain
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._node.plan import Look, plan


def ipvs_node_plan(
    lines: Sequence[str],
    modules: Sequence[str],
    sysctl: Mapping[str, Any],
    ipv6: bool,
    noted: str,
    loaded: bool = False,
) -> dict[str, Any]:
    """What a host lacks, from what ``grep -s -H ''`` printed of its kernel's files."""
    return asdict(plan(Look.read(plain(lines)), plain(modules), plain(sysctl), bool(ipv6), str(noted), bool(loaded)))


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"ipvs_node_plan": ipvs_node_plan}
