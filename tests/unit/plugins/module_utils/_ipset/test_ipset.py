# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets: the entries' grammar, the codec, and the plans."""

from __future__ import annotations

import graphlib
import ipaddress
import struct
from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyroute2.netlink.nfnetlink.ipset import ipset_msg

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, InvalidOption, KernelRefused
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset import client as ipset
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.plan import (
    Wish,
    plan_contents,
    plan_no_entries,
    plan_no_set,
    plan_set,
    predict_entries,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import (
    SET_TYPES,
    SetHeader,
    header_options,
    new_header,
    set_type,
    temporary_name,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import (
    PLAIN,
    Options,
    Reader,
    _halves,
    as_dict,
    described,
    encode,
    encode_rest,
    layout,
    read_rest,
    split_entries,
    written,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel import attributes as netlink_attributes
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel import netlink
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    NLA_F_NESTED,
    MalformedReply,
    attribute,
    nested,
    text,
)

RANGES = {"bitmap:ip": "10.0.0.0/16", "bitmap:ip,mac": "10.0.0.0/16", "bitmap:port": "0-65535"}


def header(name, family=None, **given_options):
    """A new set 'S' of a type."""
    kind = set_type(name, family)
    if name in RANGES:
        given_options.setdefault("range", RANGES[name])
    return new_header("S", kind, header_options(kind, given_options))


def only(of, item):
    """The key and the options of one entry."""
    found = Reader(of).read([item])
    assert len(found) == 1
    return next(iter(found.items()))


EVERYTHING = dict(timeout=0, counters=True, comment=True, skbinfo=True)
protocol_ports = st.one_of(
    st.builds("{}:{}".format, st.sampled_from(["tcp", "udp", "sctp", "udplite"]), st.integers(0, 65535)),
    st.sampled_from(["47:0", "132:5", "6:80"]),
)


@st.composite
def entries(draw):
    """A set with an entry that fits it."""
    name = draw(st.sampled_from(sorted(SET_TYPES)))
    family = draw(st.sampled_from(["inet", "inet6"])) if set_type(name, None).has_family else None
    version: Literal[4, 6] = 6 if family == "inet6" else 4
    address = st.ip_addresses(v=version).filter(int).map(str)
    prefix = st.integers(1, 32 if version == 4 else 128)
    network = st.tuples(st.ip_addresses(v=version), prefix).map(
        lambda pair: str(ipaddress.ip_network("%s/%d" % pair, strict=False))
    )
    parts = {
        "ip": st.integers(0, 65535).map(lambda n: "10.0.%d.%d" % divmod(n, 256)) if name in RANGES else address,
        "net": network,
        "port": st.integers(0, 65535).map(str) if name in RANGES else protocol_ports,
        "mac": st.binary(min_size=6, max_size=6).filter(any).map(lambda raw: ":".join("%02x" % byte for byte in raw)),
        "set": st.text("ABCdef-_09", min_size=1, max_size=31),
        "mark": st.integers(1, 2**32 - 1).map(str),
        "iface": st.text("abc09", min_size=1, max_size=15).map(
            lambda name: draw(st.sampled_from(["", "physdev:"])) + name
        ),
    }
    carried = {
        "timeout": st.integers(0, 2147483),
        "packets": st.integers(0, 2**64 - 2),
        "bytes": st.integers(0, 2**64 - 2),
        "comment": st.text("aä€ ',", min_size=1, max_size=60),
        "skbmark": st.sampled_from(["0x1", "0x1/0xff"]),
        "skbprio": st.sampled_from(["1:10", "0:ffff"]),
        "skbqueue": st.integers(0, 65535),
    }
    if "net" in name:
        carried["nomatch"] = st.just(True)
    if name == "hash:net,iface":
        carried["wildcard"] = st.just(True)
    item = draw(st.fixed_dictionaries({}, optional=carried))
    item["entry"] = ",".join(draw(parts[part]) for part in set_type(name, None).parts)
    return header(name, family, **EVERYTHING), item


def listed(of, key, options):
    """An entry as the kernel lists it."""
    flags = 2 if key.endswith(PHYSDEV) else 0
    if flags:
        key = key[: -len(PHYSDEV)]
    return nested(ipset.ATTR_DATA, key + encode_rest(options, flags))


PHYSDEV = only(header("hash:net,iface"), "1.1.1.1,physdev:a")[0][-8:]


@given(entries())
def test_an_entry_comes_back_as_it_went(case):
    of, item = case
    key, options = only(of, item)
    found = split_entries(of.kind, listed(of, key, options) * 2)
    assert list(found) == [key]
    assert read_rest(found[key]) == options
    assert as_dict(of.kind, key, options) == {**item, "entry": as_dict(of.kind, key, options)["entry"]}
    assert only(of, as_dict(of.kind, key, options)) == (key, options)
    assert only(of, written(of.kind, key, options)) == (key, options)


@given(entries(), st.randoms())
def test_the_order_of_attributes_is_of_no_matter(case, random):
    of, item = case
    key, options = only(of, item)
    data = listed(of, key, options)[4:]
    pieces, offset = [], 0
    while offset < len(data):
        (length,) = struct.unpack_from("=H", data, offset)
        pieces.append(data[offset : offset + (length + 3 & ~3)])
        offset += length + 3 & ~3
    random.shuffle(pieces)
    found = split_entries(of.kind, nested(ipset.ATTR_DATA, *pieces))
    assert list(found) == [key]
    assert read_rest(found[key]) == options


def description(of, listing=b""):
    """The first message of a set's listing."""
    return (
        text(ipset.ATTR_SETNAME, of.name)
        + text(ipset.ATTR_TYPENAME, of.kind.name)
        + attribute(ipset.ATTR_FAMILY, bytes([ipset._FAMILIES[of.kind.family]]))
        + nested(ipset.ATTR_DATA, ipset.encode_header(of))
        + nested(ipset.ATTR_ADT, listing)
    )


@given(entries())
def test_a_set_comes_back_as_it_went(case):
    of, item = case
    key, options = only(of, item)
    have = ipset.decode_set([description(of, listed(of, key, options))])
    assert have.header == of
    assert {each: read_rest(rest) for each, rest in have.entries.items()} == {key: options}


def of_pyroute2(command, body):
    """A message with these attributes as pyroute2 reads it."""
    head = struct.pack("=BBH", 2, 0, 0)
    message = ipset_msg(struct.pack("=IHHII", 20 + len(body), 6 << 8 | command, 0, 1, 0) + head + body)
    message.decode()
    return message


#: What pyroute2 0.9.7 reads or writes otherwise than the kernel has it: attributes of entries, or of sets.
FAULTS = {
    "IPSET_ATTR_NAMEREF": "a name, taken for a number of 32 bits",
    "IPSET_ATTR_CADT_LINENO": "in network order, while the kernel has it in the host's",
    "IPSET_ATTR_MARKMASK": "in network order only, while kernels send it in the host's too",
    "IPSET_ATTR_NETMASK": "not decoded: a text of hexadecimal digits",
    "IPSET_ATTR_BITMASK": "unknown",
}


@given(entries())
def test_pyroute2_reads_the_entry_that_we_encode(case):
    of, item = case
    key, options = only(of, item)
    _count, (packed,) = ipset.encode_entries(of.kind, {key: options})
    (entry,) = of_pyroute2(9, packed).get_attr("IPSET_ATTR_ADT").get_attrs("IPSET_ATTR_DATA")
    flags = entry.get_attr("IPSET_ATTR_CADT_FLAGS") or 0
    assert (bool(flags & 4), bool(flags & 128)) == (options.nomatch, options.wildcard)
    assert struct.pack(">I", entry.get_attr("IPSET_ATTR_CADT_LINENO")) == struct.pack("=I", 1)
    words, second = as_dict(of.kind, key, options)["entry"].split(","), ""
    for part, word in zip(of.kind.parts, words, strict=True):
        if part in ("ip", "net"):
            address, _slash, prefix = word.partition("/")
            inner = entry.get_attr("IPSET_ATTR_IP" + (second and "2")) or entry.get_attr("IPSET_ATTR_IP_FROM")
            found = inner.get_attr("IPSET_ATTR_IPADDR_IPV%d" % (6 if of.kind.bits == 128 else 4))
            assert ipaddress.ip_address(found) == ipaddress.ip_address(address)
            if part == "net":
                assert entry.get_attr("IPSET_ATTR_CIDR" + (second and "2")) == int(prefix or of.kind.bits)
            second = "2"
        elif part == "port":
            protocol, _colon, port = word.rpartition(":")
            assert port_of(entry) == int(port)
            if protocol:
                names = {"tcp": 6, "udp": 17, "sctp": 132, "udplite": 136}
                assert entry.get_attr("IPSET_ATTR_PROTO") == (names.get(protocol) or int(protocol))
        elif part == "mark":
            assert entry.get_attr("IPSET_ATTR_MARK") == int(word, 16)
        elif part == "mac":
            assert entry.get_attr("IPSET_ATTR_ETHER").upper() == word
        elif part == "set":
            assert entry.get_attr("IPSET_ATTR_NAME") == word
        else:
            assert ("physdev:" * bool(flags & 2)) + entry.get_attr("IPSET_ATTR_IFACE") == word
    for name in ("timeout", "packets", "bytes", "comment", "skbqueue"):
        assert entry.get_attr("IPSET_ATTR_" + name.upper()) == getattr(options, name)
    assert entry.get_attr("IPSET_ATTR_SKBMARK") == options.skbmark
    prio = options.skbprio
    assert entry.get_attr("IPSET_ATTR_SKBPRIO") == (None if prio is None else (prio >> 16, prio & 0xFFFF))


def port_of(entry):
    """The port, which pyroute2 knows by two names."""
    found = entry.get_attr("IPSET_ATTR_PORT")
    return entry.get_attr("IPSET_ATTR_PORT_FROM") if found is None else found


@given(entries())
def test_pyroute2_reads_the_set_that_we_encode(case):
    of, _item = case
    found = of_pyroute2(2, nested(ipset.ATTR_DATA, ipset.encode_header(of))).get_attr("IPSET_ATTR_DATA")
    flags = found.get_attr("IPSET_ATTR_CADT_FLAGS")
    assert [bool(flags & bit) for bit in (8, 16, 32, 64)] == [of.counters, of.comment, of.forceadd, of.skbinfo]
    for name in ("timeout", "hashsize", "maxelem", "size", "markmask", "initval"):
        assert found.get_attr("IPSET_ATTR_" + name.upper()) == getattr(of, name)


def test_we_read_what_pyroute2_writes():
    """Its attributes of an entry, in its order, as the kernel would list them."""
    message = ipset_msg()
    ip = {"attrs": [["IPSET_ATTR_IPADDR_IPV6", "fd00::1"]]}
    carried = [
        ["IPSET_ATTR_SKBQUEUE", 7],
        ["IPSET_ATTR_SKBPRIO", [1, 16]],
        ["IPSET_ATTR_SKBMARK", [1, 255]],
        ["IPSET_ATTR_COMMENT", "a word"],
        ["IPSET_ATTR_BYTES", 2**40],
        ["IPSET_ATTR_PACKETS", 3],
        ["IPSET_ATTR_CADT_FLAGS", 4],
        ["IPSET_ATTR_TIMEOUT", 600],
        ["IPSET_ATTR_CIDR2", 64],
        ["IPSET_ATTR_IP2", {"attrs": [["IPSET_ATTR_IPADDR_IPV6", "fd00:1::"]]}],
        ["IPSET_ATTR_PROTO", 6],
        ["IPSET_ATTR_PORT", 8080],
        ["IPSET_ATTR_IP_FROM", ip],
    ]
    message["attrs"] = [["IPSET_ATTR_ADT", {"attrs": [["IPSET_ATTR_DATA", {"attrs": carried}]]}]]
    message.encode()
    ((attr, listing),) = netlink_attributes.attributes(bytes(message.data)[20:])
    assert attr == ipset.ATTR_ADT
    of = header("hash:ip,port,net", "inet6", **EVERYTHING)
    found = split_entries(of.kind, listing)
    assert len(found) == 1
    key, rest = next(iter(found.items()))
    assert written(of.kind, key, read_rest(rest)) == (
        'fd00::1,tcp:8080,fd00:1::/64 timeout 600 packets 3 bytes 1099511627776 comment "a word"'
        " skbmark 0x1/0xff skbprio 1:10 skbqueue 7 nomatch"
    )


def test_the_faults_of_pyroute2_are_still_there():
    """When one of them goes, what it excuses is to be compared too."""
    body = (
        text(19, "AAAA")
        + attribute(9, struct.pack("=I", 1))
        + attribute(11, struct.pack("=I", 255))
        + attribute(20, b"\x18")
        + attribute(12, b"\x18")
    )
    one = nested(ipset.ATTR_DATA, body)
    found = {}
    for message in (of_pyroute2(2, one).get_attr("IPSET_ATTR_DATA"), of_pyroute2(9, one).get_attr("IPSET_ATTR_DATA")):
        found.update({name: message.get_attr(name) for name in FAULTS if message.get_attr(name) is not None})
    assert found == {
        "IPSET_ATTR_NAMEREF": 0x41414141,
        "IPSET_ATTR_CADT_LINENO": struct.unpack(">I", struct.pack("=I", 1))[0],
        "IPSET_ATTR_MARKMASK": struct.unpack(">I", struct.pack("=I", 0xFF))[0],
        "IPSET_ATTR_NETMASK": "18",
    }


def test_a_masked_mark_in_either_byte_order():
    of = header("hash:ip,mark", markmask=0xFF)
    assert ipset.decode_set([description(of)]).header.markmask == 0xFF
    ours, theirs = (struct.pack(form, 0x400B if form == ">H" else 0xFF) for form in (">H", "=I"))
    network = attribute(11 | 0x4000, struct.pack(">I", 0xFF))
    host = attribute(11, theirs)
    assert ours
    assert ipset.decode_set([description(of).replace(network, host)]).header.markmask == 0xFF


@given(st.sampled_from(sorted(SET_TYPES)), st.binary(max_size=120))
@example("hash:ip", b"\x04\x00\x07\x80")
def test_no_bytes_make_the_decoding_hang_or_crash(name, data):
    of = header(name)
    try:
        have = ipset.decode_set([description(of, data), data])
        for key, rest in have.entries.items():
            written(of.kind, key, read_rest(rest))
        ipset.decode_set([data])
    except MalformedReply:
        return


@given(entries(), st.data())
def test_no_damage_to_a_listing_makes_the_decoding_hang_or_crash(case, data):
    of, item = case
    whole = bytearray(description(of, listed(of, *only(of, item)) * 3))
    for _time in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] = data.draw(st.integers(0, 255))
    whole = whole[: data.draw(st.integers(0, len(whole)))]
    try:
        have = ipset.decode_set([bytes(whole)])
        for key, rest in have.entries.items():
            as_dict(have.header.kind, key, read_rest(rest))
    except (MalformedReply, Conflict):
        return


def test_an_entry_of_another_length_is_not_taken_for_two():
    of = header("hash:ip")
    key, _options = only(of, "10.0.0.1")
    short = struct.pack("=HH", 2, 7 | NLA_F_NESTED)
    with pytest.raises(MalformedReply):
        split_entries(of.kind, short + key)


@pytest.mark.parametrize(
    ("name", "family", "item", "canonical"),
    [
        ("hash:ip,port,ip", "inet", "10.0.0.11,8080,10.0.0.11", "10.0.0.11,tcp:8080,10.0.0.11"),
        ("hash:ip,port,ip", "inet", "10.0.0.11,TCP:8080,10.0.0.11", "10.0.0.11,tcp:8080,10.0.0.11"),
        ("hash:ip,port", "inet", "10.0.0.11,6:80", "10.0.0.11,tcp:80"),
        ("hash:ip,port", "inet", "10.0.0.11,icmp:8/0", "10.0.0.11,icmp:8/0"),
        ("hash:ip,port", "inet", "10.0.0.11,icmp:echo-request", "10.0.0.11,icmp:8/0"),
        ("hash:ip,port", "inet6", "fd00::1,icmpv6:ping", "fd00::1,icmpv6:128/0"),
        ("hash:ip", "inet6", "FD00:0:0::1", "fd00::1"),
        ("hash:net", "inet", "10.0.0.1", "10.0.0.1"),
        ("hash:net", "inet", "10.0.0.1/32", "10.0.0.1"),
        ("hash:net", "inet", "10.0.0.0/24", "10.0.0.0/24"),
        ("hash:net,net", "inet", "128.0.0.0/1,10.0.0.0/8", "128.0.0.0/1,10.0.0.0/8"),
        ("hash:net,iface", "inet6", "::/0,physdev:eth0", "::/0,physdev:eth0"),
        ("hash:mac", None, "aa:bb:cc:dd:ee:ff", "AA:BB:CC:DD:EE:FF"),
        ("hash:ip,mark", "inet", "10.0.0.1,0x63", "10.0.0.1,0x00000063"),
        ("bitmap:port", None, 80, "80"),
        ("bitmap:port", None, "udp:53", "53"),
        ("bitmap:ip,mac", None, "10.0.0.1", "10.0.0.1"),
        (
            "bitmap:ip,mac",
            None,
            "10.0.0.1,2:0:0:0:0:0".replace("2:0:0:0:0:0", "02:00:00:00:00:0a"),
            "10.0.0.1,02:00:00:00:00:0A",
        ),
        ("hash:ip", "inet", '10.0.0.1 comment "a  b" timeout 5', '10.0.0.1 timeout 5 comment "a  b"'),
        ("hash:ip", "inet", dict(entry="10.0.0.1", skbmark=1, skbqueue="7"), "10.0.0.1 skbmark 0x1 skbqueue 7"),
        ("hash:net", "inet", dict(entry="10.0.0.1", nomatch=True, timeout=0), "10.0.0.1 timeout 0 nomatch"),
        ("hash:net", "inet", dict(entry="10.0.0.1", nomatch=False, timeout=None), "10.0.0.1"),
        ("list:set", None, "A before B", "A before B"),
    ],
)
def test_spellings(name, family, item, canonical):
    of = header(name, family, **EVERYTHING)
    assert written(of.kind, *only(of, item)) == canonical


@pytest.mark.parametrize(
    ("name", "item", "canonical"),
    [
        ("hash:ip", "10.0.0.1-10.0.0.3", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ("hash:ip", "10.0.0.0/30", ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ("hash:net", "10.0.0.1-10.0.0.4", ["10.0.0.1", "10.0.0.2/31", "10.0.0.4"]),
        ("hash:net", "0.0.0.0-255.255.255.254", ["0.0.0.0/1"]),
        ("hash:ip,port", "10.0.0.0/31,tcp:1-2", [
            "10.0.0.0,tcp:1", "10.0.0.0,tcp:2", "10.0.0.1,tcp:1", "10.0.0.1,tcp:2",
        ]),
        ("bitmap:port", "22-20", ["20", "21", "22"]),
    ],
)  # fmt: skip
def test_ranges(name, item, canonical):
    of = header(name)
    found = [written(of.kind, key) for key in Reader(of).read([item])]
    assert found[: len(canonical)] == canonical


@pytest.mark.parametrize(
    ("name", "given_options", "item", "canonical"),
    [
        ("hash:ip", dict(netmask=24), "10.0.0.77", ["10.0.0.0"]),
        ("hash:ip", dict(netmask=24), "10.0.0.200-10.0.2.1", ["10.0.0.0", "10.0.1.0", "10.0.2.0"]),
        ("hash:ip", dict(bitmask="255.0.255.0"), "10.7.1.9", ["10.0.1.0"]),
        ("hash:net,net", dict(netmask=16), "10.1.2.0/24,10.9.9.9", ["10.1.0.0/24,10.9.0.0"]),
        ("hash:ip,mark", dict(markmask=0xFF), "10.0.0.1,0x1234", ["10.0.0.1,0x00000034"]),
        ("bitmap:ip", dict(netmask=28), "10.0.0.17-10.0.0.40", ["10.0.0.16", "10.0.0.32"]),
    ],
)
def test_what_a_set_lays_over_its_entries(name, given_options, item, canonical):
    of = header(name, **given_options)
    assert [written(of.kind, key) for key in Reader(of).read([item])] == canonical


@pytest.mark.parametrize(
    ("name", "family", "item", "told"),
    [
        ("hash:ip,port,ip", "inet", "10.0.0.11", "3 parts, not 1"),
        ("hash:ip", "inet", "10.0.0.1,tcp:1", "1 parts, not 2"),
        ("hash:ip", "inet", "fd00::1", "the set is inet"),
        ("hash:ip", "inet6", "10.0.0.1", "the set is inet6"),
        ("hash:ip", "inet6", "fd00::/64", "ranges for IPv4 only"),
        ("hash:ip", "inet6", "fd00::1-fd00::2", "ranges for IPv4 only"),
        ("hash:ip", "inet", "0.0.0.0", "all zeros"),
        ("hash:ip", "inet", "10.0.0.0/8", "more entries than the set may hold"),
        ("hash:ip", "inet", "10.0.0.1/30", "host bits"),
        ("hash:ip", "inet", "010.0.0.1", "is not valid"),
        ("hash:ip,port,ip", "inet", "10.0.0.1,1,10.0.0.0/30", "one address is wanted"),
        ("hash:ip,mac", "inet", "10.0.0.0/30,02:00:00:00:00:01", "one address is wanted"),
        ("hash:net", "inet", "10.0.0.1/24", "host bits"),
        ("hash:net", "inet", "10.0.0.1/33", "from 0 to 32"),
        ("hash:net", "inet", "10.0.0.1/255.0.0.0", "from 0 to 32"),
        ("hash:net", "inet", "0.0.0.0/0", "no prefix of length 0"),
        ("hash:net,net", "inet6", "::1,::/0", "no prefix of length 0"),
        ("hash:ip,port", "inet", "10.0.0.1,tcp:70000", "a port from 0 to 65535"),
        ("hash:ip,port", "inet", "10.0.0.1,tcp:no-such-service", "a port from 0 to 65535"),
        ("hash:ip,port", "inet", "10.0.0.1,tcp:-5", "a port from 0 to 65535"),
        ("hash:ip,port", "inet", "10.0.0.1,foo:1", "write PROTOCOL:PORT"),
        ("hash:ip,port", "inet", "10.0.0.1,256:0", "write PROTOCOL:PORT"),
        ("hash:ip,port", "inet", "10.0.0.1,0:0", "write PROTOCOL:PORT"),
        ("hash:ip,port", "inet", "10.0.0.1,47:1", "has no ports"),
        ("hash:ip,port", "inet", "10.0.0.1,icmp:300/0", "TYPE/CODE"),
        ("hash:ip,port", "inet", "10.0.0.1,icmp:no-such-type", "TYPE/CODE"),
        ("hash:ip,port", "inet", "10.0.0.1,icmpv6:128/0", "other family"),
        ("hash:ip,port", "inet", "10.0.0.0/24,1-65535", "stands for"),
        ("hash:mac", None, "00:00:00:00:00:00", "all zeros"),
        ("hash:mac", None, "aa:bb", "MAC address"),
        ("hash:ip,mark", "inet", "10.0.0.1,0x100000000", "from 0 to 4294967295"),
        ("hash:net,iface", "inet", "10.0.0.0/8,sixteen-letters-", "a device name"),
        ("hash:net,iface", "inet", "10.0.0.0/8,bridge:eth0", "physdev"),
        ("list:set", None, "A,B", "1 parts, not 2"),
        ("list:set", None, "A;B", "white space"),
        ("bitmap:ip", None, "10.1.0.0", "the set's range is 10.0.0.0-10.0.255.255"),
        ("bitmap:ip", None, "9.255.255.255-10.0.0.1", "the set's range is"),
        ("hash:ip", "inet", True, "as a text, or as a dict"),
        ("hash:ip", "inet", dict(timeout=1), "under 'entry'"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", colour="red"), "'colour'"),
        ("hash:ip", "inet", "10.0.0.1 colour red", "'colour'"),
        ("hash:ip", "inet", "10.0.0.1 timeout", "its value is missing"),
        ("hash:ip", "inet", "10.0.0.1 timeout 1 timeout 2", "said twice"),
        ("hash:ip", "inet", '10.0.0.1 comment "a" b"', "double quote"),
        ("hash:ip", "inet", "10.0.0.1 nomatch", "have no 'nomatch'"),
        ("hash:net", "inet", "10.0.0.1 wildcard", "have no 'wildcard'"),
        ("hash:net", "inet", "10.0.0.1 before X", "have no 'before'"),
        ("hash:ip", "inet", "10.0.0.1 timeout 2147484", "from 0 to 2147483"),
        ("hash:ip", "inet", "10.0.0.1 timeout -1", "from 0 to 2147483"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", timeout=True), "from 0 to 2147483"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", comment="a" * 256), "at most 255 bytes"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", comment="€" * 86), "at most 255 bytes"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", comment='a"'), "no double quotes"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", comment="a\nb"), "no line feed"),
        ("hash:ip", "inet", '10.0.0.1 comment "a\n"', "no line feed"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", comment="a\0b"), "no NUL"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", comment="a\ud800"), "a character that UTF-8 has not"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", timeout="²"), "from 0 to 2147483"),
        ("hash:ip", "inet", "10.0.0.1 timeout " + "9" * 5000, "from 0 to 2147483"),
        ("hash:net", "inet", "10.0.0.0/٢٤", "from 0 to 32"),
        ("hash:net", "inet", "10.0.0.0/" + "9" * 5000, "from 0 to 32"),
        ("hash:ip,port", "inet", "10.0.0.1,tcp:²-³", "a port from 0 to 65535"),
        ("hash:ip,port", "inet", "10.0.0.1,tcp:" + "9" * 5000, "a port from 0 to 65535"),
        ("hash:ip,port", "inet", "10.0.0.1,٤٧:0", "write PROTOCOL:PORT"),
        ("hash:ip,port", "inet", "10.0.0.1,²:0", "write PROTOCOL:PORT"),
        ("hash:ip,port", "inet", "10.0.0.1,icmp:\u0668/\u0660", "TYPE/CODE"),
        ("hash:ip", "inet", "10.0.0.1 skbmark 0x100000000", "a mark is a number"),
        ("hash:ip", "inet", "10.0.0.1 skbprio 12345:1", "MAJOR:MINOR"),
        ("hash:ip", "inet", "10.0.0.1 skbqueue 65536", "a hardware queue"),
        ("list:set", None, "A before B after C", "either before or after"),
    ],
)
def test_entries_that_do_not_fit(name, family, item, told):
    with pytest.raises(InvalidOption, match=told):
        Reader(header(name, family, **EVERYTHING)).read([item])


def test_what_a_mask_leaves_nothing_of():
    assert Reader(header("hash:ip,port")).read(["0.0.0.0,tcp:1"])  # which only Linux 6.2 and later refuse
    for name, item in (("hash:ip", "0.0.0.1"), ("hash:ip,port", "0.0.0.1,tcp:1")):
        with pytest.raises(InvalidOption, match="all zeros"):
            Reader(header(name, netmask=8)).read([item])


@pytest.mark.parametrize(
    "item",
    ["10.0.0.1 timeout 1", "10.0.0.1 packets 1", "10.0.0.1 bytes 1", "10.0.0.1 comment x", "10.0.0.1 skbmark 0x1"],
)
def test_options_that_the_set_does_not_take(item):
    with pytest.raises(InvalidOption, match=r"the set 'S' has no '\w+': create it with that option"):
        Reader(header("hash:ip")).read([item])


def test_more_entries_than_the_set_holds():
    with pytest.raises(InvalidOption, match="holds at most 2"):
        Reader(header("hash:ip", maxelem=2)).read(["10.0.0.1", "10.0.0.2", "10.0.0.3"])


@pytest.mark.parametrize(
    ("name", "family"), [("hash:colour", None), ("list:set", "inet"), ("hash:mac", "inet6"), ("bitmap:ip", "inet")]
)
def test_types_that_are_none(name, family):
    with pytest.raises(InvalidOption):
        set_type(name, family)


@pytest.mark.parametrize(
    ("name", "bad", "told"),
    [
        ("hash:ip", dict(maxelem=0), "a number of entries"),
        ("hash:ip", dict(timeout=2147484), "a timeout"),
        ("hash:ip", dict(timeout=-2), "a timeout"),
        ("list:set", dict(maxelem=4), "has none"),
        ("list:set", dict(hashsize=64), "has none"),
        ("list:set", dict(size=3), "from 4"),
        ("hash:ip", dict(size=8), "has none"),
        ("hash:ip", dict(range="10.0.0.0/24"), "has none"),
        ("hash:ip", dict(bucketsize=3), "even"),
        ("hash:ip", dict(bucketsize=14), "from 2 to 12"),
        ("hash:ip", dict(initval=2**32), "seed"),
        ("hash:ip", dict(netmask=0), "from 1 to 32"),
        ("hash:ip", dict(netmask=33), "from 1 to 32"),
        ("hash:ip", dict(netmask=24, bitmask="255.0.0.0"), "either a netmask or a bitmask"),
        ("hash:ip", dict(bitmask="0.0.0.0"), "all zeros"),
        ("hash:ip", dict(bitmask="ffff::"), "of the family inet"),
        ("hash:net", dict(netmask=24), "has none"),
        ("hash:ip,mark", dict(markmask=0), "a mask"),
        ("hash:ip", dict(markmask=1), "has none"),
        ("bitmap:ip", dict(range=None), "needs it"),
        ("bitmap:ip", dict(range="10.0.0.0/15"), "it has 131072 entries"),
        ("bitmap:ip", dict(range="10.0.0.0"), None),
        ("bitmap:ip", dict(range="10.0.0.1-x"), "FIRST-LAST"),
        ("bitmap:ip", dict(range="fd00::/120"), "FIRST-LAST"),
        ("bitmap:ip", dict(range="10.0.0.0/24", netmask=24), "a network of more than one"),
        ("bitmap:ip", dict(range="10.0.0.16-10.0.0.79", netmask=28), "a network of more than one"),
        ("bitmap:ip", dict(forceadd=True), "has none"),
        ("bitmap:port", dict(range="0-65536"), "a port"),
        ("bitmap:port", dict(range="http-https"), "FIRST-LAST"),
        ("bitmap:port", dict(range="²"), "FIRST-LAST"),
        ("bitmap:port", dict(range="1-٣"), "FIRST-LAST"),
        ("bitmap:port", dict(range="1-"), "FIRST-LAST"),
        ("bitmap:port", dict(range="9" * 5000), "FIRST-LAST"),
    ],
)
def test_options_of_sets_that_are_none(name, bad, told):
    if told is None:
        assert header(name, **bad).range == "10.0.0.0-10.0.0.0"
        return
    with pytest.raises(InvalidOption, match=told):
        header(name, **bad)


@pytest.mark.parametrize(
    ("name", "said", "kept"),
    [
        ("hash:ip", dict(hashsize=1), dict(hashsize=64)),
        ("hash:ip", dict(hashsize=1000), dict(hashsize=1024)),
        ("hash:ip", dict(netmask=32), dict(netmask=None)),
        ("hash:ip", dict(bitmask="255.255.255.255"), dict(bitmask=None)),
        ("bitmap:ip", dict(range="10.0.0.3-10.0.0.200", netmask=28), dict(range="10.0.0.0-10.0.0.207")),
        ("bitmap:port", dict(range="9-1"), dict(range="1-9")),
    ],
)
def test_options_of_sets_as_the_kernel_keeps_them(name, said, kept):
    found = header(name, **said)
    assert {option: getattr(found, option) for option in kept} == kept


def test_temporary_names_fit_and_differ():
    names = {temporary_name(name) for name in ("A", "B", "A" * 31)}
    assert len(names) == 3
    assert {len(name) for name in names} == {31}


LOOP = set_type("hash:ip,port,ip", None)


def have_set(of, *items, references=0):
    """A set in the kernel, with its entries."""
    found = Reader(of).read(items)
    return ipset.KernelSet(of, references=references, entries={k: encode_rest(o) for k, o in found.items()})


def verbs(outcome):
    return [operation.verb for operation in outcome.plan.operations]


def test_a_new_set_is_created_with_the_kernels_defaults():
    outcome = plan_set("S", LOOP, {}, None)
    assert verbs(outcome) == ["create"]
    assert outcome.plan.before == {}
    assert outcome.plan.after == dict(
        name="S", type="hash:ip,port,ip", family="inet", hashsize=1024, maxelem=65536, counters=False, comment=False,
        skbinfo=False, forceadd=False, timeout=-1,
    )  # fmt: skip


def test_a_set_that_the_kernel_has_enlarged_is_no_difference():
    have = have_set(header("hash:ip", hashsize=8192))
    outcome = plan_set("S", have.header.kind, dict(hashsize=64), have)
    assert not outcome.plan.changed
    assert outcome.header == have.header


DIFFERENT = [
    ("hash:ip", None, {}, "exists with type hash:ip,port,ip, the task wants hash:ip"),
    ("hash:ip,port,ip", "inet6", {}, "exists with family inet, the task wants inet6"),
    ("hash:ip,port,ip", None, dict(maxelem=5), "exists with maxelem 65536, the task wants 5"),
    ("hash:ip,port,ip", None, dict(timeout=5), "exists with timeout -1, the task wants 5"),
    ("hash:ip,port,ip", None, dict(counters=True), "exists with counters False, the task wants True"),
]


@pytest.mark.parametrize(("name", "family", "given_options", "told"), DIFFERENT)
def test_what_cannot_be_changed_in_place_is_said(name, family, given_options, told):
    with pytest.raises(Conflict, match=told):
        plan_set("S", set_type(name, family), given_options, have_set(header("hash:ip,port,ip")))


def test_another_shape_takes_the_entries_along_and_the_place():
    have = have_set(header("hash:ip", timeout=9, comment=True), "10.0.0.1 timeout 5 comment x", references=3)
    outcome = plan_set("S", have.header.kind, dict(maxelem=7, comment=False), have, recreate=True)
    assert verbs(outcome) == ["create", "add", "swap", "destroy"]
    create, add, swap, destroy = outcome.plan.operations
    assert create.header.name == swap.header.name == destroy.header.name == temporary_name("S")
    assert swap.other == "S"
    assert (create.header.maxelem, create.header.timeout, create.header.comment) == (7, 9, False)
    assert list(add.entries.values()) == [Options(timeout=5)]
    assert (outcome.plan.before, outcome.plan.after) == (
        dict(maxelem=65536, comment=True),
        dict(maxelem=7, comment=False, rebuilt=True),
    )


@pytest.mark.parametrize(
    ("options", "taken"),
    [
        (dict(timeout=9), dict(timeout=-1)),
        (dict(counters=True, comment=True, skbinfo=True), dict(counters=False, comment=False, skbinfo=False)),
        (dict(netmask=24), dict(netmask=32)),
        (dict(bitmask="255.0.255.0"), dict(netmask=32)),
        (dict(netmask=24), dict(bitmask="255.255.255.255")),
        (dict(netmask=24), dict(bitmask="255.0.255.0")),
        (dict(bitmask="255.0.255.0"), dict(netmask=24)),
    ],
)
def test_what_a_set_has_can_be_taken_from_it(options, taken):
    of = header("hash:ip", **options)
    given_options = header_options(of.kind, taken)
    with pytest.raises(Conflict, match="set 'S' exists with"):
        plan_set("S", of.kind, given_options, have_set(of))
    outcome = plan_set("S", of.kind, given_options, have_set(of), recreate=True)
    assert outcome.header == header("hash:ip", **taken)
    assert outcome.header
    have = have_set(outcome.header)
    assert not plan_set("S", of.kind, given_options, have).plan.changed
    # A set tells all that makes it out, so that this takes away what another has.
    for mine, other in ((of, outcome.header), (outcome.header, of)):
        options = {name: value for name, value in mine.options().items() if name not in ("name", "type", "family")}
        back = plan_set("S", of.kind, header_options(of.kind, options), have_set(other), recreate=True)
        assert back.header == mine


def test_entries_of_a_set_that_gets_counters_start_with_what_is_said():
    have = have_set(header("hash:ip"), "10.0.0.1", "10.0.0.2")
    wish = Wish(["10.0.0.1 packets 1 bytes 2", "10.0.0.2 packets 0 bytes 0"])
    outcome = plan_set("S", have.header.kind, dict(counters=True), have, wish, recreate=True)
    assert outcome.updated == ["10.0.0.1 packets 1 bytes 2"]


def test_old_entries_that_another_shape_does_not_take_are_no_matter_where_they_go():
    of = header("bitmap:ip", range="10.0.0.0/24", counters=True)
    have = have_set(of, "10.0.0.1 packets 1 bytes 2", "10.0.0.200")
    smaller = header_options(of.kind, dict(range="10.0.0.0/28"))
    with pytest.raises(InvalidOption, match="the set's range is"):
        plan_set("S", of.kind, smaller, have, recreate=True)
    outcome = plan_set("S", of.kind, smaller, have, Wish(["10.0.0.1", "10.0.0.2"], purge=True), recreate=True)
    assert (outcome.added, outcome.deleted) == (["10.0.0.2"], ["10.0.0.200"])
    add = outcome.plan.operations[1]
    assert [written(of.kind, *each) for each in add.entries.items()] == ["10.0.0.1 packets 1 bytes 2", "10.0.0.2"]


@given(entries())
def test_what_is_described_makes_the_same_of_anything(case):
    of, item = case
    key, options = only(of, item)
    (whole,) = described(of, {key: encode_rest(options)})
    back = only(of, whole)
    assert back[0] == key
    everything = dict(comment="x", skbmark=(1, 1), skbprio=1, skbqueue=1, timeout=7)
    other = ipset.KernelSet(of, entries={key: encode_rest(options._replace(nomatch=False, **everything))})
    outcome = plan_contents(other, Wish([whole], purge=True, refresh=True))
    for operation in outcome.plan.operations:
        if operation.verb == "add":
            other = ipset.KernelSet(of, entries={key: encode_rest(operation.entries[key])})
    left = read_rest(other.entries[key])
    for name in everything:
        if getattr(options, name) is not None or name != "timeout":
            assert getattr(left, name) in (getattr(options, name), *EMPTY.get(name, ())), name
    assert (left.nomatch, left.wildcard) == (options.nomatch, options.wildcard)


#: What stands for nothing.
EMPTY = dict(comment=("", None), skbmark=((0, 0), None), skbprio=(0, None), skbqueue=(0, None))


@given(st.binary(min_size=1, max_size=255).filter(lambda raw: not set(raw) & set(b'"\n\0')))
@example("a\u00a0\tb".encode())
@example(b"\xff")
@example("\ud7ff\r".encode())
@example(rb"C:\xff\x5c\x5cxff\x41")
@example(b"\xff\\xff")
def test_any_comment_comes_back_as_it_went(raw):
    of = header("hash:ip", comment=True)
    (found,) = described(of, {only(of, "10.0.0.1")[0]: attribute(26, raw + b"\0")})
    found["comment"].encode()  # Ansible takes no other text
    _key, options = only(of, found)
    assert encode_rest(options) == attribute(26, raw + b"\0")
    assert read_rest(encode_rest(options)) == options


def test_a_comment_that_ipset_could_not_read_back_is_told():
    of = header("hash:ip", comment=True)
    (found,) = described(of, {only(of, "10.0.0.1")[0]: attribute(26, b"a\nb\0")})
    assert found == dict(entry="10.0.0.1", comment="a\nb")


def test_bytes_that_make_a_character_are_that_character():
    of = header("hash:ip", comment=True)
    assert only(of, dict(entry="10.0.0.1", comment=r"\xc3\xa4")) == only(of, dict(entry="10.0.0.1", comment="\u00e4"))


def test_a_list_is_described_in_its_order():
    of = header("list:set")
    found = described(of, have_set(of, "A", "B", "C").entries)
    assert found == [dict(entry="A"), dict(entry="B", after="A"), dict(entry="C", after="B")]
    other = have_set(of, "C", "X", "B", "A")
    assert applied(other, plan_contents(other, Wish(found, purge=True)).plan.operations) == ["A", "B", "C"]


def test_another_type_starts_anew_where_nothing_refers_to_the_set():
    have = have_set(header("hash:ip"), "10.0.0.1")
    net = set_type("hash:net", None)
    outcome = plan_set("S", net, {}, have, Wish(["10.0.0.0/8"]), recreate=True)
    assert verbs(outcome) == ["create", "add", "destroy", "rename"]
    assert outcome.plan.after == dict(type="hash:net", entries=["10.0.0.0/8"], rebuilt=True)
    assert (outcome.added, outcome.deleted) == (["10.0.0.0/8"], ["10.0.0.1"])
    with pytest.raises(Conflict, match="in use"):
        plan_set("S", net, {}, have_set(header("hash:ip"), references=1), recreate=True)


def test_what_an_interrupted_run_left_goes():
    leftover = ipset.KernelSet(SetHeader(temporary_name("S"), LOOP))
    outcome = plan_set("S", LOOP, {}, None, leftover=leftover)
    assert verbs(outcome) == ["create", "destroy"]
    outcome = plan_contents(HAVE, Wish([A], purge=True, atomic=True), leftover)
    assert verbs(outcome) == ["destroy", "create", "add", "swap", "destroy"]
    assert verbs(plan_no_set(None, leftover)) == ["destroy"]
    mine = ipset.KernelSet(SetHeader(temporary_name("S"), LOOP), references=1)
    with pytest.raises(Conflict, match="delete or rename it"):
        plan_no_set(None, mine)


def test_what_an_interrupted_run_left_tells_the_options_of_the_set_that_is_gone():
    """And tells them until the new set has them, since this run may be interrupted too."""
    old = have_set(header("hash:ip", comment=True, timeout=300, maxelem=10**6), "10.0.0.1")
    net, wish = set_type("hash:net", None), Wish(['10.0.0.0/8 comment "x"'])
    interrupted = plan_set("S", net, {}, old, wish, recreate=True)
    leftover = ipset.KernelSet(interrupted.plan.operations[0].header)
    completed = plan_set("S", net, {}, None, wish, recreate=True, leftover=leftover)
    assert verbs(completed) == ["create", "add", "destroy"]
    assert completed.header == interrupted.header == header("hash:net", maxelem=10**6, timeout=300, comment=True)
    other = plan_set("S", net, dict(timeout=5), None, wish, recreate=True, leftover=leftover)
    assert other.header == header("hash:net", maxelem=10**6, timeout=5, comment=True)
    # A task that recreates nothing makes what it says.
    assert plan_set("S", net, {}, None, leftover=leftover).header == header("hash:net")


def test_absent_sets():
    assert not plan_no_set(None).plan.changed
    assert verbs(plan_no_set(have_set(header("hash:ip")))) == ["destroy"]
    with pytest.raises(Conflict, match="set 'S' is in use: delete the iptables rules"):
        plan_no_set(have_set(header("hash:ip"), references=1))


def test_what_comes_is_there_before_anything_goes():
    of = header("hash:ip", maxelem=2)
    room, full = have_set(of, "10.0.0.1"), have_set(of, "10.0.0.1", "10.0.0.2")
    assert verbs(plan_contents(room, Wish(["10.0.0.3"], purge=True))) == ["add", "delete"]
    assert verbs(plan_contents(full, Wish(["10.0.0.1", "10.0.0.3"], purge=True))) == ["delete", "add"]
    wild = have_set(header("hash:net,iface"), "10.0.0.0/8,eth wildcard")
    assert verbs(plan_contents(wild, Wish(["10.0.0.0/8,eth0"], purge=True))) == ["delete", "add"]


A, B, C = ("10.0.0.%d,tcp:1,10.0.0.%d" % (n, n) for n in (1, 2, 3))
HAVE = have_set(header("hash:ip,port,ip"), B, C)


def changes(outcome):
    return [
        (operation.verb, [written(LOOP, key, options) for key, options in operation.entries.items()])
        for operation in outcome.plan.operations
    ]


def test_entries_are_added_and_with_purge_others_go():
    assert changes(plan_contents(HAVE, Wish([A, B, A]))) == [("add", [A])]
    assert changes(plan_contents(HAVE, Wish([A, B], purge=True))) == [("add", [A]), ("delete", [C])]
    assert changes(plan_contents(HAVE, Wish([], purge=True))) == [("delete", [B, C])]
    assert changes(plan_contents(HAVE, Wish([]))) == []
    assert changes(plan_no_entries(HAVE, [A, B, B])) == [("delete", [B])]
    assert changes(plan_no_entries(HAVE, [A])) == []


def test_contents_in_one_moment():
    outcome = plan_contents(HAVE, Wish([A, B], purge=True, atomic=True))
    assert changes(outcome) == [("create", []), ("add", [B, A]), ("swap", []), ("destroy", [])]
    assert not plan_contents(HAVE, Wish([B, C], purge=True, atomic=True)).plan.changed


def test_the_diff_of_entries_shows_what_changes():
    plan = plan_contents(HAVE, Wish([A, B], purge=True)).plan
    assert (plan.before, plan.after) == (dict(entries=[C]), dict(entries=[A]))
    plan = plan_contents(HAVE, Wish([B])).plan
    assert plan.before == plan.after == {}


FULL = header("hash:net", timeout=60, counters=True, comment=True, skbinfo=True)
CARRIED = "10.0.0.1 timeout 7 packets 1 bytes 2 comment x skbmark 0x1 skbqueue 3 nomatch"


@pytest.mark.parametrize(
    ("item", "refresh", "updated"),
    [
        (CARRIED, False, None),
        ("10.0.0.1 nomatch", False, None),
        ("10.0.0.1 timeout 50 packets 9 bytes 9 nomatch", False, None),
        ("10.0.0.1 timeout 7 nomatch", True, None),
        ("10.0.0.1 timeout 50 nomatch", True, CARRIED.replace("timeout 7", "timeout 50")),
        ("10.0.0.1 timeout 0 nomatch", False, CARRIED.replace("timeout 7", "timeout 0")),
        ("10.0.0.1", False, CARRIED.replace(" nomatch", "")),
        ("10.0.0.1 comment y nomatch", False, CARRIED.replace("comment x", "comment y")),
        ('10.0.0.1 comment "" nomatch', False, CARRIED.replace(" comment x", "")),
        ("10.0.0.1 skbmark 0x1/0xff nomatch", False, CARRIED.replace("0x1", "0x1/0xff")),
        ("10.0.0.1 skbprio 0:0 nomatch", False, None),
        ("10.0.0.1 skbprio 1:0 nomatch", False, CARRIED.replace("skbqueue", "skbprio 1:0 skbqueue")),
    ],
)
def test_when_an_entry_differs(item, refresh, updated):
    outcome = plan_contents(have_set(FULL, CARRIED), Wish([item], refresh=refresh))
    assert outcome.plan.changed == (updated is not None)
    if updated is not None:
        expected = only(FULL, updated)
        assert only(FULL, outcome.updated[0])[1] == expected[1]
        (add,) = outcome.plan.operations
        # In place the kernel goes on counting.
        (sent,) = add.entries.values()
        assert (sent.packets, sent.bytes) == (None, None)


def test_a_permanent_entry_that_shall_expire():
    outcome = plan_contents(have_set(FULL, "10.0.0.1 timeout 0"), Wish(["10.0.0.1 timeout 5"]))
    assert outcome.updated == ["10.0.0.1 timeout 5"]


def test_a_wildcard_comes_and_goes_with_the_entry():
    of = header("hash:net,iface")
    have, wild = have_set(of, "10.0.0.0/8,eth"), "10.0.0.0/8,eth wildcard"
    outcome = plan_contents(have, Wish([wild, "10.0.0.0/8,lo"]))
    assert verbs(outcome) == ["delete", "add"]
    assert outcome.plan.before == dict(entries=["10.0.0.0/8,eth"])
    assert outcome.plan.after == dict(entries=["10.0.0.0/8,lo", wild], deleted_and_added=[wild])
    at_once = plan_contents(have, Wish([wild], purge=True, atomic=True)).plan
    assert at_once.after == dict(entries=[wild], rebuilt=True)


@pytest.mark.parametrize(
    ("there", "wished"),
    [
        (["10.0.0.0/8,eth wildcard"], ["10.0.0.0/8,eth0"]),
        (["10.0.0.0/8,eth0"], ["10.0.0.0/8,eth wildcard"]),
        ([], ["10.0.0.0/8,eth0", "10.0.0.0/8,eth wildcard"]),
    ],
)
def test_an_entry_that_a_wildcard_covers(there, wished):
    with pytest.raises(InvalidOption, match="whose wildcard covers it"):
        plan_contents(have_set(header("hash:net,iface"), *there), Wish(wished))


def test_an_old_entry_that_a_new_wildcard_covers_in_another_shape():
    have = have_set(header("hash:net,iface"), "10.0.0.0/8,eth0")
    with pytest.raises(InvalidOption, match="whose wildcard covers it"):
        plan_set("S", have.header.kind, dict(maxelem=9), have, Wish(["10.0.0.0/8,eth wildcard"]), recreate=True)


def devices(count, start=0, network="10.0.0.0/8", prefix=""):
    return ["%s,%seth%d" % (network, prefix, number) for number in range(start, start + count)]


@pytest.mark.parametrize("family", ["inet", "inet6"])
def test_more_devices_than_a_bucket_holds(family):
    """The kernel is never asked, since old ones would take all memory for them."""
    of = header("hash:net,iface", family, counters=True)
    network = "10.0.0.0/8" if family == "inet" else "fd00::/8"
    many = devices(65, network=network)
    have = have_set(of, *many[:64])
    refused = "its network would have 65 devices, and a hash:net,iface set holds at most 64"
    with pytest.raises(InvalidOption, match=refused):
        plan_set("S", of.kind, {}, None, Wish(many))
    with pytest.raises(InvalidOption, match=refused):
        plan_set("S", of.kind, {}, have, Wish(many[64:]))
    with pytest.raises(InvalidOption, match=refused):
        plan_set("S", of.kind, dict(maxelem=99), have, Wish(many[64:]), recreate=True)
    for atomic in (False, True):
        with pytest.raises(InvalidOption, match=refused):
            plan_contents(have, Wish(many, purge=True, atomic=atomic))
        assert len(plan_contents(have, Wish(many[1:], purge=True, atomic=atomic)).added) == 1


def test_as_many_devices_as_a_bucket_holds():
    of = header("hash:net,iface")
    full = devices(64)
    others = devices(64, network="10.0.0.0/9") + devices(64, prefix="physdev:") + devices(64, network="11.0.0.0/8")
    assert len(plan_set("S", of.kind, {}, None, Wish(full + others)).added) == 256
    assert len(plan_contents(have_set(of, *full), Wish(others)).added) == 192
    # One that is there is no further one, whatever becomes of it.
    assert plan_contents(have_set(of, *full), Wish(["10.0.0.0/8,eth6 nomatch"])).updated
    assert not plan_contents(have_set(of, *full), Wish(full)).plan.changed
    assert Reader(header("hash:net,net")).read(["10.0.0.0/8,10.1.0.%d" % number for number in range(65)])


def test_buckets_that_the_kernel_has_enlarged_are_no_difference():
    """With many devices of a network it does, and it tells, but takes no more than 12 in a new set."""
    of = header("hash:net,iface", bucketsize=4)
    have = ipset.decode_set([description(replace(of, bucketsize=40))])
    assert have.header.bucketsize == 12
    assert not plan_set("S", of.kind, dict(bucketsize=4), have).plan.changed
    other = have_set(header("hash:ip", bucketsize=12))
    with pytest.raises(Conflict, match="exists with bucketsize 12, the task wants 4"):
        plan_set("S", other.header.kind, dict(bucketsize=4), other)


def test_entries_that_no_wildcard_covers():
    of = header("hash:net,iface")
    there = have_set(of, "10.0.0.0/8,eth wildcard")
    assert plan_contents(there, Wish(["10.0.0.0/9,eth0", "10.0.0.0/8,physdev:eth0", "10.0.0.0/8,lo"])).plan.changed
    assert plan_contents(there, Wish(["10.0.0.0/8,eth0"], purge=True)).added == ["10.0.0.0/8,eth0"]


#: A list whose members change places is built anew, so that none is ever missing.
ANEW = ["create", "add", "swap", "destroy"]


@pytest.mark.parametrize(
    ("item", "operations"),
    [("A before C", []), ("C after A", []), ("C before A", ANEW), ("D before A", ["add"]), ("D after C", ["add"])],
)
def test_places_in_a_list(item, operations):
    outcome = plan_contents(have_set(header("list:set"), "A", "B", "C"), Wish([item]))
    assert verbs(outcome) == operations
    assert ("rebuilt" in outcome.plan.after) == (operations is ANEW)


def applied(have, operations):
    """A list of sets after the operations, as list_set_uadd() carries them out."""
    lists = {have.header.name: list(have.entries)}
    for operation in operations:
        name = operation.header.name
        if operation.verb == "create":
            lists[name] = []
        elif operation.verb == "swap":
            lists[name], lists[operation.other] = lists[operation.other], lists[name]
        elif operation.verb == "destroy":
            del lists[name]
        for key, options in operation.entries.items():
            if operation.verb == "delete":
                lists[name].remove(key)
                continue
            place = len(lists[name])
            if options.before or options.after:
                place = lists[name].index(text(18, options.before or options.after)) + (options.before is None)
            if key not in lists[name]:
                lists[name].insert(place, key)
    return [key[4:].partition(b"\0")[0].decode() for key in lists[have.header.name]]


@pytest.mark.parametrize(
    ("there", "wished", "left"),
    [
        ("ABC", ["A after B", "B after C"], "CBA"),
        ("AB", ["A after B", "X before A"], "BXA"),
        ("ABC", ["d before B", "C before A"], "CAdB"),
        ("AB", ["B before A", "A after B"], "BA"),
        ("A", ["X", "A after X"], "XA"),
        ("", ["A", "B", "C before A", "D after A"], "CADB"),
    ],
)
def test_places_that_hang_together(there, wished, left):
    have = have_set(header("list:set"), *there)
    assert "".join(applied(have, plan_contents(have, Wish(wished)).plan.operations)) == left


@given(
    st.lists(st.sampled_from("ABCDEFG"), unique=True),
    st.lists(st.tuples(st.sampled_from("ABCDEFG"), st.sampled_from(["", " before ", " after "]), st.integers(0, 9))),
    st.booleans(),
)
def test_any_list_and_any_places(there, tasks, purge):
    """Each list gets what the task says, in an order that serves all of it, or stays as it is."""
    wished: dict[str, tuple[str, str]] = {}
    named = [] if purge else list(there)
    for name, relation, number in tasks:
        others = [other for other in named if other != name] if relation else []
        wished[name] = (relation, others[number % len(others)]) if others else wished.get(name, ("", ""))
        named.append(name)
    items = [name + relation + other for name, (relation, other) in wished.items()]
    have = have_set(header("list:set"), *there)
    before = [(o, n) if r == " after " else (n, o) for n, (r, o) in wished.items() if r]
    try:
        outcome = plan_contents(have, Wish(items, purge=purge))
    except InvalidOption as exc:
        if "name it first" not in str(exc):
            sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
            for first, second in before:
                sorter.add(second, first)
            with pytest.raises(graphlib.CycleError):
                sorter.prepare()
        return
    left = applied(have, outcome.plan.operations)
    assert set(left) == set(wished) | (set() if purge else set(there))
    assert all(left.index(first) < left.index(second) for first, second in before)
    again = plan_contents(have_set(header("list:set"), *left), Wish(items, purge=purge))
    assert not again.plan.changed
    # Nobody is missing in between.
    verbs_ = verbs(outcome)
    assert verbs_ in ([], ["add"], ["delete"], ["add", "delete"]) or verbs_[-4:] in (ANEW, ANEW[:1] + ANEW[2:])


@pytest.mark.parametrize("items", [["A before B", "B before A"], ["A after B", "B after C", "C after A"]])
def test_places_that_contradict_each_other(items):
    with pytest.raises(InvalidOption, match="both before and after another"):
        plan_contents(have_set(header("list:set"), "A", "B", "C"), Wish(items))


@pytest.mark.parametrize("item", ["A before A", "A before X", "X after Y"])
def test_places_that_are_none(item):
    with pytest.raises(InvalidOption, match="not in the list"):
        plan_contents(have_set(header("list:set"), "A", "B"), Wish([item]))


def test_a_set_that_would_overflow():
    there = have_set(header("hash:ip", maxelem=2), "10.0.0.1", "10.0.0.2")
    with pytest.raises(InvalidOption, match="holds at most 2"):
        plan_contents(there, Wish(["10.0.0.3"]))
    assert plan_contents(there, Wish(["10.0.0.3"], purge=True)).plan.changed
    assert plan_contents(
        have_set(header("hash:ip", maxelem=1, forceadd=True), "10.0.0.1"), Wish(["10.0.0.2"])
    ).plan.changed


def test_entries_of_a_set_that_is_not_there_yet():
    assert not predict_entries([]).plan.changed
    assert predict_entries(["10.0.0.1", dict(entry="10.0.0.2")]).plan.after == dict(entries=["10.0.0.1", "10.0.0.2"])


@pytest.mark.parametrize("mark", ["/", " "])
@given(
    st.lists(st.text("1/ \n", max_size=4), min_size=1, max_size=5),
    st.text("1/ \n", max_size=3),
)
def test_words_are_taken_apart_at_their_first_mark(mark, words, end):
    for each in (words, [word + end for word in words]):
        heads, tails = _halves(each, mark)
        assert heads == [word.partition(mark)[0] for word in each]
        assert tails == [word.partition(mark)[2] for word in each]


@pytest.mark.parametrize(
    ("name", "form", "odd"),
    [
        ("hash:ip", "10.0.0.{}", "10.1.0.0/30"),
        ("hash:net", "10.0.0.{}/32", "10.1.0.0/30"),
        ("hash:ip,port", "10.0.0.{},tcp:80", "10.1.0.0,tcp:80-81"),
    ],
)
def test_many_entries_are_read_and_listed_like_single_ones(name, form, odd):
    """Alike, or one of them of another spelling or another length than the others."""
    of = header(name, comment=True)
    plain = [form.format(number) for number in range(1, 9)]
    for items in (plain, [*plain[:3], odd, *plain[3:]], [plain[0] + ' comment "x"', *plain[1:]]):
        whole = Reader(of).read(items)
        assert whole == {key: options for item in items for key, options in Reader(of).read([item]).items()}
        listing = b"".join(listed(of, key, options) for key, options in whole.items())
        assert split_entries(of.kind, listing) == {key: encode_rest(options) for key, options in whole.items()}


def test_a_listing_in_which_anything_but_a_value_differs_is_not_read_as_alike():
    of = header("hash:ip,port")
    one = listed(of, *only(of, "10.0.0.1,tcp:80"))
    assert layout(of.kind).alike(one * 3) == {one[4:]: b""}
    values = {*range(12, 16), *range(20, 22), 28}  # address, port and protocol
    for place in range(len(one)):
        other = bytearray(one)
        other[place] ^= 1
        found = layout(of.kind).alike(one + bytes(other) + one)
        assert (found is None) == (place not in values), place


def test_many_entries_travel_in_few_messages_and_keep_their_numbers():
    of = header("hash:ip")
    many = Reader(of).read(["10.%d.%d.1" % divmod(n, 256) for n in range(5000)])
    count, messages = ipset.encode_entries(of.kind, many)
    assert len(messages) < 20
    assert all(len(message) < 65536 for message in messages)
    assert struct.pack("=HHI", 8, 9, count) in messages[0]
    last = 5000 - count * (len(messages) - 1)
    assert 0 < last <= count
    assert struct.pack("=HHI", 8, 9, last) in messages[-1]
    assert struct.pack("=HHI", 8, 9, last + 1) not in messages[-1]


class Refusing(netlink.NetlinkSocket):
    """A socket whose kernel refuses a message with an errno, and says why in its own words."""

    def __init__(self, code, told):
        self._socket: Any = self
        self._room = memoryview(bytearray(netlink.RECEIVE_BYTES))
        self._sequence = 0
        error = struct.pack("=iIHHII", -code, 16, 0, 0, 1, 0) + text(1, told) * bool(told)
        self.answer = struct.pack("=IHHII", 16 + len(error), 2, 0x300 if told else 0x100, 1, 0) + error

    def send(self, _data):
        pass

    def recv_into(self, room, _size, _flags):
        room[: len(self.answer)] = self.answer
        return len(self.answer)


@pytest.mark.parametrize(
    ("code", "told", "words"),
    [
        (4352, "", "the set is full: create it with a larger 'maxelem'$"),
        (4352, "no room at all", r"the set is full: create it with a larger 'maxelem' \(no room at all\)$"),
        (22, "bad attribute", r"Invalid argument \(EINVAL\): bad attribute$"),
        (4200, "", r"4200 \(errno 4200\)$"),
    ],
)
def test_what_the_kernel_says_itself_is_told_too(monkeypatch, code, told, words):
    monkeypatch.setattr(ipset, "NetlinkSocket", lambda *_where: Refusing(code, told))
    of = header("hash:ip")
    steps = [ipset.Operation("add", of, Reader(of).read(["10.0.0.1"]))]
    with pytest.raises(KernelRefused, match=r"the kernel refused to add entry of set 'S': .*" + words):
        ipset.IpSets().apply(steps)


def test_a_request_tells_the_byte_order_of_addresses():
    of = header("hash:ip,port,net")
    key, options = only(of, "10.0.0.1,tcp:80,10.1.0.0/16")
    assert options is PLAIN
    request = encode(layout(of.kind), key, options)
    assert request.count(struct.pack("=HH", 8, 1 | 0x4000)) == 2
    assert request.replace(struct.pack("=HH", 8, 1 | 0x4000), struct.pack("=HH", 8, 1)) == key
