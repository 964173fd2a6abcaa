# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other programs that write the IPVS table of a namespace, and those that move virtual addresses."""

from __future__ import annotations

import glob
import os
import re
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Collection, Iterator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import inside, path_of

#: Each program, and the device by which it is known even where its process cannot be seen (another pid namespace).
#: Sources: pkg/proxy/ipvs/proxier.go of Kubernetes (defaultDummyDevice), pkg/utils/linux_networking.go of kube-router
#: (KubeDummyIf), keepalived(8), ldirectord(8), cmd/kube-vip.go and pkg/kubevip/config_environment.go of kube-vip
#: (bee5cfe), daemon/libnetwork/service_linux.go of moby, pkg/cli/cmds of k3s, lifecycle/cmd/lvscare and .../sealctl of
#: sealos (beea1e5), which run lvscare's library, scripts/pybal and pybal/main.py of PyBal, binaries/seesaw_ncc and ncc/
#: of Seesaw (of its programs the one that is root; the engine and others ask it).
PROGRAMS = {
    "keepalived": None,
    "ldirectord": None,
    "kube-router": "kube-dummy-if",
    "kube-proxy": "kube-ipvs0",
    "k3s": None,
    "kube-vip": None,
    "dockerd": None,
    "lvscare": None,
    "sealctl": None,
    "pybal": None,
    "seesaw_ncc": None,
}
#: The namespaces whose tables dockerd writes from outside: the one of the ingress network, and one for each other.
_DOCKER_NAMESPACES = ("/run/docker/netns/ingress_sbox", "/run/docker/netns/lb_*")
#: Where k3s has its configuration unless it is said; --kube-proxy-arg (KubeProxyConfiguration's options) may be there.
_K3S_CONFIGS = ("/etc/rancher/k3s/config.yaml", "/etc/rancher/k3s/config.yaml.d/*.yaml")
#: What an option or a variable is true as (strconv.ParseBool() of Go).
_TRUE = frozenset(["1", "t", "T", "true", "TRUE", "True"])
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
#: The same in kube-vip's configuration file (pkg/kubevip/config_types.go).
_KUBE_VIP_BALANCES = re.compile(r"""(^|[{,])\s*["']?enableLoadBalancer["']?\s*:\s*["']?true\b""", re.MULTILINE)
#: keepalived(8): where its configuration is unless it is said, and the options that take a word of their own.
_KEEPALIVED_CONFIG = "/etc/keepalived/keepalived.conf"
_KEEPALIVED_WORDS = "ASTbcfgiprstuM"
#: The same of PyBal (its interpreter's own are before the script).
_PYBAL_WORDS = "c"
#: keepalived.conf(5): its comments, the files that it includes, and a block of what it has IPVS do.
_KEEPALIVED_COMMENT = re.compile(r"(^|\s)[!#].*", re.MULTILINE)
_KEEPALIVED_INCLUDE = re.compile(r"^\s*include[a-z]*\s+[\"']?([^\s\"']+)", re.MULTILINE)
_KEEPALIVED_SERVICE = re.compile(r"\bvirtual_server\b")
#: keepalived.conf(5): what a variable of its environment stands for cannot be seen in its file; it may be services.
_KEEPALIVED_ENVIRONMENT = re.compile(r"\$\{?_ENV")


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
    return owners_of(_inode(netns), devices)


def owners_of(namespace: int, devices: Collection[str], proc: str = "/proc", root: str = "/") -> list[Owner]:
    """The owners of the table of a namespace with these devices, each once.

    Args:
        namespace: The namespace's inode.
        devices: The names of its devices.
        proc: Where proc(5) is mounted.
        root: What paths of the machine are below.
    """
    found: dict[str, Owner] = {}
    seen = set()
    for pid, name, arguments in _processes(namespace, proc):
        seen.add(name)
        if name in PROGRAMS and _writes(name, os.path.join(proc, str(pid)), arguments):
            found.setdefault(name, Owner(name, pid, "process %d: %s" % (pid, " ".join(arguments))))
    for name, device in PROGRAMS.items():
        # One that runs here and does not write the table has left the device behind.
        if device is not None and device in devices and name not in seen:
            found.setdefault(name, Owner(name, None, _LEFT_OVER % (device, device)))
    sandbox = _docker_namespace(namespace, root)
    if sandbox:
        found.setdefault("dockerd", Owner("dockerd", None, "namespace %s, which dockerd writes from outside" % sandbox))
    return list(found.values())


#: A device may outlive its program (kubernetes/kubernetes#109286).
_LEFT_OVER = "device %s, which may be left over: then take it away with 'ip link delete %s'"


