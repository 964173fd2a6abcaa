# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Live connections that connection tracking is told of, as bytes."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import attribute_map
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import BATCH_BYTES, NLM_F_CREATE, NLM_F_EXCL
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter import conntrack, live_connections
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.conntrack import Known, Tuple4

CLIENT, VIRTUAL, REAL = ("192.0.2.50", 40000), ("10.96.0.9", 80), ("10.244.0.1", 8080)


def _connection(expires=800, protocol="tcp", client=CLIENT, virtual=VIRTUAL, real=REAL):
    ends = {"client": client, "virtual": virtual, "real": real}
    found = {end + "_address": address for end, (address, _port) in ends.items()}
    found.update({end + "_port": port for end, (_address, port) in ends.items()})
    return dict(found, protocol=protocol, expires=expires)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize(
    ("client", "virtual", "real", "family"),
    [(CLIENT, VIRTUAL, REAL, 2), (("2001:db8::1", 1), ("fd00::9", 80), ("fd00::1", 8080), 10)],
)
def test_an_entry_is_one_that_both_sides_have_answered(protocol, client, virtual, real, family):
    known = Known(protocol, Tuple4(*client, *virtual), Tuple4(*real, *client), 800)
    message = conntrack.creation(known)
    assert message.flags == NLM_F_CREATE | NLM_F_EXCL
    assert message.type == 0x0100
    assert message.payload[:4] == bytes([family, 0, 0, 0])
    found = attribute_map(message.payload[4:])
    entry = conntrack.decode(found)
    assert (entry.original, entry.reply, entry.answered) == (known.original, known.reply, True)
    # Confirmed and assured too: one that a full table does not push out.
    assert found[conntrack.CTA_STATUS] == b"\0\0\0\x0e"
    assert found[conntrack.CTA_TIMEOUT] == (800).to_bytes(4, "big")
    assert entry.state == ("established" if protocol == "tcp" else "none")
    assert (16 + len(message.payload)) * conntrack._BATCH <= BATCH_BYTES


@pytest.mark.parametrize(
    ("methods", "answers"),
    [
        ({}, REAL),
        ({("tcp", *VIRTUAL, *REAL): "masquerading"}, REAL),
        ({("tcp", *VIRTUAL, *REAL): "direct"}, VIRTUAL),
        ({("udp", *VIRTUAL, *REAL): "direct"}, REAL),
        ({("tcp", VIRTUAL[0], 0, REAL[0], 0): "tunnel"}, VIRTUAL),
        ({REAL[:1]: "direct"}, VIRTUAL),
    ],
)
def test_an_answer_comes_from_the_real_server_where_the_destination_is_changed(methods, answers):
    known = live_connections._known(_connection(), methods)
    assert tuple(known.original) == (*CLIENT, *VIRTUAL)
    (address, port), (client, client_port) = answers, CLIENT
    assert known.reply == Tuple4(address, port, client, client_port)


def test_one_that_is_about_to_expire_has_a_second_still():
    assert live_connections._known(_connection(expires=0), {}).timeout == 1
