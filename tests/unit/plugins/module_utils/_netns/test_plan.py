# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import merged
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.operations import RemoveEtc, WriteEtc, WriteSysctls
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.options import wanted_netns
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.plan import plan_absent, plan_present
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.resolver import files_that_stay, resolv_conf
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.sysctls import device_of, sysctl_path
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.values import HaveNetns

FORWARD = ("net", "ipv4", "ip_forward")


def wanted(state="present", **options):
    (want,) = wanted_netns({"name": ["ns1"], "dns": None, "sysctl": None, "state": state, **options})
    return want


def there(etc=None, sysctls=None, **more):
    """A namespace as it shall be, but for its files and sysctls."""
    return HaveNetns(exists=True, loopback_up=True, etc=etc, sysctls=sysctls or {}, **more)


def said(plan):
    return [type(each).__name__ for each in plan.operations]


def test_a_new_namespace_gets_all_of_it():
    want = wanted(dns={"nameservers": ["8.8.8.8"]}, sysctl={"net.ipv4.ip_forward": 1})
    plan = plan_present(want, HaveNetns(sysctls={FORWARD: "1"}))
    assert said(plan) == ["CreateNetns", "WriteSysctls", "WriteEtc"]
    assert plan.before == {"state": "absent", "dns": None}
    assert plan.after == {
        "state": "present",
        "sysctl": {"net.ipv4.ip_forward": "1"},
        "dns": "nameserver 8.8.8.8\n",
    }


def test_what_is_there_is_left():
    want = wanted(dns={"nameservers": ["8.8.8.8"]}, sysctl={"net.ipv4.ip_forward": True})
    have = there({"resolv.conf": "nameserver 8.8.8.8\n"}, {FORWARD: "1"})
    plan = plan_present(want, have)
    assert (plan.changed, plan.before, plan.after) == (False, {}, {})


def test_only_what_differs_is_changed():
    want = wanted(dns={"nameservers": []}, sysctl={"net.ipv4.ip_forward": 1})
    plan = plan_present(
        want, there({"resolv.conf": "nameserver 8.8.8.8\n"}, {FORWARD: "0"})._replace(loopback_up=False)
    )
    assert said(plan) == ["SetLoopbackUp", "WriteSysctls", "WriteEtc"]
    assert plan.before == {"lo": "down", "sysctl": {"net.ipv4.ip_forward": "0"}, "dns": "nameserver 8.8.8.8\n"}
    assert plan.after == {"lo": "up", "sysctl": {"net.ipv4.ip_forward": "1"}, "dns": ""}


def test_without_dns_the_file_is_left_alone():
    assert not plan_present(wanted(), there({"resolv.conf": "anything\n"})).changed


def test_the_file_of_an_interrupted_creation_is_completed():
    assert said(plan_present(wanted(), HaveNetns(leftover=True))) == ["CreateNetns"]


def test_absent_takes_the_name_and_the_folder():
    plan = plan_absent(wanted("absent"), there({"resolv.conf": "nameserver 8.8.8.8\n"}))
    assert said(plan) == ["RemoveNetns", "RemoveEtc"]
    assert plan.before == {"state": "present", "dns": "nameserver 8.8.8.8\n"}
    assert plan.after == {"state": "absent", "dns": None}
    assert said(plan_absent(wanted("absent"), HaveNetns(leftover=True))) == ["RemoveNetns"]
    assert said(plan_absent(wanted("absent"), HaveNetns(etc={}))) == ["RemoveEtc"]
    assert not plan_absent(wanted("absent"), HaveNetns()).changed


def test_only_the_name_matters_to_absent():
    assert wanted("absent", dns={"nameservers": ["x"]}, sysctl={"y": 1}) == wanted("absent")


def test_resolv_conf_holds_what_is_said_and_no_more():
    dns = {"nameservers": ["8.8.8.8", "2001:4860:4860:0::8888"], "search": ["a.example", "b"], "options": ["ndots:2"]}
    assert resolv_conf(dns) == (
        "nameserver 8.8.8.8\nnameserver 2001:4860:4860::8888\nsearch a.example b\noptions ndots:2\n"
    )
    assert resolv_conf({}) == ""
    assert resolv_conf({"nameservers": None, "search": []}) == ""


