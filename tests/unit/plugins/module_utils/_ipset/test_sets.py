# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets in the kernel's bytes, also as pyroute2 has them."""

from __future__ import annotations

import ipaddress
import struct

from hypothesis import example, given
from hypothesis import strategies as st
from pyroute2.netlink.nfnetlink.ipset import ipset_msg

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset import messages, requests, sets
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import (
    read_rest,
    split_entries,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.reader import Reader
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import (
    SET_TYPES,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import as_dict, written
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    MalformedReply,
    attribute,
    attributes,
    nested,
    text,
)
from ansible_collections.linuxnet.ipvs.tests.unit.plugins.module_utils._ipset.cases import (
    EVERYTHING,
    description,
    entries,
    header,
    listed,
    only,
)


@given(entries())
def test_a_set_comes_back_as_it_went(case):
    of, item = case
    key, options = only(of, item)
    have = sets.decode_set([description(of, listed(of, key, options))])
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
    ((_count, packed),) = requests.encode_entries(of.kind, {key: options})
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
    found = of_pyroute2(2, nested(messages.ATTR_DATA, requests.encode_header(of))).get_attr("IPSET_ATTR_DATA")
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
    ((attr, listing),) = attributes(bytes(message.data)[20:])
    assert attr == messages.ATTR_ADT
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
    one = nested(messages.ATTR_DATA, body)
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
    assert sets.decode_set([description(of)]).header.markmask == 0xFF
    ours, theirs = (struct.pack(form, 0x400B if form == ">H" else 0xFF) for form in (">H", "=I"))
    network = attribute(11 | 0x4000, struct.pack(">I", 0xFF))
    host = attribute(11, theirs)
    assert ours
    assert sets.decode_set([description(of).replace(network, host)]).header.markmask == 0xFF


@given(st.sampled_from(sorted(SET_TYPES)), st.binary(max_size=120))
@example("hash:ip", b"\x04\x00\x07\x80")
def test_no_bytes_make_the_decoding_hang_or_crash(name, data):
    of = header(name)
    try:
        have = sets.decode_set([description(of, data), data])
        for key, rest in have.entries.items():
            written(of.kind, key, read_rest(rest))
        sets.decode_set([data])
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
        have = sets.decode_set([bytes(whole)])
        for key, rest in have.entries.items():
            as_dict(have.header.kind, key, read_rest(rest))
    except (MalformedReply, Conflict):
        return


def test_many_entries_travel_in_few_messages_and_keep_their_numbers():
    of = header("hash:ip")
    many = Reader(of).read(["10.%d.%d.1" % divmod(n, 256) for n in range(5000)])
    counts, messages = zip(*requests.encode_entries(of.kind, many), strict=True)
    count, last = counts[0], counts[-1]
    assert sum(counts) == 5000
    assert len(messages) < 20
    assert all(len(message) < 65536 for message in messages)
    assert struct.pack("=HHI", 8, 9, count) in messages[0]
    assert struct.pack("=HHI", 8, 9, last) in messages[-1]
    assert struct.pack("=HHI", 8, 9, last + 1) not in messages[-1]
