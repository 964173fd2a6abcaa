# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import invocation


def test_a_result_tells_small_options_again_and_of_large_ones_the_size():
    small = {"name": "a", "entries": ["10.0.0.1"] * 100, "text": None, "purge": True}
    assert invocation(small) == {"module_args": small}
    large = {"entries": ["10.0.0.1"] * 101, "text": "x" * 10001}
    assert invocation(large)["module_args"] == {
        "entries": "101 entries, left out",
        "text": "10001 characters, left out",
    }
