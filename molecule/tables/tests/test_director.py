# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Timeouts, synchronization daemons, counters, connections and draining, against ipvsadm(8)."""

from __future__ import annotations

import itertools
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from kernel_tables import NETNS, endpoint, lines
from node import Failed, Node

SERVER = dict(address="10.99.0.1", port=8080, forwarding_method="masquerading", weight=1)
SERVICE = dict(protocol="tcp", address="10.99.0.100", port=80, scheduler="rr", real_servers=[SERVER])
#: A real server that is made again gets back the connections it had, so each test has its own.
PORTS = itertools.count(8080)

#: A server that takes connections and keeps them, and a client that holds one for some seconds.
SERVE = """
import socket, sys
server = socket.create_server(('10.99.0.1', int(sys.argv[1])))
held = []
while True:
    held.append(server.accept())
"""
HOLD = """
import socket, sys, time
held = [socket.create_connection(('10.99.0.100', 80), timeout=20) for each in range(int(sys.argv[1]))]
time.sleep(float(sys.argv[2]))
"""
#: The same until a drain has gone on for five seconds, which is more than its first look needs on a busy machine.
HOLD_INTO_DRAIN = """
import socket, subprocess, sys, time
held = [socket.create_connection(('10.99.0.100', 80), timeout=20) for each in range(int(sys.argv[1]))]
while b'-w 0' not in subprocess.run(['ipvsadm', '-Sn'], stdout=subprocess.PIPE).stdout:
    time.sleep(0.1)
time.sleep(5)
"""


@contextmanager
def running(tables, name, *words):
    """A program in the namespace that goes on while the body runs."""
    unit = f"{NETNS}-{name}"
    tables.node.command("systemd-run", "--quiet", "--collect", "--unit", unit, "ip", "netns", "exec", NETNS, *words)
    try:
        yield
    finally:
        tables.node.command("sh", "-c", f"systemctl stop {unit}.service 2>/dev/null || true")


@pytest.fixture
def service(tables):
    """A virtual service whose real server answers."""
    tables.command("ip", "address", "add", "10.99.0.100/32", "dev", "net0")
    tables.command("sysctl", "-qw", "net.ipv4.vs.conntrack=1")
    port = next(PORTS)
    with running(tables, "server", "python3", "-c", SERVE, str(port)):
        tables.command("sh", "-c", f"until ss -tln | grep -q 10.99.0.1:{port}; do sleep 0.2; done")
        made = dict(SERVICE, real_servers=[dict(SERVER, port=port)])
        tables.run("ipvs_service", **made)
        yield made
    tables.command("ip", "address", "del", "10.99.0.100/32", "dev", "net0")


def ticks_of_a_second(node):
    """CONFIG_HZ of the kernel, which tells its configuration in one of two places."""
    script = "zcat /proc/config.gz 2>/dev/null || cat /boot/config-$(uname -r)"
    (found,) = re.findall(r"^CONFIG_HZ=(\d+)$", node.command("sh", "-c", script), re.MULTILINE)
    return int(found)


def real_of(service):
    """The address and port of a virtual service's only real server."""
    (server,) = service["real_servers"]
    return endpoint(server["address"], server["port"])


def wait_for_connections(tables, count, real):
    """Wait until the kernel knows so many established connections to a real server.

    It goes on to know those of earlier tests, whose ends have gone without a word.
    """
    known = f"ipvsadm -Lnc | grep ESTABLISHED | grep -cF '{real}'"
    tables.command("sh", "-c", f"until [ $({known}) -ge {count} ]; do sleep 0.2; done")


