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
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.traversal import Decision


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


def rule_first(facts: NodeFacts, family: str, rule: str) -> Mapping[str, Any]:
    """Put a rule of nat that ``iptables-save`` wrote before all others of POSTROUTING; the old one stays."""
    program = "iptables" if family == "inet" else "ip6tables"
    words = [program, "--wait", "--table", "nat", "--insert", "POSTROUTING", *shlex.split(rule)[2:]]
    return command(facts, "Ask this rule first", words)


#: Programs that write tables of nftables anew, and what they are told instead.
_WRITTEN_BY = {
    "firewalld": "by firewall-cmd(1), since firewalld writes its table anew",
    "kube-proxy": "in what kube-proxy makes it from",
    "libvirt_network": "by the network's definition in libvirt",
}


def by_whom(decision: Decision) -> str:
    """How packets are to be accepted where a program writes the rules anew; empty for rules that are one's own."""
    written = "" if decision.by_iptables else _WRITTEN_BY.get(decision.table, "")
    return " (%s)" % written if written else ""


def accept(facts: NodeFacts, family: str, decision: Decision, packet: Packet) -> Mapping[str, Any] | None:
    """Accept packets before any rule of the chain is asked, those of which this is known.

    None where no address is, or where a program writes the rules anew.
    """
    end = "destination" if packet.source is None else "source"
    address = packet.source or packet.destination
    port = packet.destination_port or packet.source_port
    if address is None or by_whom(decision):
        return None
    known = dict(protocol=packet.protocol) if packet.protocol else {}
    known[end] = str(address)
    if port and packet.protocol:
        known[end + "_port"] = str(port)
    title = "Accept what the service needs"
    if not decision.by_iptables:
        return command(facts, title, _native_accept(family, decision, end, known))
    in_table = {} if decision.table == "filter" else {"table": decision.table}
    if facts.netns is not None:
        words = ["iptables" if family == "inet" else "ip6tables", "--wait"]
        for name, value in in_table.items():
            words += ["--%s" % name, value]
        words += ["--insert", decision.chain]
        for name, value in known.items():
            words += ["--%s" % name.replace("_", "-"), value]
        return command(facts, title, [*words, "--jump", "ACCEPT"])
    return {
        "name": title,
        "ansible.builtin.iptables": dict(
            **in_table,
            chain=decision.chain,
            action="insert",
            ip_version="ipv4" if family == "inet" else "ipv6",
            **known,
            jump="ACCEPT",
        ),
    }


def _native_accept(family: str, decision: Decision, end: str, known: Mapping[str, str]) -> list[str]:
    """The words of nft(8) that accept in a chain of its own."""
    side = {"destination": "d", "source": "s"}[end]
    words = ["nft", "insert", "rule", decision.family, decision.table, decision.chain]
    words += ["ip" if family == "inet" else "ip6", side + "addr", known[end]]
    if end + "_port" in known:
        words += [known["protocol"], side + "port", known[end + "_port"]]
    elif "protocol" in known:
        words += ["meta", "l4proto", known["protocol"]]
    return [*words, "accept"]


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
