# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel answers."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import KernelRefused, MissingRequirement
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset import client
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries import Wish
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries_plan import plan_contents
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.plan import plan_set
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.reader import Reader
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import KernelSet, Operation
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.wishes import header_options
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel import netlink
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import attribute, attribute_map, text
from ansible_collections.linuxnet.ipvs.tests.unit.plugins.module_utils._ipset.cases import (
    header,
)


class Refusing(netlink.NetlinkSocket):
    """A socket whose kernel refuses a message with an errno, and says why in its own words."""

    def __init__(self, code, told):
        self._socket: Any = self
        self._room = memoryview(bytearray(netlink.RECEIVE_BYTES))
        self._sequence = 0
        error = struct.pack("=iIHHII", -code, 16, 0, 0, 1, 0) + text(1, told) * bool(told)
        self.answer = struct.pack("=IHHII", 16 + len(error), 2, 0x300 if told else 0x100, 1, 0) + error

    def send(self, _data):
        pass

    def recv_into(self, room, _size, _flags):
        room[: len(self.answer)] = self.answer
        return len(self.answer)


@pytest.mark.parametrize(
    ("code", "told", "words"),
    [
        (4352, "", "the set is full: create it with a larger 'maxelem'$"),
        (4352, "no room at all", r"the set is full: create it with a larger 'maxelem' \(no room at all\)$"),
        (22, "bad attribute", r"Invalid argument \(EINVAL\): bad attribute$"),
        (4200, "", r"4200 \(errno 4200\)$"),
    ],
)
def test_what_the_kernel_says_itself_is_told_too(monkeypatch, code, told, words):
    monkeypatch.setattr(client, "NetlinkSocket", lambda *_where: Refusing(code, told))
    of = header("hash:ip")
    steps = [Operation("add", of, Reader(of).read(["10.0.0.1"]))]
    with pytest.raises(KernelRefused, match=r"the kernel refused to add entry of set 'S': .*" + words):
        client.IpSets().apply(steps)


class OldKernel(netlink.NetlinkSocket):
    """A socket whose kernel knows a protocol and a type's revisions, and keeps what it is asked to do."""

    def __init__(self, protocol, revisions):
        self._protocol, self._revisions, self.asked = protocol, revisions, []

    def _look_at(self, message):
        found = attribute_map(message.payload[4:])
        if found[1] != bytes([self._protocol]):
            raise netlink.BatchRefused(4097, "", 0, b"")
        self.asked.append((message.type & 0xFF, found))
        return found

    def request(self, message):
        self._look_at(message)
        oldest, newest = self._revisions
        return [bytes(4) + attribute(4, bytes([newest])) + attribute(10, bytes([oldest]))]

    def send_all(self, messages):
        for message in messages:
            self._look_at(message)

    def dump(self, message):
        self._look_at(message)
        return []

    def close(self):
        pass


def old_kernel(monkeypatch, protocol=6, revisions=(0, 5)):
    found = OldKernel(protocol, revisions)
    monkeypatch.setattr(client, "NetlinkSocket", lambda *_where: found)
    return found


def test_a_kernel_that_speaks_protocol_6_only_is_spoken_to(monkeypatch):
    """As those before Linux 5.0 do."""
    kernel = old_kernel(monkeypatch, revisions=(0, 4))
    of = header("hash:ip")
    with client.IpSets() as sets:
        assert sets.headers() == []
        sets.apply([Operation("create", of), Operation("add", of, Reader(of).read(["10.0.0.1"]))])
    assert [command for command, _found in kernel.asked] == [7, 13, 2, 9]


@pytest.mark.parametrize(
    ("wanted", "revisions", "revision"), [(0, (0, 6), 0), (3, (0, 6), 3), (0, (2, 6), 2), (6, (0, 6), 6)]
)
def test_a_set_gets_the_lowest_revision_that_the_kernel_has(monkeypatch, wanted, revisions, revision):
    kernel = old_kernel(monkeypatch, revisions=revisions)
    client.IpSets().apply([Operation("create", header("hash:ip"), revision=wanted)])
    assert kernel.asked[-1][1][4] == bytes([revision])


@pytest.mark.parametrize("options", [dict(bucketsize=6), dict(initval=7)])
@pytest.mark.parametrize("newest", [5, 6])
def test_a_set_whose_buckets_or_seed_the_kernel_shall_tell_gets_its_newest_revision(monkeypatch, options, newest):
    kernel = old_kernel(monkeypatch, revisions=(0, newest))
    client.IpSets().apply([Operation("create", header("hash:ip", **options), revision=5)])
    assert kernel.asked[-1][1][4] == bytes([newest])


@pytest.mark.parametrize(
    ("name", "options", "newest", "told"),
    [
        ("hash:ip", dict(bucketsize=6), 4, r"^bucketsize: .*hash:ip sets have none, Linux 5\.11 and later"),
        ("hash:ip", dict(initval=1), 4, r"^initval: .*Linux 5\.11"),
        ("hash:ip,port", dict(netmask=24), 6, r"^netmask: .*Linux 6\.2"),
        ("hash:ip", dict(bitmask="255.0.255.0"), 5, r"^bitmask: .*Linux 6\.2"),
        ("hash:net", dict(skbinfo=True), 5, r"^skbinfo: .*Linux 3\.18"),
    ],
)
def test_an_option_that_the_kernel_does_not_know_is_refused_with_the_kernel_that_does(
    monkeypatch, name, options, newest, told
):
    kernel = old_kernel(monkeypatch, revisions=(0, newest))
    of = header(name, **options)
    with pytest.raises(MissingRequirement, match=told):
        client.IpSets().apply(plan_set("S", of.kind, header_options(of.kind, options), None).plan.operations)
    assert [command for command, _found in kernel.asked] == [13]


def test_a_wildcard_that_the_kernel_does_not_know_is_refused(monkeypatch):
    """Else it would be deleted and added at each run."""
    old_kernel(monkeypatch, revisions=(0, 6))
    of = header("hash:net,iface")
    have = KernelSet(of, revision=6)
    for plan in (
        plan_set("S", of.kind, {}, None, Wish(["10.0.0.0/8,eth wildcard"])),
        plan_contents(have, Wish(["10.0.0.0/8,eth wildcard"])),
    ):
        with pytest.raises(MissingRequirement, match=r"^wildcard: .*Linux 5\.5 and later"):
            client.IpSets().apply(plan.plan.operations)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "list the sets: not permitted: this needs CAP_NET_ADMIN"),
        (4097, "list the sets: this kernel speaks no version of the ipset protocol that is known here"),
    ],
)
def test_a_listing_that_is_refused_says_why(monkeypatch, code, words):
    monkeypatch.setattr(client, "NetlinkSocket", lambda *_where: Refusing(code, ""))
    with pytest.raises(KernelRefused, match="the kernel refused to " + words):
        client.IpSets().headers()
