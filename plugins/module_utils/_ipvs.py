# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's IPVS table over generic netlink (family "IPVS", linux/ip_vs.h, net/netfilter/ipvs/ip_vs_ctl.c)."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from typing import Iterable, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._errors import KernelRefused, NoSuchPlace
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs_values import (
    FORWARDING_METHODS,
    PROTOCOLS,
    TUNNEL_CHECKSUMS,
    TUNNEL_TYPES,
    Operation,
    RealServer,
    Service,
    ServiceKey,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netlink import (
    NETLINK_GENERIC,
    BatchRefused,
    MalformedReply,
    Message,
    NetlinkSocket,
    attribute,
    attribute_map,
    integer,
    nested,
    text,
    text_of,
)

# linux/genetlink.h
GENL_ID_CTRL = 0x10
CTRL_CMD_GETFAMILY = 3
CTRL_ATTR_FAMILY_ID = 1
CTRL_ATTR_FAMILY_NAME = 2

# linux/ip_vs.h
IPVS_GENL_NAME = "IPVS"
IPVS_GENL_VERSION = 1
CMD_NEW_SERVICE, CMD_SET_SERVICE, CMD_DEL_SERVICE, CMD_GET_SERVICE = 1, 2, 3, 4
CMD_NEW_DEST, CMD_SET_DEST, CMD_DEL_DEST, CMD_GET_DEST = 5, 6, 7, 8
ATTR_SERVICE, ATTR_DEST = 1, 2
SVC_AF, SVC_PROTOCOL, SVC_ADDR, SVC_PORT, SVC_FWMARK = 1, 2, 3, 4, 5
SVC_SCHED_NAME, SVC_FLAGS, SVC_TIMEOUT, SVC_NETMASK, SVC_PE_NAME = 6, 7, 8, 9, 11
DEST_ADDR, DEST_PORT, DEST_FWD_METHOD, DEST_WEIGHT, DEST_U_THRESH, DEST_L_THRESH = 1, 2, 3, 4, 5, 6
DEST_ADDR_FAMILY = 11
DEST_TUN_TYPE, DEST_TUN_PORT, DEST_TUN_FLAGS = 13, 14, 15

FLAG_PERSISTENT = 0x1
FLAG_ONE_PACKET = 0x4
FLAGS_OF_SCHEDULER = 0x8 | 0x10 | 0x20

_GENL = struct.Struct("=BBH")
_FAMILIES = {"inet": int(socket.AF_INET), "inet6": int(socket.AF_INET6)}
_FAMILY_NAMES = {number: name for name, number in _FAMILIES.items()}
_PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}
_TUNNEL_TYPE_NAMES = {number: name for name, number in TUNNEL_TYPES.items()}
_TUNNEL_CHECKSUM_NAMES = {number: name for name, number in TUNNEL_CHECKSUMS.items()}
#: The kernel's own two are what it makes of a real server, never what a user asks for.
_METHOD_NAMES = {**{number: name for name, number in FORWARDING_METHODS.items()}, 1: "local", 4: "bypass"}

Table = Sequence[Tuple[Service, Sequence[RealServer]]]


class NoIpvs(NoSuchPlace):
    """The kernel has no IPVS: asking for it by name would have loaded it."""

    def __init__(self) -> None:
        super().__init__("this kernel has no IPVS, or cannot load it: 'modprobe ip_vs' says why")


