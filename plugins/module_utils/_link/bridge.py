# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the bridge a namespace has to the bridge a task wants, without tearing down what can be brought into shape."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Dict, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Interface
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.addresses import plan_addresses, texts
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.bridge_options import (
    WantedBridge,
    WantedPeer,
    WantedPort,
    check_together,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.draft import Draft
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import (
    NETFILTER,
    NO_NETFILTER,
    FarEnd,
    Link,
    Netns,
    Snapshot,
)

if TYPE_CHECKING:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import Operation


class Have(NamedTuple):
    """What the kernel holds: each namespace concerned, and the far ends of the ports that :func:`ports_to_find` names.

    A port whose far end is missing here has it where no name and no process leads.
    """

    namespaces: Mapping[Netns, Snapshot]
    far_ends: Mapping[str, FarEnd] = {}


def namespaces_of(want: WantedBridge) -> dict[Netns, bool]:
    """The namespaces to look at, and whether their routes matter too."""
    found = {want.netns: want.purge_addresses}
    for port in want.ports or ():
        if port.peer:
            found[port.peer.netns] = True
    return found


def ports_to_find(want: WantedBridge, here: Snapshot) -> tuple[str, ...]:
    """The ports whose far ends matter: the listed ones, and those to be purged."""
    return tuple(port.name for port in want.ports or ()) + tuple(link.name for link in _purged(want, here))


def plan_present(want: WantedBridge, have: Have) -> Plan[Operation]:
    """Plan a bridge with its ports.

    Raises:
        InvalidOption: options exclude each other.
        Conflict: something else has a name that the task needs.
    """
    check_together(want)
    _refuse_conflicts(want, have)
    here = have.namespaces[want.netns]
    bridge = here.link(want.name)
    draft = _plan_bridge(want, here, bridge)
    for link in _purged(want, here):
        draft.nest("ports", link.name, _plan_purge(want, link))
    for far in _in_each_others_way(want, have):
        draft.rename(far.netns, far.link.name, aside(far))
    for port in want.ports or ():
        draft.nest("ports", port.name, _plan_port(want, have, port, bridge))
    if draft.operations and want.mtu is not None:
        # A bridge takes the MTU of its smallest port until it is told one, so it is told last.
        draft.set_device(want.netns, want.name, mtu=want.mtu)
    return draft.plan()


def plan_absent(want: WantedBridge, have: Have) -> Plan[Operation]:
    """Plan a bridge away, with the listed ports' pairs, or with every pair that is a port of it if none are listed.

    A listed pair that is a port of another bridge by now is that one's, and stays.

    Raises:
        InvalidOption: options exclude each other.
        Conflict: a name belongs to something else.
    """
    check_together(want)
    here = have.namespaces[want.netns]
    bridge = here.link(want.name)
    _refuse_other_kinds(want, here)
    if want.ports is None:
        pairs = [link for link in (here.ports_of(bridge) if bridge else ()) if link.kind == "veth"]
    else:
        own = (0, bridge.index) if bridge else (0,)
        pairs = [link for link in (here.link(port.name) for port in want.ports) if link and link.master in own]
    draft = Draft()
    for link in pairs:
        draft.nest("ports", link.name, _plan_purge(want, link))
    if bridge:
        draft.wish("state", "present", "absent")
        draft.delete(want.netns, want.name)
    return draft.plan()


def bridge_after(want: WantedBridge, have: Have) -> dict[str, Any]:
    """The bridge once :func:`plan_present` is carried out, in the user's words."""
    here = have.namespaces[want.netns]
    bridge = here.link(want.name)
    addresses = here.addresses_on(bridge) if bridge else ()
    purged = _purged(want, here)
    ports = {link.name for link in (here.ports_of(bridge) if bridge else ()) if link not in purged}
    return {
        "name": want.name,
        "addresses": texts(
            plan_addresses(want.netns, want.name, addresses, want.addresses, want.purge_addresses).after
        ),
        "ports": sorted(ports | {port.name for port in want.ports or ()}),
    }


def dropping_ports(want: WantedBridge, here: Snapshot, vlans: Mapping[int, int]) -> list[str]:
    """The listed ports that drop untagged frames, on a bridge that tells VLANs apart.

    Args:
        vlans: the VLAN that each port has for untagged frames now; one that joins has the bridge's default.
    """
    bridge = here.link(want.name)
    if bridge is None or not bridge.filters_vlans:
        return []
    found = []
    for port in want.ports or ():
        link = here.link(port.name)
        own = link is not None and link.master == bridge.index
        if not (vlans.get(link.index, 0) if link is not None and own else bridge.default_vlan):
            found.append(port.name)
    return found


def _plan_bridge(want: WantedBridge, here: Snapshot, bridge: Optional[Link]) -> Draft:
    draft = Draft(new=bridge is None)
    have: Tuple[Interface, ...] = ()
    own = {name: getattr(want, name) for name in ("mtu", "promiscuous", *NETFILTER)}
    if bridge is None:
        draft.add_bridge(want.netns, want.name, want.up)
        down = None if want.up else False
        changes = draft.changes(Link(0, want.name), up=down, **own)
    else:
        _refuse_missing_switches(want, bridge)
        have = here.addresses_on(bridge)
        switches: Dict[str, Any] = {name: bool(getattr(bridge, name)) for name in NETFILTER}
        changes = draft.changes(replace(bridge, **switches), up=want.up, **own)
    if changes:
        draft.set_device(want.netns, want.name, **changes)
    addresses = plan_addresses(want.netns, want.name, have, want.addresses, want.purge_addresses)
    draft.operations += addresses.operations
    if want.addresses is not None:
        draft.wish("addresses", texts(addresses.before), texts(addresses.after))
    if bridge and addresses.disturbed:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.routes import plan_routes

        routes = plan_routes(want.netns, bridge, (), here, addresses.after, addresses.disturbed)
        draft.operations += routes.operations
    return draft


def _purged(want: WantedBridge, here: Snapshot) -> tuple[Link, ...]:
    bridge = here.link(want.name)
    if not want.purge_ports or not bridge:
        return ()
    listed = {port.name for port in want.ports or ()}
    return tuple(link for link in here.ports_of(bridge) if link.name not in listed)


def _plan_purge(want: WantedBridge, link: Link) -> Draft:
    """A veth pair goes; any other device is somebody's own and only leaves the bridge."""
    draft = Draft()
    if link.kind == "veth":
        draft.wish("state", "present", "absent")
        draft.delete(want.netns, link.name)
    else:
        draft.wish("bridge", want.name, "")
        draft.set_master(want.netns, link.name, None)
    return draft


def _plan_port(want: WantedBridge, have: Have, port: WantedPort, bridge: Optional[Link]) -> Draft:
    here = have.namespaces[want.netns]
    link = here.link(port.name)
    far = have.far_ends.get(port.name)
    if link is None or (port.peer and far is None):
        if port.peer is None:  # refused before: nothing says how to make it
            raise InvalidOption("ports", port.name, "there is no such port")
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.far_end_plan import plan_new_port

        return plan_new_port(want, have.namespaces, port, port.peer, out_of_reach=link is not None)
    draft = Draft()
    master = here.link_at(link.master) if link.master else None
    joins = bridge is None or link.master != bridge.index
    if draft.wish("bridge", master.name if master else "", want.name):
        draft.set_master(want.netns, port.name, want.name)
    changes = draft.changes(link, up=True, mtu=port.mtu)
    if changes:
        draft.set_device(want.netns, port.name, **changes)
    # A port that joins a bridge starts with hairpin mode off.
    if draft.wish("hairpin", bool(link.hairpin and not joins), port.hairpin):
        draft.set_hairpin(want.netns, port.name, bool(port.hairpin))
    if port.peer and far:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.far_end_plan import plan_far_end

        name = aside(far) if far in _in_each_others_way(want, have) else far.link.name
        draft.nest_peer(plan_far_end(port.peer, far, name, have.namespaces[port.peer.netns], want))
    return draft


# Names in the way


def _refuse_conflicts(want: WantedBridge, have: Have) -> None:
    here = have.namespaces[want.netns]
    _refuse_other_kinds(want, here)
    listed = {port.name for port in want.ports or ()}
    for port in want.ports or ():
        if not here.link(port.name) and not port.peer:
            raise InvalidOption(
                "ports", port.name, "there is no such port: name its peer, so that the pair can be made"
            )
        far = have.far_ends.get(port.name)
        if far and far.netns == want.netns and far.link.name in listed:
            raise Conflict("ports '%s' and '%s' are the two ends of one veth pair" % (port.name, far.link.name))
        if port.peer:
            _refuse_taken_name(port, port.peer, want, have)


def _refuse_other_kinds(want: WantedBridge, here: Snapshot) -> None:
    wanted = [("name", want.name, "bridge"), *(("ports", port.name, "veth") for port in want.ports or ())]
    for option, name, kind in wanted:
        link = here.link(name)
        if link and link.kind != kind:
            raise Conflict(_in_the_way(option, want.netns, link, "a %s device" % kind))


def _refuse_missing_switches(want: WantedBridge, bridge: Link) -> None:
    for name in NETFILTER:
        if getattr(want, name) and getattr(bridge, name) is None:
            raise InvalidOption(name, getattr(want, name), NO_NETFILTER)


def _refuse_taken_name(port: WantedPort, peer: WantedPeer, want: WantedBridge, have: Have) -> None:
    """A far end's name may be its own already, or that of a far end which this task moves or deletes."""
    taken = have.namespaces[peer.netns].link(peer.name)
    place = (peer.netns, peer.name)
    own = have.far_ends.get(port.name)
    if taken is None or (own and (own.netns, own.link.name) == place):
        return
    staying = {other.name for other in want.ports or () if not other.peer}
    leaving = [(far.netns, far.link.name) for name, far in have.far_ends.items() if name not in staying]
    if place not in leaving:
        raise Conflict(_in_the_way("peer", peer.netns, taken, "the far end of port '%s'" % port.name))


def _in_the_way(option: str, netns: Netns, link: Link, wanted: str) -> str:
    where = "" if netns is None else " in network namespace '%s'" % netns
    kind = "a %s device" % link.kind if link.kind else "a device of another kind"
    return "%s: '%s'%s exists already as %s and not as %s: choose another name, or delete it" % (
        option,
        link.name,
        where,
        kind,
        wanted,
    )


def _in_each_others_way(want: WantedBridge, have: Have) -> list[FarEnd]:
    """Far ends that sit on the place of another listed port's: they step aside, under a name of no meaning."""
    found = []
    for port in want.ports or ():
        far = have.far_ends.get(port.name)
        others = {(p.peer.netns, p.peer.name) for p in want.ports or () if p.peer and p.name != port.name}
        if port.peer and far and (far.netns, far.link.name) in others:
            found.append(far)
    return found


def aside(far: FarEnd) -> str:
    """The name of no meaning under which a far end steps aside."""
    return "aside%d" % far.link.index
