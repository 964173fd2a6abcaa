# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for a whole IPVS table, as netlink attributes and as values: its timeouts, its daemons, its version.

Sources: linux/ip_vs.h, net/netfilter/ipvs/ip_vs_ctl.c.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Iterable

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.codec import ATTR_DAEMON, GENL_BYTES, u8, u16, u32
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.settings import SyncDaemon, Timeouts
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    MalformedReply,
    attribute,
    attribute_map,
    integer,
    nested,
    text,
    text_of,
)

ATTR_TIMEOUT_TCP, ATTR_TIMEOUT_TCP_FIN, ATTR_TIMEOUT_UDP = 4, 5, 6
INFO_VERSION, INFO_CONN_TAB_SIZE = 1, 2
DAEMON_STATE, DAEMON_MCAST_IFN, DAEMON_SYNC_ID, DAEMON_SYNC_MAXLEN = 1, 2, 3, 4
DAEMON_MCAST_GROUP, DAEMON_MCAST_GROUP6, DAEMON_MCAST_PORT, DAEMON_MCAST_TTL = 5, 6, 7, 8
#: IP_VS_STATE_MASTER, IP_VS_STATE_BACKUP
DAEMON_STATES = {"master": 1, "backup": 2}
_DAEMON_STATE_NAMES = {number: name for name, number in DAEMON_STATES.items()}


def decode_info(reply: bytes) -> dict[str, Any]:
    """The version of IPVS and the number of buckets for its connections, from a reply to GET_INFO."""
    found = attribute_map(reply[GENL_BYTES:])
    try:
        version = integer(found[INFO_VERSION])
        return dict(
            version="%d.%d.%d" % (version >> 16, version >> 8 & 0xFF, version & 0xFF),
            connection_table_size=integer(found[INFO_CONN_TAB_SIZE]),
        )
    except KeyError as exc:
        raise MalformedReply("what IPVS says of itself without attribute %s" % exc) from exc


def encode_timeouts(timeouts: Iterable[int]) -> bytes:
    """The three timeouts, as SET_CONFIG wants them; one that is 0 stays as it is."""
    kinds = (ATTR_TIMEOUT_TCP, ATTR_TIMEOUT_TCP_FIN, ATTR_TIMEOUT_UDP)
    return b"".join(u32(kind, value) for kind, value in zip(kinds, timeouts))


def decode_timeouts(reply: bytes) -> Timeouts:
    """The timeouts from a reply to GET_CONFIG."""
    found = attribute_map(reply[GENL_BYTES:])
    try:
        return Timeouts(*(integer(found[kind]) for kind in (ATTR_TIMEOUT_TCP, ATTR_TIMEOUT_TCP_FIN, ATTR_TIMEOUT_UDP)))
    except KeyError as exc:
        raise MalformedReply("timeouts without attribute %s" % exc) from exc


def encode_daemon(daemon: SyncDaemon) -> bytes:
    """A synchronization daemon, as NEW_DAEMON and DEL_DAEMON want it; what is unset becomes the kernel's choice."""
    group = daemon.mcast_group
    return nested(
        ATTR_DAEMON,
        u32(DAEMON_STATE, DAEMON_STATES[daemon.role]),
        text(DAEMON_MCAST_IFN, daemon.interface),
        u32(DAEMON_SYNC_ID, daemon.sync_id),
        *([u16(DAEMON_SYNC_MAXLEN, daemon.sync_maxlen)] if daemon.sync_maxlen else []),
        *([attribute(DAEMON_MCAST_GROUP, group.packed)] if group and group.version == 4 else []),
        *([attribute(DAEMON_MCAST_GROUP6, group.packed)] if group and group.version == 6 else []),
        *([u16(DAEMON_MCAST_PORT, daemon.mcast_port)] if daemon.mcast_port else []),
        *([u8(DAEMON_MCAST_TTL, daemon.mcast_ttl)] if daemon.mcast_ttl else []),
    )


def decode_daemon(data: bytes) -> SyncDaemon:
    """A synchronization daemon from the attributes of a GET_DAEMON reply."""
    found = attribute_map(data)
    try:
        group = found.get(DAEMON_MCAST_GROUP6) or found.get(DAEMON_MCAST_GROUP)
        return SyncDaemon(
            _DAEMON_STATE_NAMES[integer(found[DAEMON_STATE])],
            text_of(found[DAEMON_MCAST_IFN]),
            integer(found[DAEMON_SYNC_ID]),
            sync_maxlen=integer(found.get(DAEMON_SYNC_MAXLEN, b"\0\0")),
            mcast_group=ipaddress.ip_address(group) if group else None,
            mcast_port=integer(found.get(DAEMON_MCAST_PORT, b"\0\0")),
            mcast_ttl=integer(found.get(DAEMON_MCAST_TTL, b"\0")),
        )
    except (KeyError, ValueError) as exc:
        raise MalformedReply("a synchronization daemon that cannot be read: %s" % exc) from exc
