# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services, endpoints, a node and a configuration of kube-proxy as plain values.

A family is ``ipv4`` or ``ipv6``, and an address the text in which the kernel's tools print it.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple

IPV4 = "ipv4"
IPV6 = "ipv6"
FAMILIES = (IPV4, IPV6)


class Network(NamedTuple):
    """A network: its family, the text of its first address, and the two as numbers."""

    family: str
    text: str
    first: int
    last: int

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and self.first <= number <= self.last

    @property
    def everything(self) -> bool:
        """Whether the prefix is of length 0, so that each address of the family lies in the network."""
        return self.text.endswith("/0")


class Ignored(NamedTuple):
    """What kube-proxy takes no notice of: the object, the field (empty: the whole object), and why."""

    object: str
    field: str
    reason: str


class ServicePort(NamedTuple):
    """One of a Service's ports. ``protocol`` is ``TCP``, ``UDP`` or ``SCTP``, and ``node_port`` 0 for none."""

    name: str
    protocol: str
    port: int
    node_port: int


class Service(NamedTuple):
    """A Service that kube-proxy serves: it has a cluster IP, and nobody else claims it.

    Addresses are grouped by their family. ``affinity_timeout`` is in seconds, 0 for no session affinity, and
    ``health_check_node_port`` 0 for none.
    """

    namespace: str
    name: str
    ports: Tuple[ServicePort, ...]
    cluster_ips: Mapping[str, str]
    external_ips: Mapping[str, Sequence[str]]
    load_balancer_ips: Mapping[str, Sequence[str]]
    source_ranges: Mapping[str, Sequence[Network]]
    external_local: bool
    internal_local: bool
    affinity_timeout: int
    health_check_node_port: int
    hints_annotation: str

    def __str__(self) -> str:
        return "Service %s/%s" % (self.namespace, self.name)


class Endpoint(NamedTuple):
    """One address of an EndpointSlice with one port, as the node of the plan sees it."""

    address: str
    port: int
    local: bool
    ready: bool
    serving: bool
    terminating: bool
    zones: FrozenSet[str]
    nodes: FrozenSet[str]


#: The name and the protocol of a Service's port, by which an EndpointSlice's port belongs to it.
PortKey = Tuple[str, str]
#: The endpoints of one Service in one family by port, each list in the order of kube-proxy's own (by text).
EndpointsByPort = Dict[PortKey, List[Endpoint]]


class Node(NamedTuple):
    """The node: its name, labels, and addresses by family.

    ``addresses`` are those that kube-proxy counts as the node's own: of any device but its own dummy device, neither
    loopback nor IPv6 link-local. ``all_addresses`` leaves the loopback ones out only. ``ips`` is the one address of a
    family that the cluster knows the node by, or the loopback address where it knows none.
    """

    name: str
    labels: Mapping[str, str]
    addresses: Mapping[str, Sequence[str]]
    all_addresses: Mapping[str, Sequence[str]]
    ips: Mapping[str, str]
    pod_cidrs: Sequence[Network]
    kernel: Optional[Tuple[int, int]]


class Gates(NamedTuple):
    """The feature gates that change what is put into the kernel; all are on since Kubernetes 1.34."""

    load_balancer_ip_mode: bool = True
    topology_aware_hints: bool = True
    service_traffic_distribution: bool = True
    prefer_same_traffic_distribution: bool = True


class Timeouts(NamedTuple):
    """The timeouts of IPVS in seconds; 0 leaves one as it is."""

    tcp: int = 0
    tcp_fin: int = 0
    udp: int = 0


class Config(NamedTuple):
    """What a KubeProxyConfiguration says about IPVS mode.

    ``mark`` is the bit that marks packets to masquerade. ``local`` is, by family, the match of iptables for traffic
    that is not from the cluster's pods (empty: cannot be told). ``node_port_networks`` empty means every address of
    the node, and ``node_port_primary`` the node's own IPs.
    """

    scheduler: str
    strict_arp: bool
    exclude_cidrs: Sequence[Network]
    timeouts: Timeouts
    masquerade_all: bool
    mark: int
    not_local: Mapping[str, str]
    node_port_networks: Mapping[str, Sequence[Network]]
    node_port_primary: bool
    gates: Gates
