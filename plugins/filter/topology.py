# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that draw what the modules read of hosts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture import (
    html,
    mermaid,
    svg,
    text,
)
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture.layout import NARROW, WIDE, NoLayout
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture.model import Host, read_host


def topology_svg(hosts: Sequence[Mapping[str, Any]], title: str = "", narrow: bool = False) -> str:
    """Hosts as an SVG file."""
    form = NARROW if narrow else WIDE
    return _laid_out("topology_svg", lambda: svg.render(_read("topology_svg", hosts), form, title))


def topology_html(hosts: Sequence[Mapping[str, Any]], title: str = "") -> str:
    """Hosts as an HTML page."""
    return _laid_out("topology_html", lambda: html.render(_read("topology_html", hosts), title))


def topology_mermaid(hosts: Sequence[Mapping[str, Any]]) -> str:
    """Hosts as a Mermaid flowchart."""
    return mermaid.render(_read("topology_mermaid", hosts))


def topology_text(hosts: Sequence[Mapping[str, Any]]) -> str:
    """Hosts as plain text."""
    return text.render(_read("topology_text", hosts))


def _read(name: str, hosts: Sequence[Mapping[str, Any]]) -> list[Host]:
    if isinstance(hosts, (str, Mapping)) or not hosts or not all(isinstance(host, Mapping) for host in hosts):
        raise AnsibleFilterError(
            "%s: a list of hosts is wanted, each a dict with its name and what the modules read of it" % name
        )
    found = []
    for host in hosts:
        try:
            found.append(read_host(host))
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise AnsibleFilterError(
                "%s: host %s is not what netns_info, ipvs_info and ipset_info return: %s: %s"
                % (name, host.get("name", "without a name"), type(exc).__name__, exc)
            ) from exc
    return found


def _laid_out(name: str, draw: Callable[[], str]) -> str:
    try:
        return draw()
    except NoLayout as exc:
        raise AnsibleFilterError("%s: %s" % (name, exc)) from exc


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "topology_html": topology_html,
            "topology_mermaid": topology_mermaid,
            "topology_svg": topology_svg,
            "topology_text": topology_text,
        }
