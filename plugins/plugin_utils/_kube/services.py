# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Service as the API server has it, read into what kube-proxy makes of it.

What the API server would refuse is an error. What kube-proxy passes over (``pkg/proxy/serviceport.go`` and
``pkg/proxy/util`` of Kubernetes 1.30 to 1.35) is noted as ignored.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.fields import Fields
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.texts import (
    LABEL,
    PORT_NAME,
    read_address,
    read_network,
)
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.values import (
    FAMILIES,
    IPV4,
    IPV6,
    Gates,
    Ignored,
    Network,
    Service,
    ServicePort,
)

Note = Callable[[Ignored], None]

PROTOCOLS = ("TCP", "UDP", "SCTP")
_TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
_POLICIES = ("Cluster", "Local")
#: What spec.ipFamilies calls the families.
_FAMILY_NAMES = {"IPv4": IPV4, "IPv6": IPV6}
#: The labels with which a Service (and its slices) is somebody else's.
SERVICE_PROXY_NAME = "service.kubernetes.io/service-proxy-name"
HEADLESS = "service.kubernetes.io/headless"
_HINTS = ("service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode")
#: The API server's default for a session affinity without a timeout, in seconds (three hours), and its most (a day).
_AFFINITY_SECONDS = 10800
_AFFINITY_MOST = 86400


def name_of(fields: Fields, kind: str) -> Tuple[str, str, str]:
    """The namespace and the name of an object, and how errors call it."""
    metadata = fields.mapping("metadata")
    name = metadata.text("name")
    namespace = metadata.text("namespace") or "default"
    return namespace, name, "%s %s/%s" % (kind, namespace, name)


def read_service(where: str, given: Mapping[str, Any], gates: Gates, note: Note) -> Optional[Service]:
    """A Service, or none where kube-proxy passes over it as a whole."""
    at_place = Fields(where, given)
    namespace, name, called = name_of(at_place, "Service")
    fields = Fields(called + ": ", given)
    metadata = fields.mapping("metadata")
    label = "a name is a label of at most 63 lower-case letters, digits and '-' (RFC 1123)"
    if not name:
        raise at_place.mapping("metadata").refuse("name", "an object needs a name")
    metadata.name("name", LABEL, label)
    metadata.name("namespace", LABEL, label, default="default")
    version = fields.text("apiVersion", "v1")
    if version != "v1":
        raise fields.refuse("apiVersion", "a Service is of version v1")
    spec = fields.mapping("spec")
    kind = spec.choice("type", _TYPES, "ClusterIP")
    ports = _ports(spec)
    cluster_ips = _cluster_ips(spec)
    reason = _passed_over(metadata.pairs("labels"), kind, spec, cluster_ips)
    if reason is not None:
        note(Ignored(called, *reason))
        return None
    if not ports:
        raise spec.refuse("ports", "a Service with a cluster IP needs at least one port")

    def ignore(field: str, why: str) -> None:
        note(Ignored(called, field, why))

    external_ips = _external_ips(spec, cluster_ips, ignore)
    load_balancer_ips = _load_balancer_ips(fields, cluster_ips, gates, ignore)
    given_source_ranges = _source_ranges(spec, load_balancer_ips, ignore)
    external_policy = spec.choice("externalTrafficPolicy", _POLICIES, "Cluster")
    internal_policy = spec.choice("internalTrafficPolicy", _POLICIES, "Cluster")
    from_outside = kind in ("NodePort", "LoadBalancer") or bool(spec.list("externalIPs"))
    external_local = from_outside and external_policy == "Local"
    health_check = spec.port("healthCheckNodePort", optional=True)
    if kind != "LoadBalancer" or not external_local:
        health_check = 0
    elif not health_check:
        ignore("spec.healthCheckNodePort", "it is missing, so there is no health check node port")
    annotations = metadata.pairs("annotations")
    return Service(
        namespace=namespace,
        name=name,
        ports=ports,
        cluster_ips=cluster_ips,
        external_ips=external_ips,
        load_balancer_ips=load_balancer_ips,
        source_ranges=given_source_ranges,
        external_local=external_local,
        internal_local=internal_policy == "Local",
        affinity_timeout=_affinity_timeout(spec),
        health_check_node_port=health_check,
        hints_annotation=next((annotations[hint] for hint in _HINTS if hint in annotations), ""),
    )


def _passed_over(
    labels: Mapping[str, str], kind: str, spec: Fields, cluster_ips: Mapping[str, str]
) -> Optional[Tuple[str, str]]:
    """The field and the reason for which the whole Service is none of kube-proxy's."""
    if SERVICE_PROXY_NAME in labels:
        return "metadata.labels", "the label %s gives it to another service proxy" % SERVICE_PROXY_NAME
    if HEADLESS in labels:
        return "metadata.labels", "the label %s says that it is headless" % HEADLESS
    if kind == "ExternalName":
        return "spec.type", "an ExternalName is an alias of DNS and has no cluster IP"
    if not cluster_ips:
        headless = "None" in (spec.text("clusterIP"), *spec.list("clusterIPs"))
        return "spec.clusterIP", "it is headless" if headless else "it has no cluster IP"
    return None


