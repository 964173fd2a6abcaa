# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ipaddress import ip_interface

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import AddDevice
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import DeviceAddress, Link, Snapshot
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.virtual_ip import (
    addresses_after,
    plan_absent,
    plan_present,
    unanswered,
    wanted_virtual_ip,
)

DUMMY = Link(7, "vip0", "dummy")
HAVE = Snapshot(
    (DUMMY,),
    tuple(DeviceAddress(7, ip_interface(each)) for each in ("10.1.1.1/32", "10.1.1.2/32", "fe80::7/64")),
)


def wanted(**options):
    return wanted_virtual_ip(
        {"name": "vip0", "netns": None, "addresses": None, "exclusive": False, "state": "present", **options}
    )


def said(plan):
    return [str(each) for each in plan.operations]


def test_a_missing_device_is_made_and_stays_down():
    plan = plan_present(wanted(addresses=["10.100.100.100", "fd00::64"]), Snapshot())
    assert plan.operations[0] == AddDevice(None, "vip0", "dummy", up=False)
    assert said(plan) == [
        "add dummy 'vip0'",
        "add address 10.100.100.100/32 to device 'vip0'",
        "add address fd00::64/128 to device 'vip0'",
    ]
    assert plan.before == {"state": "absent"}
    assert plan.after == {"state": "present", "addresses": ["10.100.100.100/32", "fd00::64/128"]}


def test_listed_addresses_are_added():
    plan = plan_present(wanted(addresses=["10.1.1.3"]), HAVE)
    assert said(plan) == ["add address 10.1.1.3/32 to device 'vip0'"]
    assert plan.before == {"addresses": ["10.1.1.1/32", "10.1.1.2/32"]}
    assert plan.after == {"addresses": ["10.1.1.1/32", "10.1.1.2/32", "10.1.1.3/32"]}
    assert not plan_present(wanted(addresses=["10.1.1.1"]), HAVE).changed
    assert not plan_present(wanted(), HAVE).changed


def test_an_exclusive_list_is_all_there_is():
    plan = plan_present(wanted(addresses=["10.1.1.2"], exclusive=True), HAVE)
    assert said(plan) == ["delete address 10.1.1.1/32 of device 'vip0'"]
    assert len(plan_present(wanted(addresses=[], exclusive=True), HAVE).operations) == 2


def test_absent_takes_the_listed_addresses_or_the_device():
    plan = plan_absent(wanted(addresses=["10.1.1.1", "10.9.9.9"], state="absent"), HAVE)
    assert said(plan) == ["delete address 10.1.1.1/32 of device 'vip0'"]
    assert plan.after == {"addresses": ["10.1.1.2/32"]}
    assert plan_absent(wanted(addresses=["fe80::7/64"], state="absent"), HAVE).changed
    assert not plan_absent(wanted(addresses=["10.9.9.9"], state="absent"), HAVE).changed
    assert said(plan_absent(wanted(state="absent"), HAVE)) == ["delete device 'vip0'"]
    assert not plan_absent(wanted(state="absent"), Snapshot()).changed


def test_what_the_device_has_afterwards():
    assert addresses_after(wanted(addresses=["10.1.1.3"]), HAVE, True) == ["10.1.1.1/32", "10.1.1.2/32", "10.1.1.3/32"]
    assert addresses_after(wanted(addresses=["10.1.1.1"]), HAVE, False) == ["10.1.1.2/32"]
    assert addresses_after(wanted(), HAVE, False) == []


@pytest.mark.parametrize("plan", [plan_present, plan_absent])
def test_another_kind_of_device_is_left_alone(plan):
    have = Snapshot((Link(7, "vip0", "bridge"),))
    with pytest.raises(Conflict, match="'vip0' exists already as a bridge device and not as a dummy device"):
        plan(wanted(), have)


def test_exclusive_does_not_go_with_absent():
    with pytest.raises(InvalidOption, match="state=absent"):
        wanted(addresses=["10.1.1.1"], exclusive=True, state="absent")


def test_an_address_that_neighbours_will_ask_for_in_vain():
    """IPv6 alone, in the network of a device that has neighbours, and not where that device has the address, too."""
    near = DeviceAddress(2, ip_interface("fd00::1/64"))
    have = Snapshot((DUMMY, Link(2, "eth0")), (near, DeviceAddress(2, ip_interface("10.1.1.9/24"))))
    (warning,) = unanswered(wanted(addresses=["fd00::64", "fd01::64", "10.1.1.64"]), have)
    assert "fd00::64 lies in network fd00::/64 of device 'eth0'" in warning
    also = have._replace(addresses=(near, DeviceAddress(2, ip_interface("fd00::64/128"))))
    assert unanswered(wanted(addresses=["fd00::64"]), also) == []
    assert unanswered(wanted(), have) == []
