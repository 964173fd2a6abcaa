# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each role where each thing is missing that it needs: it says so, with what helps, before it changes anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import kernel
import pytest
from testinfra.host import Host

Missing = Callable[[Host], AbstractContextManager[None]]


def program(name: str) -> Missing:
    """A program that is not installed."""
    return moved(f"$(readlink -f $(dirname $(command -v {name})))/{name}")


def moved(path: str) -> Missing:
    """A file that is not there."""

    @contextmanager
    def missing(host: Host) -> Iterator[None]:
        (place,) = host.check_output(f"ls -d {path}").splitlines()
        host.check_output(f"mv {place} {place}.away")
        try:
            yield
        finally:
            host.check_output(f"mv {place}.away {place}")

    return missing


def module(name: str) -> Missing:
    """A module that the kernel may not load, and that is not loaded."""

    @contextmanager
    def missing(host: Host) -> Iterator[None]:
        barred = "/run/modprobe.d/requirements.conf"
        host.check_output(f"mkdir -p /run/modprobe.d && echo 'install {name} /bin/false' > {barred}")
        try:
            # It complains of what has gone with another one.
            host.check_output(f"modprobe -r --remove-holders {name}; ! grep -q '^{name} ' /proc/modules")
            yield
        finally:
            host.check_output(f"rm {barred}")

    return missing


@pytest.fixture(scope="module", autouse=True)
def before(host: Host) -> dict[str, Any]:
    """The node as it is before the first test."""
    return kernel.read(host)


@contextmanager
def nothing(_host: Host) -> Iterator[None]:
    yield


PYROUTE2 = moved("/usr/lib/python3/dist-packages/pyroute2")
PODS = {
    "pod_network_bridge": "br-needs",
    "pod_network_addresses": ["198.51.100.1/24"],
    "pod_network_pods": [{"name": "needy", "addresses": ["198.51.100.2/24"]}],
}
IPV6_PODS = {
    "pod_network_bridge": "br-needs",
    "pod_network_addresses": ["2001:db8::1/64"],
    "pod_network_pods": [{"name": "needy", "addresses": ["2001:db8::2/64"]}],
}
REAL_SERVERS = [{"address": "198.51.100.2", "port": 80, "forwarding_method": "masquerading"}]
SERVICES = {
    "virtual_service_device": "needs0",
    "virtual_service_loopback_set": "NEEDS",
    "virtual_service_services": [
        {"address": "203.0.113.80", "port": 80, "scheduler": "sh", "real_servers": REAL_SERVERS},
    ],
}
KUBERNETES = {"kubernetes_services_node": {"name": "node1", "addresses": {"eth0": ["192.0.2.10/24"]}}}
SERVERS = {"http_backends_servers": [{"name": "needy"}]}
CLIENTS = {
    "reachability_clients": [{"name": "needy"}],
    "reachability_targets": [{"name": "nowhere", "url": "http://203.0.113.80/"}],
}

#: The role, its variables, what is missing, and the words of the refusal.
CASES: list[tuple[str, dict[str, Any], Missing, str]] = [
    ("pod_network", PODS, program("iptables"), "no program 'iptables': install the package iptables"),
    ("pod_network", IPV6_PODS, program("ip6tables"), "no program 'ip6tables': install the package iptables"),
    ("pod_network", PODS, PYROUTE2, "has no pyroute2: install the package python3-pyroute2"),
    ("virtual_service", SERVICES, program("iptables"), "no program 'iptables': install the package iptables"),
    ("virtual_service", SERVICES, PYROUTE2, "has no pyroute2: install the package python3-pyroute2"),
    ("virtual_service", SERVICES, module("ip_vs"), "may not load module 'ip_vs': a file in /etc/modprobe.d"),
    ("virtual_service", SERVICES, module("ip_vs_sh"), "may not load module 'ip_vs_sh'"),
    ("kubernetes_services", KUBERNETES, program("iptables-restore"), "no program 'iptables-restore': install"),
    ("kubernetes_services", KUBERNETES, PYROUTE2, "has no pyroute2: install the package python3-pyroute2"),
    ("kubernetes_services", KUBERNETES, module("ip_vs"), "may not load module 'ip_vs'"),
    (
        "kubernetes_services",
        {**KUBERNETES, "kubernetes_services_state": "absent"},
        program("iptables-save"),
        "no program 'iptables-save': install the package iptables",
    ),
    (
        "http_backends",
        {**SERVERS, "http_backends_python": "/no/such/python3"},
        nothing,
        "no program '/no/such/python3'",
    ),
    (
        "http_backends",
        {"http_backends_servers": [{"name": "needy", "netns": "no-such"}]},
        nothing,
        "no network namespace 'no-such': make it first",
    ),
    ("reachability", CLIENTS, program("curl"), "no program 'curl': install the package curl"),
]


@pytest.mark.parametrize(
    ("role", "variables", "missing", "words"), CASES, ids=[f"{role}-{words}" for role, _given, _missing, words in CASES]
)
def test_what_is_missing_is_told_before_anything_is_changed(host, play, tmp_path, role, variables, missing, words):
    playbook = tmp_path / "role.yml"
    alone = {"hosts": "lab_nodes", "gather_facts": False, "become": True, "roles": [f"linuxnet.ipvs.{role}"]}
    playbook.write_text(json.dumps([{**alone, "vars": variables}]))
    with missing(host):
        run = play(playbook)
    assert run.code != 0, run.output
    assert run.changed == []
    (failure,) = run.failures
    assert "Nothing has been changed on" in failure.msg
    assert words in failure.msg


def test_nothing_has_been_changed(host, before):
    assert list(kernel.differences(before, kernel.read(host))) == []
