# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubernetes objects, a node and a configuration, to what kube-proxy's IPVS mode puts into that node's kernel.

Pure: nothing is read but what is given. The source of each rule is the code of Kubernetes 1.30 to 1.35, above all
``syncProxyRules`` in ``pkg/proxy/ipvs/proxier.go``.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube import configuration, documents, sets
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.chains import Chains
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.endpoints import choose
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.nodes import read_node
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.services import read_service
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.sets import Destination, Sets
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.slices import Slices, read_slice
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.texts import number_of
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.values import (
    FAMILIES,
    Config,
    Endpoint,
    EndpointsByPort,
    Ignored,
    Node,
    Service,
    ServicePort,
)

#: The kernels that need conn_reuse_mode 0, from the first that has it to the first that is mended.
_CONN_REUSE_MODE = ((4, 1), (5, 9))
_NOTHING: EndpointsByPort = {}


class Cluster(NamedTuple):
    """What the objects say: the Services by name, and the endpoints of each."""

    services: Sequence[Service]
    slices: Slices


class _Family:
    """What one family's proxier makes of the cluster."""

    def __init__(self, family: str, node: Node, config: Config, ignored: List[Ignored]) -> None:
        self.sets = Sets(family)
        self.virtual_services: Dict[Destination, Dict[str, Any]] = {}
        #: What each virtual service is: NAMESPACE/NAME:PORT, the port by its name where it has one.
        self.names: Dict[str, str] = {}
        self.bound: Dict[str, None] = {}
        #: Load balancers' destinations that the node itself must not use, in the order of their rules.
        self.closed_to_node: List[Destination] = []
        self._family = family
        self._node = node
        self._config = config
        self._ignored = ignored
        self._node_addresses = frozenset(node.addresses[family])
        self._owners: Dict[Destination, Service] = {}

    def add(
        self, service: Service, port: ServicePort, endpoints: Sequence[Endpoint], node_ports: Sequence[str]
    ) -> None:
        """One port of a Service."""
        family = self._family
        protocol = port.protocol
        external = [Destination(address, protocol, port.port) for address in service.external_ips[family]]
        balanced = [Destination(address, protocol, port.port) for address in service.load_balancer_ips[family]]
        accessible = bool(port.node_port or external or balanced)
        for endpoint in endpoints:
            if endpoint.local:
                at = Destination(endpoint.address, protocol, endpoint.port)
                self.sets.add(sets.LOOP_BACK, "%s,%s" % (at, endpoint.address))
        chosen = choose(service, accessible, endpoints, self._node, self._config.gates)
        inside = _real_servers(chosen.internal)
        outside = inside if chosen.external is chosen.internal else _real_servers(chosen.external)

        cluster_ip = Destination(service.cluster_ips[family], protocol, port.port)
        self.sets.add(sets.CLUSTER_IP, cluster_ip)
        name = "%s/%s:%s" % (service.namespace, service.name, port.name or port.port)
        self._serve(service, name, cluster_ip, inside)
        self.bound[cluster_ip.address] = None
        for destination in external:
            self.sets.add(sets.EXTERNAL_IP_LOCAL if service.external_local else sets.EXTERNAL_IP, destination)
            self._serve(service, name, destination, outside)
            self._bind_unless_elsewhere(destination.address)
        for destination in balanced:
            self._load_balancer(service, destination)
            self._serve(service, name, destination, outside)
            self._bind_unless_elsewhere(destination.address)
        if port.node_port:
            if not node_ports:
                # kube-proxy goes on to the next port, and so leaves out the health check node port too.
                self._ignore(service, "spec.ports", "node port %d: the node has no address for it" % port.node_port)
                return
            self._node_port(service, name, port, outside, node_ports)
        if service.health_check_node_port:
            self.sets.add(sets.HEALTH_CHECK_NODE_PORT, service.health_check_node_port)

    def _load_balancer(self, service: Service, destination: Destination) -> None:
        self.sets.add(sets.LOAD_BALANCER, destination)
        if service.external_local:
            self.sets.add(sets.LOAD_BALANCER_LOCAL, destination)
        ranges = service.source_ranges[self._family]
        if not ranges:
            return
        self.sets.add(sets.LOAD_BALANCER_FW, destination)
        for network in ranges:
            if not self.sets.add_network(sets.LOAD_BALANCER_SOURCE_CIDR, destination, network):
                self._ignore(
                    service,
                    "spec.loadBalancerSourceRanges",
                    "%s: no set can hold a network of prefix length 0, so nobody is let in by it; write its two halves,"
                    " of prefix length 1" % network.text,
                )
        node_ip = number_of(self._node.ips[self._family])
        if any(node_ip in network for network in ranges):
            self.sets.add(sets.LOAD_BALANCER_SOURCE_IP, "%s,%s" % (destination, destination.address))
        else:
            self.closed_to_node.append(destination)

    def _node_port(
        self,
        service: Service,
        name: str,
        port: ServicePort,
        real_servers: List[Dict[str, Any]],
        addresses: Sequence[str],
    ) -> None:
        protocol = port.protocol
        destinations = [Destination(address, protocol, port.node_port) for address in addresses]
        entries: Iterable[object] = destinations if protocol == "SCTP" else (port.node_port,)
        for entry in entries:
            self.sets.add(sets.NODE_PORT[protocol], entry)
            if service.external_local:
                self.sets.add(sets.NODE_PORT_LOCAL[protocol], entry)
        for destination in destinations:
            self._serve(service, name, destination, real_servers)

    def _serve(self, service: Service, name: str, destination: Destination, real_servers: List[Dict[str, Any]]) -> None:
        owner = self._owners.setdefault(destination, service)
        if destination in self.virtual_services:
            if owner is not service:
                # kube-proxy gives it to one or the other, as its map happens to be ordered.
                self._ignore(service, "", "%s is a virtual service of %s already" % (destination, owner))
            return
        self.names[str(destination)] = name
        self.virtual_services[destination] = {
            "address": destination.address,
            "port": destination.port,
            "protocol": destination.protocol.lower(),
            "scheduler": self._config.scheduler,
            "scheduler_flags": ["mh-port"] if self._config.scheduler == "mh" else [],
            "persistence_timeout": service.affinity_timeout,
            "real_servers": real_servers,
            # One without endpoints has none, where a purge would leave those of an empty list alone.
            "purge_real_servers": True,
        }

    def _bind_unless_elsewhere(self, address: str) -> None:
        """An address that another device of the node has is served there, and must not be on two devices."""
        if address not in self._node_addresses:
            self.bound[address] = None

    def _ignore(self, service: Service, field: str, reason: str) -> None:
        self._ignored.append(Ignored(str(service), field, reason))


