# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings that fit the age of the kernel, or do not."""

from __future__ import annotations

import re
from typing import Iterator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor import remedies
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.checks.common import SYSCTL, masqueraded
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import NOTICE, WARNING, check
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import (
    Finding,
    LeftOpen,
    NodeFacts,
    NotApplicable,
)

#: Linux 4.6 began to drop the first packet ("ipvs: drop first packet to redirect conntrack"), 5.9 mended it ("ipvs:
#: allow connection reuse for unconfirmed conntrack"), and so did these releases of older series.
_DELAYS, _MENDED = (4, 6), (5, 9)
_MENDED_RELEASES = {(4, 14): 194, (4, 19): 140, (5, 4): 59, (5, 7): 16, (5, 8): 2}
#: A series that lived on when that was mended, of which nobody here knows whether it was there.
_UNTOLD = ((4, 9),)
#: Whose kernels keep their number and get what newer ones have: Red Hat, SUSE.
_VENDORS = (".el", "-default")


def _version(release: str) -> tuple[tuple[int, int], int, str]:
    """A kernel's series, the release in it, and what its maker has added to that."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?(.*)", release)
    if found is None:
        raise NotApplicable("the version of kernel %s does not tell" % release)
    return (int(found.group(1)), int(found.group(2))), int(found.group(3) or 0), found.group(4)


@check(
    WARNING,
    what="This kernel makes clients wait a second when they use a port again.",
    where="Linux 4.6 to 5.8 before the fix (5.8.2, 5.7.16, 5.4.59, 4.19.140, 4.14.194), where the release shows which"
    " it is (4.19.0-21-amd64 does not); masquerading TCP services",
    source=SYSCTL + ": conn_reuse_mode; Linux 5.9: ipvs: allow connection reuse for unconfirmed conntrack",
)
def conn_reuse_delay(facts: NodeFacts) -> Iterator[Finding]:
    series, number, suffix = _version(facts.release)
    if not _DELAYS <= series < _MENDED or number >= _MENDED_RELEASES.get(series, number + 1):
        raise NotApplicable("kernel %s is not of those that delay (4.6 to 5.8, not mended)" % facts.release)
    servers = [server for row, server in masqueraded(facts) if row.key.protocol in ("tcp", None)]
    if servers and facts.switch("net/ipv4/vs/conn_reuse_mode") and facts.switch("net/ipv4/vs/conntrack"):
        # Debian and Ubuntu count their own builds behind a number that stays 0.
        if series in _UNTOLD or (suffix and not number) or any(each in suffix for each in _VENDORS):
            raise LeftOpen("kernel %s may have been mended: its version does not tell" % facts.release)
        yield Finding(
            "net.ipv4.vs.conn_reuse_mode",
            "kernel %s, net.ipv4.vs.conn_reuse_mode is %s and net.ipv4.vs.conntrack is 1"
            % (facts.release, facts.switch("net/ipv4/vs/conn_reuse_mode")),
            "A client that uses a port again, as busy clients do, waits a second for each such connection: this"
            " kernel drops its first packet.",
            "Run %s; until then leave connections on a port that is used again where they were."
            % (
                "Linux %d.%d.%d or later" % (*series, _MENDED_RELEASES[series])
                if series in _MENDED_RELEASES
                else "Linux 5.9 or later"
            ),
            remedies.switch(facts, "net.ipv4.vs.conn_reuse_mode", 0),
        )


@check(
    NOTICE,
    what="A setting for kernels before 5.9 was left behind.",
    where="Linux 5.9 or later; TCP services",
    source=SYSCTL + ": conn_reuse_mode",
)
def conn_reuse_off(facts: NodeFacts) -> Iterator[Finding]:
    if _version(facts.release)[0] < _MENDED:
        raise NotApplicable("kernel %s may be better off without conn_reuse_mode" % facts.release)
    if not any(row.key.protocol == "tcp" or row.key.fwmark for row in facts.table):
        raise NotApplicable("no TCP service")
    if facts.switch("net/ipv4/vs/conn_reuse_mode") == 0:
        yield Finding(
            "net.ipv4.vs.conn_reuse_mode",
            "net.ipv4.vs.conn_reuse_mode is 0, which kernels before 5.9 needed, and this is %s" % facts.release,
            "A client that uses a port again goes to the real server it had before, even if that has weight 0: busy"
            " clients keep a real server busy that is being drained, and do not find new ones.",
            "Let IPVS schedule such connections anew.",
            remedies.switch(facts, "net.ipv4.vs.conn_reuse_mode", 1),
        )
