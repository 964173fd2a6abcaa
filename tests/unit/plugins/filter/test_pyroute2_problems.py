# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a host's pyroute2 will do, from what a look found."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.filter.pyroute2_problems import pyroute2_problems

OLD = "/usr/lib/python3/dist-packages/pyroute2-0.5.14.egg-info"
NEW = "/usr/local/lib/python3.10/dist-packages/pyroute2-0.9.5.dist-info"


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [NEW],
        [OLD, NEW],
        ["/usr/lib/python3/dist-packages/pyroute2-0.7.2.egg-info"],
        ["python3-pyroute2:", "  Installed: (none)", "  Candidate: 0.7.2-2", "  Version table:"],
        ["python3-pyroute2:", "  Installed: (none)", "  Candidate: (none)"],
        [NEW, "  Candidate: 0.5.14-2"],
        ["/usr/lib/python3/dist-packages/pyroute2_minimal-0.5.14.egg-info"],
    ],
)
def test_one_that_will_do_or_that_is_not_known(lines):
    assert pyroute2_problems(lines, "/usr/bin/python3") == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([OLD], "pyroute2 0.5.14, in /usr/lib/python3/dist-packages, is too old"),
        (["/opt/v/lib/python3.9/site-packages/pyroute2-0.6.9-py3.9.egg-info"], "pyroute2 0.6.9, in /opt/v/lib/"),
        (["  Candidate: 0.5.14-2"], "pyroute2 0.5.14-2, which its distribution has, is too old"),
    ],
)
def test_one_that_is_too_old_has_a_remedy_that_works(lines, words):
    (problem,) = pyroute2_problems(lines, "/usr/bin/python3")
    assert words in problem
    assert "/usr/bin/python3 -m pip install 'pyroute2>=0.7.2'" in problem
