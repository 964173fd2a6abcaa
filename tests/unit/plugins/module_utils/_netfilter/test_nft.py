# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's own table of nftables; the JSON is what nft 1.0.6 lists."""

from __future__ import annotations

import ipaddress
import json

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    Conflict,
    InvalidOption,
    LinuxnetError,
    MissingRequirement,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter import nft, nft_matches, nft_sets
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.masquerade_nftables import nft_rule

LISTED = json.loads("""[
 {"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
 {"table": {"family": "ip", "name": "linuxnet_ipvs", "handle": 1}},
 {"set": {"family": "ip", "name": "LOOP", "table": "linuxnet_ipvs", "handle": 3,
          "type": ["ipv4_addr", "inet_proto", "inet_service", "ipv4_addr"],
          "elem": [{"concat": ["10.0.0.11", 6, 8080, "10.0.0.11"]},
                   {"concat": ["10.0.0.12", "sctp", 80, "10.0.0.12"]}]}},
 {"set": {"family": "ip", "name": "ONE", "table": "linuxnet_ipvs", "handle": 5, "type": "ipv4_addr",
          "elem": [{"elem": {"val": "10.0.0.1", "counter": {"packets": 1, "bytes": 2}}}]}},
 {"chain": {"family": "ip", "table": "linuxnet_ipvs", "name": "postrouting", "handle": 1, "type": "nat",
            "hook": "postrouting", "prio": 100, "policy": "accept"}},
 {"rule": {"family": "ip", "table": "linuxnet_ipvs", "chain": "postrouting", "handle": 4, "comment": "why", "expr": [
   {"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "eth*"}},
   {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}},
              "right": {"prefix": {"addr": "10.0.0.0", "len": 24}}}},
   {"counter": {"packets": 7, "bytes": 700}}, {"masquerade": null}]}}]
""")
TABLE = nft.table_of(LISTED)
OPTIONS = dict.fromkeys(("source", "match_set", "out_interface", "family", "comment"))
TYPES = ("ipv4_addr", "inet_proto", "inet_service", "ipv4_addr")


def rule(kind=None, **options):
    return nft_rule(dict(OPTIONS, **options), kind)


def test_a_table_is_read_as_nft_lists_it():
    assert TABLE.chains == (nft.MASQUERADE,)
    assert TABLE.sets["LOOP"].types == TYPES
    assert nft_sets.canonical(TABLE.sets["LOOP"]).entries == {
        ("10.0.0.11", 6, 8080, "10.0.0.11"),
        ("10.0.0.12", 132, 80, "10.0.0.12"),
    }
    assert TABLE.sets["ONE"] == nft.NftSet("ONE", ("ipv4_addr",), frozenset({("10.0.0.1",)}))


def test_a_rule_is_found_whatever_the_order_of_its_matches_and_its_counter():
    wanted, text = rule(source="10.0.0.0/24", out_interface="eth+", comment="why")
    assert text == 'postrouting ip saddr 10.0.0.0/24 oifname "eth*" masquerade comment "why"'
    assert nft.present(TABLE, nft.MASQUERADE, wanted) == []
    assert nft.absent(TABLE, nft.MASQUERADE, wanted) == [
        {"delete": {"rule": {"chain": "postrouting", "handle": 4}}},
        {"delete": {"chain": {"name": "postrouting"}}},
    ]
    without_sets = nft.OwnTable(TABLE.chains, TABLE.rules)
    assert nft.absent(without_sets, nft.MASQUERADE, wanted)[-1] == {"delete": {"table": {}}}


@pytest.mark.parametrize(
    "options",
    [
        dict(source="10.0.0.0/24", out_interface="eth+"),
        dict(source="10.0.0.0/24", out_interface="eth+", comment="other"),
        dict(source="10.0.0.0/25", out_interface="eth+", comment="why"),
        dict(source="10.0.0.0/24", out_interface="eth", comment="why"),
    ],
)
def test_another_rule_is_added_and_not_deleted(options):
    wanted, _text = rule(**options)
    assert nft.absent(TABLE, nft.MASQUERADE, wanted) == []
    added = nft.present(TABLE, nft.MASQUERADE, wanted)
    assert [next(iter(each["add"])) for each in added] == ["table", "chain", "rule"]
    assert added[2]["add"]["rule"]["expr"][-2:] == [{"counter": None}, {"masquerade": None}]


