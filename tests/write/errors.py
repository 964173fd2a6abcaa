# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write docs/errors.md: the messages with which modules, plugins, roles and playbooks fail, each with what to do.

The messages are those of the code (messages.py). What they mean stands in errors.yml; what an option takes, and what an
errno of the kernel means, stands in the code itself.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import documents
import messages
import steps
import yaml
from messages import Message

PAGE = steps.CHECKOUT / "docs" / "errors.md"
MEANINGS = Path(__file__).with_suffix(".yml")
#: The tables of the page: which errors are in each
TABLES = {
    "lacking": ("MissingRequirement", "NotInstalled"),
    "absent": ("NoSuchPlace", "NoSuchNamespace"),
    "conflicts": ("Conflict",),
    "failed": ("LinuxnetError",),
    "controller": ("AnsibleError", "AnsibleParserError"),
    "tasks": ("task",),
}
#: From how many characters on the beginning of a message is enough to name it
BEGINNING = 30
#: What is only filled in says nothing by itself.
WORDS = re.compile(r"[A-Za-z]{2}.*[A-Za-z]{2}")
#: A name and what is filled in behind it, such as "from_ipvsadm: ..."
NAME_ONLY = re.compile(rf"(?:\w+: |Nothing has been changed(?: on {messages.ELLIPSIS})?: ){messages.ELLIPSIS}\.?")


class Incomplete(Exception):
    """Messages without a meaning, or meanings without a message."""


def code(text: str) -> str:
    """A text as code, in a cell of a table."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}".replace("|", r"\|")


def worth_telling(message: Message) -> bool:
    """Whether a message has words of its own, beside what is filled in."""
    return bool(WORDS.search(message.text)) and not NAME_ONLY.fullmatch(message.text)


def fits(key: str, text: str) -> bool:
    """Whether a meaning is that of a message: its key is the message, or the beginning of a long one."""
    return key == text or (len(key) >= BEGINNING and text.startswith(key))


def explained(found: Sequence[Message], meanings: Mapping[str, str]) -> dict[str, str]:
    """The rows of each table. Raises Incomplete."""
    wanted = {kind for kinds in TABLES.values() for kind in kinds}
    there = {each.text for each in found if each.error in wanted and worth_telling(each)}
    key = {text: max((each for each in meanings if fits(each, text)), key=len, default="") for text in there}
    wrong = [f"without a meaning: {text}" for text in sorted(there) if not key[text]]
    wrong += [f"no message any more: {text}" for text in sorted(meanings.keys() - set(key.values()))]
    if wrong:
        raise Incomplete("\n".join([f"{MEANINGS.relative_to(steps.CHECKOUT)}:", *wrong]))
    head = "| message | what it means, and what to do |\n| --- | --- |"
    tables = {}
    for name, kinds in TABLES.items():
        texts = dict.fromkeys(each.text for each in found if each.error in kinds and each.text in there)
        rows = (f"| {code(text)} | {' '.join(meanings[key[text]].split())} |" for text in texts)
        tables[name] = "\n".join([head, *rows])
    return tables


def listed(found: Sequence[Message], error: str) -> str:
    """The messages of one kind in a list: they say themselves what is meant."""
    texts = (each.text for each in found if each.error == error and worth_telling(each))
    return "\n".join(f"- {code(text)}" for text in dict.fromkeys(texts))


def options(found: Sequence[Message]) -> str:
    """What is said of options, in a table for each subject."""
    parts = []
    rows = sorted((each for each in found if each.error == "InvalidOption"), key=lambda each: each.subject)
    for subject, inside in groupby(rows, key=lambda each: each.subject):
        cells = dict.fromkeys((each.option or messages.ELLIPSIS, each.text) for each in inside if worth_telling(each))
        parts.append(f"### `{subject}`\n\n| option | what to write, or what is wrong |\n| --- | --- |")
        parts[-1] += "".join(f"\n| {code(option)} | {code(text)} |" for option, text in cells)
    return "\n\n".join(parts)


def errnos(plugins: Path) -> str:
    """What an errno means where, in a table: from the tables in the code."""
    rows = {
        f"| `{errno}` | {subject} | {' '.join(text.split())} |".replace("%s", messages.ELLIPSIS)
        for subject, errno, text in messages.errnos(plugins)
        if subject != "doctor"  # whose words are for what it found
    }
    return "\n".join(["| errno | subject | what it means, and what to do |", "| --- | --- | --- |", *sorted(rows)])


def made() -> Iterator[tuple[Path, str]]:
    """The page. Raises Incomplete."""
    found = messages.collected()
    parts = explained(found, yaml.safe_load(MEANINGS.read_text()))
    parts |= {"unreadable": listed(found, messages.MALFORMED), "filters": listed(found, "AnsibleFilterError")}
    parts |= {"lines": listed(found, messages.LINE), "options": options(found)}
    parts["errnos"] = errnos(steps.CHECKOUT / "plugins")
    text = PAGE.read_text()
    for name, part in parts.items():
        text = documents.with_part(text, name, f"\n{part}\n")
    yield PAGE, text


if __name__ == "__main__":
    try:
        sys.exit(documents.close(__doc__, made()))
    except Incomplete as exc:
        sys.exit(str(exc))
