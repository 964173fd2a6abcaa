# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IPVS's connections, which the kernel tells in a file only.

Source: ip_vs_conn_seq_show() in net/netfilter/ipvs/ip_vs_conn.c.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Iterable

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import MalformedReply
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import inside

FILE = "/proc/thread-self/net/ip_vs_conn"


def connections(netns: str | None = None) -> list[dict[str, Any]]:
    """All connections of a namespace, persistence templates among them; none where the kernel has no IPVS."""
    try:
        with inside(netns), open(FILE, encoding="ascii", errors="replace") as lines:
            next(lines, None)  # the header
            return list(parse(lines))
    except FileNotFoundError:
        return []


def parse(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    """The connections in the lines behind the header.

    Raises:
        MalformedReply: a line cannot be read.
    """
    for line in lines:
        words = line.split()
        try:
            protocol, client, client_port, virtual, virtual_port, real, real_port, state, expires = words[:9]
            yield dict(
                protocol=protocol.lower(),
                client_address=_address(client),
                client_port=int(client_port, 16),
                virtual_address=_address(virtual),
                virtual_port=int(virtual_port, 16),
                real_address=_address(real),
                real_port=int(real_port, 16),
                state=state,
                expires=int(expires),
                persistence_engine=words[9] if len(words) > 9 else None,
            )
        except ValueError as exc:
            raise MalformedReply("a connection that cannot be read: %r" % line) from exc


def _address(written: str) -> str:
    """IPv4 is one hexadecimal number, IPv6 eight with colons and all their zeros."""
    return str(ipaddress.ip_address(written if ":" in written else int(written, 16)))
