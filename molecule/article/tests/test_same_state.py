# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our roles lead to the state to which the article's literal commands lead, down to what `ip -d` prints."""

from __future__ import annotations

import json

import kernel
import pytest
import steps

NAMESPACES = ("netns_dustin", "netns_leah")


@pytest.fixture(scope="module")
def article():
    return json.loads((steps.OUTPUT / "article.json").read_text())


def test_article_was_read(article):
    """An empty reading would equal another empty one."""
    assert set(article) == {"", *NAMESPACES}
    assert {device["ifname"] for device in article[""]["links"]} >= {"bridge_home", "veth_dustin", "dustin-ipvs0"}
    assert {device["ifname"] for device in article["netns_leah"]["links"]} == {"lo", "veth_ns_leah"}
    assert len(article[""]["services"]) == 3
    assert len(article[""]["sets"]) == 3
    assert sum(rule.startswith("-A") for rule in article[""]["rules"]) == 3
    assert article["netns_dustin"]["name servers"] == ["nameserver 8.8.8.8"]


def test_same_state(host, article):
    assert list(kernel.differences(article, kernel.read(host, NAMESPACES))) == []


#: Changes of a node, and where the comparison has to show each.
CHANGES = {
    "bridge link set dev veth_dustin hairpin off": "node / bridge ports / veth_dustin / hairpin",
    "ip link set bridge_home promisc off": "node / links / bridge_home / flags",
    "ipvsadm -e -t 10.100.100.100:8080 -r 10.0.0.21:8080 -m -w 2": "node / services",
    "ipset del DUSTIN-LOOP-BACK 10.0.0.21,tcp:8080,10.0.0.21": "node / sets",
    "iptables -A FORWARD -i lo -j ACCEPT": "node / rules",
    "sysctl -w net.ipv4.vs.conntrack=0": "node / switches",
    "ip -n netns_leah route replace default via 10.0.0.2": "netns_leah / routes / default",
    "ip -n netns_dustin address add 10.0.0.12/24 dev veth_ns_dustin": "netns_dustin / addresses / veth_ns_dustin",
    "echo nameserver 8.8.4.4 >>/etc/netns/netns_leah/resolv.conf": "netns_leah / name servers",
}


def test_would_see(host, article):
    """The comparison can fail. The last test, since it leaves the node changed."""
    host.check_output("; ".join(CHANGES))
    found = list(kernel.differences(article, kernel.read(host, NAMESPACES)))
    missed = [place for place in CHANGES.values() if not any(line.startswith(place) for line in found)]
    assert missed == [], found
