# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scenario's node, or this machine where there is no inventory."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from node import Node


@pytest.fixture(scope="session")
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    """The node that has the kernel."""
    inventory = request.config.getoption("ansible_inventory", None)
    if inventory is None and os.geteuid() != 0:
        pytest.skip("needs root")
    with Node(inventory) as process:
        yield process
