# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node that is a real server of direct routing or of a tunnel."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor import remedies
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.checks.common import (
    IP_SYSCTL,
    decapsulating,
    devices_with,
    some,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import ERROR, check
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import (
    Finding,
    LeftOpen,
    NodeFacts,
    NotApplicable,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import Link


@check(
    ERROR,
    what="A real server answers ARP requests for a virtual address.",
    where="IPv4 addresses in O(real_server_for) that this node has, and not only on tunnel devices; devices that have"
    " them, or by which a route leads to their network; no rules of arptables",
    source=IP_SYSCTL + ": arp_ignore",
)
def arp_ignore(facts: NodeFacts) -> Iterator[Finding]:
    for address, device in _arp_devices(facts):
        own = device.name in devices_with(facts, address)
        ignored = facts.stronger("ipv4", device.name, "arp_ignore")
        if ignored == 0 or (own and ignored not in (3, 8)):
            yield Finding(
                "%s on %s" % (address, device.name),
                "arp_ignore of device %s is %d, and this node has the virtual address %s%s"
                % (device.name, ignored, address, " on that very device" if own else ""),
                "This real server answers when the network asks who has the virtual address, so clients reach it past"
                " the director.",
                # No value of the switch tells two addresses of one device apart.
                "Move the address to lo or a dummy device, with prefix length 32 (also where this node configures it at"
                " boot), and let devices answer for their own addresses only (net.ipv4.conf.all.arp_ignore=1)."
                if own
                else "Let devices answer for their own addresses only.",
                None if own else remedies.switch(facts, "net.ipv4.conf.all.arp_ignore", 1),
            )


@check(
    ERROR,
    what="A real server sends ARP requests in the name of a virtual address.",
    where="as arp_ignore",
    source=IP_SYSCTL + ": arp_announce",
)
def arp_announce(facts: NodeFacts) -> Iterator[Finding]:
    for address, device in _arp_devices(facts):
        announced = facts.stronger("ipv4", device.name, "arp_announce")
        link = facts.link(device.name)
        near = link is not None and any(address in each.network for each in facts.interfaces(link))
        if announced == 0 or (announced == 1 and near):
            yield Finding(
                "%s on %s" % (address, device.name),
                "arp_announce of device %s is %d, and this node has the virtual address %s"
                % (device.name, announced, address),
                "When this real server answers a client it asks for its router in the name of the virtual address,"
                " and the router then sends what is for the director to it.",
                "Let devices ask in the name of their own best address only.",
                remedies.switch(facts, "net.ipv4.conf.all.arp_announce", 2),
            )


def _arp_devices(facts: NodeFacts) -> Iterator[tuple[Address, Link]]:
    """The virtual addresses that this node shall have in silence, each with the devices that could give it away."""
    served = [each for each in facts.wishes.real_server_for if each.version == 4 and facts.is_local(each)]
    if not served:
        raise NotApplicable("'real_server_for' names no IPv4 address that this node has")
    if facts.arp_rules:
        raise NotApplicable("arptables(8) has rules, which may do the same")
    if all(decapsulating(facts, each) for each in served):
        raise NotApplicable("the addresses are on tunnel devices: real servers of a tunnel may be in another network")
    for address in served:
        near = {*_devices_towards(facts, address), *devices_with(facts, address)}
        for link in facts.snapshot.links:
            own = facts.interfaces(link)
            speaks = link.up and link.name not in ("lo", *facts.without_arp) and not link.master
            if speaks and link.name in near and any(each.version == 4 for each in own):
                yield address, link


def _devices_towards(facts: NodeFacts, address: Address) -> list[str]:
    """The devices to which the best routes to an address lead, if it were not this node's: who asks for it is there."""
    routes = [route for route in facts.snapshot.routes if address in route.to]
    longest = max((route.to.prefixlen for route in routes), default=0)
    links = (facts.link_at(route.index) for route in routes if route.to.prefixlen == longest)
    return [link.name for link in links if link]


@check(
    ERROR,
    what="A tunnel device drops packets from clients to whom the way leads through another device.",
    where="IPv4 addresses in O(real_server_for) on tunnel devices that are up",
    source=IP_SYSCTL + ": rp_filter",
)
def rp_filter_strict(facts: NodeFacts) -> Iterator[Finding]:
    tunnels = [link for link in facts.snapshot.links if link.kind in ("ipip", "gre") and link.up]
    served = [each for each in facts.wishes.real_server_for if each.version == 4 and facts.is_local(each)]
    if not served or not tunnels:
        raise NotApplicable("'real_server_for' names no IPv4 address that this node has, or no tunnel device is up")
    with_address = {name for address in served for name in devices_with(facts, address)}
    unplaced = [address for address in served if not decapsulating(facts, address)]
    unclear = []
    for link in tunnels:
        routes = [route for route in facts.snapshot.routes if route.index == link.index and route.to.prefixlen == 0]
        if facts.stronger("ipv4", link.name, "rp_filter") != 1 or routes:
            continue
        if link.name in with_address:
            key = "net.ipv4.conf.%s.rp_filter" % link.name.replace(".", "/")
            yield Finding(
                link.name,
                "rp_filter of tunnel device %s is 1 (the larger of its own and that of all), and the way back to"
                " clients does not lead through it" % link.name,
                "What the director sends through the tunnel comes from clients to whom another device leads: the kernel"
                " drops it without a word.",
                "Let the tunnel device take packets whose way back is another (2, loose).",
                remedies.switch(facts, key, 2),
            )
        elif unplaced:
            unclear.append(link.name)
    if unclear:
        raise LeftOpen(
            "whether a director sends through tunnel device %s, whose rp_filter is 1, is not known: it has no address"
            " of 'real_server_for'" % some(unclear)
        )
