# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections followed by packet_trace, judged by tcpdump, conntrack and ipvsadm; and what is left of it: nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from node import Failed, Node

VIRTUAL = "10.100.100.100"
DUSTIN = "10.0.0.11"
LEAH = "10.0.0.21"
BRIDGE = "10.0.0.1"
LOOPBACK_RULE = "POSTROUTING -m set --match-set DUSTIN-LOOP-BACK dst,dst,src -j MASQUERADE"

#: Kills the module while it waits for an answer that does not come.
KILLED = """
import json, os, signal, time
import node_agent
from pyroute2.nftables.main import NFTables

def tables():
    with NFTables(nfgen_family=0) as nft:
        return sorted(table.get_attr("NFTA_TABLE_NAME") for table in nft.get_tables())

child = os.fork()
if child == 0:
    node_agent.run_module("packet_trace", dict(address="10.0.0.99", port=80, timeout=60))
    os._exit(0)
deadline = time.monotonic() + 30
while not any(name.startswith("linuxnet_trace_") for name in tables()) and time.monotonic() < deadline:
    time.sleep(0.2)
before = tables()
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
time.sleep(1)
print(json.dumps([before, tables()]))
"""


@pytest.fixture(autouse=True)
def rules(node: Node) -> Iterator[None]:
    """Each test ends with the rules with which it began."""
    before = saved(node)
    yield
    assert saved(node) == before


def saved(node: Node) -> list[str]:
    """The rules without their counters and times."""
    lines = node.command("iptables-save").splitlines()
    return [re.sub(r"\[\d+:\d+\]", "", line) for line in lines if not line.startswith("#")]


@contextmanager
def without(node: Node, broken: str, mended: str) -> Iterator[None]:
    """Something is broken meanwhile."""
    node.command("sh", "-ec", broken)
    try:
        yield
    finally:
        node.command("sh", "-ec", mended)


def followed(node: Node, client: str | None = None, server: str | None = None, **options: Any) -> dict[str, Any]:
    """A trace to the virtual address (or another) that IPVS gave to one of the two servers."""
    given: dict[str, Any] = dict(dict(address=VIRTUAL, port=8080, timeout=2), **options)
    if client:
        given["client"] = client
    for _turn in range(4):
        traced = node.module("packet_trace", **given)
        assert not traced["changed"]
        assert max(len(line) for line in traced["report"]) <= 100
        if server is None or [each["real_address"] for each in traced["ipvs_connections"]] == [server]:
            return traced
    raise AssertionError(f"{server} got no turn")


def packet(traced: dict[str, Any], name: str) -> dict[str, Any]:
    """The first packet of that name."""
    found: dict[str, Any] = next(each for each in traced["packets"] if each["name"] == name)
    return found


def way(found: dict[str, Any]) -> list[tuple[str, str]]:
    """The namespaces and hooks of IP that a packet crossed."""
    return [(each["netns"], each["hook"]) for each in found["stations"] if each["layer"] == "ip"]


def told(traced: dict[str, Any]) -> str:
    """The verdict as one text."""
    return "\n".join(f"{each['basis']}: {each['text']} {each['evidence']}" for each in traced["verdict"])