def test_timeouts(tables):
    def told():
        return tables.ipvsadm("-L", "--timeout").split()[-3:]

    first = tables.run("ipvs_settings")["settings"]
    assert told() == [str(first[name]) for name in ("tcp_timeout", "tcp_fin_timeout", "udp_timeout")]
    assert tables.module("ipvs_settings", tcp_timeout=7200, udp_timeout=1)["changed"]
    assert told() == ["7200", str(first["tcp_fin_timeout"]), "1"]
    assert not tables.run("ipvs_settings", tcp_timeout=7200)["changed"]
    tables.ipvsadm("--set", "100", "0", "0")
    assert tables.run("ipvs_info")["settings"]["tcp_timeout"] == 100
    assert tables.module("ipvs_settings", **first)["changed"]
    assert tables.run("ipvs_settings")["settings"] == first
    for bad in (0, -1, 21474837):
        with pytest.raises(Failed, match=f"tcp_timeout: {bad} is not valid"):
            tables.run("ipvs_settings", tcp_timeout=bad, udp_timeout=5)
    # The kernel counts in ticks, and up to 2^31 of them.
    seconds = (2**31 - 1) // ticks_of_a_second(tables.node)
    with pytest.raises(Failed, match=r"one is more seconds than this kernel can count|is not valid"):
        tables.run("ipvs_settings", tcp_timeout=seconds + 1, udp_timeout=5)
    tables.ipvsadm("--set", "2678400", "0", "0")  # 31 days, the most that it takes
    assert not tables.run("ipvs_settings", tcp_timeout=2678400)["changed"]
    assert tables.module("ipvs_settings", **first)["changed"]
    assert tables.run("ipvs_settings")["settings"] == first


#: Makes what the kernel takes and ipvsadm cannot say: a service of ESP, and a real server that is local.
FOREIGN = """
import ipaddress, sys
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs

values.PROTOCOLS["esp"] = 50
esp, web = (
    values.Service(values.ServiceKey("inet", protocol, ipaddress.ip_address("10.99.0.100").packed, 80), "rr")
    for protocol in ("esp", "tcp")
)
server = values.RealServers.of([values.RealServer.of(ipaddress.ip_address("10.99.0.1").packed, 80, "local")])
steps = {
    "make": [("add", esp, None), ("add", web, None), ("add", web, server)],
    "end": [("delete", esp, None)],
}
with Ipvs(sys.argv[1]) as ipvs:
    ipvs.apply([values.Operation(*step) for step in steps[sys.argv[2]]])
"""


def test_what_only_another_program_can_make_is_left_alone(tables):
    web = dict(address="10.99.0.100", port=80)
    tables.node.python(FOREIGN, NETNS, "make")
    try:
        (service,) = tables.run("ipvs_info")["services"]
        assert [each["forwarding_method"] for each in service["real_servers"]] == ["local"]
        server = dict(address="10.99.0.1", port=80, weight=0)
        assert tables.module("ipvs_service", real_servers=[server], **web)["changed"]
        assert not tables.run("ipvs_service", real_servers=[server], **web)["changed"]
        assert tables.module("ipvs_service", real_servers=[dict(server, forwarding_method="direct")], **web)["changed"]
        assert "-a -t 10.99.0.100:80 -r 10.99.0.1:80 -g -w 0" in tables.saved()
        assert tables.run("ipvs_table", services=[], purge=True)["changed"]
        assert tables.run("ipvs_info")["services"] == []
        assert tables.command("grep", "--count", "^IP_50 ", "/proc/net/ip_vs") == "1\n"
    finally:
        tables.node.python(FOREIGN, NETNS, "end")


def test_info_tells_of_ipvs_itself(tables):
    found = tables.run("ipvs_info")
    assert tables.ipvsadm("-Ln").startswith(
        "IP Virtual Server version %(version)s (size=%(connection_table_size)d)" % found
    )


def daemons(tables):
    """The synchronization daemons as ipvsadm lists them, by role."""
    listed = re.findall(r"(master|backup) sync daemon \((.*)\)", tables.ipvsadm("-L", "--daemon"))
    return {role: dict(word.split("=") for word in terms.split(", ")) for role, terms in listed}


