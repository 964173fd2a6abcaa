# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The quick ways give what the plain ones give, or nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset import columns, word_columns, writer
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import (
    encode_rest,
    layout,
    read_rest,
    split_entries,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import PLAIN
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.parts import Parts
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.reader import Reader
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SET_TYPES
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.wishes import set_type
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import MalformedReply
from ansible_collections.linuxnet.ipvs.tests.unit.plugins.module_utils._ipset.cases import entries, header, listed, only


@pytest.mark.parametrize("mark", ["/", " "])
@given(
    st.lists(st.text("1/ \n", max_size=4), min_size=1, max_size=5),
    st.text("1/ \n", max_size=3),
)
def test_words_are_taken_apart_at_their_first_mark(mark, words, end):
    for each in (words, [word + end for word in words]):
        heads, tails = word_columns.halves(each, mark)
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


def plain_or_error(read):
    """What a plain way gives, or that it refuses the bytes."""
    try:
        return read()
    except MalformedReply:
        return "refused"


@given(st.lists(entries(), min_size=1, max_size=1), st.data())
def test_a_listing_is_taken_apart_as_entry_by_entry_or_not_at_all(cases, data):
    """Alike entries or not, whole or damaged anywhere in a key."""
    ((of, item),) = cases
    one = listed(of, *only(of, item))
    bare = listed(of, only(of, item)[0], PLAIN)
    whole = bytearray(b"".join(data.draw(st.lists(st.sampled_from([one, bare]), min_size=1, max_size=4))))
    for _time in range(data.draw(st.integers(0, 2))):
        whole[data.draw(st.integers(0, len(bare) - 1))] = data.draw(st.integers(0, 255))
    whole = whole[: len(whole) - data.draw(st.sampled_from([0, 0, 1, 4, 9]))]
    found = columns.split(layout(of.kind), bytes(whole))
    plainly = plain_or_error(lambda: split_entries(of.kind, bytes(whole)))
    assert found is None or found == plainly or plainly == what_is_behind(found) == "refused"


def what_is_behind(keys):
    """What stands behind keys, or that it is refused."""
    return plain_or_error(lambda: [read_rest(rest) for rest in keys.values()])


def test_what_is_damaged_behind_a_key_is_refused_as_it_is_read():
    """The length of the first of three entries takes in the second one and a part of the third."""
    of = header("hash:net")
    one = listed(of, *only(of, {"entry": "10.0.0.0/8"}))
    damaged = bytearray(one * 3)[: 2 * len(one) + 8]
    damaged[0] = 2 * len(one) + 5
    assert plain_or_error(lambda: split_entries(of.kind, bytes(damaged))) == "refused"
    found = columns.split(layout(of.kind), bytes(damaged))
    assert found is not None
    assert what_is_behind(found) == "refused"


@given(entries(), st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_entries_are_read_and_written_as_one_by_one_or_not_at_all(case, places):
    of, item = case
    of = replace(of, timeout=None, counters=False, comment=False, skbinfo=False)
    texts = [item["entry"], *SOME[of.kind.name, of.kind.family]]
    chosen = [texts[place % len(texts)] for place in places]
    found = word_columns.read(Parts(of, "entries"), chosen, [PLAIN] * len(chosen))
    plain = Reader(of).read([chosen[0]])
    for text in chosen[1:]:
        plain.update(Reader(of).read([text]))
    assert found is None or list(found.items()) == list(plain.items())
    many = list(plain)
    shape = layout(of.kind)
    texts_ = columns.written(shape, many, writer._WRITERS)
    assert texts_ is None or texts_ == [writer.written(of.kind, key) for key in many]


#: Entries beside a generated one: alike, a range, and of another spelling.
SOME: dict[tuple[str, str], list[str]] = {}
for _name in SET_TYPES:
    for _family in ("inet", "inet6") if set_type(_name, None).has_family else (set_type(_name, None).family,):
        six = _family == "inet6"
        _words = {
            "ip": ["fd00::1", "FD00::2"]
            if six
            else ["10.0.0.1", "10.0.0.2" if "mac" in _name else "10.0.0.2-10.0.0.3"],
            "net": ["fd00::/64", "fd00::1"] if six else ["10.0.0.0/24", "10.0.1.0-10.0.1.9"],
            "port": ["80", "90-91"] if _name == "bitmap:port" else ["tcp:80", "udp:90-91"],
            "mac": ["02:00:00:00:00:01", "02:00:00:00:00:0A"],
            "mark": ["1", "0x2"],
            "iface": ["eth0", "physdev:eth0"],
            "set": ["A", "B"],
        }
        _parts = set_type(_name, None).parts
        SOME[_name, _family] = [
            ",".join(_words[part][place if number == 0 else 0] for number, part in enumerate(_parts))
            for place in (0, 1)
        ]
