# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other programs that write the IPVS table of a namespace, and those that move virtual addresses."""

from __future__ import annotations

import glob
import os
import re
import socket
from dataclasses import asdict, dataclass
from typing import Any, Iterator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import inside, path_of

#: Each program, and the device by which it is known even where its process cannot be seen (another pid namespace).
#: Sources: pkg/proxy/ipvs/proxier.go of Kubernetes (defaultDummyDevice), pkg/utils/linux_networking.go of kube-router
#: (KubeDummyIf), keepalived(8), ldirectord(8).
PROGRAMS = {
    "keepalived": None,
    "ldirectord": None,
    "kube-router": "kube-dummy-if",
    "kube-proxy": "kube-ipvs0",
}
#: Programs that move virtual addresses from one director to another, or that tell routers where they are.
ADDRESS_MOVERS = (
    "keepalived",
    "ldirectord",
    "pacemakerd",
    "heartbeat",
    "ucarp",
    "vrrpd",
    "bgpd",
    "bird",
    "bird6",
    "exabgp",
    "gobgpd",
    "kube-vip",
)
#: What runs scripts, which are its argument as ldirectord is; and the options that bring the program in another way.
_INTERPRETERS = (
    (re.compile(r"perl[0-9.]*"), re.compile(r"-[A-Za-z]*[eE]")),
    (re.compile(r"python[0-9.]*"), re.compile(r"-[A-Za-z]*[cm]")),
    (re.compile(r"(ba|da)?sh"), re.compile(r"-[A-Za-z]*c")),
)
#: The mode in kube-proxy's configuration file (KubeProxyConfiguration; YAML, or JSON).
_MODE = re.compile(r"""(^|[{,])\s*["']?mode["']?\s*:\s*["']?ipvs\b""", re.MULTILINE)
#: keepalived(8): where its configuration is unless it is said, and the options that take a word of their own.
_KEEPALIVED_CONFIG = "/etc/keepalived/keepalived.conf"
_KEEPALIVED_WORDS = "ASTbcfgiprstuM"
#: keepalived.conf(5): its comments, the files that it includes, and a block of what it has IPVS do.
_KEEPALIVED_COMMENT = re.compile(r"(^|\s)[!#].*", re.MULTILINE)
_KEEPALIVED_INCLUDE = re.compile(r"^\s*include[a-z]*\s+[\"']?([^\s\"']+)", re.MULTILINE)
_KEEPALIVED_SERVICE = re.compile(r"\bvirtual_server\b")


@dataclass(frozen=True)
class Owner:
    """A program that writes the table: its name, its process id where one was found, and how it was found."""

    name: str
    pid: int | None
    evidence: str

    def options(self) -> dict[str, Any]:
        """The owner as a module returns it."""
        return asdict(self)


def owners(netns: str | None = None) -> list[Owner]:
    """The other owners of a namespace's IPVS table, each once."""
    with inside(netns):
        devices = {name for _index, name in socket.if_nameindex()}
    found: dict[str, Owner] = {}
    for pid, name, arguments in programs_in(_inode(netns)):
        found.setdefault(name, Owner(name, pid, "process %d: %s" % (pid, " ".join(arguments))))
    for name, device in PROGRAMS.items():
        if device in devices:
            found.setdefault(name, Owner(name, None, "device %s" % device))
    return list(found.values())


def programs_in(namespace: int, proc: str = "/proc") -> Iterator[tuple[int, str, list[str]]]:
    """The processes in a namespace (by its inode) that write the table: (pid, program, arguments).

    ``proc`` is where proc(5) is mounted.
    """
    for pid, name, arguments in _processes(namespace, proc):
        if name in PROGRAMS and _writes(name, os.path.join(proc, str(pid)), arguments):
            yield pid, name, arguments


def address_movers(netns: str | None = None) -> tuple[str, ...]:
    """The programs in a namespace that move virtual addresses."""
    running = {name for _pid, name, _arguments in _processes(_inode(netns), "/proc")}
    return tuple(name for name in ADDRESS_MOVERS if name in running)


