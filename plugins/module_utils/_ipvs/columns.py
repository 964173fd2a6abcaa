# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The quick ways beside the plain ones, for tables of ten thousand real servers.

All have one contract: each gives what the plain way gives, or None where it cannot, and then the plain way is gone. A
property test holds each to it (tests/unit/plugins/module_utils/_ipvs/test_columns.py).
"""

from __future__ import annotations

import re
import socket
from operator import add
from typing import Any, Iterator, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.codec import (
    ATTRIBUTE_BYTES,
    GENL_BYTES,
    KernelServers,
    behind_address,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServers
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.wishes import RealServerWishes

#: Where a reply to GET_DEST holds what :func:`behind_address` writes (ip_vs_genl_fill_dest()): the address and all up
#: to the three numbers of connections, and the family behind them. In another order nothing is found to be alike.
_BEFORE_CONNECTIONS = slice(GENL_BYTES + 2 * ATTRIBUTE_BYTES, GENL_BYTES + 2 * ATTRIBUTE_BYTES + 80)
_BEHIND_CONNECTIONS = slice(_BEFORE_CONNECTIONS.stop + 24, _BEFORE_CONNECTIONS.stop + 32)


class Unsettled(NamedTuple):
    """What is left to be planned for: wishes, and the real servers that they may be about."""

    wishes: RealServerWishes
    servers: RealServers


def unsettled(wishes: RealServerWishes, have: KernelServers, purge: bool) -> Unsettled | None:
    """Wishes and real servers without those that are alike, byte for byte; None where that leaves nothing out.

    A real server that equals the wish for a new one is what the wish makes of it, too. So the plan for what is left is
    the plan for all, and of the kernel's replies only those that differ must be read.

    Args:
        wishes: The real servers that the task lists of a virtual service.
        have: Those that the kernel has.
        purge: Whether real servers that are not listed go; those that stay are left out as well.
    """
    wished, found = _wished(wishes), _found(have)
    alike = set(wished).intersection(found)
    if not alike:
        return None
    left = wishes.only([place for place, each in enumerate(wished) if each not in alike])
    if not left and not purge:
        return Unsettled(left, RealServers())
    # Something else writes the table all the time where one that is alike comes a second time.
    done = set(wishes.keys()).difference(left.keys())
    others = have.only([place for place, each in enumerate(found) if each not in alike])
    return Unsettled(left, RealServers.of(server for server in others if server.key not in done))


def _wished(wishes: RealServerWishes) -> list[bytes]:
    """What the kernel would write of each wish, if it is for a new real server."""
    kinds = list(zip(map(len, wishes.packed), wishes.others))
    behind = {(size, each): behind_address(size, each.port or 0, each.terms.anew()) for size, each in set(kinds)}
    return list(map(add, wishes.packed, map(behind.__getitem__, kinds)))


def _found(have: KernelServers) -> list[bytes]:
    """What the kernel has written of each real server, without its connections."""
    return [reply[_BEFORE_CONNECTIONS] + reply[_BEHIND_CONNECTIONS] for reply in have.replies]


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


class Block(NamedTuple):
    """Lines of a saved table: one that adds a virtual service (or none), and those behind it that add real servers.

    A line of a real server is ``-a SERVICE -r ADDRESS:REST``, an IPv6 address in brackets.
    """

    service: str
    #: What the line that adds the service says behind its name; None where there is no such line.
    terms: Optional[str]
    #: The addresses as :mod:`socket` reads and writes them.
    addresses: Sequence[str]
    rests: Sequence[str]


def blocks(text: str) -> Iterator[Tuple[str, Optional[Block]]]:
    """A text of ipvsadm's in parts, each with what it is as a block; None where it must be read line by line."""
    for found in _LINES.finditer(text):
        yield found[0], _block(found["added"], found["terms"], found["of"], found["servers"] or found["more"] or "")


def _block(added: str | None, terms: str | None, of: str | None, written: str) -> Block | None:
    service = added or of
    if service is None:
        return None
    servers = _SERVER.findall(written)
    addresses, rests = zip(*servers) if servers else ((), ())
    try:
        for address in addresses:
            socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    except OSError:
        return None
    return Block(service, terms, addresses, rests)


_USUAL_SERVICE = r"-[tuf] \S+|--sctp-service \S+|-f -?\d+ -6"
_USUAL_SERVERS = r"(?:-a (?P=%s) -r (?:[0-9.]+|\[[0-9a-f:.]+\]):[0-9]+ (?!.* -(?:6|-ipv6)).*(?:\n|\Z))"
#: Lines as ipvsadm itself writes them: one that adds a service (which, the rest) and those behind it that add its real
#: servers, or only such (of which, they themselves). Any other line stands alone, such as one that ends with a family.
_LINES = re.compile(
    r"^(?:-A (?P<added>%s) (?P<terms>-s (?!.* -(?:6|-ipv6)).*)(?:\n|\Z)(?P<servers>%s*)"
    r"|(?=-a (?P<of>%s) -r )(?P<more>%s+)|.*(?:\n|\Z))"
    % (_USUAL_SERVICE, _USUAL_SERVERS % "added", _USUAL_SERVICE, _USUAL_SERVERS % "of"),
    re.MULTILINE,
)
#: What such a line says of its real server: its address, and the rest behind a colon.
_SERVER = re.compile(r" -r \[?([0-9.]+|(?<=\[)[0-9a-f:.]+)\]?:([0-9]+ .*)")
