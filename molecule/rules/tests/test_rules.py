# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules for rules, judged by iptables-save, nft and packets."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import cases
import pytest
import yaml
from node import Failed, Node

FILES = sorted((Path(__file__).parents[1] / "cases").glob("*.yml"))
#: Those whose rules are of iptables, by the command that the other back end is chosen for.
BY_IPTABLES = ("masquerade", "masquerade6", "forward_accept", "iptables_chains")
COMMANDS = ("iptables", "ip6tables")
#: Of a set, what is chance or depends on the kernel's age
RANDOM = re.compile(" (initval|bucketsize) [0-9a-fx]+")

#: Hosts on both sides of the router; the one outside knows no way back.
ROUTER = """
ip link add in type veth peer name eth0 netns rules_in
ip link add out type veth peer name eth0 netns rules_out
ip address add 10.0.0.1/24 dev in
ip address add 203.0.113.1/24 dev out
ip -n rules_in address add 10.0.0.2/24 dev eth0
ip -n rules_out address add 203.0.113.2/24 dev eth0
ip link set in up
ip link set out up
ip -n rules_in link set eth0 up
ip -n rules_out link set eth0 up
ip -n rules_in route add default via 10.0.0.1
sysctl -qw net.ipv4.ip_forward=1
"""
#: Tells each who connects from which address he came.
SERVE = """
import socket
with socket.create_server(("203.0.113.2", 8080)) as server:
    while True:
        connection, address = server.accept()
        with connection:
            connection.sendall(address[0].encode())
"""
ASK = """
import socket
try:
    with socket.create_connection(("203.0.113.2", 8080), timeout=5) as connection:
        print(connection.recv(100).decode())
except OSError:
    print("unreached")
"""


def run(node, netns, file):
    case = cases.read(file)
    inside = ["ip", "netns", "exec", netns]

    def look():
        printed = node.command(*inside, *case["oracle"]).splitlines()
        # iptables-save writes the time of day into its comments.
        return [RANDOM.sub("", line).strip() for line in printed if not line.startswith("#")]

    for command in case.get("prepare", ()):
        node.command(*inside, *command)
    cases.Run(node, case, {"netns": netns}, look).all()


def script(node, netns, lines):
    return node.command("ip", "netns", "exec", netns, "sh", "-ec", lines)


@contextmanager
def legacy(node, request):
    """The older back end of iptables."""
    if not request.config.getoption("ansible_inventory", None):
        pytest.skip("it would be changed for this whole machine")
    try:
        for command in COMMANDS:
            node.command("update-alternatives", "--set", command, f"/usr/sbin/{command}-legacy")
        yield
    finally:
        for command in COMMANDS:
            node.command("update-alternatives", "--auto", command)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_cases(node, netns, file):
    run(node, netns, file)


@pytest.mark.parametrize("name", BY_IPTABLES)
def test_cases_with_the_other_back_end(node, netns, request, name):
    with legacy(node, request):
        run(node, netns, FILES[0].with_name(f"{name}.yml"))


def test_a_busy_lock_is_waited_for_and_is_no_missing_rule(node, netns, request):
    """Of the older back end; the newer one has none."""
    rule = dict(source="10.0.0.0/24", backend="iptables", netns=netns)
    with legacy(node, request):
        node.command("systemd-run", "--unit=rules-lock", "flock", "/run/xtables.lock", "sleep", "60")
        try:
            with pytest.raises(Failed, match="another program has held the xtables lock for 1 s; raise 'lock_timeout'"):
                node.module("masquerade", lock_timeout=1, **rule)
        finally:
            node.command("systemctl", "stop", "rules-lock")
        assert node.module("masquerade", lock_timeout=1, **rule)["changed"]


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_four_hosts_of_an_inventory_that_are_one_machine(request, node, netns, backend):
    """All at once; one of them makes the rule."""
    inventory = request.config.getoption("ansible_inventory", None)
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        nodes = [stack.enter_context(Node(inventory)) for _number in range(4)]
        for number in range(2):
            rule = dict(source=f"10.0.{number}.0/24", backend=backend, netns=netns)
            runs = [pool.submit(each.module, "masquerade", **rule) for each in nodes]
            assert sorted(each.result()["changed"] for each in runs) == [False, False, False, True]
    listed = script(node, netns, "iptables-save -t nat; nft list table ip linuxnet_ipvs || true")
    assert len(re.findall(r"(?m)^\s*(-A POSTROUTING -s|ip saddr) 10\.0\.", listed)) == 2


@pytest.fixture
def asked(node, netns):
    """From which address the host inside the router reaches the one outside."""
    script(node, netns, ROUTER)
    outside = ["ip", "netns", "exec", "rules_out", "sh", "-ec"]
    serve = 'python3 -c "$0" </dev/null >/dev/null 2>&1 & until ss -Hltn | grep -q :8080; do sleep 0.1; done'
    node.command(*outside, serve, SERVE)
    yield lambda: node.command("ip", "netns", "exec", "rules_in", "python3", "-c", ASK).strip()
    node.command("sh", "-ec", "ip netns pids rules_out | xargs -r kill")


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_packets_are_forwarded_and_masqueraded(node, netns, asked, backend):
    """Through a firewall that rejects what nobody accepts, from a network to which the other side knows no way."""
    firewall = "iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT; iptables -A FORWARD -j REJECT"
    if backend == "iptables":
        script(node, netns, firewall)
    assert asked() == "unreached"
    node.module("masquerade", source="10.0.0.0/24", out_interface="out", backend=backend, netns=netns)
    assert asked() == ("unreached" if backend == "iptables" else "203.0.113.1")
    accepted = node.module("forward_accept", in_interface="in", backend=backend, netns=netns)
    assert accepted["overridden_by"] == []
    assert asked() == "203.0.113.1"
    if backend == "nftables":  # which a reject of another chain overrides
        script(node, netns, firewall)
        assert asked() == "unreached"


