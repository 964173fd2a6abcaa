# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root image: a Debian with everything the lab needs, built once and kept under a hash of what went in."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

from .build import contained, in_place, mmdebstrap
from .host import run
from .kernel import Kernel

GUEST_FILES = Path(__file__).resolve().parent.parent / "guest"
# The kernel that QEMU boots.
# initramfs-tools: what newer kernels would bring instead boots more slowly.
KERNEL = "linux-image-cloud-amd64"
BOOT_PACKAGES = ("initramfs-tools",)
# Without these the machine would not boot, or Ansible would not reach it.
# libnss-myhostname: Python's HTTP server asks for its own name, and no name server knows it.
BASE_PACKAGES = (
    "dbus",
    "iproute2",
    "kmod",
    "libnss-myhostname",
    "openssh-server",
    "sudo",
    "procps",
    "python3",
    "systemd-sysv",
    "udev",
)
ENABLED_UNITS = ("lab-network.service",)
# What a machine that lives for an hour need not do, least of all while somebody measures
MASKED_UNITS = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "ipvsadm.service",
)
DISK_BYTES = 4 * 2**30
QEMU_HOOKS = (
    "--customize-hook=download /vmlinuz kernel",
    "--customize-hook=download /initrd.img initrd",
)
# A user-mode Linux has been compiled before, and only its modules are in the image.
UML_HOOKS = ("--customize-hook=tar-in modules.tar /",)


@dataclass(frozen=True)
class Recipe:
    """All that decides what is in an image."""

    release: str
    kernel_suite: str
    mirror: str
    packages: tuple[str, ...]
    uml: bool = False
    """for user-mode Linux, and not for QEMU"""

    @property
    def suite(self) -> str:
        """Where the kernel comes from."""
        return self.kernel_suite or self.release

    def refusal(self) -> str:
        """Why no image can come of it, as far as that is known beforehand; nothing if one can.

        A kernel of another release brings parts of that release along, down to libc, or cannot be installed at all:
        linux-base of trixie-backports calls run-parts in a way that bookworm's does not know.
        """
        if self.suite == self.release or self.suite.startswith(f"{self.release}-"):
            return ""
        return (
            f"lab_host_kernel_suite is {self.suite}, which is not of lab_host_release, {self.release}: set that to "
            f"{self.suite.split('-')[0]}, or take a suite such as {self.release}-backports."
        )

    def command(self) -> list[str]:
        """mmdebstrap's arguments; it runs in the folder of the image, where the guest's own files are packed."""
        kernel = f"{KERNEL}/{self.kernel_suite}" if self.kernel_suite else KERNEL
        boot = [] if self.uml else [kernel, *BOOT_PACKAGES]
        return mmdebstrap(
            self.release,
            self.release if self.uml else self.suite,
            self.mirror,
            [*boot, *sorted({*BASE_PACKAGES, *self.packages})],
            "--customize-hook=tar-in guest.tar /",
            *(UML_HOOKS if self.uml else QEMU_HOOKS),
            "--customize-hook=download /etc/ssh/ssh_host_ed25519_key.pub host_key.pub",
            target="disk.raw",
            form="ext2",
        )

    def uml_kernel(self, cache: Path) -> Kernel:
        return Kernel(cache, self.release, self.suite, self.mirror)

    def identity(self, cache: Path) -> str:
        """A short hash of everything that goes in."""
        kernel = self.uml_kernel(cache).folder.name if self.uml else ""
        inputs = [self.command(), kernel, DISK_BYTES, hashlib.sha256(guest_archive()).hexdigest()]
        return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:16]


def guest_archive() -> bytes:
    """The guest's own files as a tar archive, the same bytes wherever and by whomever it is packed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(GUEST_FILES.rglob("*")):
            if path.is_file():
                entry = tarfile.TarInfo(str(path.relative_to(GUEST_FILES)))
                entry.mode, entry.size = 0o644, path.stat().st_size
                with path.open("rb") as content:
                    archive.addfile(entry, content)
        units = "etc/systemd/system"
        links = {f"{units}/multi-user.target.wants/{unit}": f"../{unit}" for unit in ENABLED_UNITS}
        links.update({f"{units}/{unit}": "/dev/null" for unit in MASKED_UNITS})
        for name, target in links.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
            archive.addfile(entry)
    return buffer.getvalue()


@dataclass(frozen=True)
class Image:
    """An image in the cache, built or yet to be built."""

    folder: Path
    recipe: Recipe
    cache: Path

    @classmethod
    def of(cls, recipe: Recipe, cache: Path) -> Image:
        return cls(cache / "images" / recipe.identity(cache), recipe, cache)

    @property
    def identity(self) -> str:
        return self.folder.name

    @property
    def is_built(self) -> bool:
        return self.folder.is_dir() and (not self.recipe.uml or self.recipe.uml_kernel(self.cache).is_built)

    @property
    def disk(self) -> Path:
        return self.folder / "disk.raw"

    @property
    def kernel(self) -> Path:
        return self.recipe.uml_kernel(self.cache).program if self.recipe.uml else self.folder / "kernel"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd"

    @property
    def host_key(self) -> str:
        """The type and the key, as they stand in a known_hosts file after the host's name."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    def build(self) -> bool:
        """Build the image unless it is there already, a user-mode Linux before it. Returns whether it had to."""
        kernel = self.recipe.uml_kernel(self.cache)
        compiled = self.recipe.uml and kernel.build()
        with in_place(self.folder) as (part, lock):
            if part is None:
                return compiled
            (part / "guest.tar").write_bytes(guest_archive())
            if self.recipe.uml:
                (part / "modules.tar").symlink_to(kernel.modules)
            contained(self.recipe.command(), part, lock)
            for packed in part.glob("*.tar"):
                packed.unlink()
            os.truncate(part / "disk.raw", DISK_BYTES)
            run(["resize2fs", "disk.raw"], cwd=part)
            (part / "disk.raw").chmod(0o400)
        return True
