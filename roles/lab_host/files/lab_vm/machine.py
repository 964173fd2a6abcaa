# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual machine: a QEMU process that runs a throw-away overlay of an image, and the way in by ssh.

An emulated machine takes about half a minute to boot, so it is done once: its state right after the boot is kept next
to the image, and from then on every machine starts from a copy of it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .host import SEARCH_PATH, LabError, has_kvm, last_lines, locked, run
from .image import Image

ACCELERATORS = {
    "kvm": ("-accel", "kvm", "-cpu", "host"),
    # Nehalem: what newer models offer costs more to emulate than it brings (measured: `max` boots half as fast).
    "tcg": ("-accel", "tcg,thread=multi,tb-size=512", "-cpu", "Nehalem"),
}
# A guest that really runs on the processor answers in seconds; where it does not, emulation is next.
KVM_PATIENCE = 60
RESUME_PATIENCE = 60
SNAPSHOT = "booted"
FILES = (
    "console.log",
    "enter",
    "inventory.yml",
    "known_hosts",
    "nodes.json",
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
    accelerator: str
    """`kvm`, `tcg`, or `auto` for the best that works"""
    resume: bool
    timeout: int
    """how long a boot may take, in seconds"""

    def accelerators(self) -> list[str]:
        """What to try, in this order."""
        if self.accelerator != "auto":
            return [self.accelerator]
        return ["kvm", "tcg"] if has_kvm() else ["tcg"]


@dataclass(frozen=True)
class Machine:
    """The one virtual machine whose files are in `folder`, running or not."""

    folder: Path
    image: Image
    key: Path
    settings: Settings

    # What is asked for

    def arguments(self, accelerator: str) -> list[str]:
        """QEMU's arguments as far as they shape the machine; where its files and its port are is not in here."""
        with_key = base64.b64encode(self.key.with_suffix(".pub").read_bytes()).decode()
        # TERM: or else newer systemds ask the terminal for its size, and wait for the answer.
        kernel = ["root=/dev/vda", "rw", "console=ttyS0", "TERM=dumb", "quiet", "fsck.mode=skip", "net.ifnames=0"]
        kernel.append(f"systemd.hostname={self.settings.name}")
        if accelerator == "tcg":
            # An emulated processor does not speculate, so there is nothing to protect.
            kernel.append("mitigations=off")
        return [
            *("-name", f"linuxnet-ipvs-{self.settings.name}", "-M", "q35", *ACCELERATORS[accelerator]),
            *("-smp", str(self.settings.cpus), "-m", str(self.settings.memory)),
            *("-nodefaults", "-no-user-config", "-display", "none"),
            *("-append", " ".join(kernel)),
            # systemd takes it from there to /root/.ssh/authorized_keys.
            *("-smbios", f"type=11,value=io.systemd.credential.binary:ssh.authorized_keys.root={with_key}"),
            *("-device", "virtio-blk-pci,drive=disk", "-device", "virtio-net-pci,netdev=net,romfile="),
            *("-device", "virtio-rng-pci"),
        ]

    def places(self, port: int) -> list[str]:
        """The rest of QEMU's arguments. The monitor's path is relative, since a socket's may have 107 bytes only."""
        return [
            *("-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd)),
            *("-drive", f"id=disk,if=none,format=qcow2,cache=unsafe,file={escaped(self.overlay)}"),
            *("-netdev", f"user,id=net,ipv6=off,hostfwd=tcp:127.0.0.1:{port}-:22"),
            *("-chardev", f"file,id=console,path={escaped(self.console)}", "-serial", "chardev:console"),
            *("-qmp", "unix:qmp.sock,server=on,wait=off"),
            *("-pidfile", str(self.folder / "qemu.pid"), "-daemonize"),
        ]

    def identity(self) -> str:
        """A hash of what is asked for: a machine that was started for something else is replaced."""
        settings = self.settings
        wanted = [self.image.identity, settings.name, settings.memory, settings.cpus, settings.accelerator]
        return digest([*wanted, self.key.with_suffix(".pub").read_text()])

    def snapshot(self, accelerator: str) -> Path:
        """Where the state after the boot is kept; it belongs to this very QEMU and these very arguments."""
        version = run(["qemu-system-x86_64", "--version"]).splitlines()[0]
        anywhere = replace(self, folder=Path())
        what = digest([version, *self.arguments(accelerator), *anywhere.places(port=0)])
        return self.image.folder / f"booted-{what}.qcow2"

    # What is there

    @property
    def overlay(self) -> Path:
        return self.folder / "overlay.qcow2"

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
        """The processes that run our overlay: QEMU's command line names it, so it cannot be anybody else's."""
        disk = f",file={escaped(self.overlay)}"
        return [pid for pid, argv in own_processes() if any(argument.endswith(disk) for argument in argv)]

    def fault(self) -> str | None:
        """Why the machine cannot be used as it is; None if it can."""
        record = self.record()
        if not self.processes():
            return "it died" if record else "there is none yet"
        if not record:
            return "it was never seen to answer"
        if not (self.image.is_built and self.key.with_suffix(".pub").exists()) or record["identity"] != self.identity():
            return "other settings are asked for now"
        if not greets(record["port"]):
            return "it does not answer"
        return None

    # What is done

    def start(self) -> dict[str, Any]:
        """Bring the machine up unless it is; whatever is left of an unusable one is cleared away first.

        :returns: whether anything was done, and what a person should know about it
        """
        if not self.image.is_built:
            raise LabError(f"There is no image yet: {self.image.folder}")
        with locked(self.folder):
            if self.fault() is None:
                return {"changed": self.write_access(self.record()["port"]), "notes": []}
            make_key(self.key)
            self.clear()
            notes: list[str] = []
            accelerators = self.settings.accelerators()
            for accelerator in accelerators:
                try:
                    self.bring_up(accelerator, notes)
                    break
                except LabError as error:
                    self.halt()
                    if accelerator == accelerators[-1]:
                        raise
                    notes.append(
                        f"It did not work with {accelerator}, so the machine is emulated. To save the attempt the next "
                        f"time, set lab_host_vm_accelerator to {accelerators[-1]}. ({error})"
                    )
            return {"changed": True, "notes": notes}

    def bring_up(self, accelerator: str, notes: list[str]) -> None:
        """Start the machine with `accelerator` and see it answer.

        :raises LabError: if it does not
        """
        snapshot = self.snapshot(accelerator) if accelerator == "tcg" and self.settings.resume else None
        if snapshot is not None and snapshot.exists():
            try:
                run(["cp", "--", str(snapshot), str(self.overlay)])
                port = self.launch(accelerator, "-loadvm", SNAPSHOT)
                self.enter(port, RESUME_PATIENCE)
            except LabError as error:
                notes.append(f"The machine did not wake up from its kept state, so it was booted. ({error})")
                self.clear()
                snapshot.unlink(missing_ok=True)
            else:
                self.note(accelerator, port)
                return
        run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(self.image.disk), str(self.overlay)])
        patience = min(KVM_PATIENCE, self.settings.timeout) if accelerator == "kvm" else self.settings.timeout
        port = self.launch(accelerator)
        self.enter(port, patience)
        if snapshot is not None:
            try:
                self.keep(snapshot)
            except LabError as error:
                notes.append(f"The state after the boot could not be kept for the next time. ({error})")
            self.settle()
        self.note(accelerator, port)

    def launch(self, accelerator: str, *more: str) -> int:
        """Start QEMU in the background.

        :returns: the port on which the machine's ssh will answer
        """
        for attempt in range(3):
            port = free_port()
            try:
                run(["qemu-system-x86_64", *self.arguments(accelerator), *self.places(port), *more], cwd=self.folder)
                break
            except LabError as error:
                # Somebody else took the port in between.
                if "host forwarding" not in str(error) or attempt == 2:
                    raise
        self.write_access(port)
        return port

    def enter(self, port: int, patience: int) -> None:
        """Wait until the machine lets us in.

        :raises LabError: if QEMU ends, or if there is no answer for `patience` seconds
        """
        deadline = time.monotonic() + patience
        while not greets(port, 5):
            if not self.processes():
                raise LabError("QEMU ended while the machine started.")
            if time.monotonic() > deadline:
                said = last_lines(self.console.read_text(errors="replace"))
                where = f"The end of its console, {self.console}:\n{said}" if said else "Its console is empty."
                raise LabError(f"The machine does not answer by ssh after {patience} seconds. {where}")
            time.sleep(0.2)
        self.settle()

    def settle(self) -> None:
        """Give the machine the time of day and randomness of its own: a kept state brings neither.

        Its hardware clock is QEMU's, which is this machine's.
        """
        self.ssh("cat >/dev/urandom && date --set=@$(cat /sys/class/rtc/rtc0/since_epoch)", stdin=os.urandom(64))

    def keep(self, snapshot: Path) -> None:
        """Keep the state of the machine, which has just booted, as `snapshot`. It stands still meanwhile."""
        # Not only sshd: whatever else the boot starts shall be done. (The exit code tells of failed units.)
        self.ssh("systemctl is-system-running --wait || true")
        part = snapshot.with_suffix(f".{os.getpid()}.part")
        with locked(snapshot.parent):
            for leftover in snapshot.parent.glob("*.part"):
                leftover.unlink()
            with Monitor(self.folder) as monitor:
                monitor.execute("stop")
                try:
                    said = monitor.execute("human-monitor-command", **{"command-line": f"savevm {SNAPSHOT}"})
                    if said:
                        raise LabError(said)
                    run(["cp", "--", str(self.overlay), str(part)])
                finally:
                    monitor.execute("cont")
            part.rename(snapshot)

    def note(self, accelerator: str, port: int) -> None:
        """Note that the machine answers, the last step of its start."""
        record = {"identity": self.identity(), "port": port, "accelerator": accelerator}
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
        for pid in self.processes():
            end(pid)

    def clear(self) -> None:
        self.halt()
        for name in FILES:
            (self.folder / name).unlink(missing_ok=True)

    # The way in

    def access(self, port: int) -> dict[str, str]:
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
        return {"ssh_config": ssh_config, "known_hosts": f"{self.settings.name} {self.image.host_key}\n"}

    def write_access(self, port: int) -> bool:
        """Write these files where they are not so already. Returns whether any was not."""
        stale = {name: text for name, text in self.access(port).items() if text != read(self.folder / name)}
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


