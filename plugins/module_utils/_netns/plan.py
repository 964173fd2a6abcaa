# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the named namespace a machine has to the one a task wants."""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan, differing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import (
    address,
    device_name,
    netns_name,
    unique,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import RUN_DIR

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

#: The files that tasks write below /etc/netns/NAME, and how one is called while it is written.
RESOLV_CONF, NSSWITCH_CONF = ETC_FILES = ("resolv.conf", "nsswitch.conf")
NEW_FILE = ".%s.new"
#: The machine's own (nsswitch.conf(5)).
NSSWITCH = "/etc/nsswitch.conf"

#: What our copy of that file begins with.
_NSSWITCH_MARK = "# Of linuxnet.ipvs.netns: /etc/nsswitch.conf without systemd-resolved, which is the machine's."
#: The line that says who knows hosts.
_HOSTS = re.compile(r"^(\s*hosts:\s*)(.*\bresolve\b.*)$")

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
    """What is there under a name.

    Attributes:
        leftover: an interrupted creation has left an empty file.
        in_the_way: what else is there in the place of a namespace, in words.
        etc: the files of its configuration by name, with the texts of :data:`ETC_FILES`; ``None`` without the folder.
        nsswitch: the machine's own :data:`NSSWITCH`.
        sysctls: those that were asked for, by their path; ``None`` where one has no value yet.
        meant: what the kernel makes of the wanted values, where that was found out.
    """

    exists: bool = False
    leftover: bool = False
    in_the_way: str = ""
    loopback_up: bool = False
    etc: Optional[Mapping[str, Optional[str]]] = None
    nsswitch: Optional[str] = None
    sysctls: Mapping[SysctlPath, Optional[str]] = {}
    meant: Mapping[SysctlPath, Optional[str]] = {}

    def text(self, file: str) -> Optional[str]:
        """One of :data:`ETC_FILES`, ``None`` where it is not there."""
        return (self.etc or {}).get(file)


class CreateNetns(NamedTuple):
    """Make a namespace of that name; ``leftover`` is whether an interrupted creation left an empty file there."""

    name: str
    leftover: bool = False


class SetLoopbackUp(NamedTuple):
    """Set the device ``lo`` of a namespace up."""

    name: str


class WriteSysctls(NamedTuple):
    """Write the ``wrong`` ones of some sysctls inside a namespace, so that all of them hold in the end."""

    name: str
    wrong: Tuple[Sysctl, ...]
    right: Tuple[Sysctl, ...] = ()


class WriteEtc(NamedTuple):
    """Write a file of a namespace's configuration, all of it at once."""

    name: str
    file: str
    text: str


class RemoveNetns(NamedTuple):
    """Take a name, and what is mounted on it, away."""

    name: str


class RemoveEtc(NamedTuple):
    """Take files of a namespace's configuration away, and the folder where it is the ``whole`` of it."""

    name: str
    files: Tuple[str, ...]
    whole: bool


Operation = Union[CreateNetns, SetLoopbackUp, WriteSysctls, WriteEtc, RemoveNetns, RemoveEtc]


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
    addresses = [_nameserver(server) for server in servers]
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


def _nameserver(text: str) -> str:
    """A name server's address; a link-local one of IPv6 may have its device behind a ``%`` (resolv.conf(5))."""
    plain, zone, device = text.partition("%")
    found = address("dns.nameservers", plain)
    if not zone:
        return str(found)
    if found.version != 6 or not found.is_link_local:
        raise InvalidOption("dns.nameservers", text, "only a link-local IPv6 address (fe80::/10) has a device")
    return "%s%%%s" % (found, device_name("dns.nameservers", device))


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


def device_of(path: SysctlPath) -> str:
    """The device of a sysctl such as net.ipv4.conf.eth0.arp_ignore (ip-sysctl.rst); empty where it has none."""
    of_devices = len(path) > 4 and path[2] in ("conf", "neigh") and path[3] not in ("all", "default")
    return path[3] if of_devices else ""


