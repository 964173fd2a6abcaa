# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small web servers under supervision, for a host that has no systemd.

supervisor.py present FOLDER SETTINGS: have these servers run as SETTINGS (JSON) say, and answer what changed.
supervisor.py absent FOLDER SETTINGS: end them and remove their files, in the same way.
supervisor.py run FOLDER NAME: be one server's supervisor, which starts it again when it dies.

A supervisor holds a lock on NAME.pid as long as it lives, and writes its number and its start time into it: by both a
process is known for the supervisor before it gets a signal. Its server holds a lock on NAME.page as long as it listens.
The folder is root's alone, so nobody else can open what is locked. A supervisor ends when its server's namespace has
lost its name.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import http.server
import json
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import time
from collections.abc import Callable
from typing import IO, Any

NOBODY = 65534
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
# Seconds between a server's end and its next start, and until a process must have begun or ended
DELAY = 1.0
PATIENCE = 20.0
# Bytes of a log, of which there are two: the one that is written, and the one before
LOG_SIZE = 262144
KINDS = ("json", "log", "log.1", "page", "pid")
PROGRAM = "supervisor.py"


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A web server that asks no name server for its own name, as http.server's would."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: str, port: int, handler: Any) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def path_of(folder: str, name: str, kind: str) -> str:
    return os.path.join(folder, "%s.%s" % (name, kind))


def namespace_of(server: dict[str, Any]) -> int | None:
    """What tells the server's namespace from a later one of the same name; None for the host's own."""
    return os.stat("/run/netns/" + server["netns"]).st_ino if server.get("netns") else None


