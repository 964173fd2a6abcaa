# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kernel that has not loaded IPVS yet, as after every start, and then may not. The first test of a fresh node."""

from __future__ import annotations

import pytest
from node import Failed

SERVICE = dict(address="10.100.100.100", port=8080)
#: For modprobe(8): it fails instead of loading the module.
FORBIDDEN = "/run/modprobe.d/balancer.conf"


def test_kernel_without_ipvs(node):
    with pytest.raises(Failed):
        node.command("test", "-e", "/sys/module/ip_vs")
    node.command("mkdir", "-p", "/run/modprobe.d")
    node.command("tee", FORBIDDEN, stdin="install ip_vs /bin/false\n")

    try:
        with pytest.raises(Failed) as refused:
            node.module("ipvs_service", scheduler="rr", **SERVICE)
        predicted = node.module("ipvs_service", check=True, scheduler="rr", **SERVICE)
        absent = node.module("ipvs_service", state="absent", **SERVICE)
        read = node.module("ipvs_info")
    finally:
        node.command("rm", FORBIDDEN)
    loaded = node.module("ipvs_service", scheduler="rr", **SERVICE)
    listed = node.command("ipvsadm", "-Sn")
    node.module("ipvs_service", state="absent", **SERVICE)

    assert "this kernel has no IPVS, or cannot load it: 'modprobe ip_vs' says why" in str(refused.value)
    # Check mode takes it that an earlier task would have loaded it.
    assert predicted["changed"]
    assert predicted["service"]["scheduler"] == "rr"
    assert [text for text in predicted["warnings"] if "no IPVS" in text]
    assert not absent["changed"]
    assert (read["available"], read["services"]) == (False, [])
    # Nobody has to load it beforehand.
    assert loaded["changed"]
    assert listed == "-A -t 10.100.100.100:8080 -s rr\n"
