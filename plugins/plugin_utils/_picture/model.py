# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a picture of a topology shows: hosts, bridges, namespaces, virtual services, and who reached whom.

It is made of plain data, as the modules that read and the role ``reachability`` leave them, and knows nothing of how it
will be drawn.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

#: The port that a URL means without saying so.
DEFAULT_PORTS = {"http": 80, "https": 443}

Endpoint = tuple[str, int]


class Tally(NamedTuple):
    """How many of those asked worked."""

    reached: int
    asked: int

    @property
    def complete(self) -> bool:
        return self.reached == self.asked

    def __str__(self) -> str:
        return "%d/%d" % self


@dataclass(frozen=True)
class Device:
    """A network device with its addresses; of a veth also where its other end is.

    ``port`` and ``bridge`` are set where that is the port of a bridge, ``leads_to`` where it is anything else.
    """

    name: str
    addresses: tuple[str, ...]
    up: bool = True
    port: str = ""
    bridge: str = ""
    leads_to: str = ""


@dataclass(frozen=True)
class Server:
    """A real server of a virtual service.

    ``place`` is the index of the namespace that has its address among the host's, None for a server elsewhere.
    ``answers`` counts its answers in the last check, as far as they can be told from others'; ``connections`` and
    ``packets`` are the kernel's counters.
    """

    endpoint: str
    port: str
    method: str
    weight: int
    place: int | None
    answers: int | None = None
    connections: int | None = None
    packets: int | None = None


@dataclass(frozen=True)
class Service:
    """A virtual service. ``tag`` is a short name for it, empty where there is only one."""

    tag: str
    name: str
    scheduler: str
    device: str
    servers: tuple[Server, ...]
    requests: int | None = None
    reached_by: Tally | None = None

    @property
    def methods(self) -> str:
        return ", ".join(sorted({server.method for server in self.servers}))


class Serving(NamedTuple):
    """A real server and the virtual service that it serves."""

    service: Service
    server: Server


@dataclass(frozen=True)
class Namespace:
    """A namespace: its devices, and what the last check says of it as a client and as a server.

    ``direct`` counts the answers that it gave to others who asked for one of its own addresses, None where nobody did.
    """

    name: str
    devices: tuple[Device, ...]
    reaches: Tally | None = None
    reached_by: Tally | None = None
    direct: int | None = None

    @property
    def troubled(self) -> bool:
        return any(tally is not None and not tally.complete for tally in (self.reaches, self.reached_by))


@dataclass(frozen=True)
class Port:
    """A port of a bridge, and the namespace (its index among the host's) that it leads to, if any."""

    name: str
    hairpin: bool
    up: bool
    place: int | None


@dataclass(frozen=True)
class Bridge:
    """A bridge with its ports; ``inside`` names the namespace that it is in, empty for the host's own."""

    name: str
    inside: str
    addresses: tuple[str, ...]
    promiscuous: bool
    up: bool
    ports: tuple[Port, ...]


@dataclass(frozen=True)
class Set:
    """A set (ipset)."""

    name: str
    type: str
    entries: int


@dataclass(frozen=True)
class Check:
    """A row of the last check: one client and one target."""

    client: str
    target: str
    url: str
    reached: bool
    answers: tuple[str, ...]
    problem: str


