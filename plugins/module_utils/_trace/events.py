# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nftables' trace of one TCP connection in several network namespaces, over netlink.

Sources: linux/netfilter/nf_tables.h, net/netfilter/nf_tables_trace.c, net/netfilter/nfnetlink.c.

NAT and IPVS change a packet's addresses and ports on its way, but never its TCP sequence numbers. So the rules ask for
nothing else: a packet is traced whose sequence number or acknowledgement lies in a window of :data:`WINDOW` numbers, in
which the connection to be traced is made to begin.

The rules live in tables with the flag NFT_TABLE_F_OWNER: the kernel deletes such a table when the socket that made it
closes, that is with the process at the latest, whatever ends it.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Iterator, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import KernelRefused, MissingRequirement
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    MalformedReply,
    attribute,
    attribute_map,
    integer,
    nested,
    text,
    text_of,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.closing import Closing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import (
    NETLINK_NETFILTER,
    NLM_F_CREATE,
    NLM_F_EXCL,
    RECEIVE_BUFFER_BYTES,
    RECEIVE_BYTES,
    SOL_NETLINK,
    Message,
    NetlinkSocket,
    messages_in,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import inside
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.nftables import (
    FAMILIES,
    HOOKS,
    NFGENMSG,
    NFNL_SUBSYS_NFTABLES,
    NFPROTO_BRIDGE,
    NFPROTO_INET,
    NFTA_CHAIN_HOOK,
    NFTA_CHAIN_NAME,
    NFTA_CHAIN_POLICY,
    NFTA_CHAIN_TABLE,
    NFTA_CHAIN_TYPE,
    NFTA_HOOK_HOOKNUM,
    NFTA_HOOK_PRIORITY,
    message,
)

#: How many sequence numbers the connection may use, so how many bytes it may send.
WINDOW = 1024
#: The table's name begins so; the process's number follows.
TABLE = "linuxnet_trace_"

# linux/netlink.h
NETLINK_ADD_MEMBERSHIP = 1
NETLINK_LISTEN_ALL_NSID = 8

# linux/netfilter/nfnetlink.h
NFNL_MSG_BATCH_BEGIN = 0x10
NFNL_MSG_BATCH_END = 0x11
NFNLGRP_NFTRACE = 9

# linux/netfilter/nf_tables.h
NFT_MSG_NEWTABLE, NFT_MSG_NEWCHAIN, NFT_MSG_NEWRULE, NFT_MSG_GETRULE, NFT_MSG_TRACE = 0, 3, 6, 7, 17
NFT_TABLE_F_OWNER = 0x2
NFTA_TABLE_NAME, NFTA_TABLE_FLAGS = 1, 2
NFTA_RULE_TABLE, NFTA_RULE_CHAIN, NFTA_RULE_HANDLE, NFTA_RULE_EXPRESSIONS = 1, 2, 3, 4
NFTA_LIST_ELEM = 1
NFTA_EXPR_NAME, NFTA_EXPR_DATA = 1, 2
NFTA_DATA_VALUE = 1
NFTA_META_DREG, NFTA_META_KEY, NFTA_META_SREG = 1, 2, 3
NFT_META_NFTRACE, NFT_META_L4PROTO = 12, 16
NFTA_CMP_SREG, NFTA_CMP_OP, NFTA_CMP_DATA = 1, 2, 3
NFTA_RANGE_SREG, NFTA_RANGE_OP, NFTA_RANGE_FROM, NFTA_RANGE_TO = 1, 2, 3, 4
NFTA_PAYLOAD_DREG, NFTA_PAYLOAD_BASE, NFTA_PAYLOAD_OFFSET, NFTA_PAYLOAD_LEN = 1, 2, 3, 4
NFT_PAYLOAD_TRANSPORT_HEADER = 2
NFTA_IMMEDIATE_DREG, NFTA_IMMEDIATE_DATA = 1, 2
NFT_REG_1 = 1
NFTA_TRACE_TABLE, NFTA_TRACE_CHAIN, NFTA_TRACE_RULE_HANDLE, NFTA_TRACE_TYPE, NFTA_TRACE_VERDICT = 1, 2, 3, 4, 5
NFTA_TRACE_ID, NFTA_TRACE_LL_HEADER, NFTA_TRACE_NETWORK_HEADER, NFTA_TRACE_TRANSPORT_HEADER = 6, 7, 8, 9
NFTA_TRACE_IIF, NFTA_TRACE_OIF, NFTA_TRACE_POLICY = 10, 12, 16
TRACE_TYPES = {1: "policy", 2: "return", 3: "rule"}
VERDICTS = {0: "drop", 1: "accept", 2: "stolen", 3: "queue", -1: "continue", -3: "jump", -4: "goto", -5: "return"}
NFTA_VERDICT_CODE = 1

_FIRST, _LAST = -(2**31) + 1, 2**31 - 1
_U32 = struct.Struct(">I")
_S32 = struct.Struct(">i")

#: Where the sequence number stands behind the transport header's beginning: in TCP, and in the packet that an ICMP
#: error quotes (behind 8 bytes of its own and an IP header without options).
_PLACES = (
    (socket.IPPROTO_TCP, 4),
    (socket.IPPROTO_TCP, 8),
    (socket.IPPROTO_ICMP, 8 + 20 + 4),
    (socket.IPPROTO_ICMPV6, 8 + 40 + 4),
)


class Event(NamedTuple):
    """A word of the kernel's: a packet met a rule (or a chain's end), which decided so.

    ``headers`` (link layer, network, transport) come with the first event of each base chain only.
    """

    nsid: Optional[int]
    family: str
    table: str
    chain: str
    kind: str
    handle: Optional[int]
    verdict: str
    number: int
    headers: Optional[Tuple[bytes, bytes, bytes]]
    in_index: Optional[int]
    out_index: Optional[int]


def own_table() -> str:
    """The name of this process's tables."""
    return "%s%d" % (TABLE, os.getpid())


class Marks(Closing):
    """The rules that mark the connection's packets in one namespace; they vanish with this context manager.

    Args:
        netns: The namespace.
        first: The first sequence number of the window.
        bridges: Whether the hooks of bridges are watched too.

    Raises:
        MissingRequirement: the kernel cannot trace so.
    """

    def __init__(self, netns: str | None, first: int, bridges: bool) -> None:
        self._netlink = NetlinkSocket(NETLINK_NETFILTER, netns)
        try:
            families = [NFPROTO_INET] + [NFPROTO_BRIDGE] * bridges
            self._netlink.commit(list(_batch(families, own_table(), first)))
        except KernelRefused as exc:
            self._netlink.close()
            if exc.errno in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOENT):
                raise MissingRequirement(
                    "this kernel cannot trace with a table that vanishes with its maker: that needs Linux 5.12 or later"
                    " with nf_tables (%s); 'modprobe nf_tables' says why" % exc
                ) from exc
            raise
        except BaseException:
            self._netlink.close()
            raise

    def close(self) -> None:
        """Close the socket, with which the rules go."""
        self._netlink.close()

    def handles(self, family: str, table: str, chain: str) -> list[int]:
        """The handles of a chain's rules, in their order."""
        number = next(key for key, name in FAMILIES.items() if name == family)
        wanted = text(NFTA_RULE_TABLE, table) + text(NFTA_RULE_CHAIN, chain)
        found = []
        for reply in self._netlink.dump(message(NFT_MSG_GETRULE, number, wanted)):
            rule = attribute_map(reply[NFGENMSG.size :])
            # An old kernel answers with the rules of all chains.
            if text_of(rule[NFTA_RULE_TABLE]) == table and text_of(rule[NFTA_RULE_CHAIN]) == chain:
                found.append(integer(rule[NFTA_RULE_HANDLE], ">"))
        return found


