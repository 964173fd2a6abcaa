# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The quick ways give what the plain ones give."""

from __future__ import annotations

import kernel_tables
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipvs_things import replies, servers

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs import columns, plan
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.codec import SERVER_HEADER, encode_servers
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.scope import Scope
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServers
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.wishes import ServiceWish


@given(server=servers())
def test_a_real_server_is_compared_as_the_kernel_writes_it(server):
    (found,) = columns._found(replies(server))
    assert [SERVER_HEADER + found] == encode_servers(RealServers.of([server]))
    assert list(replies(server)) == [server]


def steps_of(planned):
    """What a plan does, and what it says of it, in an order that means nothing."""
    return sorted(what for step in planned.operations for what in step.each()), planned.counts, planned.diff()


@given(wished=kernel_tables.services(), data=st.data())
def test_the_plan_for_what_differs_is_the_plan_for_all(wished, data):
    """Of what is there some is as wished, some is of another service, and some is there otherwise."""
    wish = ServiceWish.from_options(wished)
    service = wish.resolve(None)
    listed = [each.resolve(service.key, None) for each in wish.servers or ()]
    there = {each.key: each for each in listed if data.draw(st.booleans())}
    for key, each in list(there.items()):
        if data.draw(st.booleans()):
            there[key] = each.having(weight=each.weight + 1)
    for each in data.draw(st.lists(kernel_tables.real_servers(wished), max_size=3)):
        other = ServiceWish.from_options(dict(wished, real_servers=[each])).servers
        assert other is not None
        there.setdefault(other[0].key, other[0].resolve(service.key, None))
    have = replies(*there.values())
    owned = data.draw(st.sampled_from([None, Scope()]))
    quick = plan.plan_table([wish], [(service, have)], owned)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "unsettled", lambda *_all: None)
        plain = plan.plan_table([wish], [(service, have)], owned)
    assert steps_of(quick) == steps_of(plain)
