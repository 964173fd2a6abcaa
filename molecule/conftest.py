# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the scenarios' Python tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import plays
import pytest


@pytest.fixture(scope="session")
def inventory(request: pytest.FixtureRequest) -> str:
    """The inventory in which the scenario's node is."""
    return str(request.config.getoption("ansible_inventory"))


@pytest.fixture(scope="session")
def play(inventory: str) -> Callable[..., plays.Run]:
    """Play one of the collection's playbooks, or any by its path, on the scenario's node."""

    def run(playbook: str | Path, *arguments: str) -> plays.Run:
        return plays.play(inventory, plays.PLAYBOOKS / playbook, *arguments)

    return run
