# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's plays where something is wrong: refused before anything is changed, or mended by the next run."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from contextlib import contextmanager

import kernel
import plays
import pytest


@pytest.fixture(scope="module", autouse=True)
def before(host):
    """The node as it is before the first test."""
    return kernel.read(host)


def refusal(run):
    """What a run that was refused says."""
    assert run.code != 0, run.output
    assert run.changed == []
    (failure,) = run.failures
    return failure.msg


# Other owners of the table (stage 12b)


@contextmanager
def keepalived(host):
    """A process of that name; what it does is no matter."""
    host.check_output("ln -sf /usr/bin/sleep /run/keepalived && systemd-run --unit keepalived-fake /run/keepalived 600")
    try:
        yield "keepalived"
    finally:
        host.check_output("systemctl stop keepalived-fake; rm /run/keepalived")


@contextmanager
def kube_proxy(host):
    """The device that kube-proxy's IPVS mode makes; its process may live in another pid namespace."""
    host.check_output("ip link add kube-ipvs0 type dummy")
    try:
        yield "kube-proxy"
    finally:
        host.check_output("ip link del kube-ipvs0")


@pytest.mark.parametrize("present", [keepalived, kube_proxy])
def test_other_owner_is_refused(host, play, present):
    with present(host) as name:
        told = refusal(play("topology_up.yml"))
        assert name in told
        assert "Service not defined" in told
        assert "ipvs_node_allow_other_owners" in told


def test_other_owner_is_allowed(host, play):
    with kube_proxy(host):
        run = play("topology_up.yml", "--check", "--extra-vars", "ipvs_node_allow_other_owners=true")
        assert run.code == 0, run.account


