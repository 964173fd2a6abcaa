# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's node: healthy, and broken in one way, with that finding and no other, whose task mends it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

SERVICE = "10.100.100.100:8080"
URL = f"http://{SERVICE}/"
SET = "DUSTIN-LOOP-BACK"
RULE = f"-m set --match-set {SET} dst,dst,src -j MASQUERADE"
#: Takes away what has the modules loaded, and the modules.
UNLOADED = """
mkdir /run/doctor
ipvsadm -Sn > /run/doctor/ipvs
ipset save > /run/doctor/ipset
iptables-save > /run/doctor/iptables
sysctl net.ipv4.vs > /run/doctor/sysctl
ipvsadm -C
for table in filter nat; do iptables -t $table -F; done
nft flush ruleset
ipset destroy
for module in $(cut -d' ' -f1 /proc/modules | grep -E '^(ip_vs|nft|xt_set|ip_set)_?'); do modprobe -r $module; done
modprobe -r nf_tables
"""
LOADED = """
modprobe ip_vs
sysctl -q -e -p /run/doctor/sysctl
ipset restore < /run/doctor/ipset
iptables-restore < /run/doctor/iptables
ipvsadm -R < /run/doctor/ipvs
rm -r /run/doctor
"""
#: Proves that the kernel cannot have a scheduler.
NO_MH = "if ipvsadm -A -f 77 -s mh; then ipvsadm -D -f 77; exit 1; fi"
#: Takes the set away with its rule, and puts both back.
SETLESS = f"ipset save {SET} > /run/doctor.set; iptables -t nat -D POSTROUTING {RULE}; ipset destroy {SET}"
SET_AGAIN = f"ipset restore < /run/doctor.set; rm /run/doctor.set; iptables -t nat -A POSTROUTING {RULE}"
#: The lab is kept by tasks, and its pods are clients, as playbooks/doctor.yml says.
LAB = dict(owner="tasks", loopback=True)


#: A table of nftables' own, and where in it packets to the node and from it come by.
OWN = """
nft add table inet mine
nft add chain inet mine in '{ type filter hook input priority 0; }'
nft add chain inet mine out '{ type nat hook postrouting priority 100; }'
"""
OWN_GONE = "nft delete table inet mine"


@dataclass(frozen=True)
class Case:
    """One thing that is wrong: how it is done and undone, what is found, and who notices (a client of the service)."""

    id: str
    by: str
    mended: str
    subjects: tuple[str, ...]
    client: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    #: Whether the task of each finding mends it.
    healed: bool = True
    #: Another finding that belongs to it.
    besides: str = ""