class Events(Closing):
    """What the kernel tells of traced packets in all namespaces that have a number in this one; a context manager.

    One socket hears all namespaces, so the events come in the order in which they happened.
    """

    def __init__(self, netns: str | None) -> None:
        with inside(netns):
            self._socket = socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, NETLINK_NETFILTER
            )
        try:
            self._socket.bind((0, 0))
            self._socket.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), RECEIVE_BUFFER_BYTES)
            self._socket.setsockopt(SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, 1)
            self._socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTRACE)
        except OSError:
            self._socket.close()
            raise
        #: Whether the kernel had more to say than there was room for.
        self.lost = False

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def fileno(self) -> int:
        """For select(2)."""
        return self._socket.fileno()

    def read(self) -> Iterator[Event]:
        """The events that wait to be read."""
        while True:
            try:
                data, ancillary, _flags, _sender = self._socket.recvmsg(RECEIVE_BYTES, socket.CMSG_SPACE(4))
            except BlockingIOError:
                return
            except OSError as exc:
                if exc.errno != errno.ENOBUFS:
                    raise
                self.lost = True
                continue
            nsid = None
            for level, kind, value in ancillary:
                if (level, kind) == (SOL_NETLINK, NETLINK_LISTEN_ALL_NSID):
                    nsid = struct.unpack("=i", value[:4])[0]
            for kind, _flags, _sequence, payload in messages_in(data):
                if kind == NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE:
                    yield decode(payload, nsid)


