# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes on the kernel of a machine: `python3 - COMMAND SETTINGS`, as root, with this text on standard input.

A node is a pair of namespaces that no process has to hold: one of the network, with an IPVS table, sets, rules and
sysctls of its own, and one of mounts, in which /run is empty and what is written to /etc stays. Both are files below
FOLDER/NODE. The nodes are joined by a bridge in one more network namespace, FOLDER/fabric, so that nothing of the
machine's own network changes.

Commands: `look` says whether the machine can have nodes, `present` and `absent` make and take them. SETTINGS is JSON
with `folder`, `owner` (whose lab it is), `nodes` (a list of `name` and `address`), `modules`, `programs` and
`libraries` (of the machine's Python) with their packages in Debian, `least` (libraries and the oldest versions that
do), and `check` to say only what would change. The answer is JSON. `look` needs no root, but to try namespaces.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

#: Runs what the lab's tasks send to the nodes
PYTHON = "/usr/bin/python3"
#: Says which versions this Python has of its arguments: a library without metadata has version 0.
VERSIONS = r"""
import importlib.util, json, sys
found = {}
for name in sys.argv[1:]:
    if importlib.util.find_spec(name) is not None:
        try:
            from importlib.metadata import version  # since Python 3.8
            found[name] = version(name)
        except ImportError:
            found[name] = getattr(__import__(name), "__version__", "") or "0"
print(json.dumps(found))
"""
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BRIDGE = "fabric"
# A file that a node gets last: its address
READY = "ready"
# Whose the nodes are, a file that the folder gets first
OWNER = "owner"
# What is mounted on the folder and on a node's /run, by its name in the table of mounts
SOURCE = "lab-nodes"
RUN_SOURCE = "lab-run"
# Options of modules whose defaults would give the machine something, here a device
MODULE_OPTIONS = {"dummy": ["numdummies=0"]}
# What br_netfilter switches on as it is loaded, in each network namespace that there is
BRIDGE_SWITCHES = """
for switch in arptables ip6tables iptables; do echo 0 > /proc/sys/net/bridge/bridge-nf-call-$switch; done
"""
# How long a process may take to end by itself
PATIENCE = 3.0

#: What a node's mounts are. What was mounted on /run and below, such as the machine's named namespaces, must go, or the
#: node would keep it alive. A resolv.conf that is a link into /run would keep those of pods from being bound.
FURNISH = r"""
set -e
first() { awk '$5 == "/run" || index($5, "/run/") == 1 { print $5; exit }' /proc/self/mountinfo; }
while place=$(first) && [ -n "$place" ]; do  # with it goes all that is mounted on it, seen or hidden
  umount --lazy "$(printf %b "$place")"
done
mount -t tmpfs -o mode=0755,nosuid,nodev lab-run /run
mkdir -p /run/lock /run/netns /run/lab/upper /run/lab/work
mount -t overlay -o lowerdir=/etc,upperdir=/run/lab/upper,workdir=/run/lab/work lab-etc /etc
if [ -L /etc/resolv.conf ] && [ ! -e /etc/resolv.conf ]; then rm /etc/resolv.conf; : > /etc/resolv.conf; fi
mount -t sysfs lab-sys /sys
"""

#: A node that ends with the process: its namespaces are kept by files, as those of a real one are. $1 is an empty
#: folder below /run, and $2 is FURNISH.
TRIAL = r"""
set -e
mount -t tmpfs lab-trial "$1"
touch "$1/net" "$1/mnt"
unshare --net="$1/net" --mount="$1/mnt" --propagation slave sh -c "$2"
"""


class NodesError(Exception):
    """What cannot be done, and what would help, in the user's words."""


