# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A namespace for IPVS tables, on the scenario's node."""

from __future__ import annotations

from collections.abc import Iterator

import ansible_collections
import pytest
import steps
from kernel_tables import NETNS, Tables
from node import Node

# The filters are imported as a part of the collection, which lies beside those that came with Ansible.
ansible_collections.__path__.append(str(steps.CHECKOUT / ".venv" / "collections" / "ansible_collections"))

#: A device with the addresses from which a synchronization daemon speaks and a service is reached.
MADE = [
    "ip netns add {0}",
    "ip -n {0} link set lo up",
    "ip -n {0} link add net0 type dummy",
    "ip -n {0} address add 10.99.0.1/24 dev net0",
    "ip -n {0} address add fd00:99::1/64 dev net0 nodad",
    "ip -n {0} address add fd00:99::100/128 dev net0 nodad",
    "ip -n {0} link set net0 up",
]


@pytest.fixture(scope="session")
def node(node: Node) -> Iterator[Node]:
    """The node, with a namespace for the tables."""
    for command in MADE:
        node.command(*command.format(NETNS).split())
    try:
        yield node
    finally:
        node.command("ip", "netns", "del", NETNS)


@pytest.fixture
def tables(node: Node) -> Iterator[Tables]:
    """The namespace with an empty table."""
    found = Tables(node)
    found.ipvsadm("-C")
    yield found
    found.ipvsadm("-C")
