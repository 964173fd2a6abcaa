# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets: the entries' grammar, the codec, and the plans."""

from __future__ import annotations

import ipaddress
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.linuxnet.ipvs.plugins.module_utils import _ipset as ipset
from ansible_collections.linuxnet.ipvs.plugins.module_utils._errors import Conflict, InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset_plan import (
    plan_entries,
    plan_no_entries,
    plan_no_set,
    plan_set,
    predict_entries,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset_values import (
    SET_TYPES,
    Entry,
    SetHeader,
    SetType,
    header_options,
    set_type,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netlink import MalformedReply, attribute_map

LOOP = SetType("hash:ip,port,ip", "inet")
protocol_ports = st.one_of(
    st.builds("{}:{}".format, st.sampled_from(["tcp", "udp", "sctp", "udplite"]), st.integers(0, 65535)),
    st.sampled_from(["47:0", "132:5", "6:80"]),
)


@st.composite
def entries(draw):
    """A set's type with an entry that fits it."""
    name = draw(st.sampled_from(sorted(SET_TYPES)))
    kind = SetType(name, draw(st.sampled_from(SET_TYPES[name])))
    version: Literal[4, 6] = 6 if kind.family == "inet6" else 4
    address = st.ip_addresses(v=version).map(str)
    prefix = st.integers(1, 32 if version == 4 else 128)
    network = st.tuples(st.ip_addresses(v=version), prefix).map(
        lambda pair: str(ipaddress.ip_network("%s/%d" % pair, strict=False))
    )
    parts = {
        "ip": address,
        "net": network,
        "port": protocol_ports,
        "mac": st.binary(min_size=6, max_size=6).filter(any).map(lambda raw: ":".join("%02x" % byte for byte in raw)),
        "set": st.text("ABCdef-_09", min_size=1, max_size=31),
    }
    return kind, ",".join(draw(parts[part]) for part in kind.parts)


@given(entries())
def test_an_entry_comes_back_as_it_went(case):
    kind, text = case
    entry = Entry.parse(kind, text)
    assert ipset.decode_entry(kind, b"".join(ipset.encode_entry(entry))) == entry
    assert Entry.parse(kind, str(entry)) == entry


@given(st.sampled_from(sorted(SET_TYPES)), st.binary(max_size=120))
def test_no_bytes_make_the_decoding_hang_or_crash(name, data):
    try:
        ipset.decode_entry(SetType(name, SET_TYPES[name][0]), data)
        ipset.decode_header(attribute_map(data))
    except MalformedReply:
        return


@pytest.mark.parametrize(
    ("name", "family", "written", "canonical"),
    [
        ("hash:ip,port,ip", "inet", "10.0.0.11,8080,10.0.0.11", "10.0.0.11,tcp:8080,10.0.0.11"),
        ("hash:ip,port,ip", "inet", "10.0.0.11,TCP:8080,10.0.0.11", "10.0.0.11,tcp:8080,10.0.0.11"),
        ("hash:ip,port", "inet", "10.0.0.11,6:80", "10.0.0.11,tcp:80"),
        ("hash:ip,port", "inet", "10.0.0.11,icmp:8/0", "10.0.0.11,icmp:8/0"),
        ("hash:ip", "inet6", "FD00:0:0::1", "fd00::1"),
        ("hash:net", "inet", "10.0.0.1", "10.0.0.1"),
        ("hash:net", "inet", "10.0.0.1/32", "10.0.0.1"),
        ("hash:net", "inet", "10.0.0.0/24", "10.0.0.0/24"),
        ("hash:mac", "unspec", "aa:bb:cc:dd:ee:ff", "AA:BB:CC:DD:EE:FF"),
    ],
)
def test_spellings(name, family, written, canonical):
    assert str(Entry.parse(SetType(name, family), written)) == canonical


@pytest.mark.parametrize(
    ("name", "family", "written", "told"),
    [
        ("hash:ip,port,ip", "inet", "10.0.0.11", "3 parts, not 1"),
        ("hash:ip", "inet", "10.0.0.1,tcp:1", "1 parts, not 2"),
        ("hash:ip", "inet", "fd00::1", "the set is inet"),
        ("hash:ip", "inet6", "10.0.0.1", "the set is inet6"),
        ("hash:ip", "inet", "10.0.0.0/24", "one address is wanted"),
        ("hash:ip", "inet", "10.0.0.1-10.0.0.9", "one address is wanted"),
        ("hash:net", "inet", "10.0.0.1/24", "host bits"),
        ("hash:net", "inet", "10.0.0.1/33", "is not valid"),
        ("hash:net", "inet", "0.0.0.0/0", "no prefix of length 0"),
        ("hash:ip,port", "inet", "10.0.0.1,tcp:70000", "a port from 0 to 65535"),
        ("hash:ip,port", "inet", "10.0.0.1,tcp:http", "a port from 0 to 65535"),
        ("hash:ip,port", "inet", "10.0.0.1,foo:1", "write PROTOCOL:PORT"),
        ("hash:ip,port", "inet", "10.0.0.1,256:0", "write PROTOCOL:PORT"),
        ("hash:ip,port", "inet", "10.0.0.1,47:1", "has no ports"),
        ("hash:ip,port", "inet", "10.0.0.1,icmp:300/0", "TYPE/CODE"),
        ("hash:ip,port", "inet", "10.0.0.1,icmpv6:128/0", "other family"),
        ("hash:mac", "unspec", "00:00:00:00:00:00", "all zeros"),
        ("hash:mac", "unspec", "aa:bb", "MAC address"),
        ("list:set", "unspec", "a b", "white space"),
    ],
)
def test_entries_that_do_not_fit(name, family, written, told):
    with pytest.raises(InvalidOption, match=told):
        Entry.parse(SetType(name, family), written)


@pytest.mark.parametrize(("name", "family"), [("hash:colour", None), ("list:set", "inet"), ("hash:mac", "inet6")])
def test_types_that_are_none(name, family):
    with pytest.raises(InvalidOption):
        set_type(name, family)


def options(**given_options):
    return dict(dict.fromkeys(("hashsize", "maxelem", "timeout", "counters", "comment")), **given_options)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("hash:ip", dict(maxelem=0)),
        ("hash:ip", dict(timeout=2147484)),
        ("list:set", dict(maxelem=4)),
        ("list:set", dict(hashsize=64)),
    ],
)
def test_header_options_that_are_none(name, bad):
    with pytest.raises(InvalidOption):
        header_options(set_type(name, None), options(**bad))