def start_time(pid: int) -> str:
    """When a process began, in ticks since the machine's start (field 22 in proc_pid_stat(5)); empty if it is gone."""
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return stat.read().rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_locked(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def held_by(folder: str, name: str) -> int | None:
    """The process that supervises a server; None if there is none.

    Who holds the lock may be somebody else, and the number another process's by now: it is the supervisor's only if it
    began when the supervisor did.
    """
    path = path_of(folder, name, "pid")
    if not is_locked(path):
        return None
    try:
        with open(path) as lock:
            number, began = lock.read().split()
        pid = int(number)
    except (FileNotFoundError, ValueError):
        return None  # that of a supervisor which has not written yet, or is not ours
    return pid if began == start_time(pid) else None


def listens(folder: str, name: str) -> bool:
    """Whether a server takes connections."""
    return is_locked(path_of(folder, name, "page"))


def wait_until(true: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def is_right(folder: str, server: dict[str, Any]) -> bool:
    """Whether a server is supervised, made from what is asked for, in the namespace that has the name, and listens.

    One that has just died is given the time in which it is started again.
    """
    name = server["name"]
    try:
        with open(path_of(folder, name, "json")) as made:
            made_from = json.load(made)
        right = bool(held_by(folder, name)) and made_from == dict(server, inode=namespace_of(server))
    except (FileNotFoundError, ValueError):
        return False
    return right and wait_until(lambda: listens(folder, name), 2 * DELAY)


def start(folder: str, server: dict[str, Any]) -> None:
    name = server["name"]
    page = path_of(folder, name, "page")
    os.makedirs(page, exist_ok=True)
    with open(os.path.join(page, "index.html"), "w") as text:
        text.write(server["content"])
    # Whatever the umask is: the server reads them as the user nobody, from within.
    os.chmod(page, 0o755)
    os.chmod(os.path.join(page, "index.html"), 0o644)
    try:
        made = dict(server, inode=namespace_of(server))
    except FileNotFoundError:
        sys.exit("the namespace '%s' of server '%s' does not exist: create it first" % (server["netns"], name))
    with open(path_of(folder, name, "json"), "w") as told:
        json.dump(made, told)
    subprocess.Popen(
        [sys.executable, os.path.abspath(__file__), "run", folder, name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=True,
        cwd="/",
        start_new_session=True,
    )


def wait_for(folder: str, name: str) -> None:
    """Wait for a server that has been started, or say why it does not take connections."""
    if wait_until(lambda: listens(folder, name)):
        return
    try:
        with open(path_of(folder, name, "log"), errors="replace") as log:
            said = log.read().strip().rpartition("\n")[2]
    except FileNotFoundError:
        said = "nothing"
    sys.exit("server '%s' does not listen within %d seconds; the last that it said: %s" % (name, PATIENCE, said))


def has_ended(folder: str, name: str, pid: int) -> bool:
    return held_by(folder, name) != pid


def stop(folder: str, name: str) -> None:
    """End a supervisor, and its server with it."""
    pid = held_by(folder, name)
    if not pid:
        return
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):  # it has ended since
            os.kill(pid, how)
        if wait_until(functools.partial(has_ended, folder, name, pid), 5):
            return
    sys.exit("the supervisor of server '%s', process %d, does not end" % (name, pid))


def present(folder: str, settings: dict[str, Any]) -> list[str]:
    if os.path.isdir(folder) and not settings["check"]:
        os.chmod(folder, 0o700)
    wrong = [server for server in settings["servers"] if not is_right(folder, server)]
    if not settings["check"]:
        for server in wrong:
            stop(folder, server["name"])
            start(folder, server)
        for server in wrong:
            wait_for(folder, server["name"])
    return [server["name"] for server in wrong]


def absent(folder: str, settings: dict[str, Any]) -> list[str]:
    files = set(os.listdir(folder)) if os.path.isdir(folder) else set()
    own = {
        server["name"]: files.intersection("%s.%s" % (server["name"], kind) for kind in KINDS)
        for server in settings["servers"]
    }
    there = [name for name in own if own[name]]
    # With the last server goes what they have in common.
    last = bool(files) and files.difference(*own.values()) <= {PROGRAM}
    if not settings["check"]:
        for name in there:
            stop(folder, name)
            shutil.rmtree(path_of(folder, name, "page"), ignore_errors=True)
            for file in own[name]:
                with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                    os.remove(os.path.join(folder, file))
        if last:
            shutil.rmtree(folder)
    return there + [PROGRAM] * last


def take(lock: IO[str]) -> bool:
    """Take a lock if nobody has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def supervise(folder: str, name: str) -> None:
    """Run a server until this process is told to end, or its namespace has lost its name."""
    lock = open(path_of(folder, name, "pid"), "a+")  # noqa: SIM115 (held until the process ends)
    os.chmod(lock.fileno(), 0o600)
    if not wait_until(lambda: take(lock), PATIENCE / 2):
        write_log(path_of(folder, name, "log"), b"another process holds the lock on the file of this supervisor\n")
        sys.exit(1)
    lock.truncate(0)
    lock.write("%d %s" % (os.getpid(), start_time(os.getpid())))
    lock.flush()
    with open(path_of(folder, name, "json")) as told:
        server = json.load(told)
    child: list[int] = []

    def end(*_arguments: object) -> None:
        for pid in child:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)

    def look(*_arguments: object) -> None:
        try:
            there = namespace_of(server) == server["inode"]
        except OSError:
            there = False
        if not there:
            end()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, DELAY, DELAY)
    while True:
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            lock.close()
            os.close(reading)
            serve(server, path_of(folder, name, "page"), writing)
        child[:] = [pid]
        os.close(writing)
        with os.fdopen(reading, "rb") as said:
            for line in said:
                write_log(path_of(folder, name, "log"), line)
        os.waitpid(pid, 0)
        child[:] = []
        time.sleep(DELAY)


def write_log(path: str, line: bytes) -> None:
    with open(path, "ab") as log:
        log.write(line)
        full = log.tell() > LOG_SIZE
    if full:
        os.replace(path, path + ".1")


def serve(server: dict[str, Any], page: str, output: int) -> None:
    """Become the server: in its namespace, with its port, and then without root's rights."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.dup2(output, 1)
        os.dup2(output, 2)
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if server.get("netns"):
            with open("/run/netns/" + server["netns"]) as namespace:
                if libc.setns(namespace.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "cannot enter namespace '%s'" % server["netns"])
        # From within, since the folder above is root's alone.
        os.chdir(page)
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=".")
        web = Server(server.get("address") or "0.0.0.0", server["port"], handler)
        fcntl.flock(os.open(".", os.O_RDONLY), fcntl.LOCK_EX)  # until the process ends
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        # The kernel forgets it when the user changes.
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        web.serve_forever()
    except Exception as problem:
        os.write(2, ("%s\n" % problem).encode())
    finally:
        os._exit(1)


def main() -> None:
    command, folder, rest = sys.argv[1:]
    os.umask(0o077)
    if command == "run":
        supervise(folder, rest)
    changed = {"present": present, "absent": absent}[command](folder, json.loads(rest))
    print(json.dumps({"changed": changed}))


if __name__ == "__main__":
    main()