def test_synchronization_daemons(tables):
    assert daemons(tables) == {}
    try:
        result = tables.node.module("ipvs_settings", netns=NETNS, check=True, master=dict(interface="net0", sync_id=7))
        assert result["changed"]
        assert daemons(tables) == {}
        made = tables.run("ipvs_settings", master=dict(interface="net0", sync_id=7))
        assert daemons(tables) == {
            "master": dict(mcast="net0", syncid="7", maxlen="1472", group="224.0.0.81", port="8848", ttl="1")
        }
        # The result has what the kernel has chosen.
        assert made["settings"] == tables.run("ipvs_info")["settings"]
        assert made["settings"]["master"]["sync_maxlen"] == 1472
        assert not tables.run("ipvs_settings", master=dict(interface="net0", sync_id=7))["changed"]
        every = dict(interface="net0", sync_id=255, sync_maxlen=1200, mcast_group="ff02::99")
        every.update(mcast_port=9999, mcast_ttl=3)
        assert tables.run("ipvs_settings", backup=every)["changed"]
        assert tables.run("ipvs_settings", backup=every)["diff"] == dict(before={}, after={})
        assert daemons(tables)["backup"] == dict(
            mcast="net0", syncid="255", maxlen="1200", group="ff02::99", port="9999", ttl="3"
        )
        assert daemons(tables)["master"]["syncid"] == "7"
        read = tables.run("ipvs_info")["settings"]
        assert not tables.run("ipvs_settings", **read)["changed"]
        # ipvsadm's bounds; the kernel takes its own where they are narrower.
        for length, kept in ((1, "1024"), (65507, "65487")):
            assert tables.run("ipvs_settings", backup=dict(sync_maxlen=length))["changed"]
            assert daemons(tables)["backup"]["maxlen"] == kept
            assert not tables.run("ipvs_settings", backup=dict(sync_maxlen=length))["changed"]
        # One that cannot start gives way to the one that ran, and what would have come behind it stays.
        with pytest.raises(Failed, match=r"no such network device.*the daemon that ran before runs again"):
            tables.run("ipvs_settings", **{key: dict(interface="nowhere") for key in ("master", "backup")})
        assert daemons(tables)["backup"]["mcast"] == "net0"
        assert daemons(tables)["master"] == dict(
            mcast="net0", syncid="7", maxlen="1472", group="224.0.0.81", port="8848", ttl="1"
        )
        foreign = dict(address="fd00::1", port=80, forwarding_method="tunnel")
        for check in (True, False):
            with pytest.raises(Failed, match="while a synchronization daemon runs, here the master"):
                tables.node.module("ipvs_service", check=check, netns=NETNS, **dict(SERVICE, real_servers=[foreign]))
        assert tables.run("ipvs_settings", master=dict(state="absent"))["changed"]
        assert list(daemons(tables)) == ["backup"]
        with pytest.raises(Failed, match=r"master.interface: None is not valid"):
            tables.run("ipvs_settings", master=dict(sync_id=1))
        with pytest.raises(Failed, match=r"master.mcast_group: '10.0.0.1' is not valid"):
            tables.run("ipvs_settings", master=dict(interface="net0", mcast_group="10.0.0.1"))
        with pytest.raises(Failed, match=r"master.sync_id: 256 is not valid"):
            tables.run("ipvs_settings", master=dict(interface="net0", sync_id=256))
    finally:
        tables.run("ipvs_settings", master=dict(state="absent"), backup=dict(state="absent"))
    assert daemons(tables) == {}
    tables.run("ipvs_service", **dict(SERVICE, real_servers=[foreign]))
    for check in (True, False):
        with pytest.raises(
            Failed, match=r"delete real server \[fd00::1\]:80 of virtual service tcp 10.99.0.100:80 first"
        ):
            tables.node.module("ipvs_settings", check=check, netns=NETNS, master=dict(interface="net0"))
    assert daemons(tables) == {}


