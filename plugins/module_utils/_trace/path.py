# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the kernel's trace to the way of each packet: which hooks it crossed where, and what it looked like there.

Nothing here reads or changes anything; :mod:`_nf_trace` brings the events.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import Any, Iterable, Mapping, NamedTuple, Optional

from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.rtnetlink import hardware
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.conntrack import Tuple4
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.events import TABLE, WINDOW, Event

_FLAGS = ((0x02, "SYN"), (0x04, "RST"), (0x01, "FIN"), (0x10, "ACK"))
_UNREACHABLE = {
    (4, 3, 0): "network unreachable",
    (4, 3, 1): "host unreachable",
    (4, 3, 3): "port unreachable",
    (4, 3, 4): "fragmentation needed",
    (4, 3, 10): "host prohibited",
    (4, 3, 13): "administratively prohibited",
    (6, 1, 0): "no route",
    (6, 1, 1): "administratively prohibited",
    (6, 1, 3): "address unreachable",
    (6, 1, 4): "port unreachable",
    (6, 2, 0): "packet too big",
}


class TracedPacket(NamedTuple):
    """A packet at one point of its way; ``flags`` are empty where it is not TCP, then ``other`` says what it is."""

    source: str
    source_port: int
    destination: str
    destination_port: int
    flags: str
    sequence: int
    acknowledgement: int
    length: int
    other: str
    source_hardware: str
    destination_hardware: str

    @property
    def addresses(self) -> Tuple4:
        return Tuple4(self.source, self.source_port, self.destination, self.destination_port)

    @property
    def key(self) -> tuple[Any, ...]:
        """What NAT and IPVS leave as it is."""
        return (self.sequence, self.acknowledgement, self.flags, self.length, self.other)

    @property
    def name(self) -> str:
        if self.other:
            return self.other
        return "%d bytes" % self.length if self.length > 0 else self.flags.replace("FIN ACK", "FIN")


def parse(headers: tuple[bytes, bytes, bytes]) -> TracedPacket | None:
    """A packet from its headers, None where they are not those of IP."""
    link, network, transport = headers
    version = network[0] >> 4 if network else 0
    if version == 4 and len(network) >= 20:
        protocol, source, destination = network[9], network[12:16], network[16:20]
        size = int.from_bytes(network[2:4], "big") - 4 * (network[0] & 0xF)
    elif version == 6 and len(network) >= 40:
        protocol, source, destination = network[6], network[8:24], network[24:40]
        size = int.from_bytes(network[4:6], "big")
    else:
        return None
    ports, sequence, acknowledgement, flags, length, other = (0, 0), 0, 0, "", 0, ""
    if protocol == socket.IPPROTO_TCP and len(transport) >= 14:
        first, second, sequence, acknowledgement, offset, bits = struct.unpack(">HHIIBB", transport[:14])
        ports = (first, second)
        flags = " ".join(name for bit, name in _FLAGS if bits & bit)
        length = max(0, size - 4 * (offset >> 4))
    elif protocol in (socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6) and len(transport) >= 2:
        meaning = _UNREACHABLE.get((version, transport[0], transport[1]))
        other = "ICMP %s" % (meaning or "type %d code %d" % (transport[0], transport[1]))
    else:
        other = {4: "IP in IP", 41: "IPv6 in IP", 47: "GRE", 17: "UDP"}.get(protocol, "protocol %d" % protocol)
    return TracedPacket(
        str(ipaddress.ip_address(source)),
        ports[0],
        str(ipaddress.ip_address(destination)),
        ports[1],
        flags,
        sequence,
        acknowledgement,
        length,
        other,
        hardware(link[6:12]),
        hardware(link[0:6]),
    )


class Hit(NamedTuple):
    """A rule, or a chain's policy, that a packet met on its way through a hook."""

    family: str
    table: str
    chain: str
    kind: str
    handle: Optional[int]
    verdict: str


class Station:
    """A packet in one hook of one namespace: as it came in, and as it went out (None: its end was not reached)."""

    def __init__(
        self,
        netns: str,
        layer: str,
        hook: str,
        in_device: str,
        out_device: str,
        before: TracedPacket,
        began: int = 0,
        number: int = 0,
    ) -> None:
        self.netns = netns
        self.layer = layer
        self.hook = hook
        self.in_device = in_device
        self.out_device = out_device
        #: By which the kernel tells packets apart for a while.
        self.number = number
        self.before = before
        self.after: TracedPacket | None = None
        #: The places in the trace of the two.
        self.began = began
        self.ended = began
        #: How many of the same packet were there at the same time: a bridge may send one on and take in another.
        self.copies = 1
        self.hits: list[Hit] = []

    @property
    def place(self) -> tuple[Any, ...]:
        return (self.netns, self.layer, self.hook, self.in_device, self.out_device, self.before)

    @property
    def latest(self) -> TracedPacket:
        return self.after or self.before

    @property
    def dropped_by(self) -> Hit | None:
        return next((hit for hit in self.hits if hit.verdict == "drop"), None)


