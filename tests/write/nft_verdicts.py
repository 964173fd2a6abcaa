# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record what nftables really does to packets, for the unit tests of our reading of its rules.

    unshare --net --mount python tests/write/nft_verdicts.py

Rules are put together by chance (always the same), and loaded by nft(8) into a namespace; a second one sends packets
there, each with a source port of its own. Behind the rules a chain notes which of them came by. It needs root, nft(8)
and iptables-nft, and a kernel with conntrack; nothing outside the two namespaces is touched.
"""

from __future__ import annotations

import ctypes
import ipaddress
import json
import os
import random
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RECORD = Path(__file__).parents[1] / "unit" / "plugins" / "module_utils" / "_netfilter" / "nft_verdicts.json"
SOURCES = ("10.0.0.5", "10.1.2.3", "192.0.2.7", "172.16.9.9")
OWN = ("10.9.0.1", "10.9.0.2")
PORTS = (53, 80, 443, 8080)
PROTOCOLS = {"tcp": 6, "udp": 17}
CLONE_NEWNET = 0x40000000
#: The chain behind all others, which notes the source ports of what came by.
SEEN = """
table inet seen {
  set ports { type inet_service; size 65535; }
  chain last { type filter hook input priority 90; iifname "in0" add @ports { th sport }; }
}
"""
CHOICES = {
    "address": ["10.0.0.0/8", "10.1.2.3", "{ 10.0.0.5, 192.0.2.0/24 }", "172.16.0.0-172.16.255.255", "@nets"],
    "own": ["10.9.0.1", "{ 10.9.0.2, 10.9.0.3 }", "10.9.0.0/30", "!= 10.9.0.1"],
    "port": ["80", "{ 53, 443 }", "100-9000", "!= 80", ">= 443", "< 443", "@ports"],
}
MATCHES = [
    "ip saddr {address}",
    "ip saddr != {address}",
    "ip daddr {own}",
    "tcp dport {port}",
    "udp dport {port}",
    "meta l4proto {{ tcp, udp }} th dport {port}",
    "meta l4proto udp",
    "meta l4proto != tcp",
    "ip protocol tcp",
    "iifname in0",
    'iifname {{ "in0", "eth*" }}',
    'iifname != "in*"',
    "iif lo",
    "ct state new",
    "ct state established,related",
    "ct state != new",
    "tcp flags syn",
    "tcp flags & (syn | ack) == syn",
    "tcp flags & (syn | ack) == ack",
    "ip saddr . tcp dport @pairs",
    "ip daddr . meta l4proto . th dport {{ 10.9.0.1 . tcp . 80, 10.9.0.2 . udp . 53 }}",
    "meta nfproto ipv4",
    "meta nfproto ipv6",
    "ip6 saddr ::/0",
    "meta mark 0",
    "limit rate 1000/second burst 1000 packets",
    "fib daddr type local",
]
ENDS = ["accept", "drop", "reject", "jump other", "goto other", "return", "counter", "counter drop", "counter accept"]
MAPS = [
    "ip saddr vmap {{ 10.1.0.0/16 : goto other, 10.0.0.5 : drop, 192.0.2.7 : accept }}",
    "tcp dport vmap @verdicts",
    "ct state vmap {{ established : accept, new : continue, invalid : drop }}",
    "ct state vmap {{ new : jump other, untracked : drop }}",
    "ip saddr . udp dport vmap {{ 10.0.0.0/8 . 53 : drop, 172.16.9.9 . 0-65535 : jump other }}",
]
NAMED = """
  set nets { type ipv4_addr; flags interval; elements = { 10.1.0.0/16, 172.16.9.9 } }
  set ports { type inet_service; flags interval; elements = { 53, 8000-8100 } }
  set pairs { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80, 192.0.2.7 . 400-500 } }
  map verdicts { type inet_service : verdict; elements = { 80 : accept, 443 : jump other, 8080 : drop } }
