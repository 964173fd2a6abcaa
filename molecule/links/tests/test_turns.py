# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several tasks at once, and a user who locks whatever he can: a task waits for its turn, and for root's tasks only."""

from __future__ import annotations

import time

import kernel_links
import pytest
import turns
from node import Failed

#: What the user nobody can do to root's tasks: lock each file that stands for a namespace, or holds those.
LOCK_ALL = r"""
for file in /proc/self/ns/net /run/netns /run/netns/* /run /run/lock /run/linuxnet-ipvs /run/linuxnet-ipvs/*; do
  setpriv --reuid=65534 --regid=65534 --clear-groups \
    flock --exclusive --nonblock --no-fork "$file" sleep 120 >/dev/null 2>&1 &
  echo $!
done
"""

_PORT = dict(name="p1", peer=dict(name="eth0", netns="links_a", addresses=["10.0.0.11/24"]))
_BRIDGE = dict(name="br", netns="links", addresses=["10.0.0.1/24"], ports=[_PORT])


def _alike(**options):
    return options, options


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("netns", *_alike(name=["links_c", "links_d"], sysctl={"net.ipv4.ip_forward": 1})),
        ("veth_bridge", *_alike(**_BRIDGE)),
        ("veth_bridge", _BRIDGE, dict(_BRIDGE, netns="links_b", name="br2", ports=[])),
        ("virtual_ip", *_alike(name="dummy0", netns="links", addresses=["10.100.100.100"])),
    ],
    ids=["netns", "veth_bridge", "two bridges", "virtual_ip"],
)
def test_of_two_tasks_the_second_waits(node, namespaces, request, name, first, second):
    if name == "virtual_ip" and not _has_dummies(node):
        pytest.skip("this kernel has no dummy devices")
    assert turns.second_waits(node, request.config.getoption("ansible_inventory", None), name, first, second)
    mounts = node.command("findmnt", "--list", "--noheadings", "--output", "TARGET").split()
    there = namespaces if name == "netns" else namespaces[:3]
    assert len({mounts.count(f"/run/netns/{each}") for each in there}) == 1  # as often as those that ip(8) has made
    assert not node.module(name, **second)["changed"]


def test_what_any_user_can_lock_keeps_no_task_waiting(node, namespaces):
    node.module("netns", name="links_c")
    holders = node.command("sh", "-c", LOCK_ALL).split()
    try:
        start = time.monotonic()
        node.module("netns", name="links_d")
        node.module("veth_bridge", **_BRIDGE)
        node.module("ipset", netns="links_c", name="a", type="hash:ip", entries=["10.0.0.1"])
        node.module("hairpin", netns="links", name="p1")
        node.module("netns", name="links_d", state="absent")
        assert time.monotonic() - start < 20
    finally:
        for pid in holders:
            node.command("sh", "-c", 'kill "$0" 2>/dev/null || true', pid)
    assert "links: p1 veth up port of br hairpin to links_a eth0" in kernel_links.view(node, namespaces)


def test_a_name_made_inside_a_namespace_is_the_machines(node, namespaces):
    """By a task that runs in `ip netns exec`, whose mounts end with it."""
    for state, times in (("present", (True, False)), ("absent", (True, False))):
        for changed in times:
            told = node.inside("links_a", "netns", name="links_c", state=state)
            assert told["changed"] is changed
        mounts = node.command("findmnt", "--list", "--noheadings", "--output", "TARGET").split()
        assert ("/run/netns/links_c" in mounts) is (state == "present")
    assert kernel_links.view(node, namespaces) == [f"{name}: lo up" for name in namespaces[:3]]


def _has_dummies(node):
    try:
        node.command("ip", "-n", "links", "link", "add", "dummy9", "type", "dummy")
    except Failed:
        return False
    node.command("ip", "-n", "links", "link", "delete", "dummy9")
    return True
