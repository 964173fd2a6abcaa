# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a recording of a terminal is cut and drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
import recording
import steps

OUTPUT = ["PLAY [x] ***", "", "    1 finding on lab", "", "    - name: Mend it   ", "      x: y", "RECAP"]


def test_a_part_of_the_output_is_shown_from_its_left() -> None:
    assert recording.shown(OUTPUT, r"\d finding", "^ *x:") == [
        "1 finding on lab",
        "",
        "- name: Mend it",
        "  x: y",
        "...",
    ]
    assert recording.shown(OUTPUT, "PLAY", "PLAY") == ["PLAY [x] ***"]
    assert recording.shown(OUTPUT, "RECAP", recording.Typed("", []).last) == ["RECAP"]
    assert recording.shown(OUTPUT, "", "") == []


def test_a_session_that_shows_something_else_is_no_recording() -> None:
    with pytest.raises(ValueError, match=r"nothing fits 'Nothing is wrong' in:\nPLAY"):
        recording.shown(OUTPUT, "Nothing is wrong", "x")


def test_lines_come_one_after_the_other() -> None:
    lines = list(recording.timed([(recording.Typed("$ one", []), ["1", "2"]), (recording.Typed("$ two", []), [])]))
    assert [text for _at, typed, text in lines if typed] == ["$ one", "$ two"]
    assert [text for _at, _typed, text in lines] == ["$ one", "1", "2", "$ two"]
    times = [at for at, _typed, _text in lines]
    assert times == sorted(times)


@pytest.mark.parametrize("name", recording.SESSIONS)
def test_recordings_are_of_these_commands_and_fit_the_terminal(name: str) -> None:
    root = ET.fromstring((steps.CHECKOUT / "docs" / f"{name}.svg").read_text())
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    typed = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text") if each.get("class") == "typed"]
    assert typed == [each.shown for each in recording.SESSIONS[name]]
    assert max(map(len, texts)) <= recording.COLUMNS
    assert len(texts) > len(typed)