class Ipvs:
    """The IPVS table of one network namespace; a context manager.

    Raises:
        NoSuchNamespace: there is no namespace of that name.
        NoIpvs: the kernel has no IPVS.
    """

    def __init__(self, netns: str | None = None) -> None:
        self._netlink = NetlinkSocket(NETLINK_GENERIC, netns)
        try:
            self._family = self._family_number()
        except BaseException:
            self._netlink.__exit__()
            raise

    def __enter__(self) -> Ipvs:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._netlink.__exit__(*exc_info)

    def service(self, key: ServiceKey) -> Service | None:
        """The virtual service of that key, or None where there is none."""
        try:
            replies = self._netlink.request(self._message(CMD_GET_SERVICE, _encode_key(key)))
        except KernelRefused as exc:
            if exc.errno == errno.ESRCH:
                return None
            raise
        return decode_service(_inner(replies[0], ATTR_SERVICE))

    def services(self) -> list[Service]:
        """All virtual services, in the kernel's order."""
        replies = self._netlink.dump(self._message(CMD_GET_SERVICE))
        return [decode_service(_inner(reply, ATTR_SERVICE)) for reply in replies]

    def real_servers(self, key: ServiceKey) -> list[RealServer]:
        """The real servers of a virtual service, in the order in which they were added; none for a missing service."""
        replies = self._netlink.dump(self._message(CMD_GET_DEST, _encode_key(key)))
        return [decode_server(_inner(reply, ATTR_DEST), key.family) for reply in replies]

    def table(self) -> Table:
        """All virtual services with their real servers."""
        return [(service, self.real_servers(service.key)) for service in self.services()]

    def apply(self, operations: Sequence[Operation]) -> None:
        """Carry out operations in their order.

        Raises:
            KernelRefused: the kernel refused one; the text names it, the reason and the remedy.
        """
        try:
            self._netlink.send_all([self._operation(operation) for operation in operations])
        except BatchRefused as exc:
            raise _explained(exc, operations[exc.index]) from exc

    def _operation(self, operation: Operation) -> Message:
        key = _encode_key(operation.service.key)
        if operation.server is None:
            command, body = _SERVICE_VERBS[operation.verb], encode_service(operation.service)
            return self._message(command, key if operation.verb == "delete" else body)
        return self._message(_SERVER_VERBS[operation.verb], key + encode_server(operation.server))

    def _message(self, command: int, body: bytes = b"") -> Message:
        return Message(self._family, _GENL.pack(command, IPVS_GENL_VERSION, 0) + body)

    def _family_number(self) -> int:
        ask = _GENL.pack(CTRL_CMD_GETFAMILY, 1, 0) + text(CTRL_ATTR_FAMILY_NAME, IPVS_GENL_NAME)
        try:
            (reply,) = self._netlink.request(Message(GENL_ID_CTRL, ask))
        except KernelRefused as exc:
            if exc.errno == errno.ENOENT:
                raise NoIpvs() from exc
            raise
        return integer(attribute_map(reply[_GENL.size :])[CTRL_ATTR_FAMILY_ID])


_SERVICE_VERBS = {"add": CMD_NEW_SERVICE, "set": CMD_SET_SERVICE, "delete": CMD_DEL_SERVICE}
_SERVER_VERBS = {"add": CMD_NEW_DEST, "set": CMD_SET_DEST, "delete": CMD_DEL_DEST}


def _u16(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=H", value))


def _u32(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))


def _be16(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack(">H", value))


