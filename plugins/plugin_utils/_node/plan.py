# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host lacks of modules and switches, from one look at its kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

#: What a director needs: packets are forwarded, and netfilter knows the connections that IPVS translates.
SWITCHES = {"net.ipv4.ip_forward": "1", "net.ipv4.vs.conntrack": "1"}
SWITCHES_IPV6 = {"net.ipv6.conf.all.forwarding": "1"}
#: The module of bridges, and its switches, which are for all bridges of a host. Loading it turns each of them on.
BRIDGES = "br_netfilter"
BRIDGED = tuple("net.bridge.bridge-nf-call-%s" % name for name in ("iptables", "ip6tables", "arptables"))
#: The switches that come with a module, by how their names begin
OF_MODULES = {"net.bridge.": BRIDGES, "net.ipv4.vs.": "ip_vs"}
#: Flags of a route in /proc/net/ipv6_route: a default route, by a router advertisement that the kernel has read
#: (RTF_DEFAULT and RTF_ADDRCONF in linux/ipv6_route.h)
_ADVERTISED = 0x00010000 | 0x00040000


@dataclass(frozen=True)
class Look:
    """What ``grep -s -H ''`` and ``ls -1 -d`` printed of files: their lines, by the file."""

    files: Mapping[str, Sequence[str]]

    @classmethod
    def read(cls, lines: Sequence[str]) -> Look:
        files: dict[str, list[str]] = {}
        for line in lines:
            name, colon, text = line.rstrip("\r").partition(":")
            files.setdefault(name, []).extend([text] if colon else [])
        return cls(files)

    def has_module(self, name: str) -> bool:
        """Whether a module is loaded. One that is built in shows nothing, and is left to modprobe to know."""
        return self.files.get("/sys/module/%s/initstate" % name.replace("-", "_")) == ["live"]

    def value(self, switch: str) -> str | None:
        """A switch's value with single blanks between its words; None if it cannot be read, or is not there."""
        lines = self.files.get(path_of(switch))
        return " ".join(lines[0].split()) if lines else None

    def advertised(self) -> Iterator[str]:
        """The devices of default routes that the kernel has from router advertisements."""
        for line in self.files.get("/proc/net/ipv6_route", ()):
            words = line.split()
            if len(words) == 10 and words[1] == "00" and int(words[8], 16) & _ADVERTISED == _ADVERTISED:
                yield words[9]


@dataclass(frozen=True)
class Plan:
    """What is to be done, and why it cannot be, in words."""

    modules: list[str]
    switches: dict[str, str]
    problems: list[str]


def path_of(switch: str) -> str:
    """Where a switch is: what stands between dots is a folder, and a slash stands for a dot in a name (sysctl(8))."""
    return "/proc/sys/" + switch.translate(str.maketrans("./", "/."))


def module_of(switch: str) -> str | None:
    return next((module for start, module in OF_MODULES.items() if switch.startswith(start)), None)


def wanted(look: Look, modules: Sequence[str], asked: Mapping[str, object], ipv6: bool) -> dict[str, str]:
    """The switches with the values that they shall have, those of the user last, so that they win.

    A switch that the user gives no value, None, is left alone. Where this host has an IPv6 default route by router
    advertisements, forwarding would make the kernel drop it and take no other one, but for devices whose ``accept_ra``
    is 2 (ip-sysctl.rst): so these get it first. What loading br_netfilter turns on, and nobody asked for, is turned
    off again, since it concerns all bridges; only where this run loads it, as somebody else may have come to rely on
    it.
    """
    found: dict[str, object] = dict(SWITCHES)
    if BRIDGES in modules and not look.has_module(BRIDGES):
        found.update(dict.fromkeys(BRIDGED, "0"))
    if ipv6:
        for device in dict.fromkeys(look.advertised()):
            switch = "net.ipv6.conf.%s.accept_ra" % device.replace(".", "/")
            if look.value(switch) == "1":
                found[switch] = "2"
        found.update(SWITCHES_IPV6)
    found.update(asked)
    return {name: " ".join(str(value).split()) for name, value in found.items() if value is not None}


def plan(
    look: Look, modules: Sequence[str], asked: Mapping[str, object], ipv6: bool, noted: str, loaded: bool = False
) -> Plan:
    """What a host lacks.

    Args:
        asked: The user's own switches.
        noted: The file in which switches are noted: each has its value both in the kernel and there.
        loaded: Whether the modules have been loaded since, so that their switches must be there.
    """
    lines = [line.replace(" ", "") for line in look.files.get(noted, ())]
    problems = []
    switches = {}
    for name, value in wanted(look, modules, asked, ipv6).items():
        module = module_of(name)
        if module and module not in modules:
            if name in asked:
                problems.append(
                    "'%s' comes with the module %s: add it to ipvs_node_modules, or leave the switch out"
                    % (name, module)
                )
            continue
        there = look.value(name)
        if path_of(name) not in look.files and (loaded or not module or look.has_module(module)):
            problems.append("this kernel has no switch '%s': take it out of ipvs_node_sysctl" % name)
        elif there != value or "%s=%s" % (name, value.replace(" ", "")) not in lines:
            switches[name] = value
    return Plan([name for name in modules if not look.has_module(name)], switches, problems)
