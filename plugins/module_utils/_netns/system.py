# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What reading and changing namespaces share: the loopback device, and the system's refusals."""

from __future__ import annotations

import fcntl
import socket
import struct
from contextlib import contextmanager
from typing import Iterator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import KernelRefused, errno_text

#: linux/sockios.h, net/if.h; struct ifreq is a name of 16 bytes and a union of 24.
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1
IFREQ = struct.Struct("16sH22x")


def loopback_flags() -> int:
    """The flags of the device ``lo`` of the namespace in which it is called."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        answer = fcntl.ioctl(sock, SIOCGIFFLAGS, IFREQ.pack(b"lo", 0))
    return int(IFREQ.unpack(answer)[1])


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """Say in an error of the collection what the system has refused."""
    try:
        yield
    except OSError as exc:
        code = exc.errno or 0
        raise KernelRefused(code, "cannot %s: %s (%s)" % (what, exc.strerror or exc, errno_text(code))) from exc
