# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter of the role ``http_backends``: what its servers mean, and which of them do not run as they should."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._base.plain import plain
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._node import servers as of_servers


def http_backends_plan(
    servers: Sequence[Mapping[str, Any]],
    group: str,
    looked: Sequence[str] = (),
    folder: str = "",
    python: str = "",
    template: str = "",
    program: str = "",
) -> dict[str, Any]:
    """What web servers mean for systemd, and for the supervisor of hosts without it.

    Args:
        servers: In the options of the role.
        group: Their common name.
        looked: What ``systemctl --version`` and ``systemctl show`` printed, line by line.
        folder: Where their units are.
        python: The Python that serves.
        template: Of a unit.
        program: Of the supervisor.

    Returns:
        The ``problems`` because of which they cannot be meant, in words; the version of ``systemd`` where that runs;
        the servers that are ``wrong``, each with what it is ``made_from``; and the ``supervised`` ones.
    """
    wanted = plain(servers)
    if not isinstance(wanted, list) or not all(isinstance(each, dict) and each.get("name") for each in wanted):
        raise AnsibleFilterError("http_backends_plan: a list of servers is wanted, each a dict with a name")
    units = of_servers.Units(str(group), str(folder), str(python), str(template))
    lines = [str(line).rstrip("\r") for line in plain(looked)]
    return {
        "problems": list(of_servers.problems(wanted, units.group)),
        "systemd": of_servers.systemd_version(lines),
        "wrong": of_servers.wrong(wanted, units, lines),
        "supervised": of_servers.supervised(wanted, str(program)),
    }


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"http_backends_plan": http_backends_plan}
