# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root image: a Debian with everything the lab needs, built once and kept under a hash of what went in."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

from .host import locked, run

GUEST_FILES = Path(__file__).resolve().parent.parent / "guest"
# The kernel that QEMU boots and what it wants besides, and the one that is a process of this machine.
# initramfs-tools: what newer kernels would bring instead boots more slowly.
KERNEL = "linux-image-cloud-amd64"
UML_KERNEL = "user-mode-linux"
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
# Nobody needs the manuals in there, and without them the image is built in two thirds of the time.
WITHOUT = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")
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
# Debian's user-mode Linux has nftables for bridges only (no NF_TABLES_IPV4), so iptables is the older one there.
LEGACY = {
    f"{family}{verb}": f"{family}-legacy{verb}"
    for family in ("iptables", "ip6tables")
    for verb in ("", "-restore", "-save")
}
DISK_BYTES = 4 * 2**30
# Root's mmdebstrap mounts /proc, /sys and parts of /dev into what it builds. In namespaces of their own neither these
# mounts nor the processes outlive it, however it ends. (For everybody else it makes such namespaces itself.)
CONTAINED = ("unshare", "--mount", "--pid", "--fork", "--kill-child")


QEMU_HOOKS = (
    "--customize-hook=download /vmlinuz kernel",
    "--customize-hook=download /initrd.img initrd",
)
UML_HOOKS = (
    "--customize-hook=download /usr/bin/linux.uml kernel",
    # Debian keeps them where a kernel that runs on this very system would not look for its own.
    '--customize-hook=mkdir -p "$1/usr/lib/modules" && mv "$1"/usr/lib/uml/modules/* "$1/usr/lib/modules/"',
)


@dataclass(frozen=True)
class Recipe:
    """All that decides what is in an image."""

    release: str
    kernel_suite: str
    mirror: str
    packages: tuple[str, ...]
    uml: bool = False
    """for user-mode Linux, and not for QEMU"""

    def refusal(self) -> str:
        """Why no image can come of it, as far as that is known beforehand; nothing if one can."""
        if self.uml and self.kernel_suite not in ("", self.release):
            return "User-mode Linux has the kernel of its release, and lab_host_kernel_suite asks for another suite's."
        return ""

    def command(self) -> list[str]:
        """mmdebstrap's arguments; it runs in the folder of the image, where the guest's own files are packed."""
        suites = dict.fromkeys([self.release, self.kernel_suite or self.release])
        kernel = f"{KERNEL}/{self.kernel_suite}" if self.kernel_suite else KERNEL
        boot = [UML_KERNEL] if self.uml else [kernel, *BOOT_PACKAGES]
        return [
            "mmdebstrap",
            "--format=ext2",
            "--variant=apt",
            "--architectures=amd64",
            "--include=" + ",".join([*boot, *sorted({*BASE_PACKAGES, *self.packages})]),
            '--aptopt=Acquire::Languages "none"',
            '--aptopt=Acquire::Retries "3"',
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in WITHOUT),
            "--customize-hook=tar-in guest.tar /",
            *(UML_HOOKS if self.uml else QEMU_HOOKS),
            "--customize-hook=download /etc/ssh/ssh_host_ed25519_key.pub host_key.pub",
            self.release,
            "disk.raw",
            *(f"deb {self.mirror} {suite} main" for suite in suites),
        ]

    def identity(self) -> str:
        """A short hash of everything that goes in."""
        inputs = json.dumps([self.command(), DISK_BYTES, hashlib.sha256(guest_archive(self.uml)).hexdigest()])
        return hashlib.sha256(inputs.encode()).hexdigest()[:16]


def guest_archive(uml: bool) -> bytes:
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
        if uml:
            links.update({f"etc/alternatives/{name}": f"/usr/sbin/{program}" for name, program in LEGACY.items()})
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

    @classmethod
    def of(cls, recipe: Recipe, cache: Path) -> Image:
        return cls(cache / "images" / recipe.identity(), recipe)

    @property
    def identity(self) -> str:
        return self.folder.name

    @property
    def is_built(self) -> bool:
        return self.folder.is_dir()

    @property
    def disk(self) -> Path:
        return self.folder / "disk.raw"

    @property
    def kernel(self) -> Path:
        return self.folder / "kernel"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd"

    @property
    def host_key(self) -> str:
        """The type and the key, as they stand in a known_hosts file after the host's name."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    def build(self) -> bool:
        """Build the image unless it is there already. Returns whether it had to.

        It gets its name when it is complete, so what a killed run leaves behind is never taken for an image.
        """
        with locked(self.folder.parent) as lock:
            for leftover in self.folder.parent.glob("*.part"):
                shutil.rmtree(leftover)
            if self.is_built:
                return False
            part = self.folder.with_name(f"{self.identity}.{os.getpid()}.part")
            part.mkdir()
            archive = part / "guest.tar"
            archive.write_bytes(guest_archive(self.recipe.uml))
            contained = CONTAINED if os.geteuid() == 0 else ()
            run([*contained, *self.recipe.command()], cwd=part, log=part / "build.log", pass_fds=[lock])
            archive.unlink()
            os.truncate(part / "disk.raw", DISK_BYTES)
            run(["resize2fs", "disk.raw"], cwd=part)
            (part / "disk.raw").chmod(0o400)
            if self.recipe.uml:
                (part / "kernel").chmod(0o755)
            part.rename(self.folder)
        return True
