# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each field of a Service, of its endpoints and of the configuration changes in the kernel's state."""

from __future__ import annotations

from typing import Any

import pytest
from clusters import NODE, PORT, balanced, endpoint, endpoint_slice, filled, reasons, rules, service, state, table

HERE, THERE = endpoint("10.244.0.1"), endpoint("10.244.1.1", "there")
LEAVING: dict[str, Any] = {"ready": False, "serving": True, "terminating": True}
ZONE_A, ZONE_B = ({"forZones": [{"name": zone}]} for zone in ("a", "b"))
NODE_PORT = {**PORT, "nodePort": 30080}


def test_everything_that_kube_proxy_makes_without_any_service():
    made = state(families=["ipv4", "ipv6"])
    assert made["virtual_services"] == made["addresses"] == made["ignored"] == []
    assert len(made["sets"]) == 2 * 17
    assert all(each["entries"] == [] for each in made["sets"])
    assert [each["name"] for each in made["sets"] if len(each["name"]) == 31] == [
        "KUBE-6-LOAD-BALANCER-SOURCE-CID",
        "KUBE-6-NODE-PORT-LOCAL-SCTP-HAS",
    ]
    assert rules(made, "filter/KUBE-PROXY-FIREWALL") == []
    assert made["sysctls"] == {
        "net.ipv4.vs.conntrack": 1,
        "net.ipv4.vs.expire_nodest_conn": 1,
        "net.ipv4.vs.expire_quiescent_template": 1,
        "net.ipv4.ip_forward": 1,
    }
    assert made["timeouts"] == {}


@pytest.mark.parametrize(
    ("endpoints", "policy", "inside", "outside"),
    [
        ([HERE, THERE], "Local", ["10.244.0.1", "10.244.1.1"], ["10.244.0.1"]),
        ([HERE, THERE], "Cluster", ["10.244.0.1", "10.244.1.1"], ["10.244.0.1", "10.244.1.1"]),
        # Without one of its own the node passes on to others, so that its own pods are answered.
        ([THERE], "Local", ["10.244.1.1"], ["10.244.1.1"]),
        # What still serves while it ends is taken where nothing is ready; the two policies look for it separately.
        ([endpoint("10.244.0.1", **LEAVING), THERE], "Local", ["10.244.1.1"], ["10.244.0.1"]),
        ([endpoint("10.244.0.1", **LEAVING)], "Cluster", ["10.244.0.1"], ["10.244.0.1"]),
        ([endpoint("10.244.0.1", ready=False, serving=False, terminating=True)], "Cluster", [], []),
        ([endpoint("10.244.0.1", ready=False, serving=True, terminating=False)], "Cluster", [], []),
    ],
)
def test_the_external_traffic_policy_is_for_what_comes_from_outside(endpoints, policy, inside, outside):
    made = state(
        service("web", NODE_PORT, type="NodePort", externalIPs=["198.51.100.1"], externalTrafficPolicy=policy),
        endpoint_slice(*endpoints),
    )
    assert table(made) == {
        "10.96.0.1:80/tcp": inside,
        "198.51.100.1:80/tcp": outside,
        "192.0.2.10:30080/tcp": outside,
    }
    local = policy == "Local"
    assert ("EXTERNAL-IP-LOCAL" in filled(made), "EXTERNAL-IP" in filled(made)) == (local, not local)
    assert filled(made).get("NODE-PORT-LOCAL-TCP") == (["30080"] if local else None)
    assert filled(made)["NODE-PORT-TCP"] == ["30080"]


@pytest.mark.parametrize(
    ("spec", "endpoints", "inside"),
    [
        ({}, [HERE, THERE], ["10.244.0.1"]),
        ({}, [THERE], []),
        ({}, [endpoint("10.244.0.1", **LEAVING), THERE], ["10.244.0.1"]),
        # Reached from outside too, it falls back as the external policy does.
        ({"externalIPs": ["198.51.100.1"]}, [THERE], ["10.244.1.1"]),
    ],
)
def test_the_internal_traffic_policy_is_for_the_cluster_ip(spec, endpoints, inside):
    made = state(service(internalTrafficPolicy="Local", **spec), endpoint_slice(*endpoints))
    assert table(made)["10.96.0.1:80/tcp"] == inside


