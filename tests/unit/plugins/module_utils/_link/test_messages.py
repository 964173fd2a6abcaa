# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses, routes and neighbours from rtnetlink's bytes."""

from __future__ import annotations

import ipaddress
import socket
import struct

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import MalformedReply, attribute
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link import forwarding, messages, route_messages
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import DeviceAddress, NextHop

INET, INET6 = int(socket.AF_INET), int(socket.AF_INET6)


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def route(family: int, length: int, *parts: bytes, kind: int = 1, table: int = 254, flags: int = 0) -> bytes:
    return struct.pack("=BBBBBBBBI", family, length, 0, 0, table, 3, 0, kind, flags) + b"".join(parts)


def number(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))


def test_the_own_address_of_a_point_to_point_link_is_the_local_one():
    both = attribute(1, packed("192.0.2.2")) + attribute(2, packed("192.0.2.1"))
    told = messages.address_of(struct.pack("=BBBBi", INET, 32, 0x80, 0, 7) + both)
    assert told == DeviceAddress(7, ipaddress.ip_interface("192.0.2.1/32"))


def test_flags_of_32_bits_count_more_than_the_old_ones():
    parts = attribute(1, packed("2001:db8::1")) + number(8, 0x200)  # IFA_F_MANAGETEMPADDR, and not IFA_F_PERMANENT
    told = messages.address_of(struct.pack("=BBBBi", INET6, 64, 0x80, 0, 7) + parts)
    assert told == DeviceAddress(7, ipaddress.ip_interface("2001:db8::1/64"), permanent=False)


def test_an_address_of_another_family_is_none_of_ip():
    assert messages.address_of(struct.pack("=BBBBi", 45, 8, 0x80, 0, 7) + attribute(2, b"\x08")) is None


def test_a_default_route_has_no_destination_in_its_message():
    told = route_messages.route_message(route(INET, 0, attribute(5, packed("192.0.2.1")), number(4, 3), number(6, 50)))
    assert told is not None
    assert told.in_main
    read = told.read()
    assert (str(read.to), str(read.via), read.index, read.metric) == ("0.0.0.0/0", "192.0.2.1", 3, 50)


def test_a_table_above_255_is_not_the_one_of_its_short_number():
    told = route_messages.route_message(route(INET, 24, attribute(1, packed("192.0.2.0")), number(15, 1254), table=252))
    assert told is not None
    assert told.table == 1254
    assert not told.in_main


def test_ways_and_a_gateway_of_the_other_family():
    gateway = attribute(18, struct.pack("=H", INET6) + packed("fe80::1"))
    ways = struct.pack("=HBBi", 8 + len(gateway), 0, 0, 3) + gateway + struct.pack("=HBBi", 8, 0, 9, 4)
    told = route_messages.route_message(route(INET, 24, attribute(1, packed("192.0.2.0")), attribute(9, ways)))
    assert told is not None
    assert told.read().hops == (NextHop(ipaddress.ip_address("fe80::1"), 3), NextHop(None, 4, 10))


def test_a_neighbour_that_has_not_answered_is_none():
    head = struct.pack("=BxxxiHBB", INET, 3, 1, 0, 0)
    assert forwarding.neighbour_of(head + attribute(1, packed("192.0.2.9"))) is None
    known = forwarding.neighbour_of(head + attribute(1, packed("192.0.2.9")) + attribute(2, bytes(range(0xA0, 0xA6))))
    assert known == (INET, 3, ipaddress.ip_address("192.0.2.9"), "a0:a1:a2:a3:a4:a5", 0)


@pytest.mark.parametrize("data", [b"", b"\2" * 5, struct.pack("=BBBBi", INET, 24, 0, 0, 1) + b"\x40\0\2\0abc"])
def test_what_is_cut_off_is_an_error_of_ours_or_nothing(data):
    with pytest.raises((MalformedReply, struct.error)):
        messages.address_of(data)
