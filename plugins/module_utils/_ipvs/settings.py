# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for a whole IPVS table: the timeouts of connections, and the daemons that synchronize them.

Names are ipvsadm(8)'s; bounds are those of ip_vs_ctl.c and ip_vs_sync.c.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator, Mapping, NamedTuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values

ROLES = ("master", "backup")
#: start_sync_thread() raises what is less to this.
MIN_BACKUP_MAXLEN = 1024
#: The largest payload of a UDP packet over IPv4, and over IPv6, to which start_sync_thread() lowers what is more.
MAX_MAXLEN = 65535 - 20 - 8
MAX_MAXLEN_IPV6 = 65535 - 40 - 8


class Timeouts(NamedTuple):
    """After how many seconds without a packet a connection is forgotten."""

    tcp_timeout: int
    tcp_fin_timeout: int
    udp_timeout: int


class SyncDaemon(NamedTuple):
    """A synchronization daemon; 0 and None stand for what the kernel chooses."""

    role: str
    interface: str
    sync_id: int = 0
    sync_maxlen: int = 0
    mcast_group: values.Address | None = None
    mcast_port: int = 0
    mcast_ttl: int = 0

    def __str__(self) -> str:
        return "%s synchronization daemon on %s" % (self.role, self.interface)

    def as_kept(self) -> SyncDaemon:
        """The daemon with the length of messages that the kernel makes of the one it is given (start_sync_thread())."""
        if not self.sync_maxlen:
            return self
        least = MIN_BACKUP_MAXLEN if self.role == "backup" else 1
        most = MAX_MAXLEN_IPV6 if self.mcast_group and self.mcast_group.version == 6 else MAX_MAXLEN
        return self._replace(sync_maxlen=min(max(self.sync_maxlen, least), most))

    def options(self) -> dict[str, Any]:
        """The daemon under the names of the module's options."""
        group = str(self.mcast_group) if self.mcast_group else None
        shown = dict(zip(DAEMON_TERMS, self[1:]), mcast_group=group)
        return {name: value for name, value in shown.items() if value or name == "sync_id"}


DAEMON_TERMS = SyncDaemon._fields[1:]


class Settings(NamedTuple):
    """A table's timeouts and its daemons by their roles."""

    timeouts: Timeouts
    daemons: Mapping[str, SyncDaemon]

    def options(self) -> dict[str, Any]:
        """The settings under the names of the module's options, the same when they are fed back."""
        shown: dict[str, Any] = dict(self.timeouts._asdict())
        for role in ROLES:
            daemon = self.daemons.get(role)
            shown[role] = dict(daemon.options(), state="present") if daemon else dict(state="absent")
        return shown


#: What check mode takes for there where the place is missing: what a table begins with (ip_vs_proto_tcp.c,
#: ip_vs_proto_udp.c).
NOTHING = Settings(Timeouts(900, 120, 300), {})


class SettingsOperation(NamedTuple):
    """One step: ``verb`` is set for the timeouts, start or stop for a daemon."""

    verb: str
    timeouts: Timeouts | None = None
    daemon: SyncDaemon | None = None

    def __str__(self) -> str:
        return "%s %s" % (self.verb, self.daemon or "the timeouts of connections")


def daemons_together(operations: Iterable[SettingsOperation]) -> Iterator[list[SettingsOperation]]:
    """Operations one by one, but for the two that give a daemon another shape."""
    step: list[SettingsOperation] = []
    for operation in operations:
        if step and not (operation.daemon and step[-1].daemon and operation.daemon.role == step[-1].daemon.role):
            yield step
            step = []
        step.append(operation)
    if step:
        yield step
