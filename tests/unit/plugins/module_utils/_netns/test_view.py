# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which far end is where, and what the modules would be told of it."""

from __future__ import annotations

import ipaddress
import os
import tempfile
from pathlib import Path

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import MissingRequirement
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import (
    DeviceAddress,
    Link,
    NextHop,
    Route,
    Snapshot,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns import names
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.view import (
    Namespace,
    bridge_options,
    dns_options,
    find_peers,
    link_options,
    numbers_without_peers,
    route_options,
)


def namespace(name, *links, inode=None, addresses=(), routes=()):
    identity = (4, inode or hash(name))
    return Namespace(name, name, "/run/netns/%s" % name, identity, Snapshot(links, addresses, routes))


def veth(index, name, peer_index, nsid=None, **more):
    return Link(index, name, "veth", peer_index=peer_index, peer_nsid=nsid, **more)


def on(index, text):
    return DeviceAddress(index, ipaddress.ip_interface(text))


def route(to, via, index, protocol=3):
    gateway = ipaddress.ip_address(via) if via else None
    return Route(ipaddress.ip_network(to), gateway, index, 1024 if ":" in to else 0, protocol)


def numbers(table):
    """The kernel's answers, and which questions it was asked."""
    asked = []

    def knows(here, there):
        asked.append((here.name, there.name))
        return table.get((here.name, there.name))

    return knows, asked


def blind(_here, _link):
    """A kernel that tells nothing of the other ends."""


def ends(peers, *namespaces):
    names = {each.identity: each.name for each in namespaces}
    return {(names[key[0]], key[1]): (peer.namespace.name, peer.link.name) for key, peer in peers.items()}


def test_both_ends_find_each_other():
    hub = namespace("hub", veth(5, "v1", 2, 0))
    pod = namespace("pod", veth(2, "eth0", 5, 7))
    knows, _asked = numbers({("hub", "pod"): 0, ("pod", "hub"): 7})
    assert ends(find_peers([hub, pod], [hub, pod], knows, blind), hub, pod) == {
        ("hub", 5): ("pod", "eth0"),
        ("pod", 2): ("hub", "v1"),
    }


def test_the_same_indexes_in_many_namespaces():
    """Each pod's eth0 has index 2 and leads to index 2: only the kernel's number tells whose it is."""
    pods = [namespace(name, veth(2, "eth0", 2, 0)) for name in ("a", "a1", "a10", "b")]
    knows, _asked = numbers({("a", "a10"): 0, ("a10", "a"): 0, ("a1", "b"): 0, ("b", "a1"): 0})
    found = ends(find_peers(pods, pods, knows, blind), *pods)
    assert {here: there for (here, _index), (there, _name) in found.items()} == {
        "a": "a10",
        "a10": "a",
        "a1": "b",
        "b": "a1",
    }


def test_only_candidates_are_asked_about():
    hub = namespace("hub", *(veth(index, "v%d" % index, 2, index) for index in range(10, 210)))
    pods = [namespace("p%d" % index, veth(2, "eth0", index, 0)) for index in range(10, 210)]
    table = {("hub", "p%d" % index): index for index in range(10, 210)}
    table.update({("p%d" % index, "hub"): 0 for index in range(10, 210)})
    knows, asked = numbers(table)
    assert len(find_peers([hub, *pods], [hub, *pods], knows, blind)) == 400
    assert len(asked) == 400


@pytest.mark.parametrize("here_or_there", ["there", "here"])
def test_pairs_with_the_same_indexes_cost_a_question_each(here_or_there):
    """A kernel that does not know how to look there answers with the near end, which must not lead astray."""
    pods = [namespace("p%d" % place, veth(2, "eth0", 2, 0, hardware="02:%02d" % place)) for place in range(100)]
    table = {("p%d" % place, "p%d" % (place ^ 1)): 0 for place in range(100)}
    knows, asked = numbers(table)

    def sees(here, link):
        other = int(here.name[1:]) ^ (here_or_there == "there")
        return link.name, "02:%02d" % other

    found = ends(find_peers(pods, pods, knows, sees), *pods)
    assert {here: there for (here, _index), (there, _name) in found.items()} == dict(list(table))
    if here_or_there == "there":
        assert len(asked) == 100


def test_which_numbers_lead_to_ends_that_were_not_found():
    hub = namespace("hub", veth(5, "v1", 2, 0), veth(6, "v2", 2, 1), veth(7, "v3", 2, 1), veth(8, "a", 9))
    pod = namespace("pod", veth(2, "eth0", 5, 7))
    knows, _asked = numbers({("hub", "pod"): 0, ("pod", "hub"): 7})
    found = find_peers([hub, pod], [hub, pod], knows, blind)
    assert numbers_without_peers([hub, pod], found) == {hub.identity: (hub, {1})}


def test_a_pair_in_one_namespace():
    pod = namespace("pod", veth(2, "left", 3), veth(3, "right", 2))
    knows, asked = numbers({})
    assert ends(find_peers([pod], [pod], knows, blind), pod) == {
        ("pod", 2): ("pod", "right"),
        ("pod", 3): ("pod", "left"),
    }
    assert asked == []


def test_an_end_that_nothing_leads_to():
    pod = namespace("pod", veth(2, "eth0", 9, 3))
    other = namespace("other", veth(9, "elsewhere", 2, 0))
    knows, _asked = numbers({("pod", "other"): 4})
    assert find_peers([pod], [pod, other], knows, blind) == {}
    (link,) = link_options(pod, {})
    assert link["peer"] is None


#: What a route has that says no more of itself.
PLAIN: dict[str, object] = {"source": None, "onlink": False, "nexthops": []}


def test_a_route_with_several_ways_names_them_all():
    hops = (NextHop(ipaddress.ip_address("10.0.0.7"), 2, 3), NextHop(ipaddress.ip_address("fd00::8"), 2))
    several = Route(ipaddress.ip_network("203.0.113.0/24"), None, 0, hops=hops)
    pod = namespace("pod", Link(2, "br0", "bridge"), routes=(several,))
    (told,) = route_options(pod.snapshot)
    assert (told["via"], told["device"]) == (None, None)
    assert told["nexthops"] == [
        {"via": "10.0.0.7", "device": "br0", "weight": 3},
        {"via": "fd00::8", "device": "br0", "weight": 1},
    ]


def test_links_and_routes_name_devices():
    pod = namespace(
        "pod",
        Link(1, "lo", up=True),
        Link(2, "br0", "bridge"),
        veth(3, "v", 9, 3, master=2, hairpin=True),
        addresses=(on(2, "10.0.0.1/24"), on(2, "fd00::1/64")),
        routes=(route("0.0.0.0/0", "10.0.0.254", 2), route("10.0.0.0/24", None, 2, protocol=2)),
    )
    links = {link["name"]: link for link in link_options(pod, {})}
    assert links["br0"]["addresses"] == ["10.0.0.1/24", "fd00::1/64"]
    assert links["lo"]["addresses"] == []
    assert (links["v"]["bridge"], links["v"]["hairpin"]) == ("br0", True)
    assert (links["br0"]["bridge"], links["br0"]["hairpin"]) == (None, None)
    assert route_options(pod.snapshot) == [
        {"to": "0.0.0.0/0", "via": "10.0.0.254", "device": "br0", "metric": 0, "protocol": 3, **PLAIN},
        {"to": "10.0.0.0/24", "via": None, "device": "br0", "metric": 0, "protocol": 2, **PLAIN},
    ]


def bridged():
    hub = namespace(
        "hub",
        Link(2, "br0", "bridge", up=True, nf_call_iptables=True),
        veth(3, "va", 2, 0, master=2, hairpin=True),
        Link(4, "eth9", master=2),
        addresses=(on(2, "10.0.0.1/24"), on(2, "fe80::1/64")),
    )
    pod = namespace(
        "pod",
        veth(2, "eth0", 3, 0, mtu=1400),
        addresses=(on(2, "10.0.0.2/24"), on(2, "fd00::2/64"), on(2, "fe80::2/64")),
        routes=(
            route("0.0.0.0/0", "10.0.0.1", 2),
            route("::/0", "fd00::1", 2),
            route("10.0.0.0/24", None, 2, protocol=2),
            route("10.9.0.0/16", "10.0.0.9", 2),
        ),
    )
    peers = find_peers([hub, pod], [hub, pod], lambda _here, _there: 0, blind)
    (bridge,) = bridge_options(hub, peers)
    return bridge


def test_a_bridge_under_the_names_of_the_options():
    assert bridged() == {
        "name": "br0",
        "netns": "hub",
        "addresses": ["10.0.0.1/24"],
        "mtu": 1500,
        "promiscuous": False,
        "nf_call_iptables": True,
        "ports": [
            {
                "name": "va",
                "hairpin": True,
                "mtu": 1500,
                "peer": {
                    "name": "eth0",
                    "netns": "pod",
                    "addresses": ["10.0.0.2/24", "fd00::2/64"],
                    "gateway": "10.0.0.1",
                    "routes": [{"to": "::/0", "via": "fd00::1"}, {"to": "10.9.0.0/16", "via": "10.0.0.9"}],
                    "mtu": 1400,
                },
            }
        ],
    }


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (None, None),
        ("", {"nameservers": [], "search": [], "options": []}),
        (
            "# a comment\nnameserver 8.8.8.8\nnameserver fd00::1\nsearch a.org b.org\noptions ndots:2 debug\n",
            {
                "nameservers": ["8.8.8.8", "fd00::1"],
                "search": ["a.org", "b.org"],
                "options": ["ndots:2", "debug"],
            },
        ),
        ("domain a\nsearch b\n;\nnameserver\n", {"nameservers": [], "search": ["b"], "options": []}),
    ],
)
def test_dns(text, options):
    assert dns_options(text) == options


def test_no_namespace_was_ever_made(tmp_path):
    assert names.named(str(tmp_path / "netns")) == []


def test_a_leftover_is_no_namespace(tmp_path):
    (tmp_path / "leftover").touch()
    assert names.named(str(tmp_path)) == []


@pytest.mark.parametrize(
    ("name", "spelling"),
    [("pod_1", "pod_1"), ("a b", "/run/netns/a b"), ("-x", "/run/netns/-x"), ("a;b", "/run/netns/a;b")],
)
def test_names_that_modules_refuse_are_spelled_as_paths(name, spelling):
    assert names.spelled(name) == spelling


def test_names_cannot_be_read(tmp_path):
    (tmp_path / "netns").touch()
    with pytest.raises(MissingRequirement, match=r"cannot list the network namespaces in .*netns: Not a directory"):
        names.named(str(tmp_path / "netns"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_names_cannot_be_looked_up():
    """A folder that others may list and not enter, as ``umask 033`` leaves it."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "blue").touch()
        os.chmod(folder, 0o744)
        os.seteuid(65534)
        try:
            with pytest.raises(MissingRequirement, match=r"cannot list the network namespaces in .*: Permission"):
                names.named(folder)
        finally:
            os.seteuid(0)