def plan_present(want: WantedNetns, have: HaveNetns) -> Plan[Operation]:
    """Plan a namespace with its loopback device up, its sysctls and its files.

    Raises:
        Conflict: something else is in the place of the namespace.
    """
    if have.in_the_way:
        raise Conflict(
            "name: %s/%s is %s: take it away first, as this module does with a link, with state=absent"
            % (RUN_DIR, want.name, have.in_the_way)
        )
    operations: list[Operation] = []
    before: dict[str, Any] = {"state": "present" if have.exists else "absent"}
    after: dict[str, Any] = {"state": "present"}
    if not have.exists:
        operations.append(CreateNetns(want.name, have.leftover))
    elif not have.loopback_up:
        before["lo"], after["lo"] = "down", "up"
        operations.append(SetLoopbackUp(want.name))
    right = tuple(each for each in want.sysctls if have.exists and _holds(each, have))
    wrong = tuple(each for each in want.sysctls if each not in right)
    for sysctl in wrong:
        if have.exists:
            before.setdefault("sysctl", {})[sysctl.key] = have.sysctls.get(sysctl.path)
        after.setdefault("sysctl", {})[sysctl.key] = sysctl.value
    if wrong:
        operations.append(WriteSysctls(want.name, wrong, right))
    if want.resolv_conf is not None:
        files = [("dns", RESOLV_CONF, want.resolv_conf), ("nsswitch", NSSWITCH_CONF, _nsswitch(have))]
        for word, file, text in files:
            if text is not None and text != have.text(file):
                before[word], after[word] = have.text(file), text
                operations.append(WriteEtc(want.name, file, text))
    return Plan(tuple(operations), *differing(before, after))


def plan_absent(want: WantedNetns, have: HaveNetns) -> Plan[Operation]:
    """Plan a namespace's name away, and the files that tasks write; others, and their folder then, stay.

    Raises:
        Conflict: something else is in the place of the namespace.
    """
    operations: list[Operation] = []
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if have.in_the_way and not have.in_the_way.startswith("a link"):
        raise Conflict("name: %s/%s is %s" % (RUN_DIR, want.name, have.in_the_way))
    if have.exists or have.leftover or have.in_the_way:
        before["state"], after["state"] = "present", "absent"
        operations.append(RemoveNetns(want.name))
    if have.etc is not None:
        ours = tuple(file for file in have.etc if _is_ours(file, have))
        whole = len(ours) == len(have.etc)
        if ours or whole:
            before["dns"], after["dns"] = have.text(RESOLV_CONF) or "", None
            operations.append(RemoveEtc(want.name, ours, whole))
    return Plan(tuple(operations), before, after)


def files_that_stay(have: HaveNetns) -> list[str]:
    """The files of a namespace's configuration that no task has written."""
    return [file for file in have.etc or () if not _is_ours(file, have)]


def _is_ours(file: str, have: HaveNetns) -> bool:
    if file == NSSWITCH_CONF:
        return (have.text(file) or "").startswith(_NSSWITCH_MARK)
    return file == RESOLV_CONF or file in (NEW_FILE % each for each in ETC_FILES)


def _holds(sysctl: Sysctl, have: HaveNetns) -> bool:
    now = have.sysctls.get(sysctl.path)
    return now is not None and now in (sysctl.value, have.meant.get(sysctl.path))


def _nsswitch(have: HaveNetns) -> Optional[str]:
    """A namespace's nsswitch.conf, where the machine's own has names looked up past every resolv.conf.

    The service ``resolve`` (nss-resolve(8)) asks the machine's systemd-resolved by its socket, which no network
    namespace keeps it from. One that somebody else has written for the namespace is left alone: ``None``.
    """
    there = have.text(NSSWITCH_CONF)
    if there is not None and not there.startswith(_NSSWITCH_MARK):
        return None
    lines = (have.nsswitch or "").splitlines()
    changed = [_HOSTS.sub(_without_resolve, line) for line in lines]
    if changed == lines:
        return None
    return "\n".join([_NSSWITCH_MARK, *changed]) + "\n"


def _without_resolve(line: re.Match[str]) -> str:
    services = re.sub(r"\bresolve\b(\s*\[[^\]]*\])?\s*", "", line.group(2)).strip()
    return line.group(1) + (services if re.search(r"\bdns\b", services) else (services + " dns").strip())


def _sysctl(key: str, value: Any) -> Sysctl:
    if isinstance(value, bool):
        value = int(value)
    if not isinstance(value, (str, int)) or not str(value).isascii():
        raise InvalidOption("sysctl", value, "the value of %s is a number or a text of ASCII characters" % key)
    return Sysctl(key, sysctl_path(key), " ".join(str(value).split()))
