# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel answers."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import KernelRefused
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset import client
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.reader import Reader
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import Operation
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel import netlink
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import text
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
