# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole topology once more, beside a `command` task for each command of the article, on the lab's node."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import steps
from figures import Figure, Measurement, Place
from node import Node
from runs import BENCH, INVENTORY, on_node


def measure(rounds: int) -> Iterator[Measurement]:
    ours, theirs = [], []
    for _round in range(rounds):
        ours.append(on_node(steps.CHECKOUT / "playbooks" / "topology_up.yml")[0])
        theirs.append(on_node(BENCH / "article.yml")[0])
    with Node(INVENTORY) as node:
        place = Place.there(node)
    peer = "a `command` for each command of the article"
    figure = Figure("`playbooks/topology_up.yml`", statistics.median(ours), peer, statistics.median(theirs), 0.18)
    yield Measurement("topology", place, rounds, (figure,))
