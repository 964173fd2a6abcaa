# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables as a director has them: large, shared with others, changed by two at once, left half-done."""

from __future__ import annotations

import pytest
from kernel_tables import NETNS, lines, table_lines
from node import Failed, Node
from turns import held_meanwhile, second_waits

#: MiB; what the module may take at 10,000 real servers.
MEMORY_LIMIT = 120


def service(number, servers=2, **options):
    """A virtual service of its own address."""
    address = "10.98.%d.%d" % divmod(number, 250)
    return dict(
        protocol="tcp",
        address=address,
        port=80,
        scheduler="rr",
        real_servers=[
            dict(address="10.%d.%d.%d" % (97 - each, *divmod(number, 250)), port=8080)
            | dict(forwarding_method="masquerading", weight=each + 1)
            for each in range(servers)
        ],
    ) | dict(options)


def as_text(services):
    """Services as ipvsadm reads them."""
    return "".join(line + "\n" for each in services for line in lines(each))


@pytest.mark.parametrize("form", ["text", "services"])
def test_a_thousand_services(inventory, tables, form):
    wished = [service(number, 10) for number in range(1000)]
    given = dict(text=as_text(wished)) if form == "text" else dict(services=wished)
    with Node(inventory) as fresh:  # for its own peak of memory
        result = fresh.module("ipvs_table", netns=NETNS, purge=True, **given)
        assert result["virtual_services"] == dict(added=1000, changed=0, deleted=0, unchanged=0)
        assert result["took"]["peak_kib"] < MEMORY_LIMIT * 1024
    assert tables.saved() == table_lines(wished)
    result = tables.run("ipvs_table", purge=True, **given)
    assert not result["changed"]
    assert result["real_servers"] == dict(added=0, changed=0, deleted=0, unchanged=10000)
    # A hundredth of it changes, and nothing else is in the plan and in its difference.
    for number in range(0, 1000, 100):
        wished[number]["real_servers"][3]["weight"] = 77
    given = dict(text=as_text(wished)) if form == "text" else dict(services=wished)
    result = tables.run("ipvs_table", purge=True, **given)
    assert result["real_servers"] == dict(added=0, changed=10, deleted=0, unchanged=9990)
    assert result["virtual_services"] == dict(added=0, changed=0, deleted=0, unchanged=1000)
    assert len(result["diff"]["after"].splitlines()) == 20  # ten services, each with one real server
    assert "real servers: 0 added, 10 changed, 0 deleted, 9990 unchanged" in result["diff"]["after_header"]
    assert tables.saved() == table_lines(wished)


def test_a_scope_is_all_that_a_task_may_touch(tables):
    inside = [service(number) for number in range(3)]
    outside = [
        service(0, address="10.99.0.1"),
        service(1, protocol="udp"),
        dict(fwmark=7, family="inet", scheduler="sh", real_servers=[]),
        dict(fwmark=70, family="inet6", scheduler="sh", real_servers=[]),
    ]
    tables.run("ipvs_table", services=[*inside, *outside])
    scope = dict(addresses=["10.98.0.0/16"], protocols=["tcp"])
    result = tables.module("ipvs_table", services=inside[:1], purge=True, scope=scope)
    assert result["virtual_services"] == dict(added=0, changed=0, deleted=2, unchanged=5)
    assert tables.saved() == table_lines([*inside[:1], *outside])
    with pytest.raises(Failed, match="outside 'scope'"):
        tables.run("ipvs_table", services=outside[:1], purge=True, scope=scope)
    tables.module("ipvs_table", services=[], purge=True, scope=dict(fwmarks=["1-9"]))
    assert tables.saved() == table_lines([*inside[:1], *outside[:2], outside[3]])
    with pytest.raises(Failed, match="it goes with that only"):
        tables.run("ipvs_table", services=[], scope=scope)
    tables.module("ipvs_table", services=[], purge=True)
    assert tables.saved() == []


def test_real_servers_that_a_task_does_not_list(tables):
    both = service(1)
    one = dict(both, real_servers=both["real_servers"][:1])
    tables.run("ipvs_table", services=[both])
    assert not tables.module("ipvs_table", services=[one])["changed"]
    assert not tables.module("ipvs_table", services=[{k: v for k, v in both.items() if k != "real_servers"}])["changed"]
    tables.module("ipvs_table", services=[dict(one, purge_real_servers=True)])
    assert tables.saved() == table_lines([one])


