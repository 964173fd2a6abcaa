# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write what is made from the guide: its tables, in each language, the blocks of the translation, which are those of
the English text, and playbooks/guide.yml with all tasks.

What the modules do is translated in docs/guide/zh.yml, by the English words. What has no translation there stands in
English, so nobody needs to know Chinese who adds a module or changes its words.

A table stands between the lines `<!-- NAME:begin -->` and `<!-- NAME:end -->`. Its head stays as it is, in the guide's
language; its rows are replaced. With --check nothing is written, and a stale file is an error.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import documents
import guide
import role_tables
import steps
import yaml

MODULES = steps.CHECKOUT / "plugins" / "modules"
TRANSLATIONS = guide.CHINESE.with_suffix(".yml")
OURS = "linuxnet.ipvs."
HEADER = """\
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
---
# The tasks of docs/guide, chapter by chapter, each under the tag of its stage. Made from docs/guide/en.md: make tables
- name: The guide's tasks
  hosts: lab_nodes
  gather_facts: false
  become: true
  tasks:
"""


def playbook(chapters: Sequence[guide.Chapter]) -> str:
    """The tasks of all chapters as a playbook: a block for each."""
    blocks = []
    for chapter in chapters:
        if chapter.tasks:
            tasks = textwrap.indent(chapter.tasks, "        ")
            blocks.append(f"    - name: {name_of(chapter)}\n      tags: [{chapter.stage}]\n      block:\n{tasks}")
    return HEADER + "\n".join(blocks)


def name_of(chapter: guide.Chapter) -> str:
    """What a chapter's heading says behind its number and stage, as a name."""
    text = re.split("[:\uff1a] *", chapter.title, maxsplit=1)[-1]
    return text[:1].upper() + text[1:]


def modules_of(chapter: guide.Chapter) -> list[str]:
    """The full names of the modules that a chapter's tasks use, in order."""
    found = (key for task in yaml.safe_load(chapter.tasks) or [] for key in task if key.count(".") == 2)
    return list(dict.fromkeys(found))


def link(chapter: guide.Chapter, text: str) -> str:
    """A link to a chapter, by the anchor that GitHub makes of its heading."""
    anchor = re.sub(r"[^\w\- ]", "", chapter.title.lower()).replace(" ", "-")
    return f"[{text}](#{anchor})"


def stages(chapters: Sequence[guide.Chapter]) -> Iterator[tuple[str, ...]]:
    """A row for each stage."""
    for chapter in chapters:
        if chapter.stage:
            names = (f"`{name.removeprefix(OURS)}`" for name in modules_of(chapter))
            yield link(chapter, f"`{chapter.stage}`"), name_of(chapter), ", ".join(names)


def described() -> Iterator[tuple[str, str]]:
    """The name of each of the collection's modules, and what it says it does."""
    for path in sorted(MODULES.glob("*.py")):
        found = re.search(r'^DOCUMENTATION = r"""\n(.*?)^"""', path.read_text(), re.MULTILINE | re.DOTALL)
        if found:
            yield path.stem, role_tables.markdown(yaml.safe_load(found.group(1))["short_description"])


def translations() -> dict[str, str]:
    """What modules do, by the English words."""
    translated: dict[str, str] = yaml.safe_load(TRANSLATIONS.read_text(encoding="utf-8"))
    return translated


def modules(chapters: Sequence[guide.Chapter], words: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """A row for each of the collection's modules, with the words of a translation."""
    for name, about in described():
        uses = (link(each, f"`{each.stage}`") for each in chapters if OURS + name in modules_of(each))
        yield f"`{OURS}{name}`", words.get(about, about), ", ".join(uses)


def with_tables(text: str, words: Mapping[str, str]) -> str:
    """A guide with its tables anew. Raises ValueError where the place of one is not given exactly once."""
    chapters = guide.chapters(text)
    for name, rows in (("stages", stages(chapters)), ("modules", modules(chapters, words))):
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        pattern = re.compile(rf"({begin}\n\|.+\|\n\|[-| ]+\|\n)(?:\|.*\n)*({end})")
        if len(pattern.findall(text)) != 1:
            raise ValueError(f"it needs one line {begin}, a table's head under it, and one line {end}")
        written = "".join(f"| {' | '.join(row)} |\n".replace("|  |", "| |") for row in rows)
        text = pattern.sub(lambda found, new=written: found.group(1) + new + found.group(2), text)  # type: ignore[misc]
    return text


def with_blocks(translation: str, original: str) -> str:
    """A translation with the blocks of the original. Raises ValueError if they differ in number or languages."""
    blocks = [found.group() for found in guide.FENCE.finditer(original)]
    if [block.splitlines()[0] for block in blocks] != [f"```{each[1]}" for each in guide.FENCE.finditer(translation)]:
        raise ValueError("its blocks have other languages, or another number, than those of the English text")
    return guide.FENCE.sub(lambda _match: blocks.pop(0), translation)


def made() -> Iterator[tuple[Path, str]]:
    """Each file with what it has to hold."""
    english = guide.ENGLISH.read_text()
    yield guide.ENGLISH, with_tables(english, {})
    yield guide.CHINESE, with_tables(with_blocks(guide.CHINESE.read_text(), english), translations())
    yield guide.PLAYBOOK, playbook(guide.chapters(english))


if __name__ == "__main__":
    sys.exit(documents.close(__doc__, made()))
