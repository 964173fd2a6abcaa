# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Netlink in batches: messages out by the hundred, one acknowledgement each hundred, every error still seen.

Sources: netlink(7), linux/netlink.h, linux/genetlink.h, netlink_rcv_skb() in net/netlink/af_netlink.c.

The kernel answers a message that fails even when it was sent without NLM_F_ACK, so only the last message of a
datagram asks for an acknowledgement; the sequence number of an error tells which message it belongs to. The kernel
handles a datagram inside sendmsg(2), in order, and goes on behind a message that fails.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from bisect import bisect_right
from contextlib import contextmanager
from itertools import accumulate
from typing import Iterable, Iterator, NamedTuple, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    KernelRefused,
    LinuxnetError,
    NoSuchPlace,
    errno_text,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    MalformedReply,
    attribute_map,
    text_of,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.closing import Closing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import inside

# linux/netlink.h
NETLINK_NETFILTER = 12
NETLINK_GENERIC = 16
NLM_F_REQUEST = 0x1
NLM_F_MULTI = 0x2
NLM_F_ACK = 0x4
NLM_F_DUMP_INTR = 0x10
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_DUMP = 0x300
NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200
NLMSG_NOOP = 1
NLMSG_ERROR = 2
NLMSG_DONE = 3
NLMSG_OVERRUN = 4
NLMSGERR_ATTR_MSG = 1
SOL_NETLINK = 270
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11

_MESSAGE = struct.Struct("=IHHII")
_ERROR = struct.Struct("=i")
#: An ending's length, type, flags, sequence and errno.
_ENDING = struct.Struct("=IHHIi")
#: What a dump ends with.
_DUMP_ENDS = frozenset([NLMSG_DONE, NLMSG_ERROR])

#: Messages in one datagram: behind 400 the acknowledgement's share of the time is no longer visible.
BATCH_MESSAGES = 400
#: Bytes in one datagram: a quarter of the smallest default send buffer (net.core.wmem_default, 212992).
BATCH_BYTES = 49152
#: Larger than any datagram the kernel builds for a dump (32 KiB).
RECEIVE_BYTES = 131072
#: Room for the answers to a whole datagram of failing messages.
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
#: How often a dump is repeated that a concurrent change interrupted.
DUMP_ATTEMPTS = 20
#: For how many seconds one is repeated, of which the kernel does not tell that, for want of two that agree.
AGREEING_PATIENCE = 20.0


class AnswersLost(LinuxnetError):
    """The kernel had more to say than the socket could hold."""

    def __init__(self) -> None:
        super().__init__(
            "answers of the kernel were lost, so it is not known what it has refused: run the task again (%s)"
            % os.strerror(errno.ENOBUFS)
        )


class NoSuchProtocol(NoSuchPlace):
    """The kernel has nothing that speaks a netlink protocol: opening a socket would have loaded it."""

    def __init__(self, protocol: int) -> None:
        name = {NETLINK_NETFILTER: "nfnetlink"}.get(protocol, "net-pf-%d-proto-%d" % (socket.AF_NETLINK, protocol))
        super().__init__("this kernel has no %s, or cannot load it: 'modprobe %s' says why" % (name, name))


class Message(NamedTuple):
    """One request: the message type, its flags without NLM_F_REQUEST and NLM_F_ACK, and what follows the header."""

    type: int
    payload: bytes
    flags: int = 0


class BatchRefused(KernelRefused):
    """The kernel refused a message of a batch: ``index`` is its place, ``reply`` what the answer brings of it again."""

    def __init__(self, errno: int, told: str, index: int, reply: bytes) -> None:
        super().__init__(errno, _meaning(errno, told), told)
        self.index = index
        self.reply = reply


