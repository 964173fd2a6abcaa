# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real servers that go while they have connections."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ipvs_things import DUSTIN, LEAH, UDP, VIP, key, replies, service_wish, steps, table_wish, wish

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.graceful import held, keeping
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.scope import Scope
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.table_plan import plan_table
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import Service

NONE = {"active_connections": 0, "inactive_connections": 0}


def _planned(wishes, have, counted):
    plan = plan_table(wishes, have, Scope())
    kept = held(plan, lambda _service: counted)
    return plan_table(keeping(wishes, kept), have, Scope())


@pytest.mark.parametrize("connections", [{"active_connections": 1}, {"inactive_connections": 2}])
def test_one_with_connections_gets_weight_0_and_then_is_left_alone(connections):
    counted = {LEAH.key: {**NONE, **connections}, DUSTIN.key: NONE}
    plan = _planned([table_wish({}, DUSTIN)], [(Service(VIP), replies(DUSTIN, LEAH))], counted)
    assert steps(plan) == ["set real server 10.0.0.21:8080 of virtual service tcp 10.100.100.100:8080"]
    assert plan.counts["real_servers"] == dict(added=0, changed=1, deleted=0, unchanged=1)
    leaving = LEAH.having(weight=0)
    assert "-w 0" in plan.diff()["after"]
    again = _planned([table_wish({}, DUSTIN)], [(Service(VIP), replies(DUSTIN, leaving))], counted)
    assert not again.changed
    gone = _planned([table_wish({}, DUSTIN)], [(Service(VIP), replies(DUSTIN, leaving))], {LEAH.key: NONE})
    assert steps(gone) == ["delete real server 10.0.0.21:8080 of virtual service tcp 10.100.100.100:8080"]


def test_one_that_is_wished_again_gets_its_weight_back():
    have = [(Service(VIP), replies(LEAH.having(weight=0)))]
    plan = _planned([service_wish(VIP, {}, [wish(LEAH, weight=1)])], have, {LEAH.key: dict(NONE, active_connections=1)})
    assert steps(plan) == ["set real server 10.0.0.21:8080 of virtual service tcp 10.100.100.100:8080"]


def test_nothing_is_waited_for_of_udp_and_of_a_whole_virtual_service():
    counted = {LEAH.key: dict(NONE, inactive_connections=1)}
    udp = key(**UDP)
    wished = table_wish({}, DUSTIN)
    plan = _planned([wished._replace(key=udp)], [(replace(Service(VIP), key=udp), replies(DUSTIN, LEAH))], counted)
    assert [step.split()[0] for step in steps(plan)] == ["delete"]
    plan = _planned([], [(Service(VIP), replies(LEAH))], counted)
    assert steps(plan) == ["delete virtual service tcp 10.100.100.100:8080"]