def test_a_new_set_is_created_with_the_kernels_defaults():
    plan, header = plan_set("S", LOOP, {}, None)
    assert [operation.verb for operation in plan.operations] == ["create"]
    assert (header.hashsize, header.maxelem, header.timeout) == (1024, 65536, None)
    assert plan.before == {}
    assert plan.after == dict(
        name="S", type="hash:ip,port,ip", family="inet", hashsize=1024, maxelem=65536, counters=False, comment=False
    )


def test_a_set_that_the_kernel_has_enlarged_is_no_difference():
    have = SetHeader("S", LOOP, hashsize=8192, maxelem=65536)
    plan, header = plan_set("S", LOOP, dict(hashsize=64), have)
    assert not plan.changed
    assert header == have


@pytest.mark.parametrize(
    ("kind", "given_options", "told"),
    [
        (SetType("hash:ip", "inet"), {}, "exists with type hash:ip,port,ip, the task wants hash:ip"),
        (SetType("hash:ip,port,ip", "inet6"), {}, "exists with family inet, the task wants inet6"),
        (LOOP, dict(maxelem=5), "exists with maxelem 65536, the task wants 5"),
        (LOOP, dict(timeout=5), "exists with timeout None, the task wants 5"),
        (LOOP, dict(counters=True), "exists with counters False, the task wants True"),
    ],
)
def test_what_cannot_be_changed_in_place_is_said(kind, given_options, told):
    with pytest.raises(Conflict, match=told):
        plan_set("S", kind, given_options, SetHeader("S", LOOP, 1024, 65536))


def test_absent_sets():
    assert not plan_no_set(None).changed
    assert [operation.verb for operation in plan_no_set(SetHeader("S", LOOP, 1024, 65536)).operations] == ["destroy"]


HEADER = SetHeader("S", LOOP, 1024, 65536)
A, B, C = (Entry.parse(LOOP, "10.0.0.%d,tcp:1,10.0.0.%d" % (n, n)) for n in (1, 2, 3))


def changes(plan):
    return [(operation.verb, operation.entries) for operation in plan.operations]


def test_entries_are_added_and_with_purge_others_go():
    assert changes(plan_entries(HEADER, [A, B, A], [B, C], purge=False)) == [("add", (A,))]
    assert changes(plan_entries(HEADER, [A, B], [B, C], purge=True)) == [("delete", (C,)), ("add", (A,))]
    assert changes(plan_entries(HEADER, [], [B, C], purge=True)) == [("delete", (B, C))]
    assert changes(plan_entries(HEADER, [], [B, C], purge=False)) == []
    assert changes(plan_no_entries(HEADER, [A, B, B], [B, C])) == [("delete", (B,))]
    assert changes(plan_no_entries(HEADER, [A], [B, C])) == []


def test_the_diff_of_entries_shows_what_changes():
    plan = plan_entries(HEADER, [A, B], [B, C], purge=True)
    assert plan.before == dict(entries=[str(C)])
    assert plan.after == dict(entries=[str(A)])
    plan = plan_entries(HEADER, [B], [B], purge=True)
    assert plan.before == plan.after == {}


def test_entries_of_a_set_that_is_not_there_yet():
    assert not predict_entries([]).changed
    assert predict_entries(["10.0.0.1"]).after == dict(entries=["10.0.0.1"])


def test_many_entries_travel_in_few_messages_and_keep_their_numbers():
    many = [Entry.parse(SetType("hash:ip", "inet"), "10.%d.%d.1" % divmod(n, 256)) for n in range(5000)]
    messages = list(ipset._encode_entries(many))
    assert len(messages) < 20
    assert all(len(message) < 65536 for message in messages)
