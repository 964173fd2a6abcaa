# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a machine's namespaces hold, as a user reads it: which far end is where, and what the modules would be told."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import (
    NETFILTER,
    Link,
    Netns,
    Route,
    Snapshot,
    usual_metric,
)

#: Device and inode of the file that stands for a namespace.
Identity = Tuple[int, int]


class Namespace(NamedTuple):
    """A namespace as it was found: how modules spell it, its name if it has one, and what it held."""

    netns: Netns
    name: Optional[str]
    path: str
    identity: Identity
    snapshot: Snapshot


class Peer(NamedTuple):
    """The other end of a veth device."""

    namespace: Namespace
    link: Link


#: The number by which the first namespace knows the second (RTM_GETNSID), ``None`` where it has none.
Knows = Callable[[Namespace, Namespace], Optional[int]]
#: The name and the hardware address of a veth device's other end, ``None`` where the kernel does not say.
Sees = Callable[[Namespace, Link], Optional[Tuple[str, str]]]
#: The other ends of veth devices by namespace and index.
Peers = Mapping[Tuple[Identity, int], Peer]


def veths_away(namespace: Namespace) -> Iterator[Link]:
    """The veth devices whose other end is in another namespace."""
    for link in namespace.snapshot.links:
        if link.kind == "veth" and link.peer_index and link.peer_nsid is not None:
            yield link


def find_peers(wanted: Iterable[Namespace], known: Sequence[Namespace], knows: Knows, sees: Sees) -> dict[Any, Peer]:
    """The other ends of the veth devices of the ``wanted`` namespaces, as far as they are in the ``known`` ones.

    Two ends name each other's index. Where several pairs of namespaces use the same indexes, the other end's name and
    hardware address leave few of them, and the number by which the one namespace knows the other decides. So the
    questions to the kernel are as many as the devices.
    """
    by_indexes: dict[tuple[int, int], list[Peer]] = {}
    for namespace in known:
        for link in veths_away(namespace):
            by_indexes.setdefault((link.index, link.peer_index), []).append(Peer(namespace, link))
    found = {}
    for namespace in wanted:
        for link in namespace.snapshot.links:
            if link.kind != "veth" or not link.peer_index:
                continue
            if link.peer_nsid is None:
                near = namespace.snapshot.link_at(link.peer_index)
                if near:
                    found[(namespace.identity, link.index)] = Peer(namespace, near)
                continue
            candidates = by_indexes.get((link.peer_index, link.index), [])
            if len(candidates) > 1:
                seen = sees(namespace, link)
                # An old kernel answers with the near end.
                if seen is not None and seen != (link.name, link.hardware):
                    candidates = [each for each in candidates if (each.link.name, each.link.hardware) == seen]
            for peer in candidates:
                if peer.namespace.identity != namespace.identity and (
                    knows(namespace, peer.namespace) == link.peer_nsid
                ):
                    found[(namespace.identity, link.index)] = peer
                    break
    return found


def numbers_without_peers(
    wanted: Iterable[Namespace], found: Mapping[Any, Peer]
) -> dict[Identity, tuple[Namespace, set[int]]]:
    """The namespaces with veth devices whose other end was not found, and by which numbers they know where it is."""
    missing: dict[Identity, tuple[Namespace, set[int]]] = {}
    for namespace in wanted:
        for link in veths_away(namespace):
            if link.peer_nsid is not None and (namespace.identity, link.index) not in found:
                missing.setdefault(namespace.identity, (namespace, set()))[1].add(link.peer_nsid)
    return missing


def link_options(namespace: Namespace, peers: Peers) -> list[dict[str, Any]]:
    """The devices of a namespace with their addresses and their other ends."""
    snapshot = namespace.snapshot
    names = {link.index: link.name for link in snapshot.links}
    addresses: dict[int, list[str]] = {}
    for each in snapshot.addresses:
        addresses.setdefault(each.index, []).append(str(each.interface))
    result = []
    for link in snapshot.links:
        peer = peers.get((namespace.identity, link.index))
        result.append(
            dict(
                name=link.name,
                index=link.index,
                kind=link.kind,
                up=link.up,
                mtu=link.mtu,
                promiscuous=link.promiscuous,
                bridge=names.get(link.master),
                hairpin=link.hairpin,
                addresses=addresses.get(link.index, []),
                peer=None
                if peer is None
                else dict(
                    name=peer.link.name,
                    index=peer.link.index,
                    netns=peer.namespace.netns,
                    path=peer.namespace.path,
                ),
            )
        )
    return result


