# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries in ipset(8)'s words and as plain data."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import (
    encode_rest,
    read_rest,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries import Wish
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries_plan import plan_contents
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import KernelSet
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import described
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import attribute
from ansible_collections.linuxnet.ipvs.tests.unit.plugins.module_utils._ipset.cases import (
    entries,
    header,
    only,
)


@given(entries())
def test_what_is_described_makes_the_same_of_anything(case):
    of, item = case
    key, options = only(of, item)
    (whole,) = described(of, {key: encode_rest(options)})
    back = only(of, whole)
    assert back[0] == key
    everything: dict[str, Any] = dict(comment="x", skbmark=(1, 1), skbprio=1, skbqueue=1, timeout=7)
    other = KernelSet(of, entries={key: encode_rest(options._replace(nomatch=False, **everything))})
    outcome = plan_contents(other, Wish([whole], purge=True, refresh=True))
    for operation in outcome.plan.operations:
        if operation.verb == "add":
            other = KernelSet(of, entries={key: encode_rest(operation.entries[key])})
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