class PacketWay:
    """A packet's way; ``from_client`` tells the client's packets from those that come back.

    A packet that is sent again makes a further attempt.
    """

    def __init__(self, packet: TracedPacket, from_client: bool) -> None:
        self.packet = packet
        self.from_client = from_client
        self.attempts: list[list[Station]] = [[]]

    @property
    def stations(self) -> list[Station]:
        """The attempt that was delivered, or else the first, since only a first packet is shown to NAT's rules."""
        return next((each for each in self.attempts if _arrived(each)), self.attempts[0])

    @property
    def last(self) -> Station:
        """Where the way ended; a bridge may have sent further copies elsewhere."""
        return _arrived(self.stations) or self.stations[-1]

    @property
    def end(self) -> str:
        """How the way ended.

        ``delivered`` to a socket, ``left`` the last namespace that saw it, ``dropped`` by a rule, ``taken`` inside a
        hook by something that is no rule of nftables, or ``vanished`` between two hooks.
        """
        if _arrived(self.stations):
            return "delivered"
        if any(station.dropped_by for station in self.stations):
            return "dropped"
        if self.last.after is None:
            return "taken"
        return "left" if self.last.hook == "postrouting" else "vanished"

    def add(self, station: Station) -> None:
        """The next station: of this attempt, of the next one, or of a further copy that takes the same way."""
        stations = self.attempts[-1]
        same = next((each for each in stations if each.place == station.place), None)
        if same is not None and same is not stations[0]:
            same.copies += 1
            return
        if same is not None:
            self.attempts.append([])
        self.attempts[-1].append(station)


def _arrived(stations: list[Station]) -> Station | None:
    """The end of the hook behind which sockets are: IPVS takes what it forwards before that."""
    for station in stations:
        if (station.layer, station.hook) == ("ip", "input") and station.after is not None:
            return station
    return None


def moments(stations: Iterable[Station]) -> list[tuple[Station, TracedPacket]]:
    """The packet at each station's beginning and end, in the order in which it was seen there."""
    found = [(station.began, station, station.before) for station in stations]
    found += [(station.ended, station, station.after) for station in stations if station.after is not None]
    return [(station, packet) for _moment, station, packet in sorted(found, key=lambda each: each[0])]


class _Connection:
    """Tells the packets of one connection from others whose numbers lie in the window by chance.

    One of its ends is always the client's: as the client has it, or as NAT has changed it in a packet that was known
    before. Strangers come to the same server, and now and then with such a number, but from other ends.
    """

    def __init__(self, client: tuple[str, int], server: tuple[str, int]) -> None:
        self._clients = {client}
        self._addresses = {client[0], server[0]}
        #: Where the packets of a key were going when they were seen last.
        self._going: dict[tuple[Any, ...], tuple[str, int]] = {}
        self._numbers: set[tuple[str, int]] = set()

    def has(self, packet: TracedPacket, netns: str, number: int) -> bool:
        """Whether a packet is of this connection."""
        found = self._has(packet, (netns, number))
        if found:
            self._numbers.add((netns, number))
        return found

    def _has(self, packet: TracedPacket, place: tuple[str, int]) -> bool:
        if packet.other:
            # An ICMP error goes to one of the two; what a tunnel wraps is the packet that was known before.
            return (packet.other.startswith("ICMP") and packet.destination in self._addresses) or place in self._numbers
        source, destination = packet.addresses[:2], packet.addresses[2:]
        if destination in self._clients:
            self._addresses.add(packet.source)
            return True
        if source not in self._clients:
            if self._going.get(packet.key) != destination:
                return False
            self._clients.add(source)  # NAT has given it this end
        self._going[packet.key] = destination
        self._addresses.update((packet.source, packet.destination))
        return True


def ways(
    events: Iterable[Event],
    first: int,
    names: Mapping[int | None, str],
    devices: Mapping[str, Mapping[int, str]],
    ends: tuple[tuple[str, int], tuple[str, int]],
) -> list[PacketWay]:
    """The ways of a connection's packets, in the order in which they set out.

    Args:
        events: The trace, in its order.
        first: The window's first sequence number.
        names: The namespaces' names by their numbers.
        devices: The devices' names by namespace and index.
        ends: The client's end and the server's, as the client knows them.
    """
    connection, strangers = _Connection(*ends), set()
    found: dict[tuple[Any, ...], PacketWay] = {}
    stations: list[Station] = []
    for place, event in enumerate(events):
        netns = names.get(event.nsid)
        if netns is None:
            continue
        layer = "bridge" if event.family == "bridge" else "ip"
        if not event.table.startswith(TABLE):
            if (netns, event.number) in strangers:
                continue
            station = _current(stations, netns, layer, event.number)
            # The end of a chain of NAT is kept too: it tells that its rules were asked.
            kept = event.kind == "rule" or event.verdict == "drop" or (event.table, event.kind) == ("nat", "policy")
            if station is not None and kept:
                hit = (event.family, event.table, event.chain, event.kind, event.handle, event.verdict)
                station.hits.append(Hit(*hit))
            continue
        if event.headers is None:
            continue
        packet = parse(event.headers)
        if packet is None:
            continue
        if not connection.has(packet, netns, event.number):
            strangers.add((netns, event.number))
            continue
        strangers.discard((netns, event.number))
        hook, _underscore, moment = event.chain.partition("_")
        if moment == "last":
            for station in reversed(stations):
                if (station.netns, station.layer, station.hook, station.before.key) == (netns, layer, hook, packet.key):
                    if station.after is None:
                        station.after, station.ended = packet, place
                    break
            continue
        indexes = devices.get(netns, {})
        station = Station(
            netns,
            layer,
            hook,
            _name(indexes, event.in_index),
            _name(indexes, event.out_index),
            packet,
            began=place,
            number=event.number,
        )
        stations.append(station)
        if packet.key not in found:
            found[packet.key] = PacketWay(packet, bool(packet.flags) and first <= packet.sequence < first + WINDOW)
        found[packet.key].add(station)
    return list(found.values())


def _current(stations: list[Station], netns: str, layer: str, number: int) -> Station | None:
    """The hook in which a packet is; while it is there, a rule may send another one through other hooks (REJECT)."""
    inside = [each for each in stations if (each.netns, each.layer, each.after) == (netns, layer, None)]
    numbered = [each for each in inside if each.number == number]
    found = numbered or inside
    return found[-1] if found else None


def _name(devices: Mapping[int, str], index: int | None) -> str:
    return "" if index is None else devices.get(index, "device %d" % index)
