# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role virtual_service alone: what becomes of the loop-back sets when servers and services go.

The tests stand in the order in which they are to run: each finds the node as the one before it left it.
"""

from __future__ import annotations

import json

import pytest

#: A service of each family, without its servers
SERVICES = ({"address": "10.108.0.1", "port": 80}, {"address": "fd08::1", "port": 80})
SERVERS = ("10.8.0.11", "fd08:1::11")
RULES = "iptables-save; ip6tables-save"


@pytest.fixture(scope="module")
def role(play, tmp_path_factory):
    """Play the role; returns what it has changed."""
    playbook = tmp_path_factory.mktemp("role") / "role.yml"
    playbook.write_text(
        "- {hosts: lab_nodes, gather_facts: false, become: true, roles: [linuxnet.ipvs.virtual_service]}\n"
    )

    def run(services, *arguments, **others):
        variables = {
            "virtual_service_services": services,
            "virtual_service_device": "shop0",
            "virtual_service_loopback_set": "SHOP",
            **{f"virtual_service_{name}": value for name, value in others.items()},
        }
        done = play(playbook, "--extra-vars", json.dumps(variables), *arguments)
        assert done.code == 0, done.account
        return [each.task.split(" : ")[-1] for each in done.changed]

    return run


def sets(host):
    """The lines of the sets, without what is random in them."""
    return [" ".join(line.split()[:3]) for line in host.check_output("ipset save").splitlines()]


def rules(host):
    return [line.split()[5] for line in host.check_output(RULES).splitlines() if "--match-set" in line]


def test_sets_lose_the_last_servers(role, host):
    role(
        [{**service, "real_servers": [{"address": server}]} for service, server in zip(SERVICES, SERVERS, strict=True)]
    )
    assert sets(host) == [
        "create SHOP hash:ip,port,ip",
        "add SHOP 10.8.0.11,tcp:80,10.8.0.11",
        "create SHOP6 hash:ip,port,ip",
        "add SHOP6 fd08:1::11,tcp:80,fd08:1::11",
    ]
    assert rules(host) == ["SHOP", "SHOP6"]
    emptied = [{**service, "real_servers": [], "purge_real_servers": True} for service in SERVICES]
    assert set(role(emptied)) == {
        "Virtual services with their real servers",
        "Set of what loops back, with the real servers in it",
    }
    assert sets(host) == ["create SHOP hash:ip,port,ip", "create SHOP6 hash:ip,port,ip"]
    assert role(emptied) == []


def test_all_goes_by_addresses_and_ports(role, host):
    """Also the set of a family of which no service is named any more."""
    foretold = role(SERVICES[:1], "--check", state="absent")
    assert role(SERVICES[:1], state="absent") == foretold
    assert (sets(host), rules(host)) == ([], [])
    assert "shop0" not in host.check_output("ip -o link")
    assert role(SERVICES, state="absent") == ["No virtual services"]
    assert host.check_output("ipvsadm -Sn") == ""
