# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kube-proxy's IPVS mode would put into a node's kernel, and how a node gets there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import LinuxnetError
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.handover import handover
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.state import kernel_state
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.values import FAMILIES


def kube_proxy_state(objects: Any, node: Any, config: Any = None, families: Sequence[str] = FAMILIES) -> dict[str, Any]:
    """Kubernetes objects as the state of a node's kernel."""
    try:
        return kernel_state(objects, node, config, families)
    except LinuxnetError as exc:
        raise AnsibleFilterError("kube_proxy_state: %s" % exc) from exc


def kube_proxy_handover(state: Any, sets: Any, addresses: Sequence[str] = ()) -> dict[str, Any]:
    """A state as what the modules are told on a node that has these sets."""
    if not isinstance(state, Mapping) or not {"sets", "virtual_services", "chains"} <= set(state):
        raise AnsibleFilterError("kube_proxy_handover: write what the filter linuxnet.ipvs.kube_proxy_state returns")
    try:
        return handover(state, sets, addresses)
    except LinuxnetError as exc:
        raise AnsibleFilterError("kube_proxy_handover: %s" % exc) from exc


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"kube_proxy_state": kube_proxy_state, "kube_proxy_handover": kube_proxy_handover}
