# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.bridge import (
    Have,
    bridge_after,
    dropping_ports,
    namespaces_of,
    plan_absent,
    plan_present,
    ports_to_find,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.bridge_options import wanted_bridge
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import SetDevice
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import (
    DeviceAddress,
    FarEnd,
    Link,
    Route,
    Snapshot,
)

BRIDGE = Link(2, "br", "bridge", up=True)
PORT = Link(3, "p1", "veth", up=True, master=2, peer_index=2, peer_nsid=0, hairpin=False)
FAR = Link(2, "eth0", "veth", up=True, peer_index=3, peer_nsid=0)
DEFAULT = Route(ip_network("0.0.0.0/0"), ip_address("10.0.0.1"), 2)
IN_SHAPE = {
    None: Snapshot((BRIDGE, PORT), (DeviceAddress(2, ip_interface("10.0.0.1/24")),)),
    "ns1": Snapshot((FAR,), (DeviceAddress(2, ip_interface("10.0.0.11/24")),), (DEFAULT,)),
}
ADDRESS = (ip_interface("10.0.0.11/24"),)
FAR_END = FarEnd("ns1", FAR, ADDRESS)


def peer(**options):
    return {
        "name": "eth0",
        "netns": "ns1",
        "addresses": ["10.0.0.11/24"],
        "gateway": "10.0.0.1",
        "routes": None,
        "mtu": None,
        **options,
    }


def port(name="p1", **options):
    return {"name": name, "hairpin": None, "mtu": None, "peer": peer(), **options}


def wanted(**options):
    defaults = {
        "name": "br",
        "netns": None,
        "addresses": ["10.0.0.1/24"],
        "mtu": None,
        "promiscuous": None,
        "nf_call_iptables": None,
        "nf_call_ip6tables": None,
        "nf_call_arptables": None,
        "ports": [port()],
        "up": True,
        "purge_addresses": False,
        "purge_routes": False,
        "purge_ports": False,
        "state": "present",
    }
    return wanted_bridge({**defaults, **options})


def have(here=IN_SHAPE[None], far=FAR_END, ns1=IN_SHAPE["ns1"]):
    return Have({None: here, "ns1": ns1}, {"p1": far} if far else {})


def nothing(*netns):
    return Have({name: Snapshot() for name in (None, "ns1", *netns)})


def said(plan):
    return [str(each) for each in plan.operations]


def test_all_of_it_is_made_where_there_is_nothing():
    plan = plan_present(wanted(ports=[port(hairpin=True, mtu=1400)], promiscuous=True), nothing())
    assert said(plan) == [
        "add bridge 'br'",
        "set promiscuous to True of device 'br'",
        "add address 10.0.0.1/24 to device 'br'",
        "add veth pair 'p1' and 'eth0'",
        "switch hairpin mode of bridge port 'p1' on",
        "set up to True of device 'eth0'",
        "add address 10.0.0.11/24 to device 'eth0'",
        "add route to 0.0.0.0/0 via 10.0.0.1 on device 'eth0'",
    ]
    assert plan.before == {"state": "absent", "ports": {"p1": {"state": "absent"}}}
    assert plan.after == {
        "state": "present",
        "promiscuous": True,
        "addresses": ["10.0.0.1/24"],
        "ports": {
            "p1": {
                "state": "present",
                "hairpin": True,
                "mtu": 1400,
                "peer": {"name": "eth0", "netns": "ns1", "addresses": ["10.0.0.11/24"], "gateway": "10.0.0.1"},
            }
        },
    }


def test_what_is_in_shape_is_left():
    plan = plan_present(wanted(), have())
    assert (plan.operations, plan.before, plan.after) == ((), {}, {})


def test_what_is_not_spoken_of_is_left():
    bare = {"netns": "ns1", "addresses": None, "gateway": None}
    here = Snapshot((BRIDGE, PORT, Link(9, "p9", "veth", master=2)), (DeviceAddress(2, ip_interface("10.5.0.1/24")),))
    assert not plan_present(wanted(addresses=None, ports=[port(peer=peer(**bare))]), have(here)).changed
    assert not plan_present(wanted(addresses=None, ports=None), have(here, None)).changed
    assert not plan_present(wanted(addresses=[], ports=[port(peer=None)]), have(here)).changed


