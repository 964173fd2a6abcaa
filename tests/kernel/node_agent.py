# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of tests/kernel/node.py that lives on the node: requests on stdin, answers on stdout, a line of JSON each.

A request is one of
- ``{"module": NAME, "params": {...}, "check": BOOL, "diff": BOOL}``: run a module. It runs in a process of its own
  with one of

  - ``"die_after": N``: the process is killed once the kernel has taken N of the messages (or pyroute2 N of the
    operations) that change something. The answer is then null, or the module's result where there were fewer.
  - ``"held_at": PATH``: it stands still when it has read and planned, before its first message that changes something.
    A file at PATH says that it does, and it goes on when the file is gone.
  - ``"user": UID``: the process is that user's.
  - ``"without_rights": true``: the process is root's, but in a user namespace of its own, as in a container.
- ``{"command": [WORD, ...], "stdin": TEXT}``: run a program.

It needs Python 3.8, and the collection and ``ansible.module_utils`` on its path.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common import warnings
from ansible.module_utils.testing import patch_module_args

COLLECTION = "ansible_collections.linuxnet.ipvs.plugins"
#: The modules that change links, and so need pyroute2.
OVER_PYROUTE2 = ("hairpin", "veth_bridge", "virtual_ip")
#: How long a module stands still at most (seconds), so that a test that fails leaves nothing behind that waits.
HELD_AT_MOST = 60


def processor() -> float:
    """The seconds that this process, and those that it has started and awaited, have had of a processor."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


@contextlib.contextmanager
def timing(owner: Any, method: str) -> Iterator[list[tuple[float, float]]]:
    """The seconds that each call of a method or of a module's function takes, by the clock and of the processor."""
    whole, taken = getattr(owner, method), []

    def timed(*args: Any, **kwargs: Any) -> Any:
        start, used = time.perf_counter(), processor()
        try:
            return whole(*args, **kwargs)
        finally:
            taken.append((time.perf_counter() - start, processor() - used))

    setattr(owner, method, timed)
    try:
        yield taken
    finally:
        setattr(owner, method, whole)


def run_module(name: str, params: dict[str, Any], check: bool = False, diff: bool = True) -> dict[str, Any]:
    """A module's result, as Ansible would get it, with what it took.

    That is seconds; how many of them were Ansible's, which reads the options and writes the result; the same of the
    processor; and the process's peak KiB.
    """
    module = importlib.import_module("%s.modules.%s" % (COLLECTION, name))
    warnings._global_warnings.clear()  # those of the module that ran before
    printed = io.StringIO()
    given = patch_module_args(dict(params, _ansible_check_mode=check, _ansible_diff=diff))
    runs, reads, writes = timing(module, "main"), timing(AnsibleModule, "__init__"), timing(AnsibleModule, "exit_json")
    quiet, ends = contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit)
    with given, quiet, ends, runs as run, reads as read, writes as written:
        module.main()
    gc.enable()  # what a module switches off for its own process
    result = json.loads(printed.getvalue())
    result["warnings"] = [each["event"]["msg"] for each in result.get("warnings", ())]
    took = dict(
        seconds=sum(clock for clock, _used in run),
        ansible_seconds=sum(clock for clock, _used in read + written),
        processor=sum(used for _clock, used in run),
        ansible_processor=sum(used for _clock, used in read + written),
        peak_kib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    )
    return dict(result, took=took)


def in_child(work: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """What `work` returns in a process of its own, or None where that is killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    result: dict[str, Any] | None = json.loads(answer) if answer else None
    return result


def changing(module: str) -> tuple[Any, str]:
    """What a module changes the kernel with: a class and its method, or a file and its function."""
    if module == "netns":
        return importlib.import_module(COLLECTION + ".module_utils._netns.changes"), "apply"
    if module in OVER_PYROUTE2:
        return importlib.import_module(COLLECTION + ".module_utils._link.changes").Changes, "apply"
    return importlib.import_module(COLLECTION + ".module_utils._kernel.netlink").NetlinkSocket, "send_all"


def die_after(steps: int, module: str) -> None:
    """Have this process killed once so many steps of a module are done."""
    left = [steps]
    owner, name = changing(module)
    whole = getattr(owner, name)

    def some(*args: Any) -> None:
        *first, batch = args
        batch = list(batch)
        whole(*first, batch[: left[0]])
        if len(batch) >= left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= len(batch)

    setattr(owner, name, some)


def hold_at(path: str, module: str) -> None:
    """Have this process stand still before the first step that changes something, for as long as a file is there."""
    owner, name = changing(module)
    whole = getattr(owner, name)

    def later(*args: Any) -> Any:
        setattr(owner, name, whole)
        with open(path, "x", encoding="ascii"):
            deadline = time.monotonic() + HELD_AT_MOST
        while os.path.exists(path) and time.monotonic() < deadline:
            time.sleep(0.02)
        return whole(*args)

    setattr(owner, name, later)


def lose_rights() -> None:
    """Make a user namespace for this process, in which it is root still."""
    clone_newuser = 0x10000000  # linux/sched.h; Python has it since 3.12
    if ctypes.CDLL(None).unshare(clone_newuser) != 0:
        raise OSError("unshare(CLONE_NEWUSER) has failed")
    with open("/proc/self/uid_map", "w", encoding="ascii") as users:
        users.write("0 0 1")


def run_command(words: Sequence[str], stdin: str) -> dict[str, Any]:
    start, used = time.perf_counter(), processor()
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
    took = dict(seconds=time.perf_counter() - start, processor=processor() - used)
    return dict(rc=done.returncode, stdout=done.stdout, stderr=done.stderr, took=took)


def answer(request: dict[str, Any]) -> dict[str, Any] | None:
    if "command" in request:
        return run_command(request["command"], request.get("stdin", ""))

    def work() -> dict[str, Any]:
        name = request["module"]
        if "die_after" in request:
            die_after(request["die_after"], name)
        if "held_at" in request:
            hold_at(request["held_at"], request["module"])
        if "user" in request:
            importlib.import_module("%s.modules.%s" % (COLLECTION, name))  # root's folder
            os.setgid(request["user"])
            os.setuid(request["user"])
        if "without_rights" in request:
            lose_rights()
        return run_module(name, request["params"], request.get("check", False), request.get("diff", True))

    return in_child(work) if {"die_after", "held_at", "user", "without_rights"} & request.keys() else work()


def main() -> None:
    try:
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))), flush=True)
    finally:
        shutil.rmtree(os.path.dirname(os.path.abspath(__file__)))


if __name__ == "__main__":
    main()
