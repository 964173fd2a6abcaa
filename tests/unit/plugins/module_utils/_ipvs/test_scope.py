# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a table that a task owns."""

from __future__ import annotations

import pytest
from ipvs_things import DUSTIN, MARK, OTHER, VIP, replies, steps, table_wish

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.scope import Scope
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.table_plan import plan_table
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import (
    Service,
)


def test_what_is_outside_the_scope_is_neither_listed_nor_deleted():
    scope = Scope.from_options(dict(addresses=["10.100.100.101/32"], protocols=None, fwmarks=None))
    have = [(Service(OTHER), replies()), (Service(MARK, "sh"), replies()), (Service(VIP), replies())]
    assert steps(plan_table([], have, scope)) == ["delete virtual service tcp 10.100.100.101:80"]
    with pytest.raises(InvalidOption, match="outside 'scope'"):
        plan_table([table_wish({}, DUSTIN)], have, scope)
    marks = Scope.from_options(dict(addresses=None, protocols=None, fwmarks=["1-7"]))
    assert steps(plan_table([], have, marks)) == ["delete virtual service firewall mark 7 (inet)"]
    for bad in ("0", "7-1", "x", "1-4294967296", "²", "1-²"):
        with pytest.raises(InvalidOption, match=r"scope\.fwmarks"):
            Scope.from_options(dict(addresses=None, protocols=None, fwmarks=[bad]))


def test_single_services_are_in_the_scope_beside_the_rest():
    have = [(Service(OTHER), replies()), (Service(MARK, "sh"), replies()), (Service(VIP), replies())]
    single = dict(addresses=None, protocols=None, fwmarks=None, services=["10.100.100.101,tcp:80"])
    assert steps(plan_table([], have, Scope.from_options(single))) == ["delete virtual service tcp 10.100.100.101:80"]
    beside = dict(single, fwmarks=["7"])
    assert len(steps(plan_table([], have, Scope.from_options(beside)))) == 2
    assert steps(plan_table([], have, Scope.from_options(dict(single, services=[])))) == []
    for bad in ("10.100.100.101:80", "10.100.100.101,tcp", "10.100.100.101,icmp:1", "x,tcp:80", "10.0.0.1,tcp:65536"):
        with pytest.raises(InvalidOption, match=r"scope\.services"):
            Scope.from_options(dict(single, services=[bad]))
