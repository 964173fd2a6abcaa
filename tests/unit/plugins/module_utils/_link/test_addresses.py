# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ipaddress import ip_interface

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.addresses import (
    plan_addresses,
    plan_removal,
    texts,
    wanted_addresses,
)


def interfaces(*values):
    return tuple(ip_interface(value) for value in values)


def steps(plan):
    return [str(each).replace("address ", "").partition(" ")[::2] for each in plan.operations]


def said(plan):
    """The operations as +address and -address."""
    return [("+" if each[0] == "add" else "-") + each[1].split()[0] for each in steps(plan)]


def test_nothing_to_say_is_nothing_to_do():
    plan = plan_addresses(None, "d", interfaces("10.0.0.1/24"), None, purge=False)
    assert plan.operations == ()
    assert texts(plan.after) == ["10.0.0.1/24"]


def test_listed_addresses_are_added_to_those_that_are_there():
    plan = plan_addresses(None, "d", interfaces("10.0.0.9/24"), interfaces("10.0.0.1/24", "fd00::1/64"), purge=False)
    assert said(plan) == ["+10.0.0.1/24", "+fd00::1/64"]
    assert texts(plan.before) == ["10.0.0.9/24"]
    assert texts(plan.after) == ["10.0.0.1/24", "10.0.0.9/24", "fd00::1/64"]
    assert plan.disturbed == ()


def test_order_and_spelling_do_not_matter():
    have = interfaces("fd00:0:0::1/64", "10.0.0.1/24")
    assert plan_addresses(None, "d", have, interfaces("10.0.0.1/24", "fd00::1/64"), purge=True).operations == ()


def test_purge_deletes_after_adding_so_that_the_device_keeps_an_address():
    plan = plan_addresses(None, "d", interfaces("10.0.0.9/24"), interfaces("10.1.0.1/24"), purge=True)
    assert said(plan) == ["+10.1.0.1/24", "-10.0.0.9/24"]
    assert plan.disturbed == (4,)


def test_purge_sets_again_what_the_deletion_of_a_first_address_takes_along():
    have = interfaces("10.0.0.1/24", "10.0.0.2/24")
    plan = plan_addresses(None, "d", have, interfaces("10.0.0.2/24", "10.0.0.3/24"), purge=True)
    assert said(plan) == ["-10.0.0.1/24", "+10.0.0.2/24", "+10.0.0.3/24"]


def test_an_empty_list_with_purge_leaves_no_address_but_link_local_ones():
    plan = plan_addresses(None, "d", interfaces("10.0.0.1/24", "fe80::1/64"), (), purge=True)
    assert said(plan) == ["-10.0.0.1/24"]
    assert plan.after == ()


def test_a_listed_link_local_address_is_like_any_other():
    plan = plan_addresses(None, "d", (), interfaces("fe80::1/64"), purge=True)
    assert said(plan) == ["+fe80::1/64"]


def test_another_prefix_of_an_ipv6_address_takes_its_place():
    plan = plan_addresses(None, "d", interfaces("fd00::1/128"), interfaces("fd00::1/64"), purge=False)
    assert said(plan) == ["-fd00::1/128", "+fd00::1/64"]
    assert texts(plan.after) == ["fd00::1/64"]


def test_another_prefix_of_an_ipv4_address_corrects_it():
    plan = plan_addresses(None, "br0", [ip_interface("203.0.113.1/24")], [ip_interface("203.0.113.1/25")], False)
    assert [str(each) for each in plan.operations] == [
        "add address 203.0.113.1/25 to device 'br0'",
        "delete address 203.0.113.1/24 of device 'br0'",
    ]
    assert texts(plan.after) == ["203.0.113.1/25"]


def test_what_a_move_flushes_is_set_again():
    plan = plan_addresses(None, "d", interfaces("10.0.0.1/24", "fd00::1/64"), None, purge=False, lost=(4, 6))
    assert said(plan) == ["+10.0.0.1/24", "+fd00::1/64"]
    assert plan.before == plan.after


def test_what_a_move_flushes_is_not_deleted_too():
    plan = plan_addresses(None, "d", interfaces("10.0.0.1/24"), interfaces("10.0.0.2/24"), purge=True, lost=(4, 6))
    assert said(plan) == ["+10.0.0.2/24"]


def test_removal_takes_what_is_there():
    plan = plan_removal(None, "d", interfaces("10.0.0.1/32", "fe80::5/128"), interfaces("fe80::5/128", "10.9.9.9/32"))
    assert said(plan) == ["-fe80::5/128"]
    assert plan_removal(None, "d", interfaces("10.0.0.1/32"), interfaces("10.9.9.9/32")).operations == ()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["10.0.0.1/33"], "10.0.0.1/33"),
        (["10.0.0"], "10.0.0"),
        (["10.0.0.1/255.255.255.0"], "write the prefix as a length, such as /24"),
        (["10.0.0.1/24", "10.0.0.1/16"], "an address is listed twice"),
        (["fd00::1/64", "fd00:0::1/64"], "an address is listed twice"),
        (["224.0.0.1/32"], "multicast"),
        (["::/128"], "unspecified"),
    ],
)
def test_what_cannot_be_an_address_is_refused(values, words):
    with pytest.raises(InvalidOption, match=words.replace(".", r"\.")):
        wanted_addresses("addresses", values)


def test_a_missing_prefix_means_a_host_address():
    assert wanted_addresses("addresses", ["10.0.0.1", "fd00::1"]) == interfaces("10.0.0.1/32", "fd00::1/128")
    assert wanted_addresses("addresses", None) is None
    assert wanted_addresses("addresses", []) == ()


def test_an_address_is_taken_away_with_whatever_prefix_it_has():
    plan = plan_removal(None, "d", interfaces("10.0.0.1/24", "10.0.1.1/32", "fe80::1/64"), interfaces("10.0.0.1/32"))
    assert said(plan) == ["-10.0.0.1/24"]
    assert texts(plan.after) == ["10.0.1.1/32"]