def test_a_change_keeps_connections_and_counters(tables):
    """What can be changed in place is not deleted and made anew: the kernel's counters would begin again."""
    wished = service(1, address="10.99.0.1", real_servers=[])
    wished["real_servers"] = [dict(address="10.99.0.1", port=8080, forwarding_method="masquerading", weight=1)]
    tables.run("ipvs_table", services=[wished])
    attempt = "import socket; s = socket.socket(); s.settimeout(1); s.connect_ex(('10.99.0.1', 80))"
    tables.command("python3", "-c", attempt)
    # The kernel sums its counters up every two seconds.
    tables.command("sh", "-c", "until ipvsadm -Ln --stats --exact | grep -q '1:80 *1 '; do sleep 0.2; done")
    counted = tables.run("ipvs_info", statistics=True)["statistics"][0]
    assert counted["connections"] == counted["real_servers"][0]["connections"] == 1
    wished.update(scheduler="wlc", persistence_timeout=60)
    wished["real_servers"][0].update(weight=5, upper_threshold=9, lower_threshold=3)
    tables.module("ipvs_table", services=[wished])
    counted = tables.run("ipvs_info", statistics=True)["statistics"][0]
    assert counted["connections"] == counted["real_servers"][0]["connections"] == 1


@pytest.mark.parametrize("purge", [False, True])
def test_a_run_that_is_killed_is_completed_by_the_next(tables, purge):
    unrelated = service(200, address="10.99.0.1")
    old = [service(number) for number in range(4)]
    wished = [
        service(0),
        service(1, 3),
        service(2, scheduler="wlc", real_servers=[], purge_real_servers=purge),
        *(service(number) for number in (7, 8)),
        unrelated,
    ]
    ended = set()
    killed = True
    messages = 0
    while killed:
        tables.ipvsadm("-C")
        tables.run("ipvs_table", services=[*old, unrelated])
        killed = tables.node.killed("ipvs_table", messages, netns=NETNS, services=wished, purge=purge)
        left = tables.saved()
        assert set(lines(unrelated)) <= set(left)
        ended.add("\n".join(left))
        tables.run("ipvs_table", services=wished, purge=purge)
        if purge:
            assert tables.saved() == table_lines(wished)
        else:
            assert set(table_lines(wished)) <= set(tables.saved())
        messages += 1
    assert len(ended) >= messages - 1 > 7  # it was killed in as many different places


def test_what_is_refused_takes_nothing_away(tables):
    """Nothing is deleted before the kernel has taken all that comes in its place."""
    have = [service(1), service(2)]
    tables.run("ipvs_table", services=have)
    before = tables.saved()
    with (
        tables.node.without("ip_vs_twos"),
        pytest.raises(Failed, match="no scheduler 'twos' in this kernel: run 'modprobe ip_vs_twos'"),
    ):
        tables.run("ipvs_table", services=[service(1, scheduler="twos", real_servers=[])], purge=True)
    assert tables.saved() == before
    # The broadcast address of the namespace's own subnet: only the kernel can know.
    refused = dict(address="10.99.0.255", port=8080, forwarding_method="masquerading")
    with pytest.raises(Failed, match="It takes no broadcast address of a subnet"):
        tables.run("ipvs_service", **service(1, real_servers=[refused]), purge_real_servers=True)
    assert tables.saved() == before


def test_a_plan_that_another_program_has_overtaken_is_made_anew(inventory, tables):
    """By a program that knows nothing of the collection's lock."""
    wished = service(1)
    name, *_rest = lines(wished)

    def run(work):
        result = held_meanwhile(tables.node, inventory, "ipvs_table", dict(services=[wished], netns=NETNS), work)
        assert result["changed"]
        assert tables.saved() == table_lines([wished])

    run(lambda: tables.ipvsadm(*name.replace("rr", "sh").split()))  # it exists by now, but otherwise
    tables.ipvsadm("-E", *lines(service(1, scheduler="sh"))[0].split()[1:])
    run(lambda: tables.ipvsadm("-D", *name.split()[1:3]))  # it is gone by now


