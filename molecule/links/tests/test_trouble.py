# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a single case cannot show: runs that are killed, what check mode predicts of things to come, old libraries."""

from __future__ import annotations

import re
import time
from typing import Any

import kernel_links
import pytest
from node import Failed, Node

#: A bridge with two ports, said in full.
WISH = dict(
    name="br",
    netns="links",
    addresses=["10.0.0.1/24", "fd00::1/64"],
    mtu=1450,
    promiscuous=True,
    purge_addresses=True,
    purge_ports=True,
    ports=[
        dict(
            name="p1",
            hairpin=True,
            mtu=1450,
            peer=dict(
                name="eth0",
                netns="links_a",
                addresses=["10.0.0.11/24", "fd00::11/64"],
                gateway="10.0.0.1",
                routes=[dict(to="::/0", via="fd00::1")],
            ),
        ),
        dict(
            name="p2",
            peer=dict(name="eth0", netns="links_b", addresses=["10.0.0.21/24"], gateway="10.0.0.1", mtu=1450),
        ),
    ],
)

#: What is there when a run begins.
STARTS = {
    "nothing": [],
    "the wrong shape": [
        "ip -n links link add dev br type bridge",
        "ip -n links address add 10.0.0.2/24 dev br",
        "ip -n links link add old type veth peer name eth1 netns links_b",
        "ip -n links link set old master br",
        "ip -n links link add p1 type veth peer name eth0 netns links_b",
        "ip -n links link add p2 type veth peer name eth0 netns links_a",
        "ip -n links_a link set eth0 up",
        "ip -n links_a address add 10.0.0.12/24 dev eth0",
        "ip -n links_a route add default via 10.0.0.9",
    ],
}

#: Removes what a run has made in the namespaces, which stay.
CLEAR = "for port in p1 p2 br; do ip -n links link delete dev $port 2>/dev/null || true; done"


@pytest.mark.parametrize("start", STARTS)
def test_killed_run_is_completed_by_the_next(node, namespaces, start):
    """Killed after each of its operations."""
    wanted: list[str] = []
    for operations in range(1, 100):
        node.command("sh", "-ec", "\n".join([CLEAR, *STARTS[start]]))
        killed = node.killed("veth_bridge", operations, **WISH)
        node.module("veth_bridge", **WISH)
        again = node.module("veth_bridge", **WISH)
        found = kernel_links.view(node, namespaces)
        wanted = wanted or found
        assert (again["changed"], found) == (False, wanted), f"killed after {operations} operations"
        if not killed:
            break
    assert operations > 12
    assert "links: p1 veth up mtu 1450 port of br hairpin to links_a eth0" in wanted


def test_check_mode_believes_in_tasks_to_come(node, namespaces):
    """A namespace that an earlier task of a real run would have made, and a port in it."""
    peer = dict(name="eth0", netns="links_c", addresses=["10.0.0.11/24"], gateway="10.0.0.1")
    wish = dict(name="br", netns="links", ports=[dict(name="p1", peer=peer)])
    predicted = node.module("veth_bridge", check=True, **wish)
    hairpin = node.module("hairpin", check=True, name="p1", netns="links")
    node.module("netns", name="links_c")
    made = node.module("veth_bridge", **wish)

    assert [text for text in predicted["warnings"] if "namespace 'links_c' does not exist" in text]
    assert predicted["changed"]
    assert (predicted["diff"], predicted["bridge"]) == (made["diff"], made["bridge"])
    assert hairpin["changed"]
    assert [text for text in hairpin["warnings"] if "there is no device 'p1'" in text]


