# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables made at random: what our modules make, ipvsadm reads as meant, and what ipvsadm makes, our modules read so."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from kernel_tables import FLAGS, NETNS, SCHEDULERS, described, lines, name_of, services, table_lines
from kernel_tables import tables as generated
from node import Failed

from ansible_collections.linuxnet.ipvs.plugins.filter.ipvsadm import from_ipvsadm, to_ipvsadm

#: The same cases in each run: a scenario that fails now and then helps nobody. They are small, so none is made smaller.
many = settings(
    max_examples=30,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def thresholds(table):
    """The real servers of a table that have thresholds, as ipvsadm lists them."""
    listed = (server for service in table for server in service["real_servers"] if server.get("upper_threshold"))
    return sorted(
        (
            ("[%s]:%d" if ":" in server["address"] else "%s:%d") % (server["address"], server["port"]),
            str(server["upper_threshold"]),
            str(server["lower_threshold"]),
        )
        for server in listed
    )


@many
@given(table=generated, other=generated)
def test_a_table_becomes_what_the_task_lists(tables, table, other):
    tables.ipvsadm("-C")
    for wished in (table, other):  # from nothing, then from one table to another
        note("\n".join(table_lines(wished, thresholds=True)))
        exact = [dict(service, purge_real_servers=True) for service in described(wished)]
        tables.module("ipvs_table", services=exact, purge=True)
        assert tables.saved() == table_lines(wished)
        assert tables.thresholds() == thresholds(wished)
        again = tables.run("ipvs_table", services=exact, purge=True)
        assert not again["changed"]
        assert again["diff"] == dict(before="", after="")


@many
@given(table=generated, other=generated)
def test_without_purge_what_is_not_listed_stays(tables, table, other):
    tables.ipvsadm("-C")
    tables.run("ipvs_table", services=table)
    before = tables.saved()
    tables.run("ipvs_table", services=described(other))
    listed = {name_of(service) for service in other}
    untouched = [line for service in table if name_of(service) not in listed for line in lines(service)]
    assert set(untouched) <= set(tables.saved())
    assert set(table_lines(other)) <= set(tables.saved())
    assert len(tables.saved()) <= len(before) + len(table_lines(other))


@many
@given(table=generated, other=generated)
def test_what_ipvsadm_makes_is_read_and_fed_back(tables, table, other):
    tables.ipvsadm("-C")
    text = "".join(line + "\n" for service in table for line in lines(service, thresholds=True))
    note(text)
    tables.ipvsadm("-R", stdin=text)
    saved = tables.saved()
    assert saved == table_lines(table)
    read = tables.run("ipvs_info")["services"]
    for given_back in (dict(services=read), dict(text=text), dict(text=to_ipvsadm(read))):
        assert not tables.run("ipvs_table", purge=True, **given_back)["changed"]
    for service in from_ipvsadm(text):
        assert not tables.run("ipvs_service", purge_real_servers=True, **service)["changed"]
    # What was read restores a table that has been changed since, to the last of its options.
    tables.run("ipvs_table", services=described(other))
    tables.run("ipvs_table", services=read, purge=True)
    assert tables.saved() == saved
    assert tables.thresholds() == thresholds(table)
    # And the way back: ipvsadm reads what the filter writes.
    tables.ipvsadm("-C")
    tables.ipvsadm("-R", stdin=to_ipvsadm(read))
    assert tables.saved() == saved
    # Services whose keys fall into the same bucket of the kernel's hash are told in the order in which they came.
    assert sorted(tables.run("ipvs_info")["services"], key=name_of) == sorted(read, key=name_of)


@many
@given(table=generated, changed=services())
def test_one_service_by_its_own_modules(tables, table, changed):
    tables.ipvsadm("-C")
    others = [service for service in table if name_of(service) != name_of(changed)]
    tables.run("ipvs_table", services=others)
    key = {name: changed[name] for name in ("protocol", "address", "port", "fwmark", "family") if name in changed}
    alone = {name: value for name, value in changed.items() if name != "real_servers"}
    tables.module("ipvs_service", **alone)
    for server in changed["real_servers"]:
        tables.module("ipvs_real_server", service=key, **server)
        assert not tables.run("ipvs_real_server", service=key, **server)["changed"]
    assert tables.saved() == table_lines([*others, changed])
    for server in changed["real_servers"]:
        where = {name: server[name] for name in ("address", "port")}
        tables.module("ipvs_real_server", service=key, state="absent", **where)
        assert not tables.run("ipvs_real_server", service=key, state="absent", **where)["changed"]
    assert tables.saved() == table_lines([*others, dict(changed, real_servers=[])])
    tables.module("ipvs_service", state="absent", **key)
    assert tables.saved() == table_lines(others)


#: Addresses that the kernel takes for no real server, whatever devices and routes there are.
NO_SERVERS = ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "::ffff:192.168.7.1", "fe80::1%net0"]
#: Options with no regard to what goes together.
wild_servers = st.fixed_dictionaries(
    dict(address=st.sampled_from(["192.168.7.1", "fd00:7::1", "192.168.7.2"]) | st.sampled_from(NO_SERVERS)),
    optional=dict(
        port=st.sampled_from([-1, 0, 80, 65535, 65536]),
        forwarding_method=st.sampled_from(["masquerading", "direct", "tunnel"]),
        weight=st.sampled_from([-1, 0, 1, 65536, 2**31 - 1, 2**31]),
        upper_threshold=st.sampled_from([-1, 0, 5, 2**31 - 1, 2**31]),
        lower_threshold=st.sampled_from([-1, 0, 5, 6]),
        tunnel_type=st.sampled_from(["ipip", "gue", "gre"]),
        tunnel_port=st.sampled_from([0, 1, 65535, 65536]),
        tunnel_checksum=st.sampled_from(["none", "full", "remote"]),
    ),
)
wild_services = st.fixed_dictionaries(
    {},
    optional=dict(
        protocol=st.sampled_from(["tcp", "udp", "sctp"]),
        address=st.sampled_from(["10.99.0.1", "fd00:99::1"]),
        port=st.sampled_from([-1, 0, 80, 65536]),
        fwmark=st.sampled_from([0, 1, 2**32 - 1, 2**32]),
        family=st.sampled_from(["inet", "inet6"]),
        scheduler=st.sampled_from(SCHEDULERS),
        scheduler_flags=st.lists(st.sampled_from([*FLAGS["sh"], *FLAGS["mh"], "flag-1", "flag-3"]), max_size=2),
        one_packet=st.booleans(),
        persistence_timeout=st.sampled_from([-1, 0, 300, 2678400, 4294967, 4294968]),
        persistence_netmask=st.sampled_from(
            ["0", "24", "32", "33", "64", "128", "129", "255.255.0.0", "255.0.255.0", "0.0.0.255"]
        ),
        persistence_engine=st.sampled_from(["sip", "none"]),
        real_servers=st.lists(wild_servers, max_size=3),
        purge_real_servers=st.booleans(),
    ),
)


