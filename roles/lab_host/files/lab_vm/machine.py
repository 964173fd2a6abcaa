# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual machine: a process that runs a throw-away overlay of an image, and the way in by ssh.

Its engine is QEMU, on the processor (`kvm`) or with one that it emulates (`emulation`), or a user-mode Linux (`uml`).

An emulated machine takes about half a minute to boot, so it is done once: its state right after the boot is kept next
to the image, and from then on every machine starts from a copy of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from . import qemu, uml
from .host import SEARCH_PATH, LabError, kvm_obstacle, last_lines, locked, missing_packages, run
from .image import Image, Recipe

# A guest that really runs answers in seconds, and within these on a machine that is busy; if not, emulation is next.
PATIENCE = 90
RESUME_PATIENCE = 60
SNAPSHOT = "booted"
FILES = (
    "console.log",
    "disk",
    "enter",
    "inventory.yml",
    "known_hosts",
    "nodes.json",
    "overlay.cow",
    "overlay.qcow2",
    "qemu.pid",
    "qmp.sock",
    "ssh_config",
    "vm.json",
)


@dataclass(frozen=True)
class Settings:
    """What is asked for."""

    name: str
    memory: int
    """in MiB"""
    cpus: int
    engine: str
    """`kvm`, `uml`, `emulation`, or `auto` for the best that works"""
    resume: bool
    timeout: int
    """how long a boot may take, in seconds"""