#: For each module two tasks that contradict each other.
HALVES = [service(1, 4)["real_servers"][:2], service(1, 4)["real_servers"][2:]]
KEY = {name: service(1)[name] for name in ("protocol", "address", "port")}
CONTRADICTIONS = {
    "ipvs_table": [dict(services=[service(number)], purge=True) for number in (1, 2)],
    "ipvs_service": [service(1, real_servers=half, purge_real_servers=True) for half in HALVES],
    "ipvs_real_server": [dict(HALVES[0][0], service=KEY, weight=weight) for weight in (1, 2)],
}


@pytest.mark.parametrize("module", CONTRADICTIONS)
def test_a_run_waits_for_another_that_has_read_and_not_yet_written(inventory, tables, module):
    """Neither adds to what the other has just made, nor finds its plan outdated."""
    if module == "ipvs_real_server":
        tables.run("ipvs_service", **service(1, real_servers=[]))
    first, second = CONTRADICTIONS[module]
    assert second_waits(tables.node, inventory, module, dict(first, netns=NETNS), dict(second, netns=NETNS))
    assert tables.saved() == table_lines(
        {
            "ipvs_table": [service(2)],
            "ipvs_service": [service(1, real_servers=HALVES[1])],
            "ipvs_real_server": [service(1, real_servers=[dict(HALVES[0][0], weight=2)])],
        }[module]
    )


def test_settings_wait_for_each_other(inventory, tables):
    before = tables.run("ipvs_settings")["settings"]
    try:
        tasks = [dict(netns=NETNS, tcp_timeout=timeout) for timeout in (100, 200)]
        assert second_waits(tables.node, inventory, "ipvs_settings", *tasks)
        assert tables.ipvsadm("-L", "--timeout").split()[-3] == "200"
    finally:
        tables.run("ipvs_settings", **before)


#: What another program does all the time, for as long as its file is there. From 7.1 on a table grows and shrinks as
#: services come and go, so one of them makes more than a table of the smallest size holds.
WRITERS = {
    "one at a time": "while [ -e /run/churn ]; do ipvsadm -A -t 10.99.0.1:1 -s rr; ipvsadm -D -t 10.99.0.1:1; done",
    "many at once": 'for port in $(seq 40); do more="$more-A -t 10.99.0.1:$port -s rr\n";'
    ' fewer="$fewer-D -t 10.99.0.1:$port\n"; done;'
    ' while [ -e /run/churn ]; do printf -- "$more" | ipvsadm -R; printf -- "$fewer" | ipvsadm -R; done',
}


@pytest.fixture(params=WRITERS)
def writer(request, tables):
    """Another program that changes the table all the time, and leaves nothing in it."""
    tables.command("touch", "/run/churn")
    tables.command("sh", "-c", 'setsid sh -c "$0; echo done" > /run/churn.out 2>&1 &', WRITERS[request.param])
    yield
    tables.command("rm", "/run/churn")
    tables.command("timeout", "60", "sh", "-c", "until grep -qx done /run/churn.out; do sleep 0.1; done")
    assert tables.command("cat", "/run/churn.out") == "done\n"
    assert tables.saved() == []


@pytest.mark.usefixtures("writer")
def test_a_table_that_another_program_changes_meanwhile(tables):
    """What another program owns is none of our business. The kernel tells so many services in several datagrams."""
    wished = [service(number) for number in range(500)]
    for turn in range(8):
        listed = wished if turn % 2 == 0 else []
        task = dict(services=listed, purge=True, scope=dict(addresses=["10.98.0.0/16"]))
        tables.run("ipvs_table", **task)
        # ipvsadm reads once, so it misses a service where the other program deletes one before it meanwhile.
        readings = (set(tables.saved()) for _reading in range(5))
        assert any(set(table_lines(listed)) <= reading for reading in readings)
        read = tables.run("ipvs_info")["services"]
        assert len([each for each in read if each["address"].startswith("10.98.")]) == len(listed)
        assert not tables.run("ipvs_table", **task)["changed"]
