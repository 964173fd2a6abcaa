# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traces taken apart and told: pyroute2 reads what we send, and ways and verdicts follow from plain events."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.nfnetlink.nfctsocket import nfct_msg
from pyroute2.netlink.nfnetlink.nftsocket import nft_chain_msg, nft_rule_msg, nft_table_msg

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.names import ServiceNames
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel import attributes, netlink
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter import conntrack, nftables
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace import events as nf_trace
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace import path, verdict
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.evidence import ConnectionOutcome, Evidence, changes
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.facts import Device, Facts, Switches
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.report import options_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.tracer import request_of

FIRST = 821160024
CLIENT, VIRTUAL, REAL, BRIDGE = ("10.0.0.11", 4000), ("10.100.100.100", 8080), ("10.0.0.11", 8080), ("10.0.0.1", 4000)
OWN = nf_trace.TABLE + "402"
HARDWARE = "a6:72:91:7b:37:70"
SYN, RST, ACK = 2, 4, 16


def read(kind, message):
    """A message as pyroute2 reads it."""
    found = kind(netlink._datagram([message], [1], 0))
    found.decode()
    return found


# What is sent


def test_tables_belong_to_their_maker_and_look_at_each_hook_twice():
    batch = list(nf_trace._batch([nftables.NFPROTO_INET, nftables.NFPROTO_BRIDGE], OWN, FIRST))
    kinds = [message.type & 0xFF for message in batch[1:-1]]
    assert (batch[0].type, batch[-1].type) == (0x10, 0x11)
    assert kinds.count(nf_trace.NFT_MSG_NEWTABLE) == 2
    table = read(nft_table_msg, batch[1])
    assert table.get_attr("NFTA_TABLE_NAME") == OWN
    assert struct.unpack(">I", attributes.attribute_map(batch[1].payload[4:])[nf_trace.NFTA_TABLE_FLAGS]) == (2,)
    chains = [read(nft_chain_msg, each) for each in batch[1:-1] if each.type & 0xFF == nf_trace.NFT_MSG_NEWCHAIN]
    hooks = [chain.get_attr("NFTA_CHAIN_HOOK") for chain in chains]
    looked = [(hook.get_attr("NFTA_HOOK_HOOKNUM"), hook.get_attr("NFTA_HOOK_PRIORITY")) for hook in hooks]
    assert looked[:10] == [(number, priority) for number in range(5) for priority in (1 - 2**31, 2**31 - 1)]
    assert looked[10:] == looked[:10]
    assert {chain.get_attr("NFTA_CHAIN_POLICY") for chain in chains} == {1}


def test_rules_ask_for_the_protocol_and_the_number_and_mark_the_packet():
    batch = list(nf_trace._batch([nftables.NFPROTO_INET], OWN, FIRST))
    rules = [read(nft_rule_msg, each) for each in batch[1:-1] if each.type & 0xFF == nf_trace.NFT_MSG_NEWRULE]
    assert len(rules) == 20
    for number, (protocol, offset) in enumerate(((6, 4), (6, 8), (1, 32), (58, 52))):
        found = rules[number].get_attr("NFTA_RULE_EXPRESSIONS")
        assert [each.get_attr("NFTA_EXPR_NAME") for each in found] == [
            "meta",
            "cmp",
            "payload",
            "range",
            "immediate",
            "meta",
        ]
        data = [each.get_attr("NFTA_EXPR_DATA") for each in found]
        assert bytes(data[1].get_attr("NFTA_CMP_DATA").get_attr("NFTA_DATA_VALUE")) == bytes([protocol])
        assert data[2].get_attr("NFTA_PAYLOAD_OFFSET") == offset
        ends = [data[3].get_attr("NFTA_RANGE_%s_DATA" % end).get_attr("NFTA_DATA_VALUE") for end in ("FROM", "TO")]
        assert [int.from_bytes(end, "big") for end in ends] == [FIRST, FIRST + 1023]


@pytest.mark.parametrize(("source", "destination"), [("10.0.0.1", "10.0.0.11"), ("fd00::1", "fd00::11")])
def test_pyroute2_reads_the_question_for_a_connection(source, destination):
    message = read(nfct_msg, conntrack.request(conntrack.Tuple4(source, 4000, destination, 8080)))
    asked = message.get_attr("CTA_TUPLE_ORIG")
    version = ipaddress.ip_address(source).version
    hosts, ports = asked.get_attr("CTA_TUPLE_IP"), asked.get_attr("CTA_TUPLE_PROTO")
    assert ipaddress.ip_address(hosts.get_attr("CTA_IP_V%d_SRC" % version)) == ipaddress.ip_address(source)
    assert ipaddress.ip_address(hosts.get_attr("CTA_IP_V%d_DST" % version)) == ipaddress.ip_address(destination)
    assert ports.get_attr("CTA_PROTO_NUM") == 6
    assert (ports.get_attr("CTA_PROTO_SRC_PORT"), ports.get_attr("CTA_PROTO_DST_PORT")) == (4000, 8080)


