# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host lacks of modules and switches, and what is refused before anything is changed."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.filter.ipvs_node_plan import ipvs_node_plan

NOTED = "/run/ipvs_node.sysctl.conf"
#: As a fresh host answers; the route's line is one of Linux 6.18, by a router advertisement
FRESH = [
    "/proc/sys/net/ipv4/ip_forward:0",
    "/proc/sys/net/ipv6/conf/all/forwarding:0",
    "/proc/sys/net/ipv6/conf/eth0.100/accept_ra:1",
    "/proc/sys/net/ipv4/ip_local_port_range:32768\t60999",
]
LOADED = [
    *FRESH,
    "/sys/module/ip_vs/initstate:live",
    "/sys/module/br_netfilter/initstate:live",
    "/proc/sys/net/ipv4/vs/conntrack:0",
    *(f"/proc/sys/net/bridge/bridge-nf-call-{name}:1" for name in ("iptables", "ip6tables", "arptables")),
]
ZEROS = "0" * 32
ADVERTISED = f"{ZEROS} 00 {ZEROS} 00 fe80{'0' * 27}1 00000400 00000001 00000000 00450003 eth0.100"
STATIC = ADVERTISED.replace("00450003", "00000003")


def plan(lines, modules=("ip_vs",), sysctl=(), ipv6=False, **others):
    return ipvs_node_plan(lines, modules, dict(sysctl), ipv6, NOTED, **others)


def test_a_plain_director_has_no_switch_of_bridges():
    assert plan(FRESH) == dict(
        modules=["ip_vs"], switches={"net.ipv4.ip_forward": "1", "net.ipv4.vs.conntrack": "1"}, problems=[]
    )
    assert not any("bridge" in name for name in plan(LOADED)["switches"])


def test_what_is_in_the_kernel_and_noted_is_right():
    lines = [*LOADED, f"{NOTED}:net.ipv4.ip_forward=1", f"{NOTED}:net.ipv4.vs.conntrack = 1"]
    right = [line.replace("ip_forward:0", "ip_forward:1").replace("conntrack:0", "conntrack:1") for line in lines]
    assert plan(right) == dict(modules=[], switches={}, problems=[])
    # Each of both alone is not enough.
    assert (
        set(plan(lines)["switches"])
        == set(plan(right[:-2])["switches"])
        == {
            "net.ipv4.ip_forward",
            "net.ipv4.vs.conntrack",
        }
    )


def test_what_loading_turns_on_for_others_is_turned_off_again():
    both = ("ip_vs", "br_netfilter")
    switches = plan(FRESH, both)["switches"]
    assert {name: value for name, value in switches.items() if "bridge" in name} == {
        "net.bridge.bridge-nf-call-iptables": "0",
        "net.bridge.bridge-nf-call-ip6tables": "0",
        "net.bridge.bridge-nf-call-arptables": "0",
    }
    # Somebody else has loaded it, and may rely on these.
    assert not any("bridge" in name for name in plan(LOADED, both, ipv6=True)["switches"])
    assert (
        plan(FRESH, both, {"net.bridge.bridge-nf-call-iptables": 1})["switches"]["net.bridge.bridge-nf-call-iptables"]
        == "1"
    )


@pytest.mark.parametrize(("route", "kept"), [(ADVERTISED, True), (STATIC, False)])
def test_a_default_route_by_advertisements_survives_forwarding(route, kept):
    lines = [*FRESH, f"/proc/net/ipv6_route:{route}"]
    switches = plan(lines, ipv6=True)["switches"]
    assert ("net.ipv6.conf.eth0/100.accept_ra" in switches) is kept
    if kept:
        names = list(switches)
        assert switches["net.ipv6.conf.eth0/100.accept_ra"] == "2"
        assert names.index("net.ipv6.conf.eth0/100.accept_ra") < names.index("net.ipv6.conf.all.forwarding")
    assert "net.ipv6.conf.eth0/100.accept_ra" not in plan(lines)["switches"]


def test_null_leaves_a_switch_alone():
    assert plan(FRESH, sysctl={"net.ipv4.vs.conntrack": None})["switches"] == {"net.ipv4.ip_forward": "1"}


def test_a_value_of_several_words_is_compared_word_by_word():
    lines = [*FRESH, f"{NOTED}:net.ipv4.ip_local_port_range=32768 60999"]
    assert (
        "net.ipv4.ip_local_port_range"
        not in plan(lines, sysctl={"net.ipv4.ip_local_port_range": "32768 60999"})["switches"]
    )


def test_a_switch_that_there_is_not_is_refused_in_the_first_look():
    assert plan(FRESH, sysctl={"net.ipv4.ip_forwrad": 1})["problems"] == [
        "this kernel has no switch 'net.ipv4.ip_forwrad': take it out of ipvs_node_sysctl"
    ]


def test_one_of_a_module_is_known_when_that_is_loaded():
    asked = {"net.ipv4.vs.conn_max": 100000}
    assert plan(FRESH, sysctl=asked)["problems"] == []
    assert "net.ipv4.vs.conn_max" in plan(LOADED, sysctl=asked)["problems"][0]
    assert "net.ipv4.vs.conn_max" in plan(FRESH, sysctl=asked, loaded=True)["problems"][-1]


def test_a_switch_of_a_module_that_is_not_wanted_is_named():
    assert plan(FRESH, sysctl={"net.bridge.bridge-nf-call-iptables": 1})["problems"] == [
        "'net.bridge.bridge-nf-call-iptables' comes with the module br_netfilter: add it to ipvs_node_modules, or "
        "leave the switch out"
    ]


def test_a_switch_that_cannot_be_read_is_there():
    """As stable_secret, which says EIO until it has been set; `ls -d` shows it."""
    secret = {"net.ipv6.conf.default.stable_secret": "2001:db8::1"}
    found = plan([*FRESH, "/proc/sys/net/ipv6/conf/default/stable_secret"], sysctl=secret)
    assert found["problems"] == []
    assert found["switches"]["net.ipv6.conf.default.stable_secret"] == "2001:db8::1"
