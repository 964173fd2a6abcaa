# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In what forms objects are given, and what no API server would have taken."""

from __future__ import annotations

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from clusters import NODE, PORT, balanced, endpoint, endpoint_slice, reasons, service, state, table

from ansible_collections.linuxnet.ipvs.plugins.filter.kube_proxy_state import kube_proxy_state
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.texts import (
    read_address,
    read_duration,
    read_network,
)

WEB = service()
ENDPOINTS = endpoint_slice(endpoint("10.244.0.1"))


class Text(str):
    """A text as ansible-core 2.19 hands it over: of a class of its own."""


def _without_kind(given):
    return {name: value for name, value in given.items() if name != "kind"}


@pytest.mark.parametrize(
    "objects",
    [
        [WEB, ENDPOINTS],
        {"kind": "List", "apiVersion": "v1", "items": [WEB, ENDPOINTS]},
        [
            {"kind": "ServiceList", "items": [_without_kind(WEB)]},
            {"kind": "EndpointSliceList", "items": [_without_kind(ENDPOINTS)]},
        ],
        [{"resources": [WEB], "changed": False}, {"resources": [ENDPOINTS], "changed": False}],
        yaml.safe_dump_all([WEB, None, ENDPOINTS]),
        Text(yaml.safe_dump_all([WEB, ENDPOINTS])),
        [yaml.safe_dump(WEB), [yaml.safe_dump({"kind": "List", "items": [ENDPOINTS]})]],
        ({"kind": "PodList", "items": None}, WEB, ENDPOINTS),
    ],
    ids=["list", "List", "lists without kinds", "k8s_info", "YAML", "file", "YAML texts", "tuple"],
)
def test_objects_are_given_in_many_forms(objects):
    assert table(kube_proxy_state(objects, NODE, families=["ipv4"])) == {"10.96.0.1:80/tcp": ["10.244.0.1"]}


def test_other_kinds_are_ignored_with_a_reason():
    made = state({"kind": "Endpoints", "metadata": {"name": "web", "namespace": "d"}}, ENDPOINTS)
    assert reasons(made) == [
        ("Endpoints d/web", "", "kube-proxy does not read this kind"),
        ("EndpointSlice of Service d/web", "", "the Service is not among the objects"),
    ]


def _spec(**spec):
    return [service("web", **spec)]


def _port(**port):
    return [service("web", {**PORT, **port})]


