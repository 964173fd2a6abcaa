# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each stage of the lab is the state to which the article's commands lead, whatever stage the lab comes from.

First the commands are typed, stage by stage, and the kernel's tools are asked each time. Then the tour takes what the
commands have built back to the first stage and walks the same way, by the plays of the lab and their proof; then these
go back through the stages between which the pods live on, and jump. The tests stand in the order in which they are to
run, and each takes `host`: pytest would put those that do not behind the others.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
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
TARGETS = {
    "dustin": "10.0.0.11:8080",
    "leah": "10.0.0.21:8080",
    "virtual": "10.100.100.100:8080",
    "service": "10.96.0.10:80",
}
#: Beyond the article, by a role: the commands lead no further than to the whole lab.
BEYOND = "service"
#: Curl's exit codes for the failures of the table. A refused connection and a missing route are one code.
CODES = {"refused": {7}, "timeout": {28}, "unreachable": {7, 28}}
#: Where the tour is left, to go on from there in a program of its own
LEGS = ("bridge", "leah", "masquerade_all", "hairpin", "second_server")
#: Where the lab is meanwhile: the tour goes on all the same.
MOVED = {"leah": "bridge"}
#: The stages back from the last, one by one. Further back it is mostly by what goes as a whole.
BACK = ("loopback_set", "masquerade_dustin", "promiscuous", "hairpin", "bridge_netfilter")
#: The stages at which the whole state is compared; reading it takes a slow node as long as the way there.
COMPARED = tuple(name for name in NAMES if name in {*LEGS, *BACK})
#: A jump by lot, which the same seed repeats (it stands in the tests' names), and one forward over all that is missing
SEED = os.environ.get("STAGES_SEED") or str(random.randrange(10**6))
BEFORE = [name for name in NAMES if name not in (*BACK, "second_server", BEYOND)]
JUMPS = [random.Random(SEED).choice(BEFORE), "second_server"]

STATISTICS = ("ipvsadm", "--list", "--numeric", "--stats", "--exact")

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
    """The node as tests/kernel/kernel.py wants to see it."""

    def __init__(self, node):
        self.node = node

    def check_output(self, command):
        return shell(self.node, command)


def state(node):
    """What the kernel's tools print of the node and of the namespaces that there are."""
    namespaces = [line.split()[0] for line in node.command("ip", "netns", "list").splitlines()]
    read = kernel.read(Reader(node), sorted(namespaces))
    for name, each in read.items():
        # A switch that comes with a module is off without it, and so is a chain without a rule.
        each["switches"] = [line for line in each["switches"] if line.endswith("= 1")]
        if name:  # a pod bridges nothing, and has the switch as it was when the module was loaded or the pod made
            each["switches"] = [line for line in each["switches"] if not line.startswith("net.bridge.")]
        each["rules"] = [line for line in each["rules"] if line.startswith("-A")]
        for link in each["links"] + each["addresses"]:
            if "UP" not in link["flags"]:
                # A bridge that is down again keeps what it was given when it went up, or when it had ports.
                link.pop("qdisc", None)
                link.pop("tso_max_size", None)
    return read


def asked(node, stage):
    """The pages and curl's exit code for each pair of the table that is to be asked, all asked at the same time."""
    script = ASK
    for client, row in stage["expect"].items():
        for target, cell in row.items():
            if cell not in ("outside", "nobody"):
                prefix = "" if client == "host" else f"ip netns exec netns_{client} "
                curl = f"curl --silent --noproxy '*' --max-time {30 if isinstance(cell, list) else 4}"
                times = 1 if isinstance(cell, str) else 2
                script += f"ask {client} {target} {times} {prefix}{curl} {TARGETS[target]} &\n"
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
    run = play("topology_up.yml", "--extra-vars", f"lab_stage={name}", *arguments)
    assert run.code == 0, run.account
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


def state_dir(inventory):
    """The variable that keeps reports beside the scenario's inventory, and away from the lab of `make lab`."""
    return f"lab_host_state_dir={Path(inventory).resolve().parent}"


