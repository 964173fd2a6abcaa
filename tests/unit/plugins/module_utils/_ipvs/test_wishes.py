# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task may wish of a service and a real server, and what becomes of what it leaves open."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import kernel_tables
import pytest
from hypothesis import given
from ipvs_things import DUSTIN, TCP, UDP, VIP, key, service_after, wish

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import (
    RealServer,
    Service,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.wishes import (
    RealServerWish,
    ServiceWish,
)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (dict(port=0), "port: 0 is not valid"),
        (dict(weight=2147483648), "weight: 2147483648 is not valid"),
        (dict(weight=-1), "weight: -1 is not valid"),
        (dict(port=81, forwarding_method="tunnel"), "cannot change the port"),
        (dict(address="fd00::11"), "only forwarding method 'tunnel' crosses families"),
        (
            dict(address="0.0.0.0"),
            r"address: '0\.0\.0\.0' is not valid: a real server cannot have the unspecified address",
        ),
        (dict(address="224.0.0.1"), "a multicast address"),
        (dict(address="239.255.255.255"), "a multicast address"),
        (dict(address="255.255.255.255"), "the broadcast address"),
        (dict(address="::", forwarding_method="tunnel"), "the unspecified address"),
        (dict(address="ff02::1", forwarding_method="tunnel"), "a multicast address"),
        (
            dict(address="::ffff:10.0.0.1", forwarding_method="tunnel"),
            r"an IPv4 address in an IPv6 one: write 10\.0\.0\.1",
        ),
        (dict(address="fe80::1%eth0", forwarding_method="tunnel"), "write the address without a device"),
        (dict(lower_threshold=5), "must not be above 'upper_threshold', which is 0"),
        (dict(upper_threshold=5, lower_threshold=6), "must not be above 'upper_threshold', which is 5"),
        (dict(upper_threshold=2**32), "upper_threshold: 4294967296 is not valid"),
        (dict(forwarding_method="tunnel", tunnel_type="gue"), "tunnel type 'gue' needs a port"),
        (dict(forwarding_method="tunnel", tunnel_port=6080), "tunnel type 'gue' needs a port, others have none"),
        (dict(forwarding_method="tunnel", tunnel_checksum="full"), "tunnel type 'ipip' has none"),
        (dict(forwarding_method="tunnel", tunnel_type="gre", tunnel_checksum="remote"), "'gre' has none or full"),
        (dict(forwarding_method="direct", tunnel_type="gre"), "goes with forwarding method 'tunnel' only"),
    ],
)
def test_real_servers_that_are_none(options, told):
    with pytest.raises(InvalidOption, match=told):
        RealServerWish.from_options(VIP, dict(dict(address="10.0.0.11"), **options)).resolve(VIP, None)


def test_a_real_server_that_leaves_a_tunnel_leaves_its_options_behind():
    have = RealServer.of(DUSTIN.packed, 8080, "tunnel", tunnel_type="gue", tunnel_port=6080, tunnel_checksum="remote")
    assert wish(have, forwarding_method="masquerading").resolve(VIP, have) == DUSTIN
    assert wish(have, tunnel_type="gre").resolve(VIP, have) == have.having(
        tunnel_type="gre", tunnel_port=0, tunnel_checksum="none"
    )
    assert wish(have, weight=3).resolve(VIP, have) == have.having(weight=3)


def test_addresses_near_those_that_no_real_server_has():
    for address in (
        "0.0.0.1",
        "223.255.255.255",
        "240.0.0.1",
        "254.0.0.1",
        "255.255.255.254",
        "::1",
        "fe80::1",
        "fe00::",
    ):
        wished = RealServerWish.from_options(VIP, dict(address=address, forwarding_method="tunnel"))
        assert str(wished.resolve(VIP, None).address) == address