def test_a_policy_for_outside_is_nothing_to_a_service_of_the_inside():
    made = state(service(externalTrafficPolicy="Local", status=balanced("203.0.113.1")), endpoint_slice(HERE, THERE))
    assert table(made)["203.0.113.1:80/tcp"] == ["10.244.0.1", "10.244.1.1"]
    assert "LOAD-BALANCER-LOCAL" not in filled(made)


@pytest.mark.parametrize(
    ("endpoints", "labels", "gates", "chosen"),
    [
        ([("1", ZONE_A), ("2", ZONE_B)], {"topology.kubernetes.io/zone": "a"}, {}, "1"),
        ([("1", ZONE_A), ("2", None)], {"topology.kubernetes.io/zone": "a"}, {}, "12"),
        ([("1", ZONE_A), ("2", ZONE_B)], {"topology.kubernetes.io/zone": "c"}, {}, "12"),
        ([("1", ZONE_A), ("2", ZONE_B)], {}, {}, "12"),
        ([("1", ZONE_A), ("2", ZONE_B)], {"topology.kubernetes.io/zone": "a"}, {"TopologyAwareHints": False}, "12"),
        # Before 1.31 the Service has to ask for it by its annotation.
        (
            [("1", ZONE_A), ("2", ZONE_B)],
            {"topology.kubernetes.io/zone": "a"},
            {"ServiceTrafficDistribution": False},
            "12",
        ),
        # A hint for the node counts before one for the zone.
        (
            [("1", {**ZONE_A, "forNodes": [{"name": "there"}]}), ("2", {**ZONE_B, "forNodes": [{"name": "here"}]})],
            {"topology.kubernetes.io/zone": "a"},
            {},
            "2",
        ),
        (
            [("1", {**ZONE_A, "forNodes": [{"name": "there"}]}), ("2", {**ZONE_B, "forNodes": [{"name": "here"}]})],
            {"topology.kubernetes.io/zone": "a"},
            {"PreferSameTrafficDistribution": False},
            "1",
        ),
    ],
)
def test_hints_keep_traffic_near(endpoints, labels, gates, chosen):
    listed = [endpoint("10.244.0." + last, None, hints=hints) for last, hints in endpoints]
    made = state(service(), endpoint_slice(*listed), node={**NODE, "labels": labels}, config={"featureGates": gates})
    assert "".join(address[-1] for address in table(made)["10.96.0.1:80/tcp"]) == chosen


def test_hints_of_what_is_not_ready_do_not_count():
    made = state(
        service(trafficDistribution="PreferClose"),
        endpoint_slice(endpoint("10.244.0.1", hints=ZONE_A), endpoint("10.244.0.2", ready=False)),
        node={**NODE, "labels": {"topology.kubernetes.io/zone": "a"}},
    )
    assert table(made)["10.96.0.1:80/tcp"] == ["10.244.0.1"]
    assert filled(made)["LOOP-BACK"] == ["10.244.0.1,tcp:8080,10.244.0.1", "10.244.0.2,tcp:8080,10.244.0.2"]


