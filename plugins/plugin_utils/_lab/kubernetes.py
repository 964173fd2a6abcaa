# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Kubernetes manifests mean in a lab: pods for their endpoints, and who is to reach which Service.

The lab's node is one node of their cluster. Pods of its other nodes are namespaces of the lab too, but they ask nobody:
their packets would leave from another node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any
from zlib import crc32

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube import documents, sets
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.state import kernel_state
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._lab.plan import HOST, PORT, Lab, Options, Rows

#: The node's name where no endpoint says on which node it is.
NODE = "lab"
#: The prefix lengths of pods' networks other than the lab's own, by the version of IP.
_PREFIX = {4: 24, 6: 64}
#: A port that no Service has, unless somebody serves "discard" (RFC 863) by one.
_NO_SERVICE = 9


def kubernetes_plan(lab: Lab, given: Any, node: str | None = None, config: Any = None) -> dict[str, Any]:
    """What the roles are told; the filter's documentation describes the keys.

    :param given: the manifests, in any form that :func:`documents.objects` reads.
    :param node: which node of the cluster the lab's is; by default the one that the first endpoint is on.
    :raises InvalidOption: for what kube-proxy would not accept, or the lab cannot have.
    """
    endpoints = list(_endpoints(given))
    name = node or next((each["node"] for each in endpoints if each["node"]), NODE)
    families = ["ipv4", "ipv6"] if lab.ipv6 else ["ipv4"]
    of_node = {"name": name, "addresses": {lab.bridge: list(lab.bridge_addresses)}}
    state = kernel_state(given, of_node, config, families)
    return {"node": of_node, "families": families, **_Pods(lab, endpoints, name).as_roles(state)}


def _endpoints(given: Any) -> Iterator[dict[str, Any]]:
    """Each endpoint of TCP, as its address, port and node."""
    for _where, kind, each in documents.objects(given):
        if kind != "EndpointSlice" or each.get("addressType") not in ("IPv4", "IPv6"):
            continue
        ports = [port["port"] for port in each.get("ports") or () if port.get("protocol") in (None, "TCP")]
        for endpoint in each.get("endpoints") or ():
            for address in endpoint["addresses"][:1]:
                for port in ports:
                    yield {"address": str(ip_address(address)), "port": port, "node": endpoint.get("nodeName")}


