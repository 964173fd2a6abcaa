# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, NoSuchPlace
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.hairpin import bridge_port, plan_hairpin
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import Link, Snapshot


def said(plan):
    return [str(each) for each in plan.operations]


def test_hairpin_of_a_port():
    port = Link(4, "v", "veth", master=2, hairpin=False)
    have = Snapshot((port,))
    assert bridge_port(None, "v", have) is port
    plan = plan_hairpin(None, "v", True, port)
    assert said(plan) == ["switch hairpin mode of bridge port 'v' on"]
    assert (plan.before, plan.after) == ({"state": "absent"}, {"state": "present"})
    assert not plan_hairpin(None, "v", False, port).changed


def test_hairpin_of_a_port_that_is_not_there_yet():
    with pytest.raises(NoSuchPlace, match="there is no device 'v' in network namespace 'n'"):
        bridge_port("n", "v", Snapshot())
    assert plan_hairpin(None, "v", True, None).changed
    assert not plan_hairpin(None, "v", False, None).changed


def test_hairpin_of_a_device_that_is_no_port():
    with pytest.raises(Conflict, match="device 'v' is not a bridge port"):
        bridge_port(None, "v", Snapshot((Link(4, "v", "veth"),)))
