# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the cases of one module cannot show: what another tool made, other owners, missing rights."""

from __future__ import annotations

import re
import time

import pytest
from node import Failed

#: For ipvsadm(8)
MADE = """
-A -t 10.100.100.100:8080 -s rr -p 300 -M 255.255.255.0
-a -t 10.100.100.100:8080 -r 10.0.0.21:8080 -m -w 5 -x 100 -y 50
-a -t 10.100.100.100:8080 -r 10.0.0.11:8080 -m
-A -u [fd00::100]:53 -s sh -b sh-fallback,sh-port -o
-a -u [fd00::100]:53 -r [fd00::11]:53 -i --tun-type gue --tun-port 6080
-A -f 9 -6 -s lc
-A -f 10 -s rr -M 0.0.0.0
-A -f 11 -s none
-A -t 10.100.100.101:80 -s rr -p 300 -M 255.0.255.0
-A -t 10.100.100.102:80 -s rr -p 300 -M 0.0.0.0
"""
NOBODY = 65534


def test_table_of_another_tool(node, netns):
    """It is read, fed back without a change, and keeps what a task does not name."""

    def ipvsadm(*words, stdin=""):
        return node.command("ip", "netns", "exec", netns, "ipvsadm", *words, stdin=stdin)

    for line in MADE.split("\n"):
        if line:
            ipvsadm(*line.split())
    saved = ipvsadm("-Sn")
    read = node.module("ipvs_info", netns=netns)
    assert (read["available"], read["owners"], len(read["services"])) == (True, [], 7)
    for service in read["services"]:
        fed = node.module("ipvs_service", **{**service, "netns": netns, "purge_real_servers": True})
        assert not fed["changed"]

    dns = dict(address="fd00::100", port=53, protocol="udp")
    node.module("ipvs_service", **dns, real_servers=[dict(address="fd00::11", weight=2)], netns=netns)
    # A mask of nothing, though it is not persistent: so Docker makes the services of its networks.
    node.module("ipvs_service", fwmark=10, scheduler="wrr", netns=netns)
    limited = node.module(
        "ipvs_real_server",
        service=dict(address="10.100.100.100", port=8080),
        address="10.0.0.11",
        upper_threshold=2147483647,
        lower_threshold=77,
        netns=netns,
    )
    limits = ipvsadm("-Ln", "--thresholds")  # which are not saved
    assert limited["changed"]
    assert re.search("10.0.0.11.8080 +2147483647 +77 ", limits)
    assert re.search("10.0.0.21.8080 +100 +50 ", limits)
    changed = saved.replace("[fd00::11]:53 -i -w 1", "[fd00::11]:53 -i -w 2").replace("-f 10 -s rr", "-f 10 -s wrr")
    assert changed != saved
    assert ipvsadm("-Sn") == changed


def test_other_owners(node, netns):
    """Found in the namespace in which they are, and in no other."""
    node.command("ln", "-sf", "/bin/sleep", "/run/keepalived")
    inside = f"--property=NetworkNamespacePath=/run/netns/{netns}"
    node.command("systemd-run", "--unit=balancer-keepalived", inside, "/run/keepalived", "600")
    node.command("ip", "-n", netns, "link", "add", "kube-ipvs0", "type", "dummy")
    try:
        found = _patiently(lambda: node.module("ipvs_info", netns=netns)["owners"], many=2)
        elsewhere = node.module("ipvs_info")["owners"]
    finally:
        node.command("systemctl", "stop", "balancer-keepalived")
        node.command("rm", "/run/keepalived")

    keepalived, proxy = found
    assert (keepalived["name"], proxy["name"]) == ("keepalived", "kube-proxy")
    assert re.search("^process [0-9]+. /run/keepalived 600$", keepalived["evidence"])
    assert "device kube-ipvs0, which may be left over" in proxy["evidence"]
    assert elsewhere == []


def test_check_mode_believes_in_an_iptables_to_come(node, netns):
    """As on a fresh host, on which an earlier task of a real run would have installed it."""
    rule = dict(source="10.0.0.0/24", backend="iptables", netns=netns)
    node.command("mv", "/usr/sbin/iptables-save", "/usr/sbin/iptables-save.away")
    try:
        with pytest.raises(Failed, match="the command 'iptables-save' is not installed: install the package"):
            node.module("masquerade", **rule)
        predicted = node.module("masquerade", check=True, **rule)
    finally:
        node.command("mv", "/usr/sbin/iptables-save.away", "/usr/sbin/iptables-save")
    made = node.module("masquerade", **rule)

    assert [text for text in predicted["warnings"] if "goes on as if it was installed and found nothing" in text]
    assert predicted["changed"]
    assert (predicted["diff"], predicted["rule"]) == (made["diff"], made["rule"])


def test_without_being_root(node):
    said = node.refusal("ipvs_info", NOBODY)
    assert re.search(f"runs as user id {NOBODY}, but the kernel lets only root do it: add .become: true.", said)


def test_root_without_the_rights_of_root(node):
    said = node.refusal_without_rights("ipvs_info")
    assert re.search(
        "the kernel refused to tell of the IPVS table: not permitted: IPVS wants CAP_NET_ADMIN.*EPERM", said
    )


def test_nothing_is_left(node):
    """In the node's own namespace, in which no test has worked but the first."""
    for command in ("ipvsadm -Sn", "ipset save", "ip -brief link show type dummy"):
        assert node.command(*command.split()) == ""


def _patiently(look, many, patience=10):
    """What a look gives once it is so many: systemd starts a program after it has said so."""
    end = time.monotonic() + patience
    while len(found := look()) < many and time.monotonic() < end:
        time.sleep(0.2)
    return found