@dataclass(frozen=True)
class Host:
    """A host with all that is drawn of it."""

    name: str
    devices: tuple[Device, ...]
    services: tuple[Service, ...]
    bridges: tuple[Bridge, ...]
    places: tuple[Namespace, ...]
    sets: tuple[Set, ...]
    checks: tuple[Check, ...]
    clients: tuple[str, ...]
    reaches: Tally | None
    counted: bool

    def serving(self, place: int | None) -> list[Serving]:
        """The real servers in a namespace; with None those that are in none."""
        return [
            Serving(service, server) for service in self.services for server in service.servers if server.place == place
        ]

    @property
    def loose(self) -> list[int]:
        """The namespaces that are on no bridge."""
        bridged = {port.place for bridge in self.bridges for port in bridge.ports}
        return [place for place in range(len(self.places)) if place not in bridged]

    @property
    def problems(self) -> list[Check]:
        return [check for check in self.checks if not check.reached]


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts pod2 before pod10."""
    parts = re.split(r"(\d+)", text)
    return tuple((1, int(part), part) if part.isdecimal() else (0, 0, part) for part in parts)


def spelled(address: str, port: int) -> str:
    """ADDRESS:PORT, an IPv6 address in brackets."""
    return ("[%s]:%d" if ":" in address else "%s:%d") % (address, port)


def many(number: int, word: str) -> str:
    """A number of things: 1 entry, 2 entries, 12.3k entries."""
    shown = str(number)
    for power, sign in ((9, "G"), (6, "M"), (3, "k")):
        if number >= 10 ** (power + 1) or (number >= 10**power and power > 3):
            shown = "%.1f%s" % (number / 10**power, sign)
            break
    if number != 1:
        word = word[:-1] + "ies" if word.endswith("y") else word + "s"
    return "%s %s" % (shown, word)


def read_host(found: Mapping[str, Any]) -> Host:
    """Read what the modules tell of a host.

    Args:
        found: ``name``; ``namespaces``, as ``netns_info`` returns them with its option ``reference``, the host's own
            first; ``services`` and ``statistics`` of ``ipvs_info``; ``sets`` and ``usage`` of ``ipset_info``;
            ``checks``, the fact ``reachability_matrix``; ``service_names``. All but the name may be missing.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is none of this.
    """
    own, *others = found.get("namespaces") or [{"netns": None, "links": []}]
    others.sort(key=lambda namespace: natural(_name_of(namespace)))
    rows = [row for row in found.get("checks") or () if row.get("asked", True)]
    checks = tuple(map(_check, rows))
    homes = _homes(own, others)
    bridges = _bridges(own, others)
    tallies = _Tallies(rows, homes, {namespace["netns"]: index for index, namespace in enumerate(others)})
    places = tuple(
        Namespace(
            _name_of(namespace),
            _devices(namespace, own, others),
            tallies.by_client.get(namespace["netns"]),
            tallies.by_place.get(index),
            tallies.direct.get(index),
        )
        for index, namespace in enumerate(others)
    )
    services = _services(found, own, homes, tallies)
    virtual = {service.device for service in services}
    usage = found.get("usage") or {}
    return Host(
        name=str(found["name"]),
        devices=tuple(
            device
            for link, device in zip(own["links"], _devices(own, own, others, all_devices=True))
            if link["kind"] != "bridge" and not link.get("bridge") and device.addresses and device.name not in virtual
        ),
        services=services,
        bridges=bridges,
        places=places,
        sets=tuple(
            Set(each["name"], each["type"], usage.get(each["name"], {}).get("entries", len(each.get("entries") or ())))
            for each in sorted(found.get("sets") or (), key=lambda each: natural(str(each["name"])))
        ),
        checks=checks,
        clients=tuple(dict.fromkeys(check.client for check in checks)),
        reaches=tallies.by_client.get(None),
        counted=bool(found.get("statistics")),
    )


def _name_of(namespace: Mapping[str, Any]) -> str:
    return str(namespace.get("name") or namespace.get("netns") or "")


def _check(row: Mapping[str, Any]) -> Check:
    return Check(
        str(row["client"]),
        str(row["target"]),
        str(row["url"]),
        bool(row["reached"]),
        tuple(map(str, row.get("answers") or ())),
        str(row.get("problem") or row.get("failure") or ""),
    )


def _bare(address: str) -> str:
    return str(address).partition("/")[0]


def _addresses(link: Mapping[str, Any]) -> tuple[str, ...]:
    """A device's addresses, those aside that the kernel gives it by itself."""
    listed = (str(address) for address in link.get("addresses") or ())
    return tuple(address for address in listed if not ipaddress.ip_interface(address).is_link_local)


