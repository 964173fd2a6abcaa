# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules for one virtual service, real server, set or rule, judged by ipvsadm, ipset and iptables-save."""

from __future__ import annotations

import re
from pathlib import Path

import cases
import pytest

FILES = sorted((Path(__file__).parents[1] / "cases").glob("*.yml"))
#: Of a set, what is chance or depends on the kernel's age
RANDOM = re.compile(" (initval|bucketsize) [0-9a-fx]+")


def run(node, netns, file, beforehand=()):
    case = cases.read(file)
    inside = ["ip", "netns", "exec", netns]

    def look():
        printed = node.command(*inside, *case["oracle"]).splitlines()
        # iptables-save writes the time of day into its comments.
        return [RANDOM.sub("", line).strip() for line in printed if not line.startswith("#")]

    for command in case.get("prepare", ()):
        node.command(*inside, *command)
    if beforehand:
        node.command(*beforehand)
    cases.Run(node, case, {"netns": netns}, look).all()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_cases(node, netns, file):
    run(node, netns, file)


@pytest.mark.parametrize(("command", "file"), [("iptables", "masquerade.yml"), ("ip6tables", "masquerade6.yml")])
def test_masquerade_with_the_other_back_end(node, netns, command, file):
    """iptables-legacy and ip6tables-legacy, whose lock somebody holds at first."""
    node.command("update-alternatives", "--set", command, f"/usr/sbin/{command}-legacy")
    try:
        held = ["systemd-run", "--collect", f"--unit={command}-lock", "flock", "/run/xtables.lock", "sleep", "3"]
        run(node, netns, Path(__file__).parents[1] / "cases" / file, held)
    finally:
        node.command("update-alternatives", "--auto", command)