def test_a_half_built_bridge_is_completed():
    here = Snapshot((Link(2, "br", "bridge"), Link(3, "p1", "veth", peer_index=2, peer_nsid=0)))
    plan = plan_present(wanted(ports=[port(hairpin=True)]), have(here))
    assert said(plan) == [
        "set up to True of device 'br'",
        "add address 10.0.0.1/24 to device 'br'",
        "make device 'p1' a port of bridge 'br'",
        "set up to True of device 'p1'",
        "switch hairpin mode of bridge port 'p1' on",
    ]
    assert plan.before == {
        "up": False,
        "addresses": [],
        "ports": {"p1": {"bridge": "", "up": False, "hairpin": False}},
    }


def test_a_port_of_another_bridge_changes_over_and_starts_without_hairpin():
    other = Link(5, "br9", "bridge", up=True)
    here = Snapshot((BRIDGE, other, Link(3, "p1", "veth", up=True, master=5, peer_index=2, peer_nsid=0, hairpin=True)))
    plan = plan_present(wanted(addresses=None, ports=[port(hairpin=True)]), have(here))
    assert said(plan) == ["make device 'p1' a port of bridge 'br'", "switch hairpin mode of bridge port 'p1' on"]
    assert plan.before == {"ports": {"p1": {"bridge": "br9", "hairpin": False}}}


def test_a_far_end_in_another_namespace_moves_with_its_addresses():
    far = FarEnd("ns9", Link(7, "veth0", "veth", up=True), (*ADDRESS, ip_interface("10.0.0.99/24")))
    plan = plan_present(wanted(), have(far=far, ns1=Snapshot()))
    assert said(plan) == [
        "move device 'veth0' to network namespace 'ns1' as 'eth0'",
        "set up to True of device 'eth0'",
        "add address 10.0.0.11/24 to device 'eth0'",
        "add address 10.0.0.99/24 to device 'eth0'",
        "add route to 0.0.0.0/0 via 10.0.0.1 on device 'eth0'",
    ]
    assert plan.before == {"ports": {"p1": {"peer": {"netns": "ns9", "name": "veth0", "gateway": None}}}}


def test_a_far_end_of_another_name_is_renamed_and_gets_back_what_going_down_costs():
    link = Link(2, "veth0", "veth", up=True)
    far = FarEnd("ns1", link, (*ADDRESS, ip_interface("fd00::11/64")))
    there = Snapshot((link,), (), (DEFAULT, Route(ip_network("10.9.0.0/16"), ip_address("10.0.0.2"), 2)))
    plan = plan_present(wanted(), have(far=far, ns1=there))
    assert said(plan) == [
        "rename device 'veth0' to 'eth0'",
        "set up to True of device 'eth0'",
        "add address fd00::11/64 to device 'eth0'",
        "set route to 10.9.0.0/16 again",
        "add route to 0.0.0.0/0 via 10.0.0.1 on device 'eth0'",
    ]
    assert plan.before == {"ports": {"p1": {"peer": {"name": "veth0"}}}}


def test_a_pair_whose_far_end_is_out_of_reach_is_made_anew():
    plan = plan_present(wanted(), have(far=None, ns1=Snapshot()))
    assert said(plan)[:2] == ["delete device 'p1'", "add veth pair 'p1' and 'eth0'"]
    assert plan.before == {"ports": {"p1": {"peer": {"netns": "a namespace out of reach"}}}}


def test_far_ends_on_each_others_place_step_aside_first():
    ends = {
        "p1": FarEnd("ns2", Link(5, "eth0", "veth", up=True)),
        "p2": FarEnd("ns1", Link(6, "eth0", "veth", up=True)),
    }
    here = Snapshot((BRIDGE, PORT, Link(4, "p2", "veth", up=True, master=2)))
    found = Have(
        {None: here, **{end.netns: Snapshot((end.link,)) for end in ends.values()}},
        ends,
    )
    bare = {"addresses": None, "gateway": None}
    want = wanted(addresses=None, ports=[port(peer=peer(**bare)), port("p2", peer=peer(netns="ns2", **bare))])
    assert said(plan_present(want, found)) == [
        "rename device 'eth0' to 'aside5'",
        "rename device 'eth0' to 'aside6'",
        "move device 'aside5' to network namespace 'ns1' as 'eth0'",
        "set up to True of device 'eth0'",
        "move device 'aside6' to network namespace 'ns2' as 'eth0'",
        "set up to True of device 'eth0'",
    ]


