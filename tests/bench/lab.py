# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From nothing to the finished, verified lab, and again, in the virtual machine that every machine can have."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator

import steps
from figures import Figure, Measurement, Place
from runs import playbook

PLAYBOOKS = steps.CHECKOUT / "playbooks"
#: The same machine everywhere, also where this one's own kernel has IPVS
MACHINE = "--extra-vars=lab_host_kind=vm"


def measure(rounds: int) -> Iterator[Measurement]:
    first, again = [], []
    for _round in range(rounds):
        first.append(_from_destroyed())
        again.append(_built())
    found = (
        Figure("with the image in the cache", statistics.median(first), aim=24),
        Figure("again, with nothing to do", statistics.median(again), "the first", statistics.median(first)),
    )
    yield Measurement("lab", Place.here(), rounds, found)


def measure_fresh(rounds: int) -> Iterator[Measurement]:
    taken = []
    for _round in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            taken.append(_from_destroyed(XDG_CACHE_HOME=cache))
            playbook(PLAYBOOKS / "host_down.yml", XDG_CACHE_HOME=cache)
    figure = Figure("with an image that is built first", statistics.median(taken), aim=80)
    yield Measurement("lab-fresh", Place.here(), rounds, (figure,))


def _from_destroyed(**environment: str) -> float:
    """The seconds of playbooks/lab.yml where there was no lab before."""
    playbook(PLAYBOOKS / "host_down.yml", **environment)
    return _built(**environment)


def _built(**environment: str) -> float:
    return playbook(PLAYBOOKS / "lab.yml", MACHINE, **environment)[0]
