# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries in the kernel's bytes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset import messages
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import (
    encode,
    layout,
    read_rest,
    split_entries,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import PLAIN
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import as_dict, written
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    NLA_F_NESTED,
    MalformedReply,
    nested,
)
from ansible_collections.linuxnet.ipvs.tests.unit.plugins.module_utils._ipset.cases import (
    entries,
    header,
    listed,
    only,
)


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
    found = split_entries(of.kind, nested(messages.ATTR_DATA, *pieces))
    assert list(found) == [key]
    assert read_rest(found[key]) == options


def test_an_entry_of_another_length_is_not_taken_for_two():
    of = header("hash:ip")
    key, _options = only(of, "10.0.0.1")
    short = struct.pack("=HH", 2, 7 | NLA_F_NESTED)
    with pytest.raises(MalformedReply):
        split_entries(of.kind, short + key)


def test_a_request_tells_the_byte_order_of_addresses():
    of = header("hash:ip,port,net")
    key, options = only(of, "10.0.0.1,tcp:80,10.1.0.0/16")
    assert options is PLAIN
    request = encode(layout(of.kind), key, options)
    assert request.count(struct.pack("=HH", 8, 1 | 0x4000)) == 2
    assert request.replace(struct.pack("=HH", 8, 1 | 0x4000), struct.pack("=HH", 8, 1)) == key
