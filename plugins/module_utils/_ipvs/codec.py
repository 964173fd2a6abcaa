# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IPVS's netlink attributes as bytes and as values, without a socket.

Sources: linux/ip_vs.h, net/netfilter/ipvs/ip_vs_ctl.c.
"""

from __future__ import annotations

import socket
import struct
from functools import lru_cache
from operator import add
from typing import Any, Iterable, Iterator, Mapping, Sequence, overload

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import (
    FORWARDING_METHODS,
    PROTOCOLS,
    TUNNEL_CHECKSUMS,
    TUNNEL_TYPES,
    RealServer,
    RealServers,
    ServerKey,
    ServerTerms,
    Service,
    ServiceKey,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    MalformedReply,
    attribute,
    attribute_map,
    integer,
    nested,
    text,
    text_of,
)

# linux/ip_vs.h
ATTR_SERVICE, ATTR_DEST, ATTR_DAEMON = 1, 2, 3
SVC_AF, SVC_PROTOCOL, SVC_ADDR, SVC_PORT, SVC_FWMARK = 1, 2, 3, 4, 5
SVC_SCHED_NAME, SVC_FLAGS, SVC_TIMEOUT, SVC_NETMASK, SVC_STATS, SVC_PE_NAME, SVC_STATS64 = 6, 7, 8, 9, 10, 11, 12
DEST_ADDR, DEST_PORT, DEST_FWD_METHOD, DEST_WEIGHT, DEST_U_THRESH, DEST_L_THRESH = 1, 2, 3, 4, 5, 6
DEST_ACTIVE_CONNS, DEST_INACT_CONNS, DEST_PERSIST_CONNS = 7, 8, 9
DEST_STATS, DEST_ADDR_FAMILY, DEST_STATS64 = 10, 11, 12
DEST_TUN_TYPE, DEST_TUN_PORT, DEST_TUN_FLAGS = 13, 14, 15

FLAG_PERSISTENT = 0x1
FLAG_ONE_PACKET = 0x4
FLAGS_OF_SCHEDULER = 0x8 | 0x10 | 0x20


_FAMILIES = {"inet": int(socket.AF_INET), "inet6": int(socket.AF_INET6)}
_FAMILY_NAMES = {number: name for name, number in _FAMILIES.items()}
_PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}
_TUNNEL_TYPE_NAMES = {number: name for name, number in TUNNEL_TYPES.items()}
_TUNNEL_CHECKSUM_NAMES = {number: name for name, number in TUNNEL_CHECKSUMS.items()}
#: With two that only other programs ask for; a real server that has one keeps it until a task names another.
_METHODS = {**FORWARDING_METHODS, "local": 1, "bypass": 4}
_METHOD_NAMES = {number: name for name, number in _METHODS.items()}

#: What lies before an attribute's own ones in a reply: struct genlmsghdr, the attribute's header.
GENL_BYTES = 4
ATTRIBUTE_BYTES = 4


def u8(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=B", value))


def u16(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=H", value))


def u32(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))


def _be16(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack(">H", value))


def inner(reply: bytes, kind: int) -> bytes:
    """The attributes inside the one attribute that a reply holds."""
    try:
        return attribute_map(reply[GENL_BYTES:])[kind]
    except KeyError as exc:
        raise MalformedReply("an IPVS reply without attribute %d" % kind) from exc


# Virtual services


def is_nameable(reply: bytes) -> bool:
    """Whether the virtual service of a GET_SERVICE reply has a protocol that IPVS balances.

    The kernel takes any number from who speaks netlink to it. What ipvsadm cannot name is nobody's to change.
    """
    found = attribute_map(inner(reply, ATTR_SERVICE))
    return SVC_PROTOCOL not in found or integer(found[SVC_PROTOCOL]) in _PROTOCOL_NAMES


def _key_attributes(key: ServiceKey) -> bytes:
    if key.packed is None or key.protocol is None:
        return u16(SVC_AF, _FAMILIES[key.family]) + u32(SVC_FWMARK, key.fwmark)
    return _before_address(key.family, key.protocol) + key.packed.ljust(16, b"\0") + _be16(SVC_PORT, key.port)


@lru_cache(maxsize=16)
def _before_address(family: str, protocol: str) -> bytes:
    """A key up to its address, union nf_inet_addr: 16 bytes, an IPv4 address in the first four."""
    address_header = attribute(SVC_ADDR, bytes(16))[:4]
    return u16(SVC_AF, _FAMILIES[family]) + u16(SVC_PROTOCOL, PROTOCOLS[protocol]) + address_header


def encode_key(key: ServiceKey) -> bytes:
    """A virtual service's key, as GET_SERVICE, DEL_SERVICE and all commands on real servers want it."""
    return nested(ATTR_SERVICE, _key_attributes(key))


