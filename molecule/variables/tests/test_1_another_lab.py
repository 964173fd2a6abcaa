# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab in which no variable has its default: other names and ports, pods of one family and of both, three services.

The tests stand in the order in which they are to run: each finds the node as the one before it left it.
"""

from __future__ import annotations

import json

import kernel
import pytest

LAB = {
    "lab_bridge": "house",
    "lab_bridge_addresses": ["10.7.0.1/24", "fd07::1/64"],
    "lab_nameservers": ["fd07::53"],
    "lab_device": "front0",
    "lab_loopback_set": "FRONT",
    "lab_pods": [
        {"name": "ada", "addresses": ["10.7.0.11/24", "fd07::11/64"], "port": 8081, "hairpin": True},
        {
            "name": "bob",
            "addresses": ["fd07::12/64", "10.7.0.12/24"],
            "netns": "bobs",
            "veth": "to_bob",
            "peer": "eth0",
        },
        {"name": "cyd", "addresses": ["10.7.0.13/24"]},
    ],
    "lab_services": [
        {"name": "same", "address": "10.107.0.1", "port": 80, "scheduler": "sh"},
        {"name": "six", "address": "fd07:1::1", "port": 80},
        {"name": "two", "address": "10.107.0.2", "scheduler": "wlc", "pods": ["bob", "cyd"]},
    ],
}

SERVICES = """
-A -t 10.107.0.1:80 -s sh
-a -t 10.107.0.1:80 -r 10.7.0.11:8081 -m -w 1
-a -t 10.107.0.1:80 -r 10.7.0.12:8080 -m -w 1
-a -t 10.107.0.1:80 -r 10.7.0.13:8080 -m -w 1
-A -t 10.107.0.2:8080 -s wlc
-a -t 10.107.0.2:8080 -r 10.7.0.12:8080 -m -w 1
-a -t 10.107.0.2:8080 -r 10.7.0.13:8080 -m -w 1
-A -t [fd07:1::1]:80 -s rr
-a -t [fd07:1::1]:80 -r [fd07::11]:8081 -m -w 1
-a -t [fd07:1::1]:80 -r [fd07::12]:8080 -m -w 1
"""
ENTRIES = """
add FRONT 10.7.0.11,tcp:8081,10.7.0.11
add FRONT 10.7.0.12,tcp:8080,10.7.0.12
add FRONT 10.7.0.13,tcp:8080,10.7.0.13
add FRONT6 fd07::11,tcp:8081,fd07::11
add FRONT6 fd07::12,tcp:8080,fd07::12
"""
RULES = """
-A FORWARD -i house -j ACCEPT
-A FORWARD -o house -j ACCEPT
-A POSTROUTING -m set --match-set {} dst,dst,src -j MASQUERADE
"""


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """The folder on this machine in which the playbooks leave something."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def lab(play, state):
    """Play playbooks with the variables of this lab."""
    variables = json.dumps({**LAB, "lab_host_state_dir": str(state)})

    def run(playbook, *arguments):
        done = play(playbook, "--extra-vars", variables, *arguments)
        assert done.code == 0, done.account
        return done

    return run


@pytest.fixture(scope="module")
def before(host):
    return kernel.read(host)


def visible(host):
    """What the lab makes, read without loading a module."""
    return host.check_output(
        "ip -o link | cut -d: -f2; ip -o address show scope global; ip netns;"
        " iptables-save | grep ^-A; ip6tables-save | grep ^-A;"
        " ls /etc/netns /run/systemd/system 2>&1; sysctl net.ipv6.conf.all.forwarding; true"
    )


def said(run):
    return [(each.task, each.item, each.diff) for each in run.changed]


def test_foretold(lab, host, before):
    seen = visible(host)
    foretold = lab("topology_up.yml", "--check", "--diff")
    assert visible(host) == seen
    done = lab("topology_up.yml", "--diff")
    assert done.changed
    assert said(foretold) == said(done)
    assert before


def test_the_kernel_has_it(host):
    assert sorted(host.check_output("ipvsadm -Sn").splitlines()) == sorted(SERVICES.split("\n")[1:-1])
    saved = host.check_output("ipset save").splitlines()
    assert sorted(line for line in saved if line.startswith("add")) == ENTRIES.split("\n")[1:-1]
    for command, name in (("iptables-save", "FRONT"), ("ip6tables-save", "FRONT6")):
        rules = [line for line in host.check_output(command).splitlines() if line.startswith("-A")]
        assert sorted(rules) == RULES.format(name).split("\n")[1:-1]
    for switch in ("bridge.bridge-nf-call-ip6tables", "ipv6.conf.all.forwarding", "bridge.bridge-nf-call-iptables"):
        assert host.check_output(f"sysctl -n net.{switch}") == "1"


@pytest.mark.parametrize(
    ("netns", "device", "ways"),
    [
        ("netns_ada", "veth_ns_ada", ["10.7.0.1", "fd07::1"]),
        ("bobs", "eth0", ["10.7.0.1", "fd07::1"]),
        ("netns_cyd", "veth_ns_cyd", ["10.7.0.1"]),
    ],
)
def test_a_way_out_for_each_family(host, netns, device, ways):
    routes = [
        route
        for family in "46"
        for route in json.loads(host.check_output(f"ip -n {netns} -{family} -j route show default") or "[]")
    ]
    assert [(route["gateway"], route["dev"]) for route in routes] == [(way, device) for way in ways]
    assert host.check_output(f"cat /etc/netns/{netns}/resolv.conf") == "nameserver fd07::53"


@pytest.mark.usefixtures("host")
def test_proof(lab, state):
    lab("verify.yml")
    (report,) = state.glob("check-*.json")
    rows = json.loads(report.read_text())
    assert len(rows) == 4 * 8
    assert {(row["client"], row["url"]) for row in rows if not row["asked"]} == {
        ("cyd", "http://[fd07::11]:8081"),
        ("cyd", "http://[fd07::12]:8080"),
        ("cyd", "http://[fd07:1::1]:80"),
    }
    six = [row for row in rows if row["target"] == "six" and row["asked"]]
    assert {row["client"]: set(row["answers"]) for row in six} == {
        client: {"ada", "bob"} for client in ("host", "ada", "bob")
    }
    assert all(len(set(row["answers"])) == 1 for row in rows if row["target"] == "same")


@pytest.mark.usefixtures("host")
def test_again(lab):
    assert lab("topology_up.yml", "--diff").changed == []


def test_taken_away(lab, host, before):
    foretold = lab("topology_down.yml", "--check", "--diff")
    done = lab("topology_down.yml", "--diff")
    assert done.changed
    assert said(foretold) == said(done)
    now = kernel.read(host)
    # Modules and switches stay (see the role ipvs_node), and empty tables of iptables with them.
    for state in (before, now):
        state[""]["switches"] = []
        state[""]["rules"] = [line for line in state[""]["rules"] if line.startswith("-A")]
    assert list(kernel.differences(before, now)) == []
    left = host.check_output("ls /etc/netns /run/systemd/system 2>&1; true")
    assert [name for name in ("ada", "bob", "cyd") if name in left] == []
    assert lab("topology_down.yml").changed == []