def test_counters_and_connections(tables, service):
    with running(tables, "client", "python3", "-c", HOLD, "3", "60"):
        wait_for_connections(tables, 3, real_of(service))
        # The kernel sums its counters up every two seconds.
        tables.command("sh", "-c", "until ipvsadm -Ln --stats --exact | grep -q '100:80 *3 '; do sleep 0.2; done")
        info = tables.run("ipvs_info", statistics=True, connections=True)
        listed = [line.split() for line in tables.ipvsadm("-Lnc").splitlines()[2:]]
        counted = [line.split() for line in tables.ipvsadm("-Ln", "--stats", "--exact").splitlines()[3:]]
    (statistics,) = info["statistics"]
    names = ("connections", "incoming_packets", "outgoing_packets", "incoming_bytes", "outgoing_bytes")
    assert counted[0] == ["TCP", "10.99.0.100:80", *(str(statistics[name]) for name in names)]
    (server,) = statistics["real_servers"]
    assert counted[1] == ["->", "10.99.0.1:%d" % server["port"], *(str(server[name]) for name in names)]
    assert (server["connections"], server["active_connections"], server["inactive_connections"]) == (3, 3, 0)
    assert sorted(
        [
            each["protocol"].upper(),
            each["state"],
            "%(client_address)s:%(client_port)d" % each,
            "%(virtual_address)s:%(virtual_port)d" % each,
            "%(real_address)s:%(real_port)d" % each,
        ]
        for each in info["connections"]
    ) == sorted([words[0], *words[2:6]] for words in listed)
    assert len(listed) == 3
    assert all(0 < each["expires"] <= 900 for each in info["connections"])


def test_info_is_limited_to_what_was_asked_for(tables, service):
    other = dict(service, address="10.99.0.101", protocol="udp", real_servers=[])
    mark = dict(fwmark=7, family="inet", scheduler="sh", scheduler_flags=[], one_packet=False)
    mark.update(persistence_timeout=0, real_servers=[])
    # So that they have no real server when they are fed back.
    mark.update(purge_real_servers=True)
    six = dict(mark, family="inet6")
    tables.run("ipvs_table", services=[other, mark, six])

    def found(*patterns, **options):
        return tables.run("ipvs_info", services=list(patterns), **options)

    assert [each["address"] for each in found(dict(protocol="udp"))["services"]] == ["10.99.0.101"]
    assert len(found(dict(address="10.99.0.0/24"))["services"]) == 2
    assert found(dict(fwmark=7), statistics=True)["services"] == [mark, six]
    assert found(dict(fwmark=7, family="inet"))["services"] == [mark]
    assert found(dict(family="inet6"))["services"] == [six]
    assert len(found(dict(fwmark=7, family="inet"), dict(port=80, address="10.99.0.100"))["services"]) == 2
    assert found()["services"] == []
    assert found(dict(port=81))["services"] == []
    with pytest.raises(Failed, match=r"services\[0\].address"):
        found({})


def test_counters_are_set_to_zero(tables, service):
    def counted():
        """What ipvsadm lists for each service and each real server, without the headings: connections first."""
        listed = tables.ipvsadm("-Ln", "--stats").splitlines()[3:]
        return {words[1]: [int(number) for number in words[2:]] for words in map(str.split, listed)}

    key = {name: service[name] for name in ("protocol", "address", "port")}
    virtual, real = "10.99.0.100:80", endpoint("10.99.0.1", service["real_servers"][0]["port"])
    # The kernel sums its counters up every two seconds.
    ended = "while ipvsadm -Lnc | grep -q ESTABLISHED; do sleep 0.2; done; sleep 3"
    with running(tables, "client", "python3", "-c", HOLD, "2", "6"):
        wait_for_connections(tables, 2, real_of(service))
    tables.command("sh", "-c", ended)
    before = counted()
    assert before[virtual][0] == before[real][0] == 2
    assert not tables.module("ipvs_zero", services=[dict(protocol="udp")])["changed"]
    assert counted() == before
    result = tables.module("ipvs_zero", services=[key])
    assert result["services"] == [key]
    assert result["diff"]["before"]["tcp " + virtual]["incoming_bytes"] == before[virtual][3]
    assert counted() == {virtual: [0] * 5, real: [0] * 5}
    # Without a service's name the whole table's are, too: of these the first line of numbers tells.
    assert tables.module("ipvs_zero")["services"] == []
    assert not tables.run("ipvs_zero")["changed"]
    with running(tables, "client", "python3", "-c", HOLD, "1", "2"):
        wait_for_connections(tables, 1, real_of(service))
    tables.command("sh", "-c", ended)
    assert tables.module("ipvs_zero")["changed"]
    assert tables.command("sed", "-n", "3p", "/proc/net/ip_vs_stats").split()[:3] == ["0"] * 3
    assert not tables.run("ipvs_zero")["changed"]


