# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The article's end state, as the kernel's own tools print it."""

from __future__ import annotations

import json

import pytest


def lines(host, command):
    return host.check_output(command).splitlines()


def link(host, name, netns=None):
    (found,) = json.loads(host.check_output(f"ip {f'-n {netns} ' if netns else ''}-j -d address show dev {name}"))
    return found


def addresses(found):
    """The addresses of a device, those aside that the kernel gives it by itself."""
    return [f"{each['local']}/{each['prefixlen']}" for each in found["addr_info"] if each["scope"] != "link"]


def test_services(host):
    assert lines(host, "ipvsadm -Sn") == [
        "-A -t 10.100.100.100:8080 -s rr",
        "-a -t 10.100.100.100:8080 -r 10.0.0.11:8080 -m -w 1",
        "-a -t 10.100.100.100:8080 -r 10.0.0.21:8080 -m -w 1",
    ]


def test_set(host):
    create, *entries = lines(host, "ipset save")
    assert create.startswith("create DUSTIN-LOOP-BACK hash:ip,port,ip family inet hashsize 1024 maxelem 65536")
    assert sorted(entries) == [
        "add DUSTIN-LOOP-BACK 10.0.0.11,tcp:8080,10.0.0.11",
        "add DUSTIN-LOOP-BACK 10.0.0.21,tcp:8080,10.0.0.21",
    ]


@pytest.mark.parametrize(
    ("table", "rules"),
    [
        ("filter", ["-A FORWARD -i bridge_home -j ACCEPT", "-A FORWARD -o bridge_home -j ACCEPT"]),
        ("nat", ["-A POSTROUTING -m set --match-set DUSTIN-LOOP-BACK dst,dst,src -j MASQUERADE"]),
    ],
)
def test_rules(host, table, rules):
    assert [line for line in lines(host, f"iptables-save -t {table}") if line.startswith("-A")] == rules


def test_bridge(host):
    bridge = link(host, "bridge_home")
    assert bridge["linkinfo"]["info_kind"] == "bridge"
    assert {"PROMISC", "UP"} <= set(bridge["flags"])
    assert addresses(bridge) == ["10.0.0.1/24"]


def test_ports(host):
    ports = {port["ifname"]: port for port in json.loads(host.check_output("bridge -d -j link"))}
    assert {name: (port["master"], port["hairpin"]) for name, port in ports.items()} == {
        "veth_dustin": ("bridge_home", True),
        "veth_leah": ("bridge_home", False),
    }
    assert all("UP" in port["flags"] for port in ports.values())


def test_virtual_address(host):
    device = link(host, "dustin-ipvs0")
    assert device["linkinfo"]["info_kind"] == "dummy"
    assert "UP" not in device["flags"]
    assert addresses(device) == ["10.100.100.100/32"]


@pytest.mark.parametrize(
    ("netns", "device", "address"),
    [("netns_dustin", "veth_ns_dustin", "10.0.0.11/24"), ("netns_leah", "veth_ns_leah", "10.0.0.21/24")],
)
def test_namespace(host, netns, device, address):
    inside = link(host, device, netns)
    assert "UP" in inside["flags"]
    assert addresses(inside) == [address]
    assert "UP" in link(host, "lo", netns)["flags"]
    (default,) = json.loads(host.check_output(f"ip -n {netns} -j route show default"))
    assert (default["gateway"], default["dev"]) == ("10.0.0.1", device)
    assert lines(host, f"cat /etc/netns/{netns}/resolv.conf") == ["nameserver 8.8.8.8"]


@pytest.mark.parametrize(
    "switch", ["net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables", "net.ipv4.vs.conntrack"]
)
def test_switch(host, switch):
    assert host.check_output(f"sysctl -n {switch}") == "1"


@pytest.mark.parametrize("server", ["dustin", "leah"])
def test_server_is_supervised(host, server):
    unit = f"http-backend-{server}"
    (pid,) = lines(host, f"systemctl show --property MainPID --value {unit}")
    assert lines(host, f"ip netns identify {pid}") == [f"netns_{server}"]
    assert host.check_output(f"ps -o user= -p {pid}").strip() != "root"
    host.check_output(f"kill -KILL {pid}")
    again = host.check_output(
        f"for _ in $(seq 30); do pid=$(systemctl show -p MainPID --value {unit});"
        f" [ $pid -gt 0 ] && [ $pid -ne {pid} ] && break; sleep 1; done; echo $pid"
    )
    assert again not in ("0", pid)
