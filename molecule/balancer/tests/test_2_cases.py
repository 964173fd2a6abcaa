# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules for one virtual service, real server or set, judged by ipvsadm and ipset."""

from __future__ import annotations

import re
from pathlib import Path

import cases
import pytest

FILES = sorted((Path(__file__).parents[1] / "cases").glob("*.yml"))
#: Of a set, what is chance or depends on the kernel's age
RANDOM = re.compile(" (initval|bucketsize) [0-9a-fx]+")


def run(node, netns, file):
    case = cases.read(file)
    inside = ["ip", "netns", "exec", netns]

    def look():
        printed = node.command(*inside, *case["oracle"]).splitlines()
        return [RANDOM.sub("", line).strip() for line in printed]

    for command in case.get("prepare", ()):
        node.command(*inside, *command)
    cases.Run(node, case, {"netns": netns}, look).all()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_cases(node, netns, file):
    run(node, netns, file)
