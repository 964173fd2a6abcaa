# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left when the topology has been taken away: the node as it was before. Last, since nothing is there then."""

from __future__ import annotations

import json
import os
from pathlib import Path

import kernel
import pytest


@pytest.fixture(scope="module")
def taken_away(play):
    done = play("topology_down.yml")
    assert done.code == 0, done.account
    assert done.changed
    return done


@pytest.mark.usefixtures("taken_away")
class TestTakenAway:
    def test_as_before(self, host):
        before = json.loads(Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "before.json").read_text())
        now = kernel.read(host)
        # Modules and switches stay (see the role ipvs_node), and empty tables of iptables with them.
        for state in (before, now):
            state[""]["switches"] = []
            state[""]["rules"] = [line for line in state[""]["rules"] if line.startswith("-A")]
        assert list(kernel.differences(before, now)) == []

    @pytest.mark.parametrize(
        "listing",
        ["ip netns list", "ls /etc/netns", "ls /run/systemd/system", "systemctl list-units --all --plain 'http-*'"],
    )
    def test_nothing_listed(self, host, listing):
        assert "dustin" not in host.run(listing).stdout
        assert "leah" not in host.run(listing).stdout

    def test_again(self, play):
        again = play("topology_down.yml")
        assert again.code == 0, again.account
        assert again.changed == []