def test_draining_waits_for_the_live_connections(tables, service):
    key = {name: service[name] for name in ("protocol", "address", "port")}
    where = dict(service=key, address="10.99.0.1", port=service["real_servers"][0]["port"])
    with running(tables, "client", "python3", "-c", HOLD_INTO_DRAIN, "2"):
        wait_for_connections(tables, 2, real_of(service))
        with pytest.raises(Failed, match="drain_timeout: 5 is not valid"):
            tables.run("ipvs_real_server", drain_timeout=5, **where)
        where["state"] = "absent"
        predicted = tables.node.module("ipvs_real_server", check=True, netns=NETNS, drain_timeout=60, **where)
        assert predicted["changed"]
        assert "drained" not in predicted
        assert lines(service)[1] in tables.saved()
        result = tables.run("ipvs_real_server", drain_timeout=60, **where)
    assert result["diff"] == predicted["diff"]
    drained = result["drained"]
    assert (drained["complete"], drained["connections"], drained["left"]) == (True, 2, 0)
    assert drained["seconds"] >= 1
    assert tables.saved() == lines(service)[:1]
    assert not tables.run("ipvs_real_server", drain_timeout=60, **where)["changed"]


def test_draining_ends_when_its_time_is_over(tables, service):
    key = {name: service[name] for name in ("protocol", "address", "port")}
    with running(tables, "client", "python3", "-c", HOLD, "2", "60"):
        wait_for_connections(tables, 2, real_of(service))
        result = tables.run("ipvs_service", state="absent", drain_timeout=2, **key)
        assert result["drained"] == dict(complete=False, connections=2, left=2, seconds=2)
        told = "draining virtual service tcp 10.99.0.100:80: 2 of 2 connections left"
        assert tables.node.command("journalctl", "--boot", "--output=cat", f"--grep={told}").count(told) >= 2
        assert tables.saved() == []
    assert not tables.run("ipvs_service", state="absent", drain_timeout=2, **key)["changed"]


def test_a_draining_real_server_has_weight_0_and_one_that_is_killed_keeps_it(tables, service):
    key = {name: service[name] for name in ("protocol", "address", "port")}
    with running(tables, "client", "python3", "-c", HOLD, "1", "60"):
        wait_for_connections(tables, 1, real_of(service))
        # The change to weight 0 is the first message; the process dies behind it.
        assert tables.node.killed("ipvs_service", 1, netns=NETNS, state="absent", drain_timeout=30, **key)
        assert lines(dict(service, real_servers=[dict(service["real_servers"][0], weight=0)])) == tables.saved()
    result = tables.run("ipvs_service", state="absent", drain_timeout=30, **key)
    assert result["drained"]["complete"]
    assert tables.saved() == []


@pytest.fixture
def draining(inventory, tables, service):
    """Drains the service from another process, begun: its real server has weight 0."""
    key = {name: service[name] for name in ("protocol", "address", "port")}
    with (
        Node(inventory) as other,
        ThreadPoolExecutor() as pool,
        running(tables, "client", "python3", "-c", HOLD, "1", "60"),
    ):
        wait_for_connections(tables, 1, real_of(service))

        def begin(seconds):
            task = pool.submit(other.module, "ipvs_service", netns=NETNS, state="absent", drain_timeout=seconds, **key)
            tables.command("timeout", "60", "sh", "-c", "until ipvsadm -Sn | grep -q -e '-w 0'; do sleep 0.1; done")
            return task

        yield begin


def test_two_runs_that_drain_the_same(tables, service, draining):
    first = draining(60)
    key = {name: service[name] for name in ("protocol", "address", "port")}
    server = dict(address="10.99.0.1", port=service["real_servers"][0]["port"])
    second = tables.run("ipvs_real_server", service=key, state="absent", drain_timeout=1, **server)
    assert second["drained"]["left"] == 1
    assert first.result()["drained"]["complete"]  # since there is nothing left to drain
    assert tables.saved() == []


def test_what_is_wanted_again_while_it_is_drained_stays(tables, service, draining):
    """The task does not wait any longer for what it is not going to delete."""
    task = draining(60)
    tables.run("ipvs_service", **service)
    with pytest.raises(Failed, match=r"got weight 1 while it was drained.*nothing was deleted"):
        task.result()
    assert tables.saved() == lines(service)


