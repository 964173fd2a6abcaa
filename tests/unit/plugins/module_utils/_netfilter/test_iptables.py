# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is made of the answers of iptables; the words are those that its back ends say (1.8.9, both)."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    Conflict,
    LinuxnetError,
    MissingRequirement,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.iptables import Iptables, NoTables, named_lines

EMPTY = "*nat\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n"
LOST = (0, "", "")


@pytest.fixture
def answering(monkeypatch):
    """The commands, which are there, and answer what is put into a list, one after the other."""
    monkeypatch.setattr("shutil.which", lambda name, path: name)
    answers: list[tuple[int, str, str]] = []
    return Iptables(lambda *_words, **_options: answers.pop(0), "inet", None, 7), answers


@pytest.mark.parametrize("answers", [[(0, EMPTY, "")], [LOST, (0, EMPTY, "")], [(1, "", ""), (0, EMPTY, "")]])
def test_an_answer_without_words_is_asked_for_again(answering, answers):
    asked, left = answering
    left += answers
    assert asked.tables()["nat"].policies == {"POSTROUTING": "ACCEPT"}
    assert left == []


def test_an_answer_that_breaks_off_is_no_table(answering):
    asked, left = answering
    left += [(0, EMPTY[:-7], "")] * 2
    with pytest.raises(LinuxnetError, match="breaks off"):
        asked.tables()


@pytest.mark.parametrize(
    ("code", "told", "kind", "words"),
    [
        (
            4,
            "Another app is currently holding the xtables lock; still -9s 0us time ahead to have a chance to grab",
            Conflict,
            "another program has held the xtables lock for 7 s; raise 'lock_timeout'",
        ),
        (
            1,
            "iptables-save v1.8.9 (legacy): Cannot initialize: Table does not exist (do you need to insmod?)",
            NoTables,
            "back end in use .legacy.; load its modules, or take the other one .iptables-nft.",
        ),
        (
            3,
            "iptables v1.8.9 (legacy): can't initialize iptables table `nat': Table does not exist",
            NoTables,
            "update-alternatives --set iptables /usr/sbin/iptables-nft",
        ),
        (
            4,
            "iptables-restore v1.8.9 (nf_tables): \nline 2: TABLE_ADD failed (Operation not supported): table nat",
            NoTables,
            "this kernel has no such table",
        ),
        (
            4,
            "iptables-save v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied",
            MissingRequirement,
            "CAP_NET_ADMIN",
        ),
        (2, "iptables-restore: unknown option", LinuxnetError, "unknown option"),
        (1, "iptables: Bad rule (does a matching rule exist in that chain?).", LinuxnetError, "Bad rule"),
        (139, "", LinuxnetError, "exit code 139, without a word"),
    ],
)
def test_refusals_are_told_apart(answering, code, told, kind, words):
    asked, left = answering
    left += [(code, "", told)] * (1 if told else 2) + [(0, "iptables v1.8.9 (legacy)", "")]
    with pytest.raises(LinuxnetError, match=words) as refused:
        asked.tables()
    assert refused.type is kind


def test_what_iptables_cannot_write_is_a_conflict(answering):
    asked, left = answering
    left += [(0, "# Table `nat' is incompatible, use 'nft' tool.\n", "")]
    with pytest.raises(Conflict, match="has changed table nat by nft"):
        asked.tables(["nat"])


def test_what_iptables_cannot_write_is_no_matter_where_it_is_not_needed(answering):
    asked, left = answering
    left += [(0, "# Table `nat' is incompatible, use 'nft' tool.\n" + EMPTY.replace("nat", "filter"), "")]
    assert list(asked.tables(["filter"])) == ["filter"]


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("line 2: CHAIN_ADD failed; line 3: RULE_APPEND failed (Invalid argument)", " (:A - [0:0]; -A A -j REJECT)"),
        ("unknown option Error occurred at line: 3", " (-A A -j REJECT)"),
        ("line 4 failed", ": the kernel refuses the table as a whole, and its log ('dmesg') may say why"),
        ("line 9 failed", ""),
        ("", ""),
    ],
)
def test_the_lines_that_are_refused_are_shown(told, shown):
    assert named_lines(told, ["*nat", ":A - [0:0]", "-A A -j REJECT", "COMMIT"]) == shown