class NetlinkSocket(Closing):
    """A netlink socket in one network namespace; a context manager.

    Raises:
        NoSuchNamespace: there is no namespace of that name.
        NoSuchProtocol: the kernel does not know the protocol.
        LinuxnetError: there can be no socket, or nothing can be sent or received, for another reason.
    """

    def __init__(self, protocol: int, netns: str | None = None) -> None:
        with _failing("open a netlink socket"), inside(netns):
            try:
                self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
            except OSError as exc:
                if exc.errno == errno.EPROTONOSUPPORT:
                    raise NoSuchProtocol(protocol) from exc
                raise
        try:
            with _failing("set a netlink socket up"):
                self._socket.bind((0, 0))
                self._socket.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
                self._socket.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
                self._enlarge()
        except LinuxnetError:
            self._socket.close()
            raise
        self._sequence = 0
        #: In how many datagrams the answers to the last dump came.
        self._datagrams = 0
        #: Where each datagram is received. One of its own for each would be memory of its own from the system.
        self._room = memoryview(bytearray(RECEIVE_BYTES))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _enlarge(self) -> None:
        """Make room for answers; without CAP_NET_ADMIN only as much as net.core.rmem_max allows."""
        forced = getattr(socket, "SO_RCVBUFFORCE", 33)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, forced, RECEIVE_BUFFER_BYTES)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)

    def request(self, message: Message) -> list[bytes]:
        """Send one message and return the payloads of what it is answered with, its acknowledgement aside.

        Raises:
            KernelRefused: the kernel answered with an errno.
        """
        sequence = self._send(message, NLM_F_ACK)
        replies: list[bytes] = []
        while True:
            for kind, flags, number, payload in self._receive():
                if number != sequence:
                    continue
                if kind == NLMSG_ERROR:
                    self._check(payload, flags)
                    return replies
                replies.append(payload)

    def dump(self, message: Message) -> list[bytes]:
        """Send a dump request and return all its payloads; one that a concurrent change interrupted is repeated."""
        for _attempt in range(DUMP_ATTEMPTS):
            replies = self._dump_once(message)
            if replies is not None:
                return replies
        raise LinuxnetError(
            "the kernel's table changed during each of %d readings: something else is writing it all the time"
            % DUMP_ATTEMPTS
        )

    def dump_agreeing(self, message: Message, key: slice, at_least: int = 1) -> list[bytes]:
        """Send a dump request of a table that may change meanwhile without the kernel's telling so.

        What came in several datagrams is read again until two readings in a row list the same things, none of them
        twice, told by the bytes ``key`` of each payload.

        Args:
            message: The request.
            key: Which bytes of a payload tell one thing from another.
            at_least: 2 for a table that changes even while the kernel fills one datagram.

        Raises:
            LinuxnetError: that did not come to pass, because something else writes the table all the time.
        """
        replies = self.dump(message)
        if at_least < 2 and self._datagrams < 2:
            return replies
        deadline = time.monotonic() + AGREEING_PATIENCE
        keys = sorted(reply[key] for reply in replies)
        while True:
            before, replies = keys, self.dump(message)
            keys = sorted(reply[key] for reply in replies)
            if keys == before and len(set(keys)) == len(keys):
                return replies
            if time.monotonic() > deadline:
                raise LinuxnetError(
                    "the kernel's table could not be read: something else has been writing it for %d seconds, so that"
                    " no two readings agree" % AGREEING_PATIENCE
                )

    def send_all(self, messages: Sequence[Message]) -> None:
        """Send messages in as few datagrams as hold them and wait for the kernel's word on all.

        Behind a datagram with a refused message nothing more is sent; the others of that datagram took effect.

        Raises:
            BatchRefused: the first message refused, by its place in ``messages``.
            AnswersLost: there was no room for all refusals.
        """
        for first, chunk in _chunks(messages):
            sequences = range(self._sequence + 1, self._sequence + 1 + len(chunk))
            self._sequence += len(chunk)
            self._put(_datagram(chunk, sequences, sequences[-1]))
            self._confirm(first, sequences)

    def commit(self, messages: Sequence[Message]) -> None:
        """Send one batch of netfilter's, that is a beginning, what is to be done as a whole or not at all, and an end.

        Beginning and end are not acknowledged before Linux 6.10, so the message before the end asks for it.

        Raises:
            BatchRefused: the first message refused, by its place in ``messages``; nothing was done.
        """
        sequences = range(self._sequence + 1, self._sequence + 1 + len(messages))
        self._sequence += len(messages)
        asked = sequences[-2]
        self._put(_datagram(messages, sequences, asked))
        self._confirm(0, range(sequences[0], asked + 1), whole=True)

    def _confirm(self, first: int, sequences: range, whole: bool = False) -> None:
        """Read up to the acknowledgement of a datagram's last message and raise for the first refusal.

        With ``whole`` one refusal is enough, since then nothing is done and there may be no acknowledgement.
        """
        refused: dict[int, tuple[int, str, bytes]] = {}
        confirmed = False
        while not confirmed:
            for kind, flags, number, payload in self._receive():
                if kind != NLMSG_ERROR or number not in sequences:
                    continue
                code, told = _error(payload, flags)
                if code:
                    again = b"" if flags & NLM_F_CAPPED else payload[_ERROR.size + _MESSAGE.size :]
                    refused.setdefault(number, (code, told, again))
                confirmed = confirmed or number == sequences[-1] or bool(whole and code)
        if refused:
            number = min(refused)
            code, told, reply = refused[number]
            raise BatchRefused(code, told, first + number - sequences[0], reply)

    def _dump_once(self, message: Message) -> list[bytes] | None:
        """All payloads of one dump, or None when it does not show one moment of the table."""
        sequence = self._send(message, NLM_F_DUMP)
        ending = _ENDING.pack(_ENDING.size + 4, NLMSG_DONE, NLM_F_MULTI, sequence, 0)
        replies: list[bytes] = []
        consistent = True
        self._datagrams = 0
        while True:
            try:
                data = self._received()
                alike = _alike(data, sequence)
                if alike:
                    replies += alike
                    self._datagrams += 1
                    continue
                if data[:12] + data[16:] == ending:  # as nearly every dump ends, the port aside
                    return replies if consistent else None
                before = len(replies)
                for kind, flags, number, payload in messages_in(data):
                    if number != sequence:
                        continue
                    if flags & NLM_F_DUMP_INTR:
                        consistent = False
                    if kind in _DUMP_ENDS:
                        if len(payload) >= 4:
                            self._check(payload, flags)
                        self._datagrams += len(replies) > before
                        return replies if consistent else None
                    replies.append(payload)
                self._datagrams += len(replies) > before
            except AnswersLost:
                consistent = False

    def _send(self, message: Message, flags: int) -> int:
        self._sequence += 1
        kind, payload, own = message
        size = _MESSAGE.size + len(payload)
        self._put(_MESSAGE.pack(size, kind, NLM_F_REQUEST | own | flags, self._sequence, 0) + payload)
        return self._sequence

    def _put(self, datagram: bytes) -> None:
        try:  # a large table is read by thousands of requests, for each of which a context manager would cost as much
            self._socket.send(datagram)
        except OSError as exc:
            raise _failed("send a netlink message", exc) from exc

    def _receive(self) -> Iterator[tuple[int, int, int, bytes]]:
        """The messages of the next datagram, as :func:`messages_in` gives them."""
        return messages_in(self._received())

    def _received(self) -> bytes:
        """The next datagram.

        Raises:
            AnswersLost: there were others, for which the socket had no room.
        """
        try:
            length = self._socket.recv_into(self._room, 0, socket.MSG_TRUNC)  # with this flag it is the whole length
        except OSError as exc:
            if exc.errno == errno.ENOBUFS:
                raise AnswersLost() from exc
            raise _failed("receive a netlink message", exc) from exc
        if length > RECEIVE_BYTES:
            raise MalformedReply("a netlink datagram of %d bytes, where %d are room enough" % (length, RECEIVE_BYTES))
        return bytes(self._room[:length])

    @staticmethod
    def _check(payload: bytes, flags: int) -> None:
        code, told = _error(payload, flags)
        if code:
            raise KernelRefused(code, _meaning(code, told), told)


