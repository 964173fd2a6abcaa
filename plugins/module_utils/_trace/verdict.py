# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a trace means, in words. Each sentence says what was observed, or names the fact from which it is inferred."""

from __future__ import annotations

from typing import Iterator, NamedTuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.evidence import Evidence, endpoint, flow, hook_name
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.facts import Facts
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.path import PacketWay, Station, TracedPacket


class Sentence(NamedTuple):
    """A part of the verdict; what is inferred says from what."""

    text: str
    basis: str
    evidence: str


def verdict(evidence: Evidence) -> list[Sentence]:
    """What happened, from what was seen."""
    return list(_verdict(evidence))


def _observed(text: str) -> Sentence:
    return Sentence(text, "observed", "")


def _inferred(text: str, evidence: str) -> Sentence:
    return Sentence(text, "inferred", evidence)


def _verdict(evidence: Evidence) -> Iterator[Sentence]:
    outcome = evidence.outcome
    local = endpoint(*outcome.local)
    remote = endpoint(*outcome.remote)
    if outcome.kind == "answered":
        yield _observed("%s answered %s with %d bytes." % (remote, local, len(outcome.answer)))
    elif outcome.kind == "silent":
        yield _observed("The connection from %s to %s was established; no answer was read." % (local, remote))
    else:
        yield _observed("No answer from %s to %s: %s." % (remote, local, outcome.detail))
    if evidence.lost:
        yield _observed("The kernel told more than could be read, so stations may be missing below.")
    if not evidence.ways:
        yield _observed("No packet reached the first hook of %s." % evidence.client)
        return
    yield from _arrival(evidence)
    if outcome.kind in ("answered", "silent"):
        return
    lost = _lost(evidence)
    if lost:
        yield from _ended(evidence, lost)
        return
    for way in evidence.ways:
        refusal = list(_refused(evidence, way))
        if refusal:
            yield from refusal
            return
    yield _observed("Every packet seen was delivered: the server took the connection and did not answer in time.")


def _lost(evidence: Evidence) -> PacketWay | None:
    """The packet at which the connection failed; one that left has failed only where nothing came back."""
    for way in evidence.ways:
        if way.end in ("dropped", "taken", "vanished"):
            return way
    first = evidence.ways[0]
    answered = any(not way.from_client and not way.packet.other for way in evidence.ways)
    return first if first.end == "left" and not answered else None


def _arrival(evidence: Evidence) -> Iterator[Sentence]:
    """Who saw the first packet, and as whose."""
    first = evidence.ways[0]
    if first.end != "delivered":
        return
    last = first.last
    yield _observed(
        "%s's first packet (%s) reached %s as %s." % (evidence.client, first.packet.name, last.netns, flow(last.latest))
    )


def _refused(evidence: Evidence, way: PacketWay) -> Iterator[Sentence]:
    """A delivered packet that ends the connection, or that the receiver does not take for a part of it."""
    start = way.stations[0]
    packet = way.packet
    if packet.other.startswith("ICMP"):
        yield _observed("%s answered with %s." % (start.netns, packet.other))
    elif "RST" in packet.flags and not way.from_client:
        if any(each.packet.flags == "SYN ACK" for each in evidence.ways):
            yield _observed("%s reset the connection: it sent RST, %s." % (start.netns, flow(start.before)))
            return
        yield _observed("%s refused the connection: it sent RST, %s." % (start.netns, flow(start.before)))
        syn = evidence.ways[0]
        if syn.end == "delivered" and syn.last.netns == start.netns:
            yield _inferred(
                "Nothing listens on %s in %s." % (endpoint(start.before.source, start.before.source_port), start.netns),
                "the SYN was delivered there, and RST is what the kernel answers then",
            )
    elif "RST" in packet.flags:
        before = [each for each in evidence.ways if not each.from_client and "SYN" in each.packet.flags]
        wanted = evidence.outcome.remote
        if before and before[0].end == "delivered":
            seen = before[0].last.latest
            yield _observed(
                "The answer (%s) reached %s as %s, and %s sent RST for it."
                % (before[0].packet.name, before[0].last.netns, flow(seen), start.netns)
            )
            if (seen.source, seen.source_port) != wanted:
                yield _inferred(
                    "The answer did not come back through IPVS, so the client does not know it.",
                    "the connection is to %s, the answer is from %s"
                    % (endpoint(*wanted), endpoint(seen.source, seen.source_port)),
                )
        else:
            yield _observed("%s sent RST: %s." % (start.netns, flow(start.before)))


