# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EndpointSlices, read into the endpoints of each Service.

The rules are those of ``pkg/proxy/endpointslicecache.go`` (Kubernetes 1.30 to 1.35).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, Dict, FrozenSet, List, NamedTuple, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.fields import Fields
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.services import (
    HEADLESS,
    PROTOCOLS,
    SERVICE_PROXY_NAME,
    name_of,
)
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.texts import LABEL, SUBDOMAIN, read_address
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.values import (
    IPV4,
    IPV6,
    Endpoint,
    EndpointsByPort,
    Gates,
    Ignored,
    Node,
    PortKey,
)

SERVICE_NAME = "kubernetes.io/service-name"
_FAMILY_OF_TYPE = {"IPv4": IPV4, "IPv6": IPV6}
_NOWHERE: FrozenSet[str] = frozenset()
#: How addresses begin that no pod has and the API server refuses: loopback and link-local ones.
_NO_PODS = ("127.", "169.254.", "fe8", "fe9", "fea", "feb")

#: Slices by the namespace and name of their Service, and the endpoints that they add up to by family.
Slices = Dict[Tuple[str, str], Dict[str, "Merged"]]


class Merged(NamedTuple):
    """The endpoints of a Service in one family by port; each by its address and port, which are unique."""

    by_port: Dict[PortKey, Dict[Tuple[str, int], Endpoint]]

    def sorted(self) -> EndpointsByPort:
        """Each port's endpoints in the order of their text, which is kube-proxy's."""
        return {port: [found[key] for key in sorted(found)] for port, found in self.by_port.items()}


def read_slice(
    where: str, given: Mapping[str, Any], node: Node, gates: Gates, into: Slices, note: Callable[[Ignored], None]
) -> None:
    """One EndpointSlice, whose endpoints join those of the Service's other slices."""
    at_place = Fields(where, given)
    namespace, name, called = name_of(at_place, "EndpointSlice")
    fields = Fields(called + ": ", given)
    metadata = fields.mapping("metadata")
    if not name:
        raise at_place.mapping("metadata").refuse("name", "an object needs a name")
    metadata.name("name", SUBDOMAIN, "a name is of lower-case letters, digits, '-' and '.' (RFC 1123)", 253)
    metadata.name("namespace", LABEL, "a name is a label of lower-case letters, digits and '-'", default="default")
    if fields.text("apiVersion", "discovery.k8s.io/v1") != "discovery.k8s.io/v1":
        raise fields.refuse("apiVersion", "an EndpointSlice is of version discovery.k8s.io/v1")
    labels = metadata.pairs("labels")
    if SERVICE_PROXY_NAME in labels:
        note(Ignored(called, "metadata.labels", "the label %s gives it to another proxy" % SERVICE_PROXY_NAME))
        return
    if HEADLESS in labels:
        note(Ignored(called, "metadata.labels", "the label %s says that it is headless" % HEADLESS))
        return
    service = labels.get(SERVICE_NAME, "")
    if not service:
        note(Ignored(called, "metadata.labels", "no label %s says whose endpoints these are" % SERVICE_NAME))
        return
    kind = fields.text("addressType")
    if kind == "FQDN":
        note(Ignored(called, "addressType", "endpoints by name (FQDN) are none of kube-proxy's"))
        return
    if kind not in _FAMILY_OF_TYPE:
        raise fields.refuse("addressType", "choose one of IPv4, IPv6, FQDN")
    family = _FAMILY_OF_TYPE[kind]
    endpoints = _endpoints(fields, family, node, gates, note, called)
    merged = into.setdefault((namespace, service), {}).setdefault(family, Merged({})).by_port
    for key, number in _ports(fields, note, called):
        unique = merged.setdefault(key, {})
        for template in endpoints:
            at = (template[0], number)
            # An endpoint that two slices have (it is moving from one to the other) is local if either says so.
            if template[1] or at not in unique:
                unique[at] = Endpoint(template[0], number, *template[1:])