@contextmanager
def _failing(action: str) -> Iterator[None]:
    """Say in an error of the collection what the system has refused."""
    try:
        yield
    except OSError as exc:
        raise _failed(action, exc) from exc


def _failed(action: str, exc: OSError) -> LinuxnetError:
    return LinuxnetError("cannot %s: %s (%s)" % (action, exc.strerror or exc, errno_text(exc.errno or 0)))


def messages_in(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Take a datagram apart into (type, flags, sequence, payload).

    Raises:
        MalformedReply: a length runs past the end or is shorter than its own header.
        AnswersLost: a message says that others were lost.
    """
    offset, end, header, unpack = 0, len(data), _MESSAGE.size, _MESSAGE.unpack_from
    while end - offset >= header:
        length, kind, flags, number, _port = unpack(data, offset)
        if length < header or offset + length > end:
            raise MalformedReply("a netlink message of %d bytes where %d are left" % (length, end - offset))
        if kind == NLMSG_OVERRUN:
            raise AnswersLost()
        if kind != NLMSG_NOOP:
            yield kind, flags, number, data[offset + header : offset + length]
        offset += (length + 3) & ~3


def _alike(data: bytes, sequence: int) -> Sequence[bytes]:
    """The payloads of a dump's datagram in which all messages have the same header, as in nearly every one; else none.

    It takes a third of the time of :func:`messages_in`, by which any other is read.
    """
    if len(data) > _MESSAGE.size:
        length, kind, flags, number, _port = _MESSAGE.unpack_from(data)
        plain = kind > NLMSG_OVERRUN and number == sequence and not flags & NLM_F_DUMP_INTR
        if plain and length > _MESSAGE.size and not length & 3 and not len(data) % length:
            parts = struct.iter_unpack("%ds%ds" % (_MESSAGE.size, length - _MESSAGE.size), data)
            headers, payloads = zip(*parts)
            if headers.count(headers[0]) == len(headers):
                return payloads
    return ()


def _datagram(messages: Iterable[Message], sequences: Iterable[int], asked: int) -> bytes:
    """Messages with their headers, of which the one with the number ``asked`` asks for an acknowledgement."""
    parts: list[bytes] = []
    pack, size = _MESSAGE.pack, _MESSAGE.size
    for (kind, payload, flags), number in zip(messages, sequences):
        flags |= NLM_F_REQUEST | (NLM_F_ACK if number == asked else 0)
        parts += pack(size + len(payload), kind, flags, number, 0), payload
    return b"".join(parts)


def _error(payload: bytes, flags: int) -> tuple[int, str]:
    """The errno in an error message (0: it is an acknowledgement), and the kernel's own words where it sent some."""
    if len(payload) < _ERROR.size:
        raise MalformedReply("a netlink error of %d bytes" % len(payload))
    code = -_ERROR.unpack_from(payload)[0]
    told = ""
    if flags & NLM_F_ACK_TLVS and flags & NLM_F_CAPPED and len(payload) > _ERROR.size + _MESSAGE.size:
        told = text_of(attribute_map(payload[_ERROR.size + _MESSAGE.size :]).get(NLMSGERR_ATTR_MSG, b""))
    return code, told


def _meaning(code: int, told: str) -> str:
    """An errno in words, with the kernel's own."""
    return "%s (%s)" % (os.strerror(code), errno_text(code)) + (": " + told if told else "")


def _chunks(messages: Sequence[Message]) -> Iterator[tuple[int, Sequence[Message]]]:
    """Cut messages into datagrams: (place of the first, the messages)."""
    ends = list(accumulate(_MESSAGE.size + len(message.payload) for message in messages))
    first = start = 0
    while first < len(messages):
        behind = min(first + BATCH_MESSAGES, bisect_right(ends, start + BATCH_BYTES))
        behind = max(behind, first + 1)  # one that is larger goes by itself
        yield first, messages[first:behind]
        first, start = behind, ends[behind - 1]
