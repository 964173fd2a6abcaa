# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter of the role ``pod_network``: what its pods mean for the modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._base.plain import plain
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._node import pods as of_pods
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._node.refusals import refusals


def pod_network_plan(
    pods: Sequence[Mapping[str, Any]],
    bridge: str,
    addresses: Sequence[str],
    nameservers: Sequence[str] = (),
    state: str = "present",
    mtu: int | None = None,
) -> dict[str, Any]:
    """What pods on a bridge mean for each module of the role.

    Args:
        pods: In the options of the role.
        addresses: Of the bridge, with their prefix.
        mtu: Of the bridge; None leaves it alone.

    Returns:
        ``ports`` for ``veth_bridge``, ``namespaces`` and ``device_sysctls`` for ``netns``, the ``families`` in which
        the bridge has an address, and the ``problems`` because of which it cannot be done, in words.
    """
    wanted = plain(pods)
    if not isinstance(wanted, list) or not all(isinstance(pod, dict) and pod.get("name") for pod in wanted):
        raise AnsibleFilterError("pod_network_plan: a list of pods is wanted, each a dict with a name")
    network = of_pods.Network(plain(addresses), plain(nameservers))
    found: dict[str, Any] = {
        "ports": of_pods.ports(wanted, network),
        "namespaces": of_pods.namespaces(wanted, network),
        "device_sysctls": of_pods.device_sysctls(wanted),
        "families": network.families,
    }
    of_bridge = {"name": bridge, "addresses": network.addresses, "mtu": mtu, "ports": found["ports"], "state": state}
    problems = [*_problems(found, of_bridge, of_pods.shared(wanted))] if bridge else []
    return {**found, "problems": list(dict.fromkeys(problems))}


def _problems(found: Mapping[str, Any], bridge: Mapping[str, Any], shared: Sequence[str]) -> Iterator[str]:
    """By the modules' own rules, but for the last; so the second task does not find them when the first is done."""
    for alike in [*found["namespaces"], *found["device_sysctls"]]:
        yield from refusals({**alike, "state": bridge["state"]}, "netns")
    yield from refusals(bridge, "veth_bridge")
    for netns in shared:
        yield "two pods share the namespace '%s'" % netns


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"pod_network_plan": pod_network_plan}