class Monitor:
    """QEMU's monitor, for as long as it is entered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Monitor:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(120)
        # The way over the folder's descriptor is short enough for a socket's address, wherever the folder is.
        folder = os.open(self.folder, os.O_PATH)
        try:
            self.socket.connect(f"/proc/self/fd/{folder}/qmp.sock")
        finally:
            os.close(folder)
        self.lines = self.socket.makefile()
        self.lines.readline()  # the greeting
        self.execute("qmp_capabilities")
        return self

    def __exit__(self, *_: object) -> None:
        self.lines.close()
        self.socket.close()

    def execute(self, command: str, **arguments: str) -> Any:
        """Have QEMU execute `command` and return its answer.

        :raises LabError: if it refuses
        """
        self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        for line in self.lines:
            answer = json.loads(line)
            if "error" in answer:
                raise LabError(f"QEMU refuses to {command}: {answer['error']['desc']}")
            if "return" in answer:  # and not an event
                return answer["return"]
        raise LabError(f"QEMU ended instead of doing {command}.")


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


def end(pid: int, patience: float = 10) -> None:
    """End a process, and wait until it has ended; what has not after `patience` seconds is killed.

    :raises LabError: if even that does not help
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + patience
        try:
            os.kill(pid, number)
            while time.monotonic() < deadline:
                os.kill(pid, 0)
                time.sleep(0.05)
        except ProcessLookupError:
            return
    raise LabError(f"The process {pid} does not end.")


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


def escaped(path: Path) -> str:
    """A path as the value of one of QEMU's options."""
    return str(path).replace(",", ",,")


def digest(values: list[Any]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]


def read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
