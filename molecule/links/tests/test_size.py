# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bridge at its size, and the two readers of devices: pyroute2's, and the trace's own, which need not be imported."""

from __future__ import annotations

import json

#: How many ports there are, and how many descriptors: the proportion of 1,023, the most that a bridge has, to 1,024.
PORTS, DESCRIPTORS = 100, 128
MAKE = 'for n in $(seq 1 "$0"); do ip netns add "links_many$n"; done'
CLEAR = 'for n in $(seq 1 "$0"); do ip netns delete "links_many$n" 2>/dev/null || true; done'

#: Runs a module with so few descriptors.
SHORT = r"""
import json, resource, sys
import node_agent

resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[1])))
print(json.dumps(node_agent.run_module("veth_bridge", json.loads(sys.argv[2]))))
"""

#: What both readers say of a namespace.
READ = r"""
import json, sys
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.client import Links
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.forwarding import neighbours
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.facts import FactsReader

netns = sys.argv[1]
with Links() as links, FactsReader(netns) as reader:
    snapshot, facts = links.snapshot(netns), reader.facts()
    nexts = neighbours(links, netns)
names = {link.index: link.name for link in snapshot.links}
one = {
    "devices": [[each.name, each.kind, names.get(each.master), each.hairpin] for each in snapshot.links],
    "addresses": sorted({str(each.interface.ip) for each in snapshot.addresses}),
    "neighbours": {str(address): hardware for (_index, address), hardware in nexts.items() if address.version == 4},
}
other = {
    "devices": [[each.name, each.kind, each.master, each.hairpin] for each in facts.devices.values()],
    "addresses": sorted(facts.addresses),
    "neighbours": {address: hardware for address, hardware in facts.neighbours.items() if ":" not in address},
}
print(json.dumps([one, other, {each.name: each.promiscuous for each in snapshot.links},
                  {each.name: each.takes_all for each in facts.devices.values()}]))
"""


def test_nearly_as_many_ports_as_descriptors(node, namespaces):
    """Each has its far end in a namespace of its own, as a bridge may have 1,023 of them."""
    ports = [
        dict(name=f"m{n}", peer=dict(name="eth0", netns=f"links_many{n}", addresses=[f"10.1.0.{n}/16"]))
        for n in range(1, PORTS + 1)
    ]
    wish = json.dumps(dict(name="br", netns="links", addresses=["10.1.255.1/16"], ports=ports))
    node.command("sh", "-ec", MAKE, str(PORTS))
    try:
        for changed in (True, False):
            told = json.loads(node.python(SHORT, str(DESCRIPTORS), wish))
            assert told.get("changed") is changed, told
        assert len(node.command("ip", "-n", "links", "-br", "link", "show", "master", "br").splitlines()) == PORTS
    finally:
        node.command("sh", "-ec", CLEAR, str(PORTS))


def test_both_readers_agree(node, namespaces):
    """But for promiscuous mode: one tells what was set, the other what is in effect, as with a capture that runs."""
    port = dict(
        name="p1", hairpin=True, peer=dict(name="eth0", netns="links_a", addresses=["10.0.0.11/24", "fd00::11/64"])
    )
    node.module("veth_bridge", name="br", netns="links", addresses=["10.0.0.1/24", "fd00::1/64"], ports=[port])
    node.command(
        "ip", "-n", "links", "link", "add", "link", "br", "name", "mac0", "type", "macvlan", "mode", "passthru"
    )
    node.command("ip", "-n", "links", "link", "set", "mac0", "up")
    neighbour = ["neigh", "add", "10.0.0.11", "lladdr", "02:00:00:00:00:11", "dev", "br"]
    node.command("ip", "-n", "links", *neighbour)
    for netns in ("links", "links_a"):
        one, other, was_set, in_effect = json.loads(node.python(READ, netns))
        assert one == other
        assert not any(was_set.values())
        assert in_effect.get("br", True)
        assert one["neighbours"].get("10.0.0.11") == ("02:00:00:00:00:11" if netns == "links" else None)
