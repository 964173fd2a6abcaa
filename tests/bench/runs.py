# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is run to be measured: playbooks, on the lab's node or elsewhere, and work of this process."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import steps

BENCH = Path(__file__).resolve().parent
INVENTORY = steps.CHECKOUT / ".lab" / "inventory.yml"
#: That of this environment, which need not be on the PATH
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")


def playbook(name: Path, *options: str | Path, **environment: str) -> tuple[float, str]:
    """Run a playbook and return its wall time in seconds and what it printed."""
    command = [str(word) for word in (PLAYBOOK, name, *options)]
    start = time.monotonic()
    done = subprocess.run(
        command, cwd=steps.CHECKOUT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    seconds = time.monotonic() - start
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return seconds, done.stdout


def on_node(name: Path, **environment: str) -> tuple[float, str]:
    """Run a playbook on the lab's node with Ansible's own strategy."""
    return playbook(name, "--inventory", INVENTORY, **{"ANSIBLE_STRATEGY": "linear", **environment})


class Cost(NamedTuple):
    """Seconds by the clock, and of the processor."""

    clock: float
    processor: float

    def least(self, other: Cost | None) -> Cost:
        """The lesser of each, since whatever else a machine does only adds to it."""
        return self if other is None else Cost(*map(min, self, other))


def cost(work: Callable[[], Any]) -> Cost:
    """What some work of this process takes, and of those that it starts and awaits."""
    clock, before = time.perf_counter(), _processor()
    work()
    return Cost(time.perf_counter() - clock, _processor() - before)


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