def tour(inventory, *arguments):
    place = steps.OUTPUT / "tour.json"
    command = [sys.executable, plays.PLAYBOOKS / "tour", "--inventory", inventory, "--place", place, *arguments]
    command += ["--extra-vars", state_dir(inventory)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def told_of(lines):
    """What the tour tells, by the stage."""
    told: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith("Stage "):
            told[line.rpartition("(")[2].rstrip(")")] = []
        elif told:
            list(told.values())[-1].append(line)
    return told


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("name", LEGS)
def test_tour_in_order(play, node, article, inventory, name):
    """The first stage takes back all that the commands have built; each of the others goes on from the one before."""
    begin = ([-1] + [NAMES.index(leg) for leg in LEGS])[LEGS.index(name)]
    if begin >= 0 and NAMES[begin] in MOVED:
        to(play, MOVED[NAMES[begin]])
    ran = tour(inventory, "--yes", *(["--restart"] if begin < 0 else []), "--to", name)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    lines = ran.stdout.splitlines()
    assert "\x1b" not in ran.stdout
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line.startswith("!")] == []
    told = told_of(lines)
    assert list(told) == NAMES[begin + 1 : NAMES.index(name) + 1]
    for each, lines in told.items():
        stage = BY_NAME[each]
        assert "Ansible has changed:" in lines, each
        # All that can be asked was asked, and every packet was followed that tells something.
        cells = [cell for row in stage["expect"].values() for cell in row.values() if cell not in ("outside", "nobody")]
        assert len([line for line in lines if " -> " in line and not line.startswith("  $ ")]) == len(cells), each
        titles = {"  Before:": "before", "  With net.": "halfway", "  Now:": "after"}
        followed = [titles[title] for line in lines for title in titles if line.startswith(title)]
        assert followed == [moment for moment in titles.values() if moment in stage.get("trace", {})], each
    prove(node, BY_NAME[name])
    assert differing(article, node, name) == []


@pytest.mark.usefixtures("host")
def test_picture_of_the_last_check(play, node, inventory, tmp_path):
    """What the tour's last proof found and what the kernel has counted, drawn while nobody asks anything."""
    drawn = play("picture.yml", "--extra-vars", state_dir(inventory), "--extra-vars", f"picture_folder={tmp_path}")
    assert drawn.code == 0, drawn.account
    files = {path.suffix: path.read_text() for path in tmp_path.iterdir()}
    checks = json.loads((Path(inventory).resolve().parent / "check-lab.json").read_text())
    svg = ET.fromstring(files[".svg"])
    texts = [each.text for each in svg.iter("{http://www.w3.org/2000/svg}text")]
    flows = [each for each in svg.iter("{http://www.w3.org/2000/svg}polyline") if each.get("class") == "flow"]
    # From the clients to the service, from there to the bridge, and to each pod
    assert len(flows) == 4
    assert texts.count("\u2713 9/9 worked") == 1
    assert texts.count("12 requests") == texts.count("12 answers") == 1
    counted = [line.split()[1:4] for line in node.command(*STATISTICS).splitlines() if line.startswith("  -> 1")]
    assert len(counted) == 2
    for endpoint, connections, packets in counted:
        pod = next(name for name, address in TARGETS.items() if endpoint == address)
        balanced = sum(row["answers"].count(pod) for row in checks if row["target"] == "virtual")
        direct = sum(len(row["answers"]) for row in checks if row["target"] == pod and row["client"] != pod)
        assert (balanced, direct) == (6, 2)
        cells = f"<td>{balanced}</td><td>{connections}</td><td>{packets}</td>"
        assert f"<td>{endpoint}</td><td>netns_{pod}</td><td>masquerading</td><td>1</td>{cells}" in files[".html"]
        assert f"{connections} connections, {packets} packets" in texts
        assert f"{balanced} answers, {connections} connections, {packets} packets" in " ".join(
            re.split(r"[\s\u2500-\u257f]+", files[".txt"])
        )
    assert texts.count("8 answers") == 2
    assert files[".mmd"].count("6 answers") == 2


@pytest.mark.usefixtures("host")
def test_tour_beyond_the_article(node, inventory):
    """The next test takes it back."""
    ran = tour(inventory, "--yes", "--to", BEYOND)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert [line for line in ran.stdout.splitlines() if line.startswith("!")] == []
    assert list(told_of(ran.stdout.splitlines())) == [BEYOND]
    prove(node, BY_NAME[BEYOND])
    services = node.command("ipvsadm", "-Sn").splitlines()
    assert "-A -t 10.96.0.10:80 -s rr" in services
    assert "-A -t 10.100.100.100:8080 -s rr" in services
    assert "10.0.0.11,tcp:8080,10.0.0.11" in node.command("ipset", "save", "KUBE-LOOP-BACK")


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("name", [*BACK, *(pytest.param(name, id=f"{name}, STAGES_SEED={SEED}") for name in JUMPS)])
def test_back_and_by_lot(play, node, article, name):
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
def test_check_mode_foretells_a_way_back_and_again_changes_nothing(play, node, article):
    before = state(node)
    foretold = to(play, "masquerade_all", "--check", "--diff")
    assert state(node) == before
    done = to(play, "masquerade_all", "--diff")
    assert done.changed
    assert said(foretold) == said(done)
    prove(node, BY_NAME["masquerade_all"])
    assert differing(article, node, "masquerade_all") == []
    assert to(play, "masquerade_all").changed == []


@pytest.mark.usefixtures("host")
def test_nothing_is_left_of_a_stage(play, node):
    """That to which the test above has taken the lab."""
    done = play("topology_down.yml")
    assert done.code == 0, done.account
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
    run = play("topology_up.yml", "--extra-vars", json.dumps(variables))
    assert run.code != 0
    assert run.changed == []
    (failure,) = run.failures
    assert words in failure.msg
    assert "Nothing has been changed" in failure.msg