"""
IPTABLES = [
    "-p tcp -m multiport --dports 80,8000:8100",
    "-s 10.0.0.0/8 -m comment --comment note",
    "-p udp -m udp --dport 53",
    "-m conntrack --ctstate NEW -s 192.0.2.7/32",
    "! -s 10.0.0.0/8",
    "-i in+ -d 10.9.0.1/32",
    "-p tcp -m tcp --tcp-flags SYN,ACK SYN -m tcp --dport 443",
    "-m mark --mark 0x0/0xff",
]


def rule(chance: random.Random, ends: list[str]) -> str:
    """A rule of nft(8)."""
    if chance.random() < 0.15:
        return chance.choice(MAPS).format() if "other" in "".join(ends) else chance.choice(ends)
    matches = chance.sample(MATCHES, chance.choice((0, 1, 1, 1, 2, 2, 3)))
    words = [each.format(**{name: chance.choice(some) for name, some in CHOICES.items()}) for each in matches]
    return " ".join([*words, chance.choice(ends)])


def ruleset(chance: random.Random) -> str:
    """A table with two chains that see packets, one behind the other, and one that they may lead to."""
    plain = [each for each in ENDS if "other" not in each]
    chains = [["chain other {", *(rule(chance, plain) for _n in range(chance.randint(1, 3))), "}"]]
    for place, name in enumerate(("first", "second")[: chance.choice((1, 1, 2))]):
        policy = chance.choice(("accept", "drop"))
        head = f"type filter hook input priority {place}; policy {policy};"
        rules = [rule(chance, ENDS) for _n in range(chance.randint(1, 6))]
        chains.append([f"chain {name} {{", head, *rules, "}"])
    family = chance.choice(("inet", "ip"))
    lines = [line for chain in chains for line in chain]
    return f"table {family} tried {{\n{NAMED}" + "\n".join(lines) + "\n}\n"


def of_iptables(chance: random.Random) -> list[list[str]]:
    """The words of commands of iptables, and of one native rule beside them."""
    found = [["iptables-nft", "-N", "MORE"]]
    for _n in range(chance.randint(1, 4)):
        chain, end = chance.choice(("INPUT", "MORE")), chance.choice(("ACCEPT", "DROP", "MORE", "RETURN", "REJECT"))
        if (chain, end) == ("MORE", "MORE"):
            end = "DROP"
        found.append(["iptables-nft", "-A", chain, *chance.choice(IPTABLES).split(), "-j", end])
    found.append(["iptables-nft", "-P", "INPUT", chance.choice(("ACCEPT", "DROP"))])
    found.append(["nft", "add", "set", "ip", "filter", "s", "{ type ipv4_addr; elements = { 10.1.2.3 } ; }"])
    found.append(
        ["nft", "add", "rule", "ip", "filter", "INPUT", "ip", "saddr", "@s", chance.choice(("drop", "accept"))]
    )
    return found


def run(*words: str, given: str | None = None, check: bool = True) -> str:
    """What a program prints."""
    done = subprocess.run(words, input=given, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr}\n{given or ''}")
    return done.stdout


def accepted(text: str) -> bool:
    """Whether nft(8) takes rules; some that chance has put together contradict themselves."""
    return subprocess.run(["nft", "-f", "-"], input=text, capture_output=True, text=True, check=False).returncode == 0


def checksum(data: bytes) -> int:
    """The checksum of IP."""
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xFFFF) + (total >> 16)
    return int(~((total & 0xFFFF) + (total >> 16)) & 0xFFFF)


def packet(one: dict[str, Any]) -> bytes:
    """A packet, with its IP header."""
    addresses = b"".join(ipaddress.ip_address(one[name]).packed for name in ("source", "destination"))
    if one["protocol"] == "tcp":
        body = struct.pack("!HHIIBBHHH", one["source_port"], one["destination_port"], 1, 0, 0x50, 2, 1024, 0, 0)
    else:
        body = struct.pack("!HHHH", one["source_port"], one["destination_port"], 8, 0)
    number = PROTOCOLS[one["protocol"]]
    if number == 6:
        summed = checksum(addresses + struct.pack("!BBH", 0, number, len(body)) + body)
        body = body[:16] + struct.pack("!H", summed) + body[18:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, number, 0) + addresses
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def sent(packets: list[dict[str, Any]], netns: int) -> None:
    """Send packets from the other namespace."""
    if os.fork() == 0:
        if ctypes.CDLL(None, use_errno=True).setns(netns, CLONE_NEWNET):
            os._exit(1)
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            for one in packets:
                raw.sendto(packet(one), (one["destination"], 0))
        os._exit(0)
    if os.wait()[1]:
        raise SystemExit("no packet could be sent")
    time.sleep(0.05)


def arrived() -> set[int]:
    """The source ports of what came by."""
    told = json.loads(run("nft", "--json", "list", "set", "inet", "seen", "ports"))
    return {int(port) for each in told["nftables"] if "set" in each for port in each["set"].get("elem", [])}


def main() -> None:
    """Build, send, and write down."""
    run("mount", "-t", "tmpfs", "tmpfs", "/run/netns", check=False)
    run("ip", "netns", "add", "from")
    run("ip", "link", "add", "in0", "type", "veth", "peer", "name", "out0", "netns", "from")
    for device, state in (("lo", "up"), ("in0", "up")):
        run("ip", "link", "set", device, state)
    for address in OWN:
        run("ip", "address", "add", f"{address}/24", "dev", "in0")
    for key in ("all", "in0"):
        run("sysctl", "-q", "-w", f"net.ipv4.conf.{key}.rp_filter=0")
    run("ip", "route", "add", "default", "dev", "in0")
    run("ip", "-n", "from", "link", "set", "out0", "up")
    run("ip", "-n", "from", "address", "add", "10.9.0.200/24", "dev", "out0")
    run("ip", "-n", "from", "link", "set", "lo", "up")
    netns = os.open("/run/netns/from", os.O_RDONLY)
    hardware = json.loads(run("ip", "-j", "link", "show", "in0"))[0]["address"]
    for address in OWN:
        run("ip", "-n", "from", "neigh", "replace", address, "lladdr", hardware, "dev", "out0")
    chance = random.Random(2026)
    records = []
    port = 20000
    for number in range(45):
        run("nft", "flush", "ruleset")
        if number % 5 == 4:
            for words in of_iptables(chance):
                run(*words)
        else:
            while not accepted(ruleset(chance)):
                pass
        told = json.loads(run("nft", "--json", "list", "ruleset"))
        saved = run("iptables-nft-save") if number % 5 == 4 else ""
        run("nft", "-f", "-", given=SEEN)
        packets = []
        for protocol in PROTOCOLS:
            for source in SOURCES:
                for destination in OWN:
                    for to in PORTS:
                        port += 1
                        one = dict(source=source, destination=destination, protocol=protocol, source_port=port)
                        packets.append(dict(one, destination_port=to))
        sent(packets, netns)
        seen = arrived()
        records.append(
            dict(
                told=told,
                saved=saved,
                first_port=packets[0]["source_port"],
                passed="".join("01"[one["source_port"] in seen] for one in packets),
            )
        )
        port = 20000 + (port - 20000) % 40000
    RECORD.write_text("[\n" + ",\n".join(json.dumps(each, separators=(",", ":")) for each in records) + "\n]\n")
    print(f"{len(records)} rulesets, {sum(len(each['passed']) for each in records)} packets", file=sys.stderr)


if __name__ == "__main__":
    main()
