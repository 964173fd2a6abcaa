# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transport, against this machine's own kernel; no bytes make the reading hang or crash untyped."""

from __future__ import annotations

import errno
import itertools
import os
import resource
import socket
import struct
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    KernelRefused,
    LinuxnetError,
    NoSuchPlace,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel import attributes, netlink
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import fresh


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reading_of_messages_hang_or_crash(data):
    try:
        found = list(netlink.messages_in(data))
    except (attributes.MalformedReply, netlink.AnswersLost):
        return
    assert sum(len(payload) + 16 for *_head, payload in found) <= len(data)


def test_messages_are_cut_by_number_and_by_size():
    small = [netlink.Message(1, b"")] * (2 * netlink.BATCH_MESSAGES + 1)
    assert [(first, len(chunk)) for first, chunk in netlink._chunks(small)] == [(0, 400), (400, 400), (800, 1)]
    large = [netlink.Message(1, bytes(20000))] * 5
    assert [(first, len(chunk)) for first, chunk in netlink._chunks(large)] == [(0, 2), (2, 2), (4, 1)]
    assert list(netlink._chunks([])) == []


def test_the_kernel_answers_an_unknown_command_and_the_text_names_the_errno():
    """Against this machine's own kernel: the controller of generic netlink has no command 99."""
    with netlink.NetlinkSocket(netlink.NETLINK_GENERIC) as sock, pytest.raises(KernelRefused) as caught:
        sock.request(netlink.Message(0x10, struct.pack("=BBH", 99, 1, 0)))
    assert caught.value.errno == errno.EOPNOTSUPP
    assert "EOPNOTSUPP" in str(caught.value) or "ENOTSUP" in str(caught.value)


def test_a_refused_message_of_a_batch_is_named_by_its_place():
    """A batch of 1,000 questions to the controller of generic netlink, one of them for a family that does not exist."""
    ask = struct.pack("=BBH", 3, 1, 0)
    known, unknown = (netlink.Message(0x10, ask + attributes.text(2, name)) for name in ("nlctrl", "no-such-family"))
    with netlink.NetlinkSocket(netlink.NETLINK_GENERIC) as sock:
        sock.send_all([known] * 1000)
        for place in (0, 399, 400, 999):
            with pytest.raises(netlink.BatchRefused) as caught:
                sock.send_all([known] * place + [unknown] + [known] * (999 - place))
            assert caught.value.index == place
            assert caught.value.errno == errno.ENOENT


def test_a_dump_of_many_datagrams_is_read_whole():
    with netlink.NetlinkSocket(netlink.NETLINK_GENERIC) as sock:
        replies = sock.dump(netlink.Message(0x10, struct.pack("=BBH", 3, 1, 0)))
    names = [attributes.text_of(attributes.attribute_map(reply[4:])[2]) for reply in replies]
    assert "nlctrl" in names
    assert len(names) == len(set(names))


#: linux/rtnetlink.h
NETLINK_ROUTE = 0
RTM_NEWADDR, RTM_GETADDR = 20, 22


def new_address(number):
    """A request for an address on lo."""
    packed = struct.pack(">I", 0x0A000000 + number)
    body = struct.pack("=BBBBI", socket.AF_INET, 32, 0, 0, 1) + attributes.attribute(2, packed)
    return netlink.Message(RTM_NEWADDR, body, netlink.NLM_F_CREATE | netlink.NLM_F_EXCL)


