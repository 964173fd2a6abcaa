# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the doctor knows of a node, and what it says about it, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from typing import Any, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address, Interface, Network
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.owners import Owner
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServer, Service, ServiceKey
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import Link, Snapshot
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.ruleset import Ruleset
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import Rule, Tables, reachable
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.traversal import Filters, Traversal

#: The owner of a table that is kept by tasks.
TASKS = "tasks"


class NextHop(NamedTuple):
    """How the kernel sends packets to an address: the device, the router if any, or to itself."""

    device: str
    router: Optional[Address] = None
    local: bool = False


class Row(NamedTuple):
    """A virtual service with its real servers."""

    service: Service
    servers: Tuple[RealServer, ...]

    @property
    def key(self) -> ServiceKey:
        """The service's key."""
        return self.service.key


@dataclass(frozen=True)
class LoopSet:
    """A set of the type hash:ip,port,ip, with its entries as ipset(8) writes them."""

    name: str
    family: str
    entries: FrozenSet[str] = frozenset()


@dataclass(frozen=True)
class Wishes:
    """What the user says of the node that cannot be seen there."""

    #: Who is meant to write the table: a program of :mod:`_owners`, ``tasks``, or None for whoever does.
    owner: Optional[str] = None
    #: Whether real servers are clients of their own services; None to judge by the sets there are.
    loopback: Optional[bool] = None
    #: The virtual addresses for which this node is a real server (direct routing, tunnel).
    real_server_for: Tuple[Address, ...] = ()
    #: Schedulers that are going to be used.
    schedulers: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Rules:
    """The rules of one family, and why others may masquerade or drop besides, which are not read."""

    #: Those of iptables in the back end nf_tables, or in the only one; None where they cannot be read.
    tables: Optional[Tables] = None
    masquerading_besides: str = ""
    dropping_besides: str = ""
    family: str = "inet"
    #: All of nftables, those of iptables included; None where nft(8) cannot tell.
    ruleset: Optional[Ruleset] = None
    #: Those of iptables in the back end legacy, where there are two.
    older: Tables = field(default_factory=dict)

    @cached_property
    def traversal(self) -> Traversal:
        """What they do to packets."""
        own = (self.tables or {},) if self.ruleset is None else ()
        return Traversal(Filters(self.family, self.ruleset, (*own, self.older)))

    def of_iptables(self, table: str, chain: str) -> Tuple[Rule, ...]:
        """The rules of a chain of iptables, and of those to which they lead."""
        return (*reachable(self.tables or {}, table, chain), *reachable(self.older, table, chain))

    @cached_property
    def untracks(self) -> bool:
        """Whether a rule keeps packets from conntrack, so that nobody can say here in which state they are."""
        raw = (rule for chain in ("PREROUTING", "OUTPUT") for rule in self.of_iptables("raw", chain))
        by_iptables = any(rule.target == "NOTRACK" or "--notrack" in rule.text for rule in raw)
        return by_iptables or (self.ruleset is not None and self.ruleset.untracks)