@settings(many, max_examples=150)
@given(service=wild_services)
def test_what_the_kernel_would_refuse_is_refused_before_it_is_asked(tables, service):
    before = tables.saved()
    result = tables.node.ask(dict(module="ipvs_service", params=dict(service, netns=NETNS)))
    if result.get("failed"):
        assert not result["msg"].startswith("the kernel")
        assert tables.saved() == before
    else:
        assert not tables.run("ipvs_service", **service)["changed"]


@pytest.mark.parametrize("text", ["-A -t 10.99.0.1:80 -s rr\n-a -t 10.99.0.1:80 -r 192.168.7.1:80 -m -w 2147483648"])
def test_a_text_that_cannot_be_meant_changes_nothing(tables, text):
    with pytest.raises(Failed, match="line 2: -w: 2147483648 is not valid"):
        tables.run("ipvs_table", text=text)
    assert tables.saved() == []
    with pytest.raises(Failed, match=NETNS + "x"):
        tables.node.module("ipvs_table", text="", netns=NETNS + "x")


@pytest.mark.parametrize("text", ["", "\n \n", "# saved nothing\n"])
def test_a_text_without_a_service_deletes_nothing(tables, text):
    tables.run("ipvs_service", address="10.99.0.1", port=80)
    assert not tables.run("ipvs_table", text=text)["changed"]
    with pytest.raises(Failed, match=r"it has no virtual service: write 'services: \[\]' if all shall be deleted"):
        tables.run("ipvs_table", text=text, purge=True)
    assert len(tables.saved()) == 1
