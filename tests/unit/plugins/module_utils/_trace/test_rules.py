# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts of rules, with what nft(8) 1.0.6 and iptables 1.8.9 print."""

from __future__ import annotations

import json

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.path import Hit
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.rules import RuleTexts

BY_IPTABLES = [
    {"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "tcp"}},
    {"xt": {"type": "match", "name": "multiport"}},
    {"drop": None},
]
NATIVE = [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@s"}}]


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (BY_IPTABLES, "iptables -t filter -A INPUT -j DROP"),
        (NATIVE, "ip saddr @s drop (chain INPUT of table ip filter)"),
    ],
)
def test_a_rule_is_named_by_the_program_that_knows_all_of_it(monkeypatch, expr, text):
    monkeypatch.setattr("shutil.which", lambda name, path: name)

    def run(words, **_options):
        if "--json" in words:
            return 0, json.dumps({"nftables": [{"rule": dict(handle=6, expr=expr)}]}), ""
        if words[0] == "nft":
            return 0, "table ip filter {\n\tchain INPUT {\n\t\tip saddr @s drop # handle 6\n\t}\n}\n", ""
        return 0, "-A INPUT -j DROP\n", ""

    assert RuleTexts(run)(None, Hit("ip", "filter", "INPUT", "rule", 6, "drop"), 4) == text
