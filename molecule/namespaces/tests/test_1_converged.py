# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the scenario's playbook did, it did inside: verify.yml looks, and cleans up."""

from __future__ import annotations

from pathlib import Path

VERIFY = Path(__file__).parents[1] / "verify.yml"


def test_the_work_was_done_inside_and_only_there(play):
    run = play(VERIFY)
    assert run.code == 0, run.account
    assert "The work was done inside, and only there" in {outcome.task for outcome in run.outcomes}
