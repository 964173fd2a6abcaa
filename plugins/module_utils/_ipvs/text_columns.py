# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The quick way beside the plain one for saved tables of ten thousand real servers: lines that are alike, together.

It gives what the plain way gives, or None where a line must be read by itself; a property test holds it to that
(tests/unit/plugins/module_utils/_ipvs/test_columns.py).
"""

from __future__ import annotations

import re
import socket
from typing import Iterator, NamedTuple, Optional, Sequence, Tuple


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
