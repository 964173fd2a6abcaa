# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How packets come to this node, and how they leave it."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address, family_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor import remedies
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.checks.common import (
    IP_SYSCTL,
    SYSCTL,
    links_near,
    masqueraded,
    some,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import ERROR, NOTICE, check
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import (
    Finding,
    LeftOpen,
    NodeFacts,
    NotApplicable,
)

#: Bytes that a tunnel puts before a packet: the outer IP header, and GRE's or UDP's and GUE's (ip_vs_xmit.c).
_OUTER = {"inet": 20, "inet6": 40}
_TUNNEL_EXTRA = {"ipip": 0, "gre": 4, "gue": 12}


@check(
    ERROR,
    what="This node does not forward what comes in by the device that real servers are behind.",
    where="masquerading services",
    source=IP_SYSCTL + ": ip_forward, conf/interface/forwarding",
)
def forwarding_off(facts: NodeFacts) -> Iterator[Finding]:
    switches: dict[str, list[str]] = {}
    for _row, server in masqueraded(facts):
        way = facts.next_hop_of.get(server.packed)
        if way is None:
            continue
        if len(server.packed) == 16:
            path = "net/ipv6/conf/all/forwarding"
        else:
            path = "net/ipv4/conf/%s/forwarding" % way.device
        if facts.switch(path) == 0:
            switches.setdefault(path, []).append(str(server))
    for path, servers in switches.items():
        six = path.startswith("net/ipv6")
        # The switch of IPv4 as a whole sets that of each device.
        wanted = "net.ipv6.conf.all.forwarding" if six else "net.ipv4.ip_forward"
        if not six and facts.switch("net/ipv4/ip_forward"):
            wanted = path.replace(".", "?").replace("/", ".").replace("?", "/")
        advertised = _taking_advertisements(facts) if six else []
        yield Finding(
            wanted,
            "%s is 0, and real server %s is reached by masquerading" % (path.replace("/", "."), some(servers)),
            "The answers of these real servers come back to this node, which does not send them on to the clients: only"
            " the node itself reaches the service.",
            "Switch forwarding on, and see that it is on after the next boot%s."
            % (
                "; set accept_ra of %s to 2 before, since its default route comes by router advertisements, which a"
                " router takes only so" % some(advertised)
                if advertised
                else ""
            ),
            None if advertised else remedies.switch(facts, wanted, 1),
        )


def _taking_advertisements(facts: NodeFacts) -> list[str]:
    """The devices whose default route of IPv6 the kernel has from router advertisements: it drops it as a router."""
    indexes = {route.index for route in facts.snapshot.routes if route.to.version == 6 and not route.to.prefixlen}
    links = (link for link in map(facts.link_at, sorted(indexes)) if link)
    return [link.name for link in links if facts.switch("net/ipv6/conf/%s/accept_ra" % link.name) == 1]


@check(
    ERROR,
    what="A virtual address is on no device.",
    where="virtual services with an address, unless a program that moves addresses (keepalived, Pacemaker, ldirectord,"
    " ucarp, BGP...) or a backup daemon runs; addresses in O(real_server_for)",
    source="net/netfilter/ipvs/ip_vs_core.c: IPVS looks at what is delivered to this node",
)
def address_missing(facts: NodeFacts) -> Iterator[Finding]:
    wanted: dict[Address, str] = {}
    for row in facts.table:
        if row.key.address is not None and not row.key.address.is_unspecified:
            wanted.setdefault(row.key.address, "virtual service %s" % row.key)
    elsewhere = []  # a director that stands by has no address
    if "backup" in facts.daemons or facts.address_movers:
        elsewhere = [str(address) for address in wanted if not facts.is_local(address)]
        wanted = {}
    for address in facts.wishes.real_server_for:
        wanted.setdefault(address, "'real_server_for'")
    if not wanted and not facts.table:
        raise NotApplicable("no virtual service with an address")
    device = next((link.name for link in facts.snapshot.links if link.kind == "dummy"), "ipvs0")
    for address, by in wanted.items():
        if not facts.is_local(address):
            # An address of IPv6 on a dummy device is silent (ipv6_address_silent).
            near = links_near(facts, address) if address.version == 6 else []
            where = "device %s" % near[0] if near else "a device of kind dummy"
            words = ["ip", "-6", "address", "add", "%s/128" % address, "dev", *near[:1], "nodad"]
            mended = (
                remedies.command(facts, "Have the address", words)
                if near
                else remedies.task(facts, "Have the address", "virtual_ip", name=device, addresses=[str(address)])
            )
            yield Finding(
                str(address),
                "%s is named by %s, and no device has it" % (address, by),
                "Packets to this address are not delivered to this node, so nobody else reaches the service here.",
                "Put the address on %s." % where,
                mended,
            )
    if elsewhere:
        raise LeftOpen(
            "no device has %s, and another director may: %s runs here"
            % (some(elsewhere), ", ".join(facts.address_movers) or "a backup daemon of IPVS")
        )


@check(
    ERROR,
    what="A router stands between this node and a real server of direct routing.",
    where="services with direct routing",
    source="ipvsadm(8): --gatewaying; ip_vs_xmit.c: ip_vs_dr_xmit()",
)
def direct_through_router(facts: NodeFacts) -> Iterator[Finding]:
    servers = facts.servers("direct")
    if not servers:
        raise NotApplicable("no real server with forwarding method direct")
    for row, server in servers:
        way = facts.next_hop_of.get(server.packed)
        if way is not None and way.router is not None:
            yield Finding(
                "%s of %s" % (server, row.key),
                "the forwarding method is direct, and the way to %s leads through router %s"
                % (server.address, way.router),
                "Direct routing changes nothing but the hardware address, and a router's is not the real server's: the"
                " packets do not arrive.",
                "Reach it on the link, or through a tunnel.",
                remedies.real_server(facts, "Use a tunnel", row.key, server, forwarding_method="tunnel"),
            )


@check(
    NOTICE,
    what="A tunnel leaves less room than clients use.",
    where="services with tunnels, and a default route by another device than the tunnel's, whose MTU shows what"
    " clients send",
    source="ip_vs_xmit.c: ip_vs_tunnel_xmit(); " + SYSCTL + ": pmtu_disc",
)
def tunnel_mtu(facts: NodeFacts) -> Iterator[Finding]:
    servers = facts.servers("tunnel")
    if not servers:
        raise NotApplicable("no real server with forwarding method tunnel")
    indexes = {route.index for route in facts.snapshot.routes if route.to.prefixlen == 0}
    outside = [link for link in facts.snapshot.links if link.index in indexes]
    if not outside:
        raise NotApplicable("no default route tells by which device clients come")
    told, same = set(), set()
    for _row, server in servers:
        way = facts.next_hop_of.get(server.packed)
        device = facts.link(way.device) if way else None
        if device is None or device.name in told:
            continue
        # Of who comes by the device by which the tunnel leaves, its own MTU tells nothing: it limits both.
        widest = max((link.mtu for link in outside if link != device), default=0)
        if not widest:
            same.add(device.name)
        overhead = _OUTER[family_of(server.address)] + _TUNNEL_EXTRA[server.tunnel_type]
        if device.mtu - overhead >= widest:
            continue
        told.add(device.name)
        yield Finding(
            device.name,
            "device %s has MTU %d, of which a tunnel of type %s to %s leaves %d bytes; clients send up to %d"
            % (device.name, device.mtu, server.tunnel_type, server.address, device.mtu - overhead, widest),
            "Full packets of clients do not fit: each client has to be told by ICMP, and where that is filtered on"
            " its way uploads hang.",
            "Let the real servers announce a smaller segment to clients (advmss of their default route), or give this"
            " device an MTU of at least %d if the whole network behind it has that." % (widest + overhead),
        )
    if same:
        raise LeftOpen("clients come by %s, too: what they send at most is not known here" % some(sorted(same)))