def test_a_request_fits_into_the_window():
    assert request_of("request", "x" * 1000) == b"x" * 1000
    with pytest.raises(Exception, match="at most 1000 bytes"):
        request_of("request", "x" * 1001)


# What is read


@given(st.binary(max_size=80))
def test_no_bytes_crash_the_reading_of_a_trace(data):
    with pytest.raises(attributes.MalformedReply):
        nf_trace.decode(data, None)


@given(st.tuples(st.binary(max_size=20), st.binary(max_size=60), st.binary(max_size=20)))
def test_no_headers_crash_the_reading_of_a_packet(headers):
    found = path.parse(headers)
    assert found is None or found.source


def headers(source, destination, flags, sequence, acknowledgement=0, length=0):
    """What the kernel tells of a TCP packet."""
    ip = struct.pack(">BxH5xB2x", 0x45, 40 + length, 6)
    ip += ipaddress.ip_address(source[0]).packed + ipaddress.ip_address(destination[0]).packed
    tcp = struct.pack(">HHIIBB6x", source[1], destination[1], sequence, acknowledgement, 0x50, flags)
    link = bytes.fromhex(HARDWARE.replace(":", "")) + b"\2\0\0\0\0\1" + b"\x08\0"
    return (link, ip, tcp)


def parsed(given):
    """A packet from headers that can be read."""
    found = path.parse(given)
    assert found
    return found


def test_a_packet_from_its_headers():
    found = parsed(headers(CLIENT, VIRTUAL, 24, FIRST, 7, 18))
    assert found.addresses == (*CLIENT, *VIRTUAL)
    assert (found.sequence, found.acknowledgement, found.length, found.name) == (FIRST, 7, 18, "18 bytes")
    assert found.destination_hardware == HARDWARE
    icmp = struct.pack(">BxH5xB2x", 0x45, 56, 1) + bytes(8)
    assert parsed((b"", icmp, b"\3\3" + bytes(18))).name == "ICMP port unreachable"


class Trace:
    """Events as the kernel sends them; namespace 0 is netns_dustin."""

    def __init__(self):
        self.events = []

    def event(self, nsid, family, table, chain, kind, verdict, packet=None, devices=(None, None), number=1):
        handle = 9 if kind == "rule" else None
        self.events.append(nf_trace.Event(nsid, family, table, chain, kind, handle, verdict, number, packet, *devices))

    def hook(self, nsid, hook, before, after=None, *, layer="inet", devices=(None, None), inside=(), number=1):
        """A packet crosses a hook; without ``after`` it does not come out."""
        self.event(nsid, layer, OWN, hook + "_first", "rule", "continue", before, devices, number)
        for each in inside:
            each()
        if after:
            self.event(nsid, layer, OWN, hook + "_last", "policy", "accept", after, devices, number)

    def ways(self, client=CLIENT):
        names = {None: "host", 0: "netns_dustin"}
        devices = {"host": {3: "bridge_home", 4: "veth_dustin"}, "netns_dustin": {2: "eth0"}}
        return path.ways(self.events, FIRST, names, devices, (client, VIRTUAL))


def evidence(ways, **values):
    """What is known besides, of dustin asking the virtual address."""
    nothing = Facts({}, frozenset(), {}, {}, frozenset())
    given = dict(
        host="host",
        client="netns_dustin",
        outcome=ConnectionOutcome("timeout", "timeout after 2 s", CLIENT, VIRTUAL, b""),
        ways=ways,
        facts={"host": nothing, "netns_dustin": nothing},
        tracked={},
        balanced=[dict(virtual_address=VIRTUAL[0], virtual_port=VIRTUAL[1], real_address=REAL[0], real_port=REAL[1])],
        servers={REAL: 1},
        rules={},
        ipvs_conntrack="1",
        lost=False,
    )
    return Evidence(**dict(given, **values))


