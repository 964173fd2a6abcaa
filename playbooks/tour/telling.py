# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tour tells: a stage before it is built, what came of it, and the way of a packet that was followed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from building import Done, Stage

#: Columns of the text
WIDTH = 80
#: The words of the table for a failure, as a person would say them
WORDS = {
    "refused": "refused or no route",
    "timeout": "timeout",
    "unreachable": "timeout or no route",
    "outside": "not asked",
    "nobody": "is not there yet",
}
#: The outcomes of a trace that a word of the table stands for
OUTCOMES = {
    "answered": {"answered"},
    "refused": {"refused"},
    "timeout": {"timeout"},
    "unreachable": {"timeout", "failed"},
}


@dataclass(frozen=True)
class Look:
    """How the text looks: with bold type where the terminal has it and nobody said NO_COLOR."""

    bold: bool

    def title(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self.bold else text


def paragraph(text: str, indent: str = "  ") -> Iterator[str]:
    yield from textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def command_lines(command: str) -> Iterator[str]:
    """A command in lines of a terminal's width, to be copied as it is."""
    lines = textwrap.wrap(command, WIDTH - 8, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    for number, line in enumerate(lines, start=1):
        yield ("  $ " if number == 1 else "    ") + line + (" \\" if number < len(lines) else "")


def before(number: int, count: int, stage: Stage, look: Look) -> Iterator[str]:
    """What is told of a stage before it is built."""
    text = stage["text"]
    yield ""
    yield look.title(f"Stage {number} of {count}: {text['title']} ({stage['name']})")
    yield ""
    yield from paragraph(text["done"])
    yield ""
    yield from paragraph(text["why"])
    yield ""
    if stage["commands"]:
        yield "By hand, as root on the node:"
        for command in stage["commands"]:
            yield from command_lines(command)
        yield ""
    if "manifests" in stage:
        yield f"By the role kubernetes_services, from playbooks/{stage['manifests']}."
        yield ""


def expected(cell: str | Sequence[str]) -> str:
    """A cell of the table in words."""
    return WORDS[cell] if isinstance(cell, str) else ", ".join(cell)


def seen(row: Mapping[str, Any]) -> str:
    """A row of the reachability matrix in words."""
    if not row["asked"]:
        return "not asked"
    return ", ".join(row["answers"]) or row["failure"].replace("without a route", "no route") or "nothing"


def after(stage: Stage, done: Done) -> Iterator[str]:
    """What is told of a stage that has been built: what was changed, and what curl says beside what it should."""
    if done.changed:
        yield "Ansible has changed:"
        for task in done.changed:
            yield from textwrap.wrap(task, WIDTH, initial_indent="  - ", subsequent_indent="    ")
    else:
        yield "It was there already: Ansible has changed nothing."
    yield ""
    asked = [row for row in done.matrix if row["asked"]]
    if asked:
        yield f"{'What curl says':<32}{'now':<28}expected"
        for row in asked:
            cell = stage["expect"][row["client"]][row["target"]]
            mark = " " if row["as_expected"] else "!"
            pair = f"{row['client']} -> {row['url'].removeprefix('http://')}"
            yield f"{mark} {pair:<30}{seen(row):<28}{expected(cell)}"
        yield ""
    for client, reasons in stage["text"]["because"].items():
        for target, reason in reasons.items():
            name = {"virtual": "the virtual address", "service": "the Service"}.get(target, target)
            yield from textwrap.wrap(
                f"{client} to {name}: {reason}", WIDTH, initial_indent="  ", subsequent_indent="    "
            )
    yield from traces(stage, done)


def traces(stage: Stage, done: Done) -> Iterator[str]:
    """What was seen of the connection that was followed, in the order of the moments."""
    shown = [
        (_title(moment, stage["trace"][moment]), done.followed[moment], stage["trace"][moment])
        for moment in ("before", "halfway", "after")
        if moment in done.followed and moment in stage.get("trace", {})
    ]
    remotes = [traced["remote"] for _words, traced, _wanted in shown if "remote" in traced]
    if shown:
        yield ""
        target = endpoint(**remotes[0]) if remotes else stage["trace"]["to"]
        yield f"A packet from {stage['trace']['from']} to {target}"
    for title, traced, wanted in shown:
        mark = " " if fits(traced, wanted) else "!"
        first, *others = trace_lines(traced)
        yield from textwrap.wrap(f"{mark} {title}: {first}", WIDTH, subsequent_indent="    ")
        for line in others:
            indent = " " * (len(line) - len(line.lstrip()) + 4)
            yield from textwrap.wrap(line.strip(), WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")


def _title(moment: str, wanted: Mapping[str, Any]) -> str:
    """What a moment is called in the text."""
    switches = ", ".join(f"{name}={value}" for name, value in wanted.get("sysctl", {}).items())
    return {"before": "Before", "halfway": f"With {switches} alone", "after": "Now"}[moment]


def fits(traced: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a trace is what the table expects: its outcome, and what is told of it."""
    told = "\n".join(trace_lines(traced))
    return traced.get("outcome") in OUTCOMES[wanted["outcome"]] and all(text in told for text in wanted["says"])


def trace_lines(traced: Mapping[str, Any]) -> Iterator[str]:
    """A trace in short: how it ended, the way of each packet that tells something, and what follows from all that.

    Of a connection that was answered that is the first packet of either side, since the others went the same way.
    """
    yield traced["verdict"][0]["text"]
    answered = traced.get("outcome") == "answered"
    told = set()
    for packet in traced["packets"]:
        key = packet["from_client"] if answered else (packet["from_client"], packet["name"])
        if key not in told:
            told.add(key)
            yield from packet_lines(packet)
    if not answered:
        # What was observed is in the ways already, where there are any.
        inferred = [sentence for sentence in traced["verdict"] if sentence["basis"] == "inferred"]
        for sentence in inferred or traced["verdict"][1:]:
            yield sentence["text"] + (f" (Inferred: {sentence['evidence']}.)" if sentence["evidence"] else "")


def packet_lines(packet: Mapping[str, Any]) -> Iterator[str]:
    """A packet's way: where it was changed, where a bridge passed it on, and where it ended."""
    stations = packet["stations"]
    times = f", sent {packet['attempts']} times" if packet["attempts"] > 1 else ""
    yield f"{packet['name']} from {stations[0]['netns']}{times}: {flow(stations[0]['before'])}"
    for station in stations:
        for change in station["changes"]:
            yield f"  {change['what']} becomes {change['after']}: {hook(station)}, {change['by']}"
        if (station["layer"], station["hook"]) == ("bridge", "forward"):
            yield f"  from {station['in_device']} to {station['out_device']}: {hook(station)}"
    last = stations[-1]
    if packet["end"] == "delivered":
        arrived = [station for station in stations if hook(station) == hook(last)]
        twice = ", twice," if len(arrived) > 1 else ""
        yield f"  delivered to {last['netns']}{twice} as {flow(last['after'] or last['before'])}"
    elif packet["end"] in ("left", "vanished"):
        yield f"  not seen after {hook(last)}"
    else:
        yield f"  {packet['end']} in {hook(last)}"


def hook(station: Mapping[str, Any]) -> str:
    layer = "bridge " if station["layer"] == "bridge" else ""
    return f"{layer}{station['hook']} of {station['netns']}"


def flow(packet: Mapping[str, Any]) -> str:
    source = endpoint(packet["source"], packet["source_port"])
    return f"{source} > {endpoint(packet['destination'], packet['destination_port'])}"


def endpoint(address: str, port: int) -> str:
    """An address of the lab with its port; ICMP has none."""
    return f"{address}:{port}" if port else address
