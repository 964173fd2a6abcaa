# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings for other kernels than a test machine has."""

from __future__ import annotations

from dataclasses import replace

import pytest
from doctor_node import HEALTHY, NO_RULES, found, left_open, switched


@pytest.mark.parametrize(
    ("release", "mode", "ids"),
    [
        ("4.5.7", "1", []),
        ("4.6.0", "1", ["conn_reuse_delay"]),
        ("5.6.19", "1", ["conn_reuse_delay"]),
        ("5.6.19-300.fc32.x86_64", "1", ["conn_reuse_delay"]),
        ("5.6.19", "0", []),
        ("5.9.0", "1", []),
        ("5.10.0-30-amd64", "1", []),
        ("5.10.0-30-amd64", "0", ["conn_reuse_off"]),
        ("5.14.0-427.el9.x86_64", "0", ["conn_reuse_off"]),
        # Series that were mended while they lived.
        ("4.14.193", "1", ["conn_reuse_delay"]),
        ("4.14.194", "1", []),
        ("4.19.139", "1", ["conn_reuse_delay"]),
        ("4.19.140", "1", []),
        ("5.4.58", "1", ["conn_reuse_delay"]),
        ("5.4.59", "1", []),
        ("5.7.15", "1", ["conn_reuse_delay"]),
        ("5.7.16", "1", []),
        ("5.8.1", "1", ["conn_reuse_delay"]),
        ("5.8.2", "1", []),
    ],
)
def test_traps_of_the_kernels_age(release, mode, ids):
    facts = switched(replace(HEALTHY, release=release), net_ipv4_vs_conn_reuse_mode=mode)
    assert found(facts) == ids
    assert left_open(facts) == {}


@pytest.mark.parametrize(
    "release",
    [
        "4.19.0-21-amd64",  # Debian 10
        "5.4.0-150-generic",  # Ubuntu 20.04
        "5.8.0-63-generic",
        "4.9.300",
        "4.18.0-553.el8_10.x86_64",
        "5.3.18-150300.59.164-default",
    ],
)
def test_kernels_that_are_not_what_their_number_says(release):
    facts = replace(HEALTHY, release=release)
    assert found(facts) == []
    assert "its version does not tell" in left_open(facts)["conn_reuse_delay"]


def test_the_delay_needs_conntrack_and_masquerading():
    old = replace(HEALTHY, release="5.4.0", sets=(), rules=NO_RULES)
    assert found(old) == ["conn_reuse_delay"]
    assert found(switched(old, net_ipv4_vs_conntrack="0")) == []
