# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the role ``reachability``: what each client asks, and who reached whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._base.plain import plain
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._reachability.matrix import Pair, arguments, pairs, rows


def reachability_requests(
    clients: Sequence[Mapping[str, Any]],
    targets: Sequence[Mapping[str, Any]],
    expectations: Sequence[Mapping[str, Any]] = (),
    connect_timeout: int = 3,
    patience: int = 10,
) -> list[dict[str, Any]]:
    """Each client with the command by which it asks all its targets; an empty one where it asks none."""
    found = []
    for client in plain(clients):
        words = arguments(_pairs("reachability_requests", client, targets, expectations), connect_timeout, patience)
        inside = ["ip", "netns", "exec", client["netns"]] if client.get("netns") else []
        found.append({"client": client, "argv": [*inside, "curl", "--disable", *words] if words else []})
    return found


def reachability_matrix(
    results: Sequence[Mapping[str, Any]],
    targets: Sequence[Mapping[str, Any]],
    expectations: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """A row for each client and target, from the results of the clients' commands."""
    found: list[dict[str, Any]] = []
    for result in plain(results):
        client = result["item"]["client"]
        asked = _pairs("reachability_matrix", client, targets, expectations)
        found += rows(client, asked, result.get("stdout", ""))
    return found


def _pairs(name: str, client: Any, targets: Any, expectations: Any) -> list[Pair]:
    try:
        return pairs(client, plain(targets), plain(expectations))
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise AnsibleFilterError(
            "%s: a client has a name, a target a name and a url, an expectation a client and a target: %s: %s"
            % (name, type(exc).__name__, exc)
        ) from exc


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"reachability_matrix": reachability_matrix, "reachability_requests": reachability_requests}
