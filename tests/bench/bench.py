# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures that matter to users, each beside a peer that is measured in turns with it: see the ratios.

They are printed, and kept in tests/output/bench.json. Nothing is asserted: an aim that is missed is said.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import figures
import lab
import nodes
import services
import sets
import steps
import tables
import tasks
import topology


@dataclass(frozen=True)
class Kind:
    """A measurement that one can ask for: what it is in a few words, what makes its figures, and its usual rounds."""

    what: str
    measure: Callable[[int], Iterator[figures.Measurement]]
    rounds: int = 3
    usual: bool = True


KINDS = {
    "lab": Kind("the lab from nothing, with the image in the cache, and again", lab.measure, rounds=1),
    "lab-fresh": Kind("the same with the image built anew", lab.measure_fresh, rounds=1, usual=False),
    "tasks": Kind("each module as one task that changes nothing, on the lab's node", tasks.measure, rounds=5),
    "topology": Kind("the topology's plays again, on the lab's node", topology.measure),
    "tables": Kind("tables of 100 and 1,000 services, and the doctor, on the lab's node", tables.measure),
    "tables-large": Kind("a table of 10,000 services, on the lab's node", tables.measure_large, rounds=1, usual=False),
    "services": Kind("5,000 Services of Kubernetes with 10 endpoints each, on the lab's node", services.measure),
    "sets": Kind("sets of 50,000 entries, in a namespace of this machine, as root", sets.measure),
    "sets-large": Kind("a set of 1,000,000 entries, and a range", sets.measure_large, rounds=1, usual=False),
    "nodes": Kind("many nodes that are namespaces of this machine, as root", nodes.measure, rounds=1),
}


def main() -> int:
    names = "\n".join(f"  {name:14}{kind.what}{'' if kind.usual else ' (on request)'}" for name, kind in KINDS.items())
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"measurements:\n{names}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which measurements (default: those of no request)")
    parser.add_argument("--rounds", type=int, help="how often what is compared is run (default: as each needs it)")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(KINDS))
    if unknown:
        parser.error(f"there is no measurement {', '.join(unknown)}, but {', '.join(KINDS)}")
    for name in options.names or [name for name, kind in KINDS.items() if kind.usual]:
        print(f"\n### {KINDS[name].what}\n", flush=True)
        try:
            for measured in KINDS[name].measure(options.rounds or KINDS[name].rounds):
                figures.keep(measured)
                print("\n".join(measured.table()), end="\n\n", flush=True)
        except figures.Unable as why:
            print(f"Not measured: {why}")
    print(f"All that is kept: {figures.FILE.relative_to(steps.CHECKOUT)}; aims that are missed:")
    for measured in figures.kept():
        for figure in measured.figures:
            if figure.missed:
                print(f"  {measured.name}: {figure.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
