# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules that read tell of the topology is what the kernel's own tools tell, and can be fed back."""

from __future__ import annotations

import json

import pytest
from node import Failed, Node


@pytest.fixture(scope="module")
def node(inventory, host):
    """The node, with the modules in one process. (pytest runs tests that do not hang on a host behind all others.)"""
    with Node(inventory) as process:
        yield process


@pytest.fixture(scope="module")
def namespaces(node):
    """What netns_info tells of the pods and of the node itself."""
    found = node.module("netns_info", reference=True, sysctl=["net.ipv4.ip_forward"])
    assert not found["changed"]
    return {each["name"]: each for each in found["namespaces"]}


def ip(node, name, *words):
    """What ip(8) prints of a namespace."""
    return json.loads(node.command("ip", *(["-n", name] if name else []), "-j", *words))


@pytest.mark.parametrize("name", ["netns_dustin", "netns_leah", None])
def test_devices_addresses_and_routes(node, namespaces, name):
    told = namespaces[name]
    listed = ip(node, name, "-d", "address")
    assert [
        (each["ifname"], each["ifindex"], "UP" in each["flags"], each["mtu"], each.get("master")) for each in listed
    ] == [(each["name"], each["index"], each["up"], each["mtu"], each["bridge"]) for each in told["links"]]
    assert [
        sorted("%(local)s/%(prefixlen)d" % one for one in each["addr_info"] if one["scope"] != "link")
        for each in listed
    ] == [sorted(a for a in each["addresses"] if not a.startswith("fe80:")) for each in told["links"]]
    routes = {(each["dst"].replace("default", "0.0.0.0/0"), each.get("gateway")) for each in ip(node, name, "route")}
    assert routes <= {(each["to"], each["via"]) for each in told["routes"]}


def test_which_end_leads_where(namespaces):
    (leah,) = [link for link in namespaces["netns_leah"]["links"] if link["kind"] == "veth"]
    assert leah["peer"]["netns"] is None
    (other,) = [link for link in namespaces[None]["links"] if link["name"] == leah["peer"]["name"]]
    assert (other["index"], other["bridge"]) == (leah["peer"]["index"], "bridge_home")
    assert (other["peer"]["netns"], other["peer"]["name"]) == ("netns_leah", leah["name"])


def test_identity_processes_and_sysctls(node, namespaces):
    for name in ("netns_dustin", "netns_leah"):
        told = namespaces[name]
        pids = sorted(map(int, node.command("ip", "netns", "pids", name).split()))
        assert pids
        assert pids == sorted(each["pid"] for each in told["processes"])
        assert node.command("stat", "-Lc", "%i", f"/proc/{pids[0]}/ns/net").strip() == str(told["inode"])
        forward = node.command("ip", "netns", "exec", name, "sysctl", "-n", "net.ipv4.ip_forward").strip()
        assert told["sysctl"] == {"net.ipv4.ip_forward": forward}


def test_what_is_read_is_fed_back_and_changes_nothing(node, namespaces):
    (bridge,) = namespaces[None]["bridges"]
    assert not node.module("veth_bridge", **bridge, purge_ports=True)["changed"]
    table = node.module("ipvs_info")
    assert not node.module("ipvs_table", services=table["services"], purge=True)["changed"]
    assert not node.module("ipvs_settings", **table["settings"])["changed"]
    for each in node.module("ipset_info")["sets"]:
        assert not node.module("ipset", purge_entries=True, **each)["changed"]


def test_what_is_not_there_and_what_cannot_be_meant(node):
    assert node.module("netns_info", names=["netns_nobody", "netns_du"])["namespaces"] == []
    with pytest.raises(Failed, match=r"sysctl.*kernel\.hostname"):
        node.module("netns_info", sysctl=["kernel.hostname"])