def _ports(fields: Fields, note: Callable[[Ignored], None], called: str) -> List[Tuple[PortKey, int]]:
    found = []
    for place, port in enumerate(fields.mappings("ports")):
        name = port.text("name")
        if name:
            port.name("name", LABEL, "a port's name is a label of lower-case letters, digits and '-'")
        protocol = port.choice("protocol", PROTOCOLS, "TCP")
        if port.given("port") in (None, 0):
            note(Ignored(called, "ports[%d].port" % place, "a port without a number"))
        else:
            found.append(((name, protocol), port.port("port")))
    return found


#: An endpoint without its port: address, local, ready, serving, terminating, zones, nodes.
_Template = Tuple[str, bool, bool, bool, bool, FrozenSet[str], FrozenSet[str]]


def _endpoints(
    fields: Fields, family: str, node: Node, gates: Gates, note: Callable[[Ignored], None], called: str
) -> List[_Template]:
    found: List[_Template] = []
    for place, given in enumerate(fields.list("endpoints")):
        # No Fields here: there are tens of thousands of endpoints.
        where = "%sendpoints[%d]" % (fields.path, place)
        if not isinstance(given, (dict, Mapping)):
            raise InvalidOption(where, given, "write a mapping")
        address = _address(where, given.get("addresses"), family)
        if len(given["addresses"]) > 1:
            note(Ignored(called, "endpoints[%d].addresses" % place, "kube-proxy takes the first one only"))
        node_name = given.get("nodeName")
        if node_name is not None and not isinstance(node_name, str):
            raise InvalidOption(where + ".nodeName", node_name, "write the name of a node")
        ready, serving, terminating = _conditions(where, given.get("conditions"))
        hints = given.get("hints")
        zones = nodes = _NOWHERE
        if hints and gates.topology_aware_hints:
            read = Fields(where + ".hints", hints) if isinstance(hints, Mapping) else None
            if read is None:
                raise InvalidOption(where + ".hints", hints, "write a mapping")
            zones = frozenset(hint.text("name") for hint in read.mappings("forZones"))
            if gates.prefer_same_traffic_distribution:
                nodes = frozenset(hint.text("name") for hint in read.mappings("forNodes"))
        found.append((address, node_name == node.name, ready, serving, terminating, zones, nodes))
    return found


def _address(where: str, given: Any, family: str) -> str:
    """The first address; all have to be of the slice's family."""
    if not isinstance(given, (list, tuple)) or not given:
        raise InvalidOption(where + ".addresses", given, "an endpoint needs a list of at least one address")
    first = ""
    for place, text in enumerate(given):
        address = read_address(text) if isinstance(text, str) else None
        if address is None:
            raise InvalidOption("%s.addresses[%d]" % (where, place), text, "write an IPv4 or IPv6 address")
        if address[0] != family:
            raise InvalidOption(
                "%s.addresses[%d]" % (where, place),
                text,
                "all addresses of a slice are of its addressType: put those of the other family into a slice of theirs",
            )
        if address[1].startswith(_NO_PODS) or address[1] in ("0.0.0.0", "::", "::1"):
            raise InvalidOption("%s.addresses[%d]" % (where, place), text, "no pod has an address of this kind")
        first = first or address[1]
    return first


def _conditions(where: str, given: Any) -> Tuple[bool, bool, bool]:
    """Ready, serving and terminating; what is not said counts as ready, serving and not terminating."""
    if given is None:
        return True, True, False
    if not isinstance(given, (dict, Mapping)):
        raise InvalidOption(where + ".conditions", given, "write a mapping")
    get = given.get
    if get("ready") is True and get("serving") is True and get("terminating") is False:
        return True, True, False
    found = []
    for name, unsaid in (("ready", True), ("serving", True), ("terminating", False)):
        value = given.get(name)
        if value is None:
            value = unsaid
        elif not isinstance(value, bool):
            raise InvalidOption("%s.conditions.%s" % (where, name), value, "write true or false")
        found.append(value)
    return found[0], found[1], found[2]
