# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the sets of a node to another state."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from clusters import PORT, balanced, service, state

from ansible_collections.linuxnet.ipvs.plugins.filter.kube_proxy_state import kube_proxy_handover

NODE_PORT = {**PORT, "nodePort": 30080}


def _there(made, **entries):
    """A node's sets as ipset_info returns them."""
    return [
        dict(each, entries=[{"entry": entry} for entry in entries.get(each["name"], each["entries"])])
        for each in made["sets"]
    ]


def test_a_node_that_is_right_has_no_set_to_change():
    made = state(service("web", NODE_PORT), families=["ipv4", "ipv6"])
    found = kube_proxy_handover(made, _there(made), ["192.0.2.10", "2001:db8::10"])
    assert found["filled_sets"] == found["purged_sets"] == []
    assert found["services"] == ["10.96.0.1,tcp:80", "192.0.2.10,tcp:30080"]
    assert found["deleted_sets"] == [each["name"] for each in made["sets"]]


def test_a_new_node_gets_all_sets():
    made = state(service())
    found = kube_proxy_handover(made, [])
    assert found["filled_sets"] == made["sets"]
    assert found["purged_sets"] == found["deleted_sets"] == []


def test_what_the_sets_name_beside_the_state_is_kubernetes_too():
    made = state(service())
    before = state(
        service("old", {**NODE_PORT, "protocol": "UDP"}, clusterIP="10.96.0.9", externalIPs=["198.51.100.9"]),
        service("sip", {**NODE_PORT, "protocol": "SCTP"}, clusterIP="10.96.0.8", status=balanced("203.0.113.8")),
    )
    others = [{"name": "MINE", "entries": [{"entry": "10.0.0.1,tcp:1"}]}]
    found = kube_proxy_handover(made, _there(before) + others, ["192.0.2.10"])
    assert found["services"] == [
        "10.96.0.1,tcp:80",
        "10.96.0.8,sctp:80",
        "10.96.0.9,udp:80",
        "192.0.2.10,sctp:30080",
        "192.0.2.10,udp:30080",
        "198.51.100.9,udp:80",
        "203.0.113.8,sctp:80",
    ]
    assert [each["name"] for each in found["filled_sets"]] == ["KUBE-CLUSTER-IP", "KUBE-IPVS-IPS"]
    assert {each["name"] for each in found["purged_sets"]} == {
        "KUBE-CLUSTER-IP",
        "KUBE-EXTERNAL-IP",
        "KUBE-LOAD-BALANCER",
        "KUBE-NODE-PORT-UDP",
        "KUBE-NODE-PORT-SCTP-HASH",
        "KUBE-IPVS-IPS",
    }
    assert all(each["purge_entries"] for each in found["purged_sets"])


def test_in_excluded_networks_nothing_is_deleted():
    before = state(service("old", clusterIP="10.96.0.9"), service("other", clusterIP="10.97.0.9"))
    made = state(service(clusterIP="10.96.0.1"), config={"ipvs": {"excludeCIDRs": ["10.96.0.0/16"]}})
    assert kube_proxy_handover(made, _there(before))["services"] == ["10.96.0.1,tcp:80", "10.97.0.9,tcp:80"]


def test_chains_of_its_own_and_jumps_into_the_kernels():
    found = kube_proxy_handover(state(), [])
    assert [each["chain"] for each in found["chains"] if each["table"] == "nat"] == [
        "KUBE-LOAD-BALANCER",
        "KUBE-MARK-MASQ",
        "KUBE-NODE-PORT",
        "KUBE-POSTROUTING",
        "KUBE-SERVICES",
    ]
    assert [(each["chain"], each["rule"].rpartition(" ")[2]) for each in found["jumps"]] == [
        ("PREROUTING", "KUBE-SERVICES"),
        ("OUTPUT", "KUBE-SERVICES"),
        ("POSTROUTING", "KUBE-POSTROUTING"),
        ("INPUT", "KUBE-IPVS-FILTER"),
        ("INPUT", "KUBE-PROXY-FIREWALL"),
        ("INPUT", "KUBE-NODE-PORT"),
        ("FORWARD", "KUBE-PROXY-FIREWALL"),
        ("FORWARD", "KUBE-FORWARD"),
        ("OUTPUT", "KUBE-IPVS-OUT-FILTER"),
    ]


@pytest.mark.parametrize(("made", "sets"), [("x", []), ({}, []), (state(), "x"), (state(), {}), (state(), [{}])])
def test_what_is_no_state_and_no_sets(made, sets):
    with pytest.raises(AnsibleFilterError, match="kube_proxy_handover"):
        kube_proxy_handover(made, sets)
