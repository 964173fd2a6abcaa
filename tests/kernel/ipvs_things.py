# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual services and real servers for the unit tests of IPVS, some made at random."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs import codec
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.table_plan import TablePlan
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import (
    FORWARDING_METHODS,
    PROTOCOLS,
    SCHEDULERS,
    TUNNEL_CHECKSUMS,
    TUNNEL_TYPES,
    Operation,
    RealServer,
    RealServers,
    Service,
    ServiceKey,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.wishes import (
    OtherOptions,
    RealServerWish,
    RealServerWishes,
    ServiceWish,
    WishedTerms,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    nested,
)

ports = st.integers(1, 65535)


addresses = {"inet": st.ip_addresses(v=4), "inet6": st.ip_addresses(v=6)}


@st.composite
def services(draw: st.DrawFn) -> Service:
    family = draw(st.sampled_from(["inet", "inet6"]))
    if draw(st.booleans()):
        key = ServiceKey(family, fwmark=draw(st.integers(1, 2**32 - 1)))
    else:
        key = ServiceKey(family, draw(st.sampled_from(sorted(PROTOCOLS))), draw(addresses[family]).packed, draw(ports))
    timeout = draw(st.just(0) | st.integers(1, 2**31))
    mask = st.integers(0, 2**32 - 1) if family == "inet" else st.integers(1, 128)
    return Service(
        key,
        scheduler=draw(st.sampled_from(SCHEDULERS)),
        scheduler_flags=draw(st.sampled_from([0, 0x8, 0x10, 0x18, 0x20, 0x38])),
        one_packet=draw(st.booleans()),
        persistence_timeout=timeout,
        persistence_netmask=draw(mask) if timeout else -1,
        persistence_engine=draw(st.sampled_from(["", "sip"])),
    )


@st.composite
def servers(draw: st.DrawFn) -> RealServer:
    return RealServer.of(
        draw(st.one_of(*addresses.values())).packed,
        draw(st.integers(0, 65535)),
        forwarding_method=draw(st.sampled_from(sorted(FORWARDING_METHODS))),
        weight=draw(st.integers(0, 65535)),
        upper_threshold=draw(st.integers(0, 2**32 - 1)),
        lower_threshold=draw(st.integers(0, 2**32 - 1)),
        tunnel_type=draw(st.sampled_from(sorted(TUNNEL_TYPES))),
        tunnel_port=draw(st.integers(0, 65535)),
        tunnel_checksum=draw(st.sampled_from(sorted(TUNNEL_CHECKSUMS))),
    )


def inner(data: bytes) -> bytes:
    """The attributes inside the one attribute that was encoded."""
    return data[4:]


def encoded(server: RealServer) -> bytes:
    """One real server as a message has it."""
    (data,) = codec.encode_servers(RealServers.of([server]))
    return data


def key(**options: Any) -> ServiceKey:
    return ServiceKey.from_options(options)


VIP = key(address="10.100.100.100", port=8080)


DUSTIN = RealServer.of(ipaddress.ip_address("10.0.0.11").packed, 8080, "masquerading")


LEAH = RealServer.of(ipaddress.ip_address("10.0.0.21").packed, 8080, "masquerading")


def wish(server: RealServer, **given_options: Any) -> RealServerWish:
    return RealServerWish(server.key, WishedTerms(**given_options))


def service_wish(
    key: ServiceKey, options: Mapping[str, Any], wishes: Sequence[RealServerWish] | None, purge: bool = False
) -> ServiceWish:
    """A wish for a service; `wishes` are those for its real servers."""
    read = None
    if wishes is not None:
        listed = [(str(each.key.address), OtherOptions(each.key.port, each.terms, each.keep_weight)) for each in wishes]
        read = RealServerWishes.read(key, listed)
    return ServiceWish(key, options, read, purge)


def steps(plan: Plan[Operation] | TablePlan) -> list[str]:
    return [what for operation in plan.operations for what in operation.each()]


OTHER = key(address="10.100.100.101", port=80)


MARK = key(fwmark=7)


def replies(*listed: RealServer) -> codec.KernelServers:
    """Real servers as the kernel writes them."""
    counted = b"".join(struct.pack("=HHI", 8, kind, 5) for kind in (7, 8, 9))
    found = []
    for server in listed:
        body = inner(encoded(server))
        found.append(struct.pack("=BBH", 5, 1, 0) + nested(codec.ATTR_DEST, body[:84] + counted + body[84:]))
    return codec.KernelServers(found)


def table_wish(
    options: Mapping[str, Any], *listed: RealServer, purge: bool = False, key: ServiceKey = VIP
) -> ServiceWish:
    return service_wish(key, options, [wish(server, forwarding_method="masquerading") for server in listed], purge)


def service_after(have: Service | None, key_options: Mapping[str, Any], **options: Any) -> Service:
    """The service after a task with these options."""
    return ServiceWish.from_options({**key_options, **options}).resolve(have)


TCP = dict(address="10.100.100.100", port=8080)


UDP = dict(TCP, protocol="udp")
