# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules for namespaces, links and addresses, judged by ip(8)."""

from __future__ import annotations

from pathlib import Path

import cases
import kernel_links
import pytest

FILES = sorted((Path(__file__).parents[1] / "cases").glob("*.yml"))
#: Loopback devices are of no interest, except to the module that sets them up.
BUT_LOOPBACK = "^(?!.*: lo (up|down)$)"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_cases(node, namespaces, file):
    cases.Run(node, cases.read(file), {}, lambda: kernel_links.view(node, namespaces), BUT_LOOPBACK).all()


def test_nothing_is_left(node, namespaces):
    """The modules have taken away all they made, but for the namespaces that the tests gave them."""
    assert kernel_links.view(node, namespaces) == [f"{name}: lo up" for name in namespaces[:-2]]
    assert not node.command("find", "/etc/netns", "-name", "links*")
