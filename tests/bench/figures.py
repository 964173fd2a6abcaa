# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was measured: each figure beside a peer of the same run, kept as JSON and shown as tables in Markdown."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import steps

FILE = steps.OUTPUT / "bench.json"
DOCUMENT = steps.CHECKOUT / "docs" / "benchmarks.md"
HEAD = ("| | ours | peer | its | ratio | aim | |", "| --- | ---: | --- | ---: | ---: | --- | --- |")


class Unable(Exception):
    """Something cannot be measured here; the message says what is missing."""


@dataclass(frozen=True)
class Figure:
    """One thing that was measured.

    Attributes:
        name: What it is, in Markdown.
        ours: What the collection takes, in `unit`.
        peer: What it stands beside, in Markdown; nothing where there is no peer.
        theirs: What the peer takes, in `unit`.
        aim: The most that the ratio may be or, without a peer, that `ours` may be; None where there is no aim.
        unit: s (by the clock), s CPU (of all processors) or MiB.
    """

    name: str
    ours: float
    peer: str = ""
    theirs: float | None = None
    aim: float | None = None
    unit: str = "s"

    @property
    def ratio(self) -> float | None:
        """How many times the peer's we take."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def missed(self) -> bool:
        """Whether there is an aim, and it is not met."""
        value = self.ratio if self.peer else self.ours
        return self.aim is not None and value is not None and value > self.aim

    def row(self) -> str:
        """The figure as a row of a table."""
        aim = "" if self.aim is None else f"at most {self.aim:g}" + ("" if self.peer else f" {self.unit}")
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        cells = (self.name, self._amount(self.ours), self.peer, self._amount(self.theirs), ratio, aim)
        return "| %s | %s |" % (" | ".join(cells), "missed" if self.missed else "")

    def _amount(self, value: float | None) -> str:
        if value is None:
            return ""
        digits = 0 if self.unit == "MiB" or value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 else 3
        return f"{value:.{digits}f} {self.unit}"


@dataclass(frozen=True)
class Place:
    """Where something was measured: the kernel's release, how many processors it has, and what it runs on."""

    kernel: str
    cores: int
    machine: str = "hardware"

    @classmethod
    def here(cls) -> Place:
        return cls(platform.release(), len(os.sched_getaffinity(0)))

    @classmethod
    def there(cls, node: Any) -> Place:
        """The place of a tests/kernel/node.py's Node."""
        virtual = node.command("sh", "-c", "systemd-detect-virt || true").strip()
        machine = {"none": "hardware", "uml": "a user-mode Linux", "qemu": "an emulated machine"}
        return cls(
            node.command("uname", "-r").strip(),
            int(node.command("nproc")),
            machine.get(virtual, f"a virtual machine ({virtual})"),
        )

    def __str__(self) -> str:
        return f"Linux {self.kernel} on {self.machine} with {self.cores} processor{'s' if self.cores > 1 else ''}"


@dataclass(frozen=True)
class Measurement:
    """The figures of one measurement, and how they came about."""

    name: str
    place: Place
    rounds: int
    figures: tuple[Figure, ...]

    def table(self) -> Iterator[str]:
        """The lines of a table in Markdown."""
        yield from HEAD
        yield from (figure.row() for figure in self.figures)
        yield ""
        yield f"{self.place}; {self.rounds} round{'s' if self.rounds > 1 else ''}."


def keep(measured: Measurement, file: Path = FILE) -> None:
    """Write a measurement among those that are kept already; it takes the place of an older one of its name."""
    found = [each for each in kept(file) if each.name != measured.name]
    records = [
        {
            "measurement": each.name,
            **asdict(figure),
            "ratio": figure.ratio,
            "missed": figure.missed,
            **asdict(each.place),
            "rounds": each.rounds,
        }
        for each in (*found, measured)
        for figure in each.figures
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(records, indent=1, ensure_ascii=False) + "\n")


def kept(file: Path = FILE) -> Sequence[Measurement]:
    """The measurements that were kept."""
    records = json.loads(file.read_text()) if file.exists() else []
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        found.setdefault(record["measurement"], []).append(record)
    return [
        Measurement(
            name,
            Place(*(each[0][key] for key in ("kernel", "cores", "machine"))),
            each[0]["rounds"],
            tuple(Figure(*(record[key] for key in Figure.__dataclass_fields__)) for record in each),
        )
        for name, each in found.items()
    ]


def with_tables(document: str, measurements: Iterable[Measurement]) -> str:
    """A document with the tables of measurements where it has a place for them; other places stay as they are."""
    for measured in measurements:
        begin, end = f"<!-- {measured.name}:begin -->\n", f"\n<!-- {measured.name}:end -->"
        text = "\n".join(("", *measured.table(), ""))
        before, found, rest = document.partition(begin)
        if found:
            document = f"{before}{begin}{text}{end}{rest.partition(end)[2]}"
    return document