def _ended(evidence: Evidence, way: PacketWay) -> Iterator[Sentence]:
    """Where a packet's way ended, and why."""
    last = way.last
    subject = "%s (%s)" % ("The " + way.packet.name, flow(last.latest))
    if len(way.attempts) > 1:
        subject += ", sent %d times," % len(way.attempts)
    where = "%s of %s" % (hook_name(last), last.netns)
    if way.end == "dropped":
        for station in way.stations:
            hit = station.dropped_by
            if hit:
                rule = evidence.rules.get((station.netns, hit), "a rule")
                where = "%s of %s" % (hook_name(station), station.netns)
                yield _observed("%s was dropped in %s by %s." % (subject, where, rule))
        for other in evidence.ways:
            if other.end == "delivered" and other.packet.other.startswith("ICMP"):
                yield from _refused(evidence, other)
        return
    if way.end == "taken":
        yield _observed("%s entered %s and did not come out of it." % (subject, where))
        yield from _taken(evidence, last)
        return
    yield _observed("%s passed %s, and was not seen after that." % (subject, where))
    yield from _vanished(evidence, way)


def _taken(evidence: Evidence, station: Station) -> Iterator[Sentence]:
    balancing = station.netns == evidence.host and station.hook in ("input", "output")
    if balancing and evidence.servers is not None and not any(evidence.servers.values()):
        state = "has real servers of weight 0 only" if evidence.servers else "has no real server"
        yield _inferred("IPVS found no real server for it.", "the virtual service %s" % state)
        return
    yield _inferred(
        "Something in that hook took it that is no rule of nftables.",
        "a rule of nftables, or of iptables on top of it, would have told its verdict",
    )


def _vanished(evidence: Evidence, way: PacketWay) -> Iterator[Sentence]:
    last = way.last
    facts = evidence.facts[last.netns]
    station = _bridge_of(way)
    if station is not None and (last is station or last.layer == "bridge") and station.in_device in facts.tagged_only:
        yield _inferred(
            "The bridge %s drops it: port %s takes no frame without a VLAN tag."
            % (_master(facts, station), station.in_device),
            "the bridge filters VLANs, and the port has none for such frames (no PVID)",
        )
        return
    # A frame that a bridge has given to the host may have been in IP's prerouting before (br_netfilter).
    if last.hook == "prerouting" or (last.layer, last.hook) == ("bridge", "input"):
        bridged = _bridge_of(way)
        returned = list(_returned(facts, bridged, last.latest)) if bridged else []
        if returned:
            yield from returned
        elif last.latest.source in facts.addresses:
            yield _inferred(
                "%s refuses it: it comes from outside with %s's own address as its source (a martian)."
                % (last.netns, last.netns),
                "%s is an address of %s" % (last.latest.source, last.netns),
            )
            yield from _not_masqueraded(evidence, way)
        else:
            yield _unrouted(facts, last, bridged)
    elif last.hook in ("output", "postrouting"):
        device = facts.devices.get(last.out_device)
        if last.latest.destination in facts.unreachable:
            yield _inferred(
                "%s found no neighbour %s." % (last.netns, last.latest.destination),
                "the neighbour table says that it did not answer",
            )
        elif device and not device.up:
            yield _inferred("It could not leave.", "%s is down" % device.name)
        else:
            left = last.out_device or "no device"
            yield _observed("It left %s by %s; no namespace that was watched saw it arrive." % (last.netns, left))
            yield from _flooded(facts, last)


