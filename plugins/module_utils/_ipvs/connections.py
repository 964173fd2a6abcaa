# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IPVS's connections, which the kernel tells in a file only.

Source: ip_vs_conn_seq_show() in net/netfilter/ipvs/ip_vs_conn.c.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Collection, Iterable, Iterator, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import ServerKey, ServiceKey
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import MalformedReply
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import inside

FILE = "/proc/thread-self/net/ip_vs_conn"


def connections(netns: str | None = None, needles: Sequence[bytes] | None = None) -> list[dict[str, Any]]:
    """The connections of a namespace, persistence templates among them, each once; none where the kernel has no IPVS.

    The kernel writes the file while connections come and go, so it may write one twice (Linux 6.1). From Linux 7.1 on
    one may also be missing while its table grows or shrinks, of which
    :attr:`connection_table_size <Ipvs.about>` tells.

    Args:
        netns: The namespace.
        needles: Only lines that hold one of these are read; see :func:`needles_of`.
    """
    try:
        with inside(netns), open(FILE, "rb") as lines:
            next(lines, None)  # the header
            wanted = lines if needles is None else _holding(lines, needles)
            found = {_key(each): each for each in parse(line.decode("ascii", "replace") for line in wanted)}
    except FileNotFoundError:
        return []
    return [found[key] for key in sorted(found)]


def _holding(lines: Iterable[bytes], needles: Sequence[bytes]) -> Iterator[bytes]:
    if len(needles) == 1:
        (needle,) = needles
        return (line for line in lines if needle in line)
    return (line for line in lines if any(needle in line for needle in needles))


def _key(connection: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells a connection from others."""
    ends = ("virtual", "client", "real")
    return (connection["protocol"], *(connection[end + part] for end in ends for part in ("_address", "_port")))


def unbound(key: ServiceKey, servers: Collection[ServerKey], netns: str | None) -> int:
    """How many live connections of a virtual service go to some real servers, whether they count for these or not.

    Those that a backup daemon took in before the service was made never do. A firewall mark is none that the file
    tells, so for one all connections to the real servers count.
    """
    needles = None if key.address is None else needles_of([dict(address=values.network("address", str(key.address)))])
    ends = {(str(server.address), server.port) for server in servers}
    return sum(
        (each["real_address"], each["real_port"]) in ends
        and each["state"] in ("ESTABLISHED", "UDP")
        and (key.address is None or each["virtual_port"] == key.port)
        for each in connections(netns, needles)
    )


def needles_of(patterns: Sequence[Mapping[str, Any]] | None) -> list[bytes] | None:
    """Of which texts a line of ``/proc/net/ip_vs_conn`` must hold one if a pattern fits its connection.

    None where a pattern fits connections that have nothing in common. A line with a needle is yet to be looked at.

    Args:
        patterns: Those of :class:`Filter`: a network ``address`` and a ``port``, among others.
    """
    if patterns is None:
        return None
    found = []
    for pattern in patterns:
        if pattern.get("address"):
            found.append(_address_needle(pattern["address"]))
        elif pattern.get("port"):
            found.append(b" %04X " % pattern["port"])
        else:
            return None
    return found


def _address_needle(network: values.Network) -> bytes:
    """What all addresses of a network begin with, as the file has them, behind a blank; a host is told as a whole."""
    first = network.network_address
    if first.version == 4:
        written, digits = "%08X" % int(first), network.prefixlen // 4
    else:
        whole = network.prefixlen // 4
        written, digits = first.exploded, whole + max(0, whole - 1) // 4  # with a colon behind each four
    end = " " if network.prefixlen == network.max_prefixlen else ""
    return (" " + written[:digits] + end).encode()


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
