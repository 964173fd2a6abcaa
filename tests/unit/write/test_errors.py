# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages read from code, and the page that lists them."""

from __future__ import annotations

from pathlib import Path

import errors
import messages
import pytest
from messages import Message

ERRORS = """\
class LinuxnetError(Exception): pass
class InvalidOption(LinuxnetError): pass
class Conflict(LinuxnetError): pass
class KernelRefused(LinuxnetError): pass
"""
CODE = """\
NEITHER = "neither of both"


class Busy(Conflict):
    def __init__(self, name):
        super().__init__("set '%s' is busy" % name)


def one(option, value, place):
    if place:
        raise InvalidOption("%sport" % option, value, "write a number from %d to %d" % (1, 9) if place > 1 else NEITHER)
    raise KernelRefused(3, f"cannot {option}{value}: " + "%04o" % place)


def two(name):
    remedy = "stop it"
    if name:
        remedy = "wait"
    return Conflict("%s is in the way: " % name + remedy)


def three(exc):
    raise Conflict(str(exc)) from ValueError("not for users")


MEANINGS = {errno.EEXIST: "it is there", errno.ENOENT: "%s is gone" % NEITHER, 3: "no errno"}
"""
TASKS = """\
- name: A block
  block:
    - ansible.builtin.assert:
        that: true
        fail_msg: >-
          {{ one }} {% for each in two %}{{ each }}; {% endfor %} is wrong.
          Leave {{ three }} out.
  rescue:
    - ansible.builtin.fail: {msg: It has failed.}
    - ansible.builtin.debug: {msg: nothing}
"""


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    for name, text in {"_base/errors.py": ERRORS, "_ipset/plan.py": CODE}.items():
        path = tmp_path / "plugins" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return tmp_path / "plugins"


def test_messages_are_read_with_what_is_filled_in_left_open(plugins: Path) -> None:
    assert sorted(messages.of_plugins(plugins)) == [
        Message("Conflict", "ipset", "", "set '…' is busy"),
        Message("Conflict", "ipset", "", "… is in the way: stop it"),
        Message("Conflict", "ipset", "", "… is in the way: wait"),
        Message("InvalidOption", "ipset", "…port", "neither of both"),
        Message("InvalidOption", "ipset", "…port", "write a number from … to …"),
        Message("KernelRefused", "ipset", "", "cannot …: …"),
    ]


def test_errnos_are_read_from_tables_of_meanings(plugins: Path) -> None:
    found = list(messages.errnos(plugins))
    assert found == [("ipset", "EEXIST", "it is there"), ("ipset", "ENOENT", "… is gone")]


def test_messages_of_tasks_are_found_in_blocks(tmp_path: Path) -> None:
    path = tmp_path / "roles" / "it" / "tasks" / "main.yml"
    path.parent.mkdir(parents=True)
    path.write_text(TASKS)
    assert list(messages.of_tasks([tmp_path / "roles"])) == [
        Message("task", "it", "", "… is wrong. Leave … out."),
        Message("task", "it", "", "It has failed."),
    ]


FOUND = [
    Message("Conflict", "ipset", "", "set '…' is `busy` | used"),
    Message("Conflict", "ipset", "", "…: …"),
    Message("task", "it", "", "Nothing has been changed on …: …."),
    Message("InvalidOption", "ipset", "", "write a number"),
    Message("InvalidOption", "ipset", "", "write a number"),
]


def test_page_tells_each_message_once_with_its_meaning() -> None:
    tables = errors.explained(FOUND, {"set '…' is `busy` | used": "Wait\nuntil it is not."})
    assert tables["conflicts"].splitlines()[2:] == ["| ``set '…' is `busy` \\| used`` | Wait until it is not. |"]
    assert tables["tasks"].splitlines()[2:] == []
    assert errors.options(FOUND).splitlines()[4:] == ["| `…` | `write a number` |"]


@pytest.mark.parametrize(
    ("meanings", "told"),
    [({}, "without a meaning: set '…'"), ({FOUND[0].text: "x", "gone": "y"}, "no message any more: gone")],
)
def test_page_cannot_go_stale(meanings: dict[str, str], told: str) -> None:
    with pytest.raises(errors.Incomplete, match=told):
        errors.explained(FOUND, meanings)


def test_the_beginning_of_a_long_message_is_enough() -> None:
    text = "the table of … is kept by another program, and more words follow"
    tables = errors.explained([Message("task", "it", "", text)], {text[:40]: "Stop it."})
    assert tables["tasks"].splitlines()[2:] == [f"| `{text}` | Stop it. |"]
    with pytest.raises(errors.Incomplete):
        errors.explained([Message("task", "it", "", text)], {text[:20]: "Stop it."})
