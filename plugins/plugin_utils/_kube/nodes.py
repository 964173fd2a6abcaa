# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The node for which the state is made."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.fields import Fields
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.texts import SUBDOMAIN, read_address, read_network
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.values import (
    FAMILIES,
    IPV4,
    IPV6,
    Network,
    Node,
)

#: kube-proxy's own device, whose addresses are the Services' and never the node's.
DEVICE = "kube-ipvs0"
_LOOPBACK = {IPV4: "127.0.0.1", IPV6: "::1"}
_KNOWN = ("name", "addresses", "labels", "ips", "pod_cidrs", "kernel")
_RELEASE = re.compile(r"(\d+)\.(\d+)")


def read_node(given: Any, api_objects: Sequence[Mapping[str, Any]], hostname_override: str, bind_address: str) -> Node:
    """The node, from the user's words and from its Node object where that is among the objects.

    The user's words win. ``bind_address`` and ``hostname_override`` are the configuration's, which win over both as
    they do in kube-proxy (``cmd/kube-proxy/app/server.go``).
    """
    if not isinstance(given, Mapping):
        raise InvalidOption("node", given, "write a mapping with the node's name and its addresses by device")
    fields = Fields("node", given)
    for name in fields.names():
        if name not in _KNOWN:
            raise fields.refuse(name, "a node has %s" % ", ".join(_KNOWN))
    name = (hostname_override.strip() or fields.text("name").strip()).lower()
    if not SUBDOMAIN.fullmatch(name):
        raise fields.refuse("name", "write the name that the cluster has for the node")
    known = Fields("Node %s: " % name, {})
    for each in api_objects:
        if Fields("Node", each).mapping("metadata").text("name") == name:
            known = Fields("Node %s: " % name, each)
    addresses, all_addresses = _addresses(fields)
    return Node(
        name=name,
        labels=fields.pairs("labels") or known.mapping("metadata").pairs("labels"),
        addresses=addresses,
        all_addresses=all_addresses,
        ips=_ips(fields, known, bind_address, addresses),
        pod_cidrs=_pod_cidrs(fields, known),
        kernel=_kernel(fields, known),
    )


def _addresses(fields: Fields) -> Tuple[Mapping[str, Sequence[str]], Mapping[str, Sequence[str]]]:
    own: Dict[str, List[str]] = {family: [] for family in FAMILIES}
    every: Dict[str, List[str]] = {family: [] for family in FAMILIES}
    devices = fields.mapping("addresses")
    for device in devices.names():
        for where, text in devices.texts(device):
            found = read_address(text.partition("/")[0])
            if found is None:
                raise InvalidOption(devices.at(where), text, "write an IPv4 or IPv6 address")
            family, address = found
            if device == DEVICE or address in every[family] or _is_loopback(address):
                continue
            every[family].append(address)
            if not _is_link_local(address):
                own[family].append(address)
    return own, every


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def _is_link_local(address: str) -> bool:
    return address[:3] in ("fe8", "fe9", "fea", "feb")


def _ips(fields: Fields, known: Fields, bind_address: str, addresses: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
    """The node's IP in each family, as kube-proxy finds it in the Node object (``GetNodeHostIPs``).

    Where nobody says it, it is the first of its addresses; where it has none, the loopback address.
    """
    candidates = [text for _where, text in fields.texts("ips")]
    if not candidates:
        statuses = list(known.mapping("status").mappings("addresses"))
        for kind in ("InternalIP", "ExternalIP"):
            candidates += [status.text("address") for status in statuses if status.text("type") == kind]
    found: Dict[str, str] = {}
    for text in candidates:
        address = read_address(text)
        if address is None:
            raise InvalidOption(fields.at("ips"), text, "write an IPv4 or IPv6 address")
        found.setdefault(*address)
    if not found:
        found = {family: addresses[family][0] for family in FAMILIES if addresses[family]}
    bound = read_address(bind_address)
    if bound is not None and bound[1] not in ("0.0.0.0", "::"):
        found[bound[0]] = bound[1]
    return {family: found.get(family, _LOOPBACK[family]) for family in FAMILIES}


def _pod_cidrs(fields: Fields, known: Fields) -> Sequence[Network]:
    found = []
    source = fields if fields.list("pod_cidrs") else known.mapping("spec")
    for where, text in source.texts("pod_cidrs" if source is fields else "podCIDRs"):
        network = read_network(text)
        if network is None:
            raise InvalidOption(source.at(where), text, "write a network in CIDR notation")
        found.append(network)
    return found


def _kernel(fields: Fields, known: Fields) -> Optional[Tuple[int, int]]:
    release = fields.text("kernel") or known.mapping("status").mapping("nodeInfo").text("kernelVersion")
    if not release:
        return None
    found = _RELEASE.match(release)
    if found is None:
        raise fields.refuse("kernel", "write the kernel's release, such as 6.1.0-44-amd64")
    return int(found.group(1)), int(found.group(2))
