# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Kubernetes manifests mean in a lab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.linuxnet.ipvs.plugins.filter.lab import lab_kubernetes_plan

MANIFESTS = (Path(__file__).parents[4] / "playbooks" / "files" / "service.yml").read_text()
LAB: dict[str, Any] = dict(
    bridge="bridge_home",
    bridge_addresses=["10.0.0.1/24"],
    loopback_set="DUSTIN-LOOP-BACK",
    pods=[dict(name="dustin", addresses=["10.0.0.11/24"], hairpin=True), dict(name="leah", addresses=["10.0.0.21/24"])],
    services=[],
)


def _manifests(*endpoints: dict[str, Any], family: str = "IPv4", port: int = 8080, **spec: Any) -> list[dict[str, Any]]:
    cluster_ip = "10.96.0.9" if family == "IPv4" else "fd00:96::9"
    labels = {"kubernetes.io/service-name": "api"}
    return [
        dict(
            kind="Service",
            metadata={"name": "api"},
            spec={"clusterIP": cluster_ip, "ports": [{"port": 80}], **spec},
        ),
        dict(
            kind="EndpointSlice",
            metadata={"name": "api-1", "labels": labels},
            addressType=family,
            ports=[{"port": port}],
            endpoints=list(endpoints),
        ),
    ]


def _expected(plan: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Who gets what, target by target: a failure, or the answers."""
    found = {
        target["name"]: {client: "+".join(target["answers"]) for client in target["clients"]}
        for target in plan["targets"]
    }
    for each in plan["expectations"]:
        found[each["target"]][each["client"]] = each["failure"]
    return found


def test_the_labs_own_servers_need_no_further_pods_and_no_servers():
    plan = lab_kubernetes_plan(LAB, MANIFESTS)
    assert plan["node"] == {"name": "lab", "addresses": {"bridge_home": ["10.0.0.1/24"]}}
    assert (plan["addresses"], plan["pods"], plan["servers"]) == (["10.0.0.1/24"], [], [])
    assert plan["clients"] == [{"name": "host"}, {"name": "dustin", "netns": "netns_dustin"}]
    assert _expected(plan) == {
        "10.96.0.10:80": dict(host="dustin+leah", dustin="dustin+leah"),
        "10.0.0.1:30080": dict(host="dustin+leah", dustin="dustin+leah"),
        "10.96.0.11:80": dict(host="dustin", dustin="dustin"),
        "10.96.0.12:80": dict(host="refused", dustin="refused"),
        "10.96.0.13:80": dict(host="dustin", dustin="dustin"),
        "203.0.113.13:80": dict(host="dustin", dustin="timeout"),
        "10.0.0.1:30081": dict(host="dustin", dustin="dustin"),
        "10.96.0.10:9": dict(host="refused", dustin="refused"),
    }


def test_endpoints_get_pods_on_the_bridge_with_a_gateway_in_their_network():
    endpoints = [
        {"addresses": ["10.244.1.1"], "nodeName": "a"},
        {"addresses": ["10.244.2.7"], "nodeName": "b"},
        {"addresses": ["10.0.0.31"], "nodeName": "a"},
    ]
    plan = lab_kubernetes_plan(LAB, _manifests(*endpoints))
    assert plan["addresses"] == ["10.0.0.1/24", "10.244.1.2/24", "10.244.2.1/24"]
    assert [(pod["addresses"], pod["gateway"]) for pod in plan["pods"]] == [
        (["10.244.1.1/24"], "10.244.1.2"),
        (["10.244.2.7/24"], "10.244.2.1"),
        (["10.0.0.31/24"], "10.0.0.1"),
    ]
    # Devices are named after pods: veth_ns_ and seven characters are the 15 that a name may have.
    assert {len(pod["name"]) for pod in plan["pods"]} == {7}
    assert [each["content"] for each in plan["servers"]] == ["10.244.1.1:8080", "10.244.2.7:8080", "10.0.0.31:8080"]
    assert [each["netns"] for each in plan["servers"]] == ["netns_" + pod["name"] for pod in plan["pods"]]
    # The pod of another node does not ask.
    assert [each["name"] for each in plan["clients"]] == ["host", "dustin", "leah", "10.244.1.1", "10.0.0.31"]


def test_another_node_of_the_cluster_sees_other_pods():
    endpoints = [{"addresses": ["10.244.1.1"], "nodeName": "a"}, {"addresses": ["10.244.2.7"], "nodeName": "b"}]
    plan = lab_kubernetes_plan(LAB, _manifests(*endpoints, internalTrafficPolicy="Local"), "b")
    assert set(_expected(plan)["10.96.0.9:80"].values()) == {"10.244.2.7:8080"}


def test_a_pod_of_the_lab_gets_a_server_for_a_port_of_its_own():
    plan = lab_kubernetes_plan(LAB, _manifests({"addresses": ["10.0.0.11"]}, port=9090))
    assert plan["pods"] == []
    assert plan["servers"] == [
        dict(
            name="kube-dustin-9090",
            netns="netns_dustin",
            port=9090,
            content="10.0.0.11:9090",
            address="10.0.0.11",
        )
    ]


def test_ipv6_is_what_the_lab_has_of_it():
    slices = _manifests({"addresses": ["fd00:244::5"]}, family="IPv6")
    assert lab_kubernetes_plan(LAB, slices)["targets"] == lab_kubernetes_plan(LAB, slices)["pods"] == []
    plan = lab_kubernetes_plan(dict(LAB, bridge_addresses=["10.0.0.1/24", "fd00::1/64"]), slices)
    assert plan["families"] == ["ipv4", "ipv6"]
    assert plan["addresses"][-1] == "fd00:244::1/64"
    (name,) = (pod["addresses"][0].split("/")[0] for pod in plan["pods"])
    assert _expected(plan)["[fd00:96::9]:80"] == {"host": "[fd00:244::5]:8080", name: "[fd00:244::5]:8080"}


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        (_manifests({"addresses": ["10.0.0.1"]}), "the lab's bridge has this address"),
        (yaml.safe_dump({"kind": "Service", "metadata": {"name": "UP"}, "spec": {}}), "Service"),
    ],
)
def test_what_a_lab_cannot_have_is_refused(objects, message):
    with pytest.raises(AnsibleFilterError, match=message):
        lab_kubernetes_plan(LAB, objects)
