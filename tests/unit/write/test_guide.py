# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import guide
import guide_tables
import pytest
import steps
import yaml

TEXT = """\
# A guide

```console
$ make shell
```

## 1. `first`: a beginning

```console
# echo one; echo two
one
two
# echo \\
> three   # a comment
three
```

```yaml
- name: Do it
  linuxnet.ipvs.netns:
    name: blue
```

### A part of it

## The end

```text
## no heading
```
"""
#: Documents whose blocks of `console` a reader may type
DOCUMENTS = sorted([*steps.CHECKOUT.glob("*.md"), *(steps.CHECKOUT / "docs").rglob("*.md")])


def test_chapters_are_cut_at_headings_and_know_their_stage() -> None:
    found = guide.chapters(TEXT)
    assert [(chapter.title, chapter.stage) for chapter in found] == [
        ("", None),
        ("1. `first`: a beginning", "first"),
        ("The end", None),
    ]
    assert [[block.language for block in chapter.blocks] for chapter in found] == [
        ["console"],
        ["console", "yaml"],
        ["text"],
    ]
    assert found[1].tasks.startswith("- name: Do it\n")
    assert found[2].commands == []


def test_commands_have_their_output_and_their_place() -> None:
    commands = guide.chapters(TEXT)[1].commands
    assert commands == [
        guide.Command(10, "#", "echo one; echo two", "one\ntwo"),
        guide.Command(13, "#", "echo \\\nthree   # a comment", "three"),
    ]
    assert TEXT.splitlines()[9] == "# echo one; echo two"


def test_headings_are_not_looked_for_in_blocks() -> None:
    assert guide.headings(TEXT) == [
        (1, "A guide"),
        (2, "1. `first`: a beginning"),
        (3, "A part of it"),
        (2, "The end"),
    ]


def test_output_without_a_command_is_refused() -> None:
    with pytest.raises(ValueError, match="line 4: output without a command: lost"):
        guide.Block(4, "console", "lost\n$ true\n").commands  # noqa: B018


@pytest.mark.parametrize(
    ("output", "printed", "fits"),
    [
        ("", "", True),
        ("", "something\n", False),
        ("one\ntwo", "one  \ntwo\n\n", True),
        ("one\ntwo", "one\n", False),
        ("a ... c", "a b b c", True),
        ("a ... c", "a\nc", False),
        ("a ...", "a", True),
        ("a ...", "a b", True),
        ("a ...", "ab", False),
        ("a[...].*", "a[x].*", True),
        ("a[...].*", "a[x].b", False),
        ("...\nend", "end", True),
        ("...\nend", "one\ntwo\nend", True),
        ("...\nend", "one\nend\nmore", False),
        ("start\n...", "start\n\nmore", True),
    ],
)
def test_output_is_compared(output: str, printed: str, fits: bool) -> None:
    assert guide.Command(1, "#", "true", output).prints(printed) is fits


@pytest.mark.parametrize(
    ("output", "codes"),
    [
        ("curl: (28) ...\ndustin", {0, 28}),
        ("RTNETLINK answers: Network is unreachable", {0, 2}),
        ("curl answers", {0}),
    ],
)
def test_exit_code_may_be_that_of_the_error_which_is_shown(output: str, codes: set[int]) -> None:
    assert guide.Command(1, "#", "true", output).codes == codes


@pytest.fixture
def reader(tmp_path: Path) -> guide.Reader:
    """Someone whose `make shell` opens a shell on this machine."""
    (tmp_path / "Makefile").write_text("shell:\n\t@bash --norc\n")
    return guide.Reader(tmp_path, os.environ)


def typed(reader: guide.Reader, text: str) -> None:
    with reader:
        for command in guide.Block(1, "console", text).commands:
            reader.type(command)


def test_reader_types_here_and_in_one_shell_there(reader: guide.Reader) -> None:
    typed(
        reader,
        "$ basename $PWD/Makefile\nMakefile\n$ make shell\n# here=there; cd /\n# echo $here $PWD\nthere /\n"
        "# [ -t 1 ] && echo a terminal\na terminal\n# echo one \\\n> two\none two\n# exit\n",
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("$ echo one\ntwo\n", "line 1: \\$ echo one\nThe guide says:\ntwo\nIt prints \\(exit code 0\\):\none"),
        ("$ echo 'curl: (28) late'; exit 7\ncurl: (28) ...\n", "exit code 7"),
        ("$ false\n", "exit code 1"),
        ("# true\n", "no shell on the node"),
        ("$ make shell\n# false\n", "exit code 1"),
        ("$ make shell\n# echo one\ntwo\n", "It prints \\(exit code 0\\):\none"),
        ("$ make shell\n# kill -KILL $$\n", "the shell ended"),
    ],
)
def test_what_the_guide_did_not_say_is_told(reader: guide.Reader, text: str, complaint: str) -> None:
    with pytest.raises(guide.Wrong, match=complaint):
        typed(reader, text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(steps.CHECKOUT)))
