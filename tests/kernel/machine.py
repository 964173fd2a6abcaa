# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine on whose kernel nodes live, seen from its own namespaces and not through Ansible."""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import tarfile
import tempfile
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import sources
import steps

PROGRAM = (steps.CHECKOUT / "roles/lab_host/files/lab_nodes.py").read_text()
NODES = [{"name": "one", "address": "100.64.0.1/16"}, {"name": "two", "address": "100.64.0.2/16"}]
#: What Ansible needs to play a playbook, without the libraries that it can do without
ANSIBLE = ("ansible-core", "jinja2", "markupsafe", "packaging", "pyyaml")

#: Everything of the machine's own that a node might have changed. Counters, dates and what counts down are left out.
LOOK = r"""
import json, subprocess

def run(*words):
    return subprocess.run(words, capture_output=True, text=True).stdout

def steady(value):
    if isinstance(value, list):
        return [steady(each) for each in value]
    if isinstance(value, dict):
        return {k: steady(v) for k, v in value.items() if "life_time" not in k and k not in ("expires", "gc_timer")}
    return value

seen = {}
for what in ("link", "address", "rule"):
    seen[what] = steady(json.loads(run("ip", "-j", "-d", what) or "[]"))
for family in "-4", "-6":
    seen["route" + family] = steady(json.loads(run("ip", family, "-j", "-d", "route", "show", "table", "all") or "[]"))
for words in (("iptables-save",), ("ip6tables-save",), ("ipset", "save"), ("ipvsadm", "-Sn"), ("sysctl", "-a"),
              ("find", "/etc", "/run/netns", "-printf", "%p %s %T@\n"), ("findmnt", "-rno", "TARGET,SOURCE,FSTYPE")):
    seen[words[0]] = [line for line in run(*words).splitlines() if not line.startswith("#")]
seen["sysctl"] = [line for line in seen["sysctl"] if line.startswith("net.") and "nf_conntrack_count" not in line]
print(json.dumps(seen))
"""

PROCESSES = r"""
import os
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        elsewhere = os.stat("/proc/%s/ns/net" % pid).st_ino != os.stat("/proc/self/ns/net").st_ino
        if elsewhere or " lab-run " in open("/proc/%s/mountinfo" % pid).read():
            print(pid, open("/proc/%s/cmdline" % pid).read().replace("\0", " "))
    except OSError:
        pass
"""


class Machine:
    """A machine that ssh leads to.

    Args:
        inventory: The file that ``playbooks/host_up.yml`` left behind, whose ``ssh_config`` lies beside it.
        folder: Where its nodes are.
    """

    def __init__(self, inventory: str, folder: str) -> None:
        config = Path(inventory).resolve().parent / "ssh_config"
        name = next(line.split()[1] for line in config.read_text().splitlines() if line.startswith("Host "))
        # One connection for all: a login takes seconds where the machine is emulated.
        self._sockets = tempfile.TemporaryDirectory(prefix="ssh-")
        share = ["-oControlMaster=auto", "-oControlPersist=60", f"-oControlPath={self._sockets.name}/%C"]
        self._way = ["ssh", "-F", str(config), *share, name, "--"]
        self.folder = folder

    def run(self, *words: str, stdin: str = "", code: int = 0) -> str:
        """What a program prints that ends with this exit code."""
        done = subprocess.run([*self._way, shlex.join(words)], input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout

    def shell(self, script: str) -> str:
        return self.run("sh", "-c", script)

    def inside(self, node: str, script: str) -> str:
        """What a script prints in a node's namespaces."""
        spaces = [f"--net={self.folder}/{node}/net", f"--mount={self.folder}/{node}/mnt"]
        return self.run("nsenter", *spaces, "--", "sh", stdin=script)

    def look(self) -> dict[str, Any]:
        seen: dict[str, Any] = json.loads(self.run("python3", "-", stdin=LOOK))
        return seen

    def processes(self) -> str:
        """The processes that are in another network namespace, or in a node's mounts."""
        return self.run("python3", "-", stdin=PROCESSES)

    def nodes(self, command: str, **settings: Any) -> dict[str, Any]:
        """The answer of the role's program."""
        asked = {
            "folder": self.folder,
            "owner": "a test",
            "nodes": NODES,
            "modules": ["ip_vs", "nf_conntrack", "br_netfilter", "dummy", "veth"],
            "programs": {},
            "libraries": {},
            "least": {},
            "check": False,
            **settings,
        }
        answer: dict[str, Any] = json.loads(self.run("python3", "-", command, json.dumps(asked), stdin=PROGRAM))
        return answer

    def send_checkout(self, checkout: str, libraries: str) -> None:
        """Send this checkout as a clone would have it and `make venv` would link it, and Ansible's libraries."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for source in sources.files(new=True) or ():
                tar.add(steps.CHECKOUT / source, Path(checkout, source))
            link = tarfile.TarInfo(f"{checkout}/.venv/collections/ansible_collections/linuxnet/ipvs")
            link.type, link.linkname = tarfile.SYMTYPE, "../../../.."
            tar.addfile(link)
            for name in ANSIBLE:
                for file in distribution(name).files or ():
                    if ".." not in file.parts and file.suffix != ".pyc":
                        tar.add(file.locate(), Path(libraries, file))
        unpack = [*self._way, "tar --extract --directory / --no-same-owner"]
        subprocess.run(unpack, input=packed.getvalue(), check=True, capture_output=True)
