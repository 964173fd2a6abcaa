# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Namespaces for rules, on the scenario's node, or on this machine where there is no inventory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from node import Node

#: A router, and a host on each side of it.
NAMESPACES = ("rules", "rules_in", "rules_out")

CLEAR = 'for name in "$@"; do ip netns delete "$name" 2>/dev/null || rm -f "/run/netns/$name"; done'
MAKE = 'for name in "$@"; do ip netns add "$name"; ip -n "$name" link set lo up; done'


@pytest.fixture
def netns(node: Node) -> Iterator[str]:
    """The name of the namespace in which the rules are; it is empty, as are the hosts'."""
    node.command("sh", "-ec", CLEAR, "sh", *NAMESPACES)
    node.command("sh", "-ec", MAKE, "sh", *NAMESPACES)
    yield NAMESPACES[0]
    node.command("sh", "-ec", CLEAR, "sh", *NAMESPACES)
