# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks that remedy what the doctor finds, as a playbook would have them."""

from __future__ import annotations

import shlex
from typing import Any, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import NodeFacts
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServer, ServiceKey
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import Packet


def task(facts: NodeFacts, title: str, module: str, /, **options: Any) -> Mapping[str, Any]:
    """A task of a module of this collection, in the namespace that was looked at."""
    if facts.netns is not None:
        options["netns"] = facts.netns
    return {"name": title, "linuxnet.ipvs." + module: options}


def switch(facts: NodeFacts, key: str, value: int) -> Mapping[str, Any]:
    """Set one of the kernel's switches, in the namespace that was looked at."""
    title = "Set %s" % key
    if facts.netns is None:
        return {"name": title, "ansible.posix.sysctl": dict(name=key, value=str(value), sysctl_set=True)}
    if facts.netns.startswith("/"):  # linuxnet.ipvs.netns makes namespaces, so it wants a name
        return command(facts, title, ["sysctl", "--write", "%s=%d" % (key, value)])
    return {"name": title, "linuxnet.ipvs.netns": dict(name=facts.netns, sysctl={key: value})}


def load(module: str) -> Mapping[str, Any]:
    """Load one of the kernel's modules, now and at each boot."""
    return {
        "name": "Load %s" % module,
        "community.general.modprobe": dict(name=module, state="present", persistent="present"),
    }


def command(facts: NodeFacts, name: str, words: Sequence[str]) -> Mapping[str, Any]:
    """Run a program, in the namespace that was looked at."""
    if facts.netns is not None:
        inside = (
            ["nsenter", "--net=%s" % facts.netns]
            if facts.netns.startswith("/")
            else ["ip", "netns", "exec", facts.netns]
        )
        words = [*inside, *words]
    return {"name": name, "ansible.builtin.command": dict(argv=list(words))}


def delete_rule(facts: NodeFacts, family: str, table: str, rule: str) -> Mapping[str, Any]:
    """Delete a rule of iptables that ``iptables-save`` wrote."""
    program = "iptables" if family == "inet" else "ip6tables"
    return command(facts, "Delete the rule", [program, "--wait", "--table", table, "--delete", *shlex.split(rule)[1:]])


def accept(facts: NodeFacts, family: str, chain: str, packet: Packet) -> Mapping[str, Any] | None:
    """Accept packets before any rule is asked, those of which this is known; None where no address is."""
    end = "destination" if packet.source is None else "source"
    address = packet.source or packet.destination
    port = packet.destination_port or packet.source_port
    if address is None:
        return None
    known = dict(protocol=packet.protocol) if packet.protocol else {}
    known[end] = str(address)
    if port and packet.protocol:
        known[end + "_port"] = str(port)
    if facts.netns is not None:
        program = "iptables" if family == "inet" else "ip6tables"
        words = [program, "--wait", "--insert", chain]
        for name, value in known.items():
            words += ["--%s" % name.replace("_", "-"), value]
        return command(facts, "Accept what the service needs", [*words, "--jump", "ACCEPT"])
    return {
        "name": "Accept what the service needs",
        "ansible.builtin.iptables": dict(
            chain=chain, action="insert", ip_version="ipv4" if family == "inet" else "ipv6", **known, jump="ACCEPT"
        ),
    }


def real_server(facts: NodeFacts, name: str, key: ServiceKey, server: RealServer, **terms: Any) -> Mapping[str, Any]:
    """Change a real server."""
    return task(
        facts,
        name,
        "ipvs_real_server",
        service=key.options(),
        address=str(server.address),
        port=server.port,
        **terms,
    )
