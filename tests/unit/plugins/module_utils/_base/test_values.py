# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The edge: what the collection takes for a name, an address, a network or a number, and what it refuses."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption


@pytest.mark.parametrize("name", ["lo", "bridge_home", "eth0.100", "a" * 15, "dustin-ipvs0"])
def test_device_names(name):
    assert values.device_name("name", name) == name


@pytest.mark.parametrize("name", ["", "a" * 16, "é" * 8, ".", "..", "a/b", "a b", "a:1", "veth%d", "a\tb"])
def test_no_device_names(name):
    with pytest.raises(InvalidOption, match=r"^name: "):
        values.device_name("name", name)


@pytest.mark.parametrize("name", ["netns_dustin", "a", "node1.lab", "cni-1234:5"])
def test_namespace_names(name):
    assert values.netns_name("netns", name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "-x", "a/b", "a b", "$(id)", "a;b", "a\n", "x" * 256])
def test_no_namespace_names(name):
    with pytest.raises(InvalidOption, match=r"^netns: "):
        values.netns_name("netns", name)


@pytest.mark.parametrize("name", ["", "A" * 32, "\u00fc" * 16, "a\0b"])
def test_no_set_names(name):
    with pytest.raises(InvalidOption, match=r"^name: "):
        values.set_name("name", name)


@pytest.mark.parametrize(
    ("written", "read"), [("10.0.0.1", "10.0.0.1"), ("FD00:0:0::1", "fd00::1"), ("::ffff:10.0.0.1", "::ffff:a00:1")]
)
def test_addresses(written, read):
    assert values.address("address", written).exploded == values.address("address", read).exploded


@pytest.mark.parametrize(
    "written", ["10.0.0.1/32", "010.0.0.1", "fe80::1%eth0", "10.0.0", "10.0.0.256", "", "fd00::1::2", "localhost"]
)
def test_no_addresses(written):
    with pytest.raises(InvalidOption, match=r"^address: "):
        values.address("address", written)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("10.0.0.1/24", "10.0.0.1/24"),
        ("10.0.0.1", "10.0.0.1/32"),
        ("fd00::1", "fd00::1/128"),
        ("FD00::1/64", "fd00::1/64"),
    ],
)
def test_interfaces(written, read):
    assert str(values.interface("addresses", written)) == read


@pytest.mark.parametrize(
    "written",
    ["10.0.0.1/33", "10.0.0.1/255.255.255.0", "fd00::1/129", "10.0.0.1/", "x/24", "10.0.0.1/²", "fe80::1%eth0/64"],
)
def test_no_interfaces(written):
    with pytest.raises(InvalidOption, match=r"^addresses: "):
        values.interface("addresses", written)


def test_a_network_with_bits_behind_its_prefix_is_none():
    assert str(values.network("source", "10.0.0.0/24")) == "10.0.0.0/24"
    with pytest.raises(InvalidOption, match="host bits"):
        values.network("source", "10.0.0.1/24")


def test_a_network_with_a_device_is_none():
    with pytest.raises(InvalidOption, match="without a device"):
        values.network("source", "fe80::%eth0/64")


@pytest.mark.parametrize(
    ("check", "bad"), [(values.port, 0), (values.port, 65536), (values.mtu, 67), (values.mtu, 65536)]
)
def test_numbers_out_of_range(check, bad):
    with pytest.raises(InvalidOption, match="is a number from"):
        check("n", bad)


def test_a_value_named_twice():
    values.unique("ports", ["a", "b"], "a port")
    with pytest.raises(InvalidOption, match="ports: 'a' is not valid: a port is listed twice"):
        values.unique("ports", ["a", "b", "a"], "a port")