CASES = [
    Case("ipvs_missing", UNLOADED, LOADED, ("ip_vs",)),
    Case(
        "forwarding_off",
        "sysctl -w net.ipv4.ip_forward=0",
        "sysctl -w net.ipv4.ip_forward=1",
        ("net.ipv4.ip_forward",),
    ),
    Case(
        "forwarding_off",
        "sysctl -w net.ipv4.conf.bridge_home.forwarding=0",
        "sysctl -w net.ipv4.conf.bridge_home.forwarding=1",
        ("net.ipv4.conf.bridge_home.forwarding",),
    ),
    Case(
        "bridge_netfilter_off",
        "sysctl -w net.bridge.bridge-nf-call-iptables=0",
        "sysctl -w net.bridge.bridge-nf-call-iptables=1; ip link set bridge_home type bridge nf_call_iptables 0",
        ("bridge_home",),
        "netns_leah",
    ),
    Case(
        "bridge_netfilter_off",
        "rmmod br_netfilter",  # and not the bridge, which goes with it where modprobe(8) takes it away
        "modprobe br_netfilter; sysctl -w net.bridge.bridge-nf-call-iptables=1",
        ("bridge_home",),
        "netns_leah",
    ),
    Case(
        "ipvs_conntrack_off",
        "sysctl -w net.ipv4.vs.conntrack=0",
        "sysctl -w net.ipv4.vs.conntrack=1",
        ("net.ipv4.vs.conntrack",),
        "netns_dustin",
    ),
    Case(
        "ipvs_conntrack_off",
        f"iptables -t nat -I POSTROUTING -s 10.0.0.0/24 -j MASQUERADE; {SETLESS}; sysctl -w net.ipv4.vs.conntrack=0",
        f"sysctl -w net.ipv4.vs.conntrack=1; {SET_AGAIN}; iptables -t nat -D POSTROUTING -s 10.0.0.0/24 -j MASQUERADE",
        ("net.ipv4.vs.conntrack",),
        "netns_dustin",
    ),
    Case(
        "ipvs_conntrack_off",
        f"iptables -t nat -I POSTROUTING -d 10.0.0.0/24 -j MASQUERADE; {SETLESS}; sysctl -w net.ipv4.vs.conntrack=0",
        f"sysctl -w net.ipv4.vs.conntrack=1; {SET_AGAIN}; iptables -t nat -D POSTROUTING -d 10.0.0.0/24 -j MASQUERADE",
        ("net.ipv4.vs.conntrack",),
        "netns_dustin",
        options=dict(loopback=False),
    ),
    Case(
        "hairpin_off",
        "bridge link set dev veth_dustin hairpin off; ip link set bridge_home promisc off",
        "bridge link set dev veth_leah hairpin off; bridge link set dev veth_dustin hairpin on;"
        " ip link set bridge_home promisc on",
        ("veth_dustin", "veth_leah"),
        "netns_dustin",
    ),
    Case(
        "address_missing",
        "ip address del 10.100.100.100/32 dev dustin-ipvs0",
        "ip address replace 10.100.100.100/32 dev dustin-ipvs0",
        ("10.100.100.100",),
        "netns_leah",
    ),
    Case(
        "loopback_entry_missing",
        f"ipset del {SET} 10.0.0.11,tcp:8080,10.0.0.11",
        f"ipset -exist add {SET} 10.0.0.11,tcp:8080,10.0.0.11",
        ("10.0.0.11,tcp:8080,10.0.0.11",),
        "netns_dustin",
    ),
    Case(
        "loopback_entry_missing",
        f"ipset flush {SET}",
        f"ipset -exist add {SET} 10.0.0.11,tcp:8080,10.0.0.11; ipset -exist add {SET} 10.0.0.21,tcp:8080,10.0.0.21",
        ("10.0.0.11,tcp:8080,10.0.0.11", "10.0.0.21,tcp:8080,10.0.0.21"),
    ),
    Case(
        "loopback_entry_stale",
        f"ipset add {SET} 10.0.0.99,tcp:8080,10.0.0.99",
        f"ipset -exist del {SET} 10.0.0.99,tcp:8080,10.0.0.99",
        ("10.0.0.99,tcp:8080,10.0.0.99",),
    ),
    Case(
        "loopback_set_missing",
        SETLESS,
        "iptables -t nat -D POSTROUTING -m set --match-set LOOP-BACK dst,dst,src -j MASQUERADE || true;"
        f" ipset destroy LOOP-BACK || true; {SET_AGAIN}",
        ("LOOP-BACK", "nat POSTROUTING (inet)"),
        "netns_dustin",
        besides="loopback_rule_missing",
    ),
    Case(
        "loopback_rule_missing",
        f"iptables -t nat -D POSTROUTING {RULE}",
        f"iptables -t nat -C POSTROUTING {RULE} || iptables -t nat -A POSTROUTING {RULE}",
        ("nat POSTROUTING (inet)",),
        "netns_dustin",
    ),
    Case(
        "loopback_rule_shadowed",
        "iptables -t nat -I POSTROUTING -d 10.0.0.0/24 -p tcp -j ACCEPT",
        f"iptables -t nat -D POSTROUTING {RULE}; iptables -t nat -D POSTROUTING -d 10.0.0.0/24 -p tcp -j ACCEPT",
        ("-A POSTROUTING -d 10.0.0.0/24 -p tcp -j ACCEPT",),
        "netns_dustin",
    ),
    Case(
        "loopback_rule_shadowed",
        "iptables -t nat -N LOCAL; iptables -t nat -A LOCAL -s 10.0.0.11/32 -j ACCEPT;"
        " iptables -t nat -I POSTROUTING -o bridge_home -j LOCAL",
        f"iptables -t nat -D POSTROUTING {RULE}; iptables -t nat -D POSTROUTING -o bridge_home -j LOCAL;"
        " iptables -t nat -F LOCAL; iptables -t nat -X LOCAL",
        ("-A LOCAL -s 10.0.0.11/32 -j ACCEPT",),
        "netns_dustin",
    ),
    Case(
        "real_server_unreachable",
        "ip netns exec netns_dustin iptables -I INPUT -p tcp --dport 8080 -j DROP",
        "ip netns exec netns_dustin iptables -D INPUT -p tcp --dport 8080 -j DROP",
        (f"10.0.0.11:8080 of tcp {SERVICE}",),
        "netns_leah",
        healed=False,
    ),
    Case(
        "real_server_refusing",
        "systemctl stop http-backend-dustin",
        "systemctl start http-backend-dustin; for i in $(seq 100); do"
        " curl -s -o /dev/null 10.0.0.11:8080 && exit 0; sleep 0.1; done; exit 1",
        (f"10.0.0.11:8080 of tcp {SERVICE}",),
        "netns_leah",
        healed=False,
    ),
    Case(
        "weight_zero",
        "ipvsadm -A -t 10.100.100.100:8083 -s rr; ipvsadm -a -t 10.100.100.100:8083 -r 10.0.0.11:8080 -m -w 0",
        "ipvsadm -D -t 10.100.100.100:8083",
        ("10.0.0.11:8080 of tcp 10.100.100.100:8083",),
        healed=False,
    ),
    Case(
        "service_empty",
        "ipvsadm -A -t 10.100.100.100:8081 -s rr",
        "ipvsadm -D -t 10.100.100.100:8081",
        ("tcp 10.100.100.100:8081",),
        healed=False,
    ),
    Case(
        "scheduler_missing",
        f"mkdir /run/doctor; mv $(modinfo -n ip_vs_mh) /run/doctor/; depmod; {NO_MH}",
        "mv /run/doctor/* /lib/modules/$(uname -r)/kernel/net/netfilter/ipvs/; rmdir /run/doctor; depmod",
        ("mh",),
        options=dict(schedulers=["mh", "sh", "rr"]),
        healed=False,
    ),
    Case(
        "scheduler_missing",
        f"echo 'install ip_vs_mh /bin/false' > /etc/modprobe.d/doctor.conf; {NO_MH}",
        "rm /etc/modprobe.d/doctor.conf",
        ("mh",),
        options=dict(schedulers=["mh", "sh", "rr"]),
        healed=False,
    ),
    Case(
        "other_owner",
        "ln -sf /bin/sleep /run/keepalived;"
        " systemd-run --quiet --unit=keepalived --property=Type=exec /run/keepalived 600",
        "systemctl stop keepalived || true; rm -f /run/keepalived",
        ("keepalived",),
        healed=False,
    ),
    Case(
        "other_owner",
        "echo 'sleep 600; exit' > /run/ldirectord;"
        " systemd-run --quiet --unit=ldirectord --property=Type=exec /bin/sh /run/ldirectord start",
        "systemctl stop ldirectord || true; rm -f /run/ldirectord",
        ("ldirectord",),
        healed=False,
    ),
    Case(
        "other_owner",
        "ip link add kube-ipvs0 type dummy; ip link add kube-dummy-if type dummy",
        "ip link del kube-ipvs0; ip link del kube-dummy-if",
        ("kube-proxy", "kube-router"),
        options=dict(owner=None),
        healed=False,
    ),
    Case(
        "firewall_drops",
        "iptables -A INPUT -d 10.100.100.100 -p tcp --dport 8080 -j DROP",
        "iptables -F INPUT",
        ("INPUT: -A INPUT -d 10.100.100.100/32 -p tcp -m tcp --dport 8080 -j DROP",),
        "netns_leah",
    ),
    Case(
        "firewall_drops",
        "iptables -A INPUT -d 10.100.100.100 -p tcp -m multiport --dports 80,8000:8100 --syn -j DROP",
        "iptables -F INPUT",
        (
            "INPUT: -A INPUT -d 10.100.100.100/32 -p tcp -m multiport --dports 80,8000:8100"
            " -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP",
        ),
        "netns_leah",
    ),
    Case(
        "firewall_drops",
        "iptables -I FORWARD -m conntrack --ctstate ESTABLISHED -s 10.0.0.11 -j REJECT",
        "iptables -D FORWARD -m conntrack --ctstate ESTABLISHED -s 10.0.0.11 -j REJECT;"
        " iptables -D FORWARD -s 10.0.0.11 -p tcp --sport 8080 -j ACCEPT || true",
        (
            "FORWARD: -A FORWARD -s 10.0.0.11/32 -m conntrack --ctstate ESTABLISHED -j REJECT"
            " --reject-with icmp-port-unreachable",
        ),
        "netns_leah",
    ),
    Case(
        "firewall_drops",
        "iptables -A OUTPUT -d 10.0.0.21 -o bridge_home -j DROP",
        "iptables -F OUTPUT",
        ("OUTPUT: -A OUTPUT -d 10.0.0.21/32 -o bridge_home -j DROP",),
        "netns_dustin",
    ),
    Case(
        "firewall_drops",
        f"{OWN}nft add rule inet mine in ip daddr 10.100.100.100 tcp dport 8080 counter drop",
        OWN_GONE,
        ("input: ip daddr 10.100.100.100 tcp dport 8080 counter drop (chain in of table inet mine)",),
        "netns_leah",
    ),
    Case(
        "conn_reuse_off",
        "sysctl -w net.ipv4.vs.conn_reuse_mode=0",
        "sysctl -w net.ipv4.vs.conn_reuse_mode=1",
        ("net.ipv4.vs.conn_reuse_mode",),
    ),
]