def _inode(netns: str | None) -> int:
    return os.stat(path_of(netns) if netns else "/proc/thread-self/ns/net").st_ino


def _processes(namespace: int, proc: str) -> Iterator[tuple[int, str, list[str]]]:
    """All processes in a namespace: (pid, program, arguments)."""
    for entry in sorted(filter(str.isdigit, os.listdir(proc)), key=int):
        folder = os.path.join(proc, entry)
        try:
            if os.stat(os.path.join(folder, "ns/net")).st_ino != namespace:
                continue
            with open(os.path.join(folder, "cmdline"), "rb") as cmdline:
                arguments = [word.decode(errors="replace") for word in cmdline.read().split(b"\0") if word]
        except OSError:  # it ended meanwhile
            continue
        yield int(entry), _program(arguments), arguments


def _program(arguments: list[str]) -> str:
    """What a process runs: its own first word, or the script of an interpreter."""
    name = os.path.basename(arguments[0]) if arguments else ""
    for interpreter, other in _INTERPRETERS:
        if interpreter.fullmatch(name):
            script = next((word for word in arguments[1:] if not word.startswith("-") or other.fullmatch(word)), "")
            return os.path.basename(script)
    return name


def _writes(name: str, folder: str, arguments: list[str]) -> bool:
    """Whether a program writes the table; some do other things, too."""
    options = _options(arguments)
    if name == "kube-router":
        return options.get("run-service-proxy") != "false"
    if name == "keepalived":
        return _keepalived_writes(folder, arguments)
    if name != "kube-proxy":
        return True
    if "config" not in options:  # which wins over the other options
        return options.get("proxy-mode") == "ipvs"
    try:
        # As the process sees it, which may live in a container.
        with open(os.path.join(folder, "root", options["config"].lstrip("/")), encoding="utf-8") as file:
            return bool(_MODE.search(file.read()))
    except (OSError, ValueError):
        return False


def _keepalived_writes(folder: str, arguments: list[str]) -> bool:
    """Whether keepalived keeps services, and does not only hold addresses by VRRP (core/main.c: running_checker()).

    Where its configuration cannot be read, it may have some.
    """
    short, options = _short_options(arguments), _options(arguments)
    if ("P" in short or "vrrp" in options) and "all" not in options:
        return False
    try:
        return _has_service(folder, short.get("f") or options.get("use-file") or _KEEPALIVED_CONFIG)
    except OSError:
        return True


def _has_service(folder: str, path: str) -> bool:
    """Whether a configuration of keepalived, or a file that it includes, has a service.

    Raises:
        OSError: it cannot be read.
    """
    # As the process sees it, which may live in a container.
    root = glob.escape(os.path.join(folder, "root")) if path.startswith("/") else ""
    left = glob.glob(root + path)
    if not root or not left:
        raise FileNotFoundError(path)
    seen = set()
    while left:
        file_path = left.pop()
        if file_path in seen or os.path.isdir(file_path):
            continue
        seen.add(file_path)
        with open(file_path, encoding="utf-8", errors="replace") as file:
            text = _KEEPALIVED_COMMENT.sub("", file.read())
        if _KEEPALIVED_SERVICE.search(text):
            return True
        for included in _KEEPALIVED_INCLUDE.findall(text):
            beside = glob.escape(os.path.dirname(file_path)) + "/"
            left += glob.glob((root if included.startswith("/") else beside) + included)
    return False


def _short_options(arguments: list[str]) -> dict[str, str]:
    """keepalived's options of one letter, several of which may share a word, and their values."""
    found = {}
    for word, following in zip(arguments[1:], [*arguments[2:], ""]):
        letters = word[1:] if word.startswith("-") and not word.startswith("--") else ""
        for place, letter in enumerate(letters):
            valued = letter in _KEEPALIVED_WORDS
            found[letter] = (letters[place + 1 :] or following) if valued else ""
            if valued:
                break
    return found


def _options(arguments: list[str]) -> dict[str, str]:
    """Long options and their values, written as one word or as two."""
    found = {}
    for word, following in zip(arguments[1:], [*arguments[2:], ""]):
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            found[name] = value if equals else following
    return found
