# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of ``veth_bridge`` as values: a bridge, its ports and their far ends."""

from __future__ import annotations

import ipaddress
from typing import Any, Callable, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import (
    IPV6_MTU_MIN,
    Address,
    Interface,
    Network,
    address,
    device_name,
    mtu,
    netns_name,
    network,
    unique,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.addresses import wanted_addresses
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import NETFILTER, Netns, WantedRoute

#: The argument spec of a port.
PORT: dict[str, Any] = dict(
    name=dict(type="str", required=True),
    hairpin=dict(type="bool"),
    mtu=dict(type="int"),
    peer=dict(
        type="dict",
        options=dict(
            name=dict(type="str", required=True),
            netns=dict(type="str"),
            addresses=dict(type="list", elements="str"),
            gateway=dict(type="str"),
            gateway_onlink=dict(type="bool"),
            routes=dict(
                type="list",
                elements="dict",
                options=dict(
                    to=dict(type="str", required=True), via=dict(type="str"), onlink=dict(type="bool", default=False)
                ),
            ),
            mtu=dict(type="int"),
        ),
    ),
)
#: Those of a bridge, but for ``netns`` and ``state``.
BRIDGE: dict[str, Any] = dict(
    name=dict(type="str", required=True),
    addresses=dict(type="list", elements="str"),
    mtu=dict(type="int"),
    up=dict(type="bool", default=True),
    promiscuous=dict(type="bool"),
    nf_call_iptables=dict(type="bool"),
    nf_call_ip6tables=dict(type="bool"),
    nf_call_arptables=dict(type="bool"),
    ports=dict(type="list", elements="dict", options=PORT),
    purge_addresses=dict(type="bool", default=False),
    purge_routes=dict(type="bool", default=False),
    purge_ports=dict(type="bool", default=False),
)
BRIDGE_RULES: dict[str, Any] = dict(required_if=[("purge_ports", True, ["ports"])])


class WantedPeer(NamedTuple):
    """A port's far end; ``None`` leaves alone."""

    name: str
    netns: Netns
    addresses: Optional[Tuple[Interface, ...]] = None
    gateway: Optional[WantedRoute] = None
    routes: Optional[Tuple[WantedRoute, ...]] = None
    mtu: Optional[int] = None

    @property
    def all_routes(self) -> tuple[WantedRoute, ...]:
        """The routes with the default route among them."""
        return (() if self.gateway is None else (self.gateway,)) + (self.routes or ())


class WantedPort(NamedTuple):
    """A bridge port, one end of a veth pair; without a peer the pair has to be there already."""

    name: str
    hairpin: Optional[bool] = None
    mtu: Optional[int] = None
    peer: Optional[WantedPeer] = None


class WantedBridge(NamedTuple):
    """A bridge; ``ports`` is ``None`` where the task does not speak of them."""

    name: str
    netns: Netns = None
    addresses: Optional[Tuple[Interface, ...]] = None
    mtu: Optional[int] = None
    promiscuous: Optional[bool] = None
    ports: Optional[Tuple[WantedPort, ...]] = None
    purge_addresses: bool = False
    purge_routes: bool = False
    purge_ports: bool = False
    up: bool = True
    nf_call_iptables: Optional[bool] = None
    nf_call_ip6tables: Optional[bool] = None
    nf_call_arptables: Optional[bool] = None

    def map_netns(self, spelling: Callable[[Netns], Netns]) -> WantedBridge:
        """The same bridge with its namespaces spelled otherwise."""
        ports = self.ports and tuple(
            port._replace(peer=port.peer and port.peer._replace(netns=spelling(port.peer.netns))) for port in self.ports
        )
        return self._replace(netns=spelling(self.netns), ports=ports)


def wanted_bridge(params: Mapping[str, Any]) -> WantedBridge:
    """The module's parameters, checked one by one; :func:`check_together` checks them against each other."""
    for option in ("purge_addresses", "purge_routes", "purge_ports"):
        if params[option] and params["state"] == "absent":
            raise InvalidOption(option, True, "it says what a bridge shall have, so it does not go with state=absent")
    netns = _netns("netns", params["netns"])
    ports = params["ports"]
    return WantedBridge(
        name=device_name("name", params["name"]),
        netns=netns,
        addresses=_addresses("addresses", params["addresses"]),
        mtu=_mtu("mtu", params["mtu"]),
        promiscuous=params["promiscuous"],
        ports=None if ports is None else tuple(_port("ports[%d]" % n, port, netns) for n, port in enumerate(ports)),
        purge_addresses=params["purge_addresses"],
        purge_routes=params["purge_routes"],
        purge_ports=params["purge_ports"],
        up=params["up"],
        **{name: params[name] for name in NETFILTER},
    )


def check_together(want: WantedBridge) -> None:
    """Refuse options that exclude each other; needs each namespace spelled in one way.

    Raises:
        InvalidOption: a name, an address or a route is claimed twice, a default route would be replaced, or an MTU is
            too small for IPv6.
    """
    ports = want.ports or ()
    peers = [port.peer for port in ports if port.peer]
    unique("ports", (port.name for port in ports), "a port's name")
    unique("name", [want.name, *(port.name for port in ports)], "a device's name")
    _unique_devices([(want.netns, want.name), *((want.netns, port.name) for port in ports)], peers)
    lists = [want.addresses or (), *(peer.addresses or () for peer in peers)]
    unique("addresses", (each.ip for addresses in lists for each in addresses), "an address on this bridge")
    destinations = [(peer.netns, route.to) for peer in peers for route in peer.all_routes]
    for netns, to in destinations:
        if destinations.count((netns, to)) > 1:
            where = "this namespace" if netns is None else "namespace '%s'" % netns
            raise InvalidOption("ports", str(to), "two routes of %s have this destination" % where)
    for port in ports:
        if port.peer and port.peer.netns == want.netns:
            _refuse_default_routes(port.name, port.peer)
        if port.peer:
            _refuse_mtu("ports", port.peer.mtu, port.peer.addresses)
        if want.mtu is None:  # then the bridge has the smallest of its ports
            _refuse_mtu("ports", port.mtu, want.addresses)
    _refuse_mtu("mtu", want.mtu, want.addresses)


def _refuse_mtu(option: str, size: Optional[int], addresses: Optional[Tuple[Interface, ...]]) -> None:
    six = next((each for each in addresses or () if each.version == 6), None)
    if size is not None and size < IPV6_MTU_MIN and six:
        raise InvalidOption(
            option, size, "the device with address %s needs an MTU of at least %d bytes" % (six, IPV6_MTU_MIN)
        )


def _refuse_default_routes(port: str, peer: WantedPeer) -> None:
    for route in peer.all_routes:
        if route.to.prefixlen == 0:
            raise InvalidOption(
                "gateway" if route == peer.gateway else "routes",
                str(route.via or route.to),
                "port '%s' has its far end in the bridge's own namespace, whose default route would be replaced" % port,
            )


def _unique_devices(taken: list[tuple[Netns, str]], peers: list[WantedPeer]) -> None:
    for peer in peers:
        if (peer.netns, peer.name) in taken:
            where = "the bridge's namespace" if peer.netns == taken[0][0] else "namespace '%s'" % peer.netns
            raise InvalidOption("ports", peer.name, "a device of this name is listed twice in %s" % where)
        taken.append((peer.netns, peer.name))


def _port(option: str, params: Mapping[str, Any], netns: Netns) -> WantedPort:
    peer = params["peer"]
    return WantedPort(
        name=device_name(option + ".name", params["name"]),
        hairpin=params["hairpin"],
        mtu=_mtu(option + ".mtu", params["mtu"]),
        peer=None if peer is None else _peer(option + ".peer", peer, netns),
    )


def _peer(option: str, params: Mapping[str, Any], netns: Netns) -> WantedPeer:
    routes = params["routes"]
    return WantedPeer(
        name=device_name(option + ".name", params["name"]),
        netns=netns if params["netns"] is None else _netns(option + ".netns", params["netns"]),
        addresses=_addresses(option + ".addresses", params["addresses"]),
        gateway=_gateway(option, params),
        routes=None
        if routes is None
        else tuple(_route("%s.routes[%d]" % (option, n), route) for n, route in enumerate(routes)),
        mtu=_mtu(option + ".mtu", params["mtu"]),
    )


def _gateway(option: str, params: Mapping[str, Any]) -> Optional[WantedRoute]:
    onlink = params.get("gateway_onlink")
    if params["gateway"] is None:
        if onlink is not None:
            raise InvalidOption(option + ".gateway_onlink", onlink, "it says something of 'gateway', which is missing")
        return None
    via = address(option + ".gateway", params["gateway"])
    return WantedRoute(_anywhere(via), via, bool(onlink))


def _anywhere(like: Address) -> Network:
    """The destination of a default route, in the family of an address."""
    return ipaddress.IPv4Network("0.0.0.0/0") if like.version == 4 else ipaddress.IPv6Network("::/0")


def _route(option: str, params: Mapping[str, Any]) -> WantedRoute:
    to, onlink = network(option + ".to", params["to"]), bool(params.get("onlink"))
    if params.get("via") is None:
        if onlink:
            raise InvalidOption(option + ".onlink", True, "it says something of 'via', which is missing")
        return WantedRoute(to, None)
    via = address(option + ".via", params["via"])
    if to.version != via.version:
        raise InvalidOption(option + ".via", params["via"], "%s needs a gateway of its own family" % to)
    return WantedRoute(to, via, onlink)


def _addresses(option: str, values: Optional[Sequence[str]]) -> Optional[Tuple[Interface, ...]]:
    """Addresses with their prefix lengths: without one nothing on the bridge would be reached through them."""
    for value in values or ():
        if "/" not in value:
            raise InvalidOption(option, value, "write the prefix length too, such as %s/24" % value)
    return wanted_addresses(option, values)


def _mtu(option: str, value: Optional[int]) -> Optional[int]:
    return None if value is None else mtu(option, value)


def _netns(option: str, value: Netns) -> Netns:
    return value if value is None or value.startswith("/") else netns_name(option, value)