#: What a healthy node may have besides, each with how it is undone.
HEALTHY = {
    "nothing": ("true", "true"),
    "rules of another program": (
        "iptables -t nat -I POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE;"
        " iptables -t nat -I POSTROUTING -m mark --mark 0x4000/0x4000 -j ACCEPT;"
        " iptables -I FORWARD -i docker0 -j DROP; iptables -I INPUT ! -i lo -s 127.0.0.0/8 -j DROP;"
        " iptables -I INPUT -m conntrack --ctstate INVALID -j DROP",
        "iptables -t nat -D POSTROUTING 1; iptables -t nat -D POSTROUTING 1; iptables -D FORWARD 1; iptables -F INPUT",
    ),
    "a policy that drops, and rules that accept": (
        "iptables -P FORWARD DROP; iptables -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
        "iptables -P FORWARD ACCEPT; iptables -D FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    ),
    "a firewall of nftables' own that lets the service pass": (
        f"{OWN}nft add set inet mine ports '{{ type inet_service; elements = {{ 443, 8080 }}; }}'\n"
        "nft add rule inet mine in ip daddr 10.100.100.100 tcp dport != @ports drop",
        OWN_GONE,
    ),
    "a rule of nftables' own for the whole network instead of a set": (
        f"{OWN}nft add rule inet mine out ip saddr 10.0.0.0/24 masquerade; {SETLESS}",
        f"{SET_AGAIN}; {OWN_GONE}",
    ),
    "a rule of nftables' own that accepts, which ends no other chain": (
        f"{OWN}nft add chain inet mine early '{{ type nat hook postrouting priority 99; }}'\n"
        "nft add rule inet mine early ip daddr 10.0.0.0/24 accept",
        OWN_GONE,
    ),
    "who reads of another owner": (
        "echo > /run/keepalived; systemd-run --quiet --unit=doctor-reader --property=Type=exec tail -f /run/keepalived",
        "systemctl stop doctor-reader; rm /run/keepalived",
    ),
    "keepalived that only holds addresses": (
        "mkdir /etc/keepalived; echo 'vrrp_instance a { }' > /etc/keepalived/keepalived.conf;"
        " ln -sf /bin/sleep /run/keepalived;"
        " systemd-run --quiet --unit=keepalived --property=Type=exec /run/keepalived 600",
        "systemctl stop keepalived; rm -r /run/keepalived /etc/keepalived",
    ),
    "director that stands by, for Pacemaker": (
        "ln -sf /bin/sleep /run/pacemakerd;"
        " systemd-run --quiet --unit=pacemaker --property=Type=exec /run/pacemakerd 600;"
        " ip address del 10.100.100.100/32 dev dustin-ipvs0",
        "ip address add 10.100.100.100/32 dev dustin-ipvs0; systemctl stop pacemaker; rm /run/pacemakerd",
    ),
    "a firewall that accepts by several ports": (
        "iptables -A INPUT -d 10.100.100.100 -p tcp -m multiport --dports 443,8080 -j ACCEPT;"
        " iptables -A INPUT -d 10.100.100.100 -j DROP",
        "iptables -F INPUT",
    ),
    "hairpin mode instead of a promiscuous bridge": (
        "bridge link set dev veth_leah hairpin on; ip link set bridge_home promisc off",
        "bridge link set dev veth_leah hairpin off; ip link set bridge_home promisc on",
    ),
    "a rule for the whole network instead of a set": (
        f"iptables -t nat -I POSTROUTING -s 10.0.0.0/24 -j MASQUERADE; iptables -t nat -D POSTROUTING {RULE};"
        f" ipset flush {SET}",
        f"iptables -t nat -I POSTROUTING {RULE}; iptables -t nat -D POSTROUTING -s 10.0.0.0/24 -j MASQUERADE;"
        f" ipset add {SET} 10.0.0.11,tcp:8080,10.0.0.11; ipset add {SET} 10.0.0.21,tcp:8080,10.0.0.21",
    ),
    "the bridge's own switch": (
        "sysctl -w net.bridge.bridge-nf-call-iptables=0; ip link set bridge_home type bridge nf_call_iptables 1",
        "sysctl -w net.bridge.bridge-nf-call-iptables=1; ip link set bridge_home type bridge nf_call_iptables 0",
    ),
    "a real server that is being drained": (
        "ipvsadm -A -t 10.100.100.100:8081 -s rr; ipvsadm -a -t 10.100.100.100:8081 -r 10.0.0.11:8080 -m -w 1;"
        " curl -s -o /dev/null 10.100.100.100:8081;"
        " ipvsadm -e -t 10.100.100.100:8081 -r 10.0.0.11:8080 -m -w 0",
        "ipvsadm -D -t 10.100.100.100:8081",
    ),
    "a service of a firewall mark and one of UDP": (
        "ipvsadm -A -f 7 -s rr; ipvsadm -a -f 7 -r 10.0.0.11:8080 -m;"
        " ipvsadm -A -u 10.100.100.100:53 -s rr; ipvsadm -a -u 10.100.100.100:53 -r 10.0.0.11:53 -m;"
        f" ipset add {SET} 10.0.0.11,udp:53,10.0.0.11",
        f"ipvsadm -D -f 7; ipvsadm -D -u 10.100.100.100:53; ipset del {SET} 10.0.0.11,udp:53,10.0.0.11",
    ),
    "nobody has spoken for a while": (
        "ip neigh flush dev bridge_home; bridge fdb flush dev veth_dustin || true",
        "true",
    ),
}


@pytest.mark.parametrize("kind", HEALTHY)
def test_healthy(patient, kind):
    by, mended = HEALTHY[kind]
    patient.broken(by=by, mended=mended)
    assert patient.findings(**LAB) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_finding(patient, case):
    patient.broken(by=case.by, mended=case.mended)
    if case.client:
        assert not patient.reaches(case.client, URL, seconds=1), "the case is not one"
    options = {**LAB, **case.options}
    found = patient.findings(**options)
    assert {each["id"] for each in found} == {case.id, case.besides} - {""}, found
    assert tuple(sorted(each["subject"] for each in found)) == tuple(sorted(case.subjects))
    if case.healed:
        for each in found:
            patient.take(each["task"])
        assert patient.findings(**options) == []
        if case.client:
            assert patient.reaches(case.client, URL, seconds=5), "the remedy is none"


def test_the_set_tells_who_is_a_client(patient):
    patient.broken(
        by="sysctl -w net.bridge.bridge-nf-call-iptables=0", mended="sysctl -w net.bridge.bridge-nf-call-iptables=1"
    )
    assert [each["id"] for each in patient.findings(owner="tasks")] == ["bridge_netfilter_off"]
    patient.broken(by=SETLESS, mended=SET_AGAIN)
    assert patient.findings(owner="tasks") == []
    assert patient.findings(owner="tasks", loopback=False) == []


def test_a_dead_server_gets_no_weight(patient):
    service, server, entry = "10.100.100.100:8083", "10.0.0.11:8089", "10.0.0.11,tcp:8089,10.0.0.11"
    patient.broken(
        by=f"ipvsadm -A -t {service} -s rr; ipvsadm -a -t {service} -r {server} -m -w 3; ipset add {SET} {entry}",
        mended=f"ipvsadm -D -t {service}; ipset del {SET} {entry}",
    )
    (refusing,) = patient.findings(**LAB)
    assert refusing["id"] == "real_server_refusing"
    assert "its weight is 3 now" in refusing["remedy"]
    patient.take(refusing["task"])
    (drained,) = patient.findings(**LAB)
    assert (drained["id"], drained["task"]) == ("weight_zero", None)
    assert "it did not" in drained["remedy"]


def test_programs_are_not_stopped(patient):
    """One of them may hold the virtual address."""
    patient.broken(
        by="ln -sf /bin/sleep /run/keepalived;"
        " systemd-run --quiet --unit=keepalived --property=Type=exec /run/keepalived 600",
        mended="systemctl stop keepalived; rm /run/keepalived",
    )
    (found,) = patient.findings(**LAB)
    assert (found["id"], found["task"]) == ("other_owner", None)


def test_rules_in_doubt_are_named(patient):
    rule = "INPUT -d 10.100.100.100/32 -i bridge_home -j ACCEPT"
    patient.broken(
        by=f"iptables -A {rule}; iptables -A INPUT -d 10.100.100.100 -j DROP",
        mended="iptables -F INPUT",
    )
    assert patient.findings(**LAB) == []
    assert f"-A {rule}" in patient.left_open(**LAB)["firewall_drops"]
    assert patient.reaches("netns_leah", URL, seconds=5)


def test_ports_are_known_without_traffic(patient):
    patient.broken(
        by="ip neigh flush dev bridge_home; bridge link set dev veth_dustin hairpin off;"
        " ip link set bridge_home promisc off",
        mended="bridge link set dev veth_dustin hairpin on; ip link set bridge_home promisc on",
    )
    found = patient.findings(**LAB, probe=False)
    assert sorted(each["subject"] for each in found) == ["veth_dustin", "veth_leah"]


def test_ignored(patient):
    patient.broken(by="sysctl -w net.ipv4.vs.conn_reuse_mode=0", mended="sysctl -w net.ipv4.vs.conn_reuse_mode=1")
    assert patient.findings(**LAB, ignore=["conn_reuse_off"]) == []


def test_answers_that_conntrack_does_not_know(patient):
    """Behind net.ipv4.vs.conntrack=0 they are invalid, which firewalls drop."""
    client = "doctor_client"
    patient.broken(
        by=f"""
iptables -t nat -D POSTROUTING {RULE}
ipset flush {SET}
sysctl -w net.ipv4.vs.conntrack=0
ip netns add {client}
ip link add {client} type veth peer name eth0 netns {client}
ip address add 10.90.0.1/24 dev {client}
ip link set {client} up
ip -n {client} address add 10.90.0.2/24 dev eth0
ip -n {client} link set eth0 up
ip -n {client} route add default via 10.90.0.1
""",
        mended=f"""
ip netns del {client}
sysctl -w net.ipv4.vs.conntrack=1
ipset -exist add {SET} 10.0.0.11,tcp:8080,10.0.0.11
ipset -exist add {SET} 10.0.0.21,tcp:8080,10.0.0.21
iptables -t nat -A POSTROUTING {RULE}
""",
    )
    assert patient.findings(owner="tasks") == []
    assert patient.reaches(client, URL, seconds=5)
    rule = "FORWARD -m conntrack --ctstate INVALID -j DROP"
    patient.broken(
        by=f"iptables -I {rule}",
        mended=f"iptables -D {rule}; for address in 10.0.0.11 10.0.0.21; do"
        " iptables -D FORWARD -s $address -p tcp --sport 8080 -j ACCEPT || true; done",
    )
    assert not patient.reaches(client, URL, seconds=1)
    found = patient.findings(owner="tasks")
    assert [each["id"] for each in found] == ["firewall_drops", "firewall_drops"]
    assert {each["subject"] for each in found} == {f"FORWARD: -A {rule}"}
    for each in found:
        patient.take(each["task"])
    assert patient.findings(owner="tasks") == []
    assert patient.reaches(client, URL, seconds=5)


def test_tables_of_nftables_own_without_nft(patient):
    """What cannot be read is said; what is wrong in iptables counts all the same."""
    rule = "INPUT -d 10.100.100.100 -p tcp -j DROP"
    patient.broken(
        by=f"{OWN}nft add rule inet mine in counter; nft add rule inet mine out counter; iptables -A {rule}",
        mended=f"iptables -D {rule}; {OWN_GONE}",
    )
    patient.broken(by="mv /usr/sbin/nft /usr/sbin/nft.away", mended="mv /usr/sbin/nft.away /usr/sbin/nft")
    assert [each["id"] for each in patient.findings(**LAB)] == ["firewall_drops"]
    reasons = patient.left_open(**LAB)
    assert set(reasons) == {
        "firewall_drops",
        "loopback_entry_missing",
        "loopback_rule_missing",
        "loopback_rule_shadowed",
    }
    assert {reason.partition(": ")[2] for reason in reasons.values()} == {"inet mine"}


def test_reads_only(patient, node):
    read = (
        "iptables-save | grep -v ^#; ipset save; ipvsadm -Sn; ip -d link; ip address; ip route; lsmod | cut -d' ' -f1;"
    )
    read += " grep -r . /proc/sys/net/bridge /proc/sys/net/ipv4/vs /proc/sys/net/ipv4/conf"
    states = []
    for _turn in range(2):
        # What counts and ages by itself is left out.
        states.append(patient.shell(f"( {read} ) | sed -e 's/\\[[0-9:]*\\]//' | grep -v timer"))
        patient.findings(**LAB)
    assert states[0] == states[1]
    assert node.module("ipvs_doctor", check=True, **LAB)["changed"] is False


def test_without_ipvs(patient):
    """Nothing is loaded to find out, and it is told."""
    patient.broken(by=UNLOADED, mended=LOADED)
    modules = "cut -d' ' -f1 /proc/modules | sort"
    before = patient.shell(modules).split()
    assert not {"ip_vs", "ip_set", "nf_tables"} & set(before)
    assert patient.findings() == []
    assert "module ip_vs is not loaded" in patient.left_open()["ipvs_missing"]
    patient.broken(
        by="echo 'install ip_vs /bin/false' > /etc/modprobe.d/doctor.conf", mended="rm -f /etc/modprobe.d/doctor.conf"
    )
    (found,) = patient.findings(**LAB)
    assert (found["id"], found["task"]) == ("ipvs_missing", None)
    assert "install /bin/false" in found["evidence"]
    assert patient.shell(modules).split() == before