def _real_servers(endpoints: Sequence[Endpoint]) -> List[Dict[str, Any]]:
    return [
        {"address": endpoint.address, "port": endpoint.port, "forwarding_method": "masquerading", "weight": 1}
        for endpoint in endpoints
    ]


def kernel_state(given: Any, node: Any, config: Any = None, families: Sequence[str] = FAMILIES) -> Dict[str, Any]:
    """The state of a node's kernel as plain data.

    :param given: Kubernetes objects, in any form that :func:`documents.objects` reads.
    :param node: the node's name, and what it has.
    :param config: a KubeProxyConfiguration; none is kube-proxy's defaults.
    :param families: the families of which the node has iptables and IPVS.
    :raises InvalidOption: for what an API server or kube-proxy would not accept.
    """
    ignored: List[Ignored] = []
    fields = configuration.fields_of(config)
    names = configuration.names_in(fields)
    gates = configuration.gates_in(fields)
    found = _sorted_by_kind(given, ignored)
    of_node = read_node(node, [each for _where, each in found["Node"]], *names)
    read = configuration.read_config(fields, of_node, gates)
    slices: Slices = {}
    for where, given_slice in found["EndpointSlice"]:
        read_slice(where, given_slice, of_node, gates, slices, ignored.append)
    services = [read_service(where, each, gates, ignored.append) for where, each in found["Service"]]
    kept = sorted((service for service in services if service is not None), key=lambda s: (s.namespace, s.name))
    _note_orphans(slices, found["Service"], ignored)
    cluster = Cluster(kept, slices)
    made = {family: _of_family(family, cluster, of_node, read, ignored) for family in _checked(families)}
    chains = {family: _chains(family, each, read) for family, each in made.items()}
    addresses = {family: sorted(each.bound, key=number_of) for family, each in made.items()}
    for family, each in made.items():
        for address in addresses[family]:
            each.sets.add(sets.IPVS_IPS, address)
    return {
        "virtual_services": [service for each in made.values() for service in each.virtual_services.values()],
        "names": {at: name for each in made.values() for at, name in each.names.items()},
        "sets": [options for each in made.values() for options in each.sets.as_options()],
        "chains": [chain for each in chains.values() for chain in each.as_values()],
        "addresses": [address for listed in addresses.values() for address in listed],
        "sysctls": _sysctls(read, of_node),
        "timeouts": {name: seconds for name, seconds in read.timeouts._asdict().items() if seconds},
        "exclude_cidrs": [network.text for network in read.exclude_cidrs],
        "ignored": [note._asdict() for note in dict.fromkeys(ignored)],
    }


