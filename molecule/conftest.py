# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the scenarios' Python tests share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import plays
import pytest
from node import Node


@pytest.fixture(scope="session")
def inventory(request: pytest.FixtureRequest) -> str:
    """The inventory in which the scenario's node is."""
    return str(request.config.getoption("ansible_inventory"))


@pytest.fixture(scope="session")
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    """The scenario's node, with the modules in one process; this machine where there is no inventory."""
    found = request.config.getoption("ansible_inventory", None)
    if found is None and os.geteuid() != 0:
        pytest.skip("needs root")
    with Node(found) as process:
        yield process


@pytest.fixture(scope="session")
def play(inventory: str) -> Callable[..., plays.Run]:
    """Play one of the collection's playbooks, or any by its path, on the scenario's node."""

    def run(playbook: str | Path, *arguments: str) -> plays.Run:
        return plays.play(inventory, plays.PLAYBOOKS / playbook, *arguments)

    return run
