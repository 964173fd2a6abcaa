# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets in a namespace of a node, by the collection's modules and by ipset(8)."""

from __future__ import annotations

import os
from typing import Any

from node import Node

NETNS = "sets-%d" % os.getpid()
#: Every type, with what a set of it needs to be created.
TYPES = {
    "bitmap:ip": ["range", "10.0.0.0/24"],
    "bitmap:ip,mac": ["range", "10.0.0.0/24"],
    "bitmap:port": ["range", "0-1023"],
    "hash:ip": [],
    "hash:ip,mac": [],
    "hash:ip,mark": [],
    "hash:ip,port": [],
    "hash:ip,port,ip": [],
    "hash:ip,port,net": [],
    "hash:mac": [],
    "hash:net": [],
    "hash:net,iface": [],
    "hash:net,net": [],
    "hash:net,port": [],
    "hash:net,port,net": [],
    "list:set": [],
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
        # Not by ip(8), which mounts /sys anew each time.
        return self.node.command("nsenter", f"--net=/run/netns/{NETNS}", *words, stdin=stdin)

    def saved(self, name: str) -> list[str]:
        """A set as ipset(8) saves it, with nothing that is random in it."""
        return self.all_saved(name)[name]

    def all_saved(self, *names: str) -> dict[str, list[str]]:
        """All sets, or one, as ipset(8) saves them, by their names."""
        found: dict[str, list[str]] = {}
        for line in self.ipset("save", *names).split("\n")[:-1]:
            found.setdefault(line.split()[1], []).append(line)
        return {name: self._saved(lines) for name, lines in found.items()}

    @staticmethod
    def _saved(lines: list[str]) -> list[str]:
        create, *entries = lines
        words = create.split()
        if "initval" in words:
            del words[words.index("initval") : words.index("initval") + 2]
        if "bitmask" in words:  # where several sets are saved, ipset prints some number as its prefix length
            place = words.index("bitmask") + 1
            words[place] = words[place].partition("/")[0]
        if "list:set" not in words:
            entries.sort()
        return [" ".join(words), *entries]

    def clear(self) -> None:
        """Take all sets away, lists first."""
        names = self.ipset("list", "-name").split()
        commands = [f"flush {name}\n" for name in names] + [f"destroy {name}\n" for name in names]
        self.ipset("restore", stdin="".join(commands))
