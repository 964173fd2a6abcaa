# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run Molecule scenarios, as many at once as this machine bears, and see that each one really verified something.

Molecule calls a scenario successful whose verify playbook or tests are missing, or whose verify play found no host.
Here such a scenario has failed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import runpy
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

import steps
import summary

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CONFIG = ".config/molecule/config.yml"
# How much is shown of a failing action
LAST_LINES = 100
LOGS = steps.OUTPUT / "molecule"
LAB_VM = steps.CHECKOUT / "roles" / "lab_host" / "files" / "lab_vm"
# Scenarios with Ansible's own strategy; the others may run with a faster one, which knows no foreign become plugin.
STOCK_STRATEGY = {"default", "namespaces"}
# Scenarios that have an emulated machine also where the others have a user-mode Linux. `article` makes its machine
# twice, the second one from the state that the first one left; `prediction` installs packages, which a user-mode Linux
# could not get from the mirror.
EMULATED = ("article", "prediction")
# Those that take longest begin first, so that the last one does not run alone for long.
LONGEST = (
    "stages",
    "fleet",
    "tables",
    "sets",
    "namespaces",
    "trouble",
    "links",
    "default",
    "prediction",
    "kubernetes",
    "variables",
    "doctor",
)
# What a scenario takes of the machine's memory: its virtual machine, Molecule and Ansible
MEMORY = 2 << 30
# The suites of Debian whose kernels the modules are tested on besides lab_host's own (6.1): 6.12, and the newest.
SUITES = ("trixie", "trixie-backports")
# The scenarios of what depends on the kernel, the most telling first
MODULES = ("tables", "sets", "balancer", "rules", "kubernetes", "links", "doctor", "trace")


@dataclass
class Action:
    """A step of a scenario: its name, what was printed, and how Molecule says that it ended."""

    name: str
    started: float
    lines: list[str] = field(default_factory=list)
    ending: str = ""


def actions(output: Iterable[str]) -> Iterator[Action]:
    """Cut Molecule's output into a scenario's actions; each is given as the next one begins."""
    current = Action("start", time.monotonic())
    for line in output:
        announced = re.match(r"\w+ +\[\S+ > (\w+)\] (Executing$|Executed: .*)", line)
        if announced and announced.group(2) == "Executing":
            yield current
            current = Action(announced.group(1), time.monotonic())
        else:
            if announced:
                current.ending = announced.group(2).removeprefix("Executed: ")
            current.lines.append(line)
    yield current


def complaints(done: Sequence[Action], tested: summary.Count) -> Iterator[str]:
    """Say what is wrong with a scenario that Molecule calls successful; `tested` is what its Python tests counted."""
    for action in done:
        if action.ending.startswith("Missing"):
            yield f"{action.name} has no playbook: add it, or take {action.name} out of the scenario's test_sequence"
    verifying = [line for action in done if action.name == "verify" for line in action.lines]
    if any("no hosts matched" in line for line in verifying):
        yield "verify has a play that found no host"
    plays = any(line.startswith("PLAY RECAP") for line in verifying)
    if not plays and not tested.passed:
        yield "verify ran nothing: there is neither a verify playbook nor a test"


def machine_for(name: str, suite: str = "", engine: str = "") -> str:
    """The variables of lab_host for a scenario's machine, with the kernel of a suite of Debian or lab_host's own.

    Args:
        engine: What runs the machines of lab_host's own kernel; nothing to leave that to lab_host.
    """
    release = suite.removesuffix("-backports")
    words = [f"lab_host_release={release}"] if suite else []
    words += [f"lab_host_kernel_suite={suite}"] if suite != release else []
    if engine and not suite:
        words.append(f"lab_host_vm_engine={'emulation' if name in EMULATED else engine}")
    return " ".join(words)


def engine_of(*, uml: bool) -> str:
    """What runs the machines: nothing said where there is KVM, which lab_host takes by itself.

    Args:
        uml: Whether a user-mode Linux is wanted where there is none. It is compiled and seen to boot; if it does not,
            the reason is told, and machines are emulated.
    """
    if not runpy.run_path(str(LAB_VM / "host.py"))["kvm_obstacle"]():
        return ""
    if not uml:
        return "emulation"
    state = {"lab_host_state_dir": str(steps.CHECKOUT / ".lab-molecule" / "uml")}
    asked = {**state, "lab_host_kind": "vm", "lab_host_vm_engine": "uml"}
    done = []
    for book, variables in (("host_up", asked), ("host_down", asked)):
        command = ["ansible-playbook", f"playbooks/{book}.yml", "--extra-vars", json.dumps(variables)]
        done.append(steps.run(f"user-mode Linux: {book}", command, {"ANSIBLE_NOCOLOR": "1", "NO_COLOR": "1"}))
        print(done[-1].line, flush=True)
    failed = [step for step in done if step.failure is not None]
    for step in failed:
        print("".join(f"      | {line}\n" for line in str(step.failure).splitlines()[-LAST_LINES:]), end="")
    return "emulation" if failed else "uml"