def route_options(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The unicast routes of the main table."""
    names = {link.index: link.name for link in snapshot.links}
    return [
        dict(
            to=str(route.to),
            via=str(route.via) if route.via else None,
            device=names.get(route.index),
            metric=route.metric,
            protocol=route.protocol,
            source=str(route.source) if route.source else None,
            onlink=route.onlink,
            nexthops=[
                dict(via=str(hop.via) if hop.via else None, device=names.get(hop.device), weight=hop.weight)
                for hop in route.hops
            ],
        )
        for route in snapshot.routes
    ]


def bridge_options(namespace: Namespace, peers: Peers) -> list[dict[str, Any]]:
    """The bridges of a namespace under the names of veth_bridge's options, each with its veth ports."""
    snapshot = namespace.snapshot
    result = []
    for bridge in snapshot.links:
        if bridge.kind != "bridge":
            continue
        ports = [_port(namespace, port, peers) for port in snapshot.ports_of(bridge) if port.kind == "veth"]
        result.append(
            _given(
                name=bridge.name,
                netns=namespace.netns,
                addresses=[str(each) for each in snapshot.addresses_on(bridge) if not each.is_link_local],
                mtu=bridge.mtu,
                promiscuous=bridge.promiscuous,
                **{name: getattr(bridge, name) for name in NETFILTER},
                ports=ports,
            )
        )
    return result


def _port(namespace: Namespace, port: Link, peers: Peers) -> dict[str, Any]:
    peer = peers.get((namespace.identity, port.index))
    return _given(
        name=port.name,
        hairpin=port.hairpin,
        mtu=port.mtu,
        peer=None if peer is None else _far_end(namespace, peer),
    )


def _far_end(namespace: Namespace, peer: Peer) -> dict[str, Any]:
    there = peer.namespace.snapshot
    away = peer.namespace.identity != namespace.identity
    own = [route for route in there.routes if _can_be_told(route, peer.link.index)]
    default = [route for route in own if route.to.prefixlen == 0 and route.via]
    # The option takes one gateway; that of the other family is a route.
    gateway = default[0] if away and default else None
    routes = [
        _given(to=str(route.to), via=str(route.via) if route.via else None, onlink=route.onlink or None)
        for route in own
        if route != gateway
    ]
    return _given(
        name=peer.link.name,
        netns=peer.namespace.netns if away else None,
        addresses=[str(each) for each in there.addresses_on(peer.link) if not each.is_link_local],
        gateway=str(gateway.via) if gateway else None,
        gateway_onlink=True if gateway and gateway.onlink else None,
        routes=routes or None,
        mtu=peer.link.mtu,
    )


def _can_be_told(route: Route, index: int) -> bool:
    """Whether the options of a far end have words for a route."""
    plain = not (route.foreign or route.hops) and route.metric == usual_metric(route.to)
    return plain and route.index == index and (route.via is None or route.via.version == route.to.version)


def dns_options(text: str | None) -> dict[str, list[str]] | None:
    """A resolv.conf under the names of the netns module's options; ``None`` where there is none."""
    if text is None:
        return None
    found: dict[str, list[str]] = {"nameservers": [], "search": [], "options": []}
    for line in text.splitlines():
        words = line.split()
        if not words or words[0][0] in "#;":
            continue
        if words[0] == "nameserver":
            found["nameservers"] += words[1:2]
        elif words[0] in ("search", "domain"):
            found["search"] = words[1:]  # the last line counts, see resolv.conf(5)
        elif words[0] == "options":
            found["options"] += words[1:]
    return found


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