@pytest.mark.parametrize(
    ("spec", "timeout"),
    [
        ({}, 0),
        ({"sessionAffinity": "None"}, 0),
        ({"sessionAffinity": "ClientIP"}, 10800),
        ({"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}}}, 60),
    ],
)
def test_session_affinity_is_a_timeout_of_every_virtual_service(spec, timeout):
    made = state(service("web", NODE_PORT, type="NodePort", status=balanced("203.0.113.1"), **spec))
    assert [each["persistence_timeout"] for each in made["virtual_services"]] == [timeout] * 3


def test_source_ranges_let_the_node_in_or_keep_it_out():
    ranges = [" 192.0.2.0/24", "198.51.100.7/32 ", "fd00::/8", "nonsense", ""]
    made = state(
        service("a", type="LoadBalancer", status=balanced("203.0.113.1"), loadBalancerSourceRanges=ranges),
        service(
            "b",
            {**PORT, "protocol": "UDP"},
            clusterIP="10.96.0.2",
            type="LoadBalancer",
            status=balanced("203.0.113.2"),
            loadBalancerSourceRanges=["10.1.2.3/8"],
        ),
    )
    found = filled(made)
    assert found["LOAD-BALANCER-FW"] == ["203.0.113.1,tcp:80", "203.0.113.2,udp:80"]
    assert found["LOAD-BALANCER-SOURCE-CIDR"] == [
        "203.0.113.1,tcp:80,192.0.2.0/24",
        "203.0.113.1,tcp:80,198.51.100.7",
        "203.0.113.2,udp:80,10.0.0.0/8",
    ]
    assert found["LOAD-BALANCER-SOURCE-IP"] == ["203.0.113.1,tcp:80,203.0.113.1"]
    assert rules(made, "filter/KUBE-IPVS-OUT-FILTER") == [
        "-s 203.0.113.2/32 -m ipvs --vproto 17 --vaddr 203.0.113.2 --vport 80 -j DROP"
    ]
    assert [field for _object, field, _reason in reasons(made)] == [
        "spec.loadBalancerSourceRanges[3]",
        "spec.loadBalancerSourceRanges[4]",
    ]


def test_a_source_range_of_everything_is_in_no_set_though_its_rules_are_there():
    made = state(service(type="LoadBalancer", status=balanced("203.0.113.1"), loadBalancerSourceRanges=["0.0.0.0/0"]))
    assert "LOAD-BALANCER-SOURCE-CIDR" not in filled(made)
    assert rules(made, "filter/KUBE-SOURCE-RANGES-FIREWALL") == [
        "-m set --match-set KUBE-LOAD-BALANCER-SOURCE-CIDR dst,dst,src -j RETURN",
        "-m set --match-set KUBE-LOAD-BALANCER-SOURCE-IP dst,dst,src -j RETURN",
        "-j DROP",
    ]
    assert filled(made)["LOAD-BALANCER-SOURCE-IP"] == ["203.0.113.1,tcp:80,203.0.113.1"]
    assert "prefix length 1" in reasons(made)[0][2]


def test_source_ranges_of_the_other_family_close_nothing_and_say_so():
    made = state(service(type="LoadBalancer", status=balanced("203.0.113.1"), loadBalancerSourceRanges=["fd00::/8"]))
    assert "LOAD-BALANCER-FW" not in filled(made)
    assert reasons(made)[0][:2] == ("Service d/web", "spec.loadBalancerSourceRanges")


def test_the_addresses_of_load_balancers_that_are_proxies_are_not_ours():
    status = balanced(
        {"ip": "203.0.113.1", "ipMode": "Proxy"}, {"ip": "203.0.113.2", "ipMode": "VIP"}, {"hostname": "lb.example"}
    )
    made = state(service(type="LoadBalancer", loadBalancerClass="example.com/lb", status=status))
    assert filled(made)["LOAD-BALANCER"] == ["203.0.113.2,tcp:80"]
    assert made["addresses"] == ["10.96.0.1", "203.0.113.2"]
    assert [field for _object, field, _reason in reasons(made)] == [
        "status.loadBalancer.ingress[0]",
        "status.loadBalancer.ingress[2]",
    ]


@pytest.mark.parametrize(
    ("spec", "port", "expected"),
    [
        ({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 32000}, PORT, ["32000"]),
        ({"type": "LoadBalancer", "externalTrafficPolicy": "Cluster", "healthCheckNodePort": 32000}, PORT, None),
        ({"type": "LoadBalancer", "externalTrafficPolicy": "Local"}, PORT, None),
        ({"type": "NodePort", "externalTrafficPolicy": "Local", "healthCheckNodePort": 32000}, NODE_PORT, None),
    ],
)
def test_the_health_check_node_port_is_of_load_balancers_that_stay_local(spec, port, expected):
    assert filled(state(service("web", port, **spec))).get("HEALTH-CHECK-NODE-PORT") == expected


def test_a_node_without_addresses_has_no_node_ports_and_so_no_health_check_either():
    made = state(
        service("web", NODE_PORT, type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=32000),
        node={"name": "here"},
    )
    assert list(filled(made)) == ["CLUSTER-IP", "IPVS-IPS"]
    assert reasons(made) == [("Service d/web", "spec.ports", "node port 30080: the node has no address for it")]


ADDRESSES = {
    "lo": ["127.0.0.1/8", "::1/128"],
    "eth0": ["192.0.2.10", "2001:db8::10", "fe80::1"],
    "eth1": ["10.0.0.5"],
    "kube-ipvs0": ["10.96.0.1"],
}


@pytest.mark.parametrize(
    ("networks", "served"),
    [
        ([], ["192.0.2.10", "10.0.0.5", "2001:db8::10"]),
        (["0.0.0.0/0"], ["192.0.2.10", "10.0.0.5", "2001:db8::10"]),
        (["10.0.0.0/8"], ["10.0.0.5", "2001:db8::10"]),
        (["10.0.0.0/8", "127.0.0.0/8", "fe80::/10"], ["10.0.0.5", "fe80::1"]),
        (["203.0.113.0/24", "::/0"], ["2001:db8::10"]),
        (["primary"], ["192.0.2.10", "2001:db8::10"]),
    ],
)
def test_node_ports_are_served_on_the_nodes_addresses(networks, served):
    made = state(
        service("web", NODE_PORT, type="NodePort", clusterIPs=["10.96.0.1", "fd00:96::1"]),
        node={"name": "here", "addresses": ADDRESSES},
        config={"nodePortAddresses": networks},
        families=["ipv4", "ipv6"],
    )
    assert [each["address"] for each in made["virtual_services"] if each["port"] == 30080] == served


def test_an_address_that_another_device_has_is_served_and_not_bound():
    made = state(
        service(externalIPs=["192.0.2.10", "127.0.0.1", "198.51.100.1"], status=balanced("192.0.2.10")),
    )
    assert made["addresses"] == ["10.96.0.1", "127.0.0.1", "198.51.100.1"]
    assert filled(made)["IPVS-IPS"] == made["addresses"]
    assert list(table(made)) == ["10.96.0.1:80/tcp", "192.0.2.10:80/tcp", "127.0.0.1:80/tcp", "198.51.100.1:80/tcp"]


def test_both_families_of_a_service_have_their_own_everything():
    made = state(
        service(
            "web",
            NODE_PORT,
            {**PORT, "name": "sip", "protocol": "SCTP", "nodePort": 30081},
            type="LoadBalancer",
            clusterIPs=["10.96.0.1", "fd00:96::1"],
            ipFamilies=["IPv4", "IPv6"],
            externalIPs=["198.51.100.1", "2001:db8:1::1"],
            loadBalancerSourceRanges=["fd00:1::/64", "fd00:2::5/128"],
            status=balanced("2001:db8:2::1"),
        ),
        endpoint_slice(HERE),
        endpoint_slice(endpoint("fd00:244:0::1"), name="web-2", addressType="IPv6"),
        families=["ipv4", "ipv6"],
        config={"clusterCIDR": "10.244.0.0/16,fd00:244::/56"},
    )
    found = filled(made)
    assert found["6-CLUSTER-IP"] == ["fd00:96::1,tcp:80", "fd00:96::1,sctp:80"]
    assert found["6-LOOP-BACK"] == ["fd00:244::1,tcp:8080,fd00:244::1"]
    assert found["6-EXTERNAL-IP"] == ["2001:db8:1::1,tcp:80", "2001:db8:1::1,sctp:80"]
    assert found["6-NODE-PORT-SCTP-HASH"] == ["2001:db8::10,sctp:30081"]
    assert found["6-LOAD-BALANCER-SOURCE-CID"][:2] == [
        "2001:db8:2::1,tcp:80,fd00:1::/64",
        "2001:db8:2::1,tcp:80,fd00:2::5",
    ]
    assert "LOAD-BALANCER" not in found
    assert table(made)["fd00:96::1:80/tcp"] == ["fd00:244::1"]
    assert table(made)["fd00:96::1:80/sctp"] == []
    assert rules(made, "nat/KUBE-SERVICES", "ipv6")[2] == (
        "! -s fd00:244::/56 -m set --match-set KUBE-6-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ"
    )
    assert rules(made, "filter/KUBE-IPVS-OUT-FILTER", "ipv6")[1] == (
        "-s 2001:db8:2::1/128 -m ipvs --vproto 132 --vaddr 2001:db8:2::1 --vport 80 -j DROP"
    )


@pytest.mark.parametrize(
    ("config", "rule"),
    [
        ({}, "-m set --match-set KUBE-CLUSTER-IP src,dst -j KUBE-MARK-MASQ"),
        ({"clusterCIDR": "fd00:244::/56"}, "-m set --match-set KUBE-CLUSTER-IP src,dst -j KUBE-MARK-MASQ"),
        (
            {"clusterCIDR": "10.244.0.0/16"},
            "! -s 10.244.0.0/16 -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ",
        ),
        (
            {"clusterCIDR": "10.244.0.0/16", "iptables": {"masqueradeAll": True}},
            "-m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ",
        ),
        (
            {"detectLocalMode": "BridgeInterface", "detectLocal": {"bridgeInterface": "cni0"}},
            "! -i cni0 -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ",
        ),
        (
            {"detectLocalMode": "InterfaceNamePrefix", "detectLocal": {"interfaceNamePrefix": "veth"}},
            "! -i veth+ -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ",
        ),
        (
            {"detectLocalMode": "NodeCIDR"},
            "! -s 10.244.7.0/24 -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ",
        ),
    ],
)
def test_what_goes_to_a_cluster_ip_is_masqueraded_where_it_comes_from_elsewhere(config, rule):
    made = state(service(), node={**NODE, "pod_cidrs": ["10.244.7.0/24"]}, config={"mode": "ipvs", **config})
    assert rules(made, "nat/KUBE-SERVICES")[1] == rule


def test_the_rest_of_the_configuration():
    made = state(
        service(),
        config="""
        apiVersion: kubeproxy.config.k8s.io/v1alpha1
        kind: KubeProxyConfiguration
        mode: ipvs
        iptables: {masqueradeBit: 31}
        ipvs:
          scheduler: sh
          strictARP: true
          excludeCIDRs: [10.1.0.0/16, "fd00:1::/64"]
          tcpTimeout: 15m0s
          tcpFinTimeout: 1500ms
          udpTimeout: 0s
        """,
        node={**NODE, "kernel": "5.4.0-42-generic"},
    )
    assert rules(made, "nat/KUBE-MARK-MASQ") == ["-j MARK --set-xmark 0x80000000/0x80000000"]
    assert rules(made, "nat/KUBE-POSTROUTING")[1] == "-j MARK --set-xmark 0x80000000/0x0"
    (virtual_service,) = made["virtual_services"]
    assert (virtual_service["scheduler"], virtual_service["scheduler_flags"]) == ("sh", [])
    assert made["sysctls"]["net.ipv4.conf.all.arp_ignore"] == 1
    assert made["sysctls"]["net.ipv4.conf.all.arp_announce"] == 2
    assert made["sysctls"]["net.ipv4.vs.conn_reuse_mode"] == 0
    assert made["timeouts"] == {"tcp": 900, "tcp_fin": 1}
    assert made["exclude_cidrs"] == ["10.1.0.0/16", "fd00:1::/64"]


def test_endpoints_belong_to_a_port_by_name_and_protocol():
    ports = [{**PORT, "targetPort": "web"}, {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 5353}]
    made = state(
        service("web", *ports),
        endpoint_slice(HERE, port=8080),
        endpoint_slice(THERE, name="web-2", port=9090),
        endpoint_slice(HERE, name="web-3", ports=[{"name": "dns", "port": 5353, "protocol": "UDP"}]),
        endpoint_slice(THERE, name="web-4", ports=[{"name": "dns", "port": 5353}]),
    )
    assert [each["real_servers"] for each in made["virtual_services"]] == [
        [
            {"address": "10.244.0.1", "port": 8080, "forwarding_method": "masquerading", "weight": 1},
            {"address": "10.244.1.1", "port": 9090, "forwarding_method": "masquerading", "weight": 1},
        ],
        [{"address": "10.244.0.1", "port": 5353, "forwarding_method": "masquerading", "weight": 1}],
    ]


def test_an_endpoint_that_moves_between_slices_is_one():
    made = state(service(), endpoint_slice(endpoint("10.244.0.1", "there")), endpoint_slice(HERE, name="web-2"))
    assert table(made)["10.96.0.1:80/tcp"] == ["10.244.0.1"]
    assert filled(made)["LOOP-BACK"] == ["10.244.0.1,tcp:8080,10.244.0.1"]


def test_a_virtual_service_of_two_services_is_the_first_ones():
    made = state(
        service("a", externalIPs=["198.51.100.1"]),
        service("b", clusterIP="10.96.0.2", externalIPs=["198.51.100.1"]),
        endpoint_slice(HERE, of="b"),
    )
    assert table(made)["198.51.100.1:80/tcp"] == []
    assert reasons(made) == [
        ("Service d/b", "", "198.51.100.1,tcp:80 is a virtual service of Service d/a already"),
    ]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (service(clusterIP="None"), "spec.clusterIP"),
        (service(clusterIP=""), "spec.clusterIP"),
        (service(type="ExternalName", externalName="example.com"), "spec.type"),
        (service(metadata={"labels": {"service.kubernetes.io/service-proxy-name": ""}}), "metadata.labels"),
        (service(metadata={"labels": {"service.kubernetes.io/headless": ""}}), "metadata.labels"),
    ],
)
def test_services_of_nobody_and_of_others_are_left_out(given, field):
    made = state(given, endpoint_slice(HERE))
    assert made["virtual_services"] == made["addresses"] == []
    assert [each[:2] for each in reasons(made)] == [("Service d/web", field)]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (endpoint_slice(HERE, metadata={"name": "x", "namespace": "d"}), "metadata.labels"),
        (endpoint_slice(HERE, addressType="FQDN"), "addressType"),
        (endpoint_slice(HERE, port=None), "ports[0].port"),
        (endpoint_slice(HERE, port=0), "ports[0].port"),
        (
            endpoint_slice(
                HERE,
                metadata={
                    "name": "x",
                    "namespace": "d",
                    "labels": {"kubernetes.io/service-name": "web", "service.kubernetes.io/headless": ""},
                },
            ),
            "metadata.labels",
        ),
    ],
)
def test_slices_of_nobody_and_of_others_are_left_out(given, field):
    made = state(service(), given)
    assert table(made) == {"10.96.0.1:80/tcp": []}
    assert [each[1] for each in reasons(made)] == [field]