def looped(trace):
    """The SYN from dustin by IPVS back to dustin, masqueraded."""
    out = headers(CLIENT, VIRTUAL, SYN, FIRST)
    balanced = headers(CLIENT, REAL, SYN, FIRST)
    masked = headers(BRIDGE, REAL, SYN, FIRST)
    trace.hook(0, "output", out, out, devices=(None, 2))
    trace.hook(None, "input", out, devices=(3, None))
    trace.hook(None, "output", balanced, balanced, devices=(None, 3))
    rule = (None, "ip", "nat", "POSTROUTING", "rule", "accept")
    trace.hook(None, "postrouting", balanced, masked, devices=(3, 3), inside=[lambda: trace.event(*rule)])
    trace.hook(0, "prerouting", masked, masked, devices=(2, None))
    trace.hook(0, "input", masked, masked, devices=(2, None))


TRACKED = conntrack.Entry(conntrack.Tuple4(*CLIENT, *REAL), conntrack.Tuple4(*REAL, *BRIDGE), "syn_recv", True)


def test_ipvs_and_a_masquerade_are_told_apart():
    trace = Trace()
    looped(trace)
    (syn,) = trace.ways()
    assert (syn.end, syn.last.netns, len(syn.attempts)) == ("delivered", "netns_dustin", 1)
    hit = path.Hit("ip", "nat", "POSTROUTING", "rule", 9, "accept")
    known = evidence([syn], tracked={"host": [TRACKED]}, rules={("host", hit): "the rule"})
    found = [change for here in changes(known, syn.stations) for change in here]
    assert [(change.what, change.after, change.by) for change in found] == [
        ("destination", "10.0.0.11:8080", "IPVS"),
        ("source", "10.0.0.1:4000", "NAT: the rule"),
    ]
    # Without any evidence nobody is named.
    found = [change for here in changes(evidence([syn], balanced=[]), syn.stations) for change in here]
    assert {change.by for change in found} == {"unknown"}


def test_a_stranger_whose_number_lies_in_the_window_is_none_of_the_connection():
    trace = Trace()
    stranger = headers(("203.0.113.9", 4000), VIRTUAL, ACK, FIRST + 7, 9)
    answer = headers(VIRTUAL, ("203.0.113.9", 4000), ACK, 77, FIRST + 7)
    drop = (None, "ip", "filter", "INPUT", "rule", "drop", None, (None, None), 8)
    trace.hook(None, "input", stranger, devices=(3, None), inside=[lambda: trace.event(*drop)], number=8)
    looped(trace)
    trace.hook(None, "prerouting", answer, answer, devices=(3, None), number=9)
    (syn,) = trace.ways()
    assert (syn.end, syn.packet.name) == ("delivered", "SYN")
    assert not any(station.dropped_by for station in syn.stations)


def test_a_drop_of_a_stranger_inside_the_same_hook_is_not_ours():
    trace = Trace()
    own = headers(CLIENT, VIRTUAL, SYN, FIRST)
    stranger = headers(("203.0.113.9", 4000), VIRTUAL, ACK, FIRST + 7, 9)
    drop = (None, "ip", "filter", "INPUT", "rule", "drop", None, (None, None), 8)
    inner = [
        lambda: trace.hook(None, "input", stranger, inside=[lambda: trace.event(*drop)], number=8),
    ]
    trace.hook(None, "input", own, own, inside=inner, number=1)
    (syn,) = trace.ways()
    assert syn.end == "delivered"


def test_a_packet_that_is_sent_again_is_a_further_attempt():
    trace = Trace()
    for _attempt in range(3):
        trace.hook(0, "output", headers(CLIENT, VIRTUAL, SYN, FIRST), headers(CLIENT, VIRTUAL, SYN, FIRST))
    (syn,) = trace.ways()
    assert (len(syn.attempts), len(syn.stations), syn.end) == (3, 1, "vanished")


def test_a_copy_is_no_further_attempt():
    trace = Trace()
    packet = headers(CLIENT, VIRTUAL, SYN, FIRST)
    trace.hook(None, "prerouting", packet, packet)
    trace.hook(None, "forward", packet, packet)
    trace.hook(None, "forward", packet, packet)
    (syn,) = trace.ways()
    assert [station.copies for station in syn.stations] == [1, 2]


def test_a_rule_that_answers_is_the_first_packets_own():
    trace = Trace()
    packet, answer = headers(CLIENT, VIRTUAL, SYN, FIRST), headers(VIRTUAL, CLIENT, RST | ACK, 0, FIRST + 1)
    trace.hook(
        None,
        "forward",
        packet,
        inside=[
            lambda: trace.hook(None, "output", answer, answer, number=2),
            lambda: trace.event(None, "ip", "filter", "FORWARD", "rule", "drop"),
        ],
    )
    syn, rst = trace.ways()
    assert syn.from_client
    assert not rst.from_client
    assert (syn.end, syn.last.dropped_by.chain) == ("dropped", "FORWARD")
    assert rst.last.hits == []
    known = evidence([syn, rst], rules={("host", syn.last.dropped_by): "the rule"})
    assert "was dropped in forward of host by the rule." in verdict.verdict(known)[1].text