def _checked(families: Sequence[str]) -> Sequence[str]:
    listed = [families] if isinstance(families, str) else list(families)
    if not listed or not set(listed) <= set(FAMILIES):
        raise InvalidOption("families", families, "write a list of %s" % " and ".join(FAMILIES))
    return [family for family in FAMILIES if family in listed]


_Placed = List[Tuple[str, Mapping[str, Any]]]


def _sorted_by_kind(given: Any, ignored: List[Ignored]) -> Mapping[str, _Placed]:
    """The objects that count, by their kind, each with its place; none of them twice."""
    found: Dict[str, _Placed] = {"Service": [], "EndpointSlice": [], "Node": []}
    places: Dict[Tuple[str, object, object], str] = {}
    for where, kind, each in documents.objects(given):
        metadata = each.get("metadata")
        if not isinstance(metadata, Mapping):
            raise InvalidOption(where + ".metadata", metadata, "write a mapping with the object's name")
        name, namespace = metadata.get("name"), metadata.get("namespace") or "default"
        if kind not in found:
            ignored.append(Ignored("%s %s/%s" % (kind, namespace, name), "", "kube-proxy does not read this kind"))
            continue
        if name is not None:
            first = places.setdefault((kind, str(namespace), str(name)), where)
            if first != where:
                raise InvalidOption("%s %s/%s" % (kind, namespace, name), where, "%s is the same object" % first)
        found[kind].append((where, each))
    return found


def _note_orphans(slices: Slices, services: _Placed, ignored: List[Ignored]) -> None:
    known = {
        (each["metadata"].get("namespace") or "default", each["metadata"].get("name")) for _where, each in services
    }
    for namespace, name in slices:
        if (namespace, name) not in known:
            ignored.append(
                Ignored(
                    "EndpointSlice of Service %s/%s" % (namespace, name), "", "the Service is not among the objects"
                )
            )


def _of_family(family: str, cluster: Cluster, node: Node, config: Config, ignored: List[Ignored]) -> _Family:
    made = _Family(family, node, config, ignored)
    node_ports = _node_port_addresses(family, node, config)
    for service in cluster.services:
        if family not in service.cluster_ips:
            continue
        merged = cluster.slices.get((service.namespace, service.name), {}).get(family)
        endpoints = merged.sorted() if merged is not None else _NOTHING
        for port in service.ports:
            made.add(service, port, endpoints.get((port.name, port.protocol), ()), node_ports)
    return made


def _node_port_addresses(family: str, node: Node, config: Config) -> Sequence[str]:
    """The node's addresses that have the node ports (``pkg/proxy/util/nodeport_addresses.go``).

    Without a network of this family it is all of them, even where there is one of the other family.
    """
    own = node.addresses[family]
    if config.node_port_primary:
        address = node.ips[family]
        return [address] if address in node.all_addresses[family] else own if address in ("127.0.0.1", "::1") else []
    networks = config.node_port_networks[family]
    if not networks or any(network.everything for network in networks):
        return own
    every = [(address, number_of(address)) for address in node.all_addresses[family]]
    return [address for address, number in every if any(number in network for network in networks)]


def _chains(family: str, made: _Family, config: Config) -> Chains:
    chains = Chains(family, made.sets, config)
    for destination in made.closed_to_node:
        chains.refuse_from_node(destination)
    return chains


def _sysctls(config: Config, node: Node) -> Dict[str, int]:
    found = {
        "net.ipv4.vs.conntrack": 1,
        "net.ipv4.vs.expire_nodest_conn": 1,
        "net.ipv4.vs.expire_quiescent_template": 1,
        "net.ipv4.ip_forward": 1,
    }
    if node.kernel is not None and _CONN_REUSE_MODE[0] <= node.kernel < _CONN_REUSE_MODE[1]:
        found["net.ipv4.vs.conn_reuse_mode"] = 0
    if config.strict_arp:
        found["net.ipv4.conf.all.arp_ignore"] = 1
        found["net.ipv4.conf.all.arp_announce"] = 2
    return found
