# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the program that makes nodes reads of other programs and of the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.pyroute2 import MINIMUM
from ansible_collections.linuxnet.ipvs.roles.lab_host.files.lab_nodes import runs, too_old

VARIABLES = Path(__file__).parents[3] / "roles" / "lab_host" / "vars" / "main.yml"
POLICY = """\
python3-pyroute2:
  Installed: {}
  Candidate: {}
  Version table:
     0.7.2-2 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
"""


@pytest.mark.parametrize(
    ("installed", "candidate", "told"),
    [
        ("0.7.2-2", "0.7.2-2", ""),
        ("0.5.14-2", "0.7.2-2", "0.5.14-2"),  # apt leaves what is installed
        ("0.8.1-1", "0.7.2-2", ""),
        ("(none)", "0.5.14-2ubuntu1", "0.5.14-2ubuntu1"),
        ("(none)", "1:0.7-5", "0.7-5"),
        ("(none)", "0.7.12-1", ""),
        ("(none)", "(none)", ""),  # lists that were never fetched
    ],
)
def test_a_version_is_too_old(installed: str, candidate: str, told: str) -> None:
    assert too_old(POLICY.format(installed, candidate), "0.7.2") == told


def test_a_package_that_apt_does_not_know_is_not_too_old() -> None:
    assert too_old("", "0.7.2") == ""


def test_the_role_asks_for_what_the_modules_ask_for() -> None:
    least = yaml.safe_load(VARIABLES.read_text())["_lab_host_nodes_settings"]["least"]
    assert least == {"python3-pyroute2": ".".join(map(str, MINIMUM))}


def test_a_nodes_own_run_is_found_among_mounts() -> None:
    table = (
        "618 616 0:21 / /proc rw,nosuid - proc proc rw\n"
        "619 617 0:52 / /run rw,nosuid,nodev shared:5 master:1 - tmpfs lab-run rw,mode=755\n"
        "620 619 0:3 net:[4026532393] /run/netns/pod rw - nsfs nsfs rw\n"
        "621 617 0:24 / /run rw - tmpfs tmpfs rw\n"
    )
    assert runs(table) == {"0:52"}