@dataclass(frozen=True)
class NodeFacts:
    """A node, or one network namespace of it, when it was looked at."""

    #: The kernel's release, as uname(1) has it.
    release: str = "6.1.0"
    netns: Optional[str] = None
    #: Whether the kernel has IPVS now; and if not, why it cannot have it, or None if it would load it.
    ipvs: bool = True
    ipvs_barred: Optional[str] = None
    table: Tuple[Row, ...] = ()
    #: Connections of each real server of weight 0, by service and the server's key.
    connections: Mapping[Tuple[ServiceKey, Tuple[bytes, int]], int] = field(default_factory=dict)
    #: Those of each real server with a threshold that count for it.
    loads: Mapping[Tuple[ServiceKey, Tuple[bytes, int]], int] = field(default_factory=dict)
    #: All connections that the table's real servers have, and the buckets that the kernel keeps them in (0: unknown).
    total: int = 0
    buckets: int = 0
    #: The synchronization daemons that run: ``backup`` takes over connections from another director.
    daemons: FrozenSet[str] = frozenset()
    #: The kernel's switches by their path below /proc/sys, such as ``net/ipv4/ip_forward``.
    switches: Mapping[str, str] = field(default_factory=dict)
    snapshot: Snapshot = field(default_factory=Snapshot)
    #: What the kernel delivers to itself (routes of type ``local``).
    local: Tuple[Network, ...] = ()
    next_hops: Mapping[Address, NextHop] = field(default_factory=dict)
    #: The bridge port behind which an address lives, where it is known.
    ports: Mapping[Address, str] = field(default_factory=dict)
    #: Bridge ports that drop frames without a VLAN tag.
    tagged_only: FrozenSet[str] = frozenset()
    sets: Tuple[LoopSet, ...] = ()
    rules: Mapping[str, Rules] = field(default_factory=dict)
    #: Whether arptables(8) has rules.
    arp_rules: bool = False
    #: The devices that neither ask nor answer by ARP.
    without_arp: FrozenSet[str] = frozenset()
    owners: Tuple[Owner, ...] = ()
    #: The programs here that move virtual addresses between directors.
    address_movers: Tuple[str, ...] = ()
    #: What came of a connection to a real server: outcome and words; None where none was tried.
    answers: Optional[Mapping[Tuple[Address, int], Tuple[str, str]]] = None
    #: Why a scheduler cannot be had, or None if it can.
    schedulers: Mapping[str, Optional[str]] = field(default_factory=dict)
    wishes: Wishes = field(default_factory=Wishes)

    def tables(self, family: str) -> Tables | None:
        """The tables of iptables of a family; None where they cannot be read."""
        return self.rules.get(family, Rules()).tables

    def servers(self, method: str) -> Sequence[Tuple[Row, RealServer]]:
        """The real servers that are reached by a forwarding method, each with its service; not this node."""
        return self._by_method.get(method, ())

    @cached_property
    def _by_method(self) -> Dict[str, List[Tuple[Row, RealServer]]]:
        found: Dict[str, List[Tuple[Row, RealServer]]] = {}
        for row, server in self.remote:
            found.setdefault(server.forwarding_method, []).append((row, server))
        return found

    @cached_property
    def worked_out(self) -> Dict[Any, Any]:
        """What several checks ask, once it has been worked out, by the question."""
        return {}

    @cached_property
    def remote(self) -> Tuple[Tuple[Row, RealServer], ...]:
        """All real servers that are not this node, each with its service."""
        packed = {server.packed for row in self.table for server in row.servers}
        own = {each for each in packed if self.is_local(ip_address(each))}
        return tuple((row, server) for row in self.table for server in row.servers if server.packed not in own)

    def is_local(self, address: Address | None) -> bool:
        """Whether the kernel delivers an address to itself."""
        return address is not None and (address in self._own or any(address in each for each in self._own_networks))

    def is_remote(self, packed: bytes) -> bool:
        """Whether a real server, by its packed address, is not this node."""
        return packed in self._remote_packed

    @cached_property
    def _remote_packed(self) -> FrozenSet[bytes]:
        return frozenset(server.packed for _row, server in self.remote)

    @cached_property
    def next_hop_of(self) -> Mapping[bytes, NextHop]:
        """The next hops by packed address."""
        return {address.packed: hop for address, hop in self.next_hops.items()}

    @cached_property
    def _own(self) -> FrozenSet[Address]:
        """This node's addresses: those of devices, and those of routes to one address."""
        single = (each.network_address for each in self.local if each.prefixlen == each.max_prefixlen)
        return frozenset([*(each.interface.ip for each in self.snapshot.addresses), *single])

    @cached_property
    def _own_networks(self) -> Tuple[Network, ...]:
        return tuple(each for each in self.local if each.prefixlen < each.max_prefixlen)

    def switch(self, path: str) -> int | None:
        """A switch's number; None where this kernel has no such switch."""
        value = self.switches.get(path, "")
        return int(value) if value.lstrip("-").isdigit() else None

    def stronger(self, family: str, device: str, name: str) -> int:
        """A switch of which the larger of a device's and ``all`` counts (ip-sysctl.rst)."""
        return max(self.switch("net/%s/conf/%s/%s" % (family, each, name)) or 0 for each in ("all", device))

    def port_of(self, address: Address) -> Link | None:
        """The bridge port behind which an address lives."""
        return self.link(self.ports[address]) if address in self.ports else None

    def bridge_of(self, port: Link) -> Link | None:
        """The bridge of a port."""
        return self.link_at(port.master) if port.master else None

    # A director may have thousands of devices and addresses, and checks ask for them once for each real server.

    def link(self, name: str) -> Link | None:
        """The device of that name."""
        return self._links_by_name.get(name)

    def link_at(self, index: int) -> Link | None:
        """The device of that index."""
        return self._links_by_index.get(index)

    def links_with(self, address: Address) -> Sequence[Link]:
        """The devices that have an address."""
        return self._links_by_address.get(address, ())

    def interfaces(self, link: Link) -> Sequence[Interface]:
        """The permanent addresses of a device, each with its network."""
        return self._interfaces.get(link.index, ())

    @cached_property
    def _links_by_name(self) -> Dict[str, Link]:
        return {link.name: link for link in self.snapshot.links}

    @cached_property
    def _links_by_index(self) -> Dict[int, Link]:
        return {link.index: link for link in self.snapshot.links}

    @cached_property
    def _links_by_address(self) -> Dict[Address, List[Link]]:
        found: Dict[Address, List[Link]] = {}
        for each in self.snapshot.addresses:
            link = self.link_at(each.index)
            if link:
                found.setdefault(each.interface.ip, []).append(link)
        return found

    @cached_property
    def _interfaces(self) -> Dict[int, List[Interface]]:
        found: Dict[int, List[Interface]] = {}
        for each in self.snapshot.addresses:
            if each.permanent:
                found.setdefault(each.index, []).append(each.interface)
        return found

    @cached_property
    def neighbouring(self) -> Sequence[Tuple[Interface, Link]]:
        """The addresses of devices whose networks hold others, too, each with its device."""
        both = ((each.interface, self.link_at(each.index)) for each in self.snapshot.addresses)
        return [(own, link) for own, link in both if link and own.network.prefixlen < own.max_prefixlen]


@dataclass(frozen=True)
class Finding:
    """Something that is wrong: on what, by what it is seen, what comes of it, and what to do."""

    subject: str
    evidence: str
    consequence: str
    remedy: str
    #: A task that does it, where one can.
    task: Optional[Mapping[str, Any]] = None


class NotApplicable(Exception):
    """A check that has nothing to look at on this node, and why."""


class LeftOpen(Exception):
    """A check that has not seen all that it should look at, and why: what it has told before holds all the same."""
