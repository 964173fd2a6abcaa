# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's modules on a node, hundreds of times a minute: one Python process there runs them all.

What runs is the modules' own ``main()``, on the node's kernel; what is left out is Ansible's way there. Tests that
generate their cases need that, and so do measurements of the modules alone.
"""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ansible.module_utils
import steps

AGENT = Path(__file__).with_name("node_agent.py")
#: Where the collection is unpacked on the node: made anew for each process, in a file system that a reboot empties.
UNPACK = "import sys, tarfile, tempfile; d = tempfile.mkdtemp(dir='/run'); "
UNPACK += "tarfile.open(fileobj=sys.stdin.buffer, mode='r|').extractall(d); print(d)"

#: For modprobe(8): it fails instead of loading a module.
FORBIDDEN = "/run/modprobe.d/without.conf"


class Failed(Exception):
    """A module or a program has failed; the message is what it said."""


class Node:
    """A process on a node; a context manager.

    Args:
        inventory: The file that ``playbooks/host_up.yml`` left behind, whose ``ssh_config`` lies beside it. None for
            this machine, which needs root.
        search_path: A folder on the node in which the process's Python looks for libraries first.
    """

    def __init__(self, inventory: str | Path | None = None, search_path: str = "") -> None:
        self._way: list[str] = []
        if inventory is not None:
            config = Path(inventory).resolve().parent / "ssh_config"
            names = [line.split()[1] for line in config.read_text().splitlines() if line.startswith("Host ")]
            self._way = ["ssh", "-F", str(config), names[0], "--"]
        self._python = "python3" if self._way else sys.executable
        # ssh hands one text to the shell of the other side.
        script = shlex.quote(UNPACK) if self._way else UNPACK
        unpack = [*self._way, self._python, "-c", script]
        done = subprocess.run(unpack, input=_package(), capture_output=True, check=True)
        self._folder = done.stdout.decode().strip()
        self._path = f"{search_path}:{self._folder}"
        self._process = subprocess.Popen(
            [*self._way, "env", f"PYTHONPATH={self._path}", self._python, "-u", f"{self._folder}/node_agent.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *exc_info: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def module(self, module_name: str, /, *, check: bool = False, diff: bool = True, **params: Any) -> dict[str, Any]:
        """The result of a module. (The positional names are none that a module has for an option.)

        Raises:
            Failed: the module says so.
        """
        return _succeeded(self.ask(dict(module=module_name, params=params, check=check, diff=diff)))

    def killed(self, module_name: str, steps: int, /, **params: Any) -> bool:
        """Run a module that is killed after so many messages or operations; whether it was before its end."""
        return self.ask(dict(module=module_name, params=params, die_after=steps)) is None

    def refusal(self, module_name: str, user: int, /, **params: Any) -> str:
        """What a module says that fails when a user runs it who is not root."""
        return str(self.ask(dict(module=module_name, params=params, user=user))["msg"])

    def refusal_without_rights(self, module_name: str, /, **params: Any) -> str:
        """What a module says that fails when root runs it, but without the rights of root outside its namespace."""
        return str(self.ask(dict(module=module_name, params=params, without_rights=True))["msg"])

    def held(self, module_name: str, path: str, /, **params: Any) -> dict[str, Any]:
        """The result of a module that stands still between reading and writing, for as long as there is a file there.

        Raises:
            Failed: the module says so.
        """
        return _succeeded(self.ask(dict(module=module_name, params=params, held_at=path)))

    def inside(self, netns: str, module_name: str, /, **params: Any) -> dict[str, Any]:
        """The result of a module that `ip netns exec` runs, as the become plugin does.

        Raises:
            Failed: the module says so.
        """
        program = "import json, sys, node_agent; print(json.dumps(node_agent.run_module(*json.loads(sys.argv[1]))))"
        words = ["ip", "netns", "exec", netns, "env", f"PYTHONPATH={self._path}", self._python, "-c", program]
        return _succeeded(json.loads(self.command(*words, json.dumps([module_name, params]))))

    def python(self, program: str, *arguments: str) -> str:
        """What a program in Python prints, to which the collection can be imported.

        Raises:
            Failed: its exit code is not 0.
        """
        return self.command("env", f"PYTHONPATH={self._path}", self._python, "-c", program, *arguments)

    def command(self, *words: str, stdin: str = "") -> str:
        """What a program prints.

        Raises:
            Failed: its exit code is not 0.
        """
        done = self.ask(dict(command=words, stdin=stdin))
        if done["rc"]:
            raise Failed("%s: exit code %d: %s" % (" ".join(words), done["rc"], done["stderr"] or done["stdout"]))
        return str(done["stdout"])

    @contextmanager
    def without(self, *modules: str) -> Iterator[None]:
        """A kernel that has not loaded these modules of its own, and cannot load them; one that is built in stays.

        Raises:
            Failed: one is in use.
        """
        for module in modules:
            self.command("sh", "-ec", '[ ! -e "/sys/module/$0" ] || modprobe --remove "$0"', module)
        self.command("mkdir", "-p", str(Path(FORBIDDEN).parent))
        self.command("tee", FORBIDDEN, stdin="".join(f"install {module} /bin/false\n" for module in modules))
        try:
            yield
        finally:
            self.command("rm", FORBIDDEN)

    def ask(self, request: dict[str, Any]) -> Any:
        """The answer to a request, as tests/kernel/node_agent.py describes both."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise Failed(f"the process on the node ended with {self._process.wait()} at {request}")
        return json.loads(answer)


def _succeeded(result: dict[str, Any]) -> dict[str, Any]:
    if result.get("failed"):
        raise Failed(result["msg"])
    return result


def _package() -> bytes:
    """The collection's plugins, what they import of Ansible, and the node's end, as a tar file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(AGENT, AGENT.name)
        for source in _python_files(steps.CHECKOUT / "plugins"):
            tar.add(source, Path("ansible_collections/linuxnet/ipvs") / source.relative_to(steps.CHECKOUT))
        utils = Path(ansible.module_utils.__path__[0])
        for source in _python_files(utils):
            tar.add(source, Path("ansible/module_utils") / source.relative_to(utils))
        tar.addfile(tarfile.TarInfo("ansible/__init__.py"))  # the real one wants the rest of Ansible
        tar.add(utils.parent / "release.py", "ansible/release.py")
    return packed.getvalue()


def _python_files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)
