# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
import role_tables

SPECS: dict[str, Any] = {
    "main": {
        "short_description": "Does it",
        "options": {
            "it_state": {"choices": ["present", "absent"], "default": "present", "description": "Whether it is there."},
            "it_parts": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "description": ["The parts.", "None of C(them) | all."],
                "options": {"name": {"type": "str", "required": True, "description": "Name of the part."}},
            },
        },
    },
    "undo": {"short_description": "Takes it away.", "options": {}},
}
DEFAULTS = {"it_state": "present", "it_parts": []}
TABLE = """\
| Variable | Type | Default | Meaning |
| --- | --- | --- | --- |
| `it_state` | str: `present`, `absent` | `present` | Whether it is there. |
| `it_parts` | list of dict | `[]` | The parts. None of `them` \\| all. |
| `it_parts[].name` | str | **required** | Name of the part. |

With `tasks_from: undo` (Takes it away):

It takes no variables."""


def test_table_has_a_row_for_each_option_and_a_part_for_each_entry_point() -> None:
    assert role_tables.table(SPECS) == TABLE


def test_table_goes_between_the_markers_and_nowhere_else() -> None:
    readme = "# it\n\n<!-- variables:begin -->\nold\n<!-- variables:end -->\n\nend\n"
    written = role_tables.with_table(readme, SPECS)
    assert written == f"# it\n\n<!-- variables:begin -->\n{TABLE}\n<!-- variables:end -->\n\nend\n"
    assert role_tables.with_table(written, SPECS) == written


@pytest.mark.parametrize(
    "readme",
    [
        "no markers",
        "<!-- variables:end --> <!-- variables:begin -->",
        2 * "<!-- variables:begin --><!-- variables:end -->",
    ],
)
def test_readme_without_exactly_one_place_for_the_table_is_refused(readme: str) -> None:
    with pytest.raises(ValueError, match="variables:begin"):
        role_tables.with_table(readme, SPECS)


@pytest.mark.parametrize(
    ("ansible", "markdown"),
    [
        ("C(a) and V(b\\(c\\)) and O(d)", "`a` and `b(c)` and `d`"),
        ("B(bold) I(italic) M(a.b.c)", "**bold** *italic* `a.b.c`"),
        ("U(https://a.b) L(text, https://a.b)", "<https://a.b> [text](https://a.b)"),
        (["Two.", "Sentences\nand a break."], "Two. Sentences and a break."),
    ],
)
def test_markup_becomes_markdown(ansible: str | list[str], markdown: str) -> None:
    assert role_tables.markdown(ansible) == markdown


@pytest.mark.parametrize(
    ("default", "shown"),
    [
        ("", "`''`"),
        (True, "`true`"),
        (["10.0.0.1/24"], "`[10.0.0.1/24]`"),
        ([{"name": "a-long-name", "addresses": ["10.0.0.1/24"]}], "[see defaults](defaults/main.yml)"),
    ],
)
def test_default_is_shown_as_yaml_unless_it_is_long(default: object, shown: str) -> None:
    assert role_tables.default_of({"default": default}) == shown


def test_defaults_that_agree_are_no_problem() -> None:
    assert list(role_tables.disagreements(SPECS, DEFAULTS)) == []


@pytest.mark.parametrize(
    ("defaults", "complaint"),
    [
        ({**DEFAULTS, "it_state": "absent"}, "it_state is 'absent' in defaults"),
        ({**DEFAULTS, "it_more": 1}, "it_more is in defaults/main.yml, but not in meta"),
        ({"it_state": "present"}, "it_parts has a default in meta/argument_specs.yml, but not in defaults"),
    ],
)
def test_defaults_that_disagree_are_told(defaults: dict[str, object], complaint: str) -> None:
    (found,) = role_tables.disagreements(SPECS, defaults)
    assert found.startswith(complaint)


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ({"required": True}, "it_name is required, and yet"),
        ({}, "it_name has a default in defaults/main.yml, but not in meta"),
    ],
)
def test_default_that_the_specification_does_not_know_is_told(option: dict[str, object], complaint: str) -> None:
    (found,) = role_tables.disagreements({"main": {"options": {"it_name": option}}}, {"it_name": "x"})
    assert found.startswith(complaint)
