# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that tells which addresses would cut a host off from others, before they are given to it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Union

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._base.plain import plain

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
#: What stands for a network of its own in ``ip route show``, and how a login by ssh is told in the environment (ssh(1))
_DEFAULT = ("default", "nexthop")
_CLIENT = "SSH_CONNECTION="


@dataclass(frozen=True)
class _Route:
    """A route: its network (None: all), its device, and its next hop (empty: the network is the device's own)."""

    network: Network | None
    device: str
    via: str


def address_conflicts(lines: Sequence[str], addresses: Sequence[str], device: str) -> list[str]:
    """Why a device cannot have these addresses, in words.

    Args:
        lines: What ``ip route show`` and ``ip -6 route show`` printed, and ``SSH_CONNECTION=...`` of the login.
        addresses: With their prefix. What is no address is left to the module.
        device: The device; its own routes are no conflict.
    """
    text = [str(line).strip() for line in plain(lines)]
    routes = [route for route in map(_route, text) if route]
    clients = [line[len(_CLIENT) :].split()[0] for line in text if line.startswith(_CLIENT) and line != _CLIENT]
    found: dict[str, None] = {}
    for address in plain(addresses):
        try:
            network = ipaddress.ip_interface(address).network
        except ValueError:
            continue
        for why in _why(network, routes, clients, device):
            found["addresses: '%s' %s" % (address, why)] = None
    return list(found)


def _why(network: Network, routes: Sequence[_Route], clients: Sequence[str], device: str) -> Iterator[str]:
    own = [route.network for route in routes if route.device == device and route.network]
    for route in routes:
        if route.device == device:
            continue
        if route.via and _within(route.via, network):
            yield "is in one network with %s, a gateway of this host on %s" % (route.via, route.device)
        elif route.network and not route.via and _is_own(route.network) and _overlap(route.network, network):
            yield "is in the network %s, which this host has on %s" % (route.network, route.device)
    for client in clients:
        if _within(client, network) and not any(_within(client, each) for each in own):
            yield "is in one network with %s, from which this host is reached by ssh" % client


def _is_own(network: Network) -> bool:
    """Whether a network is a device's own, and not one of those that each device has."""
    return not network.is_link_local and not network.is_multicast


def _overlap(one: Network, other: Network) -> bool:
    if isinstance(one, ipaddress.IPv4Network) and isinstance(other, ipaddress.IPv4Network):
        return one.overlaps(other)
    return isinstance(one, ipaddress.IPv6Network) and isinstance(other, ipaddress.IPv6Network) and one.overlaps(other)


def _within(address: str, network: Network) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]) in network
    except ValueError:
        return False


def _route(line: str) -> _Route | None:
    words = line.split()
    options = dict(zip(words[1::2], words[2::2]))
    if "dev" not in options:
        return None
    try:
        network = None if words[0] in _DEFAULT else ipaddress.ip_network(words[0], strict=False)
    except ValueError:
        return None  # unreachable, blackhole and the like have no device's network
    return _Route(network, options["dev"], options.get("via", ""))


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"address_conflicts": address_conflicts}
