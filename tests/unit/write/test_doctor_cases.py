# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The doctor's checks: each has a case on a real kernel."""

from __future__ import annotations

import re

import steps

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.catalogue import CHECKS

#: A kernel that delays is none of those that the test machines can have; the others want more connections than a test
#: can make in its time, or Linux 7.1.
WITHOUT_KERNEL = {"conn_reuse_delay", "connection_table_small", "conn_max_reached"}


def test_each_check_has_a_case() -> None:
    cases = steps.CHECKOUT / "molecule" / "doctor" / "tests"
    tested = {name for path in cases.glob("test_*.py") for name in re.findall(r'Case\(\s*"(\w+)"', path.read_text())}
    assert tested | WITHOUT_KERNEL == {check.id for check in CHECKS}