def _endpoint(**changed):
    return [endpoint_slice({**endpoint("10.244.0.1"), **changed})]


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        (_port(port=0), "Service d/web: spec.ports[0].port: 0 is not valid: a port is a number from 1 to 65535"),
        (_port(port="80"), "Service d/web: spec.ports[0].port: '80' is not valid"),
        (_port(port=True), "Service d/web: spec.ports[0].port: True is not valid"),
        ([service("web", {"name": "http"})], "Service d/web: spec.ports[0].port: None is not valid"),
        (_port(nodePort=65536), "Service d/web: spec.ports[0].nodePort: 65536"),
        (_port(protocol="HTTP"), "Service d/web: spec.ports[0].protocol: 'HTTP' is not valid: choose one of TCP, UDP"),
        (_port(name="Web_1"), "Service d/web: spec.ports[0].name: 'Web_1'"),
        (_port(targetPort="a-name-that-is-too-long"), "Service d/web: spec.ports[0].targetPort"),
        ([service("web", PORT, {"port": 81})], "Service d/web: spec.ports[1].name: None"),
        ([service("web", PORT, {**PORT, "port": 81})], "Service d/web: spec.ports[1].name: 'http'"),
        ([service("web", PORT, {**PORT, "name": "again"})], "Service d/web: spec.ports[1].port: 80"),
        (_spec(ports=[]), "Service d/web: spec.ports: [] is not valid"),
        (_spec(ports={}), "Service d/web: spec.ports: {} is not valid: write a list"),
        (_spec(ports=["http"]), "Service d/web: spec.ports[0]: 'http' is not valid: write a mapping"),
        (_spec(clusterIP="10.96.0.256"), "Service d/web: spec.clusterIP: '10.96.0.256'"),
        (_spec(clusterIP=10), "Service d/web: spec.clusterIP: 10 is not valid: write a text"),
        (_spec(clusterIPs=["10.96.0.2"]), "Service d/web: spec.clusterIPs"),
        (_spec(clusterIPs=["10.96.0.1", "10.96.0.2"]), "Service d/web: spec.clusterIPs"),
        (_spec(ipFamilies=["IPv6"]), "Service d/web: spec.ipFamilies: ['IPv6']"),
        (_spec(ipFamilies=["ipv4"]), "Service d/web: spec.ipFamilies"),
        (_spec(type="Loadbalancer"), "Service d/web: spec.type: 'Loadbalancer'"),
        (_spec(externalTrafficPolicy="local"), "Service d/web: spec.externalTrafficPolicy: 'local'"),
        (_spec(internalTrafficPolicy="Any"), "Service d/web: spec.internalTrafficPolicy: 'Any'"),
        (_spec(sessionAffinity="Cookie"), "Service d/web: spec.sessionAffinity: 'Cookie'"),
        (
            _spec(sessionAffinity="ClientIP", sessionAffinityConfig={"clientIP": {"timeoutSeconds": 86401}}),
            "Service d/web: spec.sessionAffinityConfig.clientIP.timeoutSeconds: 86401",
        ),
        (_spec(status=balanced("lb.example")), "Service d/web: status.loadBalancer.ingress[0].ip: 'lb.example'"),
        (
            _spec(status=balanced({"ip": "203.0.113.1", "ipMode": "Vip"})),
            "Service d/web: status.loadBalancer.ingress[0].ipMode: 'Vip'",
        ),
        ([service("Web")], "Service d/Web: metadata.name: 'Web'"),
        ([service("web.example")], "Service d/web.example: metadata.name"),
        ([service("")], "objects[0].metadata.name: ''"),
        ([service(metadata={"namespace": "my.space"})], "Service my.space/web: metadata.namespace: 'my.space'"),
        ([{**WEB, "apiVersion": "v2"}], "Service d/web: apiVersion: 'v2'"),
        ([{"kind": "Service"}], "objects[0].metadata: None"),
        ([WEB, WEB], "Service d/web: 'objects[1]' is not valid: objects[0] is the same object"),
        (_endpoint(addresses=["10.244.0.1", "fd00::1"]), "EndpointSlice d/web-1: endpoints[0].addresses[1]: 'fd00::1'"),
        (_endpoint(addresses=["fd00::1"]), "EndpointSlice d/web-1: endpoints[0].addresses[0]: 'fd00::1'"),
        (_endpoint(addresses=["pod"]), "EndpointSlice d/web-1: endpoints[0].addresses[0]: 'pod'"),
        (_endpoint(addresses=["127.0.0.1"]), "EndpointSlice d/web-1: endpoints[0].addresses[0]: '127.0.0.1'"),
        (_endpoint(addresses=[]), "EndpointSlice d/web-1: endpoints[0].addresses: []"),
        (_endpoint(addresses="10.244.0.1"), "EndpointSlice d/web-1: endpoints[0].addresses: '10.244.0.1'"),
        (_endpoint(conditions={"ready": "yes"}), "EndpointSlice d/web-1: endpoints[0].conditions.ready: 'yes'"),
        (_endpoint(conditions=[]), "EndpointSlice d/web-1: endpoints[0].conditions: []"),
        (_endpoint(nodeName=1), "EndpointSlice d/web-1: endpoints[0].nodeName: 1"),
        (_endpoint(hints=["a"]), "EndpointSlice d/web-1: endpoints[0].hints: ['a']"),
        ([endpoint_slice("10.244.0.1")], "EndpointSlice d/web-1: endpoints[0]: '10.244.0.1'"),
        ([endpoint_slice(port=-1)], "EndpointSlice d/web-1: ports[0].port: -1"),
        ([endpoint_slice(addressType="ipv4")], "EndpointSlice d/web-1: addressType: 'ipv4'"),
        ([endpoint_slice(apiVersion="discovery.k8s.io/v1beta1")], "EndpointSlice d/web-1: apiVersion"),
        ([endpoint_slice(name="web_1")], "EndpointSlice d/web_1: metadata.name: 'web_1'"),
        (["a: [b"], "objects[0]: 'a: [b' is not valid: this is no YAML"),
        ("- 1\n---\n- 2\n", "objects, document 1[0]: 1 is not valid"),
        ([{"metadata": {"name": "x"}}], "objects[0].kind: None"),
        ([{"kind": "List", "items": "x"}], "objects[0].items: 'x'"),
        ([{"kind": "List", "items": ["x"]}], "objects[0].items[0]: 'x'"),
        (None, "objects: None"),
    ],
)
def test_what_no_api_server_has_is_refused_by_object_and_field(objects, message):
    with pytest.raises(AnsibleFilterError) as refused:
        kube_proxy_state(objects, NODE)
    assert str(refused.value).startswith("kube_proxy_state: " + message)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("here", "node: 'here'"),
        ({}, "node.name: None"),
        ({"name": "a b"}, "node.name: 'a b'"),
        ({"name": "here", "adresses": {}}, "node.adresses: {}"),
        ({"name": "here", "addresses": ["10.0.0.1"]}, "node.addresses: ['10.0.0.1']"),
        ({"name": "here", "addresses": {"eth0": "10.0.0.1"}}, "node.addresses.eth0: '10.0.0.1'"),
        ({"name": "here", "addresses": {"eth0": ["here"]}}, "node.addresses.eth0[0]: 'here'"),
        ({"name": "here", "ips": ["x"]}, "node.ips: 'x'"),
        ({"name": "here", "pod_cidrs": ["10.0.0.1"]}, "node.pod_cidrs[0]: '10.0.0.1'"),
        ({"name": "here", "kernel": "Linux"}, "node.kernel: 'Linux'"),
    ],
)
def test_what_no_node_is(node, message):
    with pytest.raises(AnsibleFilterError) as refused:
        kube_proxy_state([], node)
    assert str(refused.value).startswith("kube_proxy_state: " + message)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"mode": "nftables"}, "config.mode: 'nftables'"),
        ({"mode": ""}, "config.mode: ''"),
        ({"kind": "KubeletConfiguration"}, "config.kind: 'KubeletConfiguration'"),
        ({"apiVersion": "kubeproxy.config.k8s.io/v1"}, "config.apiVersion"),
        ({"ipvs": {"scheduler": "best"}}, "config.ipvs.scheduler: 'best'"),
        ({"ipvs": {"strictARP": "yes"}}, "config.ipvs.strictARP: 'yes'"),
        ({"ipvs": {"excludeCIDRs": ["10.0.0.1"]}}, "config.ipvs.excludeCIDRs[0]: '10.0.0.1'"),
        ({"ipvs": {"tcpTimeout": "-1s"}}, "config.ipvs.tcpTimeout: '-1s'"),
        ({"ipvs": {"tcpTimeout": 900}}, "config.ipvs.tcpTimeout: 900"),
        ({"iptables": {"masqueradeBit": 32}}, "config.iptables.masqueradeBit: 32"),
        ({"clusterCIDR": "10.0.0.0/8,10.1.0.0/16"}, "config.clusterCIDR"),
        ({"clusterCIDR": "10.0.0.0"}, "config.clusterCIDR: '10.0.0.0'"),
        ({"nodePortAddresses": ["primary", "10.0.0.0/8"]}, "config.nodePortAddresses[0]: 'primary'"),
        ({"detectLocalMode": "Guess"}, "config.detectLocalMode: 'Guess'"),
        ({"detectLocalMode": "NodeCIDR"}, "node.pod_cidrs: None"),
        ({"detectLocalMode": "BridgeInterface"}, "config.detectLocal.bridgeInterface: None"),
        ({"bindAddress": "eth0"}, "config.bindAddress: 'eth0'"),
        ({"featureGates": {"TopologyAwareHints": 1}}, "config.featureGates.TopologyAwareHints: 1"),
        ("a: 1\n---\nb: 2\n", "config: "),
        (["mode"], "config: ['mode']"),
    ],
)
def test_what_no_configuration_is(config, message):
    with pytest.raises(AnsibleFilterError) as refused:
        kube_proxy_state([], NODE, config)
    assert str(refused.value).startswith("kube_proxy_state: " + message)