def encode_service(service: Service) -> bytes:
    """A whole virtual service, as NEW_SERVICE and SET_SERVICE want it."""
    flags = service.scheduler_flags
    flags |= FLAG_PERSISTENT if service.persistence_timeout else 0
    flags |= FLAG_ONE_PACKET if service.one_packet else 0
    mask_order = ">I" if service.key.family == "inet" else "=I"
    return nested(
        ATTR_SERVICE,
        _key_attributes(service.key),
        text(SVC_SCHED_NAME, service.scheduler),
        attribute(SVC_FLAGS, struct.pack("=II", flags, 0xFFFFFFFF)),
        u32(SVC_TIMEOUT, service.persistence_timeout),
        attribute(SVC_NETMASK, struct.pack(mask_order, service.persistence_netmask)),
        text(SVC_PE_NAME, service.persistence_engine) if service.persistence_engine else b"",
    )


def decode_service(data: bytes) -> Service:
    """A virtual service from the attributes of a GET_SERVICE reply.

    One that is not persistent has no mask: what the kernel keeps there is never used, and who speaks netlink to it may
    have left it 0, as Docker does.
    """
    try:
        key, found = _usual_key(data)
        told = found[SVC_SCHED_NAME], found[SVC_FLAGS], found[SVC_TIMEOUT], found[SVC_NETMASK]
        return Service(key, *_service_terms(key.family, *told, found.get(SVC_PE_NAME, b"")))
    except (KeyError, ValueError, struct.error) as exc:
        raise MalformedReply("a virtual service that cannot be read: %s %s" % (type(exc).__name__, exc)) from exc


@lru_cache(maxsize=1024)
def _service_terms(
    family: str, scheduler: bytes, flagged: bytes, timeout: bytes, netmask: bytes, engine: bytes
) -> tuple[Any, ...]:
    """The fields of a virtual service behind its key: many services of a table share them."""
    flags, _mask = struct.unpack("=II", flagged)
    persistent = flags & FLAG_PERSISTENT
    mask = integer(netmask, ">" if family == "inet" else "=") if persistent else ServiceKey(family).whole_mask
    return (
        text_of(scheduler),
        flags & FLAGS_OF_SCHEDULER,
        bool(flags & FLAG_ONE_PACKET),
        integer(timeout) if persistent else 0,
        mask,
        text_of(engine),
    )


def _usual_key(data: bytes) -> tuple[ServiceKey, Mapping[int, bytes]]:
    """The key of a virtual service and its other attributes.

    The kernel writes the key first, in the order of :func:`_key_attributes`. With another order, attributes are read.
    """
    if len(data) > _USUAL_KEY.size:
        kind, address, header, port = _USUAL_KEY.unpack_from(data)
        if kind in _KEY_KINDS and header == _PORT_HEADER:
            family, protocol = _KEY_KINDS[kind]
            key = ServiceKey(family, protocol, _packed(address, family), integer(port, ">"))
            return key, attribute_map(data[_USUAL_KEY.size :])
    found = attribute_map(data)
    return _decode_key(found), found


#: A key's attributes: all before the address, that, and the port's header and value.
_USUAL_KEY = struct.Struct("=20s16s4s2s2x")
_KEY_KINDS = {_before_address(family, protocol): (family, protocol) for family in _FAMILIES for protocol in PROTOCOLS}
_PORT_HEADER = _be16(SVC_PORT, 0)[:ATTRIBUTE_BYTES]


def _decode_key(found: Mapping[int, bytes]) -> ServiceKey:
    family = _FAMILY_NAMES[integer(found[SVC_AF])]
    if SVC_FWMARK in found:
        return ServiceKey(family, fwmark=integer(found[SVC_FWMARK]))
    return ServiceKey(
        family,
        _PROTOCOL_NAMES[integer(found[SVC_PROTOCOL])],
        _packed(found[SVC_ADDR], family),
        integer(found[SVC_PORT], ">"),
    )


def _packed(data: bytes, family: str) -> bytes:
    """An address's 4 or 16 bytes from union nf_inet_addr, of which some writers send no more than those."""
    size = 4 if family == "inet" else 16
    if len(data) < size:
        raise MalformedReply("an %s address of %d bytes" % (family, len(data)))
    return data[:size]


# Real servers


def encode_servers(servers: RealServers) -> list[bytes]:
    """Whole real servers, each as NEW_DEST, SET_DEST and DEL_DEST want it; what many share is encoded once."""
    kinds = list(zip(map(len, servers.addresses), servers.others))
    behind = {kind: behind_address(kind[0], *kind[1]) for kind in set(kinds)}
    return [SERVER_HEADER + each for each in map(add, servers.addresses, map(behind.__getitem__, kinds))]


def behind_address(size: int, port: int, terms: ServerTerms) -> bytes:
    """All of a real server behind its address of so many bytes, in the order in which the kernel writes it."""
    return b"".join(
        (
            bytes(16 - size),  # up to union nf_inet_addr
            _be16(DEST_PORT, port),
            u32(DEST_FWD_METHOD, _METHODS[terms.forwarding_method]),
            u32(DEST_WEIGHT, terms.weight),
            u8(DEST_TUN_TYPE, TUNNEL_TYPES[terms.tunnel_type]),
            _be16(DEST_TUN_PORT, terms.tunnel_port),
            u16(DEST_TUN_FLAGS, TUNNEL_CHECKSUMS[terms.tunnel_checksum]),
            u32(DEST_U_THRESH, terms.upper_threshold),
            u32(DEST_L_THRESH, terms.lower_threshold),
            u16(DEST_ADDR_FAMILY, _FAMILIES["inet" if size == 4 else "inet6"]),
        )
    )