def test_purge_deletes_pairs_and_releases_other_devices():
    here = Snapshot((BRIDGE, PORT, Link(8, "old", "veth", master=2), Link(9, "eth1", master=2)))
    want = wanted(addresses=None, purge_ports=True)
    assert ports_to_find(want, here) == ("p1", "old", "eth1")
    plan = plan_present(want, have(here))
    assert said(plan) == ["delete device 'old'", "take device 'eth1' out of its bridge"]
    assert plan.before == {"ports": {"old": {"state": "present"}, "eth1": {"bridge": "br"}}}
    assert plan.after == {"ports": {"old": {"state": "absent"}, "eth1": {"bridge": ""}}}
    assert bridge_after(want, have(here)) == {"name": "br", "addresses": [], "ports": ["p1"]}


def test_the_place_of_a_purged_far_end_is_free():
    here = Snapshot((BRIDGE, Link(8, "old", "veth", master=2)))
    found = Have({None: here, "ns1": Snapshot((FAR,))}, {"old": FarEnd("ns1", FAR)})
    assert said(plan_present(wanted(addresses=None, purge_ports=True), found))[:2] == [
        "delete device 'old'",
        "add veth pair 'p1' and 'eth0'",
    ]


def test_purged_addresses_give_their_routes_back():
    want = wanted(ports=[port(peer=peer(addresses=["10.0.0.12/24"]))], purge_addresses=True)
    assert said(plan_present(want, have())) == [
        "delete address 10.0.0.11/24 of device 'eth0'",
        "add address 10.0.0.12/24 to device 'eth0'",
        "add route to 0.0.0.0/0 via 10.0.0.1 on device 'eth0'",
    ]


def test_purged_routes_go_and_what_is_on_the_link_stays():
    on_link = Route(ip_network("10.9.0.0/16"), None, 2)
    advertised = Route(ip_network("10.8.0.0/16"), ip_address("10.0.0.2"), 2, protocol=9)
    ns1 = IN_SHAPE["ns1"]._replace(routes=(DEFAULT, on_link, advertised))
    plan = plan_present(wanted(ports=[port(peer=peer(gateway=None))], purge_routes=True), have(ns1=ns1))
    assert said(plan) == ["delete route to 0.0.0.0/0 via 10.0.0.1"]
    gone = {"p1": {"peer": {"routes": [{"to": "0.0.0.0/0", "via": "10.0.0.1"}]}}}
    assert plan.before == {"ports": gone}
    assert plan.after == {"ports": {"p1": {"peer": {"routes": []}}}}
    assert not plan_present(wanted(purge_routes=True), have(ns1=ns1)).changed
    assert not plan_present(wanted(ports=[port(peer=peer(gateway=None))]), have(ns1=ns1)).changed


def test_a_bridge_that_shall_be_down():
    new = plan_present(wanted(up=False), nothing())
    assert said(new)[:2] == ["add bridge 'br'", "set up to False of device 'br'"]
    assert new.after["up"] is False
    plan = plan_present(wanted(up=False), have())
    assert said(plan) == ["set up to False of device 'br'"]
    assert (plan.before, plan.after) == ({"up": True}, {"up": False})


def test_a_bridges_own_switches_for_netfilter():
    wish = wanted(nf_call_iptables=True, nf_call_arptables=False)
    new = plan_present(wish, nothing())
    assert said(new)[1] == "set nf_call_iptables to True and nf_call_arptables to False of device 'br'"
    assert SetDevice(None, "br", nf_call_iptables=True, nf_call_arptables=False) in new.operations
    told = replace(BRIDGE, nf_call_iptables=False, nf_call_ip6tables=True, nf_call_arptables=False)
    plan = plan_present(wish, have(Snapshot((told, PORT), (DeviceAddress(2, ip_interface("10.0.0.1/24")),))))
    assert said(plan) == ["set nf_call_iptables to True of device 'br'"]
    assert (plan.before, plan.after) == ({"nf_call_iptables": False}, {"nf_call_iptables": True})


def test_switches_that_a_kernel_is_built_without_are_refused():
    with pytest.raises(InvalidOption, match="nf_call_iptables: True is not valid: this kernel is built without CONFIG"):
        plan_present(wanted(nf_call_iptables=True), have())
    assert not plan_present(wanted(nf_call_iptables=False), have()).operations


