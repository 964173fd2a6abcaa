# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was seen of a connection, and what follows from it without a guess: what changed, where and by whom."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.conntrack import Entry, Tuple4
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.facts import Facts
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.path import (
    Hit,
    PacketWay,
    Station,
    TracedPacket,
    moments,
)


class Target(NamedTuple):
    """What the connection goes to, and what is sent there."""

    address: Address
    port: int
    request: bytes
    timeout: float


class ConnectionOutcome(NamedTuple):
    """How the connection went for the client; ``kind`` is answered, silent, timeout, refused or failed."""

    kind: str
    detail: str
    local: Tuple[str, int]
    remote: Tuple[str, int]
    answer: bytes


class Evidence(NamedTuple):
    """All that was seen.

    ``host`` is the name of the namespace that has the IPVS table, ``client`` that of the client's. ``servers`` are the
    real servers of the virtual service with their weights, None where the address is none. ``rules`` has the texts of
    the rules that packets met. ``service`` is the name of the virtual service, empty where it has none.
    """

    host: str
    client: str
    outcome: ConnectionOutcome
    ways: Sequence[PacketWay]
    facts: Mapping[str, Facts]
    tracked: Mapping[str, Sequence[Entry]]
    balanced: Sequence[Dict[str, Any]]
    servers: Optional[Mapping[Tuple[str, int], int]]
    rules: Mapping[Tuple[str, Hit], str]
    ipvs_conntrack: Optional[str]
    lost: bool
    service: str = ""


class Change(NamedTuple):
    """What happened to a packet's source or destination at a station, and who did it."""

    what: str
    before: str
    after: str
    by: str


def endpoint(address: str, port: int) -> str:
    """An address with its port."""
    if not port:
        return address
    return "[%s]:%d" % (address, port) if ":" in address else "%s:%d" % (address, port)


def flow(packet: TracedPacket) -> str:
    """A packet's addresses and ports."""
    return "%s > %s" % (
        endpoint(packet.source, packet.source_port),
        endpoint(packet.destination, packet.destination_port),
    )


def changes(evidence: Evidence, stations: Sequence[Station]) -> list[list[Change]]:
    """For each station of a way, what changed in it, or on the way to it."""
    found: dict[int, list[Change]] = {id(station): [] for station in stations}
    seen: list[Tuple4] = []
    for station, packet in moments(stations):
        now = packet.addresses
        # A copy that a bridge sends elsewhere looks as the packet did when the copy was made.
        if seen and now not in seen:
            last = seen[-1]
            for what, one, other in (("source", last[:2], now[:2]), ("destination", last[2:], now[2:])):
                if one != other:
                    by = _author(evidence, station, one, other, what)
                    found[id(station)].append(Change(what, endpoint(*one), endpoint(*other), by))
        seen.append(now)
    return [found[id(station)] for station in stations]


def _author(evidence: Evidence, station: Station, one: Any, other: Any, what: str) -> str:
    if station.netns == evidence.host:
        for each in evidence.balanced:
            virtual = (each["virtual_address"], each["virtual_port"])
            real = (each["real_address"], each["real_port"])
            if (one, other) == ((virtual, real) if what == "destination" else (real, virtual)):
                return "IPVS, %s" % evidence.service if evidence.service else "IPVS"
    for entry in evidence.tracked.get(station.netns, ()):
        straight = entry.original[2:] == one and entry.reply[:2] == other
        if what == "source":
            straight = entry.original[:2] == one and entry.reply[2:] == other
        back = entry.reply[2:] == one and entry.original[:2] == other
        if what == "source":
            back = entry.reply[:2] == one and entry.original[2:] == other
        if back:
            return "NAT taken back"
        if straight:
            nat = [hit for hit in station.hits if hit.table == "nat" and (hit.kind, hit.verdict) == ("rule", "accept")]
            rule = evidence.rules.get((station.netns, nat[-1])) if nat else None
            return "NAT: %s" % rule if rule else "NAT"
    return "unknown"


def hook_name(station: Station) -> str:
    """A hook, and whether it is a bridge's."""
    return "bridge %s" % station.hook if station.layer == "bridge" else station.hook