#: A server over IPv6, as SERVE is over IPv4, and one datagram of a client.
SERVE6 = SERVE.replace("'10.99.0.1', int(sys.argv[1]))", "'fd00:99::1', int(sys.argv[1])), family=socket.AF_INET6")
HOLD6 = HOLD.replace("10.99.0.100", "fd00:99::100")
SAY = "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'.', ('10.99.0.100', 53))"


def listed_connections(tables):
    """The connections as ipvsadm lists them: protocol, state, client, virtual and real address and port."""
    return sorted([words[0], *words[2:6]] for words in map(str.split, tables.ipvsadm("-Lnc").splitlines()[2:]))


def told_connections(tables):
    """The same as our module tells them."""
    return sorted(
        [
            each["protocol"].upper(),
            each["state"],
            *(endpoint(each[side + "_address"], each[side + "_port"]) for side in ("client", "virtual", "real")),
        ]
        for each in tables.run("ipvs_info", connections=True)["connections"]
    )


def connections_as_told(tables):
    """The connections that ipvsadm lists, which our module tells alike: asked again if one has run out meanwhile."""
    while True:
        listed = listed_connections(tables)
        told = told_connections(tables)
        if listed_connections(tables) == listed:
            assert told == listed
            return listed


def test_draining_a_persistent_service_over_ipv6(tables):
    key = dict(address="fd00:99::100", port=80)
    port = next(PORTS)
    real = endpoint("fd00:99::1", port)
    server = dict(address="fd00:99::1", port=port, forwarding_method="masquerading")
    tables.run("ipvs_service", scheduler="rr", persistence_timeout=60, real_servers=[server], **key)
    with running(tables, "server", "python3", "-c", SERVE6, str(port)):
        tables.command("sh", "-c", f"until ss -tln | grep -q :{port}; do sleep 0.2; done")
        with running(tables, "client", "python3", "-c", HOLD6, "2", "10"):
            wait_for_connections(tables, 2, real)
            listed = connections_as_told(tables)
            # One line remembers the client, and two are the connections that it has made.
            assert [words[2].endswith("]:0") for words in listed if words[4] == real].count(True) == 1
            result = tables.run("ipvs_service", state="absent", drain_timeout=60, **key)
    assert (result["drained"]["complete"], result["drained"]["connections"]) == (True, 2)
    assert [text for text in result["warnings"] if "expire_quiescent_template" in text]
    assert tables.saved() == []


def test_draining_udp_by_a_firewall_mark(tables):
    """All of its connections are live until they expire."""
    tables.command("ip", "address", "add", "10.99.0.100/32", "dev", "net0")
    mark = ["OUTPUT", "-d", "10.99.0.100", "-p", "udp", "-j", "MARK", "--set-mark", "7"]
    tables.command("iptables", "-t", "mangle", "-A", *mark)
    before = tables.run("ipvs_settings")["settings"]
    try:
        tables.run("ipvs_settings", udp_timeout=4)
        server = dict(address="10.99.0.1", port=next(PORTS), forwarding_method="masquerading")
        tables.run("ipvs_service", fwmark=7, scheduler="rr", real_servers=[server])
        tables.command("python3", "-c", SAY)
        assert connections_as_told(tables)
        result = tables.run("ipvs_service", fwmark=7, state="absent", drain_timeout=60)
    finally:
        tables.run("ipvs_settings", udp_timeout=before["udp_timeout"])
        tables.command("iptables", "-t", "mangle", "-D", *mark)
        tables.command("ip", "address", "del", "10.99.0.100/32", "dev", "net0")
    assert (result["drained"]["complete"], result["drained"]["connections"]) == (True, 1)
    assert result["drained"]["seconds"] >= 1
    assert tables.saved() == []


