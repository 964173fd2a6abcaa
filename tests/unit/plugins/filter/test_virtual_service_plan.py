# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What virtual services mean for the modules of their role."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.linuxnet.ipvs.plugins.filter.virtual_service_plan import virtual_service_plan

ONE, TWO = dict(address="10.1.0.11", port=8080), dict(address="10.1.0.12", weight=0, keep_weight=True)
SHOP = dict(address="10.100.100.1", port=80, persistence_timeout=300, real_servers=[ONE, TWO])
SIX = dict(address="fd00::1", port=80, protocol="udp", purge_real_servers=True, real_servers=[dict(address="fd00::11")])


def test_whatever_the_modules_know_is_handed_on():
    (service,) = virtual_service_plan([SHOP])["services"]
    assert service == dict(SHOP, real_servers=[dict(forwarding_method="masquerading", **each) for each in (ONE, TWO)])


def test_the_sets_have_what_is_masqueraded_by_family():
    direct = dict(address="10.1.0.13", forwarding_method="direct")
    plan = virtual_service_plan([dict(SHOP, real_servers=[ONE, TWO, direct]), SIX], "LOOP")
    assert plan["addresses"] == ["10.100.100.1", "fd00::1"]
    assert plan["loopback"] == [
        dict(
            family="inet",
            name="LOOP",
            entries=["10.1.0.11,tcp:8080,10.1.0.11", "10.1.0.12,tcp:80,10.1.0.12"],
            purge=False,
        ),
        dict(family="inet6", name="LOOP6", entries=["fd00::11,udp:80,fd00::11"], purge=True),
    ]


def test_a_set_is_emptied_where_all_give_up_their_servers():
    gone = dict(SIX, real_servers=[])
    assert virtual_service_plan([gone], "LOOP")["loopback"] == [
        dict(family="inet6", name="LOOP6", entries=[], purge=True)
    ]
    assert virtual_service_plan([dict(gone, purge_real_servers=False)], "LOOP")["loopback"] == []


def test_a_mark_has_no_address_and_its_servers_an_entry_only_with_a_port():
    marked = dict(fwmark=7, family="inet", real_servers=[ONE, dict(address="10.1.0.12")])
    plan = virtual_service_plan([marked], "LOOP")
    assert plan["addresses"] == []
    assert plan["keys"] == [dict(fwmark=7, family="inet")]
    assert plan["loopback"][0]["entries"] == ["10.1.0.11,tcp:8080,10.1.0.11"]


def test_without_a_set_and_without_services_there_is_nothing():
    assert virtual_service_plan([SHOP])["loopback"] == []
    assert virtual_service_plan([], "LOOP") == dict(services=[], keys=[], addresses=[], loopback=[])


@pytest.mark.parametrize("services", [{}, "shop", ["shop"]])
def test_what_is_no_list_of_services_is_refused(services):
    with pytest.raises(AnsibleFilterError, match="a list of services is wanted"):
        virtual_service_plan(services)
