# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a set cannot hold."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries import Wish
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries_plan import plan_contents
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.plan import plan_set
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.reader import Reader
from ansible_collections.linuxnet.ipvs.tests.unit.plugins.module_utils._ipset.cases import (
    have_set,
    header,
)


@pytest.mark.parametrize(
    ("there", "wished"),
    [
        (["10.0.0.0/8,eth wildcard"], ["10.0.0.0/8,eth0"]),
        (["10.0.0.0/8,eth0"], ["10.0.0.0/8,eth wildcard"]),
        ([], ["10.0.0.0/8,eth0", "10.0.0.0/8,eth wildcard"]),
    ],
)
def test_an_entry_that_a_wildcard_covers(there, wished):
    with pytest.raises(InvalidOption, match="whose wildcard covers it"):
        plan_contents(have_set(header("hash:net,iface"), *there), Wish(wished))


def test_an_old_entry_that_a_new_wildcard_covers_in_another_shape():
    have = have_set(header("hash:net,iface"), "10.0.0.0/8,eth0")
    with pytest.raises(InvalidOption, match="whose wildcard covers it"):
        plan_set("S", have.header.kind, dict(maxelem=9), have, Wish(["10.0.0.0/8,eth wildcard"]), recreate=True)


def devices(count, start=0, network="10.0.0.0/8", prefix=""):
    return ["%s,%seth%d" % (network, prefix, number) for number in range(start, start + count)]


@pytest.mark.parametrize("family", ["inet", "inet6"])
def test_more_devices_than_a_bucket_holds(family):
    """The kernel is never asked, since old ones would take all memory for them."""
    of = header("hash:net,iface", family, counters=True)
    network = "10.0.0.0/8" if family == "inet" else "fd00::/8"
    many = devices(65, network=network)
    have = have_set(of, *many[:64])
    refused = "its network would have 65 devices, and a hash:net,iface set holds at most 64"
    with pytest.raises(InvalidOption, match=refused):
        plan_set("S", of.kind, {}, None, Wish(many))
    with pytest.raises(InvalidOption, match=refused):
        plan_set("S", of.kind, {}, have, Wish(many[64:]))
    with pytest.raises(InvalidOption, match=refused):
        plan_set("S", of.kind, dict(maxelem=99), have, Wish(many[64:]), recreate=True)
    for atomic in (False, True):
        with pytest.raises(InvalidOption, match=refused):
            plan_contents(have, Wish(many, purge=True, atomic=atomic))
        assert len(plan_contents(have, Wish(many[1:], purge=True, atomic=atomic)).added) == 1


def test_as_many_devices_as_a_bucket_holds():
    of = header("hash:net,iface")
    full = devices(64)
    others = devices(64, network="10.0.0.0/9") + devices(64, prefix="physdev:") + devices(64, network="11.0.0.0/8")
    assert len(plan_set("S", of.kind, {}, None, Wish(full + others)).added) == 256
    assert len(plan_contents(have_set(of, *full), Wish(others)).added) == 192
    # One that is there is no further one, whatever becomes of it.
    assert plan_contents(have_set(of, *full), Wish(["10.0.0.0/8,eth6 nomatch"])).updated
    assert not plan_contents(have_set(of, *full), Wish(full)).plan.changed
    assert Reader(header("hash:net,net")).read(["10.0.0.0/8,10.1.0.%d" % number for number in range(65)])


def test_entries_that_no_wildcard_covers():
    of = header("hash:net,iface")
    there = have_set(of, "10.0.0.0/8,eth wildcard")
    assert plan_contents(there, Wish(["10.0.0.0/9,eth0", "10.0.0.0/8,physdev:eth0", "10.0.0.0/8,lo"])).plan.changed
    assert plan_contents(there, Wish(["10.0.0.0/8,eth0"], purge=True)).added == ["10.0.0.0/8,eth0"]


def test_a_set_that_would_overflow():
    there = have_set(header("hash:ip", maxelem=2), "10.0.0.1", "10.0.0.2")
    with pytest.raises(InvalidOption, match="holds at most 2"):
        plan_contents(there, Wish(["10.0.0.3"]))
    assert plan_contents(there, Wish(["10.0.0.3"], purge=True)).plan.changed
    assert plan_contents(
        have_set(header("hash:ip", maxelem=1, forceadd=True), "10.0.0.1"), Wish(["10.0.0.2"])
    ).plan.changed