def test_the_mtu_of_the_bridge_is_told_last():
    plan = plan_present(wanted(mtu=1500, ports=[port(mtu=1400)]), have())
    assert said(plan) == ["set mtu to 1400 of device 'p1'", "set mtu to 1500 of device 'br'"]
    assert plan.after == {"ports": {"p1": {"mtu": 1400}}}


def test_absent_takes_the_bridge_and_its_pairs():
    here = Snapshot((BRIDGE, PORT, Link(9, "eth1", master=2), Link(10, "loose", "veth")))
    plan = plan_absent(wanted(ports=None, state="absent"), Have({None: here}))
    assert said(plan) == ["delete device 'p1'", "delete device 'br'"]
    assert plan.before == {"state": "present", "ports": {"p1": {"state": "present"}}}
    assert plan.after == {"state": "absent", "ports": {"p1": {"state": "absent"}}}
    listed = plan_absent(wanted(ports=[port("loose", peer=None)], state="absent"), Have({None: here}))
    assert said(listed) == ["delete device 'loose'", "delete device 'br'"]
    assert not plan_absent(wanted(state="absent"), nothing()).changed


@pytest.mark.parametrize("bridges", [(BRIDGE,), ()])
def test_absent_leaves_a_listed_pair_to_another_bridge(bridges):
    here = Snapshot((*bridges, Link(7, "other", "bridge"), Link(8, "p1", "veth", master=7)))
    plan = plan_absent(wanted(ports=[port(peer=None)], state="absent"), Have({None: here}))
    assert said(plan) == ["delete device 'br'" for _bridge in bridges]


@pytest.mark.parametrize(
    ("here", "words"),
    [
        (Snapshot((Link(2, "br", "dummy"),)), "name: 'br' exists already as a dummy device and not as a bridge device"),
        (Snapshot((Link(3, "p1", "dummy"),)), "ports: 'p1' exists already as a dummy device and not as a veth device"),
        (Snapshot((Link(3, "p1"),)), "ports: 'p1' exists already as a device of another kind"),
    ],
)
@pytest.mark.parametrize("plan", [plan_present, plan_absent])
def test_other_devices_in_the_way_are_left_alone(plan, here, words):
    with pytest.raises(Conflict, match=words):
        plan(wanted(), Have({None: here, "ns1": Snapshot()}))


def test_a_far_end_does_not_take_the_name_of_another_device():
    with pytest.raises(Conflict, match="'eth0' in network namespace 'ns1' exists already as a veth device"):
        plan_present(wanted(), Have({None: Snapshot(), "ns1": Snapshot((FAR,))}))


def test_a_far_end_does_not_take_the_name_of_one_that_stays():
    here = Snapshot((BRIDGE, PORT))
    want = wanted(addresses=None, ports=[port(peer=None), port("p2")])
    with pytest.raises(Conflict, match="not as the far end of port 'p2'"):
        plan_present(want, Have({None: here, "ns1": Snapshot((FAR,))}, {"p1": FarEnd("ns1", FAR)}))


def test_both_ends_of_a_pair_cannot_be_ports():
    ends = (PORT, Link(4, "p2", "veth", master=2))
    want = wanted(ports=[port(), port("p2", peer=peer(name="eth1", addresses=None, gateway=None))])
    found = Have({None: Snapshot((BRIDGE, *ends)), "ns1": Snapshot()}, {"p1": FarEnd(None, ends[1])})
    with pytest.raises(Conflict, match="'p1' and 'p2' are the two ends of one veth pair"):
        plan_present(want, found)