def _ports(spec: Fields) -> Tuple[ServicePort, ...]:
    listed = list(spec.mappings("ports"))
    found: List[ServicePort] = []
    for fields in listed:
        name = fields.text("name")
        if name or len(listed) > 1:
            fields.name("name", LABEL, "a port's name is a label, and each of several ports needs one")
        protocol = fields.choice("protocol", PROTOCOLS, "TCP")
        number = fields.port("port")
        _check_target_port(fields)
        if any(name == other.name for other in found):
            raise fields.refuse("name", "two ports have this name")
        if any((protocol, number) == (other.protocol, other.port) for other in found):
            raise fields.refuse("port", "two ports have this number and protocol")
        found.append(ServicePort(name, protocol, number, fields.port("nodePort", optional=True)))
    return tuple(found)


def _check_target_port(fields: Fields) -> None:
    """The number or name of the pods' port. It is in the EndpointSlices what counts, so it is only checked."""
    target = fields.given("targetPort")
    if isinstance(target, str):
        fields.name("targetPort", PORT_NAME, "a port by name has at most 15 letters, digits and '-'", 15)
    elif target is not None:
        fields.port("targetPort", optional=True)


def _cluster_ips(spec: Fields) -> Dict[str, str]:
    """The cluster IP of each family; empty for a headless Service and for one without."""
    single = spec.text("clusterIP")
    several = [text for _where, text in spec.texts("clusterIPs")] or ([single] if single else [])
    if single and several[0] != single:
        raise spec.refuse("clusterIPs", "the first one is clusterIP, %s" % single)
    if not several or several == ["None"] or several == [""]:
        return {}
    found: Dict[str, str] = {}
    families = [_FAMILY_NAMES.get(text) for _where, text in spec.texts("ipFamilies")]
    if None in families or len(set(families)) < len(families):
        raise spec.refuse("ipFamilies", "write each of IPv4 and IPv6 at most once")
    for place, text in enumerate(several):
        address = read_address(text)
        if address is None:
            field = "clusterIPs" if spec.list("clusterIPs") else "clusterIP"
            raise spec.refuse(field, "%s is no IPv4 or IPv6 address" % text)
        if address[0] in found:
            raise spec.refuse("clusterIPs", "there is at most one of each family")
        if families and (place >= len(families) or families[place] != address[0]):
            raise spec.refuse("ipFamilies", "each is the family of the cluster IP at its place, and %s is not" % text)
        found[address[0]] = address[1]
    return found


def _by_family() -> Dict[str, List[Any]]:
    return {family: [] for family in FAMILIES}


def _external_ips(
    spec: Fields, cluster_ips: Mapping[str, str], ignore: Callable[[str, str], None]
) -> Mapping[str, Sequence[str]]:
    found = _by_family()
    for where, text in spec.texts("externalIPs"):
        address = read_address(text)
        if address is None:
            ignore("spec." + where, "'%s' is no IP address" % text)
        elif address[0] not in cluster_ips:
            ignore("spec." + where, "%s: the Service has no cluster IP of this family" % address[1])
        else:
            found[address[0]].append(address[1])
    return found


def _load_balancer_ips(
    fields: Fields, cluster_ips: Mapping[str, str], gates: Gates, ignore: Callable[[str, str], None]
) -> Mapping[str, Sequence[str]]:
    found = _by_family()
    balancer = fields.mapping("status").mapping("loadBalancer")
    for place, ingress in enumerate(balancer.mappings("ingress")):
        where = "status.loadBalancer.ingress[%d]" % place
        text = ingress.text("ip")
        mode = ingress.choice("ipMode", ("VIP", "Proxy"), "VIP")
        if not text:
            ignore(where, "it has no IP address, only the name %s" % ingress.text("hostname"))
            continue
        address = read_address(text)
        if address is None:
            raise ingress.refuse("ip", "write an IPv4 or IPv6 address")
        if mode == "Proxy" and gates.load_balancer_ip_mode:
            ignore(where, "%s: with ipMode Proxy the load balancer itself is the way to the Service" % address[1])
        elif address[0] not in cluster_ips:
            ignore(where, "%s: the Service has no cluster IP of this family" % address[1])
        else:
            found[address[0]].append(address[1])
    return found


def _source_ranges(
    spec: Fields, load_balancer_ips: Mapping[str, Sequence[str]], ignore: Callable[[str, str], None]
) -> Mapping[str, Sequence[Network]]:
    found = _by_family()
    for where, text in spec.texts("loadBalancerSourceRanges"):
        network = read_network(text.strip())
        if network is None:
            ignore("spec." + where, "'%s' is no network in CIDR notation" % text)
        else:
            found[network.family].append(network)
    for family in FAMILIES:
        if load_balancer_ips[family] and spec.list("loadBalancerSourceRanges") and not found[family]:
            ignore(
                "spec.loadBalancerSourceRanges",
                "none is of %s, so everybody may use the load balancer's addresses of this family"
                % {IPV4: "IPv4", IPV6: "IPv6"}[family],
            )
    return found


def _affinity_timeout(spec: Fields) -> int:
    if spec.choice("sessionAffinity", ("None", "ClientIP"), "None") == "None":
        return 0
    client_ip = spec.mapping("sessionAffinityConfig").mapping("clientIP")
    return client_ip.number("timeoutSeconds", 1, _AFFINITY_MOST, "a timeout in seconds", _AFFINITY_SECONDS)