#: What goes before a real server's address: the headers of both attributes. All real servers are of one size.
SERVER_HEADER = nested(
    ATTR_DEST,
    attribute(DEST_ADDR, bytes(16))[:ATTRIBUTE_BYTES] + bytes(4) + behind_address(4, 0, ServerTerms()),
)[: 2 * ATTRIBUTE_BYTES]

#: What tells a reply from others of its kind: the attributes of a service's key, and a real server's address and port.
KEY_OF_SERVICE = slice(GENL_BYTES + ATTRIBUTE_BYTES, GENL_BYTES + ATTRIBUTE_BYTES + _USUAL_KEY.size)
KEY_OF_SERVER = slice(GENL_BYTES + ATTRIBUTE_BYTES, GENL_BYTES + ATTRIBUTE_BYTES + 28)


class KernelServers(RealServers):
    """The real servers of one virtual service as the kernel wrote them, read only when somebody looks at one.

    Attributes:
        replies: The replies to GET_DEST, one for each.
    """

    def __init__(self, replies: Sequence[bytes] = (), family: str = "inet") -> None:
        super().__init__()
        self.replies = replies
        self._family = family
        self._read: list[RealServer] | None = None

    @property
    def addresses(self) -> Sequence[bytes]:
        """The address of each as 4 or 16 bytes."""
        return [server.packed for server in self]

    @property
    def others(self) -> Sequence[tuple[int, ServerTerms]]:
        """The port and the terms of each."""
        return [(server.port, server.terms) for server in self]

    def counted(self) -> Iterator[tuple[RealServer, dict[str, int]]]:
        """Each with how many connections it has."""
        for reply in self.replies:
            found = attribute_map(inner(reply, ATTR_DEST))
            yield _server(found, self._family), _connections(found)

    def only(self, places: Iterable[int]) -> KernelServers:
        """Those at some places."""
        return KernelServers([self.replies[place] for place in places], self._family)

    def __len__(self) -> int:
        return len(self.replies)

    @overload
    def __getitem__(self, place: int) -> RealServer: ...

    @overload
    def __getitem__(self, place: slice) -> RealServers: ...

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return KernelServers(self.replies[place], self._family)
        if self._read is None:
            self._read = [decode_server(inner(reply, ATTR_DEST), self._family) for reply in self.replies]
        return self._read[place]


def decode_server(data: bytes, service_family: str) -> RealServer:
    """A real server from the attributes of a GET_DEST reply; kernels before 3.18 leave out its family."""
    return _server(attribute_map(data), service_family)


def _server(found: Mapping[int, bytes], service_family: str) -> RealServer:
    try:
        family = _FAMILY_NAMES[integer(found[DEST_ADDR_FAMILY])] if DEST_ADDR_FAMILY in found else service_family
        terms = _server_terms(
            found[DEST_FWD_METHOD],
            found[DEST_WEIGHT],
            found[DEST_U_THRESH],
            found[DEST_L_THRESH],
            found.get(DEST_TUN_TYPE, b"\0"),
            found.get(DEST_TUN_PORT, b"\0\0"),
            found.get(DEST_TUN_FLAGS, b"\0\0"),
        )
        return RealServer(ServerKey(_packed(found[DEST_ADDR], family), integer(found[DEST_PORT], ">")), terms)
    except (KeyError, ValueError) as exc:
        raise MalformedReply("a real server that cannot be read: %s %s" % (type(exc).__name__, exc)) from exc


@lru_cache(maxsize=1024)
def _server_terms(
    method: bytes, weight: bytes, upper: bytes, lower: bytes, tunnel_type: bytes, tunnel_port: bytes, checksum: bytes
) -> ServerTerms:
    """The terms of a real server: many servers of a table share them."""
    return ServerTerms(
        _METHOD_NAMES[integer(method)],
        integer(weight),
        integer(upper),
        integer(lower),
        _TUNNEL_TYPE_NAMES[integer(tunnel_type)],
        integer(tunnel_port, ">"),
        _TUNNEL_CHECKSUM_NAMES[integer(checksum)],
    )


# What is counted


def decode_connections(data: bytes) -> dict[str, int]:
    """How many connections a real server has, from the attributes of a GET_DEST reply."""
    return _connections(attribute_map(data))


def _connections(found: Mapping[int, bytes]) -> dict[str, int]:
    try:
        return dict(
            active_connections=integer(found[DEST_ACTIVE_CONNS]),
            inactive_connections=integer(found[DEST_INACT_CONNS]),
            persistent_connections=integer(found[DEST_PERSIST_CONNS]),
        )
    except KeyError as exc:
        raise MalformedReply("a real server without attribute %s" % exc) from exc
