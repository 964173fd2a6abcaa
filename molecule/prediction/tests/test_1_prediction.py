# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check mode on a fresh node says what the run then does: the same tasks, the same changed, the same diff.

The tests stand in the order in which they are to run: each finds the node as the one before it left it.
"""

from __future__ import annotations

import json

import pytest


def said(run):
    """What a run reported that a person would compare."""
    return [(outcome.task, outcome.item, outcome.changed, outcome.diff) for outcome in run.outcomes]


def visible(host):
    """What the topology consists of, read without loading a module, as ipvsadm would."""
    return host.check_output(
        "ip -o link | cut -d: -f2; ip -4 -o address; ip netns; iptables-save | grep ^-A; ls /etc/netns"
        " /run/systemd/system /run/ipvs_node* 2>&1; grep -E '^(br_netfilter|dummy) ' /proc/modules; true"
    )


@pytest.mark.parametrize("playbook", ["topology_up.yml", "topology_down.yml"])
def test_foretold(play, host, playbook):
    before = visible(host)
    foretold = play(playbook, "--check", "--diff")
    assert foretold.code == 0, foretold.account
    assert visible(host) == before
    done = play(playbook, "--diff")
    assert done.code == 0, done.account
    assert done.changed
    assert visible(host) != before
    assert said(foretold) == said(done)


# Each test takes `host`: pytest would put those that do not behind the others.
@pytest.mark.usefixtures("host")
def test_second_run(play):
    first = play("topology_up.yml")
    assert first.code == 0, first.account
    second = play("topology_up.yml", "--diff")
    assert second.code == 0, second.account
    assert second.changed == []
    foretold = play("topology_up.yml", "--check", "--diff")
    assert said(foretold) == said(second)


def test_drift_is_foretold(play, host):
    host.check_output("bridge link set dev veth_dustin hairpin off")
    host.check_output("ipvsadm -d -t 10.100.100.100:8080 -r 10.0.0.21:8080")
    foretold = play("topology_up.yml", "--check", "--diff")
    done = play("topology_up.yml", "--diff")
    assert done.code == 0, done.account
    assert len(done.changed) == 2
    assert said(foretold) == said(done)


def test_another_lab_and_back(play, host):
    """Its third pod stays, and is no longer asked."""
    third = {"name": "maya", "addresses": ["10.0.0.31/24"]}
    pods = [
        {"name": "dustin", "addresses": ["10.0.0.11/24"], "hairpin": True},
        {"name": "leah", "addresses": ["10.0.0.21/24"]},
    ]
    another = ("--extra-vars", json.dumps({"lab_pods": [*pods, third]}))
    for arguments, servers in ((another, ["10.0.0.11", "10.0.0.21", "10.0.0.31"]), ((), ["10.0.0.11", "10.0.0.21"])):
        done = play("topology_up.yml", *arguments)
        assert done.code == 0, done.account
        saved = host.check_output("ipvsadm -Sn; ipset save DUSTIN-LOOP-BACK").splitlines()
        assert [line.split()[4].split(":")[0] for line in saved if line.startswith("-a")] == servers
        assert sorted(line.split(",")[-1] for line in saved if line.startswith("add")) == servers
    assert "netns_maya" in host.check_output("ip netns")
    gone = play("topology_down.yml", *another)
    assert gone.code == 0, gone.account
