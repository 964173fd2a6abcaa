# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The quick ways beside the plain ones, for tables of ten thousand real servers.

All have one contract: each gives what the plain way gives, or None where it cannot, and then the plain way is gone. A
property test holds each to it (tests/unit/plugins/module_utils/_ipvs/test_columns.py).
"""

from __future__ import annotations

from operator import add
from typing import NamedTuple

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
