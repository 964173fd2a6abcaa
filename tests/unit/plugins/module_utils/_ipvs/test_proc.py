# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel tells of an IPVS table in files."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.counters_client import totals_in
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.proc import status_in
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import MalformedReply

STATS = """   Total Incoming Outgoing         Incoming         Outgoing
   Conns  Packets  Packets            Bytes            Bytes
      37       9D       66             219C             1670

 Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s
       2        6        4              148               E4
"""


def test_the_counters_of_the_whole_table():
    assert list(totals_in(STATS).values()) == [0x37, 0x9D, 0x66, 0x219C, 0x1670]
    for text in ("", "a\nb\nnonsense\n", "a\nb\n1 2\n"):
        with pytest.raises(MalformedReply):
            totals_in(text)


def test_the_state_of_the_tables():
    text = "Conns:\t0\nConn buckets:\t256 (8 bits, lfactor -4)\nConn buckets len-1:\t3 (1%)\nno line\n"
    assert status_in(text) == dict(conns="0", conn_buckets="256 (8 bits, lfactor -4)", conn_buckets_len_1="3 (1%)")
