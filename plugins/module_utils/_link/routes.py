# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the routes a namespace has to those that shall lead through one device."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address, Interface, Network
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import (
    Link,
    Netns,
    NextHop,
    Route,
    Snapshot,
    WantedRoute,
    usual_metric,
)

if TYPE_CHECKING:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import Operation

_LINK_LOCAL = ipaddress.IPv6Network("fe80::/10")


class RoutePlan(NamedTuple):
    """The operations, for each wanted destination the routes in its place now, and the routes that are purged."""

    operations: Tuple[Operation, ...]
    before: Mapping[Network, List[Route]]
    purged: Tuple[Route, ...] = ()


def plan_routes(
    netns: Netns,
    link: Link,
    want: Sequence[WantedRoute],
    there: Snapshot,
    addresses: Sequence[Interface],
    flushed: Sequence[int],
    purge: bool = False,
) -> RoutePlan:
    """Plan the routes through a device: a wanted destination has that one route.

    In its place are a route of the same metric, and others through this device that neither the kernel nor a daemon has
    made. All other routes are left as they are, those of other metrics by other devices, too.

    Args:
        link: the device; its index is 0 where it has not been in this namespace before.
        there: the namespace as it is now.
        addresses: what the device will have.
        flushed: the IP versions whose routes through the device earlier operations may take away: they are set again.
        purge: take away other routes through the device, as far as they are by a gateway, and no daemon's.

    Raises:
        InvalidOption: no address of the device is in the gateway's subnet.
    """
    in_place: dict[Network, list[Route]] = {each.to: [] for each in want}
    unwanted = []
    for route in there.routes:
        through = not route.kernels and route.leads_through(link.index)
        if route.to in in_place and _is_in_place(route, through):
            in_place[route.to].append(route)
        elif through:
            unwanted.append(route)
    purged = tuple(route for route in unwanted if purge and not route.foreign and _is_by_gateway(route))
    kept = [route for route in unwanted if route not in purged]
    on_link = [route.to for route in kept if not _is_by_gateway(route)] + [each.to for each in want if each.via is None]
    restored = [
        route
        for route in sorted(kept, key=_is_by_gateway)
        if route.to.version in flushed and _stays_possible(route, addresses, on_link)
    ]
    operations = _restore(netns, restored) if restored else []
    for each in sorted(want, key=lambda each: each.via is not None):
        _refuse_unreachable(each, link, addresses, on_link)
        operations += _plan_destination(netns, link, each, in_place[each.to], each.to.version in flushed)
    operations += _delete(netns, purged) if purged else []
    return RoutePlan(tuple(operations), in_place, purged)


def _is_in_place(route: Route, through: bool) -> bool:
    """Whether a route is in the place of a wanted one of its destination; ``through`` is whether it has its device."""
    return not route.kernels and ((through and not route.foreign) or route.metric == usual_metric(route.to))


def _is_by_gateway(route: Route) -> bool:
    return any(hop.via is not None for hop in route.ways)


def _is_right(route: Route, want: WantedRoute, link: Link) -> bool:
    same = (route.via, route.onlink, route.hops) == (want.via, want.onlink, ())
    return same and route.leads_through(link.index)


def _plan_destination(
    netns: Netns, link: Link, want: WantedRoute, now: Sequence[Route], flushed: bool
) -> list[Operation]:
    metric = usual_metric(want.to)
    right = [route for route in now if _is_right(route, want, link)]
    wrong = [route for route in now if route not in right]
    operations: list[Operation] = []
    if flushed or not right:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import SetRoute

        replaced = next((route for route in now if route.metric == metric), None)
        operations.append(
            SetRoute(netns, link.name, want.to, want.via, metric, replace=replaced is not None, onlink=want.onlink)
        )
        wrong = [route for route in wrong if route is not replaced]
    return operations + (_delete(netns, wrong) if wrong else [])


def _restore(netns: Netns, routes: Iterable[Route]) -> list[Operation]:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import RestoreRoute

    return [RestoreRoute(netns, route) for route in routes]


def _delete(netns: Netns, routes: Iterable[Route]) -> list[Operation]:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import DeleteRoute

    return [DeleteRoute(netns, route) for route in routes]


def _refuse_unreachable(
    want: WantedRoute, link: Link, addresses: Sequence[Interface], on_link: Sequence[Network]
) -> None:
    if want.via is None:
        return
    if any(want.via == each.ip for each in addresses):
        raise InvalidOption("gateway", str(want.via), "it is an address of device '%s' itself" % link.name)
    if not want.onlink and not _reaches(want.via, addresses, on_link):
        subnets = ", ".join(str(each.network) for each in addresses) or "none"
        raise InvalidOption(
            "gateway",
            str(want.via),
            "device '%s' cannot reach it, its subnets are: %s; 'onlink' has it taken to be on the link all the same"
            % (link.name, subnets),
        )


def _stays_possible(route: Route, addresses: Sequence[Interface], on_link: Sequence[Network]) -> bool:
    """Whether the kernel takes a route with the addresses that the device will have."""
    if route.source is not None and not any(route.source == each.ip for each in addresses):
        return False
    return route.onlink or all(hop.via is None or _reaches(hop.via, addresses, on_link) for hop in route.ways)


def _reaches(via: Address, addresses: Iterable[Interface], on_link: Iterable[Network]) -> bool:
    return via in _LINK_LOCAL or any(via in net for net in [*(each.network for each in addresses), *on_link])


def gateway_text(route: Route | WantedRoute, link: Link, there: Snapshot) -> str:
    """Where a route leads, as a user reads it; with its device where that is another one."""
    if isinstance(route, Route) and route.hops:
        return " and ".join(_hop_text(hop, link, there) for hop in route.hops)
    index = route.index if isinstance(route, Route) else link.index
    return _hop_text(NextHop(route.via, index), link, there) + (" onlink" if route.onlink else "")


def _hop_text(hop: NextHop, link: Link, there: Snapshot) -> str:
    via = "on link" if hop.via is None else str(hop.via)
    other = there.link_at(hop.device)
    return via if not other or other.index == link.index else "%s (%s)" % (via, other.name)
