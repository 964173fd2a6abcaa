# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A namespace for sets, on the scenario's node, or on this machine where there is no inventory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from node import Failed, Node

NETNS = "sets-%d" % os.getpid()
#: Every type, with what a set of it needs to be created.
TYPES = {
    "bitmap:ip": ["range", "10.0.0.0/24"],
    "bitmap:ip,mac": ["range", "10.0.0.0/24"],
    "bitmap:port": ["range", "0-1023"],
    **dict.fromkeys(
        [
            "hash:ip",
            "hash:ip,mac",
            "hash:ip,mark",
            "hash:ip,port",
            "hash:ip,port,ip",
            "hash:ip,port,net",
            "hash:mac",
            "hash:net",
            "hash:net,iface",
            "hash:net,net",
            "hash:net,port",
            "hash:net,port,net",
            "list:set",
        ],
        [],
    ),
}


class Sets:
    """The sets of the namespace, by the collection's modules and by ipset(8)."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def module(self, name: str, /, **params: Any) -> dict[str, Any]:
        """The result of a module; check mode has to predict it."""
        predicted = self.node.module(name, check=True, netns=NETNS, **params)
        result = self.node.module(name, netns=NETNS, **params)
        for each in (predicted, result):
            each.pop("took")
            # The seed of a new hash is drawn by lot, and what is there may expire meanwhile.
            each.get("set", {}).pop("initval", None)
        assert predicted == result
        return result

    def run(self, name: str, /, **params: Any) -> dict[str, Any]:
        """The result of a module, without check mode before."""
        return self.node.module(name, netns=NETNS, **params)

    def ipset(self, *words: str, stdin: str = "") -> str:
        """What ipset(8) prints."""
        return self.command("ipset", *words, stdin=stdin)

    def command(self, *words: str, stdin: str = "") -> str:
        """What a program in the namespace prints."""
        return self.node.command("ip", "netns", "exec", NETNS, *words, stdin=stdin)

    def saved(self, name: str) -> list[str]:
        """A set as ipset(8) saves it, with nothing that is random in it."""
        create, *entries = self.ipset("save", name).splitlines()
        words = create.split()
        if "initval" in words:
            del words[words.index("initval") : words.index("initval") + 2]
        if "list:set" not in words:
            entries.sort()
        return [" ".join(words), *entries]

    def clear(self) -> None:
        """Take all sets away, lists first."""
        names = self.ipset("list", "-name").split()
        commands = [f"flush {name}\n" for name in names] + [f"destroy {name}\n" for name in names]
        self.ipset("restore", stdin="".join(commands))


@pytest.fixture(scope="session")
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    """The node that has the kernel."""
    inventory = request.config.getoption("ansible_inventory", None)
    if inventory is None and os.geteuid() != 0:
        pytest.skip("needs root")
    with Node(inventory) as process:
        process.command("ip", "netns", "add", NETNS)
        try:
            yield process
        finally:
            process.command("ip", "netns", "del", NETNS)


@pytest.fixture(scope="session")
def types(node: Node) -> list[str]:
    """The types of sets that the node's kernel has."""
    found = []
    for name, needed in TYPES.items():
        try:
            node.command("ip", "netns", "exec", NETNS, "ipset", "create", "probe", name, *needed)
        except Failed as exc:
            assert "set type not supported" in str(exc)
            continue
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