def test_without_an_upper_threshold_there_is_no_lower_one():
    have = DUSTIN.having(upper_threshold=9, lower_threshold=5)
    assert wish(have, upper_threshold=0).resolve(VIP, have) == DUSTIN
    with pytest.raises(InvalidOption, match="lower_threshold: 3 is not valid"):
        wish(have, upper_threshold=0, lower_threshold=3).resolve(VIP, have)


def test_what_another_tool_has_made_is_none_of_the_tasks():
    """The kernel takes such ports with any forwarding method, and one-packet TCP."""
    have = RealServer.of(DUSTIN.packed, 9090, "direct")
    assert wish(have, weight=3).resolve(VIP, have).weight == 3
    with pytest.raises(InvalidOption, match="forwarding method 'tunnel' cannot change the port"):
        wish(have, forwarding_method="tunnel").resolve(VIP, have)
    odd = Service(VIP, one_packet=True)
    assert service_after(odd, TCP, scheduler="rr") == replace(odd, scheduler="rr")
    with pytest.raises(InvalidOption, match="only a UDP service"):
        service_after(Service(VIP), TCP, one_packet=True)


@given(told=kernel_tables.services(), there=kernel_tables.services())
def test_what_is_told_in_full_makes_the_same_of_whatever_there_is(told, there):
    """What ipvs_info returns restores a table that has been changed, and makes it again on another director."""
    wished, other = map(ServiceWish.from_options, (told, there))
    service = wished.resolve(None)
    changed = replace(other.resolve(None), key=service.key, persistence_netmask=-1)
    fed_back = ServiceWish.from_options(dict(service.options(), real_servers=[]))
    assert fed_back.resolve(None) == fed_back.resolve(changed) == service
    for server in (each.resolve(service.key, None) for each in wished.servers or ()):
        server_fed_back = RealServerWish.from_options(service.key, server.options())
        assert server_fed_back.resolve(service.key, None) == server
        for found in (each.resolve(other.key, None) for each in other.servers or ()):
            assert server_fed_back.resolve(service.key, found._replace(key=server.key)) == server


def test_who_owns_the_weight():
    have = DUSTIN.having(weight=0)
    kept = RealServerWish.from_options(VIP, dict(address="10.0.0.11", weight=5, keep_weight=True))
    assert kept.resolve(VIP, have).weight == 0
    assert kept.resolve(VIP, None).weight == 5
    assert RealServerWish.from_options(VIP, dict(address="10.0.0.11", weight=5)).resolve(VIP, have).weight == 5


@pytest.mark.parametrize(
    ("which", "options", "told"),
    [
        (dict(TCP, port=0), {}, "port: 0 is not valid: a service on all ports must be persistent"),
        (TCP, dict(one_packet=True), "only a UDP service"),
        (TCP, dict(persistence_netmask="24"), "needs 'persistence_timeout'"),
        (UDP, dict(persistence_engine="sip"), "needs 'persistence_timeout'"),
        (TCP, dict(persistence_timeout=-1), "persistence_timeout: -1 is not valid"),
        (TCP, dict(persistence_timeout=4294968), "persistence_timeout: 4294968 is not valid"),
        (TCP, dict(persistence_timeout=1, persistence_netmask="-1"), "persistence_netmask: '-1' is not valid"),
        (TCP, dict(persistence_timeout=1, persistence_netmask="²"), "persistence_netmask: '²' is not valid"),
        (dict(TCP, address="fd00::1"), dict(persistence_timeout=1, persistence_netmask="0"), "1 to 128"),
        (TCP, dict(persistence_timeout=1, persistence_netmask="33"), "persistence_netmask: 33 is not valid"),
        (TCP, dict(persistence_timeout=1, persistence_netmask="0.0.0.256"), "write a prefix length"),
        (dict(TCP, address="fd00::1"), dict(persistence_timeout=1, persistence_netmask="255.0.0.0"), "1 to 128"),
        (TCP, dict(scheduler="rr", scheduler_flags=["sh-port"]), "it belongs to scheduler 'sh', not 'rr'"),
        (TCP, dict(scheduler_flags=["mh-port"]), "it belongs to scheduler 'mh', not 'wlc'"),
        (TCP, dict(purge_real_servers=True), "purge_real_servers: True is not valid: .* 'real_servers'"),
    ],
)
def test_services_that_are_none(which, options, told):
    with pytest.raises(InvalidOption, match=told):
        service_after(None, which, **options)