class Disturbed(netlink.NetlinkSocket):
    """A socket behind whose back the addresses change, between the datagrams of a dump, so many times."""

    disturbances = 0
    readings = 0

    def __enter__(self):
        return self

    def _dump_once(self, message):
        self.readings += 1
        return super()._dump_once(message)

    def _received(self):
        received = super()._received()
        if self.disturbances:
            self.disturbances -= 1
            with netlink.NetlinkSocket(NETLINK_ROUTE) as other:
                other.request(new_address(5000 + self.disturbances))
        return received


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a namespace of its own")
@pytest.mark.parametrize("disturbances", [0, 1, 5])
def test_a_dump_that_the_kernel_calls_interrupted_is_repeated(disturbances):
    """The kernel says so of addresses (NLM_F_DUMP_INTR). Of services and sets it never does."""
    with fresh(), Disturbed(NETLINK_ROUTE) as sock:
        sock.send_all([new_address(number) for number in range(1, 1001)])
        sock.disturbances = disturbances
        replies = sock.dump(netlink.Message(RTM_GETADDR, struct.pack("=BBBBI", socket.AF_INET, 0, 0, 0, 0)))
    assert len(replies) == 1000 + disturbances
    assert bool(disturbances) == (sock.readings > 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a namespace of its own")
def test_a_dump_that_is_always_interrupted_ends_with_a_word():
    with fresh(), Disturbed(NETLINK_ROUTE) as sock:
        sock.send_all([new_address(number) for number in range(1, 1001)])
        sock.disturbances = 10000
        with pytest.raises(LinuxnetError, match="something else is writing it all the time"):
            sock.dump(netlink.Message(RTM_GETADDR, struct.pack("=BBBBI", socket.AF_INET, 0, 0, 0, 0)))
    assert sock.readings == netlink.DUMP_ATTEMPTS


class Told(netlink.NetlinkSocket):
    """A socket whose dumps are these readings, one after the other, each in so many datagrams."""

    def __init__(self, readings, datagrams=2):
        self.readings = list(readings)
        self._datagrams = datagrams

    def dump(self, message):
        return self.readings.pop(0)


class Endless(Told):
    """The same, of which there is always one more."""

    def __init__(self, readings):
        super().__init__([])
        self._more = readings

    def dump(self, message):
        return next(self._more)


@pytest.mark.parametrize(
    ("datagrams", "readings", "found", "left"),
    [
        (1, ["ab", "abc"], "ab", 1),  # of one moment
        (2, ["abc", "abc", "x"], "abc", 1),
        (2, ["ac", "abc", "abc", "x"], "abc", 1),  # one was missing at first
        (2, ["aabc", "abc", "abc", "x"], "abc", 1),  # one came twice
        (2, ["aab", "aab", "ab", "ab", "x"], "ab", 1),  # one came twice each time
    ],
)
def test_a_dump_in_several_datagrams_is_read_until_two_readings_agree(datagrams, readings, found, left):
    """With counters behind what is compared, which are others each time."""
    replies = [[f"{key}{count}".encode() for key in reading] for count, reading in enumerate(readings)]
    sock = Told(replies, datagrams)
    listed = sock.dump_agreeing(netlink.Message(0x10, b""), slice(0, 1))
    assert b"".join(reply[:1] for reply in listed).decode() == found
    assert len(sock.readings) == left


def test_a_table_that_is_written_all_the_time_could_not_be_read(monkeypatch):
    monkeypatch.setattr(netlink, "AGREEING_PATIENCE", 0.01)
    readings = itertools.cycle([[b"a"], [b"b"]])
    with pytest.raises(LinuxnetError, match="could not be read: something else has been writing it"):
        Endless(readings).dump_agreeing(netlink.Message(0x10, b""), slice(0, 1))


def test_what_is_said_to_change_within_a_datagram_is_read_twice():
    sock = Told([[b"a"], [b"b"], [b"b"], [b"x"]], 1)
    assert sock.dump_agreeing(netlink.Message(0x10, b""), slice(0, 1), at_least=2) == [b"b"]


def test_the_datagrams_of_a_dump_are_counted():
    with netlink.NetlinkSocket(netlink.NETLINK_GENERIC) as sock:
        one = netlink.Message(0x10, struct.pack("=BBH", 3, 1, 0))
        size = sum(map(len, sock.dump(one)))
        assert sock._datagrams >= size / netlink.RECEIVE_BYTES
        assert sock._datagrams < 10


def test_the_kernels_own_words_are_shown():
    """A family's name may have 15 bytes, and the kernel says what is wrong with a longer one (NLMSGERR_ATTR_MSG)."""
    with netlink.NetlinkSocket(netlink.NETLINK_GENERIC) as sock, pytest.raises(KernelRefused) as caught:
        sock.request(netlink.Message(0x10, struct.pack("=BBH", 3, 1, 0) + attributes.text(2, "x" * 40)))
    assert "Attribute failed policy validation" in str(caught.value)


def unknown_family():
    """A question that the kernel answers with an error."""
    return netlink.Message(0x10, struct.pack("=BBH", 3, 1, 0) + attributes.text(2, "no-such-family"))


@pytest.fixture
def narrow():
    """A socket that has room for few answers."""
    with Disturbed(netlink.NETLINK_GENERIC) as sock:
        sock._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        yield sock


@contextmanager
def no_files_left():
    """This process may open no further file, nor socket."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_protocol_that_the_kernel_lacks_is_a_place_that_is_missing():
    unused = 31  # the last one there could be; the kernel looks for a module and finds none
    with pytest.raises(NoSuchPlace, match="this kernel has no net-pf-16-proto-31, or cannot load it: 'modprobe"):
        netlink.NetlinkSocket(unused)


def test_no_room_for_a_socket_is_told():
    with (
        pytest.raises(LinuxnetError, match=r"cannot open a netlink socket: Too many open files \(EMFILE\)"),
        no_files_left(),
    ):
        netlink.NetlinkSocket(netlink.NETLINK_GENERIC)


def test_what_cannot_be_sent_is_told():
    with netlink.NetlinkSocket(netlink.NETLINK_GENERIC) as sock:
        sock._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        with pytest.raises(LinuxnetError, match=r"cannot send a netlink message: Message too long \(EMSGSIZE\)"):
            sock.request(netlink.Message(0x10, bytes(1 << 20)))


def test_lost_refusals_are_told(narrow):
    with pytest.raises(netlink.AnswersLost, match="it is not known what it has refused"):
        narrow.send_all([unknown_family()] * netlink.BATCH_MESSAGES)


def test_a_dump_behind_lost_answers_is_repeated(narrow):
    for _time in range(netlink.BATCH_MESSAGES):
        narrow._send(unknown_family(), 0)
    replies = narrow.dump(netlink.Message(0x10, struct.pack("=BBH", 3, 1, 0)))
    assert narrow.readings == 2
    with netlink.NetlinkSocket(netlink.NETLINK_GENERIC) as wide:
        assert len(replies) == len(wide.dump(netlink.Message(0x10, struct.pack("=BBH", 3, 1, 0))))
