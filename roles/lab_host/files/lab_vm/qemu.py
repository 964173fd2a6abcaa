# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU: its arguments, and its monitor."""

from __future__ import annotations

import base64
import json
import os
import socket
from pathlib import Path
from typing import Any

from .host import LabError
from .image import Image

ACCELERATORS = {
    "kvm": ("-accel", "kvm", "-cpu", "host"),
    # Nehalem: what newer models offer costs more to emulate than it brings (measured: `max` boots half as fast).
    "emulation": ("-accel", "tcg,thread=multi,tb-size=512", "-cpu", "Nehalem"),
}


def arguments(engine: str, name: str, memory: int, cpus: int, public_key: str) -> list[str]:
    """QEMU's arguments as far as they shape the machine; where its files and its port are is not in here."""
    with_key = base64.b64encode(public_key.encode()).decode()
    # TERM: or else newer systemds ask the terminal for its size, and wait for the answer.
    kernel = ["root=/dev/vda", "rw", "console=ttyS0", "TERM=dumb", "quiet", "fsck.mode=skip", "net.ifnames=0"]
    kernel.append(f"systemd.hostname={name}")
    if engine == "emulation":
        # An emulated processor does not speculate, so there is nothing to protect.
        kernel.append("mitigations=off")
    return [
        *("-name", f"linuxnet-ipvs-{name}", "-M", "q35", *ACCELERATORS[engine]),
        *("-smp", str(cpus), "-m", str(memory)),
        *("-nodefaults", "-no-user-config", "-display", "none"),
        *("-append", " ".join(kernel)),
        # systemd takes it from there to /root/.ssh/authorized_keys.
        *("-smbios", f"type=11,value=io.systemd.credential.binary:ssh.authorized_keys.root={with_key}"),
        *("-device", "virtio-blk-pci,drive=disk", "-device", "virtio-net-pci,netdev=net,romfile="),
        *("-device", "virtio-rng-pci"),
    ]


def places(folder: Path, image: Image, overlay: Path, console: Path, port: int) -> list[str]:
    """The rest of QEMU's arguments. The monitor's path is relative, since a socket's may have 107 bytes only."""
    return [
        *("-kernel", str(image.kernel), "-initrd", str(image.initrd)),
        *("-drive", f"id=disk,if=none,format=qcow2,cache=unsafe,file={escaped(overlay)}"),
        *("-netdev", f"user,id=net,ipv6=off,hostfwd=tcp:127.0.0.1:{port}-:22"),
        *("-chardev", f"file,id=console,path={escaped(console)}", "-serial", "chardev:console"),
        *("-qmp", "unix:qmp.sock,server=on,wait=off"),
        *("-pidfile", str(folder / "qemu.pid"), "-daemonize"),
    ]


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


def escaped(path: Path) -> str:
    """A path as the value of one of QEMU's options."""
    return str(path).replace(",", ",,")
