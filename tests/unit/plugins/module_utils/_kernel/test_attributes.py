# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attributes: what we write is what pyroute2 reads, and no bytes make the reading hang or crash untyped."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink import nla, nlmsg

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel import attributes, netlink


class Sample(nlmsg):
    """An independent reader of the attributes that the tests write."""

    prefix = "S_"
    nla_map = ((1, "S_NUMBER", "uint32"), (2, "S_NAME", "asciiz"), (3, "S_NEST", "nest"))

    class nest(nla):
        prefix = "N_"
        nla_map = ((1, "N_NUMBER", "uint32"), (2, "N_NAME", "asciiz"))


@given(st.integers(0, 2**32 - 1), st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=40))
def test_pyroute2_reads_what_we_write(number, name):
    inner = attributes.attribute(1, struct.pack("=I", number)) + attributes.text(2, name)
    payload = (
        attributes.attribute(1, struct.pack("=I", number)) + attributes.text(2, name) + attributes.nested(3, inner)
    )
    data = netlink._datagram([netlink.Message(77, payload)], [5], 5)
    message = Sample(data)
    message.decode()
    assert message["header"]["type"] == 77
    assert message["header"]["sequence_number"] == 5
    assert message["header"]["flags"] == netlink.NLM_F_REQUEST | netlink.NLM_F_ACK
    assert message.get_attr("S_NUMBER") == number
    assert message.get_attr("S_NAME") == name
    assert message.get_attr("S_NEST").get_attr("N_NUMBER") == number
    assert message.get_attr("S_NEST").get_attr("N_NAME") == name


@given(st.lists(st.tuples(st.integers(0, attributes.NLA_TYPE_MASK), st.binary(max_size=60))))
def test_attributes_come_back_as_they_went(pairs):
    data = b"".join(attributes.attribute(kind, payload) for kind, payload in pairs)
    assert len(data) % 4 == 0
    assert list(attributes.attributes(data)) == pairs


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reading_of_attributes_hang_or_crash(data):
    try:
        found = list(attributes.attributes(data))
    except attributes.MalformedReply:
        return
    assert sum(len(payload) + 4 for _kind, payload in found) <= len(data)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (struct.pack("=HH", 3, 1), "of 3 bytes"),
        (struct.pack("=HH", 9, 1) + b"abcd", "of 9 bytes where 8 are left"),
    ],
)
def test_an_attribute_of_a_wrong_length(data, told):
    with pytest.raises(attributes.MalformedReply, match=told):
        list(attributes.attributes(data))


@pytest.mark.parametrize(("payload", "order", "value"), [(b"\1", "=", 1), (b"\x1f\x90", ">", 8080), (bytes(8), "=", 0)])
def test_integers(payload, order, value):
    assert attributes.integer(payload, order) == value


def test_an_integer_of_a_wrong_size():
    with pytest.raises(attributes.MalformedReply):
        attributes.integer(b"abc")
