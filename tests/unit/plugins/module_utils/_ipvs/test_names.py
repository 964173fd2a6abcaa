# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of virtual services in texts."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.names import ServiceNames

NAMES = ServiceNames(
    {
        "10.96.0.10,tcp:80": "default/web:http",
        "10.96.0.10,tcp:8": "default/web:8",
        "10.96.0.11,tcp:53": "kube-system/dns:dns-tcp",
        "10.96.0.11,udp:53": "kube-system/dns:dns",
        "fd00::A,tcp:80": "default/web:http",
    }
)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("virtual service tcp 10.96.0.10:80 is empty", "virtual service tcp 10.96.0.10:80 (default/web:http) is empty"),
        ("10.96.0.10:80 answered 10.0.0.1:80.", "10.96.0.10:80 (default/web:http) answered 10.0.0.1:80."),
        ("10.96.0.10:8, 10.96.0.10:800", "10.96.0.10:8 (default/web:8), 10.96.0.10:800"),
        ("110.96.0.10:80 and 10.96.0.1:80", "110.96.0.10:80 and 10.96.0.1:80"),
        ("udp 10.96.0.11:53", "udp 10.96.0.11:53 (kube-system/dns:dns)"),
        ("udp 10.96.0.10:80", "udp 10.96.0.10:80"),
        ("10.96.0.11:53", "10.96.0.11:53 (kube-system/dns:dns-tcp and kube-system/dns:dns)"),
        ("tcp [fd00::a]:80", "tcp [fd00::a]:80 (default/web:http)"),
    ],
)
def test_a_name_stands_behind_what_it_is_of(text, spoken):
    assert NAMES.spoken(text) == spoken


def test_without_names_a_text_is_as_it_is():
    assert ServiceNames({}).spoken("tcp 10.96.0.10:80") == "tcp 10.96.0.10:80"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"10.96.0.10:80": "x"}, "service_names: '10.96.0.10:80' is not valid: write ADDRESS,PROTOCOL:PORT"),
        ({"10.96.0.10,tcp:80": ""}, "service_names.10.96.0.10,tcp:80.: '' is not valid: write a name"),
        ({"10.96.0.10,tcp:80": 1}, "write a name, such as default/web:http"),
        ({"10.96.0.10,tcp:80": "a\nb"}, "write a name"),
    ],
)
def test_what_is_no_name(given, message):
    with pytest.raises(InvalidOption, match=message):
        ServiceNames(given)
