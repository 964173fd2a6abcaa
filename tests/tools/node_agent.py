# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of tests/tools/node.py that lives on the node: requests on stdin, answers on stdout, a line of JSON each.

A request is one of
- ``{"module": NAME, "params": {...}, "check": BOOL, "diff": BOOL, "die_after": N}``: run a module. With
  ``die_after`` it runs in a process that is killed once the kernel has taken N of the messages that change something;
  the answer is then null, or the module's result where there were fewer messages.
- ``{"command": [WORD, ...], "stdin": TEXT}``: run a program.

It needs Python 3.8, and the collection and ``ansible.module_utils`` on its path.
"""

from __future__ import annotations

import contextlib
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
from collections.abc import Sequence
from typing import Any

from ansible.module_utils.testing import patch_module_args

COLLECTION = "ansible_collections.linuxnet.ipvs.plugins"


def run_module(name: str, params: dict[str, Any], check: bool = False, diff: bool = True) -> dict[str, Any]:
    """A module's result, as Ansible would get it, with what it took: seconds, and the process's peak KiB."""
    module = importlib.import_module("%s.modules.%s" % (COLLECTION, name))
    printed = io.StringIO()
    start = time.perf_counter()
    given = patch_module_args(dict(params, _ansible_check_mode=check, _ansible_diff=diff))
    with given, contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        module.main()
    seconds = time.perf_counter() - start
    result = json.loads(printed.getvalue())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return dict(result, took=dict(seconds=seconds, peak_kib=peak))


def run_and_die(name: str, params: dict[str, Any], messages: int) -> dict[str, Any] | None:
    """The result of a module that is killed after so many messages, or None where it was."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        netlink = importlib.import_module(COLLECTION + ".module_utils._netlink")
        send_all = netlink.NetlinkSocket.send_all
        left = [messages]

        def send_some(self: Any, batch: Sequence[Any]) -> None:
            send_all(self, batch[: left[0]])
            if len(batch) >= left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= len(batch)

        netlink.NetlinkSocket.send_all = send_some
        os.write(writer, json.dumps(run_module(name, params)).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    result: dict[str, Any] | None = json.loads(answer) if answer else None
    return result


def run_command(words: Sequence[str], stdin: str) -> dict[str, Any]:
    start = time.perf_counter()
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    return dict(rc=done.returncode, stdout=done.stdout, stderr=done.stderr, took=dict(seconds=seconds))


def answer(request: dict[str, Any]) -> dict[str, Any] | None:
    if "command" in request:
        return run_command(request["command"], request.get("stdin", ""))
    if request.get("die_after") is not None:
        return run_and_die(request["module"], request["params"], request["die_after"])
    return run_module(request["module"], request["params"], request.get("check", False), request.get("diff", True))


def main() -> None:
    try:
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))), flush=True)
    finally:
        shutil.rmtree(os.path.dirname(os.path.abspath(__file__)))


if __name__ == "__main__":
    main()
