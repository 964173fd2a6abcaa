# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A namespace for a balancer, on the scenario's node."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from node import Failed, Node

NETNS = "balancer"


@pytest.fixture
def netns(node: Node) -> Iterator[str]:
    """The namespace's name; it is empty."""
    try:
        node.command("ip", "netns", "delete", NETNS)
    except Failed as exc:
        if "No such file" not in str(exc):
            raise
    node.command("modprobe", "ip_vs")
    node.command("ip", "netns", "add", NETNS)
    node.command("ip", "-n", NETNS, "link", "set", "lo", "up")
    yield NETNS
    node.command("ip", "netns", "delete", NETNS)