def test_a_purged_real_server_is_drained_and_nobody_is_refused(tables, service):
    """With sh a client's real server of weight 0 refuses him, unless the service falls back meanwhile."""
    key = {name: service[name] for name in ("protocol", "address", "port")}
    other = dict(SERVER, address="10.99.0.1", port=next(PORTS), weight=5)
    kept = service["real_servers"][0]
    tables.run("ipvs_service", **key, scheduler="sh", real_servers=[kept])
    with running(tables, "client", "python3", "-c", HOLD_INTO_DRAIN, "1"):
        wait_for_connections(tables, 1, real_of(service))
        tables.run("ipvs_service", **key, real_servers=[other])
        result = tables.run("ipvs_service", **key, real_servers=[other], purge_real_servers=True, drain_timeout=60)
    assert (result["drained"]["complete"], result["drained"]["connections"]) == (True, 1)
    assert tables.saved() == lines(dict(service, scheduler="sh", real_servers=[other]))
    # Half-way it has the flag, and weight 0.
    tables.run("ipvs_service", **key, real_servers=[kept])
    killed = dict(netns=NETNS, **key, real_servers=[other], purge_real_servers=True, drain_timeout=60)
    assert tables.node.killed("ipvs_service", 2, **killed)
    halfway = dict(service, scheduler="sh", scheduler_flags=["sh-fallback"], real_servers=[dict(kept, weight=0), other])
    assert tables.saved() == sorted(lines(halfway))


def test_a_drain_that_would_refuse_clients_is_refused(tables):
    key = dict(address="10.99.0.100", port=80)
    both = [dict(SERVER, port=port) for port in (8080, 8081)]
    tables.run("ipvs_service", **key, scheduler="dh", real_servers=both)
    before = tables.saved()
    for check in (True, False):
        with pytest.raises(Failed, match=r"scheduler 'dh' refuses the clients.*take another scheduler, or leave"):
            tables.node.module(
                "ipvs_service",
                check=check,
                netns=NETNS,
                **key,
                real_servers=both[:1],
                purge_real_servers=True,
                drain_timeout=1,
            )
    assert tables.saved() == before


def test_weights_come_back_when_a_drain_fails(tables, service, draining):
    """One of two gets its weight back from another program, and the other one from the task."""
    key = {name: service[name] for name in ("protocol", "address", "port")}
    port = next(PORTS)
    other = dict(SERVER, port=port, weight=7)
    tables.run("ipvs_service", **key, real_servers=[other])
    task = draining(60)
    tables.ipvsadm("-e", "-t", "10.99.0.100:80", "-r", endpoint("10.99.0.1", port), "-m", "-w", "7")
    with pytest.raises(Failed, match=r"got weight 7 while it was drained.*the others have their weights again"):
        task.result()
    assert tables.saved() == sorted(lines(dict(service, real_servers=[*service["real_servers"], other])))


def test_a_table_of_another_program_is_not_purged(tables):
    tables.run("ipvs_service", **SERVICE)
    before = tables.saved()
    tables.command("ip", "link", "add", "kube-ipvs0", "type", "dummy")
    try:
        with pytest.raises(Failed, match=r"kube-proxy writes this table, too .device kube-ipvs0, which may"):
            tables.run("ipvs_table", services=[], purge=True)
        assert tables.saved() == before
        assert tables.run("ipvs_table", services=[], purge=True, scope=dict(addresses=["10.99.0.0/24"]))["changed"]
    finally:
        tables.command("ip", "link", "del", "kube-ipvs0")


def test_daemons_that_the_kernel_or_a_sysctl_would_make_useless(tables):
    tables.command("ip", "link", "add", "down0", "type", "dummy")
    tables.command("sysctl", "-qw", "net.ipv4.vs.backup_only=1")
    try:
        with pytest.raises(Failed, match=r"the device is down, and a master cannot send there"):
            tables.run("ipvs_settings", master=dict(interface="down0"))
        for check in (True, False):
            with pytest.raises(Failed, match=r"net\.ipv4\.vs\.backup_only at 1"):
                tables.node.module(
                    "ipvs_settings",
                    check=check,
                    netns=NETNS,
                    master=dict(interface="net0"),
                    backup=dict(interface="net0"),
                )
        assert daemons(tables) == {}
    finally:
        tables.command("sysctl", "-qw", "net.ipv4.vs.backup_only=0")
        tables.command("ip", "link", "del", "down0")
