# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs of a module at once, the first of them held at the moment when the second would do the most harm."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from node import Node

#: What the second run is given to be done with, were nothing in its way (seconds): many times what it takes.
PATIENCE = 3.0


def second_waits(
    watch: Node, inventory: str | Path | None, name: str, first: dict[str, Any], second: dict[str, Any]
) -> bool:
    """Run a module twice: the second run starts when the first has read and planned, and has not written anything yet.

    Args:
        watch: A process on the node that the inventory names, which sees to the turns.

    Returns:
        Whether the second had to wait until the first was done.

    Raises:
        Failed: one of the two fails.
    """
    place = f"/run/held-{os.getpid()}"
    with Node(inventory) as one, Node(inventory) as other, ThreadPoolExecutor() as pool:
        other.module(name, check=True, **second)  # so that Python has read its code
        held = pool.submit(one.held, name, place, **first)
        try:
            watch.command("timeout", "60", "sh", "-c", f"until [ -e {place} ]; do sleep 0.1; done")
            waiting = pool.submit(other.module, name, **second)
            done, _not_done = wait([waiting], timeout=PATIENCE)
        finally:
            watch.command("rm", "-f", place)
        held.result()
        waiting.result()
    return not done


def held_meanwhile(
    watch: Node, inventory: str | Path | None, name: str, params: dict[str, Any], work: Callable[[], object]
) -> dict[str, Any]:
    """Run a module, and do something else when it has read and planned, and has not written anything yet.

    Args:
        watch: A process on the node that the inventory names, which sees to the turns.

    Returns:
        The module's result.

    Raises:
        Failed: it fails.
    """
    place = f"/run/held-{os.getpid()}"
    with Node(inventory) as one, ThreadPoolExecutor() as pool:
        held = pool.submit(one.held, name, place, **params)
        try:
            watch.command("timeout", "60", "sh", "-c", f"until [ -e {place} ]; do sleep 0.1; done")
            work()
        finally:
            watch.command("rm", "-f", place)
        return held.result()
