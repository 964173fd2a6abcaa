# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where links lead on the site, and what its table of contents lists."""

from __future__ import annotations

from pathlib import Path

import flowchart
import pytest

import docs

FILES = {
    "README.md",
    ".github/pull_request_template.md",
    "docs/lab.md",
    "docs/directors.md",
    "docs/guide/en.md",
    "docs/architecture.md",
    "docs/topology.svg",
    "molecule/README.md",
    "playbooks/guide.yml",
    "plugins/modules/netns.py",
    "roles/picture/README.md",
    "roles/picture/defaults/main.yml",
}
PAGE = "https://github.com/linuxnet-collections/linuxnet.ipvs/blob/main/"
CONTENT = "https://raw.githubusercontent.com/linuxnet-collections/linuxnet.ipvs/main/"


@pytest.mark.parametrize(
    ("page", "link", "leads"),
    [
        ("docs/guide/en.md", "../lab.md", "../lab.md"),
        ("docs/guide/en.md", "../lab.md#stages", "../lab.md#stages"),
        ("docs/guide/en.md", "#stages", "#stages"),
        ("docs/guide/en.md", "../topology.svg", "../topology.svg"),
        ("docs/guide/en.md", "../../README.md", "../../index.md"),
        ("docs/guide/en.md", "../../playbooks/guide.yml", f"{PAGE}playbooks/guide.yml"),
        ("docs/lab.md", "../playbooks", f"{PAGE}playbooks"),
        ("docs/lab.md", "https://docs.kernel.org/x", "https://docs.kernel.org/x"),
        ("roles/picture/README.md", "defaults/main.yml", f"{PAGE}roles/picture/defaults/main.yml"),
        ("README.md", f"{PAGE}docs/lab.md#stages", "docs/lab.md#stages"),
        ("README.md", f"{CONTENT}docs/topology.svg", "docs/topology.svg"),
        ("README.md", f"{PAGE}playbooks/guide.yml", f"{PAGE}playbooks/guide.yml"),
    ],
)
def test_links_lead_to_pages_of_the_site_or_to_the_repository(page: str, link: str, leads: str) -> None:
    assert docs.aimed(link, page, FILES) == leads


@pytest.mark.parametrize(
    ("page", "link"), [("docs/lab.md", "gone.md"), ("docs/lab.md", "play"), ("README.md", f"{PAGE}docs/gone.md")]
)
def test_link_to_a_file_that_is_not_there_is_told(page: str, link: str) -> None:
    with pytest.raises(docs.Broken, match=rf"{page}: no file \S+ for the link {link}"):
        docs.aimed(link, page, FILES)


def test_blocks_of_code_stay_as_they_are() -> None:
    text = "[a](lab.md)\n\n```console\n$ echo '[a](gone.md)' `linuxnet.ipvs.netns`\n```\n\n[b](../README.md)\n"
    assert docs.aimed_all(text, "docs/directors.md", FILES) == text.replace("../README.md", "../index.md")


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("| `linuxnet.ipvs.netns` |", "| [`linuxnet.ipvs.netns`](../reference/netns_module.rst) |"),
        ("`linuxnet.ipvs.lab`", "`linuxnet.ipvs.lab`"),
        ("[`linuxnet.ipvs.netns`](lab.md)", "[`linuxnet.ipvs.netns`](lab.md)"),
        ("# linuxnet.ipvs.netns", "# linuxnet.ipvs.netns"),
    ],
)
def test_modules_are_linked_where_they_are_named_in_full(text: str, linked: str) -> None:
    assert docs.aimed_all(text, "docs/lab.md", FILES) == linked


def test_contents_are_in_the_order_of_the_readme_and_leave_no_page_out() -> None:
    front = f"[x]({PAGE}roles/picture/README.md) [d]({PAGE}docs/directors.md) [l]({PAGE}docs/lab.md#a) "
    front += f"[g]({PAGE}docs/guide/en.md)"
    assert list(docs.contents(front, docs.documents(FILES))) == [
        ("Guides", ["docs/directors.md", "docs/lab.md", "docs/guide/en.md"]),
        ("Reference", ["reference/index", "roles/picture/README.md"]),
        ("Project", ["docs/architecture.md", "molecule/README.md", "CHANGELOG"]),
    ]


def test_menu_has_short_names_and_no_second_table_of_contents(tmp_path: Path) -> None:
    page = tmp_path / "index.rst"
    page.write_text(
        "T\n=\n\n.. contents::\n   :local:\n   :depth: 1\n\n.. toctree::\n\n    ipset_entry_module\n    x_filter\n"
    )
    docs.shorten(tmp_path)
    assert page.read_text() == "T\n=\n\n\n.. toctree::\n\n    ipset_entry <ipset_entry_module>\n    x <x_filter>\n"


def test_flowchart_is_read() -> None:
    assert flowchart.read('flowchart BT\n  a["one, two"]\n  b & c --> a\n  d --> b') == (
        "BT",
        {"a": ["one, two"], "b": ["b"], "c": ["c"], "d": ["d"]},
        [("b", "a"), ("c", "a"), ("d", "b")],
    )


@pytest.mark.parametrize("text", ["sequenceDiagram", "flowchart BT\n a -.-> b", "flowchart XY\n a --> b"])
def test_what_is_not_read_of_mermaid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="read here"):
        flowchart.read(text)


def test_flowchart_has_its_arrows_upwards() -> None:
    drawn = flowchart.svg('flowchart BT\n  low["a < b"] --> high')
    assert "a &lt; b</text>" in drawn
    (line,) = [part for part in drawn.split("<") if part.startswith("polyline")]
    heights = [float(point.split(",")[1]) for point in line.split('"')[1].split()]
    assert heights[0] > heights[-1]