def _docker_namespace(namespace: int, root: str) -> str | None:
    """The file of a namespace if it is one of dockerd's."""
    for pattern in _DOCKER_NAMESPACES:
        for path in glob.glob(os.path.join(root, pattern.lstrip("/"))):
            with suppress(OSError):
                if os.stat(path).st_ino == namespace:
                    return "/" + os.path.relpath(path, root)
    return None


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
    if name == "kube-vip":
        return _kube_vip_writes(folder, arguments)
    if name in ("lvscare", "sealctl"):  # both have other commands, too
        return ("care" if name == "lvscare" else "ipvs") in arguments[1:]
    if name == "pybal":
        return "dryrun" not in options and "n" not in _short_options(arguments, _PYBAL_WORDS)
    if name == "k3s":
        return _k3s_writes(folder, arguments)
    if name == "dockerd":
        return False  # its own namespace's table it leaves alone
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


def _kube_vip_writes(folder: str, arguments: list[str]) -> bool:
    """Whether kube-vip balances by IPVS: its environment decides, then its options, and then a file (YAML, or JSON)."""
    told = _environment(folder).get("lb_enable")
    if told:
        return told in _TRUE
    if _switched_on(arguments, "enableLoadBalancer"):
        return True
    path = _options(arguments).get("config-file")
    with suppress(OSError, ValueError):
        if path:
            with open(os.path.join(folder, "root", path.lstrip("/")), encoding="utf-8") as file:
                return bool(_KUBE_VIP_BALANCES.search(file.read()))
    return False


def _environment(folder: str) -> dict[str, str]:
    """The environment with which a process was started; empty where it cannot be read."""
    try:
        with open(os.path.join(folder, "environ"), "rb") as file:
            words = file.read().decode(errors="replace").split("\0")
    except OSError:
        return {}
    return dict(word.split("=", 1) for word in words if "=" in word)


def _switched_on(arguments: list[str], name: str) -> bool:
    """Whether a boolean option of a program in Go is on: without a value it is."""
    return any(
        word.lstrip("-") == name or (word.lstrip("-").startswith(name + "=") and word.partition("=")[2] in _TRUE)
        for word in arguments[1:]
        if word.startswith("-")
    )


def _k3s_writes(folder: str, arguments: list[str]) -> bool:
    """Whether the kube-proxy inside k3s works in IPVS mode: an option of k3s or of its configuration says so."""
    if not {"server", "agent"}.intersection(arguments[1:3]):
        return False
    told = [
        word.partition("=")[2] if "=" in word else following
        for word, following in zip(arguments[1:], [*arguments[2:], ""])
        if word.partition("=")[0] == "--kube-proxy-arg"
    ]
    root = glob.escape(os.path.join(folder, "root"))
    named = _options(arguments).get("config") or _short_value(arguments, "-c")
    for pattern in (named,) if named else _K3S_CONFIGS:
        for path in glob.glob(root + pattern):
            with suppress(OSError, ValueError), open(path, encoding="utf-8") as file:
                told += re.findall(r"proxy-mode=\w+", _COMMENT.sub("", file.read()))
    return any(word.lstrip("-") == "proxy-mode=ipvs" for word in told)


#: A comment in YAML.
_COMMENT = re.compile(r"(^|\s)#.*", re.MULTILINE)


def _short_value(arguments: list[str], option: str) -> str:
    return next((value for word, value in zip(arguments, arguments[1:]) if word == option), "")


def _keepalived_writes(folder: str, arguments: list[str]) -> bool:
    """Whether keepalived keeps services, and does not only hold addresses by VRRP (core/main.c: running_checker()).

    Where its configuration cannot be read, it may have some.
    """
    short, options = _short_options(arguments, _KEEPALIVED_WORDS), _options(arguments)
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
        if _KEEPALIVED_SERVICE.search(text) or _KEEPALIVED_ENVIRONMENT.search(text):
            return True
        for included in _KEEPALIVED_INCLUDE.findall(text):
            beside = glob.escape(os.path.dirname(file_path)) + "/"
            left += glob.glob((root if included.startswith("/") else beside) + included)
    return False


def _short_options(arguments: list[str], with_value: str) -> dict[str, str]:
    """A program's options of one letter, several of which may share a word, and the values of those that have one."""
    found = {}
    for word, following in zip(arguments[1:], [*arguments[2:], ""]):
        letters = word[1:] if word.startswith("-") and not word.startswith("--") else ""
        for place, letter in enumerate(letters):
            valued = letter in with_value
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