def _homes(own: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> dict[str, int | None]:
    """Which namespace has an address: its index, None for the host's own, which wins."""
    homes: dict[str, int | None] = {}
    for index, namespace in [*((None, each) for each in (own,)), *enumerate(others)]:
        for link in namespace["links"]:
            for address in map(_bare, link.get("addresses") or ()):
                if not ipaddress.ip_address(address).is_loopback:
                    homes.setdefault(address, index)
    return homes


def _end(link: Mapping[str, Any]) -> tuple[Any, str] | None:
    """The namespace and the name of a veth's other end."""
    peer = link.get("peer")
    return (peer.get("netns"), str(peer["name"])) if peer else None


def _links_by_end(namespaces: Iterable[Mapping[str, Any]]) -> dict[tuple[Any, str], Mapping[str, Any]]:
    return {(namespace["netns"], str(link["name"])): link for namespace in namespaces for link in namespace["links"]}


def _devices(
    namespace: Mapping[str, Any],
    own: Mapping[str, Any],
    others: Sequence[Mapping[str, Any]],
    *,
    all_devices: bool = False,
) -> tuple[Device, ...]:
    """A namespace's devices; loopback and what is part of a bridge drawn elsewhere only with ``all_devices``."""
    known = _links_by_end([own, *others])
    names = {each["netns"]: _name_of(each) for each in others}
    found = []
    for link in namespace["links"]:
        addresses = tuple(address for address in _addresses(link) if not ipaddress.ip_interface(address).ip.is_loopback)
        if not all_devices and ((link["name"] == "lo" and not addresses) or link.get("bridge")):
            continue
        if not all_devices and link["kind"] == "bridge":
            continue
        end = _end(link)
        other = known.get(end) if end else None
        bridge = str((other or {}).get("bridge") or "")
        leads_to = ""
        if end and not bridge:
            leads_to = "%s in %s" % (end[1], names[end[0]]) if end[0] in names else end[1]
        found.append(
            Device(
                name=str(link["name"]),
                addresses=addresses,
                up=bool(link.get("up", True)),
                port=end[1] if end and bridge else "",
                bridge=bridge,
                leads_to=leads_to,
            )
        )
    return tuple(found)


def _bridges(own: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> tuple[Bridge, ...]:
    """All bridges with their ports, each namespace on the first of its bridges only."""
    index_of = {namespace["netns"]: index for index, namespace in enumerate(others)}
    found = []
    drawn: set[int] = set()
    for namespace in (own, *others):
        inside = "" if namespace is own else _name_of(namespace)
        for bridge in namespace["links"]:
            if bridge["kind"] != "bridge":
                continue
            ports = []
            for link in namespace["links"]:
                if link.get("bridge") != bridge["name"]:
                    continue
                end = _end(link)
                place = index_of.get(end[0]) if end else None
                if place is not None and place in drawn:
                    place = None
                if place is not None:
                    drawn.add(place)
                ports.append(Port(str(link["name"]), bool(link.get("hairpin")), bool(link.get("up", True)), place))
            # In the order of the namespaces behind them, since these are what a reader looks for.
            ports.sort(key=lambda port: (port.place is None, port.place or 0, natural(port.name)))
            found.append(
                Bridge(
                    str(bridge["name"]),
                    inside,
                    _addresses(bridge),
                    bool(bridge.get("promiscuous")),
                    bool(bridge.get("up", True)),
                    tuple(ports),
                )
            )
    return tuple(found)


class _Tallies:
    """The last check, counted by client, by namespace and by virtual service."""

    def __init__(
        self, rows: Sequence[Mapping[str, Any]], homes: Mapping[str, int | None], index_of: Mapping[Any, int]
    ) -> None:
        self._homes = homes
        self._rows = [(row, _target(str(row["url"]))) for row in rows]
        self.by_client = _count((row["netns"], row["reached"]) for row, _target in self._rows if "netns" in row)
        self.by_place = _count(
            (homes[target[0]], row["reached"])
            for row, target in self._rows
            if target is not None and homes.get(target[0]) is not None
        )
        self.direct: dict[int, int] = {}
        for row, target in self._rows:
            home = homes.get(target[0]) if target is not None else None
            # What a namespace asks of itself leaves it by no device but its loopback.
            if home is not None and home != index_of.get(row.get("netns")):
                self.direct[home] = self.direct.get(home, 0) + len(row.get("answers") or ())
        # A page that only one server has been seen to give tells where an answer of a virtual service comes from.
        pages: dict[str, set[Endpoint]] = {}
        for row, target in self._rows:
            if target is not None and homes.get(target[0]) is not None and row["reached"]:
                for page in row.get("answers") or ():
                    pages.setdefault(str(page), set()).add(target)
        self._server_of = {page: next(iter(servers)) for page, servers in pages.items() if len(servers) == 1}

    def of_service(self, endpoint: Endpoint) -> tuple[int, Tally, dict[Endpoint, int]] | None:
        """How many requests there were for a service, who reached it, and how often each server answered."""
        rows = [row for row, target in self._rows if target == endpoint]
        if not rows:
            return None
        pages = [str(page) for row in rows for page in row.get("answers") or ()]
        answers: dict[Endpoint, int] = {}
        for page in pages:
            if page in self._server_of:
                server = self._server_of[page]
                answers[server] = answers.get(server, 0) + 1
        return len(pages), Tally(sum(bool(row["reached"]) for row in rows), len(rows)), answers


def _count(seen: Iterable[tuple[Any, Any]]) -> dict[Any, Tally]:
    counted: dict[Any, Tally] = {}
    for key, reached in seen:
        before = counted.get(key, Tally(0, 0))
        counted[key] = Tally(before.reached + bool(reached), before.asked + 1)
    return counted


def _target(url: str) -> Endpoint | None:
    """The address and the port that a URL names; None where it names no address."""
    try:
        parts = urlsplit(url)
        address = str(ipaddress.ip_address(parts.hostname or ""))
        port = parts.port if parts.port is not None else DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    return address, port


def _services(
    found: Mapping[str, Any], own: Mapping[str, Any], homes: Mapping[str, int | None], tallies: _Tallies
) -> tuple[Service, ...]:
    listed = found.get("services") or ()
    devices = {_bare(address): link["name"] for link in own["links"] for address in link.get("addresses") or ()}
    counters = {_service_key(each): each for each in found.get("statistics") or ()}
    made = []
    for number, service in enumerate(listed, 1):
        name, endpoint = _service_name(service)
        called = (found.get("service_names") or {}).get(
            "%s,%s:%s" % tuple(service.get(each) for each in ("address", "protocol", "port"))
        )
        checked = tallies.of_service(endpoint) if endpoint else None
        rows = counters.get(_service_key(service), {}).get("real_servers") or ()
        counted = {(each["address"], each["port"]): each for each in rows}
        servers = []
        for server in service.get("real_servers") or ():
            key = (str(server["address"]), int(server["port"]))
            counter = counted.get(key, {})
            servers.append(
                Server(
                    endpoint=spelled(*key),
                    port=":%d" % key[1],
                    method=str(server.get("forwarding_method") or ""),
                    weight=int(server.get("weight", 1)),
                    place=homes.get(key[0]),
                    # Where the check tells of no server, it tells nothing of this one.
                    answers=checked[2].get(key, 0) if checked and checked[2] else None,
                    connections=counter.get("connections"),
                    packets=counter.get("incoming_packets"),
                )
            )
        made.append(
            Service(
                tag="S%d" % number if len(listed) > 1 else "",
                name="%s %s" % (called, name) if called else name,
                scheduler=str(service.get("scheduler") or ""),
                device=str(devices.get(endpoint[0], "")) if endpoint else "",
                servers=tuple(servers),
                requests=checked[0] if checked else None,
                reached_by=checked[1] if checked else None,
            )
        )
    return tuple(made)


def _service_name(service: Mapping[str, Any]) -> tuple[str, Endpoint | None]:
    """What a virtual service is called, and the endpoint where it has one."""
    if service.get("fwmark"):
        return "firewall mark %d (%s)" % (service["fwmark"], service.get("family") or "inet"), None
    endpoint = (str(service["address"]), int(service["port"]))
    return "%s %s" % (service.get("protocol") or "tcp", spelled(*endpoint)), endpoint


def _service_key(service: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(service.get(part) for part in ("protocol", "address", "port", "fwmark", "family"))
