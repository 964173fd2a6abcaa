# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single connections in the kernel's connection tracking: asked for by their addresses and ports, or made known to it.

Source: linux/netfilter/nfnetlink_conntrack.h. The table is never read as a whole: on a router it holds millions.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from typing import Iterable, NamedTuple, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import KernelRefused
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    attribute,
    attribute_map,
    integer,
    nested,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import (
    NETLINK_NETFILTER,
    NLM_F_CREATE,
    NLM_F_EXCL,
    BatchRefused,
    Message,
    NetlinkSocket,
)

NFNL_SUBSYS_CTNETLINK = 1
IPCTNL_MSG_CT_NEW, IPCTNL_MSG_CT_GET = 0, 1
CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_STATUS, CTA_PROTOINFO, CTA_TIMEOUT, CTA_ID = 1, 2, 3, 4, 7, 12
CTA_TUPLE_IP, CTA_TUPLE_PROTO = 1, 2
CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT = 1, 2, 3
CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_STATE = 1, 1
IPS_SEEN_REPLY, IPS_ASSURED, IPS_CONFIRMED = 0x2, 0x4, 0x8
#: enum tcp_conntrack
STATES = ("none", "syn_sent", "syn_recv", "established", "fin_wait", "close_wait", "last_ack", "time_wait", "close")


class Tuple4(NamedTuple):
    """One direction of a connection."""

    source: str
    source_port: int
    destination: str
    destination_port: int


class Known(NamedTuple):
    """A connection as it is to be made known: ``protocol`` is ``tcp`` or ``udp``, ``timeout`` in seconds."""

    protocol: str
    original: Tuple4
    reply: Tuple4
    timeout: int


class Entry(NamedTuple):
    """A tracked connection: what its first packet looked like, and what an answer to it looks like."""

    original: Tuple4
    reply: Tuple4
    state: str
    answered: bool


def entries(netns: str | None, wanted: Iterable[Tuple4]) -> list[Entry]:
    """The tracked connections of which one direction is among the wanted; none where nothing is tracked."""
    found: dict[bytes, Entry] = {}
    with NetlinkSocket(NETLINK_NETFILTER, netns) as netlink:
        for each in wanted:
            try:
                replies = netlink.request(request(each))
            except KernelRefused as exc:
                if exc.errno not in (errno.ENOENT, errno.EINVAL, errno.EOPNOTSUPP):
                    raise
                continue  # EINVAL, EOPNOTSUPP: this kernel has no connection tracking to ask
            for reply in replies:
                values = attribute_map(reply[4:])
                found[values.get(CTA_ID, b"")] = decode(values)
    return list(found.values())


def make_known(netns: str | None, wanted: Sequence[Known]) -> None:
    """Have the kernel track live connections from now on, as ones that were established long ago.

    Those that it tracks already stay as they are. A kernel without connection tracking has nobody to tell.

    Raises:
        KernelRefused: the table of tracked connections is full, for example.
    """
    with NetlinkSocket(NETLINK_NETFILTER, netns) as netlink:
        for first in range(0, len(wanted), _BATCH):
            try:
                # A datagram each: behind a refusal the rest of it still takes effect.
                netlink.send_all([creation(each) for each in wanted[first : first + _BATCH]])
            except BatchRefused as exc:
                if exc.errno in (errno.EINVAL, errno.EOPNOTSUPP):
                    return
                if exc.errno != errno.EEXIST:
                    raise


#: So many connections are less than a datagram of :data:`netlink.BATCH_BYTES`.
_BATCH = 128


def creation(wanted: Known) -> Message:
    """The request for a new entry, of a connection that both sides have answered."""
    number = _PROTOCOLS[wanted.protocol]
    parts = [
        _tuple_attribute(CTA_TUPLE_ORIG, number, wanted.original),
        _tuple_attribute(CTA_TUPLE_REPLY, number, wanted.reply),
        attribute(CTA_STATUS, struct.pack(">I", IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED)),
        attribute(CTA_TIMEOUT, struct.pack(">I", wanted.timeout)),
    ]
    if wanted.protocol == "tcp":
        established = attribute(CTA_PROTOINFO_TCP_STATE, bytes([STATES.index("established")]))
        parts.append(nested(CTA_PROTOINFO, nested(CTA_PROTOINFO_TCP, established)))
    return _message(IPCTNL_MSG_CT_NEW, wanted.original, b"".join(parts), NLM_F_CREATE | NLM_F_EXCL)


def request(wanted: Tuple4) -> Message:
    """The question for a TCP connection by one of its directions; the kernel looks for both."""
    return _message(IPCTNL_MSG_CT_GET, wanted, _tuple_attribute(CTA_TUPLE_ORIG, socket.IPPROTO_TCP, wanted))


_PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}


def _message(kind: int, direction: Tuple4, attributes: bytes, flags: int = 0) -> Message:
    family = socket.AF_INET6 if ":" in direction.source else socket.AF_INET
    return Message(NFNL_SUBSYS_CTNETLINK << 8 | kind, struct.pack(">BBH", family, 0, 0) + attributes, flags)


def _tuple_attribute(kind: int, protocol: int, direction: Tuple4) -> bytes:
    source, destination = ipaddress.ip_address(direction.source), ipaddress.ip_address(direction.destination)
    first = 1 if source.version == 4 else 3
    return nested(
        kind,
        nested(CTA_TUPLE_IP, attribute(first, source.packed), attribute(first + 1, destination.packed)),
        nested(
            CTA_TUPLE_PROTO,
            attribute(CTA_PROTO_NUM, bytes([protocol])),
            attribute(CTA_PROTO_SRC_PORT, struct.pack(">H", direction.source_port)),
            attribute(CTA_PROTO_DST_PORT, struct.pack(">H", direction.destination_port)),
        ),
    )


def decode(values: dict[int, bytes]) -> Entry:
    """An answer's attributes."""
    tcp = attribute_map(attribute_map(values.get(CTA_PROTOINFO, b"")).get(CTA_PROTOINFO_TCP, b""))
    number = integer(tcp.get(CTA_PROTOINFO_TCP_STATE, b"\0"))
    return Entry(
        original=_tuple(values[CTA_TUPLE_ORIG]),
        reply=_tuple(values[CTA_TUPLE_REPLY]),
        state=STATES[number] if number < len(STATES) else str(number),
        answered=bool(integer(values.get(CTA_STATUS, b"\0"), ">") & IPS_SEEN_REPLY),
    )


def _tuple(data: bytes) -> Tuple4:
    both = attribute_map(data)
    hosts, ports = attribute_map(both[CTA_TUPLE_IP]), attribute_map(both[CTA_TUPLE_PROTO])
    first = 1 if 1 in hosts else 3
    return Tuple4(
        str(ipaddress.ip_address(hosts[first])),
        integer(ports[CTA_PROTO_SRC_PORT], ">"),
        str(ipaddress.ip_address(hosts[first + 1])),
        integer(ports[CTA_PROTO_DST_PORT], ">"),
    )
