# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rules for forwarding are missing, and in front of what they go."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.filter.forward_rules import forward_rules

POLICY, REJECT = "-P FORWARD ACCEPT", "-A FORWARD -j REJECT --reject-with icmp-host-prohibited"
IN, OUT = "-A FORWARD -i br -j ACCEPT", "-A FORWARD -o br -j ACCEPT"
OTHER = "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"


def wrong(*lines, state="present"):
    found = forward_rules([dict(family="ipv4", stdout_lines=[POLICY, *lines])], "br", state)
    return [(each["option"], each["place"], each["behind"]) for each in found]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], [("-i", None, False), ("-o", None, False)]),
        ([OTHER, IN, OUT], []),
        ([IN], [("-o", None, False)]),
        ([OTHER, REJECT], [("-i", 2, False), ("-o", 2, False)]),
        ([OTHER, "-A FORWARD -j DROP"], [("-i", 2, False), ("-o", 2, False)]),
        ([IN, REJECT, OUT], [("-o", 2, True)]),
        ([REJECT, IN, OUT], [("-i", 1, True), ("-o", 1, True)]),
        ([IN, OUT, REJECT], []),
        ([IN, OUT, REJECT, IN, OUT], []),
        # One that has a match does not end every packet's way.
        (["-A FORWARD -s 198.51.100.0/24 -j DROP", IN, OUT], []),
        (["-A FORWARD -j DOCKER-USER", IN, OUT], []),
        (["-A FORWARD -i br0 -j ACCEPT"], [("-i", None, False), ("-o", None, False)]),
    ],
)
def test_what_is_missing_goes_in_front_of_the_end(lines, expected):
    assert wrong(*lines) == expected


def test_what_is_to_go_goes_wherever_it_stands():
    assert wrong(REJECT, IN, state="absent") == [("-i", None, False)]
    assert wrong(REJECT, state="absent") == []
