# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kernel that has not loaded IPVS or sets yet, as after every start, and then may not. The first of a fresh node."""

from __future__ import annotations

import re
from contextlib import ExitStack

import pytest
from node import Failed

SERVICE = dict(address="10.100.100.100", port=8080)


#: Opens a socket of nfnetlink. A kernel that has it built in need not show it among its modules.
NFNETLINK = "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)"


def has_nfnetlink(node):
    try:
        node.python(NFNETLINK)
    except Failed:
        return False
    return True


# nfnetlink carries what is said about sets, so a kernel may lack that as well.
@pytest.mark.parametrize(
    ("modules", "words"),
    [
        (["nfnetlink"], "this kernel has no nfnetlink, or cannot load it: 'modprobe nfnetlink' says why"),
        (["ip_set"], "this kernel has no sets, or cannot load them: 'modprobe ip_set' says why"),
    ],
)
def test_kernel_without_sets(node, modules, words):
    kind = dict(name="LOOP", type="hash:ip")
    with ExitStack() as meanwhile:
        try:
            meanwhile.enter_context(node.without(*modules))
        except Failed as exc:
            pytest.skip(f"what else runs on the node uses it: {exc}")
        if modules == ["nfnetlink"] and has_nfnetlink(node):
            pytest.skip("this kernel has nfnetlink built in")
        with pytest.raises(Failed, match=words):
            node.module("ipset", **kind)
        predicted = node.module("ipset", check=True, **kind)
        absent = node.module("ipset", name="LOOP", state="absent")
        no_rule = node.module("masquerade", match_set=dict(name="LOOP", directions=["src"]), state="absent")

    assert predicted["changed"]
    assert predicted["set"]["name"] == "LOOP"
    assert [text for text in predicted["warnings"] if re.search(words, text)]
    assert not absent["changed"]
    assert not no_rule["changed"]


def test_kernel_without_ipvs(node):
    with node.without("ip_vs"):
        with pytest.raises(Failed) as refused:
            node.module("ipvs_service", scheduler="rr", **SERVICE)
        predicted = node.module("ipvs_service", check=True, scheduler="rr", **SERVICE)
        absent = node.module("ipvs_service", state="absent", **SERVICE)
        read = node.module("ipvs_info")
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