@dataclass(frozen=True)
class Machine:
    """The one virtual machine whose files are in `folder`, running or not."""

    folder: Path
    recipe: Recipe
    """what its image is made of; `uml` follows from the engine"""
    cache: Path
    key: Path
    settings: Settings

    # What is asked for

    def engines(self) -> list[str]:
        """What to try, in this order."""
        if self.settings.engine != "auto":
            return [self.settings.engine]
        if not kvm_obstacle():
            return ["kvm", "emulation"]
        # To compile a kernel takes minutes, which nobody has asked for.
        compiled = self.recipe.uml_kernel(self.cache).is_built and not uml.obstacle()
        return ["uml", "emulation"] if compiled else ["emulation"]

    def image(self, engine: str) -> Image:
        return Image.of(replace(self.recipe, uml=engine == "uml"), self.cache)

    def arguments(self, engine: str) -> list[str]:
        """What shapes the machine on its engine's command line."""
        settings, key = self.settings, self.key.with_suffix(".pub").read_text()
        if engine == "uml":
            return uml.arguments(settings.name, settings.memory, key)
        return qemu.arguments(engine, settings.name, settings.memory, settings.cpus, key)

    def identity(self, engine: str) -> str:
        """A hash of what is asked for: a machine that was started for something else is replaced."""
        settings = self.settings
        wanted = [self.image(engine).identity, engine, settings.name, settings.memory, settings.cpus]
        return digest([*wanted, self.key.with_suffix(".pub").read_text()])

    def snapshot(self) -> Path:
        """Where the state after an emulated boot is kept; it belongs to this very QEMU and these very arguments."""
        version = run(["qemu-system-x86_64", "--version"]).splitlines()[0]
        image = self.image("emulation")
        anywhere = qemu.places(Path(), image, Path("overlay.qcow2"), Path("console.log"), port=0)
        what = digest([version, *self.arguments("emulation"), *anywhere])
        return image.folder / f"booted-{what}.qcow2"

    # What is there

    def overlay(self, engine: str) -> Path:
        return self.folder / ("overlay.cow" if engine == "uml" else "overlay.qcow2")

    @property
    def console(self) -> Path:
        return self.folder / "console.log"

    def record(self) -> dict[str, Any]:
        """What was noted when the machine was started; empty if there is none."""
        try:
            return dict(json.loads((self.folder / "vm.json").read_text()))
        except (OSError, ValueError):
            return {}

    def processes(self) -> list[int]:
        """The processes that run an overlay of ours: the command line names it, so it cannot be anybody else's."""
        disks = [f"file={self.overlay('uml')}", f",file={qemu.escaped(self.overlay('emulation'))}"]
        return [pid for pid, argv in own_processes() if any(word.endswith(disk) for word in argv for disk in disks)]

    def fault(self) -> str | None:
        """Why the machine cannot be used as it is; None if it can."""
        record = self.record()
        if not self.processes():
            return "it died" if record else "there is none yet"
        if not record:
            return "it was never seen to answer"
        if not self.is_wanted(record):
            return "other settings are asked for now"
        if not greets(record["port"]):
            return "it does not answer"
        return None

    def is_wanted(self, record: dict[str, Any]) -> bool:
        """Whether the machine that was noted is one that would be started now, with the first engine or another one."""
        engine = record.get("engine")
        return (
            engine in self.engines()
            and self.image(engine).is_built
            and self.key.with_suffix(".pub").exists()
            and record["identity"] == self.identity(engine)
        )

    # What is done

    def start(self) -> dict[str, Any]:
        """Bring the machine up unless it is; whatever is left of an unusable one is cleared away first.

        :returns: whether anything was done, and what a person should know about it
        """
        with locked(self.folder):
            if self.fault() is None:
                record = self.record()
                return {"changed": self.write_access(record["engine"], record["port"]), "notes": []}
            make_key(self.key)
            self.clear()
            notes: list[str] = []
            engines = self.engines()
            for engine in engines:
                try:
                    self.bring_up(engine, notes, last=engine == engines[-1])
                    break
                except LabError as error:
                    self.clear()
                    if engine == engines[-1]:
                        raise LabError("\n".join([*notes, str(error)])) from error
                    notes.append(
                        f"It did not work with {engine}, so the machine is emulated. To save the attempt the next "
                        f"time, set lab_host_vm_engine to emulation. ({error})"
                    )
            return {"changed": True, "notes": notes}

    def bring_up(self, engine: str, notes: list[str], *, last: bool) -> None:
        """Start the machine with an engine and see it answer.

        :raises LabError: if it does not
        """
        self.have_image(engine)
        snapshot = self.snapshot() if engine == "emulation" and self.settings.resume else None
        if snapshot is not None and snapshot.exists():
            try:
                run(["cp", "--", str(snapshot), str(self.overlay(engine))])
                port = self.launch(engine, "-loadvm", SNAPSHOT)
                self.enter(port, RESUME_PATIENCE)
            except LabError as error:
                notes.append(f"The machine did not wake up from its kept state, so it was booted. ({error})")
                self.clear()
                snapshot.unlink(missing_ok=True)
            else:
                self.note(engine, port)
                return
        port = self.launch(engine)
        self.enter(port, self.settings.timeout if last else min(PATIENCE, self.settings.timeout))
        if snapshot is not None:
            try:
                self.keep(snapshot)
            except LabError as error:
                notes.append(f"The state after the boot could not be kept for the next time. ({error})")
            self.settle()
        self.note(engine, port)

    def have_image(self, engine: str) -> None:
        """See that there is an image: that of the first engine has been built before, that of another one has not.

        :raises LabError: if it lacks a program
        """
        image = self.image(engine)
        missing = missing_packages(engine, to_build=not image.is_built)
        if missing:
            raise LabError(
                f"To have the machine run by {engine}, programs of {', '.join(missing)} are missing. With "
                f"lab_host_vm_engine set to {engine}, they are installed."
            )
        image.build()

    def launch(self, engine: str, *more: str) -> int:
        """Start the machine's process in the background, with `more` from a state that is kept.

        :returns: the port on which the machine's ssh will answer
        """
        image, overlay = self.image(engine), self.overlay(engine)
        if engine == "uml":
            port = uml.launch(self.folder, image, overlay, self.console, self.arguments(engine))
        else:
            if not more:
                run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(image.disk), str(overlay)])
            for attempt in range(3):
                port = free_port()
                places = qemu.places(self.folder, image, overlay, self.console, port)
                try:
                    run(["qemu-system-x86_64", *self.arguments(engine), *places, *more], cwd=self.folder)
                    break
                except LabError as error:
                    # Somebody else took the port in between.
                    if "host forwarding" not in str(error) or attempt == 2:
                        raise
        self.write_access(engine, port)
        return port

    def enter(self, port: int, patience: int) -> None:
        """Wait until the machine lets us in.

        :raises LabError: if its process ends, or if there is no answer for `patience` seconds
        """
        deadline = time.monotonic() + patience
        while not greets(port, 5):
            if not self.processes():
                raise LabError(f"Its process ended while the machine started. {self.last_words()}")
            if time.monotonic() > deadline:
                raise LabError(f"The machine does not answer by ssh after {patience} seconds. {self.last_words()}")
            time.sleep(0.2)
        self.settle()

    def last_words(self) -> str:
        """What the machine has written last."""
        said = last_lines(read(self.console) or "")
        return f"The end of its console:\n{said}" if said else "Its console is empty."

    def settle(self) -> None:
        """Give the machine the time of day and randomness of its own: a kept state brings neither.

        QEMU's hardware clock is this machine's. User-mode Linux has none, and this machine's time.
        """
        clock = "/sys/class/rtc/rtc0/since_epoch"
        self.ssh(f"cat >/dev/urandom && if [ -e {clock} ]; then date --set=@$(cat {clock}); fi", stdin=os.urandom(64))

    def keep(self, snapshot: Path) -> None:
        """Keep the state of the machine, which has just booted, as `snapshot`. It stands still meanwhile."""
        # Not only sshd: whatever else the boot starts shall be done. (The exit code tells of failed units.)
        self.ssh("systemctl is-system-running --wait || true")
        part = snapshot.with_suffix(f".{os.getpid()}.part")
        with locked(snapshot.parent):
            for leftover in snapshot.parent.glob("*.part"):
                leftover.unlink()
            with qemu.Monitor(self.folder) as monitor:
                monitor.execute("stop")
                try:
                    said = monitor.execute("human-monitor-command", **{"command-line": f"savevm {SNAPSHOT}"})
                    if said:
                        raise LabError(said)
                    run(["cp", "--", str(self.overlay("emulation")), str(part)])
                finally:
                    monitor.execute("cont")
            part.rename(snapshot)

    def note(self, engine: str, port: int) -> None:
        """Note that the machine answers, the last step of its start."""
        record = {"identity": self.identity(engine), "port": port, "engine": engine}
        (self.folder / "vm.json").write_text(json.dumps(record))

    def stop(self) -> bool:
        """End the machine and remove its files, and the folder if nothing else is in there.

        :returns: whether there was anything
        """
        if not self.exists():
            return False
        with locked(self.folder):
            self.clear()
            if not any(self.folder.iterdir()):
                self.folder.rmdir()
        return True

    def exists(self) -> bool:
        """Whether anything is left of a machine, running or not."""
        return bool(self.processes()) or any((self.folder / name).exists() for name in FILES)

    def halt(self) -> None:
        end(self.processes())

    def clear(self) -> None:
        self.halt()
        for name in FILES:
            (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(self.folder / uml.NAME, ignore_errors=True)

    # The way in

    def access(self, engine: str, port: int) -> dict[str, str]:
        """The files by which ssh finds the machine and knows it for the right one: name -> content."""
        ssh_config = f"""\
# The lab's virtual machine: ssh -F {self.folder / "ssh_config"} {self.settings.name}
Host {self.settings.name}
  HostName 127.0.0.1
  Port {port}
  User root
  IdentityFile "{self.key}"
  IdentitiesOnly yes
  HostKeyAlias {self.settings.name}
  UserKnownHostsFile "{self.folder / "known_hosts"}"
  StrictHostKeyChecking yes
"""
        return {"ssh_config": ssh_config, "known_hosts": f"{self.settings.name} {self.image(engine).host_key}\n"}

    def write_access(self, engine: str, port: int) -> bool:
        """Write these files where they are not so already. Returns whether any was not."""
        stale = {name: text for name, text in self.access(engine, port).items() if text != read(self.folder / name)}
        for name, text in stale.items():
            (self.folder / name).write_text(text)
        return bool(stale)

    def ssh(self, command: str, stdin: bytes = b"") -> None:
        """Have the machine's shell run `command`.

        :raises LabError: if it fails, or if it is not done in a minute
        """
        argv = ["ssh", "-F", str(self.folder / "ssh_config"), "-o", "BatchMode=yes", self.settings.name, command]
        environment = {**os.environ, "PATH": SEARCH_PATH}
        try:
            done = subprocess.run(argv, env=environment, input=stdin, capture_output=True, timeout=60, check=False)
        except subprocess.TimeoutExpired as error:
            raise LabError("The machine greets, but a command by ssh did not end in a minute.") from error
        if done.returncode:
            said = last_lines(done.stderr.decode(errors="replace"))
            raise LabError(f"The machine greets, but a command by ssh failed: {said}")


def make_key(key: Path) -> None:
    """Make the key by which this machine's user enters virtual machines, once; it never leaves this machine."""
    with locked(key.parent):
        if not key.with_suffix(".pub").exists():  # it is written last
            key.unlink(missing_ok=True)
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "linuxnet.ipvs lab", "-f", str(key)])


def own_processes() -> Iterator[tuple[int, list[str]]]:
    """This user's processes: their ids and their arguments."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if entry.stat().st_uid == os.geteuid():
                yield int(entry.name), (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # ended in between
            continue


def end(pids: Collection[int], patience: float = 10) -> None:
    """End processes, and wait until they have ended; what has not after `patience` seconds is killed.

    :raises LabError: if even that does not help
    """
    left = set(pids)
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = {pid for pid in left if sent(pid, number)}
        deadline = time.monotonic() + patience
        while left and time.monotonic() < deadline:
            time.sleep(0.05)
            left = {pid for pid in left if sent(pid, 0)}
    if left:
        raise LabError(f"These processes do not end: {', '.join(map(str, sorted(left)))}.")


def sent(pid: int, number: int) -> bool:
    """Send a process a signal. Returns whether there is such a process."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def greets(port: int, patience: float = 20) -> bool:
    """Whether an ssh server greets on `port` of this machine within `patience` seconds."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def digest(values: list[Any]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]


def read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