def lost_answer(hairpin=False, promiscuous=False, behind="veth_dustin"):
    """Dustin's answer, which has to leave by the port it came in by, and what is known of the bridge."""
    trace = Trace()
    looped(trace)
    before = headers(REAL, BRIDGE, SYN | ACK, 5, FIRST + 1)
    after = headers(REAL, CLIENT, SYN | ACK, 5, FIRST + 1)
    trace.hook(0, "output", before, before, devices=(None, 2))
    trace.hook(None, "prerouting", before, layer="bridge", devices=(4, None))
    trace.hook(None, "prerouting", before, after, devices=(3, None))
    devices = {
        "bridge_home": Device("bridge_home", "bridge", True, promiscuous, None, None),
        "veth_dustin": Device("veth_dustin", "veth", True, False, "bridge_home", hairpin),
    }
    host = Facts(
        devices,
        frozenset(["10.0.0.1"]),
        {("bridge_home", HARDWARE): behind},
        {"10.0.0.11": HARDWARE},
        frozenset(),
    )
    dustin = Facts({}, frozenset(["10.0.0.11"]), {}, {}, frozenset())
    return evidence(trace.ways(), facts={"host": host, "netns_dustin": dustin}, tracked={"host": [TRACKED]})


def test_hairpin_is_blamed_where_the_bridge_would_have_to_return_a_frame():
    found = verdict.verdict(lost_answer())
    assert found[-1].basis == "inferred"
    assert found[-1].text.endswith("hairpin is off on veth_dustin.")
    assert HARDWARE in found[-1].evidence


@pytest.mark.parametrize("values", [dict(hairpin=True), dict(promiscuous=True), dict(behind="veth_leah")])
def test_hairpin_is_not_blamed_otherwise(values):
    found = verdict.verdict(lost_answer(**values))
    assert not any("hairpin" in sentence.text for sentence in found)


def test_own_address_as_source_is_a_martian():
    trace = Trace()
    packet = headers(CLIENT, REAL, SYN, FIRST)
    trace.hook(0, "output", packet, packet)
    trace.hook(None, "postrouting", packet, packet)
    trace.hook(0, "prerouting", packet, packet)
    dustin = Facts({}, frozenset(["10.0.0.11"]), {}, {}, frozenset())
    empty = Facts({}, frozenset(), {}, {}, frozenset())
    known = evidence(trace.ways(), facts={"host": empty, "netns_dustin": dustin}, ipvs_conntrack="0")
    text = " ".join(sentence.text + sentence.evidence for sentence in verdict.verdict(known))
    assert "martian" in text
    assert "net.ipv4.vs.conntrack is 0" in text


def unrouted(switches, *, own=False, behind="bridge_home", last=("inet", "prerouting")):
    """The last sentence of an answer that a server sends by a bridge to a client outside, and that the host refuses."""
    trace = Trace()
    back = headers(REAL, ("198.51.100.2", 4000), SYN | ACK, 5, FIRST + 1)
    trace.hook(0, "output", back, back, devices=(None, 2))
    trace.hook(None, "prerouting", back, back, layer="bridge", devices=(4, None))
    trace.hook(None, last[1], back, back, layer=last[0], devices=(3 if last[0] == "inet" else 4, None))
    host = Facts(
        {"veth_dustin": Device("veth_dustin", "veth", True, False, "bridge_home", False)},
        frozenset(["198.51.100.2"] if own else []),
        {("bridge_home", HARDWARE): behind},
        {},
        frozenset(),
        {(4, "bridge_home"): switches} if switches else {},
    )
    dustin = Facts({}, frozenset(), {}, {}, frozenset())
    found = trace.ways(("198.51.100.2", 4000))
    return verdict.verdict(evidence(found, facts={"host": host, "netns_dustin": dustin}))[-1]


@pytest.mark.parametrize("last", [("inet", "prerouting"), ("bridge", "input")])
def test_forwarding_that_is_off_is_blamed(last):
    found = unrouted(Switches(False, 1), last=last)
    assert found.text == "host does not forward it: forwarding is off for what comes in by bridge_home."
    assert found.evidence == "net.ipv4.conf.bridge_home.forwarding is 0, and 198.51.100.2 is no address of host"


