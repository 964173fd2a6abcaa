# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scenario's node, and how the doctor is asked about it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from node import Node
from patient import Patient


@pytest.fixture
def patient(node: Node) -> Iterator[Patient]:
    """The node, mended again after the test."""
    found = Patient(node)
    yield found
    found.mend()