def test_namespace_in_which_a_process_lives(node, namespaces):
    """It loses its name, and the task says who keeps it; the pair to it goes with the process."""
    peer = dict(name="eth0", netns="links_c")
    node.module("netns", name="links_c")
    node.module("veth_bridge", name="br", netns="links", ports=[dict(name="p1", peer=peer)])
    living = node.command("sh", "-c", "ip netns exec links_c sleep 300 >/dev/null 2>&1 & echo $!").strip()
    # It is ip until it has entered.
    _wait(lambda: node.command("cat", f"/proc/{living}/comm") == "sleep\n")

    predicted = node.module("netns", check=True, name="links_c", state="absent")
    ended = node.module("netns", name="links_c", state="absent")
    node.command("kill", living)

    assert [process["command"] for process in ended["processes"]] == ["sleep"]
    assert [text for text in ended["warnings"] if re.search(f"{living} .sleep.", text)]
    for key in ("changed", "diff", "processes", "warnings"):
        assert predicted[key] == ended[key]
    _wait(lambda: not node.command("ip", "-n", "links", "-br", "link", "show", "type", "veth"))


def test_check_mode_believes_in_a_pyroute2_to_come(node, namespaces, request):
    """As on a fresh host, on which an earlier task of a real run would have installed it."""
    folder = "/run/links_none"
    node.command("mkdir", "-p", folder)
    node.command("touch", f"{folder}/pyroute2.py")  # what Python finds first is not the package
    bridge: dict[str, Any] = dict(
        name="br", netns="links", ports=[dict(name="p1", peer=dict(name="eth0", netns="links_a"))]
    )
    address: dict[str, Any] = dict(name="dummy0", netns="links", addresses=["10.100.100.100"])
    port: dict[str, Any] = dict(name="p1", netns="links")
    try:
        with Node(request.config.getoption("ansible_inventory", None), search_path=folder) as bare:
            with pytest.raises(Failed, match=r"has no pyroute2: install .*apt install python3-pyroute2"):
                bare.module("veth_bridge", **bridge)
            tasks = (("veth_bridge", bridge), ("virtual_ip", address), ("hairpin", port))
            predicted = [bare.module(name, check=True, **options) for name, options in tasks]
            gone = bare.module("veth_bridge", check=True, name="br", netns="links", state="absent")
    finally:
        node.command("rm", "-r", folder)
    made = [node.module(name, **options) for name, options in tasks]

    for foretold, done in zip(predicted, made, strict=True):
        assert [text for text in foretold["warnings"] if "goes on as if it was installed and found nothing" in text]
        assert (foretold["changed"], foretold["diff"]) == (done["changed"], done["diff"]) == (True, done["diff"])
    assert not gone["changed"]


def test_old_pyroute2_is_named(node, request):
    """With the place in which it was found, and the remedy."""
    folder = "/run/links_old"
    node.command("mkdir", "-p", f"{folder}/pyroute2", f"{folder}/pyroute2-0.6.13.dist-info")
    node.command("touch", f"{folder}/pyroute2/__init__.py")
    try:
        with (
            Node(request.config.getoption("ansible_inventory", None), search_path=folder) as old,
            pytest.raises(Failed) as refused,
        ):
            old.module("hairpin", name="p1", netns="links")
    finally:
        node.command("rm", "-r", folder)
    said = str(refused.value)
    assert said.startswith(f"pyroute2 0.6.13 in {folder}/pyroute2 is too old: 0.7.2 or later is needed")
    assert "-m pip install 'pyroute2>=0.7.2'" in said  # what apt has is what is there


def test_ports_that_drop_all_frames_are_named(node, namespaces):
    """On a bridge that tells VLANs apart, and gives new ports none."""
    options = ["type", "bridge", "vlan_filtering", "1", "vlan_default_pvid", "0"]
    try:
        node.command("ip", "-n", "links", "link", "add", "dev", "br", *options)
    except Failed:
        pytest.skip("the bridges of this kernel know no VLANs")
    wish = dict(name="br", netns="links", ports=[dict(name="p1", peer=dict(name="eth0", netns="links_a"))])
    predicted, made, again = (node.module("veth_bridge", check=check, **wish) for check in (True, False, False))
    for told in (predicted, made, again):
        assert [text for text in told["warnings"] if "port 'p1' has none for untagged frames" in text]
    node.command("bridge", "-n", "links", "vlan", "add", "dev", "p1", "vid", "1", "pvid", "untagged")
    assert node.module("veth_bridge", **wish)["warnings"] == []


def _wait(until, patience=10):
    end = time.monotonic() + patience
    while not until():
        assert time.monotonic() < end
        time.sleep(0.2)