@pytest.mark.parametrize(
    "dns",
    [
        {"nameservers": ["8.8.8"]},
        {"nameservers": ["8.8.8.8/32"]},
        {"nameservers": ["fe80::1%"]},
        {"nameservers": ["8.8.8.8%eth0"]},
        {"nameservers": ["2001:db8::1%eth0"]},
        {"nameservers": ["fe80::1%a b"]},
        {"nameservers": ["8.8.8.8", "8.8.8.8"]},
        {"search": ["a b"]},
        {"search": ["münchen.example"]},
        {"search": [""]},
        {"options": ["ndots:2\nnameserver 1.2.3.4"]},
    ],
)
def test_what_would_break_the_file_is_refused(dns):
    with pytest.raises(InvalidOption):
        resolv_conf(dns)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("net.ipv4.ip_forward", FORWARD),
        ("net/ipv4/ip_forward", FORWARD),
        ("net.ipv4.conf.eth0/100.forwarding", ("net", "ipv4", "conf", "eth0.100", "forwarding")),
        ("net/ipv4/conf/eth0.100/forwarding", ("net", "ipv4", "conf", "eth0.100", "forwarding")),
    ],
)
def test_both_spellings_of_a_sysctl(key, path):
    assert sysctl_path(key) == path


@pytest.mark.parametrize(
    "key",
    [
        "kernel.hostname",
        "net",
        "",
        "net..ipv4",
        "net/../kernel/hostname",
        "net.ipv4./././.kernel",
        "/net/ipv4/x",
        "net.a\nb",
    ],
)
def test_a_key_outside_net_is_refused(key):
    with pytest.raises(InvalidOption, match="sysctl"):
        sysctl_path(key)


def test_a_value_is_compared_with_single_spaces():
    have = there(None, {("net", "ipv4", "ip_local_port_range"): "20000 30000"})
    assert not plan_present(wanted(sysctl={"net.ipv4.ip_local_port_range": " 20000\t30000 "}), have).changed


@pytest.mark.parametrize("value", [None, ["1"], {"a": 1}, "ü"])
def test_a_value_that_is_no_text_or_number_is_refused(value):
    with pytest.raises(InvalidOption, match=r"the value of net\.x is a number or a text"):
        wanted(sysctl={"net.x": value})


def test_a_key_in_both_spellings_is_refused():
    with pytest.raises(InvalidOption, match="a key is listed twice"):
        wanted(sysctl={"net.ipv4.ip_forward": 1, "net/ipv4/ip_forward": 0})


@pytest.mark.parametrize("name", ["", "..", "a/b", "-x", "a b", "x" * 256])
def test_a_name_that_is_no_file_is_refused(name):
    with pytest.raises(InvalidOption, match="name"):
        wanted_netns({"name": ["ns1", name], "state": "absent"})


def test_several_are_alike():
    one, other = wanted_netns({"name": ["ns1", "ns2"], "dns": {"search": ["a"]}, "sysctl": None, "state": "present"})
    assert (one.name, other.name) == ("ns1", "ns2")
    assert one == other._replace(name="ns1")


def test_a_name_that_is_listed_twice_is_refused():
    with pytest.raises(InvalidOption, match=r"name: 'ns1'.* a namespace is listed twice"):
        wanted_netns({"name": ["ns1", "ns2", "ns1"], "state": "absent"})


def test_the_plans_of_several_are_one():
    made, right = (plan_present(wanted(), have) for have in (HaveNetns(), there()))
    plan = merged({"ns1": made, "ns2": right})
    assert (plan.operations, plan.before, plan.after) == (made.operations, {"ns1": made.before}, {"ns1": made.after})
    assert merged({"ns1": made}) == made
    assert not merged({"ns1": right, "ns2": right}).changed
    assert not merged({}).changed


def test_a_link_local_name_server_has_its_device():
    assert resolv_conf({"nameservers": ["FE80:0::1%eth0"]}) == "nameserver fe80::1%eth0\n"


def test_a_value_is_compared_as_the_kernel_writes_it():
    path = ("net", "ipv4", "ip_local_reserved_ports")
    want = wanted(sysctl={"net.ipv4.ip_local_reserved_ports": "8080,8081"})
    assert not plan_present(want, there(None, {path: "8080-8081"}, meant={path: "8080-8081"})).changed
    assert plan_present(want, there(None, {path: "8080"}, meant={path: "8080-8081"})).changed


def test_a_sysctl_without_a_value_yet_is_written():
    path = ("net", "ipv6", "conf", "default", "stable_secret")
    plan = plan_present(
        wanted(sysctl={"net.ipv6.conf.default.stable_secret": "2001:db8::1"}), there(None, {path: None})
    )
    assert said(plan) == ["WriteSysctls"]
    assert plan.before == {"sysctl": {"net.ipv6.conf.default.stable_secret": None}}


