# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A namespace for sets, on the scenario's node, or on this machine where there is no inventory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kernel_sets import NETNS, TYPES, Sets
from node import Failed, Node


@pytest.fixture(scope="session")
def node(node: Node) -> Iterator[Node]:
    """The node, with a namespace for the sets."""
    node.command("ip", "netns", "add", NETNS)
    try:
        yield node
    finally:
        node.command("ip", "netns", "del", NETNS)


@pytest.fixture(scope="session")
def types(node: Node) -> list[str]:
    """The types of sets that the node's kernel has."""
    found = []
    for name, needed in TYPES.items():
        try:
            node.command("ip", "netns", "exec", NETNS, "ipset", "create", "probe", name, *needed)
        except Failed as exc:
            if "set type not supported" in str(exc):
                continue
            raise
        node.command("ip", "netns", "exec", NETNS, "ipset", "destroy", "probe")
        found.append(name)
    return found


@pytest.fixture(scope="session")
def masks(node: Node) -> bool:
    """Whether the kernel's sets have bitmasks (Linux 6.2)."""
    try:
        node.command("ip", "netns", "exec", NETNS, "ipset", "create", "probe", "hash:ip", "bitmask", "255.0.255.0")
        return True
    except Failed:
        return False


@pytest.fixture
def sets(node: Node) -> Iterator[Sets]:
    """The namespace, without any sets."""
    found = Sets(node)
    found.clear()
    yield found
    found.clear()
