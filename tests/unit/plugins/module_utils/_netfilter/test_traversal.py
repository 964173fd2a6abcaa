# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What we read from nftables' rules against what nftables did with real packets (tests/write/nft_verdicts.py)."""

from __future__ import annotations

import ipaddress
import itertools
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.ruleset import parse
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import Packet
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import parse as parse_saved
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.traversal import Filters, Traversal

RECORDS = json.loads((Path(__file__).parent / "nft_verdicts.json").read_text())
#: In the order in which they were sent.
SENT = list(
    itertools.product(
        ("tcp", "udp"),
        ("10.0.0.5", "10.1.2.3", "192.0.2.7", "172.16.9.9"),
        ("10.9.0.1", "10.9.0.2"),
        (53, 80, 443, 8080),
    )
)
HIDDEN = ("source", "destination", "protocol", "source_port", "destination_port", "in_device", "state", "mark", "flags")


def packets(record):
    """The packets that were sent, all of which is known, and whether each came by."""
    for place, (protocol, source, destination, port) in enumerate(SENT):
        packet = Packet(
            source=ipaddress.ip_address(source),
            destination=ipaddress.ip_address(destination),
            protocol=protocol,
            source_port=record["first_port"] + place,
            destination_port=port,
            in_device="in0",
            state="NEW",
            mark=0,
            flags=frozenset(["SYN"]) if protocol == "tcp" else None,
            from_outside=True,
        )
        yield packet, record["passed"][place] == "1"


def traversal(record):
    saved = {"ip": parse_saved(record["saved"])}
    return Traversal(Filters("inet", parse(record["told"], by_iptables=saved)))


@pytest.mark.parametrize("record", RECORDS, ids=itertools.count())
def test_what_is_known_of_a_packet_decides_as_the_kernel_does(record):
    asked = traversal(record)
    # Where a rule drops some only, by a limit or by what is not read, "accept" says that not all are lost.
    some = any(word in json.dumps(record["told"]) for word in ('"limit"', '"fib"'))
    for packet, passed in packets(record):
        told = asked.filtered("input", packet).kind
        right = {"unknown", "accept" if passed else "drop"} | ({"accept"} if some else set())
        assert told in right, (packet, told)


def test_most_rules_are_understood():
    told = [
        traversal(record).filtered("input", packet).kind for record in RECORDS for packet, _passed in packets(record)
    ]
    assert told.count("unknown") < len(told) / 10


@pytest.mark.parametrize("record", RECORDS, ids=itertools.count())
def test_what_is_not_known_is_left_open(record):
    """A drop is told only of packets that are all dropped, whatever is hidden of them."""
    asked, chance = traversal(record), random.Random(len(record["passed"]))
    for packet, passed in packets(record):
        for _time in range(3):
            hidden = replace(packet, **dict.fromkeys(chance.sample(HIDDEN, chance.randint(1, 6))))
            verdict = asked.filtered("input", hidden)
            assert verdict.kind != "drop" or not passed, (hidden, verdict)
