# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opening one connection whose sequence numbers are known beforehand, while the namespaces on its way are watched."""

from __future__ import annotations

import errno
import os
import random
import select
import socket
import time
from contextlib import ExitStack
from typing import Any, Callable, Iterable, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption, MissingRequirement
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.connections import connections
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import identity, inside
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.conntrack import Entry, entries
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.names import named, spelled
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.events import WINDOW, Event, Events, Marks
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.evidence import ConnectionOutcome, Evidence, Target
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.facts import FactsReader
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.path import Hit, PacketWay, ways

# linux/tcp.h, tcp(7) does not have them
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
TCP_SEND_QUEUE = 2
#: How much of an answer is read.
ANSWER_BYTES = 65536
#: How long after the connection's end the last packets are waited for (seconds).
SETTLE = 0.1
#: The name of the namespace that has the IPVS table.
HOST = "host"


#: Finds the text of a rule, where it can: its namespace, what met it, and its place in the chain (from 1).
RuleText = Callable[[Optional[str], Hit, int], Optional[str]]


class Watched(NamedTuple):
    """A namespace that is watched: how modules spell it, and how the report calls it."""

    netns: Optional[str]
    name: str


def trace(host: str | None, client: str | None, watch: Sequence[str], target: Target, rule_text: RuleText) -> Evidence:
    """Open the connection from a client's namespace, and tell all that was seen of it.

    Raises:
        NoSuchNamespace: one of the namespaces is not there.
        MissingRequirement: the kernel cannot trace so.
    """
    servers = _real_servers(host, target)
    places = _places(host, client, watch, {str(target.address), *(address for address, _port in servers or ())})
    own = next(each.name for each in places if identity(each.netns) == identity(client or host))
    first = random.SystemRandom().randrange(2**31)
    with ExitStack() as stack:
        links = {each.name: stack.enter_context(FactsReader(each.netns)) for each in places}
        devices = {name: link.devices() for name, link in links.items()}
        names: dict[int | None, str] = {}
        for each in places:
            names[None if each.name == HOST else links[HOST].number_of(str(each.netns))] = each.name
        marks = {
            each.name: stack.enter_context(
                Marks(each.netns, first, any(found.kind == "bridge" for found in devices[each.name].values()))
            )
            for each in places
        }
        events = stack.enter_context(Events(host))
        connection = stack.enter_context(_socket(client or host, target, first))
        heard: list[Event] = []
        outcome = _converse(connection, target, lambda: heard.extend(events.read()))
        _settle(events, heard)
        indexes = {name: {index: device.name for index, device in found.items()} for name, found in devices.items()}
        found = ways(heard, first, names, indexes, (outcome.local, outcome.remote))
        tracked = {each.name: _tracked(each, found) for each in places}
        balanced = [each for each in connections(host) if _belongs(each, outcome, found)]
        facts = {name: link.facts() for name, link in links.items()}
        rules = _rule_texts(found, marks, {each.name: each.netns for each in places}, rule_text)
    return Evidence(
        host=HOST,
        client=own,
        outcome=outcome,
        ways=found,
        facts=facts,
        tracked=tracked,
        balanced=balanced,
        servers=servers,
        rules=rules,
        ipvs_conntrack=_ipvs_conntrack(host),
        lost=events.lost,
    )


def _real_servers(host: str | None, target: Target) -> dict[tuple[str, int], int] | None:
    """The real servers of a virtual service and their weights; None where the target is no virtual service."""
    with inside(host):
        # Asking for it would load it.
        if not os.path.exists("/proc/thread-self/net/ip_vs"):
            return None
    with Ipvs(host) as ipvs:
        for service in ipvs.services():
            key = service.key
            if (key.protocol, key.address, key.port) == ("tcp", target.address, target.port):
                return {(str(server.address), server.port): server.weight for server in ipvs.real_servers(key)}
    return None


def _places(host: str | None, client: str | None, watch: Sequence[str], addresses: set[str]) -> list[Watched]:
    """The host, the client, those asked for, and the named namespaces that have one of the addresses."""
    found = [Watched(host, HOST)]
    known = {identity(host)}
    wanted = [each for each in (client, *watch) if each is not None]
    for name in (*wanted, *_with_addresses(addresses)):
        with inside(name):
            pass  # raises what is wrong with the name
        if identity(name) not in known:
            known.add(identity(name))
            found.append(Watched(name, os.path.basename(name) if name.startswith("/run/netns/") else name))
    return found


def _with_addresses(addresses: set[str]) -> Iterable[str]:
    for name in map(spelled, named()):
        with FactsReader(name) as place:
            if place.addresses() & addresses:
                yield name


