# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all writers of documents share."""

from __future__ import annotations

import sys
from pathlib import Path

import documents
import guides
import pytest
import steps

DOCUMENT = "before\n<!-- it:begin -->\nold\n<!-- it:end -->\nafter\n"


def test_part_goes_between_its_marks() -> None:
    written = documents.with_part(DOCUMENT, "it", r"new \1")
    assert written == DOCUMENT.replace("old", r"new \1")
    assert documents.with_part(written, "it", r"new \1") == written


@pytest.mark.parametrize("document", ["", DOCUMENT + DOCUMENT, "<!-- it:end -->\n<!-- it:begin -->\n"])
def test_document_without_exactly_one_place_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match="it:begin"):
        documents.with_part(document, "it", "new")


def test_stale_file_is_named_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(steps, "CHECKOUT", tmp_path)
    path = tmp_path / "it.md"
    monkeypatch.setattr(sys, "argv", ["writer", "--check"])
    assert documents.close("About.", [(path, "new")]) == 1
    assert capsys.readouterr().err == "it.md is stale: make tables\n"
    assert not path.exists()
    monkeypatch.setattr(sys, "argv", ["writer"])
    assert documents.close("About.", [(path, "new")]) == 0
    assert path.read_text() == "new"
    monkeypatch.setattr(sys, "argv", ["writer", "--check"])
    assert documents.close("About.", [(path, "new")]) == 0


def test_guides_are_listed_with_their_translations() -> None:
    readme = "\n## Guides\n\n| Guide | For whom |\n| --- | --- |\n| [A](u) ([B](v)) | who reads |\n"
    readme += "\n## More\n\n| [C](w) | x |\n"
    assert list(guides.listed(readme)) == ["* `A <u>`__ (`B <v>`__), for anyone who reads"]
