# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node that tests break and mend, and the doctor's word on it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, ClassVar

from node import Failed, Node

#: Each client asks twice, since it is every real server's turn once then.
TURNS = 2


class Patient:
    """A node with the commands that mend what a test has broken."""

    #: The tasks of all findings in this run of pytest.
    offered: ClassVar[list[Mapping[str, Any]]] = []

    def __init__(self, node: Node) -> None:
        self._node = node
        self._mending: list[str] = []

    def shell(self, *commands: str) -> str:
        """What commands of a shell print; they stop at the first that fails."""
        return self._node.command("sh", "-ec", "\n".join(commands))

    def broken(self, *, by: str, mended: str) -> None:
        """Break it, and remember how it is mended."""
        self._mending.append(mended)
        self.shell(by)

    def mend(self) -> None:
        """Mend all that is broken, the last first."""
        while self._mending:
            self.shell(self._mending.pop())

    def findings(self, **options: Any) -> list[Mapping[str, Any]]:
        """What the doctor finds; an option that is None is left out."""
        given = {name: value for name, value in options.items() if value is not None}
        found: list[Mapping[str, Any]] = self._node.module("ipvs_doctor", **given)["findings"]
        self.offered.extend(each["task"] for each in found if each["task"])
        return found

    def left_open(self, **options: Any) -> dict[str, str]:
        """The checks that could not see all that they are for, and why."""
        given = {name: value for name, value in options.items() if value is not None}
        not_checked = self._node.module("ipvs_doctor", **given)["not_checked"]
        return {each["id"]: each["reason"] for each in not_checked if each["left_open"]}

    def reaches(self, client: str, url: str, seconds: int) -> bool:
        """Whether a client (a namespace, or nothing for the node itself) is answered at each of its turns in time."""
        inside = f"ip netns exec {client} " if client else ""
        ask = f"{inside}curl --silent --output /dev/null --max-time {seconds} {shlex.quote(url)}"
        try:
            self.shell(*[ask] * TURNS)
        except Failed:
            return False
        return True

    def take(self, task: Mapping[str, Any]) -> None:
        """Do what a remedy's task says, in the way that is at hand: the module itself, or its command."""
        ((module, options),) = ((key, value) for key, value in task.items() if key != "name")
        if module.startswith("linuxnet.ipvs."):
            self._node.module(module.rpartition(".")[2], **options)
        elif module == "ansible.posix.sysctl":
            self.shell(f"sysctl --write {options['name']}={options['value']}")
        elif module == "community.general.modprobe":
            assert options["persistent"] == "present", "gone after the next boot"
            self.shell(f"modprobe {options['name']}")
        elif module == "ansible.builtin.command":
            self._node.command(*options["argv"])
        elif module == "ansible.builtin.iptables":
            given = {name: value for name, value in options.items() if name not in ("chain", "action", "ip_version")}
            words = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in given.items())
            self.shell(f"iptables -I {options['chain']} {words}")
        else:
            raise AssertionError(f"nobody here can do {task}")