class _Pods:
    """The namespaces behind the endpoints: the lab's own pods, and those that are made for the others."""

    def __init__(self, lab: Lab, endpoints: Sequence[Options], node: str) -> None:
        endpoints = [each for each in endpoints if lab.ipv6 or ":" not in each["address"]]
        self._lab = lab
        self._own = {str(ip_interface(address).ip): pod for pod in lab.pods for address in pod.get("addresses") or ()}
        self._networks = [ip_interface(address) for address in lab.bridge_addresses]
        taken = {each["address"] for each in endpoints}
        self.addresses = list(lab.bridge_addresses)
        self.pods: Rows = []
        self.servers: Rows = []
        #: What the server at each endpoint answers.
        self.answers: dict[tuple[str, int], str] = {}
        #: The namespaces from which somebody of another node would ask.
        self._remote: set[str] = set()
        for each in endpoints:
            self._serve(each, taken, each["node"] not in (None, node))

    def _serve(self, endpoint: Options, taken: set[str], remote: bool) -> None:
        address, port = endpoint["address"], endpoint["port"]
        own = self._own.get(address)
        if own is None and all(pod["address"] != address for pod in self.pods):
            self._add_pod(address, taken)
        pod = own or next(pod for pod in self.pods if pod["address"] == address)
        if remote:
            self._remote.add(pod["name"])
        if (address, port) in self.answers:
            return
        if own is not None and own.get("port", PORT) == port:
            self.answers[address, port] = own["name"]
            return
        answer = "%s:%d" % ("[%s]" % address if ":" in address else address, port)
        self.answers[address, port] = answer
        server = {"name": "kube-%s-%d" % (pod["name"], port), "netns": _netns(pod), "port": port, "content": answer}
        self.servers.append({**server, "address": address})

    def _add_pod(self, address: str, taken: set[str]) -> None:
        number = crc32(address.encode()) & 0xFFFFFF
        while any(pod["name"] == "k%06x" % number for pod in self.pods):
            number = (number + 1) & 0xFFFFFF
        here = next((each for each in self._networks if ip_address(address) in each.network), None)
        if here is None:
            here = self._gateway(address, taken)
            self._networks.append(here)
            self.addresses.append(str(here))
        if str(here.ip) == address:
            raise InvalidOption("lab_kubernetes", address, "the lab's bridge has this address: take another endpoint")
        pod = {
            "name": "k%06x" % number,
            "address": address,
            "addresses": ["%s/%d" % (address, here.network.prefixlen)],
            "gateway": str(here.ip),
            "hairpin": True,
        }
        self.pods.append(pod)

    def _gateway(self, address: str, taken: set[str]) -> Any:
        """An address for the bridge in the network of a pod: the first that is no endpoint's."""
        length = _PREFIX[ip_address(address).version]
        network = ip_network("%s/%d" % (address, length), strict=False)
        free = next((each for each in network.hosts() if str(each) not in taken), None)
        if free is None:
            raise InvalidOption("lab_kubernetes", str(network), "leave an address of this network to the lab's bridge")
        return ip_interface("%s/%d" % (free, length))

    def clients(self) -> Iterator[tuple[dict[str, Any], list[str]]]:
        """Who asks, with its addresses."""
        yield {"name": HOST}, [str(each.ip) for each in self._networks]
        for pod in [*self._lab.pods, *self.pods]:
            if pod["name"] not in self._remote:
                addresses = [str(ip_interface(address).ip) for address in pod.get("addresses") or ()]
                yield {"name": pod.get("address") or pod["name"], "netns": _netns(pod)}, addresses

    def as_roles(self, state: Mapping[str, Any]) -> dict[str, Any]:
        asks = list(self.clients())
        entries = {each["name"]: each["entries"] for each in state["sets"]}
        targets: Rows = []
        expectations: Rows = []
        for service in state["virtual_services"]:
            if service["protocol"] != "tcp":
                continue
            target = self._target(service, asks)
            targets.append(target)
            for client, addresses in asks:
                failure = "" if service["real_servers"] else "refused"
                if not _let_in(service, client["name"], addresses, entries):
                    failure = "timeout"
                if failure and client["name"] in target["clients"]:
                    expectations.append({"client": client["name"], "target": target["name"], "failure": failure})
        for target in self._closed(state, asks):
            targets.append(target)
            expectations += [
                {"client": name, "target": target["name"], "failure": "refused"} for name in target["clients"]
            ]
        return {
            "addresses": self.addresses,
            "pods": [{key: value for key, value in pod.items() if key != "address"} for pod in self.pods],
            "servers": self.servers,
            "clients": [client for client, _addresses in asks],
            "targets": targets,
            "expectations": expectations,
        }

    def _target(self, service: Options, asks: Sequence[tuple[dict[str, Any], list[str]]]) -> dict[str, Any]:
        answers = [self.answers[str(each["address"]), each["port"]] for each in service["real_servers"]]
        return {
            **_asked(service["address"], service["port"], asks),
            "answers": answers,
            "every": service["scheduler"] == "rr" and not service["persistence_timeout"],
        }

    def _closed(
        self, state: Mapping[str, Any], asks: Sequence[tuple[dict[str, Any], list[str]]]
    ) -> Iterator[dict[str, Any]]:
        """An address of a Service in each family, at a port that it does not have."""
        served = {(each["address"], each["port"]) for each in state["virtual_services"]}
        for ipv6 in (False, True):
            address = next((each for each in state["addresses"] if (":" in each) is ipv6), None)
            if address is not None and (address, _NO_SERVICE) not in served:
                yield {**_asked(address, _NO_SERVICE, asks), "answers": []}


def _netns(pod: Options) -> str:
    return str(pod.get("netns") or "netns_%s" % pod["name"])


def _asked(address: str, port: int, asks: Sequence[tuple[dict[str, Any], list[str]]]) -> dict[str, Any]:
    """An address as a target, for those who have an address of its family."""
    ipv6 = ":" in address
    place = "%s:%d" % ("[%s]" % address if ipv6 else address, port)
    clients = [client["name"] for client, own in asks if any((":" in each) is ipv6 for each in own)]
    return {"name": place, "url": "http://%s" % place, "clients": clients}


def _let_in(service: Options, client: str, addresses: Sequence[str], entries: Mapping[str, Sequence[str]]) -> bool:
    """Whether the source ranges of a load balancer let a client in. The node asks from the balancer's address."""
    address = service["address"]
    family = "ipv6" if ":" in address else "ipv4"
    of = {
        name: entries.get(sets.set_name(family, name), ())
        for name in (sets.LOAD_BALANCER_FW, sets.LOAD_BALANCER_SOURCE_IP, sets.LOAD_BALANCER_SOURCE_CIDR)
    }
    destination = "%s,tcp:%d" % (address, service["port"])
    if destination not in of[sets.LOAD_BALANCER_FW]:
        return True
    if client == HOST:
        return "%s,%s" % (destination, address) in of[sets.LOAD_BALANCER_SOURCE_IP]
    networks = [
        ip_network(entry.split(",")[2])
        for entry in of[sets.LOAD_BALANCER_SOURCE_CIDR]
        if entry.rsplit(",", 1)[0] == destination
    ]
    return any(ip_address(own) in network for own in addresses for network in networks)
