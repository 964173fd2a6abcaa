# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of namespaces as values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import netns_name, unique
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.values import WantedNetns

if TYPE_CHECKING:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.sysctls import Sysctl

#: The options of namespaces, but for ``state``.
NAMESPACE: dict[str, Any] = dict(
    name=dict(type="list", elements="str", required=True),
    dns=dict(
        type="dict",
        options=dict(
            nameservers=dict(type="list", elements="str"),
            search=dict(type="list", elements="str"),
            options=dict(type="list", elements="str"),
        ),
    ),
    sysctl=dict(type="dict"),
)


def wanted_netns(params: Mapping[str, Any]) -> tuple[WantedNetns, ...]:
    """The module's parameters as a value for each namespace; with ``state=absent`` only their names matter."""
    names = [netns_name("name", name) for name in params["name"]]
    unique("name", names, "a namespace")
    if params["state"] == "absent":
        return tuple(map(WantedNetns, names))
    sysctls = _sysctls(params["sysctl"]) if params["sysctl"] else ()
    text = None
    if params["dns"] is not None:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.resolver import resolv_conf

        text = resolv_conf(params["dns"])
    return tuple(WantedNetns(name, text, sysctls) for name in names)


def _sysctls(listed: Mapping[Any, Any]) -> tuple[Sysctl, ...]:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.sysctls import wanted_sysctl

    sysctls = tuple(wanted_sysctl(str(key), value) for key, value in listed.items())
    unique("sysctl", (each.path for each in sysctls), "a key")
    return sysctls