def test_an_accept_of_nftables_does_not_override_the_chains_of_others(node, netns):
    """Those that drop what none of their rules accepts, firewalld's among them, are named."""
    script(
        node,
        netns,
        "nft add table inet firewalld; nft add chain inet firewalld filter_FORWARD"
        " '{ type filter hook forward priority 10; policy accept; }'; iptables -P FORWARD DROP",
    )
    given = dict(in_interface="in", netns=netns)
    by_nftables = node.module("forward_accept", backend="nftables", **given)
    by_iptables = node.module("forward_accept", backend="iptables", **given)
    assert sorted(by_nftables["overridden_by"]) == ["inet firewalld filter_FORWARD", "ip filter FORWARD"]
    assert by_iptables["overridden_by"] == ["inet firewalld filter_FORWARD"]
    assert [text for text in by_nftables["warnings"] if "may still drop these packets" in text]
    gone = node.module("forward_accept", backend="nftables", state="absent", **given)
    assert (gone["changed"], gone["warnings"]) == (True, [])


def test_a_set_that_a_rule_asks_for_stays(node, netns):
    loop = dict(name="LOOP-BACK", netns=netns)
    node.module("nft_set", type="hash:ip,port,ip", entries=["10.0.0.11,tcp:8080,10.0.0.11"], **loop)
    match = dict(match_set=dict(name="LOOP-BACK", directions=["dst", "dst", "src"]), backend="nftables", netns=netns)
    node.module("masquerade", **match)
    with pytest.raises(Failed, match="a rule asks for the set; delete that first"):
        node.module("nft_set", state="absent", **loop)
    node.module("masquerade", state="absent", **match)
    node.module("nft_set", state="absent", **loop)
    assert script(node, netns, "nft list ruleset") == ""


def test_a_table_that_nft_has_changed_is_not_believed(node, netns):
    script(node, netns, "iptables -t nat -N X; nft add rule ip nat X ct mark 5 return")
    with pytest.raises(Failed, match="another program has changed table nat by nft"):
        node.module("masquerade", source="10.0.0.0/24", backend="iptables", netns=netns)


def test_what_is_not_installed_made_nothing_that_is_to_go(node, netns, request):
    """And what is, is the back end where none is named."""
    if not request.config.getoption("ansible_inventory", None):
        pytest.skip("it would be taken from this whole machine")
    rule = dict(source="10.0.0.0/24", netns=netns)
    with ExitStack() as stack:
        for program in ("iptables-save", "nft"):
            there = f"/usr/sbin/{program}"
            node.command("mv", there, f"{there}.away")
            stack.callback(node.command, "mv", f"{there}.away", there)
            if program == "iptables-save":
                assert node.module("masquerade", **rule)["rule"] == "postrouting ip saddr 10.0.0.0/24 masquerade"
                assert node.module("masquerade", state="absent", **rule)["changed"]
        with pytest.raises(
            Failed, match="the command 'iptables-save' is not installed: install the package 'iptables'"
        ):
            node.module("masquerade", **rule)
        for name, options in (
            ("masquerade", rule),
            ("masquerade", dict(rule, backend="nftables")),
            ("forward_accept", dict(rule, backend="iptables")),
            ("iptables_chains", dict(chains=[dict(chain="MINE")], netns=netns)),
            ("nft_set", dict(name="LOOP", netns=netns)),
        ):
            gone = node.module(name, state="absent", **options)
            assert not gone["changed"]
            assert "which nobody can see without it" in gone["warnings"][0]


def that_the_kernel_has(node, netns, chain):
    """The rules of a chain without those of extensions that the kernel lacks; any other that is refused stays."""
    iptables = f"{'iptables' if chain['family'] == 'ipv4' else 'ip6tables'} -t {chain['table']}"
    tried = [
        f"{iptables} -A TRIED {rule} 2>&1 | grep -q 'missing kernel module' || echo {number}"
        for number, rule in enumerate(chain["rules"])
    ]
    told = script(node, netns, "\n".join([f"{iptables} -N TRIED", *tried, f"{iptables} -F TRIED; {iptables} -X TRIED"]))
    return [chain["rules"][int(number)] for number in told.split()]


def test_rules_of_any_spelling_settle(node, netns):
    """Those of many extensions, all that the node's kernel has; a second run changes nothing."""
    chains = yaml.safe_load(Path(__file__).with_name("spellings.yml").read_text())
    node.module("ipset", name="S", type="hash:ip", netns=netns)
    known = sum(len(each["rules"]) for each in chains)
    for each in chains:
        each["rules"] = that_the_kernel_has(node, netns, each)
    assert sum(len(each["rules"]) for each in chains) > known / 2
    assert node.module("iptables_chains", chains=chains, netns=netns)["changed"]
    assert not node.module("iptables_chains", chains=chains, netns=netns)["changed"]
    saved = script(node, netns, "iptables-save; ip6tables-save")
    assert saved.count("\n-A MINE") == 1 + sum(len(each["rules"]) for each in chains) + 1


def test_root_without_the_rights_of_root(node):
    for name, options in (
        ("masquerade", dict(source="10.0.0.0/24", backend="iptables")),
        ("masquerade", dict(source="10.0.0.0/24", backend="nftables")),
        ("iptables_chains", dict(chains=[dict(chain="MINE")])),
    ):
        assert "CAP_NET_ADMIN" in node.refusal_without_rights(name, **options)