def test_the_right_sysctls_are_looked_after_when_others_are_written():
    want = wanted(sysctl={"net.ipv4.conf.all.accept_redirects": 1, "net.ipv4.ip_forward": 1})
    redirects = ("net", "ipv4", "conf", "all", "accept_redirects")
    right, wrong = want.sysctls
    plan = plan_present(want, there(None, {redirects: "1", FORWARD: "0"}))
    assert plan.operations == (WriteSysctls("ns1", (wrong,), (right,)),)


def test_what_nobody_of_ours_has_written_stays():
    have = there({"hosts": None, "nsswitch.conf": "hosts: files\n", "resolv.conf": ""})
    plan = plan_absent(wanted("absent"), have)
    assert plan.operations[1:] == (RemoveEtc("ns1", ("resolv.conf",), whole=False),)
    assert files_that_stay(have) == ["hosts", "nsswitch.conf"]
    assert said(plan_absent(wanted("absent"), there({"hosts": None}))) == ["RemoveNetns"]


def test_what_an_interrupted_run_has_left_goes():
    (_name, etc) = plan_absent(wanted("absent"), there({".resolv.conf.new": None})).operations
    assert etc == RemoveEtc("ns1", (".resolv.conf.new",), whole=True)


def test_a_link_that_leads_nowhere_can_be_taken_away():
    have = HaveNetns(in_the_way="a link to /proc/999999999/ns/net, and there is no namespace")
    assert said(plan_absent(wanted("absent"), have)) == ["RemoveNetns"]
    with pytest.raises(Conflict, match=r"name: /run/netns/ns1 is a link to /proc/999999999/ns/net.*state=absent"):
        plan_present(wanted(), have)
    with pytest.raises(Conflict, match="is neither"):
        plan_absent(wanted("absent"), HaveNetns(in_the_way="neither a namespace nor ..."))


@pytest.mark.parametrize(
    ("hosts", "without"),
    [
        ("files mymachines resolve [!UNAVAIL=return] files myhostname dns", "files mymachines files myhostname dns"),
        ("mymachines resolve [!UNAVAIL=return] files dns", "mymachines files dns"),
        ("files resolve", "files dns"),
        ("resolve", "dns"),
    ],
)
def test_names_are_not_looked_up_by_the_host(hosts, without):
    machine = "passwd: files\nhosts:  %s\n# hosts: resolve\n" % hosts
    want = wanted(dns={"nameservers": ["8.8.8.8"]})
    have = there({"resolv.conf": "nameserver 8.8.8.8\n"}, nsswitch=machine)
    plan = plan_present(want, have)
    mark, *lines = plan.after["nsswitch"].splitlines()
    assert plan.operations == (WriteEtc("ns1", "nsswitch.conf", plan.after["nsswitch"]),)
    assert lines == ["passwd: files", "hosts:  " + without, "# hosts: resolve"]
    assert "linuxnet.ipvs.netns" in mark
    both = have._replace(etc={"resolv.conf": "", "nsswitch.conf": plan.after["nsswitch"]})
    assert said(plan_present(want, both)) == ["WriteEtc"]
    gone = RemoveEtc("ns1", ("resolv.conf", "nsswitch.conf"), whole=True)
    assert plan_absent(wanted("absent"), both).operations[1] == gone
    # Without resolve, or where somebody has said otherwise, nothing is written.
    assert not plan_present(want, have._replace(nsswitch="hosts: files dns\n")).changed
    others = {"resolv.conf": "nameserver 8.8.8.8\n", "nsswitch.conf": "hosts: resolve\n"}
    assert not plan_present(want, have._replace(etc=others)).changed


@pytest.mark.parametrize(
    ("key", "device"),
    [
        ("net.ipv4.conf.eth0.arp_ignore", "eth0"),
        ("net/ipv6/neigh/eth0.5/retrans_time_ms", "eth0.5"),
        ("net.mpls.conf.eth0/5.input", "eth0.5"),
        ("net.ipv4.conf.all.arp_ignore", ""),
        ("net.ipv6.conf.default.forwarding", ""),
        ("net.ipv4.ip_forward", ""),
    ],
)
def test_the_device_of_a_sysctl(key, device):
    assert device_of(sysctl_path(key)) == device