def _address(kind: int, value: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    """union nf_inet_addr: 16 bytes, an IPv4 address in the first four."""
    return attribute(kind, value.packed.ljust(16, b"\0"))


def _key_attributes(key: ServiceKey) -> Iterable[bytes]:
    yield _u16(SVC_AF, _FAMILIES[key.family])
    if key.fwmark:
        yield _u32(SVC_FWMARK, key.fwmark)
    elif key.address is not None and key.protocol is not None:
        yield _u16(SVC_PROTOCOL, PROTOCOLS[key.protocol])
        yield _address(SVC_ADDR, key.address)
        yield _be16(SVC_PORT, key.port)


def _encode_key(key: ServiceKey) -> bytes:
    return nested(ATTR_SERVICE, *_key_attributes(key))


def encode_service(service: Service) -> bytes:
    """A whole virtual service, as NEW_SERVICE and SET_SERVICE want it."""
    flags = service.scheduler_flags
    flags |= FLAG_PERSISTENT if service.persistence_timeout else 0
    flags |= FLAG_ONE_PACKET if service.one_packet else 0
    if service.key.family == "inet":
        mask = attribute(SVC_NETMASK, ipaddress.IPv4Network((0, service.persistence_netmask)).netmask.packed)
    else:
        mask = _u32(SVC_NETMASK, service.persistence_netmask)
    return nested(
        ATTR_SERVICE,
        *_key_attributes(service.key),
        text(SVC_SCHED_NAME, service.scheduler),
        attribute(SVC_FLAGS, struct.pack("=II", flags, 0xFFFFFFFF)),
        _u32(SVC_TIMEOUT, service.persistence_timeout),
        mask,
        *([text(SVC_PE_NAME, service.persistence_engine)] if service.persistence_engine else []),
    )


def encode_server(server: RealServer) -> bytes:
    """A whole real server, as NEW_DEST, SET_DEST and DEL_DEST want it."""
    family = socket.AF_INET if server.address.version == 4 else socket.AF_INET6
    return nested(
        ATTR_DEST,
        _u16(DEST_ADDR_FAMILY, family),
        _address(DEST_ADDR, server.address),
        _be16(DEST_PORT, server.port),
        _u32(DEST_FWD_METHOD, FORWARDING_METHODS[server.forwarding_method]),
        _u32(DEST_WEIGHT, server.weight),
        _u32(DEST_U_THRESH, server.upper_threshold),
        _u32(DEST_L_THRESH, server.lower_threshold),
        attribute(DEST_TUN_TYPE, struct.pack("=B", TUNNEL_TYPES[server.tunnel_type])),
        _be16(DEST_TUN_PORT, server.tunnel_port),
        _u16(DEST_TUN_FLAGS, TUNNEL_CHECKSUMS[server.tunnel_checksum]),
    )


def decode_service(data: bytes) -> Service:
    """A virtual service from the attributes of a GET_SERVICE reply."""
    found = attribute_map(data)
    try:
        family = _FAMILY_NAMES[integer(found[SVC_AF])]
        flags, _mask = struct.unpack("=II", found[SVC_FLAGS])
        mask = found[SVC_NETMASK]
        if SVC_FWMARK in found:
            key = ServiceKey(family, fwmark=integer(found[SVC_FWMARK]))
        else:
            key = ServiceKey(
                family,
                _PROTOCOL_NAMES[integer(found[SVC_PROTOCOL])],
                _decode_address(found[SVC_ADDR], family),
                integer(found[SVC_PORT], ">"),
            )
        return Service(
            key,
            scheduler=text_of(found[SVC_SCHED_NAME]),
            scheduler_flags=flags & FLAGS_OF_SCHEDULER,
            one_packet=bool(flags & FLAG_ONE_PACKET),
            persistence_timeout=integer(found[SVC_TIMEOUT]) if flags & FLAG_PERSISTENT else 0,
            persistence_netmask=bin(integer(mask)).count("1") if family == "inet" else integer(mask),
            persistence_engine=text_of(found.get(SVC_PE_NAME, b"")),
        )
    except (KeyError, ValueError, struct.error) as exc:
        raise MalformedReply("a virtual service that cannot be read: %s %s" % (type(exc).__name__, exc)) from exc


def decode_server(data: bytes, service_family: str) -> RealServer:
    """A real server from the attributes of a GET_DEST reply; kernels before 3.18 leave out its family."""
    found = attribute_map(data)
    try:
        family = _FAMILY_NAMES[integer(found[DEST_ADDR_FAMILY])] if DEST_ADDR_FAMILY in found else service_family
        return RealServer(
            _decode_address(found[DEST_ADDR], family),
            integer(found[DEST_PORT], ">"),
            forwarding_method=_METHOD_NAMES[integer(found[DEST_FWD_METHOD])],
            weight=integer(found[DEST_WEIGHT]),
            upper_threshold=integer(found[DEST_U_THRESH]),
            lower_threshold=integer(found[DEST_L_THRESH]),
            tunnel_type=_TUNNEL_TYPE_NAMES[integer(found.get(DEST_TUN_TYPE, b"\0"))],
            tunnel_port=integer(found.get(DEST_TUN_PORT, b"\0\0"), ">"),
            tunnel_checksum=_TUNNEL_CHECKSUM_NAMES[integer(found.get(DEST_TUN_FLAGS, b"\0\0"))],
        )
    except (KeyError, ValueError) as exc:
        raise MalformedReply("a real server that cannot be read: %s %s" % (type(exc).__name__, exc)) from exc


def _decode_address(data: bytes, family: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.IPv4Address(data[:4]) if family == "inet" else ipaddress.IPv6Address(data[:16])


def _inner(reply: bytes, kind: int) -> bytes:
    """The attributes inside the one attribute that a reply holds."""
    try:
        return attribute_map(reply[_GENL.size :])[kind]
    except KeyError as exc:
        raise MalformedReply("an IPVS reply without attribute %d" % kind) from exc


def _explained(exc: BatchRefused, operation: Operation) -> KernelRefused:
    """The kernel's errno in words that fit the operation (the returns of ip_vs_ctl.c)."""
    on_server = operation.server is not None
    meanings = {
        errno.EEXIST: "it exists already, so something else made it in the meantime: run the task again",
        errno.ESRCH: "the virtual service is gone, so something else deleted it in the meantime: look for another"
        " owner of the table (kube-proxy, keepalived, ldirectord)",
        errno.ENOENT: "it is gone already, so something else deleted it in the meantime: run the task again"
        if on_server
        else "no scheduler '%s' in this kernel: run 'modprobe ip_vs_%s'"
        % (operation.service.scheduler, operation.service.scheduler),
        errno.EPERM: "not permitted: IPVS wants CAP_NET_ADMIN of the first user namespace, so real root",
        errno.EINVAL: "the kernel takes it for invalid; in a namespace whose device 'lo' was never up, no real server"
        " can be added: bring 'lo' up"
        if on_server
        else "the kernel takes it for invalid",
    }
    meaning = meanings.get(exc.errno)
    words = "%s [%s]" % (meaning, exc) if meaning else str(exc)
    return KernelRefused(exc.errno, "the kernel refused to %s: %s" % (operation, words))
