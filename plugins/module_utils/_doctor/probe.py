# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether TCP ports answer: many connections tried at once, and closed again without a byte sent (connect(2))."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from typing import Iterable, Mapping, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import inside

Endpoint = Tuple[Address, int]
#: How many are tried at once: below the 1024 file descriptors that a process usually may have.
AT_ONCE = 256
TIMED_OUT = "timed out"
REFUSED = "refused"
NO_WAY = "no way"
ANSWERED = "answered"

_OUTCOMES = {
    0: ANSWERED,
    errno.ECONNREFUSED: REFUSED,
    errno.ECONNRESET: REFUSED,
    errno.ETIMEDOUT: TIMED_OUT,
    errno.EHOSTUNREACH: NO_WAY,
    errno.ENETUNREACH: NO_WAY,
    errno.EHOSTDOWN: NO_WAY,
}


def probe(netns: str | None, endpoints: Iterable[Endpoint], timeout: float) -> Mapping[Endpoint, tuple[str, str]]:
    """What came of a connection to each endpoint, within ``timeout`` seconds each: the outcome, and the kernel's words.

    What tells nothing of the endpoint, such as a missing right, is left out.
    """
    left = list(endpoints)
    found: dict[Endpoint, tuple[str, str]] = {}
    with inside(netns):
        while left:
            found.update(_together(left[:AT_ONCE], timeout))
            del left[:AT_ONCE]
    return found


def _together(endpoints: list[Endpoint], timeout: float) -> dict[Endpoint, tuple[str, str]]:
    found: dict[Endpoint, tuple[str, str]] = {}
    with selectors.DefaultSelector() as selector:
        for endpoint in endpoints:
            address, port = endpoint
            tried = socket.socket(
                socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM | socket.SOCK_NONBLOCK
            )
            code = tried.connect_ex((str(address), port))
            if code == errno.EINPROGRESS:
                selector.register(tried, selectors.EVENT_WRITE, endpoint)
            else:
                tried.close()
                _note(found, endpoint, code)
        deadline = time.monotonic() + timeout
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            for key, _events in ready:
                _note(found, key.data, key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))  # type: ignore[union-attr]
                selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]
            if not ready:
                for key in list(selector.get_map().values()):
                    found[key.data] = (TIMED_OUT, "no answer in %g s" % timeout)
                    selector.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]
    return found


def _note(found: dict[Endpoint, tuple[str, str]], endpoint: Endpoint, code: int) -> None:
    if code in _OUTCOMES:
        found[endpoint] = (_OUTCOMES[code], os.strerror(code) if code else "connected")