def test_masks_and_flags_in_their_spellings():
    persistent = dict(persistence_timeout=300)
    assert service_after(None, TCP, persistence_netmask="24", **persistent) == service_after(
        None, TCP, persistence_netmask="255.255.255.0", **persistent
    )
    for written, read in (("255.0.255.0", "255.0.255.0"), ("0.0.0.0", "0"), ("255.255.255.255", "32"), ("0", "0")):
        made = service_after(None, TCP, persistence_netmask=written, **persistent)
        assert made.options()["persistence_netmask"] == read
        assert service_after(None, made.options()) == made
    assert service_after(None, dict(TCP, port=0), **persistent).key.port == 0
    assert service_after(None, TCP, scheduler="sh", scheduler_flags=["sh-port", "flag-1"]).scheduler_flags == 0x18
    assert service_after(None, TCP, scheduler="mh", scheduler_flags=["mh-port", "mh-fallback"]).options()[
        "scheduler_flags"
    ] == ["mh-fallback", "mh-port"]
    assert service_after(None, TCP, scheduler_flags=["flag-3"]).options()["scheduler_flags"] == ["flag-3"]


def test_what_hangs_on_a_persistence_or_a_scheduler_goes_with_it():
    have = Service(VIP, "sh", 0x10, False, 300, 24, "sip")
    assert service_after(have, TCP) == have
    assert service_after(have, TCP, persistence_timeout=0) == Service(VIP, "sh", 0x10)
    assert service_after(have, TCP, scheduler="mh") == replace(have, scheduler="mh", scheduler_flags=0)
    assert service_after(have, TCP, scheduler_flags=[]) == replace(have, scheduler_flags=0)
    assert service_after(have, TCP, persistence_engine="none") == replace(have, persistence_engine="")


def test_a_real_servers_port_is_its_services_or_the_clients():
    assert RealServerWish.from_options(VIP, dict(address="10.0.0.11")).key.port == 8080
    assert RealServerWish.from_options(key(fwmark=7), dict(address="10.0.0.11")).key.port == 0
    tunnelled = RealServerWish.from_options(VIP, dict(address="fd00::11", forwarding_method="tunnel"))
    assert tunnelled.key == (ipaddress.ip_address("fd00::11").packed, 8080)


def test_what_the_kernel_holds_can_be_fed_back():
    """Thresholds before 6.12.117 and timeouts of a slower clock are higher than a task may set, and stay."""
    held = DUSTIN.having(weight=2147483647, upper_threshold=4294967295, lower_threshold=4294967295)
    fed_back = RealServerWish.from_options(VIP, held.options())
    assert fed_back.resolve(VIP, held) is held
    with pytest.raises(InvalidOption, match="upper_threshold: 4294967295 is not valid"):
        fed_back.resolve(VIP, DUSTIN)
    slow = Service(VIP, persistence_timeout=42949672)
    assert service_after(slow, slow.options()) is slow
    with pytest.raises(InvalidOption, match="persistence_timeout: 42949672 is not valid"):
        service_after(None, slow.options())
    own = Service(VIP, scheduler="own")
    assert service_after(own, dict(own.options(), scheduler="own")) is own


def test_each_ipv4_mask_that_the_kernel_holds_is_taken():
    for mask in ("0.0.0.255", "0.0.0.24", "255.0.255.0"):
        made = service_after(None, TCP, persistence_timeout=300, persistence_netmask=mask)
        assert made.options()["persistence_netmask"] == mask