@pytest.mark.parametrize(
    ("switches", "options", "words"),
    [
        (Switches(True, 0), {}, ": no route to 198.51.100.2."),
        (
            Switches(True, 1),
            {},
            ".2, or no route back to 10.0.0.11 by bridge_home (rp_filter is 1).",
        ),
        (Switches(False, 2), {"own": True}, ": no route back to 10.0.0.11 by any device (rp_filter is 2)."),
        (Switches(False, 0), {"own": True}, " refused it."),
        (None, {}, "forwarding is off for what comes in by bridge_home, or no route back"),
        (Switches(False, 1), {"behind": "veth_leah"}, "The bridge bridge_home did not pass it on."),
    ],
)
def test_reasons_that_remain_are_all_named(switches, options, words):
    assert words in unrouted(switches, **options).text


def test_no_packet_is_said_so():
    found = options_of(evidence([]))
    assert found["verdict"][-1]["text"] == "No packet reached the first hook of netns_dustin."
    assert found["packets"] == []


def test_a_service_is_called_by_its_name():
    known = lost_answer()
    address, port = known.outcome.remote
    told = options_of(known, ServiceNames({"%s,tcp:%d" % (address, port): "default/web:http"}))
    assert "%s:%d (default/web:http)" % (address, port) in told["verdict"][0]["text"]
    authors = {change["by"] for way in told["packets"] for station in way["stations"] for change in station["changes"]}
    assert "IPVS, default/web:http" in authors
    assert "default/web" not in str(options_of(known))


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=90))
def test_no_line_of_the_report_is_longer_than_100_columns(name):
    known = lost_answer()
    for way in known.ways:
        for station in way.stations:
            station.in_device = name[:15]
    rule = path.Hit("ip", "nat", "POSTROUTING", "rule", 9, "accept")
    known = known._replace(rules={("host", rule): name * 3})
    assert max(len(line) for line in options_of(known)["report"]) <= 100


@pytest.mark.parametrize(
    ("answered", "words"), [(False, "no namespace that was watched saw it arrive"), (True, "reset")]
)
def test_what_left_is_blamed_only_where_nothing_came_back(answered, words):
    trace = Trace()
    packet = headers(CLIENT, VIRTUAL, SYN, FIRST)
    trace.hook(None, "postrouting", packet, packet)
    if answered:
        for flags, sequence in ((SYN | ACK, 5), (RST | ACK, 6)):
            back = headers(VIRTUAL, CLIENT, flags, sequence, FIRST + 1)
            trace.hook(None, "input", back, back)
    found = verdict.verdict(evidence(trace.ways()))
    assert words in found[-1].text


def test_forwarding_that_is_off_is_blamed_where_nat_changed_a_frame_inside_a_bridge():
    """Linux 7 routes such a packet, though its new destination is behind a port of the same bridge."""
    trace = Trace()
    frame, changed = headers(CLIENT, VIRTUAL, SYN, FIRST), headers(CLIENT, ("10.0.0.21", 8080), SYN, FIRST)
    trace.hook(0, "output", frame, frame, devices=(None, 2))
    trace.hook(None, "prerouting", frame, layer="bridge", devices=(4, None))
    trace.hook(None, "prerouting", frame, changed, devices=(3, None))
    host = Facts(
        {
            "veth_dustin": Device("veth_dustin", "veth", True, False, "bridge_home", False),
            "bridge_home": Device("bridge_home", "bridge", True, False, None, None),
        },
        frozenset(["10.0.0.1"]),
        {("bridge_home", HARDWARE): "veth_leah"},
        {},
        frozenset(),
        {(4, "bridge_home"): Switches(False, 0)},
    )
    known = evidence(trace.ways(), facts={"host": host, "netns_dustin": Facts({}, frozenset(), {}, {}, frozenset())})
    assert "forwarding is off for what comes in by bridge_home" in verdict.verdict(known)[-1].text


def test_a_bridge_that_filters_vlans_is_said_to_drop():
    trace = Trace()
    frame = headers(CLIENT, VIRTUAL, SYN, FIRST)
    trace.hook(0, "output", frame, frame, devices=(None, 2))
    trace.hook(None, "prerouting", frame, frame, layer="bridge", devices=(4, None))
    host = Facts(
        {"veth_dustin": Device("veth_dustin", "veth", True, False, "bridge_home", False)},
        frozenset(),
        {},
        {},
        frozenset(),
        tagged_only=frozenset(["veth_dustin"]),
    )
    known = evidence(trace.ways(), facts={"host": host, "netns_dustin": Facts({}, frozenset(), {}, {}, frozenset())})
    last = verdict.verdict(known)[-1]
    assert last.text == "The bridge bridge_home drops it: port veth_dustin takes no frame without a VLAN tag."