def run(*words: str) -> str:
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        told = " ".join(word for word in words if "\n" not in word)  # without scripts
        raise NodesError(f"'{told}' failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def look(settings: dict[str, Any]) -> dict[str, Any]:
    """Whether this machine's kernel can balance, and what is missing for nodes."""
    lacking = [name for name in settings["modules"] if not loaded(name) and not loadable(name)]
    have = versions(settings["libraries"])
    absent = {name: package for name, package in settings["programs"].items() if shutil.which(name) is None}
    absent.update({name: package for name, package in settings["libraries"].items() if have[name] is None})
    return {
        "ipvs": "" if "ip_vs" in lacking else "loaded" if loaded("ip_vs") else "loadable",
        "lacking": lacking,
        "apt": shutil.which("apt-get") is not None,
        "missing": sorted(set(absent.values())),
        "absent": sorted(absent),
        "old": [
            told
            for name, least in settings["least"].items()
            if (told := outdated(name, have[name] or candidate(settings["libraries"][name]), least))
        ],
        "fault": trial() if os.geteuid() == 0 and not lacking else "",
    }


def loaded(module: str) -> bool:
    """Whether the kernel has a module at work, be it built in."""
    return Path("/sys/module", module).exists() or (module == "ip_vs" and Path("/proc/net/ip_vs").exists())


def loadable(module: str) -> bool:
    """Whether modprobe knows the module, or knows that the kernel has it built in."""
    modprobe = shutil.which("modprobe")
    if modprobe is None:
        return False
    return subprocess.run([modprobe, "--dry-run", "--quiet", module], check=False, capture_output=True).returncode == 0


def trial() -> str:
    """Why this root cannot make a node, as in a container; nothing if it can. What is tried ends with its process."""
    try:
        if Path("/proc/self/uid_map").read_text(encoding="ascii").split() != ["0", "0", str(2**32 - 1)]:
            return "root here is root of a user namespace only, and IPVS wants the machine's"
        with tempfile.TemporaryDirectory(dir="/run") as folder:
            run("unshare", "--mount", "--propagation", "private", "sh", "-c", TRIAL, "sh", folder, FURNISH)
    except (NodesError, OSError) as problem:
        return f"root may not make namespaces and mount in them here: {problem}"
    return ""


def versions(libraries: Iterable[str]) -> dict[str, str | None]:
    """The versions of libraries of the machine's own Python, wherever the distribution keeps them; None for none."""
    try:
        said = subprocess.run([PYTHON, "-c", VERSIONS, *libraries], check=False, capture_output=True, text=True).stdout
    except OSError:
        said = ""
    found: dict[str, str | None] = json.loads(said) if said else {}
    return {name: found.get(name) for name in libraries}


def candidate(package: str) -> str:
    """The version of a package that apt would install; nothing if nobody can say."""
    if shutil.which("apt-cache") is None:
        return ""
    asked = ["env", "LC_ALL=C", "apt-cache", "policy", package]
    policy = subprocess.run(asked, check=False, capture_output=True, text=True).stdout
    found = re.search(r"^  Candidate: (?:\d+:)?(\d\S*)", policy, re.MULTILINE)
    return found.group(1) if found else ""


def outdated(library: str, version: str, least: str) -> str:
    """What keeps a library from doing; nothing if it does, or if nobody knows its version."""
    too_old = version and numbers(version) < numbers(least)
    return f"{library} is {version} here, and must be {least} or later" if too_old else ""


def numbers(version: str) -> list[int]:
    """What a version begins with, to be compared."""
    return [int(number) for number in re.split(r"[^\d.]", version)[0].split(".") if number]


def mounted(path: Path, source: str = "") -> bool:
    """Whether something is mounted exactly there, of that name if one is given."""
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        rows = [line.split() for line in table]
    return any(row[4] == str(path) and (not source or row[row.index("-") + 2] == source) for row in rows)


def address_of(node: Path) -> str:
    """The address that a node was made with; nothing if it is not whole."""
    whole = mounted(node / "net") and mounted(node / "mnt") and (node / READY).exists()
    return (node / READY).read_text(encoding="utf-8") if whole else ""


def make(settings: dict[str, Any]) -> dict[str, Any]:
    """Have the nodes that are asked for, and no others."""
    folder = Path(settings["folder"])
    have = nodes_of(folder, settings["owner"])
    if have is None and folder.exists() and any(folder.iterdir()):
        raise NodesError(f"{folder} is used for something else: take another folder as lab_host_nodes_dir")
    wanted = {node["name"]: node["address"] for node in settings["nodes"]}
    whole = {name for name in have or () if name in wanted and address_of(folder / name) == wanted[name]}
    # An address that another node had is free before it is given anew.
    gone, new = sorted(set(have or ()) - whole), [name for name in wanted if name not in whole]
    answer = {"changed": bool(gone or new), "made": new, "removed": gone}
    if settings["check"]:
        return answer
    for module in settings["modules"]:
        load(module)
    if have is None:
        folder.mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", "mode=0755,nosuid,nodev", SOURCE, str(folder))
    run("mount", "--make-private", str(folder))
    (folder / OWNER).write_text(settings["owner"], encoding="utf-8")
    remove([folder / name for name in gone])
    fabric = folder / BRIDGE
    if new:
        if not mounted(fabric / "net"):
            fabric.mkdir(exist_ok=True)
            (fabric / "net").touch()
            run("unshare", f"--net={fabric}/net", "true")
        bridge = f"ip link show {BRIDGE} >/dev/null 2>&1 || ip link add {BRIDGE} type bridge"
        inside(fabric, f"{{ {bridge}; }} && ip link set {BRIDGE} up && ip link set lo up", mounts=False)
    for name in new:
        create(folder, name, wanted[name])
    return answer


def load(module: str) -> None:
    """Load a module in such a way that the machine's network stays as it is, and that of its containers.

    br_netfilter has iptables see what bridges forward. Its switches are each namespace's own, and on; so they are
    switched off in all that there are: no rule in any of them has seen such packets so far.
    """
    if loaded(module):
        return
    run("modprobe", module, *MODULE_OPTIONS.get(module, ()))
    if module == "br_netfilter":
        run("sh", "-c", BRIDGE_SWITCHES)
        for namespace in namespaces():  # which may be gone by now
            subprocess.run(
                ["nsenter", f"--net={namespace}", "--", "sh", "-c", BRIDGE_SWITCHES],
                check=False,
                stderr=subprocess.DEVNULL,
            )


def namespaces() -> list[str]:
    """A path for each network namespace of this machine that a process is in, or that is mounted where it is seen."""
    places = [str(each / "ns" / "net") for each in Path("/proc").iterdir() if each.name.isdigit()]
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        rows = [line.split() for line in table]
    places += [row[4] for row in rows if row[row.index("-") + 1] == "nsfs" and row[3].startswith("net:")]
    found: dict[int, str] = {}
    for place in places:
        try:
            found.setdefault(os.stat(place).st_ino, place)
        except OSError:
            continue  # its process has ended
    return list(found.values())


def create(folder: Path, name: str, address: str) -> None:
    """Make a node: its two namespaces, what is mounted in it, and its way to the others."""
    node = folder / name
    node.mkdir(exist_ok=True)
    for part in ("net", "mnt"):
        (node / part).touch()
    run("unshare", f"--net={node}/net", f"--mount={node}/mnt", "--propagation", "slave", "sh", "-c", FURNISH)
    port = f"to-{name}"[:15]
    # The far end is made in the fabric's namespace, so that neither end is ever in the machine's own.
    with open(node / "net", "rb") as namespace:
        far = f"/proc/{os.getpid()}/fd/{namespace.fileno()}"
        inside(folder / BRIDGE, f"ip link add {port} type veth peer name eth0 netns {far}", mounts=False)
    inside(folder / BRIDGE, f"ip link set {port} master {BRIDGE} up", mounts=False)
    # IPVS takes packets after they have got a route: a director has one to whatever is not its own.
    inside(node, f"ip addr add {address} dev eth0 && ip link set eth0 up && ip route add default dev eth0")
    inside(node, "ip link set lo up")
    (node / READY).write_text(address, encoding="utf-8")


def inside(node: Path, script: str, *, mounts: bool = True) -> str:
    ways = [f"--net={node}/net"] + ([f"--mount={node}/mnt"] if mounts else [])
    return run("nsenter", *ways, "--", "sh", "-c", script)


def remove(nodes: Collection[Path]) -> None:
    """End what runs in nodes, and let go of their namespaces."""
    end([node for node in nodes if mounted(node / "mnt") and mounted(node / "net")])
    for node in nodes:
        for part in ("net", "mnt"):
            while mounted(node / part):
                run("umount", str(node / part))
        shutil.rmtree(node)


def end(nodes: Iterable[Path]) -> None:
    """End what runs in nodes, all at once: by themselves, or else killed."""
    spaces, mounts = set(), set()
    for node in nodes:
        spaces.add((node / "net").stat().st_ino)
        mounts |= runs(inside(node, "cat /proc/self/mountinfo"))
    for how in (signal.SIGTERM, signal.SIGKILL):
        left = processes(spaces, mounts) if spaces else []
        for process in left:
            try:
                os.kill(process, how)
            except ProcessLookupError:
                continue
        patience = time.monotonic() + PATIENCE
        while left and time.monotonic() < patience and processes(spaces, mounts):
            time.sleep(0.05)


def runs(mountinfo: str) -> set[str]:
    """The devices of the nodes' own /run in a table of mounts. Whoever has one there came from its node."""
    rows = [line.split() for line in mountinfo.splitlines()]
    return {row[2] for row in rows if row[4] == "/run" and row[row.index("-") + 2] == RUN_SOURCE}


def processes(spaces: set[int], mounts: set[str]) -> list[int]:
    """The processes in any of these network namespaces, or with any of these devices as their /run.

    So those of a node's pods are found, whose mounts are copies of the node's (`ip netns exec` makes them), but not
    what a name in the node leads to and lives elsewhere, such as a container that was attached to look at it.
    """
    own = os.stat("/proc/self/ns/mnt").st_ino
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            inside_net = (entry / "ns" / "net").stat().st_ino in spaces
            elsewhere = (entry / "ns" / "mnt").stat().st_ino != own
            if inside_net or (elsewhere and runs((entry / "mountinfo").read_text(errors="replace")) & mounts):
                found.append(int(entry.name))
        except OSError:
            continue  # it has ended
    return found


def nodes_of(folder: Path, owner: str) -> list[str] | None:
    """The nodes of this lab, whole or not, or None where it has none; another lab's are refused."""
    if not mounted(folder, SOURCE):
        return None
    told = folder / OWNER
    # A run that was killed at its beginning has not said whose they are, and has made none.
    if told.exists() and told.read_text(encoding="utf-8") != owner:
        raise NodesError(
            f"{folder} has the nodes of another lab ({told.read_text(encoding='utf-8')}): "
            "take another folder as lab_host_nodes_dir, or end that lab first"
        )
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name != BRIDGE)


def take(settings: dict[str, Any]) -> dict[str, Any]:
    """Take all nodes away, and the fabric. Modules stay loaded: others may have begun to use them."""
    folder = Path(settings["folder"])
    have = nodes_of(folder, settings["owner"])
    answer = {"changed": have is not None, "made": [], "removed": have or []}
    if settings["check"] or have is None:
        return answer
    remove([folder / name for name in [*have, BRIDGE] if (folder / name).exists()])
    while mounted(folder):
        run("umount", str(folder))
    folder.rmdir()
    return answer


def main() -> None:
    os.environ["PATH"] = SEARCH_PATH
    command, settings = sys.argv[1], json.loads(sys.argv[2])
    if command == "look":
        print(json.dumps(look(settings)))
        return
    lock = os.open("/run", os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    print(json.dumps({"present": make, "absent": take}[command](settings)))


if __name__ == "__main__":
    try:
        main()
    except (NodesError, OSError) as problem:
        sys.exit(str(problem))
