# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A director of direct routing and tunnels, and a real server of both, in namespaces that are joined by a cable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from patient import Patient

DIRECTOR, SERVER = "doctor_director", "doctor_server"
#: The virtual addresses: of direct routing, and of a tunnel.
DIRECT, TUNNEL = "10.77.0.100", "10.77.0.101"
BUILT = f"""
modprobe -a ipip ip_gre tun
ip netns add {DIRECTOR}
ip netns add {SERVER}
ip -n {DIRECTOR} link set lo up
ip -n {SERVER} link set lo up
ip -n {DIRECTOR} link add inside mtu 1600 type veth peer name net0 mtu 1600 netns {SERVER}
ip -n {DIRECTOR} link add outside type dummy
for address in 10.77.0.1/24 {DIRECT}/32 {TUNNEL}/32; do ip -n {DIRECTOR} address add $address dev inside; done
ip -n {DIRECTOR} address add 10.78.0.1/24 dev outside
ip -n {DIRECTOR} link set inside up
ip -n {DIRECTOR} link set outside up
ip -n {DIRECTOR} route add default via 10.78.0.254
ip -n {SERVER} address add 10.77.0.11/24 dev net0
ip -n {SERVER} link set net0 up
ip -n {SERVER} route add default via 10.77.0.254
ip -n {SERVER} address add {DIRECT}/32 dev lo
ip -n {SERVER} address add {TUNNEL}/32 dev tunl0
ip -n {SERVER} link set tunl0 up
ip netns exec {SERVER} sysctl -q -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 \
  net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.tunl0.rp_filter=0
ip netns exec {DIRECTOR} ipvsadm -A -t {DIRECT}:80 -s rr
ip netns exec {DIRECTOR} ipvsadm -a -t {DIRECT}:80 -r 10.77.0.11:80 -g
ip netns exec {DIRECTOR} ipvsadm -A -t {TUNNEL}:80 -s rr
ip netns exec {DIRECTOR} ipvsadm -a -t {TUNNEL}:80 -r 10.77.0.11:80 -i
"""
ROLES: dict[str, dict[str, Any]] = {
    DIRECTOR: dict(owner="tasks"),
    SERVER: dict(real_server_for=[DIRECT, TUNNEL]),
}


@pytest.fixture(scope="module", autouse=True)
def _built(node) -> Iterator[None]:
    patient = Patient(node)
    patient.shell(BUILT)
    yield
    patient.shell(f"ip netns del {DIRECTOR}; ip netns del {SERVER}; modprobe -r ipip ip_gre tun || true")


#: In the director besides: a masqueraded service of IPv6, whose real server loops back.
SIX = """
ip address add fd77::1/64 dev inside nodad
ip address add fd77::100/128 dev inside nodad
sysctl -q -w net.ipv6.conf.all.forwarding=1 net.ipv4.vs.conntrack=1
ipvsadm -A -t [fd77::100]:80 -s rr
ipvsadm -a -t [fd77::100]:80 -r [fd77::11]:80 -m
ipset create LOOP6 hash:ip,port,ip family inet6
ipset add LOOP6 fd77::11,tcp:80,fd77::11
ip6tables -t nat -A POSTROUTING -m set --match-set LOOP6 dst,dst,src -j MASQUERADE
"""
SIX_GONE = """
ip6tables -t nat -F
ipset destroy LOOP6
ipvsadm -D -t [fd77::100]:80
ip address del fd77::100/128 dev outside
ip address del fd77::100/128 dev inside
ip address del fd77::1/64 dev inside
"""


@dataclass(frozen=True)
class Case:
    """One thing that is wrong in a namespace: how it is done and undone inside, and what is found."""

    id: str
    netns: str
    by: str
    mended: str
    subjects: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    #: Whether the task of each finding mends it.
    healed: bool = True


