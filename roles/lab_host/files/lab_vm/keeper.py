# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that keeps a user-mode Linux: ``unshare ... python keeper.py file=DISK``, the settings on standard input.

It is the first process of namespaces of its own, so that the machine's network stays as it is, and everything ends with
it. In there it makes a tap device, on whose other side the guest is, and starts the kernel. Connections to a listening
socket, which it was given and which belongs to the network outside, are handed to the guest's ssh.

The settings are JSON: `listener` (the socket's descriptor), `kernel` (its path) and `arguments`, `console` (the path of
what it writes). The keeper needs nothing but Python's library and the command `ip`.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
from types import FrameType

TAP = "tap0"
# The addresses that QEMU's user network has, so that one image does for both: the guest's way out and its name server
# (both refuse, but at once), and the guest itself.
OWN = ("10.0.2.2/24", "10.0.2.3/24")
GUEST = ("10.0.2.15", 22)
COMMANDS = (
    ("link", "set", "dev", "lo", "up"),
    ("tuntap", "add", "dev", TAP, "mode", "tap"),
    *(("address", "add", address, "dev", TAP) for address in OWN),
    # The guest's driver loses what this side would leave to a network card to cut.
    ("link", "set", "dev", TAP, "gso_max_segs", "1", "up"),
    ("route", "add", "unreachable", "default"),
)
# With it the guest is told at once that nothing else can be reached; without, its packets would be lost.
FORWARDING = "/proc/sys/net/ipv4/ip_forward"


def hand_over(here: socket.socket, there: socket.socket) -> None:
    """Pass on what comes from one side until it has said all."""
    # Either side may be gone, and the other one is told so.
    with contextlib.suppress(OSError):
        while data := here.recv(1 << 16):
            there.sendall(data)
    with contextlib.suppress(OSError):
        there.shutdown(socket.SHUT_WR)


def serve(client: socket.socket) -> None:
    """Connect a client with the guest's ssh; while that does not answer, the client is let go."""
    with client:
        try:
            guest = socket.create_connection(GUEST, timeout=10)
        except OSError:
            return
        with guest:
            guest.settimeout(None)
            for each in (client, guest):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=hand_over, args=(guest, client), daemon=True)
            back.start()
            hand_over(client, guest)
            back.join()


def accept(listener: socket.socket) -> None:
    while True:
        client, _address = listener.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


def leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    settings = json.load(sys.stdin)
    # The first process of a namespace is not ended by a signal that it does not ask for.
    signal.signal(signal.SIGTERM, leave)
    with open(settings["console"], "wb") as console:
        for words in COMMANDS:
            subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        with open(FORWARDING, "w", encoding="ascii") as switch:
            switch.write("1")
        listener = socket.socket(fileno=settings["listener"])
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        subprocess.run(
            [settings["kernel"], *settings["arguments"], f"vec0:transport=tap,ifname={TAP}"],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            check=False,
        )


if __name__ == "__main__":
    main()
