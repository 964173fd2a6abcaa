# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules would refuse, in their own words, and nothing where they would not."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._node.refusals import refusals

PEER = dict(name="eth0", netns="pod", addresses=["10.0.0.11/24"], gateway="10.0.0.1")
BRIDGE = dict(name="br", addresses=["10.0.0.1/24"], mtu=None, ports=[dict(name="p1", peer=PEER, hairpin=None)])
SERVICE = dict(address="10.100.100.100", port=8080, real_servers=[dict(address="10.0.0.11")])


def bridge(**peer):
    return dict(BRIDGE, ports=[dict(name="p1", peer=dict(PEER, **peer))])


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("veth_bridge", BRIDGE),
        ("veth_bridge", dict(BRIDGE, state="absent")),
        ("veth_bridge", dict(bridge(gateway="10.7.0.1"), state="absent")),
        ("netns", dict(name="pod", dns=dict(nameservers=["10.0.0.53"]), sysctl={"net.ipv4.ip_forward": 1})),
        ("virtual_ip", dict(name="vip0", addresses=["10.100.100.100"])),
        ("ipvs_service", SERVICE),
        ("ipvs_service", dict(SERVICE, state="absent", drain_timeout=10)),
    ],
)
def test_what_can_be_meant(module, options):
    assert refusals(options, module) == []


@pytest.mark.parametrize(
    ("module", "options", "words"),
    [
        ("veth_bridge", bridge(gateway="10.7.0.1"), "gateway: '10.7.0.1' is not valid: device 'eth0' cannot reach it"),
        ("veth_bridge", bridge(addresses=[":::/64"]), "ports[0].peer.addresses: ':::/64' is not valid"),
        ("veth_bridge", bridge(addresses=["10.0.0.1/24"]), "an address on this bridge is listed twice"),
        ("veth_bridge", dict(BRIDGE, mtu="many"), "mtu"),
        ("veth_bridge", dict(name="br", purge_ports=True), "purge_ports is True but all of the following"),
        ("netns", dict(name="../pod"), "name: '../pod' is not valid"),
        ("netns", dict(name="pod", dns=dict(nameservers=["x"])), "dns.nameservers: 'x' is not valid"),
        ("virtual_ip", dict(name="vip0", adresses=["10.100.100.100"]), "adresses"),
        ("virtual_ip", dict(name="vip0", addresses=["10.100.100.300"]), "addresses: '10.100.100.300' is not valid"),
        ("ipvs_service", dict(SERVICE, real_servers=[dict(address="fd00::11")]), "the virtual service is inet"),
        (
            "ipvs_service",
            dict(SERVICE, real_servers=[dict(address="10.0.0.11", forwarding_method="nat")]),
            "value of forwarding_method must be one of: direct, masquerading, tunnel, got: nat",
        ),
        ("ipvs_service", dict(SERVICE, scheduler="fastest"), "value of scheduler must be one of"),
        ("ipvs_service", dict(SERVICE, drain_timeout=10), "drain_timeout"),
    ],
)
def test_what_cannot_be_meant(module, options, words):
    (told,) = refusals(options, module)
    assert words in told


def test_an_unknown_module_and_options_that_are_none():
    with pytest.raises(AnsibleFilterError, match="'ipset' is none of the modules ipvs_service, netns,"):
        refusals({}, "ipset")
    with pytest.raises(AnsibleFilterError, match="a dict of options is wanted"):
        refusals([], "netns")  # type: ignore[arg-type]  # what a template may give