CASES = [
    Case(
        "address_missing",
        SERVER,
        f"ip address del {DIRECT}/32 dev lo",
        f"ip address replace {DIRECT}/32 dev lo; ip link del ipvs0",
        (DIRECT,),
    ),
    Case(
        "address_missing",
        DIRECTOR,
        f"ip address del {TUNNEL}/32 dev inside",
        f"ip address replace {TUNNEL}/32 dev inside; ip address del {TUNNEL}/32 dev outside",
        (TUNNEL,),
    ),
    Case(
        "arp_ignore",
        SERVER,
        "sysctl -w net.ipv4.conf.all.arp_ignore=0",
        "sysctl -w net.ipv4.conf.all.arp_ignore=1",
        (f"{DIRECT} on net0", f"{TUNNEL} on net0"),
    ),
    Case(
        "arp_announce",
        SERVER,
        "sysctl -w net.ipv4.conf.all.arp_announce=0",
        "sysctl -w net.ipv4.conf.all.arp_announce=2",
        (f"{DIRECT} on net0", f"{TUNNEL} on net0"),
    ),
    Case(
        "rp_filter_strict",
        SERVER,
        "sysctl -w net.ipv4.conf.all.rp_filter=1",
        "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.tunl0.rp_filter=0",
        ("tunl0",),
    ),
    Case(
        "direct_through_router",
        DIRECTOR,
        f"ip route add 10.79.0.0/24 via 10.77.0.11; ipvsadm -a -t {DIRECT}:80 -r 10.79.0.5:80 -g",
        f"ipvsadm -d -t {DIRECT}:80 -r 10.79.0.5:80; ip route del 10.79.0.0/24",
        (f"10.79.0.5:80 of tcp {DIRECT}:80",),
    ),
    Case(
        "tunnel_mtu",
        DIRECTOR,
        "ip link set inside mtu 1500",
        "ip link set inside mtu 1600",
        ("inside",),
        healed=False,
    ),
    Case(
        "one_packet_masquerading",
        DIRECTOR,
        f"sysctl -w net.ipv4.ip_forward=1; ipvsadm -A -u {DIRECT}:53 -s rr -o;"
        f" ipvsadm -a -u {DIRECT}:53 -r 10.77.0.11:53 -m",
        f"ipvsadm -D -u {DIRECT}:53",
        (f"udp {DIRECT}:53",),
        healed=False,
    ),
    Case(
        "backup_only_refuses",
        DIRECTOR,
        "ipvsadm --start-daemon master --mcast-interface inside;"
        " ipvsadm --start-daemon backup --mcast-interface inside;"
        " sysctl -w net.ipv4.vs.backup_only=1",
        "sysctl -w net.ipv4.vs.backup_only=0; ipvsadm --stop-daemon master; ipvsadm --stop-daemon backup",
        ("net.ipv4.vs.backup_only",),
    ),
    Case(
        "drained_refuses",
        DIRECTOR,
        f"ipvsadm -A -t {DIRECT}:81 -s sh; ipvsadm -a -t {DIRECT}:81 -r 10.77.0.11:81 -g -w 0;"
        f" ipvsadm -a -t {DIRECT}:81 -r 10.77.0.12:81 -g",
        f"ipvsadm -D -t {DIRECT}:81",
        (f"10.77.0.11:81 of tcp {DIRECT}:81",),
        options=dict(probe=False, ignore=["weight_zero"]),
    ),
    Case(
        "connection_limit_reached",
        DIRECTOR,
        f"sysctl -w net.ipv4.ip_forward=1; ipvsadm -A -t {DIRECT}:82 -s rr;"
        f" ipvsadm -a -t {DIRECT}:82 -r 10.77.0.11:82 -m -x 1; sh -c 'curl --silent --max-time 2 {DIRECT}:82 || true'",
        f"ipvsadm -D -t {DIRECT}:82",
        (f"10.77.0.11:82 of tcp {DIRECT}:82",),
        options=dict(probe=False),
        healed=False,
    ),
    Case(
        "ipv6_address_silent",
        DIRECTOR,
        "ip link add silent0 type dummy; ip link set silent0 up; ip address add fd77::1/64 dev inside nodad;"
        " ip address add fd77::99/128 dev silent0 nodad; ipvsadm -A -t [fd77::99]:80 -s rr;"
        " ipvsadm -a -t [fd77::99]:80 -r [fd77::11]:80 -g",
        "ipvsadm -D -t [fd77::99]:80; ip link del silent0; ip address del fd77::1/64 dev inside",
        ("fd77::99 on inside",),
        options=dict(probe=False),
        healed=False,
    ),
    Case(
        "real_server_unreachable",
        DIRECTOR,
        f"ipvsadm -a -t {DIRECT}:80 -r 10.77.0.12:80 -g",
        f"ipvsadm -d -t {DIRECT}:80 -r 10.77.0.12:80",
        (f"10.77.0.12:80 of tcp {DIRECT}:80",),
        options=dict(probe_timeout=10),
        healed=False,
    ),
    Case(
        "firewall_drops",
        DIRECTOR,
        f"iptables -P INPUT DROP; iptables -A INPUT -i lo -j ACCEPT; iptables -A INPUT -p icmp -j ACCEPT;"
        f" iptables -A INPUT -d {TUNNEL} -j ACCEPT; iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
        "iptables -F INPUT; iptables -P INPUT ACCEPT",
        ("INPUT: the policy of chain INPUT",),
    ),
]

