# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IPVS's file of connections."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.connections import parse
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import MalformedReply


def test_connections_of_both_families():
    lines = [
        "TCP C0A80001 8AE0 0A646464 1F90 0A00000B 1F90 ESTABLISHED     892\n",
        "UDP fd00:0000:0000:0000:0000:0000:0000:0009 0035 fd00:0000:0000:0000:0000:0000:0000:0001 0035"
        " fd00:0000:0000:0000:0000:0000:0000:0002 0035 UDP     17 sip abcdef\n",
    ]
    one, other = parse(lines)
    assert (one["client_address"], one["client_port"], one["virtual_port"]) == ("192.168.0.1", 0x8AE0, 8080)
    assert (one["state"], one["expires"], one["persistence_engine"]) == ("ESTABLISHED", 892, None)
    assert (other["real_address"], other["persistence_engine"]) == ("fd00::2", "sip")
    with pytest.raises(MalformedReply):
        list(parse(["TCP nonsense\n"]))
