# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual services and real servers as plain values."""

from __future__ import annotations

import pytest
from ipvs_things import key

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (dict(address="10.0.0.1", port=-1), "port: -1 is not valid"),
        (dict(address="10.0.0.1", port=70000), "port: 70000 is not valid"),
        (dict(address="10.0.0.1/32", port=1), "address: '10.0.0.1/32' is not valid"),
        (dict(address="fd00::1", port=1, family="inet"), "family: 'inet' is not valid"),
        (dict(address="10.0.0.1", port=None), "port: None is not valid"),
        (dict(address=None, port=1), "address: None is not valid"),
        (
            dict(address="fe80::1%eth0", port=1),
            "address: 'fe80::1%eth0' is not valid: write the address without a device",
        ),
        (dict(fwmark=0), "fwmark: 0 is not valid"),
        (dict(fwmark=2**32), "fwmark: 4294967296 is not valid"),
    ],
)
def test_service_keys_that_are_none(options, told):
    with pytest.raises(InvalidOption, match=told):
        key(**options)


def test_spellings_of_one_service_are_one_key():
    assert key(address="FD00:0:0::1", port=80) == key(address="fd00::1", port=80, protocol="tcp", family="inet6")
    assert str(key(address="fd00::1", port=80)) == "tcp [fd00::1]:80"
    assert str(key(fwmark=7, family="inet6")) == "firewall mark 7 (inet6)"


def test_services_are_told_in_an_order_of_our_own():
    """The kernel's is that of a hash, which changes as the table grows."""
    listed = [
        key(address="10.0.0.1", port=80),
        key(address="10.0.0.1", port=80, protocol="udp"),
        key(address="10.0.0.1", port=443),
        key(address="10.0.0.2", port=80),
        key(address="fd00::1", port=80),
        key(fwmark=7),
        key(fwmark=7, family="inet6"),
        key(fwmark=300),
    ]
    assert sorted([*listed[3:], *listed[:3]], key=lambda each: each.place) == listed