HEALTHY = {
    "director": (DIRECTOR, "true", "true"),
    "real server": (SERVER, "true", "true"),
    "director that delivers the address to itself by a route": (
        DIRECTOR,
        f"ip address del {DIRECT}/32 dev inside; ip route add local {DIRECT} dev lo",
        f"ip route del local {DIRECT} dev lo; ip address add {DIRECT}/32 dev inside",
    ),
    "director that stands by": (
        DIRECTOR,
        f"ip address del {DIRECT}/32 dev inside; ipvsadm --start-daemon backup --mcast-interface inside",
        f"ip address add {DIRECT}/32 dev inside; ipvsadm --stop-daemon backup",
    ),
    "director with one arm": (
        DIRECTOR,
        "ip link set inside mtu 1500; ip route replace default via 10.77.0.254",
        "ip link set inside mtu 1600; ip route replace default via 10.78.0.254",
    ),
    "director behind rules that depend on more than is known": (
        DIRECTOR,
        "iptables -P INPUT DROP; iptables -A INPUT -s 198.51.100.0/24 -j ACCEPT",
        "iptables -F INPUT; iptables -P INPUT ACCEPT",
    ),
    "real server beside a device without ARP": (
        SERVER,
        "sysctl -w net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.net0.arp_ignore=1"
        " net.ipv4.conf.all.arp_announce=0 net.ipv4.conf.net0.arp_announce=2;"
        " ip tuntap add dev tun0 mode tun; ip address add 10.80.0.1/24 dev tun0; ip link set tun0 up",
        "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.net0.arp_ignore=0"
        " net.ipv4.conf.all.arp_announce=2 net.ipv4.conf.net0.arp_announce=0; ip link del tun0",
    ),
    "real server beside a bridge of containers": (
        SERVER,
        "sysctl -w net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.net0.arp_ignore=1"
        " net.ipv4.conf.all.arp_announce=0 net.ipv4.conf.net0.arp_announce=2;"
        " ip link add docker0 type bridge; ip address add 172.17.0.1/16 dev docker0; ip link set docker0 up",
        "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.net0.arp_ignore=0"
        " net.ipv4.conf.all.arp_announce=2 net.ipv4.conf.net0.arp_announce=0; ip link del docker0",
    ),
    "real server with a tunnel to somewhere else": (
        SERVER,
        "ip link add gre1 type gre local 10.77.0.11 remote 10.77.0.99; ip address add 10.81.0.1/30 dev gre1;"
        " ip link set gre1 up; sysctl -w net.ipv4.conf.gre1.rp_filter=1",
        "ip link del gre1",
    ),
    "real server whose tunnel device is loose": (
        SERVER,
        "sysctl -w net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.tunl0.rp_filter=2",
        "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.tunl0.rp_filter=0",
    ),
}


def inside(netns: str, commands: str) -> str:
    return "; ".join(
        command if command == "true" else f"ip netns exec {netns} {command}" for command in commands.split("; ")
    )


@pytest.mark.parametrize("kind", HEALTHY)
def test_healthy(patient, kind):
    netns, by, mended = HEALTHY[kind]
    patient.broken(by=inside(netns, by), mended=inside(netns, mended))
    assert patient.findings(netns=netns, **ROLES[netns]) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_finding(patient, case):
    patient.broken(by=inside(case.netns, case.by), mended=inside(case.netns, case.mended))
    options = {**ROLES[case.netns], **case.options, "netns": case.netns}
    found = patient.findings(**options)
    assert {each["id"] for each in found} == {case.id}, found
    assert tuple(sorted(each["subject"] for each in found)) == tuple(sorted(case.subjects))
    if case.healed:
        for each in found:
            patient.take(each["task"])
        assert patient.findings(**options) == []
        assert reached(patient), "the remedy took the real server off the network"


