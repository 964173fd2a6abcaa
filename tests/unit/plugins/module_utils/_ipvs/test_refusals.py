# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's refusals in words."""

from __future__ import annotations

import errno

import pytest
from ipvs_things import DUSTIN, VIP

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import KernelRefused
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.refusals import (
    Disturbed,
    explained,
    explained_request,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import (
    Operation,
    RealServers,
    Service,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import BatchRefused


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.EPERM, "CAP_NET_ADMIN of the first user namespace"),
        (errno.EAFNOSUPPORT, "this kernel has no IPv6, or it is switched off"),
    ],
)
def test_refusals_of_any_request_are_explained(code, told):
    refused = BatchRefused(code, "the kernel's word", 0, b"")
    for words in map(
        str,
        (
            explained_request(refused),
            explained(refused, Operation("add", Service(VIP)), "add it"),
            explained(refused, Operation("add", Service(VIP), RealServers.of([DUSTIN])), "add it"),
        ),
    ):
        assert told in words
        assert "the kernel's word" in words


def test_a_table_that_changed_meanwhile_is_told_from_what_the_kernel_lacks():
    def refusal(code, *servers):
        operation = Operation("add", Service(VIP), RealServers.of(servers) if servers else None)
        return type(explained(BatchRefused(code, "", 0, b""), operation, ""))

    assert refusal(errno.EEXIST) is refusal(errno.ESRCH, DUSTIN) is refusal(errno.ENOENT, DUSTIN) is Disturbed
    assert refusal(errno.ENOENT) is refusal(errno.EINVAL, DUSTIN) is KernelRefused


def test_a_module_that_the_kernel_lacks_is_named():
    """The kernel answers ENOENT both where it has no such scheduler and where it has no such persistence engine."""
    refused = BatchRefused(errno.ENOENT, "No such file or directory (ENOENT)", 0, b"")
    plain = explained(refused, Operation("add", Service(VIP, "fo")), "add it")
    persistent = explained(refused, Operation("add", Service(VIP, "fo", persistence_engine="sip")), "add it")
    assert "no scheduler 'fo' in this kernel: run 'modprobe ip_vs_fo' [" in str(plain)
    assert (
        "no scheduler 'fo', or no persistence engine 'sip', in this kernel:"
        " run 'modprobe ip_vs_fo' and 'modprobe ip_vs_pe_sip' [" in str(persistent)
    )