def _socket(netns: str | None, target: Target, first: int) -> socket.socket:
    """A TCP socket whose first packet will have a sequence number that is chosen here."""
    with inside(netns):
        made = socket.socket(socket.AF_INET if target.address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        made.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE)
        made.setsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, first)
        made.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 0)
    except OSError as exc:
        made.close()
        raise MissingRequirement(
            "cannot choose the sequence number of a connection: %s (this needs root and Linux 3.5 or later)"
            % exc.strerror
        ) from exc
    return made


def _converse(connection: socket.socket, target: Target, listen: Callable[[], None]) -> ConnectionOutcome:
    """Connect, send, and read up to the answer's end."""
    deadline = time.monotonic() + target.timeout
    answer = b""
    kind, detail = "timeout", "timeout after %g s" % target.timeout
    try:
        connection.settimeout(target.timeout)
        connection.connect((str(target.address), target.port))
        kind, detail = "silent", "no answer in %g s" % target.timeout
        listen()
        if target.request:
            connection.sendall(target.request)
            while len(answer) < ANSWER_BYTES:
                connection.settimeout(max(0.001, deadline - time.monotonic()))
                data = connection.recv(ANSWER_BYTES)
                listen()
                if not data:
                    break
                answer += data
            kind, detail = ("answered", "") if answer else ("failed", "closed without an answer")
    except socket.timeout:
        if answer:
            kind, detail = "answered", ""
        elif kind == "silent":
            kind = "timeout"
    except OSError as exc:
        kind = "refused" if exc.errno == errno.ECONNREFUSED else "failed"
        kind, detail = "answered" if answer else kind, (exc.strerror or str(exc)).lower()
    try:
        local = connection.getsockname()[:2]
    except OSError:
        local = ("", 0)
    return ConnectionOutcome(kind, detail, local, (str(target.address), target.port), answer)


def _settle(events: Events, heard: list[Event]) -> None:
    """Read what the kernel still has to say."""
    heard.extend(events.read())
    while select.select([events], [], [], SETTLE)[0]:
        heard.extend(events.read())


def _tracked(place: Watched, found: Sequence[PacketWay]) -> list[Entry]:
    seen = {
        packet.addresses
        for way in found
        for station in way.stations
        if station.netns == place.name
        for packet in (station.before, station.latest)
        if packet.flags
    }
    return entries(place.netns, sorted(seen))


def _belongs(each: dict[str, Any], outcome: ConnectionOutcome, found: Sequence[PacketWay]) -> bool:
    """Whether a connection of IPVS is the one that was opened, as IPVS saw it."""
    if (each["protocol"], each["virtual_address"], each["virtual_port"]) != ("tcp", *outcome.remote):
        return False
    clients = {
        packet.addresses[:2]
        for way in found
        if way.from_client
        for station in way.stations
        for packet in (station.before, station.latest)
    }
    return (each["client_address"], each["client_port"]) in clients


def _rule_texts(
    found: Sequence[PacketWay], marks: dict[str, Marks], spelled: dict[str, str | None], rule_text: RuleText
) -> dict[Tuple[str, Hit], str]:
    """The texts of the rules that packets met and that decided something."""
    texts: dict[Tuple[str, Hit], str] = {}
    for way in found:
        for station in way.stations:
            for hit in station.hits:
                if (station.netns, hit) in texts or not (hit.verdict == "drop" or hit.table == "nat"):
                    continue
                texts[station.netns, hit] = _rule_text(hit, marks[station.netns], spelled[station.netns], rule_text)
    return texts


def _rule_text(hit: Hit, marks: Marks, netns: str | None, rule_text: RuleText) -> str:
    chain = "chain %s of table %s %s" % (hit.chain, hit.family, hit.table)
    if hit.kind == "policy":
        return "the policy of %s" % chain
    handles = marks.handles(hit.family, hit.table, hit.chain)
    if hit.handle in handles:
        place = handles.index(hit.handle) + 1
        written = rule_text(netns, hit, place)
        return written or "rule %d (handle %d) of %s" % (place, hit.handle, chain)
    return "a rule (handle %s) of %s" % (hit.handle, chain)


def _ipvs_conntrack(host: str | None) -> str | None:
    try:
        with inside(host), open("/proc/sys/net/ipv4/vs/conntrack", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return None


def request_of(option: str, value: str) -> bytes:
    """The bytes to send; they must fit into the window of sequence numbers."""
    data = value.encode()
    if len(data) > WINDOW - 24:
        raise InvalidOption(option, "%d bytes" % len(data), "at most %d bytes can be sent" % (WINDOW - 24))
    return data
