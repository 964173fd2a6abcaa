# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What older kernels do not know of a real server is refused, and tried where that cannot be told by their version."""

from __future__ import annotations

import pytest
from ipvs_things import DUSTIN, VIP

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import MissingRequirement
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs import features
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import Operation, RealServers, Service

GUE = DUSTIN.having(forwarding_method="tunnel", tunnel_type="gue", tunnel_port=6080, tunnel_checksum="full")


def steps(verb, *servers):
    return [Operation(verb, Service(VIP)), Operation(verb, Service(VIP), RealServers.of(servers))]


@pytest.mark.parametrize(
    ("running", "told"),
    [
        ((4, 18), ["tunnel_type 'gue'", "tunnel_checksum 'full'"]),
        ((5, 2), ["tunnel_checksum 'full'"]),
        ((5, 3), []),
        ((6, 1), []),
    ],
)
def test_what_came_after_a_kernel(running, told):
    assert list(map(str, features.later_ones(steps("add", DUSTIN, GUE), running))) == told
    assert features.later_ones(steps("delete", GUE), running) == {}
    assert features.later_ones(steps("add", DUSTIN), running) == {}


@pytest.mark.parametrize("knows", [True, False])
def test_a_distribution_may_have_added_it(monkeypatch, knows):
    monkeypatch.setattr(features, "kept", lambda _terms, _feature: knows)
    if knows:
        features.refuse_unknown(steps("add", GUE), (4, 18))
    else:
        with pytest.raises(MissingRequirement, match=r"does not know tunnel_type 'gue'.*takes Linux 5\.2 or later"):
            features.refuse_unknown(steps("add", GUE), (4, 18))