def decode(payload: bytes, nsid: int | None) -> Event:
    """One message of the trace.

    Raises:
        MalformedReply: it is none.
    """
    try:
        family = NFGENMSG.unpack_from(payload)[0]
        found = attribute_map(payload[NFGENMSG.size :])
        kind = TRACE_TYPES[integer(found[NFTA_TRACE_TYPE], ">")]
        verdict = ""
        if NFTA_TRACE_VERDICT in found:
            code = _S32.unpack(attribute_map(found[NFTA_TRACE_VERDICT])[NFTA_VERDICT_CODE])[0]
            verdict = VERDICTS.get(code, "queue" if code > 0 else str(code))
        elif NFTA_TRACE_POLICY in found:
            verdict = VERDICTS.get(integer(found[NFTA_TRACE_POLICY], ">"), "")
        return Event(
            nsid=nsid,
            family=FAMILIES.get(family, str(family)),
            table=text_of(found[NFTA_TRACE_TABLE]),
            chain=text_of(found[NFTA_TRACE_CHAIN]),
            kind=kind,
            handle=integer(found[NFTA_TRACE_RULE_HANDLE], ">") if NFTA_TRACE_RULE_HANDLE in found else None,
            verdict=verdict,
            number=integer(found[NFTA_TRACE_ID], ">"),
            headers=(
                (
                    found.get(NFTA_TRACE_LL_HEADER, b""),
                    found[NFTA_TRACE_NETWORK_HEADER],
                    found.get(NFTA_TRACE_TRANSPORT_HEADER, b""),
                )
                if NFTA_TRACE_NETWORK_HEADER in found
                else None
            ),
            in_index=integer(found[NFTA_TRACE_IIF], ">") if NFTA_TRACE_IIF in found else None,
            out_index=integer(found[NFTA_TRACE_OIF], ">") if NFTA_TRACE_OIF in found else None,
        )
    except (KeyError, struct.error) as exc:
        raise MalformedReply("a message of nftables' trace that cannot be read: %s" % payload.hex()) from exc


def _batch(families: Sequence[int], table: str, first: int) -> Iterator[Message]:
    """Tables that mark the connection's packets as each hook begins, and look again where it ends."""
    frame = NFGENMSG.pack(0, 0, NFNL_SUBSYS_NFTABLES)
    yield Message(NFNL_MSG_BATCH_BEGIN, frame)
    for family in families:
        owned = text(NFTA_TABLE_NAME, table) + attribute(NFTA_TABLE_FLAGS, _U32.pack(NFT_TABLE_F_OWNER))
        yield message(NFT_MSG_NEWTABLE, family, owned, NLM_F_CREATE | NLM_F_EXCL)
        for number, hook in enumerate(HOOKS):
            for moment, priority in (("first", _FIRST), ("last", _LAST)):
                chain = (
                    text(NFTA_CHAIN_TABLE, table)
                    + text(NFTA_CHAIN_NAME, "%s_%s" % (hook, moment))
                    + nested(
                        NFTA_CHAIN_HOOK,
                        attribute(NFTA_HOOK_HOOKNUM, _U32.pack(number)),
                        attribute(NFTA_HOOK_PRIORITY, _S32.pack(priority)),
                    )
                    + attribute(NFTA_CHAIN_POLICY, _U32.pack(1))
                    + text(NFTA_CHAIN_TYPE, "filter")
                )
                yield message(NFT_MSG_NEWCHAIN, family, chain, NLM_F_CREATE | NLM_F_EXCL)
            for protocol, offset in _PLACES:
                rule = (
                    text(NFTA_RULE_TABLE, table)
                    + text(NFTA_RULE_CHAIN, hook + "_first")
                    + nested(NFTA_RULE_EXPRESSIONS, *_expressions(protocol, offset, first))
                )
                yield message(NFT_MSG_NEWRULE, family, rule, NLM_F_CREATE)
    yield Message(NFNL_MSG_BATCH_END, frame)


def _expressions(protocol: int, offset: int, first: int) -> Iterator[bytes]:
    """``meta l4proto PROTOCOL @th,OFFSET,32 FIRST-LAST meta nftrace set 1``"""
    register = _U32.pack(NFT_REG_1)
    yield _expression("meta", (NFTA_META_KEY, _U32.pack(NFT_META_L4PROTO)), (NFTA_META_DREG, register))
    yield _expression(
        "cmp", (NFTA_CMP_SREG, register), (NFTA_CMP_OP, _U32.pack(0)), data=((NFTA_CMP_DATA, bytes([protocol])),)
    )
    yield _expression(
        "payload",
        (NFTA_PAYLOAD_DREG, register),
        (NFTA_PAYLOAD_BASE, _U32.pack(NFT_PAYLOAD_TRANSPORT_HEADER)),
        (NFTA_PAYLOAD_OFFSET, _U32.pack(offset)),
        (NFTA_PAYLOAD_LEN, _U32.pack(4)),
    )
    yield _expression(
        "range",
        (NFTA_RANGE_SREG, register),
        (NFTA_RANGE_OP, _U32.pack(0)),
        data=((NFTA_RANGE_FROM, _U32.pack(first)), (NFTA_RANGE_TO, _U32.pack(first + WINDOW - 1))),
    )
    yield _expression("immediate", (NFTA_IMMEDIATE_DREG, register), data=((NFTA_IMMEDIATE_DATA, b"\1"),))
    yield _expression("meta", (NFTA_META_KEY, _U32.pack(NFT_META_NFTRACE)), (NFTA_META_SREG, register))


def _expression(name: str, *fields: Tuple[int, bytes], data: Sequence[Tuple[int, bytes]] = ()) -> bytes:
    values = [attribute(kind, value) for kind, value in fields]
    values += [nested(kind, attribute(NFTA_DATA_VALUE, value)) for kind, value in data]
    return nested(NFTA_LIST_ELEM, text(NFTA_EXPR_NAME, name), nested(NFTA_EXPR_DATA, *values))
