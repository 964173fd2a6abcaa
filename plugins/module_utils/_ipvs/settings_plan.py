# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task wants of timeouts and synchronization daemons, and the plan from what there is to that.

Names are ipvsadm(8)'s; bounds are those of ip_vs_ctl.c and ip_vs_sync.c.
"""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan, differing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.settings import (
    DAEMON_TERMS,
    MAX_MAXLEN,
    ROLES,
    Settings,
    SettingsOperation,
    SyncDaemon,
    Timeouts,
)

#: ip_vs_set_timeout() refuses what is above INT_MAX / HZ. A kernel has an HZ of 100 to 1000 and does not tell which.
MAX_TIMEOUT = (2**31 - 1) // 100
_DAEMON_NUMBERS = {
    "sync_id": (0, 255, "an identifier of synchronization"),
    "sync_maxlen": (1, MAX_MAXLEN, "a length of messages (bytes)"),
    "mcast_port": (1, 65535, "a UDP port"),
    "mcast_ttl": (1, 255, "a time to live (hops)"),
}
_DAEMON_SPEC: dict[str, Any] = dict(
    type="dict",
    options=dict(
        state=dict(type="str", choices=["present", "absent"], default="present"),
        interface=dict(type="str"),
        mcast_group=dict(type="str"),
        **{name: dict(type="int") for name in _DAEMON_NUMBERS},
    ),
)
#: The options of the module that sets all this.
OPTIONS: dict[str, Any] = {
    **{name: dict(type="int") for name in Timeouts._fields},
    **dict.fromkeys(ROLES, _DAEMON_SPEC),
}


def wished_timeouts(options: Mapping[str, Any]) -> dict[str, int]:
    """The timeouts that a task sets, checked."""
    given = {name: options[name] for name in Timeouts._fields if options[name] is not None}
    for name, value in given.items():
        values.number(name, value, 1, MAX_TIMEOUT, "a timeout (seconds)")
    return given


def wished_daemon(role: str, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields of :class:`SyncDaemon` that a task sets, checked, or None for a daemon that shall not run."""
    given = {name: options[name] for name in DAEMON_TERMS if options[name] is not None}
    prefix = role + "."
    if options["state"] == "absent":
        for name, value in given.items():
            raise InvalidOption(prefix + name, value, "it goes with 'state: present' only")
        return None
    if "interface" in given:
        values.device_name(prefix + "interface", given["interface"])
    for name, (low, high, meaning) in _DAEMON_NUMBERS.items():
        if name in given:
            values.number(prefix + name, given[name], low, high, meaning)
    if "mcast_group" in given:
        group = values.address(prefix + "mcast_group", given["mcast_group"])
        if not group.is_multicast:
            raise InvalidOption(
                prefix + "mcast_group", str(group), "write a multicast address, such as 224.0.0.81 or ff02::81"
            )
        given["mcast_group"] = group
    return given


def plan_settings(
    timeouts: Mapping[str, int], daemons: Mapping[str, Mapping[str, Any] | None], have: Settings
) -> tuple[Plan[SettingsOperation], Settings]:
    """Bring timeouts and daemons into the wished shape.

    The kernel cannot change a daemon that runs, so one that differs is stopped and started anew; meanwhile
    connections are not synchronized.

    Args:
        timeouts: The timeouts that the task sets.
        daemons: By role, the fields that the task sets for a daemon that shall run, or None for one that shall not.
        have: The settings as the kernel has them.

    Raises:
        InvalidOption: a daemon would start without an interface.
    """
    steps: list[SettingsOperation] = []
    wished = have.timeouts._replace(**timeouts)
    if wished != have.timeouts:
        steps.append(SettingsOperation("set", timeouts=wished))
    running = dict(have.daemons)
    for role, fields in daemons.items():
        present = running.get(role)
        if fields is None:
            if present:
                steps.append(SettingsOperation("stop", daemon=running.pop(role)))
            continue
        if not present and "interface" not in fields:
            raise InvalidOption(role + ".interface", None, "name the device through which the daemon shall speak")
        daemon = (present._replace(**fields) if present else SyncDaemon(role, **fields)).as_kept()
        if daemon != present:
            if present:
                steps.append(SettingsOperation("stop", daemon=present))
            steps.append(SettingsOperation("start", daemon=daemon))
            running[role] = daemon
    settings = Settings(wished, running)
    before, after = differing(have.options(), settings.options())
    for role in ROLES:
        if role in after and role in have.daemons and role in running:
            before[role], after[role] = differing(before[role], after[role])
            after[role]["restarted"] = True
    return Plan(tuple(steps), before, after), settings