def _unrouted(facts: Facts, last: Station, bridged: Station | None) -> Sentence:
    """Why a packet did not get past prerouting: what the switches tell, or else all that is possible."""
    packet = last.latest
    version = 6 if ":" in packet.destination else 4
    device = facts.devices.get(last.in_device)
    # What comes in by a port is routed as the bridge's.
    name = device.master if device and device.master and device.hairpin is not None else last.in_device
    rewritten = bridged is not None and packet.destination != bridged.before.destination
    if bridged and not rewritten and facts.forwarding.get((name, bridged.before.destination_hardware)) != name:
        return _inferred(
            "The bridge %s did not pass it on." % name, "%s is no address of it" % bridged.before.destination_hardware
        )
    switches = facts.switches.get((version, name))
    own = packet.destination in facts.addresses
    if switches and not switches.forwarding and not own:
        return _inferred(
            "%s does not forward it: forwarding is off for what comes in by %s." % (last.netns, name),
            "net.ipv%d.conf.%s.forwarding is 0, and %s is no address of %s"
            % (version, "all" if version == 6 else name, packet.destination, last.netns),
        )
    reasons = [] if own else ["no route to %s" % packet.destination]
    if not own and switches is None:
        reasons.append("forwarding is off for what comes in by %s" % name)
    if version == 4 and (switches is None or switches.rp_filter):
        where = "by any device" if switches and switches.rp_filter == 2 else "by %s" % name
        known = "rp_filter is %d" % switches.rp_filter if switches else "if rp_filter is on"
        reasons.append("no route back to %s %s (%s)" % (packet.source, where, known))
    return _inferred(
        "The routing decision of %s refused it%s." % (last.netns, ": " + ", or ".join(reasons) if reasons else ""),
        "that is what lies between prerouting and the next hook",
    )


def _flooded(facts: Facts, station: Station) -> Iterator[Sentence]:
    """A frame for a hardware address that a bridge does not know."""
    port = facts.devices.get(station.out_device)
    target = station.latest.destination_hardware
    if station.layer != "bridge" or port is None or (port.master, target) in facts.forwarding:
        return
    down = sorted(each.name for each in facts.devices.values() if each.master == port.master and not each.up)
    yield _inferred(
        "%s does not know behind which port %s is, and sends the frame by all that are up." % (port.master, target),
        "its forwarding table has no such entry%s" % ("; down: %s" % ", ".join(down) if down else ""),
    )


def _master(facts: Facts, station: Station) -> str:
    device = facts.devices.get(station.in_device)
    return device.master or "" if device else ""


def _bridge_of(way: PacketWay) -> Station | None:
    """The bridge's station in which the last station lies."""
    return next(
        (
            station
            for station in reversed(way.stations)
            if station.layer == "bridge" and station.hook == "prerouting" and station.netns == way.last.netns
        ),
        None,
    )


def _returned(facts: Facts, station: Station, packet: TracedPacket) -> Iterator[Sentence]:
    """A frame that a bridge would have to send back by the port it came in by.

    Where NAT gave the packet another destination inside the bridge, the frame is for that one's hardware address.
    """
    port = facts.devices.get(station.in_device)
    if port is None or port.hairpin is None or port.hairpin:
        return
    rewritten = packet.destination != station.before.destination
    target = facts.neighbours.get(packet.destination) if rewritten else station.before.destination_hardware
    if target is None or facts.forwarding.get((port.master, target)) != port.name:
        return
    bridge = facts.devices.get(port.master or "")
    if bridge and bridge.takes_all:
        return
    known = "%s is %s (neighbour table), " % (packet.destination, target) if rewritten else ""
    yield _inferred(
        "%s does not send it back by the port it came in by: hairpin is off on %s." % (port.master, port.name),
        "it came in by %s; %s%s is behind %s too (forwarding table); hairpin is off there, and %s is not promiscuous"
        % (port.name, known, target, port.name, port.master),
    )


def _not_masqueraded(evidence: Evidence, way: PacketWay) -> Iterator[Sentence]:
    """Why the host did not give a packet another source."""
    passed = [each for each in way.stations if (each.netns, each.hook) == (evidence.host, "postrouting")]
    if way.last.netns == evidence.host or not passed or passed[0].latest.source != way.stations[0].before.source:
        return
    yield _observed("It left %s with its source as it was." % evidence.host)
    if any(hit.table == "nat" for station in passed for hit in station.hits):
        yield _observed("The nat rules of %s were asked in postrouting; none gave it another source." % evidence.host)
    elif not evidence.tracked.get(evidence.host):
        why = "connection tracking has no entry for it"
        if evidence.ipvs_conntrack == "0":
            why += ", and net.ipv4.vs.conntrack is 0, which takes what IPVS sends on out of tracking"
        yield _inferred("No rule of NAT was asked, because %s does not track the connection." % evidence.host, why)