def reached(patient: Patient) -> bool:
    """Whether the director finds the real server, of which it has forgotten where it is."""
    asked = "ip neigh flush dev inside; curl --silent --max-time 5 10.77.0.11:9 || true; ip neigh show 10.77.0.11"
    return "lladdr" in patient.shell(inside(DIRECTOR, asked))


def test_who_asks_for_an_address_of_ipv6(patient):
    """On a dummy device nobody is told of it, on the link's own device its neighbours are."""
    asked = "ip neigh flush dev net0; curl --silent --max-time 3 [fd77::99]:9 || true; ip neigh show fd77::99"
    patient.broken(
        by=inside(
            DIRECTOR,
            "ip address add fd77::1/64 dev inside nodad; ip address add fd77::99/128 dev outside nodad",
        )
        + f"; ip -n {SERVER} address add fd77::2/64 dev net0 nodad",
        mended=inside(DIRECTOR, "ip address del fd77::1/64 dev inside; ip address del fd77::99/128 dev inside")
        + f"; ip -n {SERVER} address del fd77::2/64 dev net0",
    )
    assert "lladdr" not in patient.shell(inside(SERVER, asked))
    patient.shell(
        inside(DIRECTOR, "ip address del fd77::99/128 dev outside; ip address add fd77::99/128 dev inside nodad"),
    )
    assert "lladdr" in patient.shell(inside(SERVER, asked))


def test_a_virtual_address_among_others(patient):
    """What the words of the remedy say works; the switch that silences it there silences the whole device."""
    silent = "sysctl -w net.ipv4.conf.all.arp_ignore=%d"
    patient.broken(by=inside(SERVER, f"ip address add {DIRECT}/32 dev net0"), mended=inside(SERVER, silent % 1))
    options = dict(netns=SERVER, **ROLES[SERVER])
    (found,) = patient.findings(**options)
    assert (found["id"], found["subject"], found["task"]) == ("arp_ignore", f"{DIRECT} on net0", None)
    assert reached(patient)
    patient.shell(inside(SERVER, silent % 8))
    assert not reached(patient)
    patient.shell(inside(SERVER, f"{silent % 1}; ip address del {DIRECT}/32 dev net0"))
    assert patient.findings(**options) == []
    assert reached(patient)


def test_a_namespace_by_its_path(patient):
    """The remedy works there, and not on the node."""
    own = patient.shell("sysctl net.ipv4.conf.all.arp_ignore")
    patient.broken(
        by=inside(SERVER, "sysctl -w net.ipv4.conf.all.arp_ignore=0"),
        mended=inside(SERVER, "sysctl -w net.ipv4.conf.all.arp_ignore=1"),
    )
    options = dict(netns=f"/run/netns/{SERVER}", **ROLES[SERVER])
    found = patient.findings(**options)
    assert {each["id"] for each in found} == {"arp_ignore"}
    patient.take(found[0]["task"])
    assert patient.findings(**options) == []
    assert patient.shell("sysctl net.ipv4.conf.all.arp_ignore") == own


@pytest.mark.parametrize(
    ("by", "ids"),
    [
        ("true", []),
        ("sysctl -w net.ipv6.conf.all.forwarding=0", ["forwarding_off"]),
        ("sysctl -w net.ipv4.vs.conntrack=0", ["ipvs_conntrack_off"]),
        ("ip address del fd77::100/128 dev inside", ["address_missing"]),
        ("ipset add LOOP6 fd77::12,tcp:80,fd77::12", ["loopback_entry_stale"]),
        ("ip6tables -t nat -I POSTROUTING -s fd77::/64 -j ACCEPT", ["loopback_rule_shadowed"]),
        ("ip6tables -t nat -F", ["loopback_rule_missing"]),
    ],
)
def test_ipv6(patient, by, ids):
    inside_it = f"ip netns exec {DIRECTOR} sh %s <<'END'\n%s\nEND"
    patient.broken(by=inside_it % ("-e", SIX), mended=inside_it % ("", SIX_GONE))
    patient.shell(inside_it % ("-e", by))
    options = dict(netns=DIRECTOR, probe=False)
    found = patient.findings(**options)
    assert [each["id"] for each in found] == ids, found
    for each in found:
        patient.take(each["task"])
    assert patient.findings(**options) == []