# Bad variables: an explanation, and no change


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"lab_bridge": "a-bridge-with-a-long-name"}, "name: 'a-bridge-with-a-long-name' is not valid: a device name"),
        ({"lab_bridge": "a/b"}, "name: 'a/b' is not valid: a device name has no '/'"),
        ({"lab_bridge_addresses": ["10.0.0.1/33"]}, "addresses: '10.0.0.1/33' is not valid: write ADDRESS/PREFIX"),
        ({"lab_bridge_addresses": ["10.0.0.1/24", ":::/64"]}, "addresses: ':::/64' is not valid"),
        ({"lab_nameservers": ["dns.example.org"]}, "dns.nameservers: 'dns.example.org' is not valid"),
        (
            {"lab_pods": [{"name": "penelope", "addresses": ["10.0.0.11/24"]}]},
            "ports[0].peer.name: 'veth_ns_penelope' is not valid",
        ),
        (
            {"lab_pods": [{"name": "eve", "addresses": ["10.0.0.11/24"], "netns": "../eve"}]},
            "name: '../eve' is not valid: a namespace name",
        ),
        ({"lab_pods": [{"name": "eve", "addresses": ["10.0.0.11/24"], "mtu": 10}]}, "ports[0].mtu: 10 is not valid"),
        (
            {"lab_pods": [{"name": "eve", "addresses": ["10.0.0.11/24"], "gateway": "10.7.0.1"}]},
            "gateway: '10.7.0.1' is not valid: device 'veth_ns_eve' cannot reach it",
        ),
        (
            {
                "lab_pods": [
                    {"name": "eve", "addresses": ["10.0.0.11/24"], "routes": [{"to": "10.9.0.1/16", "via": "10.0.0.1"}]}
                ]
            },
            "ports[0].peer.routes[0].to: '10.9.0.1/16' is not valid",
        ),
        (
            {"lab_pods": [{"name": name, "addresses": ["10.0.0.11/24"]} for name in ("eve", "eva")]},
            "addresses: '10.0.0.11' is not valid: an address on this bridge is listed twice",
        ),
        (
            {
                "lab_pods": [
                    {"name": "eve", "addresses": ["10.0.0.11/24"]},
                    {"name": "eva", "addresses": ["10.0.0.12/24"], "veth": "veth_eve"},
                ]
            },
            "ports: 'veth_eve' is not valid: a port's name is listed twice",
        ),
        ({"lab_pods": [{"addresses": ["10.0.0.11/24"]}]}, "name"),
        ({"lab_pods": [{"name": "eve", "addresses": ["10.0.0.11/24"], "port": 70000}]}, "port 70000"),
        ({"lab_services": [{"address": "10.100.100.100", "port": 0}]}, "port: 0 is not valid"),
        ({"lab_services": [{"address": "10.100.100.300"}]}, "address: '10.100.100.300' is not valid"),
        ({"lab_services": [{"address": "10.100.100.100", "scheduler": "fair"}]}, "fair"),
        (
            {"lab_services": [{"address": "10.100.100.100", "pods": ["dustin", "lea"]}]},
            "lab_services: 10.100.100.100 is to go to lea, and the pods are dustin, leah",
        ),
        ({"lab_services": [{"address": "fd00::100"}]}, "no pod that fd00::100 is to go to has an address of IPv6"),
        ({"lab_loopback_set": "A-SET-WITH-A-NAME-OF-MORE-THAN-THIRTY"}, "cannot be a set's name"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
@pytest.mark.usefixtures("host")
def test_bad_variables(play, variables, words):
    assert words in refusal(play("topology_up.yml", "--extra-vars", json.dumps(variables)))


def test_kernel_without_ipvs(host, play):
    """It is found before any package is installed: one that does not exist would be the failure otherwise."""
    host.check_output("mkdir -p /run/modprobe.d && echo 'install ip_vs /bin/false' > /run/modprobe.d/trouble.conf")
    host.check_output("modprobe -r ip_vs")
    # Without the lab's switches, since those come with a module that is not asked for here.
    variables = {"ipvs_node_modules": ["ip_vs"], "ipvs_node_sysctl": {}, "ipvs_node_packages": ["no-such-package"]}
    try:
        run = play("topology_up.yml", "--extra-vars", json.dumps(variables))
    finally:
        host.check_output("rm /run/modprobe.d/trouble.conf")
    assert run.code != 0
    assert run.changed == []
    assert "has no module 'ip_vs', or may not load it" in run.failures[-1].msg
    assert "No package has been installed" in run.failures[-1].msg


def test_without_root(host, play, tmp_path):
    """A login without root's rights is told so by the first task, and what to do about it."""
    playbook = tmp_path / "node.yml"
    playbook.write_text("- {hosts: lab_nodes, gather_facts: false, roles: [linuxnet.ipvs.ipvs_node]}\n")
    host.check_output("useradd --create-home plain && cp -r /root/.ssh /home/plain/ && chown -R plain /home/plain/.ssh")
    try:
        assert "become: true" in refusal(play(playbook, "--extra-vars", "ansible_user=plain"))
    finally:
        host.run("pkill -KILL -u plain; sleep 1; userdel --remove plain")


def test_refusals_left_no_trace(host, before):
    assert list(kernel.differences(before, kernel.read(host))) == []


# What the next run has to finish or to mend


def test_killed_and_repeated(host, play, inventory):
    """A run that is killed as soon as the bridge is there leaves nothing that the next one cannot finish."""
    run = subprocess.Popen(
        plays.command(inventory, plays.PLAYBOOKS / "topology_up.yml"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 300
        # Whatever ip says, its exit code may not be 255, which testinfra would take for ssh's.
        while "veth_dustin" not in host.run("ip -o link; true").stdout:
            assert run.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        # Its processes that have sessions of their own would wait for ever.
        subprocess.run(["pkill", "-KILL", "--full", f"{re.escape(inventory)} .*/topology_up.yml"], check=False)
    assert host.run("ipvsadm -Sn | grep 10.0.0.21").rc != 0
    finished(play)


@pytest.fixture
def servers(play, tmp_path):
    """Play the role of the web servers alone, with those of the lab."""
    playbook = tmp_path / "servers.yml"
    variables = [str(plays.PLAYBOOKS / "vars" / name) for name in ("stages.yml", "topology.yml")]
    role = {"gather_facts": False, "become": True, "vars_files": variables, "roles": ["linuxnet.ipvs.http_backends"]}
    playbook.write_text(json.dumps([{"hosts": "lab_nodes", **role}]))

    def run(*arguments):
        done = play(playbook, *arguments)
        assert done.code == 0, done.account
        return done

    return run


#: Servers of older units, and then newer units: so a run leaves it that is killed before it restarts them. Of the
#: first one systemd has read the newer unit meanwhile, as anybody may ask it to.
OLDER = """
set -e
cd /run/systemd/system
for unit in http-backend-dustin http-backend-leah; do
  cp $unit.service /run/$unit.newer
  sed -i 's/MADE_FROM=.*/MADE_FROM=01d/' $unit.service
done
systemctl daemon-reload
systemctl restart http-backend-dustin http-backend-leah
mv /run/http-backend-dustin.newer http-backend-dustin.service
systemctl daemon-reload
mv /run/http-backend-leah.newer http-backend-leah.service
"""
RUNNING = """
for name in dustin leah; do
  grep -a -o 'MADE_FROM=[0-9a-f]*' /proc/$(systemctl show -P MainPID http-backend-$name)/environ
done
"""


def test_killed_before_the_servers_are_restarted(host, servers):
    right = host.check_output(RUNNING)
    host.check_output(OLDER)
    assert host.check_output(RUNNING).split() == ["MADE_FROM=01d"] * 2
    foretold = servers("--check", "--diff")
    done = servers("--diff")
    again = servers()
    for run in (foretold, done):
        assert [(each.task.split(" : ")[-1], json.loads(each.item)["name"]) for each in run.changed] == [
            ("Servers run", "dustin"),
            ("Servers run", "leah"),
        ]
    assert host.check_output(RUNNING) == right
    assert again.changed == []


def test_a_server_comes_back_however_often_it_dies(host):
    """By default systemd gives up after five times."""
    pid = "systemctl show -P MainPID http-backend-dustin"
    host.check_output(
        f"for time in $(seq 7); do old=$({pid}); kill -9 $old; "
        f'for try in $(seq 100); do new=$({pid}); [ "$new" != 0 ] && [ "$new" != $old ] && break; sleep 0.1; done; done'
    )
    assert host.check_output("systemctl is-active http-backend-dustin") == "active"


def test_namespace_deleted(host, play):
    """The pair goes with the namespace, and the server with its namespace; the next run brings all three back."""
    host.check_output("ip netns del netns_leah")
    finished(play)


def test_far_end_in_wrong_namespace(host, play):
    host.check_output(
        "ip link del veth_leah; ip link add veth_leah type veth peer name veth_ns_leah netns netns_dustin"
    )
    finished(play)


def test_half_built_bridge(host, play):
    host.check_output("ip link del bridge_home && ip link add bridge_home type bridge")
    finished(play)


def finished(play):
    """The next run completes the lab, the one behind it finds nothing to do, and everyone reaches everyone."""
    done = play("topology_up.yml")
    assert done.code == 0, done.account
    again = play("topology_up.yml")
    assert again.code == 0, again.account
    assert again.changed == []
    # A device that was made anew has another hardware address, and the old one is asked for some seconds first.
    proof = play("verify.yml", "--extra-vars", "reachability_patience=30")
    assert proof.code == 0, proof.account
