# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of a small cluster for tests of what kube-proxy makes of it, and that in few words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.linuxnet.ipvs.plugins.filter.kube_proxy_state import kube_proxy_handover
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.state import kernel_state

NODE = {"name": "here", "addresses": {"eth0": ["192.0.2.10/24", "2001:db8::10"]}}
PORT = {"name": "http", "port": 80}


def service(name: str = "web", *ports: dict[str, Any], status: Any = None, metadata: Any = None, **spec: Any) -> Any:
    """A Service of the cluster IP 10.96.0.1, unless said otherwise."""
    spec = {"clusterIP": "10.96.0.1", "ports": list(ports) or [PORT], **spec}
    made = {"kind": "Service", "metadata": {"name": name, "namespace": "d", **(metadata or {})}, "spec": spec}
    return made if status is None else {**made, "status": status}


def balanced(*addresses: Any) -> dict[str, Any]:
    """A Service's status with these addresses of load balancers."""
    ingress = [each if isinstance(each, dict) else {"ip": each} for each in addresses]
    return {"loadBalancer": {"ingress": ingress}}


def endpoint(address: str, node: str | None = "here", hints: Any = None, **conditions: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"addresses": [address], "conditions": conditions}
    if node is not None:
        made["nodeName"] = node
    return made if hints is None else {**made, "hints": hints}


def endpoint_slice(*endpoints: Any, of: str = "web", name: str = "", port: Any = 8080, **given: Any) -> Any:
    """An EndpointSlice of IPv4, unless said otherwise."""
    made = {
        "kind": "EndpointSlice",
        "metadata": {"name": name or of + "-1", "namespace": "d", "labels": {"kubernetes.io/service-name": of}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port}],
        "endpoints": list(endpoints),
    }
    return {**made, **given}


def state(*objects: Any, node: Any = None, config: Any = None, families: Any = ("ipv4",)) -> dict[str, Any]:
    return kernel_state(list(objects), node or NODE, config, families)


def table(made: dict[str, Any]) -> dict[str, list[str]]:
    """The real servers' addresses of each virtual service."""
    return {
        "%s:%d/%s" % (each["address"], each["port"], each["protocol"]): [
            server["address"] for server in each["real_servers"]
        ]
        for each in made["virtual_services"]
    }


def filled(made: dict[str, Any]) -> dict[str, list[str]]:
    """The sets that have entries, without the name's common part."""
    return {each["name"][len("KUBE-") :]: each["entries"] for each in made["sets"] if each["entries"]}


def rules(made: dict[str, Any], where: str, family: str = "ipv4") -> list[str]:
    """The rules of one chain (``nat/KUBE-SERVICES``), without their comments."""
    table_name, chain_name = where.split("/")
    (found,) = (
        chain["rules"]
        for chain in made["chains"]
        if (chain["family"], chain["table"], chain["chain"]) == (family, table_name, chain_name)
    )
    return [_without_comment(rule) for rule in found]


def _without_comment(rule: str) -> str:
    before, comment, rest = rule.partition('-m comment --comment "')
    return before + rest.partition('" ')[2] if comment else rule


def reasons(made: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(each["object"], each["field"], each["reason"]) for each in made["ignored"]]


def role_tasks(made: dict[str, Any], there: list[dict[str, Any]], addresses: list[str]) -> Iterator[tuple[str, Any]]:
    """The modules of the role kubernetes_services in its order, with their options, for a node that has these sets."""
    todo = kube_proxy_handover(made, there, addresses)
    for each in todo["filled_sets"]:
        yield "ipset", each
    jumps = [{**jump, "position": "anywhere"} for jump in todo["jumps"]]
    yield "iptables_chains", dict(chains=todo["chains"], jumps=jumps)
    scope = {"services": todo["services"]}
    yield "ipvs_table", dict(services=made["virtual_services"], purge=True, graceful=True, scope=scope)
    yield "virtual_ip", dict(name="kube-ipvs0", addresses=made["addresses"], exclusive=True)
    for each in todo["purged_sets"]:
        yield "ipset", each
