# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each stage of the lab is the state to which the article's commands lead, whatever stage the lab comes from.

First the commands are typed, stage by stage, and the kernel's tools are asked each time. Then the plays take what the
commands have built back to the first stage and walk the same way; then they jump. The tests stand in the order in which
they are to run, and each takes `host`: pytest would put those that do not behind the others.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import subprocess
import sys
from pathlib import Path

import kernel
import plays
import pytest
import steps
import yaml
from node import Node

STAGES = yaml.safe_load((plays.PLAYBOOKS / "vars" / "stages.yml").read_text())["lab_stages"]
NAMES = [stage["name"] for stage in STAGES]
BY_NAME = dict(zip(NAMES, STAGES, strict=True))
TARGETS = {"dustin": "10.0.0.11", "leah": "10.0.0.21", "virtual": "10.100.100.100"}
#: Curl's exit codes for the failures of the table. A refused connection and a missing route are one code.
CODES = {"refused": {7}, "timeout": {28}, "unreachable": {7, 28}}
#: The stages at which the whole state is compared; reading it takes a slow node as long as the way there.
COMPARED = ("bridge", "leah", "masquerade_all", "hairpin", "loopback_set", "second_server")
#: Six jumps by lot, always the same ones, that begin at the last stage and with the longest way back.
JUMPS = ["forwarding", *random.Random("stages").sample(NAMES[1:-1], 4), "second_server"]

#: Asks for a page as often as it is told, and prints the pages, curl's last exit code, and who asks whom.
ASK = """ask() { client=$1 target=$2 times=$3; shift 3; pages= code=0
for _ in $(seq $times); do page=$("$@") || code=$?; pages="$pages $page"; done; echo "$client $target $code$pages"; }
"""


@pytest.fixture(scope="module")
def node(inventory, host):
    with Node(inventory) as process:
        yield process


def shell(node, script):
    return node.command("sh", "-c", script)


class Reader:
    """The node as tests/tools/kernel.py wants to see it."""

    def __init__(self, node):
        self.node = node

    def check_output(self, command):
        return shell(self.node, command)


def state(node):
    """What the kernel's tools print of the node and of the namespaces that there are."""
    namespaces = [line.split()[0] for line in node.command("ip", "netns", "list").splitlines()]
    read = kernel.read(Reader(node), sorted(namespaces))
    for each in read.values():
        # A switch that comes with a module is off without it, and so is a chain without a rule.
        each["switches"] = [line for line in each["switches"] if line.endswith("= 1")]
        each["rules"] = [line for line in each["rules"] if line.startswith("-A")]
    return read


def asked(node, stage):
    """The pages and curl's exit code for each pair of the table that is to be asked, all asked at the same time."""
    script = ASK
    for client, row in stage["expect"].items():
        for target, cell in row.items():
            if cell not in ("outside", "nobody"):
                prefix = "" if client == "host" else f"ip netns exec netns_{client} "
                curl = f"curl --silent --noproxy '*' --max-time {10 if isinstance(cell, list) else 4}"
                times = 1 if isinstance(cell, str) else 2
                script += f"ask {client} {target} {times} {prefix}{curl} {TARGETS[target]}:8080 &\n"
    answers = {}
    for line in shell(node, script + "wait").splitlines():
        client, target, code, *pages = line.split()
        answers[client, target] = (int(code), pages)
    return answers


def prove(node, stage):
    answers = asked(node, stage)
    for client, row in stage["expect"].items():
        for target, cell in row.items():
            if cell in ("outside", "nobody"):
                assert (client, target) not in answers
                continue
            code, pages = answers[client, target]
            where = f"{stage['name']}: {client} asks {target}: {code} {pages}"
            if isinstance(cell, str):
                assert pages == [], where
                assert code in CODES[cell], where
            else:
                # Clients ask at the same time, so turns are seen one at a time in test_turns.
                assert code == 0, where
                assert set(pages) <= set(cell), where


def to(play, name, *arguments):
    run = play("topology.yml", "--extra-vars", f"lab_stage={name}", *arguments)
    assert run.code == 0, run.output
    return run


def said(run):
    return [(outcome.task, outcome.item, outcome.changed, outcome.diff) for outcome in run.outcomes]


@pytest.fixture(scope="module")
def article(node):
    """The states to which the article's commands lead; their servers end with the last, all the rest stays."""
    states = {}
    script = "set -e\n"
    for stage in STAGES:
        for command in stage["commands"]:
            script += (servers_line(command) or command) + "\n"
        if stage["name"] in COMPARED:
            shell(node, script)
            states[stage["name"]] = state(node)
            script = "set -e\n"
    shell(node, "systemctl stop article-dustin article-leah")
    return states


