# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Play the collection on the oldest and the newest supported ansible-core, on this machine's own kernel.

Each core has a virtual environment of its own in .venv/cores, of the newest Python here that it supports. What is
played (tests/versions/play.yml, the doctor's playbook) lives in a network and mount namespace that ends with the run. A
play fails this test that ends with an error, changes something the second time, or prints a warning.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import environments
import steps


class Core(NamedTuple):
    """A version of ansible-core, and the Pythons that a controller may have (the second excluded)."""

    version: str
    oldest: tuple[int, int]
    newest: tuple[int, int]

    @property
    def name(self) -> str:
        return ".".join(self.version.split(".")[:2])


#: Supported versions, from the oldest to the newest: "ansible-core support matrix" of Ansible's documentation.
CORES = (
    Core("2.19.14", (3, 11), (3, 14)),
    Core("2.20.10", (3, 12), (3, 15)),
    Core("2.21.5", (3, 12), (3, 15)),
)
#: What is not out yet: played where it is asked for by name
COMING = (Core("2.22.0rc1", (3, 13), (3, 15)),)
PYTHONS = tuple((3, minor) for minor in range(14, 10, -1))
#: What the modules of links need on a managed node, which is the controller here
NODE = ("pyroute2==0.9.7",)
#: What the doctor says first of a kernel without IPVS, or of a namespace in which there is no service
DOCTOR = "ipvs_missing"
FOLDER = steps.CHECKOUT / "tests" / "versions"
#: Inside, the machine's network and the names of its namespaces are out of reach, and what is written to /etc goes.
SCRIPT = """
mount -t tmpfs run /run
mkdir /run/upper /run/work
mount -t overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work etc /etc
ip link set lo up
exec "$@"
"""
INSIDE = ("unshare", "--net", "--mount", "sh", "-euc", SCRIPT, "sh")
CHANGED = re.compile(r"^\S+ +: ok=\d+ +changed=(\d+) ", re.MULTILINE)
#: Between two runs in the output
AGAIN = "== again =="


def python_for(core: Core) -> str | None:
    """The newest Python of this machine that a core's controller may have."""
    for version in PYTHONS:
        if core.oldest <= version < core.newest:
            for folder in folders():
                found = shutil.which("python%d.%d" % version, path=folder)
                if found and runs(found):
                    return found
    return None


def folders() -> Iterator[str]:
    """Where Pythons may be: on the PATH but the environment of the checkout, and those that pyenv has built."""
    own = str(steps.CHECKOUT / ".venv")
    yield from (folder for folder in os.environ["PATH"].split(os.pathsep) if not folder.startswith(own))
    yield from sorted((str(path) for path in Path("~/.pyenv/versions").expanduser().glob("*/bin")), reverse=True)


def runs(python: str) -> bool:
    """Whether an interpreter can make an environment: a link of pyenv may lead nowhere, and Debian has venv apart."""
    done = subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True, check=False)
    return done.returncode == 0


def installed(core: Core, python: str) -> Path:
    """The commands of a core, which is installed where it is not yet."""
    return environments.installed(f"cores/{core.version}", [f"ansible-core=={core.version}", *NODE], python)


def environment_of(binaries: Path, config: Path, collection: Path) -> dict[str, str]:
    """What a play has in its environment: the folder of the collection, and nothing of the checkout's own settings."""
    collections = [collection, Path(sysconfig.get_path("purelib"))]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
    return {
        **kept,
        "PATH": f"{binaries}{os.pathsep}{kept['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(map(str, collections)),
        "ANSIBLE_CONFIG": str(config),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
    }


def complaint(output: str, words: str) -> str | None:
    """What is wrong with runs that all ended well: the last of several changes nothing, and some words are said."""
    warned = [line for line in output.splitlines() if "WARNING" in line]
    if warned:
        return "it warns:\n" + "\n".join(warned)
    runs = [[int(count) for count in CHANGED.findall(run)] for run in output.split(AGAIN)]
    if not all(runs):
        return "nothing was played:\n" + output
    if words not in output:
        return f"nothing says '{words}':\n{output}"
    if len(runs) > 1 and any(runs[-1]):
        return "the second run changes something:\n" + output
    return None


def played(name: str, command: Sequence[str], env: Mapping[str, str], *, turns: int, words: str = "") -> steps.Step:
    """Play something in a network of its own, so often."""
    start = time.monotonic()
    script = ["sh", "-euc", AGAIN.join(['"$@"; '] * turns).replace(AGAIN, f"echo '{AGAIN}'; "), "sh"]
    done = subprocess.run(
        [*INSIDE, *script, *command],
        cwd=steps.CHECKOUT,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    failure = complaint(done.stdout, words) if done.returncode == 0 else done.stdout
    return steps.Step(name, time.monotonic() - start, failure)


def plays(core: Core, binaries: Path, env: Mapping[str, str], doctor: str) -> Iterator[steps.Step]:
    """Play everything on a core; `doctor` is the name or the path of the doctor's playbook."""
    common = [
        "ansible-playbook",
        *("-e", f"ansible_python_interpreter={binaries / 'python'}"),
        *("-i", "localhost,", "-i", str(FOLDER / "pods.netns.yml")),
        *("-e", "ansible_connection=local"),
    ]
    yield played(f"{core.name}: modules and plugins", [*common, str(FOLDER / "play.yml")], env, turns=2)
    command = [*common, "-e", "doctor_hosts=localhost", doctor]
    yield played(f"{core.name}: the doctor", command, env, turns=1, words=DOCTOR)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    known = {core.name: core for core in (*CORES, *COMING)}
    parser.add_argument("core", nargs="*", choices=[[], *known], help="versions (default: the oldest and the newest)")
    chosen = [known[name] for name in parser.parse_args().core] or [CORES[0], CORES[-1]]
    start = time.monotonic()
    done = []
    for core in chosen:
        python = python_for(core)
        if python is None:
            print(f"skip           {core.name}: no Python here that it runs on")
            continue
        binaries = installed(core, python)
        config = binaries.parent / "ansible.cfg"
        config.write_text("[defaults]\n")
        env = environment_of(binaries, config, steps.CHECKOUT / ".venv" / "collections")
        for step in plays(core, binaries, env, str(steps.CHECKOUT / "playbooks" / "doctor.yml")):
            done.append(step)
            steps.tell(step)
    return steps.close("versions", done, start)


if __name__ == "__main__":
    sys.exit(main())
