# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What netns_info tells of namespaces that are odd, or without a name, and how its work grows with their number."""

from __future__ import annotations

import json

import pytest

#: A shell function that makes a namespace of a process alone, and leaves its number in $!.
PROCESS = r"""
set -e
process() {
  unshare --net sleep 600 >/dev/null 2>&1 &
  while [ "$(readlink /proc/$!/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
}
hidden() {
  touch /run/read_hidden
  unshare --net=/run/read_hidden true
}
"""
#: Two pods with an end each, and one whose name no module takes, with a pair to a namespace of a process. The end that
#: is called lost leads to a namespace to which neither a name nor a process leads.
ODD = (
    PROCESS
    + r"""
ip netns add read_a
ip netns add read_b
ip netns add 'read odd'
ip -n read_a link add to_b type veth peer name to_a netns read_b
process
ip -n 'read odd' link add to_process type veth peer name to_odd netns $!
hidden
nsenter --net=/run/read_hidden ip link add name to_process type veth peer name lost netns $!
echo $!
"""
)
#: Namespaces that are alike, $1 of each kind: named ones in pairs, whose ends all have the same index; and those of
#: processes, each with an end in one to which nothing leads. The processes are printed.
ALIKE = (
    PROCESS
    + r"""
for number in $(seq "$1"); do ip netns add "read_$number"; done
for number in $(seq 1 2 "$1"); do
  ip -n "read_$number" link add eth0 type veth peer name eth0 netns "read_$((number + 1))"
done
hidden
for number in $(seq "$1"); do
  process
  nsenter --net=/run/read_hidden ip link add name "to_$number" type veth peer name eth0 netns $!
  echo $!
done
"""
)
CLEAR = r"""
for file in /run/netns/read[_\ ]*; do [ ! -e "$file" ] || ip netns del "${file#/run/netns/}"; done
for process; do kill "$process"; done
if [ -e /run/read_hidden ]; then umount /run/read_hidden; rm /run/read_hidden; fi
"""

#: What netns_info finds, and how often it asks the kernel for that: in all named namespaces, and in that of a process.
COUNT = r"""
import json, sys
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link import client
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link import rtnetlink
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.reader import Reader

def count(owner, method):
    whole = getattr(owner, method)

    def counted(*arguments, **options):
        asked[method] += 1
        return whole(*arguments, **options)

    setattr(owner, method, counted)

asked = dict.fromkeys(("snapshot", "number_known", "device_beyond"), 0)
count(client.Links, "snapshot")
count(rtnetlink.Rtnetlink, "number_known")
count(rtnetlink.Rtnetlink, "device_beyond")
answers = []
for names, netns in ((["read_*"], None), ([], "/proc/%s/ns/net" % sys.argv[1])):
    asked.update(dict.fromkeys(asked, 0))
    with client.Links() as links, Reader(links, netns) as reader:
        found = reader.namespaces(names, reference=netns is not None, unnamed=False, sysctls=[])
    peers = [link["peer"] for each in found for link in each["links"] if link["kind"] == "veth"]
    answers.append(dict(asked, found=len(peers) - peers.count(None), lost=peers.count(None)))
print(json.dumps(answers))
"""


@pytest.fixture
def make(node):
    """Make namespaces, which go with the test; gives the processes whose namespaces have no other name."""
    processes: list[str] = []

    def run(script, *arguments):
        node.command("sh", "-c", CLEAR, "sh", *processes)
        processes[:] = node.command("sh", "-c", script, "sh", *arguments).split()
        return processes

    yield run
    node.command("sh", "-c", CLEAR, "sh", *processes)


def ends(namespace):
    """Where the ends of pairs lead, by their names."""
    peers = {link["name"]: link["peer"] for link in namespace["links"] if link["kind"] == "veth"}
    return {name: peer and (peer["name"], peer["netns"]) for name, peer in peers.items()}


def test_ends_in_pods_and_in_namespaces_with_odd_names_or_none(node, make):
    (process,) = make(ODD)
    unnamed = f"/proc/{process}/ns/net"
    found = {each["netns"]: each for each in node.module("netns_info", names=["read*"], unnamed=True)["namespaces"]}
    assert {found[name]["name"] for name in found if name.startswith(("read", "/run"))} == {
        "read_a",
        "read_b",
        "read odd",
    }
    assert ends(found["read_a"]) == {"to_b": ("to_a", "read_b")}
    assert ends(found["read_b"]) == {"to_a": ("to_b", "read_a")}
    assert ends(found["/run/netns/read odd"]) == {"to_process": ("to_odd", unnamed)}
    assert ends(found[unnamed]) == {"to_odd": ("to_process", "/run/netns/read odd"), "lost": None}
    assert found[unnamed]["name"] is None
    assert found[unnamed]["processes"] == [{"pid": int(process), "command": "sleep"}]


def test_what_is_not_asked_for_is_only_looked_through(node, make):
    (process,) = make(ODD)
    (odd,) = node.module("netns_info", names=["read o*"])["namespaces"]
    assert ends(odd) == {"to_process": ("to_odd", f"/proc/{process}/ns/net")}
    (seen,) = node.module("netns_info", names=[], reference=True, netns=odd["netns"])["namespaces"]
    assert ends(seen) == ends(odd)


def test_work_grows_with_what_is_read_and_not_with_its_square(node, make):
    few, many = (json.loads(node.python(COUNT, make(ALIKE, str(count))[0])) for count in (6, 24))
    assert [each["found"] for each in (few[0], many[0])] == [6, 24]
    for question in ("snapshot", "number_known", "device_beyond"):
        assert 0 < many[0][question] <= 4 * few[0][question], question
    # A node's way out leads to where nobody can look: all are asked whether they are there, and none is read for it.
    assert (few[1]["found"], few[1]["lost"]) == (0, 1)
    assert few[1]["snapshot"] == many[1]["snapshot"] == 1