def servers_line(command):
    """A command that would run a server in the background of a terminal, as one that ends."""
    server = re.match(r"(ip netns exec netns_(\w+) python3 -m http.server 8080) &$", command)
    return server and f"systemd-run --quiet --unit article-{server.group(2)} {server.group(1)}"


def differing(article, node, name):
    """Where the node differs from what the commands lead to, at the stages at which that is looked at."""
    return list(kernel.differences(article[name], state(node))) if name in COMPARED else []


@pytest.mark.usefixtures("host")
def test_the_article_was_read(article):
    """Readings that are empty, or the same, would prove nothing."""
    assert tuple(article) == COMPARED
    assert all(article[one] != article[other] for one, other in itertools.combinations(COMPARED, 2))
    assert len(article["second_server"][""]["services"]) == 3


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("name", NAMES)
def test_in_order(play, node, article, name):
    """The first one takes back all that the commands have built."""
    run = to(play, name)
    assert run.changed
    prove(node, BY_NAME[name])
    assert differing(article, node, name) == []


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("name", JUMPS)
def test_jump(play, node, article, name):
    to(play, name)
    prove(node, BY_NAME[name])
    assert differing(article, node, name) == []


@pytest.mark.usefixtures("host")
def test_turns(node):
    for client in ("", "ip netns exec netns_dustin ", "ip netns exec netns_leah "):
        pages = shell(node, f"{client}curl --silent --max-time 10{' 10.100.100.100:8080' * 4}").split()
        assert sorted(pages[:2]) == ["dustin", "leah"]
        assert pages[:2] == pages[2:]


@pytest.mark.usefixtures("host")
def test_an_expected_failure_that_does_not_happen_fails_the_proof(play):
    """The whole lab, judged by what is expected of an earlier stage."""
    judged = play("verify.yml", "--extra-vars", json.dumps({"lab_stage": "address", "reachability_patience": 1}))
    assert judged.code != 0
    (failure,) = judged.failures
    assert "leah does not fail to reach virtual" in failure.msg
    assert "where timeout was expected" in failure.msg
    assert "host does not reach dustin" not in failure.msg


@pytest.mark.usefixtures("host")
def test_check_mode_foretells_a_way_back_and_again_changes_nothing(play, node):
    before = state(node)
    foretold = to(play, "masquerade_all", "--check", "--diff")
    assert state(node) == before
    done = to(play, "masquerade_all", "--diff")
    assert done.changed
    assert said(foretold) == said(done)
    assert to(play, "masquerade_all").changed == []


def tour(inventory, *arguments):
    place = steps.OUTPUT / "tour.json"
    command = [sys.executable, plays.PLAYBOOKS / "tour.py", "--inventory", inventory, "--place", place, *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("host")
def test_tour(node, inventory):
    Path(steps.OUTPUT, "tour.json").unlink(missing_ok=True)
    told = tour(inventory, "--yes", "--from", "bridge_netfilter", "--to", "hairpin")
    assert told.returncode == 0, told.stdout + told.stderr
    assert "brctl hairpin bridge_home veth_dustin on" in told.stdout
    assert "\x1b" not in told.stdout
    assert max(map(len, told.stdout.splitlines())) <= 80
    prove(node, BY_NAME["hairpin"])
    resumed = tour(inventory, "--yes", "--to", "promiscuous")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "promisc on" in resumed.stdout
    assert "brctl" not in resumed.stdout
    assert tour(inventory, "--from", "nowhere").returncode == 2


@pytest.mark.usefixtures("host")
def test_nothing_is_left_of_a_stage(play, node):
    to(play, "masquerade_all")
    done = play("dismantle.yml")
    assert done.code == 0, done.output
    left = state(node)
    assert set(left) == {""}
    assert (left[""]["rules"], left[""]["sets"], left[""]["services"]) == ([], [], [])
    assert {device["ifname"] for device in left[""]["links"]} == {"lo", "eth0"}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"lab_stage": "nowhere"}, "lab_stage is 'nowhere' and must be one of forwarding, bridge"),
        ({"lab_stage": "leah", "lab_bridge": "br"}, "lab_stage and lab_bridge exclude each other"),
        ({"lab_stage": "leah", "lab_host_origin": ""}, "set lab_stage_on_own_hosts to true"),
    ],
)
@pytest.mark.usefixtures("host")
def test_what_cannot_be_meant_is_refused(play, variables, words):
    run = play("topology.yml", "--extra-vars", json.dumps(variables))
    assert run.code != 0
    assert run.changed == []
    (failure,) = run.failures
    assert words in failure.msg
    assert "Nothing has been changed" in failure.msg
