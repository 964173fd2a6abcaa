# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pod of a node that is a namespace itself is a host of the inventory plugin's, over ssh."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import steps
import yaml

PODS = Path(__file__).parents[1] / "pods.yml"
FOLDER = "/run/namespaces-nodes"
SETTINGS = {
    "folder": FOLDER,
    "owner": "a test",
    "nodes": [{"name": "one", "address": "100.64.0.1/16"}],
    "modules": ["veth"],
    "programs": {},
    "libraries": {},
    "check": False,
}
#: In the node: a pod with a name server of its own, and what the pod asks for.
POD = """
set -e
ip netns add pod_blue
ip link add home type veth peer name eth0 netns pod_blue
ip addr add 10.0.0.1/24 dev home && ip link set home up
ip -n pod_blue addr add 10.0.0.11/24 dev eth0 && ip -n pod_blue link set eth0 up
mkdir -p /etc/netns/pod_blue /run/www
echo nameserver 198.51.100.54 > /etc/netns/pod_blue/resolv.conf
echo 'from the node' > /run/www/index.html
python3 -m http.server --bind 10.0.0.1 --directory /run/www 99 >/dev/null 2>&1 &
for try in $(seq 100); do
  ! curl -sf -o /dev/null http://10.0.0.1:99/ || exit 0
  sleep 0.2
done
exit 1
"""


@pytest.fixture(scope="module")
def in_node(node):
    """Run a script in a node, which is there for this module's tests."""
    program = (steps.CHECKOUT / "roles/lab_host/files/lab_nodes.py").read_text()

    def have(command):
        node.command("python3", "-", command, json.dumps(SETTINGS), stdin=program)

    def run(script):
        return node.command("nsenter", f"--net={FOLDER}/one/net", f"--mount={FOLDER}/one/mnt", "--", "sh", "-c", script)

    have("present")
    yield run
    have("absent")


@pytest.fixture(scope="module")
def sources(inventory, tmp_path_factory):
    """The inventory with the node as a host, and the plugin's configuration."""
    folder = tmp_path_factory.mktemp("inventory")
    (machine,) = yaml.safe_load(Path(inventory).read_text())["lab_nodes"]["hosts"].values()
    inside = {
        "ansible_become": True,
        "ansible_become_method": "linuxnet.ipvs.netns",
        "ansible_netns": f"{FOLDER}/one/net",
        "ansible_netns_mount": f"{FOLDER}/one/mnt",
    }
    (folder / "nodes.yml").write_text(yaml.safe_dump({"nodes": {"hosts": {"one": machine | inside}}}))
    pods = {"plugin": "linuxnet.ipvs.netns", "parents": ["nodes"], "namespaces": ["pod_blue"]}
    (folder / "pods.netns.yml").write_text(yaml.safe_dump(pods))
    return str(folder / "nodes.yml"), str(folder / "pods.netns.yml")


def test_a_pod_of_a_node_is_a_host(node, in_node, sources, play):
    in_node(POD)
    nodes, pods = sources
    run = play(PODS, "--inventory", nodes, "--inventory", pods)
    assert run.code == 0, run.account
    assert "Judge" in {outcome.task for outcome in run.outcomes}
    # Of the machine, the node and the pod only the last two share a /run.
    assert in_node("cat /run/pods-asked") == "from the node\n"
    assert node.command("sh", "-c", "ls /run/pods-asked /run/netns/pod_blue 2>/dev/null || true") == ""
