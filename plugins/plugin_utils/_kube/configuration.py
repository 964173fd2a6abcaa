# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A KubeProxyConfiguration (``kubeproxy.config.k8s.io/v1alpha1``), read as far as IPVS mode goes by it."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.documents import parse
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.fields import Fields
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.texts import read_address, read_duration, read_network
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.values import (
    FAMILIES,
    Config,
    Gates,
    Network,
    Node,
    Timeouts,
)

_SCHEDULERS = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "mh", "fo", "ovf", "twos")
_LOCAL_MODES = ("ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix")
_MASQUERADE_BIT = 14
_CIDR = "write a network in CIDR notation, such as 10.244.0.0/16"


class Names(NamedTuple):
    """What of the configuration says who the node is."""

    hostname_override: str
    bind_address: str


def fields_of(given: Any) -> Fields:
    """The configuration's fields: of a mapping, or of YAML text such as the ConfigMap of kubeadm holds."""
    if given is None:
        return Fields("config", {})
    if isinstance(given, str):
        documents = [document for _where, document in parse("config", given)]
        if len(documents) != 1:
            raise InvalidOption("config", given, "write one KubeProxyConfiguration")
        given = documents[0]
    if not isinstance(given, AnyMapping):
        raise InvalidOption("config", given, "write a KubeProxyConfiguration as a mapping or as YAML")
    fields = Fields("config", given)
    if fields.text("kind", "KubeProxyConfiguration") != "KubeProxyConfiguration":
        raise fields.refuse("kind", "write a KubeProxyConfiguration")
    version = fields.text("apiVersion", "kubeproxy.config.k8s.io/v1alpha1")
    if version != "kubeproxy.config.k8s.io/v1alpha1":
        raise fields.refuse("apiVersion", "kubeproxy.config.k8s.io/v1alpha1 is what can be read")
    if fields.given("mode") is not None and fields.text("mode") != "ipvs":
        raise fields.refuse("mode", "this is the state of mode ipvs; an empty mode is iptables")
    return fields


def names_in(fields: Fields) -> Names:
    bind_address = fields.text("bindAddress")
    if bind_address and read_address(bind_address) is None:
        raise fields.refuse("bindAddress", "write an IPv4 or IPv6 address")
    return Names(fields.text("hostnameOverride"), bind_address)


def gates_in(fields: Fields) -> Gates:
    gates = fields.mapping("featureGates")
    return Gates(
        load_balancer_ip_mode=gates.boolean("LoadBalancerIPMode", True),
        topology_aware_hints=gates.boolean("TopologyAwareHints", True),
        service_traffic_distribution=gates.boolean("ServiceTrafficDistribution", True),
        prefer_same_traffic_distribution=gates.boolean("PreferSameTrafficDistribution", True),
    )


def read_config(fields: Fields, node: Node, gates: Gates) -> Config:
    """The configuration, its networks and interfaces as rules for this node."""
    ipvs = fields.mapping("ipvs")
    iptables = fields.mapping("iptables")
    bit = iptables.number("masqueradeBit", 0, 31, "a bit of the packets' mark", _MASQUERADE_BIT)
    addresses = [text for _where, text in fields.texts("nodePortAddresses")]
    primary = addresses == ["primary"]
    return Config(
        scheduler=ipvs.choice("scheduler", _SCHEDULERS, "rr"),
        strict_arp=ipvs.boolean("strictARP", False),
        exclude_cidrs=_networks(ipvs, "excludeCIDRs"),
        timeouts=Timeouts(*(_seconds(ipvs, name) for name in ("tcpTimeout", "tcpFinTimeout", "udpTimeout"))),
        masquerade_all=iptables.boolean("masqueradeAll", False),
        mark=1 << bit,
        not_local=_not_local(fields, node),
        node_port_networks=_by_family([] if primary else _networks(fields, "nodePortAddresses")),
        node_port_primary=primary,
        gates=gates,
    )


def _seconds(fields: Fields, name: str) -> int:
    text = fields.text(name) or "0"
    seconds = read_duration(text)
    if seconds is None:
        raise fields.refuse(name, "write a duration that is not below zero, such as 15m0s")
    return seconds


def _networks(fields: Fields, name: str) -> Sequence[Network]:
    found = []
    for where, text in fields.texts(name):
        network = read_network(text)
        if network is None:
            raise InvalidOption(fields.at(where), text, _CIDR)
        found.append(network)
    return found


def _by_family(networks: Sequence[Network]) -> Mapping[str, List[Network]]:
    return {family: [network for network in networks if network.family == family] for family in FAMILIES}


def _not_local(fields: Fields, node: Node) -> Mapping[str, str]:
    """How iptables matches traffic of nobody's pod, by family (``pkg/proxy/util/localdetector.go``)."""
    detect = fields.mapping("detectLocal")
    bridge = detect.text("bridgeInterface")
    prefix = detect.text("interfaceNamePrefix")
    cluster = _cluster_cidrs(fields)
    mode = fields.choice("detectLocalMode", _LOCAL_MODES, "ClusterCIDR")
    if mode == "BridgeInterface":
        return dict.fromkeys(FAMILIES, "! -i " + _device(detect, "bridgeInterface", bridge))
    if mode == "InterfaceNamePrefix":
        return dict.fromkeys(FAMILIES, "! -i %s+" % _device(detect, "interfaceNamePrefix", prefix))
    if mode == "NodeCIDR" and not node.pod_cidrs:
        raise InvalidOption(
            "node.pod_cidrs", None, "config.detectLocalMode is NodeCIDR, so say what networks the node's pods are in"
        )
    found: Dict[str, str] = {}
    for network in cluster if mode == "ClusterCIDR" else node.pod_cidrs:
        found.setdefault(network.family, "! -s " + network.text)
    return found


def _device(fields: Fields, name: str, value: str) -> str:
    if not 0 < len(value.encode()) <= 15 or "/" in value or any(c.isspace() for c in value):
        raise fields.refuse(name, "write a device's name, as config.detectLocalMode says")
    return value


def _cluster_cidrs(fields: Fields) -> Sequence[Network]:
    text = fields.text("clusterCIDR").strip()
    found = [read_network(part.strip()) for part in text.split(",")] if text else []
    networks = [network for network in found if network is not None]
    if len(networks) < len(found) or len({network.family for network in networks}) < len(networks):
        raise fields.refuse("clusterCIDR", _CIDR + ", or one of each family with a comma")
    return networks