def test_a_port_without_a_peer_has_to_exist():
    with pytest.raises(InvalidOption, match="there is no such port"):
        plan_present(wanted(ports=[port(peer=None)]), nothing())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "a-name-of-16-chr"}, "1 to 15 bytes"),
        ({"name": "a/b"}, "no '/'"),
        ({"addresses": ["10.0.0.1/33"]}, r"addresses: '10\.0\.0\.1/33'"),
        ({"addresses": ["10.0.0.1"]}, "addresses: '10\\.0\\.0\\.1' is not valid: write the prefix length too"),
        (
            {"ports": [port(peer=peer(addresses=["fd00::11"]))]},
            "ports\\[0\\]\\.peer\\.addresses: 'fd00::11' is not valid",
        ),
        ({"mtu": 10}, "mtu: 10 is not valid"),
        (
            {"mtu": 1279, "addresses": ["fd00::1/64"]},
            "mtu: 1279 is not valid: the device with address fd00::1/64 needs",
        ),
        ({"addresses": ["fd00::1/64"], "ports": [port(mtu=1279)]}, "ports: 1279 is not valid"),
        (
            {"ports": [port(peer=peer(addresses=["fd00::11/64"], gateway=None, mtu=1279))]},
            "ports: 1279 is not valid: the device with address fd00::11/64",
        ),
        ({"netns": "a/b"}, "netns: 'a/b'"),
        ({"ports": [port("a-name-of-16-chr")]}, r"ports\[0\]\.name"),
        ({"ports": [port(peer=peer(netns="../x"))]}, r"ports\[0\]\.peer\.netns"),
        ({"ports": [port(peer=peer(gateway="10.0.0.1/24"))]}, r"ports\[0\]\.peer\.gateway"),
        ({"ports": [port(peer=peer(routes=[{"to": "10.9.0.1/16", "via": "10.0.0.1"}]))]}, r"routes\[0\]\.to"),
        ({"ports": [port(peer=peer(routes=[{"to": "::/0", "via": "10.0.0.1"}]))]}, "a gateway of its own family"),
        ({"state": "absent", "purge_ports": True}, "purge_ports: True is not valid"),
        ({"state": "absent", "purge_addresses": True}, "purge_addresses: True is not valid"),
        ({"ports": [port(), port()]}, "a port's name is listed twice"),
        ({"ports": [port("br")]}, "a device's name is listed twice"),
        (
            {"ports": [port(), port("p2")]},
            "'eth0' is not valid: a device of this name is listed twice in namespace 'ns1'",
        ),
        ({"ports": [port(peer=peer(name="br", netns=None, gateway=None))]}, "listed twice in the bridge's namespace"),
        ({"ports": [port(peer=peer(addresses=["10.0.0.1/24"]))]}, "an address on this bridge is listed twice"),
        (
            {"ports": [port(), port("p2", peer=peer(name="eth1", addresses=["10.0.0.12/24"]))]},
            "two routes of namespace 'ns1' have this destination",
        ),
        (
            {"ports": [port(peer=peer(routes=[{"to": "0.0.0.0/0", "via": "10.0.0.2"}]))]},
            "two routes of namespace 'ns1'",
        ),
        ({"ports": [port(peer=peer(netns=None))]}, "gateway: .* whose default route would be replaced"),
        (
            {"ports": [port(peer=peer(netns=None, gateway=None, routes=[{"to": "0.0.0.0/0", "via": "10.0.0.1"}]))]},
            "routes: .* whose default route would be replaced",
        ),
        ({"ports": [port(peer=peer(gateway="10.7.0.1"))]}, "device 'eth0' cannot reach it"),
    ],
)
def test_bad_input_is_refused(options, words):
    with pytest.raises(InvalidOption, match=words):
        plan_present(wanted(**options), nothing())


def test_where_to_look():
    want = wanted(ports=[port(), port("p2", peer=peer(netns="ns2"))], purge_addresses=True)
    assert namespaces_of(want) == {None: True, "ns1": True, "ns2": True}
    assert namespaces_of(wanted(ports=None)) == {None: False}


def test_two_spellings_of_a_namespace_are_one():
    spellings = {"/run/netns/ns1": "ns1"}
    want = wanted(ports=[port(), port("p2", peer=peer(netns="/run/netns/ns1"))])
    same = want.map_netns(lambda netns: spellings.get(netns, netns))
    with pytest.raises(InvalidOption, match="listed twice in namespace 'ns1'"):
        plan_present(same, nothing())


def test_ports_without_a_vlan_drop_untagged_frames():
    """Where the bridge tells VLANs apart; one that joins gets what new ports get."""
    filtering = Link(2, "br", "bridge", up=True, filters_vlans=True, default_vlan=0)
    want = wanted(ports=[port(), port("p2", peer=peer(name="eth1", addresses=[], gateway=None))])
    here = Snapshot((filtering, PORT))
    assert dropping_ports(want, here, {3: 7}) == ["p2"]
    assert dropping_ports(want, here, {}) == ["p1", "p2"]
    assert dropping_ports(want, Snapshot((Link(2, "br", "bridge", filters_vlans=True), PORT)), {3: 1}) == []
    assert dropping_ports(want, IN_SHAPE[None], {}) == []
    assert dropping_ports(want, Snapshot(), {}) == []
