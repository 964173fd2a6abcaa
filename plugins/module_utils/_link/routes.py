# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the routes a namespace has to those that shall lead through one device."""

from __future__ import annotations

import ipaddress
from typing import Iterable, List, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address, Interface, Network
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import (
    DeleteRoute,
    Link,
    Netns,
    Operation,
    Route,
    SetRoute,
    Snapshot,
    usual_metric,
)

_LINK_LOCAL = ipaddress.IPv6Network("fe80::/10")


class WantedRoute(NamedTuple):
    """A route by a gateway."""

    to: Network
    via: Address


class RoutePlan(NamedTuple):
    """The operations, for each wanted destination the gateways it has now, and the routes that are purged."""

    operations: Tuple[Operation, ...]
    before: Mapping[Network, List[str]]
    purged: Tuple[Route, ...] = ()


def anywhere(like: Address) -> Network:
    """The destination of a default route, in the family of an address."""
    return ipaddress.IPv4Network("0.0.0.0/0") if like.version == 4 else ipaddress.IPv6Network("::/0")


def plan_routes(
    netns: Netns,
    link: Link,
    want: Sequence[WantedRoute],
    there: Snapshot,
    addresses: Sequence[Interface],
    flushed: Sequence[int],
    purge: bool = False,
) -> RoutePlan:
    """Plan the routes through a device: a wanted destination has that one route, others are left as they are.

    Args:
        link: the device; its index is 0 where it has not been in this namespace before.
        there: the namespace as it is now.
        addresses: what the device will have.
        flushed: the IP versions whose routes through the device earlier operations take away: they are set again.
        purge: take away other routes through the device, as far as they are by a gateway.

    Raises:
        InvalidOption: no address of the device is in the gateway's subnet.
    """
    have = [route for route in there.routes if not route.foreign]
    wanted_destinations = [each.to for each in want]
    through = [route for route in have if link.index and route.index == link.index]
    unwanted = [route for route in through if route.to not in wanted_destinations]
    purged = tuple(route for route in unwanted if purge and route.via is not None)
    kept = [route for route in unwanted if route not in purged]
    on_link = [route.to for route in kept if route.via is None]
    operations: list[Operation] = [
        SetRoute(netns, link.name, route.to, route.via, route.metric)
        for route in sorted(kept, key=lambda route: route.via is not None)
        if route.to.version in flushed and (route.via is None or _reaches(route.via, addresses, on_link))
    ]
    before = {}
    for each in want:
        _refuse_unreachable(each, link, addresses, on_link)
        now = [route for route in have if route.to == each.to]
        before[each.to] = [_text(route, link, there) for route in now]
        operations += _plan_destination(netns, link, each, now, each.to.version in flushed)
    operations += [DeleteRoute(netns, route) for route in purged]
    return RoutePlan(tuple(operations), before, purged)


def _plan_destination(
    netns: Netns, link: Link, want: WantedRoute, now: Iterable[Route], flushed: bool
) -> list[Operation]:
    metric = usual_metric(want.to)
    right = [route for route in now if link.index and (route.index, route.via) == (link.index, want.via)]
    wrong = [route for route in now if route not in right]
    operations: list[Operation] = []
    if flushed or not right:
        operations.append(SetRoute(netns, link.name, want.to, want.via, metric))
        replaced = next((route for route in wrong if route.metric == metric), None)
        wrong = [route for route in wrong if route is not replaced]
    return operations + [DeleteRoute(netns, route) for route in wrong]


def _refuse_unreachable(
    want: WantedRoute, link: Link, addresses: Sequence[Interface], on_link: Sequence[Network]
) -> None:
    if any(want.via == each.ip for each in addresses):
        raise InvalidOption("gateway", str(want.via), "it is an address of device '%s' itself" % link.name)
    if not _reaches(want.via, addresses, on_link):
        subnets = ", ".join(str(each.network) for each in addresses) or "none"
        raise InvalidOption(
            "gateway", str(want.via), "device '%s' cannot reach it, its subnets are: %s" % (link.name, subnets)
        )


def _reaches(via: Address, addresses: Iterable[Interface], on_link: Iterable[Network]) -> bool:
    return via in _LINK_LOCAL or any(via in net for net in [*(each.network for each in addresses), *on_link])


def _text(route: Route, link: Link, there: Snapshot) -> str:
    via = "on link" if route.via is None else str(route.via)
    other = there.link_at(route.index)
    return via if not other or other.index == link.index else "%s (%s)" % (via, other.name)
