# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What older kernels do not know: they take a request for it without a word, and leave it out.

Attributes that a kernel does not know are skipped (nla_parse_nested()), so a real server with a tunnel of type
gue would be one of type ipip there. What a kernel refuses by itself is not listed, such as a scheduler.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
import struct
from typing import Iterable, NamedTuple, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import MissingRequirement
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import (
    Operation,
    RealServer,
    RealServers,
    ServerTerms,
    Service,
    ServiceKey,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import fresh

#: linux/sockios.h, linux/if.h
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1


class Feature(NamedTuple):
    """A value of a real server's option, and the first kernel of Linux that knows it."""

    option: str
    value: str
    since: Tuple[int, int]

    def __str__(self) -> str:
        return "%s '%s'" % (self.option, self.value)


#: include/uapi/linux/ip_vs.h: IP_VS_CONN_F_TUNNEL_TYPE_GUE, _GRE and IP_VS_TUNNEL_ENCAP_FLAG_CSUM.
FEATURES = (
    Feature("tunnel_type", "gue", (5, 2)),
    Feature("tunnel_type", "gre", (5, 3)),
    Feature("tunnel_checksum", "full", (5, 3)),
    Feature("tunnel_checksum", "remote", (5, 3)),
)


def release() -> Tuple[int, int]:
    """The version of the kernel that runs; a distribution may have added features of later ones."""
    found = re.match(r"([0-9]+)\.([0-9]+)", os.uname().release)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def later_ones(operations: Iterable[Operation], running: Tuple[int, int]) -> dict[Feature, ServerTerms]:
    """The features that steps use and that came after a kernel's version, each with terms that have it."""
    newer = [feature for feature in FEATURES if feature.since > running]
    found: dict[Feature, ServerTerms] = {}
    for operation in operations if newer else ():
        if operation.verb != "delete" and operation.servers:
            for _port, terms in set(operation.servers.others):
                for feature in newer:
                    if getattr(terms, feature.option) == feature.value:
                        found.setdefault(feature, terms)
    return found


def refuse_unknown(operations: Iterable[Operation], running: Tuple[int, int] | None = None) -> None:
    """Refuse what the kernel would leave out; one that may not know it is tried in a namespace that ends with the try.

    Raises:
        MissingRequirement: it does not know a feature that the steps use.
    """
    for feature, terms in later_ones(operations, running or release()).items():
        if not kept(terms, feature):
            raise MissingRequirement(
                "this kernel (%s) does not know %s of a real server, and would leave it out without a word: it takes"
                " Linux %d.%d or later" % (os.uname().release, feature, *feature.since)
            )


def kept(terms: ServerTerms, feature: Feature) -> bool:
    """Whether the kernel has a feature of a real server afterwards."""
    service = Service(ServiceKey("inet", fwmark=1), "rr")
    server = RealServer.of(bytes([127, 0, 0, 1]), 0)._replace(terms=terms)
    with fresh():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))
        with Ipvs() as ipvs:
            ipvs.apply([Operation("add", service), Operation("add", service, RealServers.of([server]))])
            (found,) = ipvs.real_servers(service.key)
    return bool(getattr(found.terms, feature.option) == feature.value)
