# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pods on a bridge mean for the modules that make them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.sysctls import device_of, sysctl_path


@dataclass(frozen=True)
class Network:
    """A bridge's addresses with their prefix, and the name servers of its pods."""

    addresses: Sequence[str]
    nameservers: Sequence[str] = ()

    @property
    def gateway(self) -> str | None:
        """The bridge's first IPv4 address: the pods' way out."""
        return next((_without_prefix(each) for each in self.addresses if not _is_ipv6(each)), None)

    @property
    def gateway6(self) -> str | None:
        return next((_without_prefix(each) for each in self.addresses if _is_ipv6(each)), None)

    @property
    def families(self) -> list[str]:
        return ["ipv4"] * bool(self.gateway) + ["ipv6"] * bool(self.gateway6)


def ports(pods: Sequence[Mapping[str, Any]], network: Network) -> list[dict[str, Any]]:
    """The pods that have a pair of devices, as ports in the options of ``veth_bridge``."""
    return [_port(pod, network) for pod in pods if pod.get("connected", True)]


def namespaces(pods: Sequence[Mapping[str, Any]], network: Network) -> list[dict[str, Any]]:
    """The pods' namespaces in the options of ``netns``, those that are alike in one."""
    return _alike(
        (
            netns_of(pod),
            {
                "dns": {"nameservers": pod.get("nameservers", network.nameservers)},
                "sysctl": {key: value for key, value in _sysctl(pod) if not is_of_device(key)},
            },
        )
        for pod in pods
    )


def device_sysctls(pods: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The switches that come with a device, in the options of ``netns``; namespaces that are alike in one."""
    found = ((netns_of(pod), {key: value for key, value in _sysctl(pod) if is_of_device(key)}) for pod in pods)
    return _alike((name, {"sysctl": sysctl}) for name, sysctl in found if sysctl)


def shared(pods: Sequence[Mapping[str, Any]]) -> list[str]:
    """The namespaces that are more than one pod's."""
    names = [netns_of(pod) for pod in pods]
    return [name for name in dict.fromkeys(names) if names.count(name) > 1]


def netns_of(pod: Mapping[str, Any]) -> str:
    return str(pod.get("netns", "netns_%s" % pod["name"]))


def is_of_device(key: str) -> bool:
    """Whether a switch belongs to a device that a namespace does not begin with."""
    try:
        return device_of(sysctl_path(key)) not in ("", "lo")
    except InvalidOption:
        return False  # the module says so


def _sysctl(pod: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in (pod.get("sysctl") or {}).items():
        yield str(key), value


def _alike(found: Iterable[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """One of each kind, with the names of all: a task for each pod would cost a user's time with every pod."""
    kinds: list[dict[str, Any]] = []
    for name, kind in found:
        same = next((each for each in kinds if {**each, "name": None} == {**kind, "name": None}), None)
        if same is None:
            kinds.append({**kind, "name": [name]})
        else:
            same["name"].append(name)
    return kinds


def _port(pod: Mapping[str, Any], network: Network) -> dict[str, Any]:
    addresses = pod.get("addresses") or []
    four = [each for each in addresses if not _is_ipv6(each)]
    six = [each for each in addresses if _is_ipv6(each)]
    # A far end has one gateway: where it has addresses of both families, the second default route is an ordinary one.
    second = [{"to": "::/0", "via": network.gateway6}] if four and six and network.gateway6 else None
    gateway = network.gateway if four else network.gateway6 if six else None
    return {
        "name": pod.get("veth", "veth_%s" % pod["name"]),
        "hairpin": pod.get("hairpin"),
        "mtu": pod.get("mtu"),
        "peer": {
            "name": pod.get("peer", "veth_ns_%s" % pod["name"]),
            "netns": netns_of(pod),
            "addresses": pod.get("addresses"),
            "gateway": pod.get("gateway", gateway),
            "routes": pod.get("routes", second),
            "mtu": pod.get("mtu"),
        },
    }


def _is_ipv6(address: str) -> bool:
    return ":" in address


def _without_prefix(address: str) -> str:
    return address.partition("/")[0]
