# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cases of a module as data: what it is told, and what the kernel then has in the words of another tool.

A file of cases is YAML with the keys

``module``
    The module's name.
``defaults``
    Options of every step and every refusal.
``prepare``
    Commands that the scenario runs before the first step.
``oracle``
    The command that prints what the kernel has, where a scenario's files have not all the same.
``lines``
    A regular expression: which lines of the oracle count, if not those that count throughout the scenario.
``kernel``
    The lines after each step that does not say it itself.
``steps``
    One after the other, each with a ``name``, ``options``, and perhaps ``meanwhile`` and ``afterwards`` (lines for the
    shell before and after it), ``kernel`` (the lines afterwards, in any order), ``changed`` (by default true), and what
    the result has: ``returned`` (some of its values), ``before`` and ``after`` (the diff).
``refusals``
    Each with a ``name``, ``options``, the ``message`` (a regular expression) and perhaps ``check_mode``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from node import Failed, Node

#: What a result holds besides what the module says: what it was told, and what it took.
NOT_SAID = ("invocation", "took")


def read(file: Path) -> dict[str, Any]:
    """A file of cases."""
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


class Run:
    """The run of a file of cases on a node.

    Args:
        node: The node.
        case: What is in the file.
        given: Options that every task of the scenario has, such as the namespace.
        look: Gives what the kernel has, as lines in the words of another tool.
        lines: Which of them count, unless the file says so.
    """

    def __init__(
        self,
        node: Node,
        case: Mapping[str, Any],
        given: Mapping[str, Any],
        look: Callable[[], list[str]],
        lines: str = "",
    ) -> None:
        self.node = node
        self.case = case
        self.given = given
        self.look = look
        self.lines = re.compile(case.get("lines", lines))

    def all(self) -> None:
        """Take all steps, and give all bad input."""
        found = self.look()
        for step in self.case["steps"]:
            found = self.take(step, found)
        self.refuse(found)

    def take(self, step: Mapping[str, Any], found: list[str]) -> list[str]:
        """Check, apply, apply again; the oracle is the judge each time. Takes and gives what the kernel has."""
        if "meanwhile" in step:
            self._shell(step["meanwhile"])
            found = self.look()
        predicted = self._module(step, check=True)
        name = "%s: %s" % (self.case["module"], step["name"])
        assert self.look() == found, f"{name}: check mode changed something"
        applied = self._module(step)
        assert predicted == applied, f"{name}: the run did not do what check mode predicted"
        self._shell(step.get("afterwards", ()))
        found = self.look()
        assert self._counting(found) == sorted(step.get("kernel", self.case.get("kernel"))), name
        assert applied["changed"] == step.get("changed", True), name
        again = self._module(step)
        assert (again["changed"], again["diff"]) == (False, {"before": {}, "after": {}}), f"{name}: the second run"
        returned = step.get("returned", {})
        assert {key: applied.get(key) for key in returned} == returned, name
        for side in {"before", "after"} & step.keys():
            assert applied["diff"][side] == step[side], name
        return found

    def refuse(self, found: list[str]) -> None:
        """Give all bad input: each gets its error, and what the kernel has stays."""
        for refusal in self.case.get("refusals", ()):
            said = "nothing"
            try:
                self._module(refusal, check=refusal.get("check_mode", False))
            except Failed as exc:
                said = str(exc)
            assert re.search(refusal["message"], said), f"{refusal['name']}: it said {said}"
        assert self.look() == found, "bad input changed something"

    def _module(self, task: Mapping[str, Any], check: bool = False) -> dict[str, Any]:
        options = {**self.case.get("defaults", {}), **self.given, **task["options"]}
        done = self.node.module(self.case["module"], check=check, **options)
        return {key: value for key, value in done.items() if key not in NOT_SAID}

    def _shell(self, lines: list[str]) -> None:
        if lines:
            self.node.command("sh", "-ec", "\n".join(lines))

    def _counting(self, lines: list[str]) -> list[str]:
        return sorted(filter(self.lines.search, lines))
