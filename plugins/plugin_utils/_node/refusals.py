# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules would refuse, asked on the controller before any task has changed anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import LinuxnetError
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import NETNS, STATE
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.drain_options import DRAIN, drain_timeout
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.options import (
    SERVICE,
    SERVICE_KEY,
    SERVICE_KEY_RULES,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.plan import plan_service
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.wishes import ServiceWish
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link import bridge as bridge_plan
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.bridge_options import (
    BRIDGE,
    BRIDGE_RULES,
    wanted_bridge,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import Snapshot
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.virtual_ip import (
    VIRTUAL_IP,
    VIRTUAL_IP_RULES,
    wanted_virtual_ip,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.options import NAMESPACE, wanted_netns
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._base.plain import plain


def _plan_bridge(params: Mapping[str, Any]) -> None:
    want = wanted_bridge(params)
    nothing = bridge_plan.Have({netns: Snapshot() for netns in bridge_plan.namespaces_of(want)})
    plan = bridge_plan.plan_present if params["state"] == "present" else bridge_plan.plan_absent
    plan(want, nothing)


def _plan_service(params: Mapping[str, Any]) -> None:
    wish = ServiceWish.from_options(params)
    deletes = params["state"] == "absent" or params["purge_real_servers"]
    drain_timeout(params, deletes, "'state: absent' or 'purge_real_servers: true'")
    if params["state"] == "present":
        plan_service(wish, None, ())


class _Module(NamedTuple):
    """A module: its options, what holds between them, and what it makes of them where there is nothing yet."""

    spec: Mapping[str, Any]
    plan: Callable[[Mapping[str, Any]], object]
    rules: Mapping[str, Any] = {}


_MODULES = {
    "ipvs_service": _Module({**SERVICE_KEY, **SERVICE, **DRAIN, **NETNS, **STATE}, _plan_service, SERVICE_KEY_RULES),
    "netns": _Module({**NAMESPACE, **STATE}, wanted_netns),
    "veth_bridge": _Module({**BRIDGE, **NETNS, **STATE}, _plan_bridge, BRIDGE_RULES),
    "virtual_ip": _Module({**VIRTUAL_IP, **NETNS, **STATE}, wanted_virtual_ip, VIRTUAL_IP_RULES),
}


def refusals(options: Mapping[str, Any], module: str) -> list[str]:
    """What a module would say against a task with these options, on a machine that has nothing of it yet."""
    if module not in _MODULES:
        raise AnsibleFilterError("refusals: '%s' is none of the modules %s" % (module, ", ".join(_MODULES)))
    if not isinstance(options, Mapping):
        raise AnsibleFilterError("refusals: a dict of options is wanted")
    spec, plan, rules = _MODULES[module]
    result = ArgumentSpecValidator(dict(spec), **rules).validate(plain(options))
    if result.error_messages:
        return list(result.error_messages)
    try:
        plan(result.validated_parameters)
    except LinuxnetError as exc:
        return [str(exc)]
    return []
