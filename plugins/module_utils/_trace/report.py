# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace as text for people, and as a module returns it."""

from __future__ import annotations

import textwrap
from typing import Any, Dict, Iterator, List, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.names import NO_NAMES, ServiceNames
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.conntrack import Tuple4
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.evidence import (
    Evidence,
    Target,
    changes,
    endpoint,
    flow,
    hook_name,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.path import PacketWay, TracedPacket
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.verdict import Sentence, verdict

#: The width of the report.
COLUMNS = 100


def report(evidence: Evidence, sentences: Sequence[Sentence]) -> List[str]:
    """The whole trace as lines of at most 100 columns."""
    lines: list[str] = []
    names = max([len(station.netns) for way in evidence.ways for station in way.stations], default=0)
    told: dict[bool, list[Any]] = {}
    for way in evidence.ways:
        title = "%s from %s" % (way.packet.name, way.stations[0].netns)
        if len(way.attempts) > 1:
            title += ", sent %d times" % len(way.attempts)
        form = [(station.place[:5], station.latest.addresses) for station in way.stations]
        if told.get(way.from_client) == form and way.end in ("delivered", "left"):
            lines += _cut("%s: the same way" % title)
            continue
        told[way.from_client] = form
        lines += _cut(title)
        lines += _stations(evidence, way, names)
        lines += _cut("%s: %s of %s" % (way.end, hook_name(way.last), way.last.netns), "  ")
    lines.append("Verdict")
    for sentence in sentences:
        inferred = " (Inferred: %s.)" % sentence.evidence if sentence.basis == "inferred" else ""
        lines += _cut(sentence.text + inferred, "    ", "  - ")
    return lines


def _stations(evidence: Evidence, way: PacketWay, names: int) -> Iterator[str]:
    shown: list[Tuple4] = []
    for station, changed in zip(way.stations, changes(evidence, way.stations)):
        devices = [
            "%s %s" % (word, device)
            for word, device in (("in", station.in_device), ("out", station.out_device))
            if device
        ]
        line = "  %-*s  %-18s  %s" % (names, station.netns, hook_name(station), ", ".join(devices))
        if station.copies > 1:
            line += " (%d copies)" % station.copies
        yield line[:COLUMNS].rstrip()
        indent = " " * (names + 6)
        before = station.before.addresses
        if not shown or (before != shown[-1] and not changed):
            yield from _cut(flow(station.before) + (" (another copy)" if shown else ""), indent)
        for change in changed:
            yield from _cut("%s becomes %s: %s" % (change.what, change.after, change.by), indent + "    ", indent)
        if changed:
            yield from _cut(flow(station.latest), indent)
        for hit in station.hits:
            if hit.verdict == "drop":
                text = "dropped by %s" % evidence.rules.get((station.netns, hit), "a rule")
                yield from _cut(text, indent + "    ", indent)
        shown.append(station.latest.addresses)


def _cut(text: str, indent: str = "", first: str | None = None) -> List[str]:
    """A text in lines of at most 100 columns."""
    start = indent if first is None else first
    return textwrap.wrap(text, COLUMNS, initial_indent=start, subsequent_indent=indent, break_on_hyphens=False)


def options_of(evidence: Evidence, names: ServiceNames = NO_NAMES) -> Dict[str, Any]:
    """All that was seen, as a module returns it, with the names of virtual services where they are mentioned."""
    outcome = evidence.outcome
    evidence = evidence._replace(service=names.of(endpoint(*outcome.remote), "tcp"))
    sentences = [
        Sentence(names.spoken(each.text), each.basis, names.spoken(each.evidence)) for each in verdict(evidence)
    ]
    return dict(
        outcome=outcome.kind,
        detail=outcome.detail,
        local=dict(address=outcome.local[0], port=outcome.local[1]),
        remote=dict(address=outcome.remote[0], port=outcome.remote[1]),
        answer=outcome.answer[:1000].decode(errors="replace"),
        packets=[_way_options(evidence, way) for way in evidence.ways],
        conntrack={
            name: [
                dict(each._asdict(), original=each.original._asdict(), reply=each.reply._asdict()) for each in tracked
            ]
            for name, tracked in evidence.tracked.items()
            if tracked
        },
        ipvs_connections=list(evidence.balanced),
        verdict=[sentence._asdict() for sentence in sentences],
        report=report(evidence, sentences),
    )


def options_of_none(target: Target) -> Dict[str, Any]:
    """What a module returns in check mode, where no connection is opened: all keys, and nothing seen."""
    why = "no connection is opened in check mode"
    return dict(
        outcome="not_tried",
        detail=why,
        local=dict(address="", port=0),
        remote=dict(address=str(target.address), port=target.port),
        answer="",
        packets=[],
        conntrack={},
        ipvs_connections=[],
        verdict=[],
        report=["Not tried: %s." % why],
    )


def _way_options(evidence: Evidence, way: PacketWay) -> Dict[str, Any]:
    return dict(
        name=way.packet.name,
        from_client=way.from_client,
        attempts=len(way.attempts),
        end=way.end,
        stations=[
            dict(
                netns=station.netns,
                layer=station.layer,
                hook=station.hook,
                in_device=station.in_device,
                out_device=station.out_device,
                before=_packet_options(station.before),
                after=_packet_options(station.after) if station.after else None,
                changes=[change._asdict() for change in here],
                rules=[
                    dict(rule=evidence.rules[station.netns, hit], verdict=hit.verdict)
                    for hit in station.hits
                    if (station.netns, hit) in evidence.rules
                ],
            )
            for station, here in zip(way.stations, changes(evidence, way.stations))
        ],
    )


def _packet_options(packet: TracedPacket) -> Dict[str, Any]:
    return dict(packet.addresses._asdict(), flags=packet.flags)
