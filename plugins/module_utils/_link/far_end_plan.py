# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for the far ends of a bridge's ports: their namespaces, names and addresses, and the routes through them."""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Interface
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.addresses import plan_addresses, texts
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.bridge_options import (
    WantedBridge,
    WantedPeer,
    WantedPort,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.draft import Draft
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.routes import gateway_text, plan_routes
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import FarEnd, Link, Netns, Snapshot

_OUT_OF_REACH = "a namespace out of reach"


def plan_new_port(
    want: WantedBridge, namespaces: Mapping[Netns, Snapshot], port: WantedPort, peer: WantedPeer, out_of_reach: bool
) -> Draft:
    """A pair that is not there, or whose far end cannot be reached and so is made anew."""
    draft = Draft(new=True)
    if out_of_reach:
        draft.before, draft.after = {"peer": {"netns": _OUT_OF_REACH}}, {}
        draft.delete(want.netns, port.name)
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import AddPair

    draft.operations.append(
        AddPair(want.netns, port.name, want.name, peer.netns, peer.name, mtu=port.mtu, peer_mtu=peer.mtu)
    )
    draft.wish("mtu", None, port.mtu)
    draft.wish("hairpin", None, port.hairpin)
    if port.hairpin:
        draft.set_hairpin(want.netns, port.name, True)
    far = Draft(new=True)
    far.wish("name", None, peer.name)
    far.wish("netns", None, peer.netns)
    far.wish("mtu", None, peer.mtu)
    far.set_device(peer.netns, peer.name, up=True)
    _plan_far_network(far, peer, Link(0, peer.name), namespaces[peer.netns], want)
    del far.before["state"], far.after["state"]
    draft.nest_peer(far)
    return draft


def plan_far_end(peer: WantedPeer, far: FarEnd, name: str, there: Snapshot, want: WantedBridge) -> Draft:
    """Bring a far end that exists, under ``name``, into its namespace, its name and its shape."""
    draft = Draft()
    moves = far.netns != peer.netns
    renames = far.link.name != peer.name
    draft.wish("netns", _spelled(far.netns), _spelled(peer.netns))
    draft.wish("name", far.link.name, peer.name)
    if moves:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import MoveDevice

        draft.operations.append(MoveDevice(far.netns, name, peer.netns, peer.name))
    elif renames:
        draft.rename(peer.netns, name, peer.name)
    changes = draft.changes(far.link, up=True, mtu=peer.mtu)
    if moves or renames:
        changes["up"] = True
    if changes:
        draft.set_device(peer.netns, peer.name, **changes)
    if moves:
        _plan_far_network(draft, peer, Link(0, peer.name), there, want, far.addresses, lost=(4, 6))
    else:
        link = replace(far.link, name=peer.name)
        _plan_far_network(draft, peer, link, there, want, far.addresses, lost=(6,) if renames else ())
    return draft


def _plan_far_network(
    draft: Draft,
    peer: WantedPeer,
    link: Link,
    there: Snapshot,
    want: WantedBridge,
    have: Tuple[Interface, ...] = (),
    lost: Tuple[int, ...] = (),
) -> None:
    """The addresses of a far end, and the routes through it; ``link`` has index 0 if it was not there before."""
    addresses = plan_addresses(peer.netns, peer.name, have, peer.addresses, want.purge_addresses, lost)
    draft.operations += addresses.operations
    if peer.addresses is not None:
        draft.wish("addresses", texts(addresses.before), texts(addresses.after))
    # A device that goes down loses its routes of both families.
    flushed = (4, 6) if lost else addresses.disturbed
    routes = plan_routes(peer.netns, link, peer.all_routes, there, addresses.after, flushed, want.purge_routes)
    draft.operations += routes.operations
    if peer.gateway is not None:
        now = [gateway_text(route, link, there) for route in routes.before[peer.gateway.to]]
        draft.wish("gateway", now[0] if len(now) == 1 else now or None, gateway_text(peer.gateway, link, there))
    if peer.routes is not None or routes.purged:
        wanted = peer.routes or ()
        before = [route for each in wanted for route in routes.before[each.to]]
        words = [
            [{"to": str(route.to), "via": gateway_text(route, link, there)} for route in found]
            for found in ((*before, *routes.purged), wanted)
        ]
        draft.wish("routes", *words)


def _spelled(netns: Netns) -> str:
    return "this namespace" if netns is None else netns