@pytest.mark.parametrize("families", [[], ["inet"], "ipv5"])
def test_what_no_families_are(families):
    with pytest.raises(AnsibleFilterError, match="families"):
        kube_proxy_state([], NODE, families=families)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("15m0s", 900), ("1h30m", 5400), ("1.5h", 5400), ("999ms", 0), ("", None), ("5", None), ("1d", None)],
)
def test_durations_are_those_of_go(text, seconds):
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("010.0.0.0/08", "10.0.0.0/8"),
        ("FD00::1/64", "fd00::/64"),
        ("10.0.0.0", None),
        ("10.0.0.0/255.0.0.0", None),
        ("10.0.0.0/33", None),
        ("::ffff:10.0.0.0/104", None),
        ("/8", None),
    ],
)
def test_networks_are_in_cidr_notation(text, found):
    network = read_network(text)
    assert (network and network.text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.0.0.1", ("ipv4", "10.0.0.1")),
        ("010.0.0.01", ("ipv4", "10.0.0.1")),
        ("FD00:0:0::1", ("ipv6", "fd00::1")),
        ("::ffff:10.0.0.1", ("ipv4", "10.0.0.1")),
        ("fe80::1%eth0", None),
        ("10.0.0.1/24", None),
        (" 10.0.0.1", None),
        ("", None),
        ("\0", None),
    ],
)
def test_addresses_are_those_of_kubernetes(text, found):
    assert read_address(text) == found
