# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sets of kube-proxy: what they are called, what they are made of, and what is in them."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, NamedTuple, Set

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import SET_NAME_MAX
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.values import IPV4, Network

LOOP_BACK = "KUBE-LOOP-BACK"
CLUSTER_IP = "KUBE-CLUSTER-IP"
EXTERNAL_IP = "KUBE-EXTERNAL-IP"
EXTERNAL_IP_LOCAL = "KUBE-EXTERNAL-IP-LOCAL"
LOAD_BALANCER = "KUBE-LOAD-BALANCER"
LOAD_BALANCER_FW = "KUBE-LOAD-BALANCER-FW"
LOAD_BALANCER_LOCAL = "KUBE-LOAD-BALANCER-LOCAL"
LOAD_BALANCER_SOURCE_IP = "KUBE-LOAD-BALANCER-SOURCE-IP"
LOAD_BALANCER_SOURCE_CIDR = "KUBE-LOAD-BALANCER-SOURCE-CIDR"
HEALTH_CHECK_NODE_PORT = "KUBE-HEALTH-CHECK-NODE-PORT"
IPVS_IPS = "KUBE-IPVS-IPS"
#: By the protocol of the node port.
NODE_PORT = {"TCP": "KUBE-NODE-PORT-TCP", "UDP": "KUBE-NODE-PORT-UDP", "SCTP": "KUBE-NODE-PORT-SCTP-HASH"}
NODE_PORT_LOCAL = {
    "TCP": "KUBE-NODE-PORT-LOCAL-TCP",
    "UDP": "KUBE-NODE-PORT-LOCAL-UDP",
    "SCTP": "KUBE-NODE-PORT-LOCAL-SCTP-HASH",
}

#: Each set and its type; kube-proxy makes all of them, used or not (``pkg/proxy/ipvs/ipset.go``).
TYPES: Mapping[str, str] = {
    LOOP_BACK: "hash:ip,port,ip",
    CLUSTER_IP: "hash:ip,port",
    EXTERNAL_IP: "hash:ip,port",
    EXTERNAL_IP_LOCAL: "hash:ip,port",
    LOAD_BALANCER: "hash:ip,port",
    LOAD_BALANCER_FW: "hash:ip,port",
    LOAD_BALANCER_LOCAL: "hash:ip,port",
    LOAD_BALANCER_SOURCE_IP: "hash:ip,port,ip",
    LOAD_BALANCER_SOURCE_CIDR: "hash:ip,port,net",
    NODE_PORT["TCP"]: "bitmap:port",
    NODE_PORT_LOCAL["TCP"]: "bitmap:port",
    NODE_PORT["UDP"]: "bitmap:port",
    NODE_PORT_LOCAL["UDP"]: "bitmap:port",
    NODE_PORT["SCTP"]: "hash:ip,port",
    NODE_PORT_LOCAL["SCTP"]: "hash:ip,port",
    HEALTH_CHECK_NODE_PORT: "bitmap:port",
    IPVS_IPS: "hash:ip",
}


def set_name(family: str, name: str) -> str:
    """The name of a family's set: those of IPv6 have a 6 in it, and are cut to the longest name there is."""
    return name if family == IPV4 else name.replace("KUBE-", "KUBE-6-", 1)[:SET_NAME_MAX]


class Destination(NamedTuple):
    """Where a connection goes: an address, a protocol (``TCP``) and a port. A virtual service is known by it."""

    address: str
    protocol: str
    port: int

    def __str__(self) -> str:
        return "%s,%s:%d" % (self.address, self.protocol.lower(), self.port)


class Sets:
    """The entries of one family's sets, each once, in the order in which they came."""

    def __init__(self, family: str) -> None:
        self._family = family
        self._entries: Dict[str, Dict[str, None]] = {name: {} for name in TYPES}
        self._used: Set[str] = set()

    def add(self, name: str, entry: object) -> None:
        self._entries[name][str(entry)] = None

    def add_network(self, name: str, destination: Destination, network: Network) -> bool:
        """A network as the kernel lists it, and whether it can be in a set: one of prefix length 0 cannot.

        kube-proxy tries, is refused by ipset, and writes the set's rule all the same.
        """
        self._used.add(name)
        if network.everything:
            return False
        whole = "/32" if self._family == IPV4 else "/128"
        text = network.text[: -len(whole)] if network.text.endswith(whole) else network.text
        self.add(name, "%s,%s" % (destination, text))
        return True

    def used(self, name: str) -> bool:
        """Whether kube-proxy writes the rules that refer to the set."""
        return name in self._used or bool(self._entries[name])

    def as_options(self) -> Iterator[Dict[str, Any]]:
        """Each set with the options of the module ``ipset``, as the kernel has those that kube-proxy makes."""
        for name, kind in TYPES.items():
            options: Dict[str, Any] = {"name": set_name(self._family, name), "type": kind}
            if kind == "bitmap:port":
                options["range"] = "0-65535"
            else:
                options["family"] = "inet" if self._family == IPV4 else "inet6"
                options["hashsize"] = 1024
                options["maxelem"] = 65536
            options["entries"] = list(self._entries[name])
            yield options