def test_the_node_object_says_what_the_user_does_not():
    node = {
        "kind": "Node",
        "metadata": {"name": "here", "labels": {"topology.kubernetes.io/zone": "b"}},
        "spec": {"podCIDRs": ["10.244.3.0/24"]},
        "status": {
            "addresses": [{"type": "Hostname", "address": "here"}, {"type": "InternalIP", "address": "10.9.9.9"}],
            "nodeInfo": {"kernelVersion": "5.8.18"},
        },
    }
    made = state(
        service(type="LoadBalancer", status=balanced("203.0.113.1"), loadBalancerSourceRanges=["10.9.9.0/24"]),
        endpoint_slice(endpoint("10.244.0.1", hints=ZONE_A), endpoint("10.244.0.2", hints=ZONE_B)),
        node,
        config={"detectLocalMode": "NodeCIDR"},
    )
    assert table(made)["10.96.0.1:80/tcp"] == ["10.244.0.2"]
    assert "LOAD-BALANCER-SOURCE-IP" in filled(made)
    assert made["sysctls"]["net.ipv4.vs.conn_reuse_mode"] == 0
    assert rules(made, "nat/KUBE-SERVICES")[2].startswith("! -s 10.244.3.0/24 ")


def test_the_configuration_may_name_the_node_and_its_address():
    made = state(
        service(
            internalTrafficPolicy="Local",
            type="LoadBalancer",
            status=balanced("203.0.113.1"),
            loadBalancerSourceRanges=["10.0.0.0/8"],
        ),
        endpoint_slice(endpoint("10.244.0.1", "other"), endpoint("10.244.0.2", "here")),
        config={"hostnameOverride": " Other ", "bindAddress": "10.7.7.7"},
    )
    assert table(made)["10.96.0.1:80/tcp"] == ["10.244.0.1"]
    assert rules(made, "filter/KUBE-IPVS-OUT-FILTER") == []


def test_addresses_are_read_as_kubernetes_reads_them():
    made = state(service(clusterIP="010.096.0.01", externalIPs=["::ffff:198.51.100.1", "x", "2001:db8::1"]))
    assert made["addresses"] == ["10.96.0.1", "198.51.100.1"]
    assert [field for _object, field, _reason in reasons(made)] == ["spec.externalIPs[1]", "spec.externalIPs[2]"]


def test_each_virtual_service_has_a_name():
    unnamed = service("db", {"port": 5432}, clusterIP="10.96.0.2")
    made = state(service("web", NODE_PORT, externalIPs=["198.51.100.1"], status=balanced("203.0.113.1")), unnamed)
    assert made["names"] == {
        "10.96.0.1,tcp:80": "d/web:http",
        "198.51.100.1,tcp:80": "d/web:http",
        "203.0.113.1,tcp:80": "d/web:http",
        "192.0.2.10,tcp:30080": "d/web:http",
        "10.96.0.2,tcp:5432": "d/db:5432",
    }
    assert len(made["names"]) == len(made["virtual_services"])
