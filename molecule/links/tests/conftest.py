# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Namespaces for links, on the scenario's node, or on this machine where there is no inventory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from node import Node

#: One for a bridge, two for far ends, and two that a test may make and remove.
NAMESPACES = ("links", "links_a", "links_b", "links_c", "links_d")

#: Removes what an earlier test left, and makes as many namespaces as asked for.
CLEAR = r"""
for name in "$@"; do
  [ ! -e "/etc/netns/$name" ] || rm -rf "/etc/netns/$name"
  [ ! -e "/run/netns/$name" ] || ip netns delete "$name" 2>/dev/null || true
  [ ! -e "/run/netns/$name" ] && [ ! -L "/run/netns/$name" ] || rm -f "/run/netns/$name"
done
"""
MAKE = r"""
for name in "$@"; do
  ip netns add "$name"
  ip -n "$name" link set lo up
done
"""


@pytest.fixture(scope="session")
def node(node: Node) -> Iterator[Node]:
    """The node, which is cleared in the end."""
    yield node
    node.command("sh", "-ec", CLEAR, "sh", *NAMESPACES)


@pytest.fixture
def namespaces(node: Node) -> tuple[str, ...]:
    """The namespaces' names; all but the last two are there, and empty."""
    node.command("sh", "-ec", CLEAR, "sh", *NAMESPACES)
    node.command("sh", "-ec", MAKE, "sh", *NAMESPACES[:-2])
    return NAMESPACES
