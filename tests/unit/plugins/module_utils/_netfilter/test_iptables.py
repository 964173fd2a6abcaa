# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is made of the answers of iptables; the command itself is one that every machine has."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import LinuxnetError
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter import iptables as _iptables

RULE = ["-s", "10.0.0.0/24", "-j", "MASQUERADE"]
NONE = (1, "", "iptables: Bad rule (does a matching rule exist in that chain?).\n")
LOST = (1, "", "")


@pytest.fixture
def chain(monkeypatch):
    """A chain whose command answers what is put into its list, one after the other."""
    monkeypatch.setitem(_iptables._COMMANDS, "inet", "true")
    answers: list[tuple[int, str, str]] = []
    chain = _iptables.Chain(lambda *_words, **_options: answers.pop(0), "inet", "nat", "POSTROUTING", None, 1)
    return chain, answers


@pytest.mark.parametrize(
    ("answers", "there"), [([(0, "", "")], True), ([NONE], False), ([LOST, NONE], False), ([LOST, (0, "", "")], True)]
)
def test_an_answer_without_words_is_asked_for_again(chain, answers, there):
    asked, left = chain
    left += answers
    assert asked.has(RULE) is there
    assert left == []


@pytest.mark.parametrize("answers", [[LOST, LOST], [(4, "", "Another app is currently holding the xtables lock.")]])
def test_what_does_not_tell_is_no_answer(chain, answers):
    asked, left = chain
    left += answers
    with pytest.raises(LinuxnetError, match="could not look for the rule"):
        asked.has(RULE)