def environment(name: str, junit: Path, machine: str) -> dict[str, str]:
    """What a scenario's run needs in its environment besides what is there."""
    env = {
        "ANSIBLE_DEPRECATION_WARNINGS": "false",  # each play would warn of the faster strategy
        "ANSIBLE_NOCOLOR": "1",
        "LAB_HOST_MACHINE": machine,  # .config/molecule/config.yml hands it on
        "MOLECULE_COMMAND_BORDERS": "false",
        # By default two checkouts whose folders have the same name would share it.
        "MOLECULE_EPHEMERAL_DIRECTORY": str(LOGS / name),
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "NO_COLOR": "1",
        "PYTEST_ADDOPTS": f"{os.environ.get('PYTEST_ADDOPTS', '')} --junit-xml='{junit}'",
        "PYTHONUNBUFFERED": "1",
    }
    if name in STOCK_STRATEGY:
        env["ANSIBLE_STRATEGY"] = "linear"
    return env


def run(name: str, arguments: Sequence[str], *, show: bool, suite: str = "", engine: str = "") -> steps.Step:
    """Run a scenario, tell its actions as they end (or show all output), and keep its log."""
    title = f"{name}-{suite}" if suite else name
    junit = steps.JUNIT / "scenarios" / f"{title}.xml"
    junit.unlink(missing_ok=True)
    log = LOGS / f"{title}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    done = []
    command = ["molecule", "--base-config", CONFIG, "test", "--scenario-name", name, *arguments]
    with (
        temporary_folder() as temporary,
        log.open("w") as kept,
        subprocess.Popen(
            command,
            cwd=steps.CHECKOUT,
            env={**os.environ, **environment(name, junit, machine_for(name, suite, engine)), "TMPDIR": temporary},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        assert process.stdout is not None
        for action in actions(_copied(process.stdout, kept, show=show)):
            done.append(action)
            if action.name != "start" and not show:
                print(f"      {time.monotonic() - action.started:6.1f} s  {title}: {action.name}", flush=True)
    failure = None
    if process.returncode != 0:
        failed = [action for action in done if action.ending.startswith("Failed")] or done[-1:]
        last = [] if show else failed[0].lines[-LAST_LINES:]
        failure = f"{failed[0].name} failed; the whole log: {log.relative_to(steps.CHECKOUT)}\n" + "".join(last)
    else:
        failure = "\n".join(complaints(done, summary.count(junit) if junit.exists() else summary.Count())) or None
    return steps.Step(title, time.monotonic() - start, failure)


@contextmanager
def temporary_folder() -> Iterator[str]:
    """A folder for all that a scenario's programs leave behind, such as Mitogen's sockets; gone at the end.

    Its name is short, since a socket's path has at most 107 characters (unix(7)). mmdebstrap, which may unpack an image
    there as another user, gets through it.
    """
    with TemporaryDirectory(prefix="linuxnet-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield name


def _copied(output: Iterable[str], kept: TextIO, *, show: bool) -> Iterator[str]:
    for coloured in output:
        line = COLOUR.sub("", coloured)  # Molecule colours a few words whatever NO_COLOR says
        kept.write(line)
        kept.flush()
        if show:
            print(line, end="", flush=True)
        yield line


def at_once() -> int:
    """How many scenarios this machine bears at once: one for each processor, if there is memory for them.

    A virtual machine that is emulated keeps a processor busy, but for the time in which it waits for Ansible.
    """
    meminfo = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    available = int(meminfo["MemAvailable"].removesuffix("kB")) << 10
    return max(1, min(len(os.sched_getaffinity(0)), available // MEMORY))


def in_order(names: Iterable[str]) -> list[str]:
    """The scenarios in the order in which they begin."""
    return sorted(names, key=lambda name: (LONGEST.index(name) if name in LONGEST else len(LONGEST), name))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--show", action="store_true", help="show all that Molecule prints")
    parser.add_argument("--jobs", type=int, default=at_once(), help="how many at once (default here: %(default)s)")
    parser.add_argument("--suite", default="", help="the suite of Debian that the kernel comes from (bookworm)")
    parser.add_argument("--kernels", action="store_true", help="run the modules' scenarios on other kernels")
    parser.add_argument(
        "--uml", action="store_true", help="have a user-mode Linux, compiled once, where there is no KVM"
    )
    parser.add_argument("name", nargs="?", help="a folder of molecule/ (default: all of them)")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="further arguments for molecule test")
    chosen = parser.parse_args()
    every = in_order(path.parent.name for path in steps.CHECKOUT.glob("molecule/*/molecule.yml"))
    names = [chosen.name] if chosen.name else MODULES if chosen.kernels else every
    suites = SUITES if chosen.kernels and not chosen.suite else [chosen.suite]
    start = time.monotonic()
    engine = "" if any(suites) else engine_of(uml=chosen.uml)
    done = []
    for suite in suites:  # one after the other: a scenario has one machine
        with ThreadPoolExecutor(max(1, chosen.jobs)) as pool:
            begun = [
                pool.submit(run, name, chosen.arguments, show=chosen.show, suite=suite, engine=engine) for name in names
            ]
            for ended in as_completed(begun):
                done.append(ended.result())
                steps.tell(done[-1])
    return steps.close("kernels" if chosen.kernels else "scenarios", done, start)


if __name__ == "__main__":
    sys.exit(main())