def changes(found: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Where a packet's addresses were changed, and to what."""
    return [
        (station["hook"], change["what"], change["after"].rpartition(":")[0], change["by"])
        for station in found["stations"]
        for change in station["changes"]
    ]


# As it shall be


def test_from_the_host(node: Node) -> None:
    traced = followed(node, server=DUSTIN)
    assert traced["outcome"] == "answered"
    assert "dustin" in traced["answer"]
    syn = packet(traced, "SYN")
    assert syn["end"] == "delivered"
    assert changes(syn) == [("output", "destination", DUSTIN, "IPVS")]
    assert way(syn)[-2:] == [("netns_dustin", "prerouting"), ("netns_dustin", "input")]
    back = packet(traced, "SYN ACK")
    assert [change[1:] for change in changes(back)] == [("source", VIRTUAL, "IPVS")]
    # What the kernel tracks, as conntrack(8) reads it
    port = traced["local"]["port"]
    (line,) = node.command("conntrack", "-L", "-p", "tcp", "--orig-port-src", str(port)).splitlines()[:1]
    (entry,) = traced["conntrack"]["host"]
    pairs = re.findall(r"src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)", line)
    assert [
        (way["source"], way["destination"], str(way["source_port"]), str(way["destination_port"]))
        for way in (entry["original"], entry["reply"])
    ] == pairs


def test_from_the_other_pod(node: Node) -> None:
    traced = followed(node, "netns_leah", DUSTIN)
    assert traced["outcome"] == "answered"
    syn = packet(traced, "SYN")
    assert changes(syn) == [("output", "destination", DUSTIN, "IPVS")]
    # The server sees the true client.
    assert syn["stations"][-1]["after"]["source"] == LEAH
    assert syn["stations"][-1]["netns"] == "netns_dustin"


def test_looped_back_with_a_masquerade(node: Node) -> None:
    capture = "ip netns exec netns_dustin timeout 30 tcpdump -lnp -i any 'tcp[tcpflags] == tcp-syn'"
    node.command("sh", "-c", f"{capture} >/run/seen 2>/run/said & sleep 3")
    traced = followed(node, "netns_dustin", DUSTIN)
    assert traced["outcome"] == "answered"
    syn = packet(traced, "SYN")
    assert [change[:3] for change in changes(syn)] == [
        ("output", "destination", DUSTIN),
        ("postrouting", "source", BRIDGE),
    ]
    assert f"iptables -t nat -A {LOOPBACK_RULE}" in changes(syn)[1][3]
    last = syn["stations"][-1]
    assert (last["netns"], last["hook"], last["after"]["source"]) == ("netns_dustin", "input", BRIDGE)
    # tcpdump(8) saw the same packet leave and come back.
    node.command("sleep", "1")
    seen = node.command("cat", "/run/seen")
    port = traced["local"]["port"]
    assert f"{DUSTIN}.{port} > {VIRTUAL}.8080: Flags [S]" in seen
    assert f"{BRIDGE}.{last['after']['source_port']} > {DUSTIN}.8080: Flags [S]" in seen


#: The same over IPv6: addresses, a service, what masquerades whom loops back, and a server of its own. The bridge's
#: addresses are for nobody to doubt.
SIX = """
ip address add fd00::1/64 dev bridge_home nodad
ip -n netns_dustin address add fd00::11/64 dev veth_ns_dustin nodad
ip -n netns_dustin route add default via fd00::1
ip address add fd00:100::100/128 dev dustin-ipvs0 nodad
ipvsadm -A -t [fd00:100::100]:8080 -s rr
ipvsadm -a -t [fd00:100::100]:8080 -r [fd00::11]:8080 -m
ip6tables -t nat -A POSTROUTING -s fd00::11 -d fd00::11 -j MASQUERADE
systemd-run --quiet --unit six ip netns exec netns_dustin python3 -m http.server --bind fd00::11 8080
for _ in $(seq 60); do curl -s -o /dev/null http://[fd00::11]:8080 && break; sleep 0.5; done
"""
NO_SIX = """
systemctl stop six
ip6tables -t nat -D POSTROUTING -s fd00::11 -d fd00::11 -j MASQUERADE
ipvsadm -D -t [fd00:100::100]:8080
ip address del fd00:100::100/128 dev dustin-ipvs0
ip -n netns_dustin route del default via fd00::1
ip -n netns_dustin address del fd00::11/64 dev veth_ns_dustin
ip address del fd00::1/64 dev bridge_home
"""


def test_looped_back_over_ipv6(node: Node) -> None:
    capture = "ip netns exec netns_dustin timeout 30 tcpdump -lnp -i any 'ip6 and tcp port 8080'"
    keys = "net.bridge.bridge-nf-call-ip6tables net.ipv6.conf.all.forwarding"
    before = node.command("sh", "-c", f"sysctl {keys}").replace(" = ", "=").split()
    with without(node, SIX + f"sysctl -q {'=1 '.join(keys.split())}=1", NO_SIX + f"sysctl -q {' '.join(before)}"):
        node.command("sh", "-c", f"{capture} >/run/seen 2>/run/said & sleep 3")
        traced = followed(node, "netns_dustin", address="fd00:100::100", timeout=5)
        port = traced["local"]["port"]
        tracked = node.command("conntrack", "-L", "-f", "ipv6", "-p", "tcp", "--orig-port-src", str(port))
        node.command("sleep", "1")
        seen = node.command("cat", "/run/seen")
    assert traced["outcome"] == "answered"
    assert traced["local"]["address"] == "fd00::11"
    assert f"[fd00:100::100]:8080 answered [fd00::11]:{port} with" in told(traced)
    syn = packet(traced, "SYN")
    rule = "ip6tables -t nat -A POSTROUTING -s fd00::11/128 -d fd00::11/128 -j MASQUERADE"
    assert changes(syn) == [
        ("output", "destination", "[fd00::11]", "IPVS"),
        ("postrouting", "source", "[fd00::1]", f"NAT: {rule}"),
    ]
    assert syn["stations"][-1]["after"]["source"] == "fd00::1"
    answer = packet(traced, "SYN ACK")
    assert ("source", "[fd00:100::100]", "IPVS") in [change[1:] for change in changes(answer)]
    # What tcpdump(8) saw leave and come back, and what conntrack(8) reads of it
    assert f"fd00::11.{port} > fd00:100::100.8080: Flags [S]" in seen
    assert f"fd00::1.{syn['stations'][-1]['after']['source_port']} > fd00::11.8080: Flags [S]" in seen
    (entry,) = traced["conntrack"]["host"]
    pairs = re.findall(r"src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)", tracked)
    assert [tuple(map(str, entry[way].values())) for way in ("original", "reply")] == [
        (source, source_port, destination, destination_port)
        for source, destination, source_port, destination_port in pairs
    ]
    (connection,) = traced["ipvs_connections"]
    assert (connection["client_address"], connection["real_address"]) == ("fd00::11", "fd00::11")


# The stages before the article's end


def test_bridged_past_ipvs_so_the_client_does_not_know_the_answer(node: Node) -> None:
    key = "net.bridge.bridge-nf-call-iptables"
    with without(node, f"sysctl -q {key}=0", f"sysctl -q {key}=1"):
        traced = followed(node, "netns_leah", DUSTIN)
    assert traced["outcome"] == "timeout"
    answer = packet(traced, "SYN ACK")
    assert (answer["end"], answer["stations"][-1]["netns"]) == ("delivered", "netns_leah")
    assert changes(answer) == []
    assert "observed: The answer (SYN ACK) reached netns_leah as 10.0.0.11:8080" in told(traced)
    assert "did not come back through IPVS" in told(traced)


def test_no_hairpin_so_the_answer_is_lost(node: Node) -> None:
    broken = "bridge link set dev veth_dustin hairpin off; ip link set bridge_home promisc off"
    mended = "bridge link set dev veth_dustin hairpin on; ip link set bridge_home promisc on"
    with without(node, broken, mended):
        traced = followed(node, "netns_dustin", DUSTIN)
        other = followed(node, "netns_dustin", LEAH)
    assert other["outcome"] == "answered"
    assert traced["outcome"] == "timeout"
    assert packet(traced, "SYN")["end"] == "delivered"
    answer = packet(traced, "SYN ACK")
    assert answer["end"] == "vanished"
    assert way(answer)[-1] == ("host", "prerouting")
    assert answer["stations"][-1]["after"]["destination"] == DUSTIN
    assert "hairpin is off on veth_dustin" in told(traced)


def test_hairpin_is_enough_without_a_promiscuous_bridge(node: Node) -> None:
    with without(node, "ip link set bridge_home promisc off", "ip link set bridge_home promisc on"):
        traced = followed(node, "netns_dustin", DUSTIN)
    assert traced["outcome"] == "answered"
    answer = packet(traced, "SYN ACK")
    turned = [each for each in answer["stations"] if (each["layer"], each["hook"]) == ("bridge", "forward")]
    assert [(each["in_device"], each["out_device"]) for each in turned] == [("veth_dustin", "veth_dustin")]


def test_untracked_so_no_masquerade(node: Node) -> None:
    with without(node, "sysctl -q net.ipv4.vs.conntrack=0", "sysctl -q net.ipv4.vs.conntrack=1"):
        traced = followed(node, "netns_dustin", DUSTIN)
    assert traced["outcome"] == "timeout"
    syn = packet(traced, "SYN")
    assert way(syn)[-1] == ("netns_dustin", "prerouting")
    assert syn["stations"][-1]["after"]["source"] == DUSTIN
    assert "martian" in told(traced)
    assert "net.ipv4.vs.conntrack is 0" in told(traced)


def test_masquerade_does_not_match(node: Node) -> None:
    rule = "iptables -t nat -{} POSTROUTING -s 192.168.77.0/24 -j MASQUERADE"
    broken = f"{rule.format('A')}; iptables -t nat -D {LOOPBACK_RULE}"
    with without(node, broken, f"iptables -t nat -A {LOOPBACK_RULE}; {rule.format('D')}"):
        traced = followed(node, "netns_dustin", DUSTIN)
    assert traced["outcome"] == "timeout"
    assert packet(traced, "SYN")["stations"][-1]["after"]["source"] == DUSTIN
    assert "martian" in told(traced)
    assert "observed: The nat rules of host were asked in postrouting; none gave it another source" in told(traced)


# What else goes wrong


def test_dropped_by_a_rule(node: Node) -> None:
    rule = "FORWARD -p tcp -m tcp --dport 8080 -m comment --comment 'no web' -j DROP"
    with without(node, f"iptables -I {rule}", f"iptables -D {rule}"):
        traced = node.module("packet_trace", client="netns_dustin", address=LEAH, port=8080, timeout=2)
    assert traced["outcome"] == "timeout"
    syn = packet(traced, "SYN")
    assert syn["end"] == "dropped"
    assert way(syn)[-1] == ("host", "forward")
    text = 'iptables -t filter -A FORWARD -p tcp -m tcp --dport 8080 -m comment --comment "no web" -j DROP'
    assert text in told(traced)
    assert [each["rules"] for each in syn["stations"] if each["rules"]] == [[dict(rule=text, verdict="drop")]]


def test_rejected_by_a_rule(node: Node) -> None:
    rule = "FORWARD -p tcp -m tcp --dport 8080 -j REJECT"
    with without(node, f"iptables -I {rule}", f"iptables -D {rule}"):
        traced = node.module("packet_trace", client="netns_dustin", address=LEAH, port=8080, timeout=2)
    assert traced["outcome"] == "refused"
    assert packet(traced, "SYN")["end"] == "dropped"
    assert "--dport 8080 -j REJECT" in told(traced)
    assert "host answered with ICMP port unreachable" in told(traced)


#: A client behind a device of its own, whose way to the servers and back is the host.
OUTSIDE = """
ip netns add outside
ip link add out0 type veth peer name eth0 netns outside
ip address add 198.51.100.1/24 dev out0
ip link set out0 up
ip -n outside address add 198.51.100.2/24 dev eth0
ip -n outside link set eth0 up
ip -n outside route add default via 198.51.100.1
"""


@pytest.mark.parametrize("nf_call", [0, 1])
@pytest.mark.parametrize("server", [DUSTIN, LEAH])
def test_forwarding_is_off_so_the_answer_is_lost(node: Node, server: str, nf_call: int) -> None:
    key = "net.bridge.bridge-nf-call-iptables"
    broken = OUTSIDE + f"ip link set bridge_home promisc off; sysctl -q net.ipv4.ip_forward=0 {key}={nf_call}"
    mended = f"sysctl -q net.ipv4.ip_forward=1 {key}=1; ip link set bridge_home promisc on; ip netns delete outside"
    with without(node, broken, mended):
        traced = followed(node, "outside", server)
        node.command("sysctl", "-q", "net.ipv4.ip_forward=1")
        assert followed(node, "outside", server)["outcome"] == "answered"
    assert traced["outcome"] == "timeout"
    assert packet(traced, "SYN")["stations"][-1]["after"]["source"] == "198.51.100.2"
    answer = packet(traced, "SYN ACK")
    assert (answer["end"], way(answer)[-1]) == ("vanished", ("host", "prerouting"))
    assert "inferred: host does not forward it: forwarding is off for what comes in by bridge_home." in told(traced)
    assert "net.ipv4.conf.bridge_home.forwarding is 0, and 198.51.100.2 is no address of host" in told(traced)


def test_the_way_back_is_another_so_the_request_is_refused(node: Node) -> None:
    # The host would not answer for its hardware address either.
    asymmetric = """
ip -n outside neigh add 198.51.100.1 lladdr $(cat /sys/class/net/out0/address) dev eth0
ip route add 198.51.100.2 dev bridge_home
sysctl -q net.ipv4.conf.out0.rp_filter=1
"""
    with without(node, OUTSIDE + asymmetric, "ip route del 198.51.100.2; ip netns delete outside"):
        traced = followed(node, "outside")
    assert traced["outcome"] == "timeout"
    assert way(packet(traced, "SYN"))[-1] == ("host", "prerouting")
    assert "refused it: no route back to 198.51.100.2 by out0 (rp_filter is 1)." in told(traced)


def test_refused_by_the_server(node: Node) -> None:
    traced = node.module("packet_trace", client="netns_leah", address=DUSTIN, port=81, timeout=2)
    assert traced["outcome"] == "refused"
    assert packet(traced, "RST ACK")["stations"][0]["netns"] == "netns_dustin"
    assert f"Nothing listens on {DUSTIN}:81 in netns_dustin" in told(traced)


def test_no_neighbour(node: Node) -> None:
    traced = node.module("packet_trace", address="10.0.0.99", port=80, timeout=1)
    assert traced["outcome"] == "timeout"
    assert "host found no neighbour 10.0.0.99" in told(traced)


def test_no_real_server(node: Node) -> None:
    edit = "for r in 10.0.0.11 10.0.0.21; do ipvsadm -e -t 10.100.100.100:8080 -r $r:8080 -m -w {}; done"
    with without(node, edit.format(0), edit.format(1)):
        traced = followed(node, "netns_leah")
    assert traced["outcome"] != "answered"
    assert "has real servers of weight 0 only" in told(traced)


# What it leaves, and what it refuses


def test_killed_leaves_no_table(node: Node) -> None:
    before, after = json.loads(node.command("python3", "-c", KILLED).splitlines()[-1])
    # The inet and the bridge table of that one run: those before left none.
    own = [name for name in before if name.startswith("linuxnet_trace_")]
    assert len(own) == 2
    assert len(set(own)) == 1
    assert [name for name in before if not name.startswith("linuxnet_trace_")] == after


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (dict(port=0), "port: 0 is not valid"),
        (dict(address="10.0.0.1/24"), "address: '10.0.0.1/24' is not valid"),
        (dict(timeout=0), "timeout: 0 is not valid"),
        (dict(request="x" * 1001), "at most 1000 bytes"),
        (dict(client="nowhere"), "network namespace 'nowhere' does not exist"),
        (dict(watch=["nowhere"]), "network namespace 'nowhere' does not exist"),
    ],
)
def test_refused_options(node: Node, options: dict[str, Any], words: str) -> None:
    with pytest.raises(Failed, match=re.escape(words)):
        node.module("packet_trace", **dict(dict(address=VIRTUAL, port=8080), **options))


def test_check_mode_opens_no_connection(node: Node) -> None:
    node.command("ipvsadm", "-Z")
    traced = node.module("packet_trace", check=True, address=VIRTUAL, port=8080)
    assert (traced["outcome"], traced["packets"]) == ("not_tried", [])
    assert not traced["changed"]
    (line,) = [each for each in node.command("ipvsadm", "-Ln", "--stats").splitlines() if VIRTUAL in each]
    assert line.split()[2] == "0"


def test_playbook_shows_the_report(play, tmp_path) -> None:
    written = tmp_path / "trace.json"
    options = ("-e", f"trace_to={DUSTIN}:8080", "-e", "trace_fail=true", "-e", f"trace_output={written}")
    run = play("trace.yml", "-e", "trace_from=leah", *options)
    assert run.code == 0, run.account
    assert json.loads(written.read_text())["outcome"] == "answered"
    assert f"{DUSTIN}:8080 answered {LEAH}:" in run.output
    bad = play("trace.yml", "-e", "trace_to=10.0.0.11")
    assert bad.code != 0
    assert "write ADDRESS:PORT" in bad.output
    assert "or one of dustin, leah, virtual" in bad.output