def test_console_blocks_can_be_typed(document: Path) -> None:
    for chapter in guide.chapters(document.read_text()):
        for block in chapter.blocks:
            assert block.language != "console" or block.commands


def test_translation_has_the_structure_of_the_original() -> None:
    english, chinese = guide.ENGLISH.read_text(), guide.CHINESE.read_text()
    assert [level for level, _text in guide.headings(english)] == [level for level, _text in guide.headings(chinese)]
    for one, other in zip(guide.chapters(english), guide.chapters(chinese), strict=True):
        assert other.stage == one.stage
        assert [(block.language, block.text) for block in other.blocks] == [
            (block.language, block.text) for block in one.blocks
        ]
        assert (other.title == one.title) is (one.title == "")


def test_stages_are_those_of_the_lab() -> None:
    lab = yaml.safe_load((steps.CHECKOUT / "playbooks" / "vars" / "stages.yml").read_text())["lab_stages"]
    chapters = guide.chapters(guide.ENGLISH.read_text())
    # What is beyond the article has no tasks of the guide's own, but a role.
    assert [each.stage for each in chapters if each.stage] == [
        stage["name"] for stage in lab if "manifests" not in stage
    ]


def test_playbook_has_the_tasks_of_each_chapter_under_its_stage() -> None:
    written = guide_tables.playbook(guide.chapters(TEXT))
    assert written.endswith(
        "    - name: A beginning\n      tags: [first]\n      block:\n"
        "        - name: Do it\n          linuxnet.ipvs.netns:\n            name: blue\n"
    )


def test_anchors_are_those_of_github() -> None:
    assert (
        guide_tables.link(guide.Chapter("4. `veth_dustin`: dustin's cable"), "x") == "[x](#4-veth_dustin-dustins-cable)"
    )
    assert guide_tables.link(guide.Chapter("4. `netns`\uff1a\u547d\u540d"), "x") == "[x](#4-netns\u547d\u540d)"


GUIDE = "<!-- stages:begin -->\n| A | B | C |\n| --- | --- | --- |\n| old |\n<!-- stages:end -->\n\n"
GUIDE += "<!-- modules:begin -->\n| A | B | C |\n| --- | --- | --- |\n<!-- modules:end -->\n"


def test_tables_keep_their_heads() -> None:
    written = guide_tables.with_tables(GUIDE + TEXT, {"Manage network namespaces": "\u7ba1\u7406"})
    assert (
        "| A | B | C |\n| --- | --- | --- |\n| [`first`](#1-first-a-beginning) | A beginning | `netns` |\n<!--"
        in written
    )
    assert "| `linuxnet.ipvs.netns` | \u7ba1\u7406 | [`first`](#1-first-a-beginning) |\n" in written
    # What has no translation stays in English.
    assert "| `linuxnet.ipvs.ipset_entry` | Manage entries of a set | |\n" in written
    english = guide_tables.with_tables(written, {})
    assert "| `linuxnet.ipvs.netns` | Manage network namespaces |" in english
    assert guide_tables.with_tables(english, {}) == english


def test_no_translation_is_of_words_that_no_module_has_any_more() -> None:
    assert set(guide_tables.translations()) <= {about for _name, about in guide_tables.described()}


def test_guide_without_exactly_one_place_for_a_table_is_refused() -> None:
    for text in (TEXT, GUIDE + GUIDE):
        with pytest.raises(ValueError, match="stages:begin"):
            guide_tables.with_tables(text, {})


def test_blocks_of_the_original_replace_those_of_the_translation() -> None:
    draft = guide.FENCE.sub(lambda found: f"```{found[1]}\n```", TEXT.replace("A guide", "Ein Buch"))
    assert guide_tables.with_blocks(draft, TEXT) == TEXT.replace("A guide", "Ein Buch")
    with pytest.raises(ValueError, match="number"):
        guide_tables.with_blocks("```yaml\n```\n", TEXT)
