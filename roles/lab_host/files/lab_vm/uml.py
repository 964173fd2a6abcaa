# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""User-mode Linux: a kernel that is a process of this machine. It needs no virtualization, and emulates no processor.

(https://docs.kernel.org/virt/uml/user_mode_linux_howto_v2.html; the kernel is Debian's package user-mode-linux.)
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from .host import SEARCH_PATH
from .image import Image

KEEPER = Path(__file__).resolve().with_name("keeper.py")
TUN = Path("/dev/net/tun")
#: The folder of its own files below the machine's folder: its process id and the socket of its console.
NAME = "uml"


def obstacle() -> str:
    """Why this machine cannot run one; nothing if it can, as far as it can be seen beforehand."""
    if not os.access(TUN, os.R_OK | os.W_OK):
        return f"this user may not read and write {TUN}" if TUN.exists() else f"there is no {TUN}"
    unshare = shutil.which("unshare", path=SEARCH_PATH)
    if unshare is None:
        return "the program unshare (util-linux) is not installed"
    tried = subprocess.run(
        [unshare, *namespaces(), "true"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if tried.returncode:
        return f"this user may not make namespaces ({tried.stderr.strip()})"
    return ""


def namespaces() -> list[str]:
    """The words for `unshare`: whoever is not root becomes root of a user namespace."""
    users = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return [*users, "--net", "--pid", "--fork", "--kill-child"]


def arguments(name: str, memory: int, public_key: str) -> list[str]:
    """The kernel's command line: the machine's folder is its current one, in which `disk` is the image."""
    kind, key = public_key.split()[:2]
    return [
        f"mem={memory}M",
        "ubd0=overlay.cow,disk",
        "root=/dev/ubda",
        "rw",
        "quiet",
        "con=null",
        "con0=null,fd:1",
        "ssl=null",
        "uml_dir=.",
        f"umid={NAME}",
        "net.ifnames=0",
        "fsck.mode=skip",
        "TERM=dumb",
        f"systemd.hostname={name}",
        # systemd takes it from there to /root/.ssh/authorized_keys.
        f'"systemd.set_credential=ssh.authorized_keys.root:{kind} {key}"',
    ]


def launch(folder: Path, image: Image, overlay: Path, console: Path, words: list[str]) -> int:
    """Start the machine in the background.

    :returns: the port on which its ssh will answer
    """
    (folder / "disk").symlink_to(image.disk)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = {
            "listener": listener.fileno(),
            "kernel": str(image.kernel),
            "arguments": words,
            "console": str(console),
        }
        keeper = subprocess.Popen(
            ["unshare", *namespaces(), sys.executable, "-B", str(KEEPER), f"file={overlay}"],
            cwd=folder,
            env={**os.environ, "PATH": SEARCH_PATH},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
            start_new_session=True,
            text=True,
        )
        assert keeper.stdin is not None
        with keeper.stdin as settings_of_keeper:
            settings_of_keeper.write(json.dumps(settings))
        return int(listener.getsockname()[1])
