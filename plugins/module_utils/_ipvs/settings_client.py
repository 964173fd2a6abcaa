# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for a whole IPVS table, read from the kernel and changed there."""

from __future__ import annotations

from typing import Any, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import KernelRefused
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.codec import ATTR_DAEMON, inner
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.settings import (
    Settings,
    SettingsOperation,
    SyncDaemon,
    daemons_together,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.settings_codec import (
    decode_daemon,
    decode_info,
    decode_timeouts,
    encode_daemon,
    encode_timeouts,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import BatchRefused

# linux/ip_vs.h
CMD_NEW_DAEMON, CMD_DEL_DAEMON, CMD_GET_DAEMON = 9, 10, 11
CMD_SET_CONFIG, CMD_GET_CONFIG, CMD_GET_INFO = 12, 13, 15


def about(ipvs: Ipvs) -> dict[str, Any]:
    """The version of IPVS, and how many buckets the kernel has for its connections."""
    return decode_info(ipvs.ask(CMD_GET_INFO))


def settings(ipvs: Ipvs) -> Settings:
    """The timeouts of connections, and the synchronization daemons that run."""
    timeouts = decode_timeouts(ipvs.ask(CMD_GET_CONFIG))
    return Settings(timeouts, {daemon.role: daemon for daemon in daemons(ipvs)})


def daemons(ipvs: Ipvs) -> list[SyncDaemon]:
    """The synchronization daemons that run."""
    return [decode_daemon(inner(reply, ATTR_DAEMON)) for reply in ipvs.listed(CMD_GET_DAEMON)]


def apply_settings(ipvs: Ipvs, operations: Sequence[SettingsOperation]) -> None:
    """Carry out operations on timeouts and daemons in their order; behind one that is refused nothing more is done.

    A daemon's stop and start go in one datagram, so that a run that is killed between them is none that stops it. A
    daemon that gave way to one that is refused runs again afterwards.

    Raises:
        KernelRefused: the kernel refused one; the text names it, the reason and the remedy.
    """
    for step in daemons_together(operations):
        try:
            ipvs.send(map(_request, step))
        except BatchRefused as exc:
            from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.refusals import (
                SETTINGS_MEANINGS,
                TIMEOUT_MEANINGS,
                reason,
            )

            operation = step[exc.index]
            words = reason(exc, SETTINGS_MEANINGS if operation.daemon else TIMEOUT_MEANINGS)
            if exc.index and step[0].daemon:
                words += _started_again(ipvs, step[0].daemon)
            raise KernelRefused(exc.errno, "the kernel refused to %s: %s" % (operation, words)) from exc


def _started_again(ipvs: Ipvs, stopped: SyncDaemon) -> str:
    """Have a daemon back that was stopped, and say so."""
    try:
        ipvs.send([_request(SettingsOperation("start", daemon=stopped))])
    except BatchRefused as exc:
        return "; the daemon that ran before could not be started again: %s" % exc
    return "; the daemon that ran before runs again"


def _request(operation: SettingsOperation) -> tuple[int, bytes]:
    """The command of an operation, and its body."""
    if operation.daemon is not None:
        return (CMD_NEW_DAEMON if operation.verb == "start" else CMD_DEL_DAEMON), encode_daemon(operation.daemon)
    return CMD_SET_CONFIG, encode_timeouts(operation.timeouts or ())