def test_a_set_asks_for_each_part_of_the_packet():
    match_set = dict(name="LOOP", directions=["dst", "dst", "src"])
    wanted, text = rule("hash:ip,port,ip", match_set=match_set)
    assert text == "postrouting ip daddr . meta l4proto . th dport . ip saddr @LOOP masquerade"
    assert wanted.expressions[0]["match"]["right"] == "@LOOP"
    _wanted, text = rule("hash:ip", match_set=dict(match_set, directions=["src"]), family="inet6")
    assert text == "postrouting ip6 saddr @LOOP masquerade"
    with pytest.raises(InvalidOption, match="write 'src' or 'dst' for each of its 3 parts"):
        rule("hash:ip,port,ip", match_set=dict(match_set, directions=["dst", "dst"]))


def test_chains_of_the_same_name_at_another_hook_are_not_ours():
    chain = dict(LISTED[4]["chain"], hook="input")
    with pytest.raises(Conflict, match="chain postrouting of table linuxnet_ipvs is at another hook"):
        nft.table_of([dict(chain=chain)])


def test_host_addresses_have_no_length():
    host = ipaddress.ip_network("fd00::1/128")
    assert nft_matches.address("inet6", "daddr", host).text == "ip6 daddr fd00::1"
    assert nft_matches.address("inet6", "daddr", host).json["match"]["right"] == "fd00::1"


@pytest.mark.parametrize("comment", ['a "quoted" word', "x" * 128, "", "two\nlines"])
def test_comments_that_nft_could_not_read_again(comment):
    with pytest.raises(InvalidOption, match="comment: "):
        rule(source="10.0.0.1", comment=comment)


@pytest.mark.parametrize(
    ("kind", "text", "parts"),
    [
        ("hash:ip", "010.0.0.1".lstrip("0"), ("10.0.0.1",)),
        ("hash:ip,port", "10.0.0.1,80", ("10.0.0.1", 6, 80)),
        ("hash:ip,port,ip", "10.0.0.1,udp:53,10.0.0.2", ("10.0.0.1", 17, 53, "10.0.0.2")),
    ],
)
def test_entries_are_read_and_written_in_the_words_of_ipset(kind, text, parts):
    found = nft_sets.entry("entries[0]", kind, "inet", text)
    assert found == parts
    written = nft_sets.written(nft_sets.types_of(kind, "inet"), found)
    assert nft_sets.entry("entries[0]", kind, "inet", written) == parts


def test_only_what_differs_in_a_set_is_sent():
    wanted = nft.NftSet("LOOP", TYPES, frozenset({("10.0.0.11", 6, 8080, "10.0.0.11"), ("10.0.0.9", 6, 1, "10.0.0.9")}))
    add = {"add": {"element": {"name": "LOOP", "elem": [{"concat": ["10.0.0.9", 6, 1, "10.0.0.9"]}]}}}
    delete = {"delete": {"element": {"name": "LOOP", "elem": [{"concat": ["10.0.0.12", 132, 80, "10.0.0.12"]}]}}}
    commands, left = nft_sets.set_present(TABLE, wanted, purge=False)
    assert (commands, len(left.entries)) == ([add], 3)
    assert nft_sets.set_present(TABLE, wanted, purge=True) == ([delete, add], wanted)
    with pytest.raises(Conflict, match="set 'ONE' exists with the types ipv4_addr"):
        nft_sets.set_present(TABLE, nft.NftSet("ONE", TYPES), purge=False)


ERRORS = [
    (1, "Error: No such file or directory\nlist table ip linuxnet_ipvs", None, ""),
    (1, "Error: Could not process rule: Operation not permitted", MissingRequirement, "CAP_NET_ADMIN"),
    (1, "Error: Could not process rule: Operation not supported", MissingRequirement, "modprobe -a nf_tables"),
    (1, "Error: JSON support not compiled-in", MissingRequirement, "built with it"),
    (1, "Error: syntax error", LinuxnetError, "nft could not read table ip linuxnet_ipvs: Error: syntax error"),
    (1, "", LinuxnetError, "exit code 1, without a word"),
]


@pytest.mark.parametrize(("code", "told", "kind", "words"), ERRORS)
def test_refusals_are_told_apart(monkeypatch, code, told, kind, words):
    monkeypatch.setattr("shutil.which", lambda name, path: name)
    client = nft.Nft(lambda *_words, **_options: (code, "", told), "inet", None)
    if kind is None:
        assert client.table() == nft.OwnTable()
        return
    with pytest.raises(LinuxnetError, match=words) as refused:
        client.table()
    assert refused.type is kind


def test_a_set_that_a_rule_asks_for_is_in_use(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name, path: name)
    client = nft.Nft(lambda *_words, **_options: (1, "", "Error: Device or resource busy"), "inet", None)
    with pytest.raises(Conflict, match="it is in use: a rule asks for the set"):
        client.apply(nft_sets.set_absent(TABLE, "LOOP"))
