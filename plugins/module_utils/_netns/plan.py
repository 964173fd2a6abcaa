# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the named namespace a machine has to the one a task wants."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan, differing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import address, netns_name, unique

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

#: A sysctl's place below /proc/sys, part by part.
SysctlPath = Tuple[str, ...]


class Sysctl(NamedTuple):
    """A sysctl: the key as the user spells it, where the kernel has it, and its value with single spaces."""

    key: str
    path: SysctlPath
    value: str


class WantedNetns(NamedTuple):
    """A named namespace; ``None`` leaves its resolv.conf alone."""

    name: str
    resolv_conf: Optional[str] = None
    sysctls: Tuple[Sysctl, ...] = ()


class HaveNetns(NamedTuple):
    """What is there under a name; the sysctls are those that were asked for, by their path."""

    exists: bool = False
    leftover: bool = False
    loopback_up: bool = False
    resolv_conf: Optional[str] = None
    etc_folder: bool = False
    sysctls: Mapping[SysctlPath, str] = {}


class CreateNetns(NamedTuple):
    """Make a namespace of that name, or put one where an interrupted creation left an empty file."""

    name: str


class SetLoopbackUp(NamedTuple):
    """Set the device ``lo`` of a namespace up."""

    name: str


class WriteSysctl(NamedTuple):
    """Write a sysctl inside a namespace."""

    name: str
    sysctl: Sysctl


class WriteResolvConf(NamedTuple):
    """Write the resolv.conf of a namespace, all of it at once."""

    name: str
    text: str


class RemoveNetns(NamedTuple):
    """Take a name, and what is mounted on it, away."""

    name: str


class RemoveEtc(NamedTuple):
    """Take the configuration folder of a namespace away."""

    name: str


Operation = Union[CreateNetns, SetLoopbackUp, WriteSysctl, WriteResolvConf, RemoveNetns, RemoveEtc]


def wanted_netns(params: Mapping[str, Any]) -> tuple[WantedNetns, ...]:
    """The module's parameters as a value for each namespace; with ``state=absent`` only their names matter."""
    names = [netns_name("name", name) for name in params["name"]]
    unique("name", names, "a namespace")
    if params["state"] == "absent":
        return tuple(map(WantedNetns, names))
    sysctls = tuple(_sysctl(str(key), value) for key, value in (params["sysctl"] or {}).items())
    unique("sysctl", (each.path for each in sysctls), "a key")
    text = None if params["dns"] is None else resolv_conf(params["dns"])
    return tuple(WantedNetns(name, text, sysctls) for name in names)


def resolv_conf(dns: Mapping[str, Sequence[str] | None]) -> str:
    """The text of a resolver configuration (resolv.conf(5)); a list that is empty or missing has no line."""
    servers = dns.get("nameservers") or ()
    addresses = [str(address("dns.nameservers", server)) for server in servers]
    unique("dns.nameservers", addresses, "a nameserver")
    lines = ["nameserver %s" % each for each in addresses]
    for keyword in ("search", "options"):
        words = dns.get(keyword) or ()
        for word in words:
            if not word or not word.isascii() or not word.isprintable() or " " in word:
                raise InvalidOption(
                    "dns." + keyword,
                    word,
                    "write one word an entry, of ASCII characters (a domain as in xn--mnchen-3ya)",
                )
        if words:
            lines.append("%s %s" % (keyword, " ".join(words)))
    return "".join(line + "\n" for line in lines)


def sysctl_path(key: str) -> SysctlPath:
    """Where the kernel has a key, in either spelling of sysctl(8): the first separator is the one between parts.

    Only keys below ``net`` are taken, since only those does each namespace have of its own.
    """
    first = next((char for char in key if char in "./"), ".")
    swapped = {"/": "/", ".": "."} if first == "/" else {".": "/", "/": "."}
    path = tuple("".join(swapped.get(char, char) for char in key).split("/"))
    if len(path) < 2 or path[0] != "net":
        raise InvalidOption("sysctl", key, "a namespace has only the keys below 'net.' of its own")
    if any(not part or part in (".", "..") or not part.isprintable() for part in path):
        raise InvalidOption("sysctl", key, "write a key such as net.ipv4.ip_forward")
    return path


def plan_present(want: WantedNetns, have: HaveNetns) -> Plan[Operation]:
    """Plan a namespace with its loopback device up, its sysctls and its resolv.conf."""
    operations: list[Operation] = []
    before: dict[str, Any] = {"state": "present" if have.exists else "absent"}
    after: dict[str, Any] = {"state": "present"}
    if not have.exists:
        operations.append(CreateNetns(want.name))
    elif not have.loopback_up:
        before["lo"], after["lo"] = "down", "up"
        operations.append(SetLoopbackUp(want.name))
    for sysctl in want.sysctls:
        now = have.sysctls.get(sysctl.path)
        if not have.exists or now != sysctl.value:
            if have.exists:
                before.setdefault("sysctl", {})[sysctl.key] = now
            after.setdefault("sysctl", {})[sysctl.key] = sysctl.value
            operations.append(WriteSysctl(want.name, sysctl))
    if want.resolv_conf is not None and want.resolv_conf != have.resolv_conf:
        before["dns"], after["dns"] = have.resolv_conf, want.resolv_conf
        operations.append(WriteResolvConf(want.name, want.resolv_conf))
    return Plan(tuple(operations), *differing(before, after))


def plan_absent(want: WantedNetns, have: HaveNetns) -> Plan[Operation]:
    """Plan a namespace's name and configuration folder away."""
    operations: list[Operation] = []
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if have.exists or have.leftover:
        before["state"], after["state"] = "present", "absent"
        operations.append(RemoveNetns(want.name))
    if have.etc_folder:
        before["dns"], after["dns"] = have.resolv_conf or "", None
        operations.append(RemoveEtc(want.name))
    return Plan(tuple(operations), before, after)


def _sysctl(key: str, value: Any) -> Sysctl:
    if isinstance(value, bool):
        value = int(value)
    if not isinstance(value, (str, int)) or not str(value).isascii():
        raise InvalidOption("sysctl", value, "the value of %s is a number or a text of ASCII characters" % key)
    return Sysctl(key, sysctl_path(key), " ".join(str(value).split()))
