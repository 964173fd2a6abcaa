# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draining: with which schedulers clients are refused meanwhile, and where the option is one."""

from __future__ import annotations

import pytest
from ipvs_things import VIP

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.drain_options import drain_timeout, refuses_clients
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import Service


@pytest.mark.parametrize(
    ("scheduler", "flags", "weights", "told"),
    [
        ("sh", 0, [0, 1], "set the scheduler flag 'sh-fallback'"),
        ("mh", 0x10, [0, 1], "set the scheduler flag 'mh-fallback'"),
        ("dh", 0x8, [1, 0], "take another scheduler"),
        ("sh", 0x8, [0, 1], ""),
        ("mh", 0x18, [0, 1], ""),
        ("rr", 0, [0, 1], ""),
        ("sh", 0, [1, 1], ""),
        ("sh", 0, [0, 0], ""),  # there is no other to fall back to
        ("sh", 0, [], ""),
    ],
)
def test_whose_clients_are_refused(scheduler, flags, weights, told):
    found = refuses_clients(Service(VIP, scheduler, scheduler_flags=flags), weights)
    assert told in found
    assert bool(found) == bool(told)


def test_what_a_drain_goes_with():
    assert drain_timeout(dict(drain_timeout=None), False, "x") is None
    assert drain_timeout(dict(drain_timeout=0), True, "x") == 0
    for timeout, deletes, told in ((5, False, "it goes with x only"), (-1, True, "0 to 86400"), (86401, True, "0 to")):
        with pytest.raises(InvalidOption, match=told):
            drain_timeout(dict(drain_timeout=timeout), deletes, "x")
