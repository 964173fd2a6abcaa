# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user-mode Linux with all that the lab needs, compiled from Debian's source of the kernel, once.

Debian's package user-mode-linux does not do: up to 7.2 it has nftables for bridges only, so neither iptables-nft nor a
packet's trace works on it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from .build import contained, in_place, mmdebstrap

SOURCES = Path(__file__).resolve().parent.parent / "uml"
PACKAGES = ("bc", "bison", "flex", "gcc", "kmod", "libc6-dev", "make", "xz-utils")


@dataclass(frozen=True)
class Kernel:
    """A kernel in the cache, compiled or yet to be compiled."""

    cache: Path
    release: str
    suite: str
    """of Debian, that the source comes from"""
    mirror: str

    def command(self) -> list[str]:
        """mmdebstrap's arguments: what it makes is thrown away, but for two files."""
        return mmdebstrap(
            self.release,
            self.suite,
            self.mirror,
            [f"linux-source/{self.suite}", *PACKAGES],
            '--customize-hook=mkdir "$1/uml"',
            "--customize-hook=copy-in build.sh config /uml",
            '--customize-hook=chroot "$1" sh /uml/build.sh',
            "--customize-hook=download /uml/kernel kernel",
            "--customize-hook=download /uml/modules.tar modules.tar",
            target="/dev/null",
            form="null",
        )

    @property
    def folder(self) -> Path:
        texts = [path.read_text() for path in sorted(SOURCES.iterdir())]
        inputs = json.dumps([self.command(), texts])
        return self.cache / "kernels" / hashlib.sha256(inputs.encode()).hexdigest()[:16]

    @property
    def is_built(self) -> bool:
        return self.folder.is_dir()

    @property
    def program(self) -> Path:
        return self.folder / "kernel"

    @property
    def modules(self) -> Path:
        return self.folder / "modules.tar"

    def build(self) -> bool:
        """Compile the kernel unless it is there already. Returns whether it had to."""
        with in_place(self.folder) as (part, lock):
            if part is None:
                return False
            for source in SOURCES.iterdir():
                shutil.copyfile(source, part / source.name)
            contained(self.command(), part, lock)
            (part / "kernel").chmod(0o755)
        return True
