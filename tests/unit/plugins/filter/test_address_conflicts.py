# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which addresses would cut a host off from others."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.filter.address_conflicts import address_conflicts

#: As iproute2 6.1 and BusyBox 1.35 print them
HOST = [
    "default via 198.51.100.1 dev eth0 proto dhcp metric 100",
    "198.51.100.0/24 dev eth0 proto kernel scope link src 198.51.100.5",
    "172.16.0.0/12 via 198.51.100.9 dev eth0",
    "blackhole 192.168.0.0/16",
    "10.0.0.0/24 dev br proto kernel scope link src 10.0.0.1 linkdown",
    "fe80::/64 dev eth0 proto kernel metric 256 pref medium",
    "default via fe80::1 dev eth0 proto ra metric 100",
    "2001:db8::/64 dev eth0 proto kernel metric 256 pref medium",
    "SSH_CONNECTION=203.0.113.7 50000 198.51.100.5 22",
]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("10.7.0.1/24", []),
        ("10.0.0.1/24", []),  # it has it already
        ("172.16.5.1/24", []),  # what goes by a gateway is nobody's own
        ("192.168.0.1/24", []),
        ("fd00::1/64", []),
        ("not-an-address", []),
        (
            "198.51.100.1/24",
            ["in one network with 198.51.100.1, a gateway", "198.51.100.0/24, which this host has", "198.51.100.9"],
        ),
        ("198.51.0.1/16", ["198.51.100.1", "198.51.100.0/24", "198.51.100.9"]),
        ("198.51.100.128/28", ["in the network 198.51.100.0/24, which this host has on eth0"]),
        ("203.0.113.1/24", ["in one network with 203.0.113.7, from which this host is reached by ssh"]),
        ("2001:db8::9/64", ["2001:db8::/64, which this host has on eth0"]),
    ],
)
def test_what_is_anothers_is_said(address, words):
    found = address_conflicts(HOST, [address], "br")
    assert len(found) == len(words)
    assert all(any(word in each for each in found) for word in words)


def test_a_login_over_the_bridge_itself_is_none():
    assert address_conflicts([*HOST, "SSH_CONNECTION=10.0.0.11 1 10.0.0.1 22"], ["10.0.0.1/24"], "br") == []


def test_each_of_several_gateways_counts():
    lines = ["default proto static metric 20", "nexthop via 198.51.100.1 dev eth0 weight 1"]
    (found,) = address_conflicts(lines, ["198.51.100.2/24"], "br")
    assert "198.51.100.1, a gateway of this host on eth0" in found
