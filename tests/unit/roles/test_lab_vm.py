# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The virtual machine of the role lab_host, as far as it can be judged without running one."""

from __future__ import annotations

import fcntl
import grp
import io
import os
import socket
import subprocess
import sys
import tarfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.linuxnet.ipvs.roles.lab_host.files.lab_vm import kernel, qemu, uml
from ansible_collections.linuxnet.ipvs.roles.lab_host.files.lab_vm.host import LabError, kvm_obstacle, locked, run
from ansible_collections.linuxnet.ipvs.roles.lab_host.files.lab_vm.image import Image, Recipe, guest_archive
from ansible_collections.linuxnet.ipvs.roles.lab_host.files.lab_vm.machine import (
    FILES,
    Machine,
    Settings,
    end,
    free_port,
    greets,
)

RECIPE = Recipe(release="bookworm", kernel_suite="", mirror="http://mirror/debian", packages=("curl", "ipset"))
SETTINGS = Settings(name="lab", memory=1024, cpus=2, engine="emulation", resume=True, timeout=300)
LAB_VM = "ansible_collections.linuxnet.ipvs.roles.lab_host.files.lab_vm"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine that is not running, with an image that looks built, and a key."""
    image = Image.of(RECIPE, tmp_path / "cache")
    image.folder.mkdir(parents=True)
    (image.folder / "host_key.pub").write_text("ssh-ed25519 AAAAhost root@builder\n")
    key = tmp_path / "cache" / "id_ed25519"
    key.with_suffix(".pub").write_text("ssh-ed25519 AAAAuser lab\n")
    folder = tmp_path / "state"
    folder.mkdir()
    return Machine(folder, RECIPE, tmp_path / "cache", key, SETTINGS)


# The image


def test_each_input_changes_the_hash(tmp_path: Path):
    others = [
        replace(RECIPE, release="trixie"),
        replace(RECIPE, kernel_suite="bookworm-backports"),
        replace(RECIPE, mirror="http://other/debian"),
        replace(RECIPE, packages=("curl",)),
        replace(RECIPE, uml=True),
    ]
    assert len({recipe.identity(tmp_path) for recipe in [RECIPE, *others]}) == 6


def test_the_order_of_packages_does_not_matter(tmp_path: Path):
    assert replace(RECIPE, packages=("ipset", "curl", "curl")).identity(tmp_path) == RECIPE.identity(tmp_path)


def test_the_kernel_comes_from_its_suite():
    command = replace(RECIPE, release="trixie", kernel_suite="trixie-backports").command()
    assert any(argument.startswith("--include=linux-image-cloud-amd64/trixie-backports,") for argument in command)
    assert command[-2:] == [
        "deb http://mirror/debian trixie main",
        "deb http://mirror/debian trixie-backports main",
    ]


def test_the_kernel_suite_may_be_the_release_itself():
    assert replace(RECIPE, kernel_suite="bookworm").command()[-1] == "deb http://mirror/debian bookworm main"
    assert replace(RECIPE, kernel_suite="bookworm").command()[-2] == "disk.raw"


def test_the_guests_files_belong_to_root_and_have_no_date():
    with tarfile.open(fileobj=io.BytesIO(guest_archive())) as archive:
        entries = archive.getmembers()
        enabled = archive.getmember("etc/systemd/system/multi-user.target.wants/lab-network.service")
    assert {(entry.uid, entry.gid, entry.mtime) for entry in entries} == {(0, 0, 0)}
    assert enabled.linkname == "../lab-network.service"
    assert "etc/systemd/system/lab-network.service" in [entry.name for entry in entries]


def test_the_image_of_a_user_mode_linux_has_no_kernel_but_belongs_to_one(tmp_path: Path):
    uml_recipe = replace(RECIPE, uml=True)
    assert not any("linux-image" in word or "initramfs" in word for word in uml_recipe.command())
    newer = replace(uml_recipe, kernel_suite="bookworm-backports")
    assert newer.command() == uml_recipe.command()
    assert newer.identity(tmp_path) != uml_recipe.identity(tmp_path)


def test_a_user_mode_linux_is_compiled_from_the_source_of_its_suite(tmp_path: Path):
    command = replace(RECIPE, uml=True, kernel_suite="bookworm-backports").uml_kernel(tmp_path).command()
    assert any(word.startswith("--include=linux-source/bookworm-backports,") for word in command)
    assert command[-1] == "deb http://mirror/debian bookworm-backports main"


def test_no_option_of_the_kernel_is_asked_for_twice():
    config = (Path(kernel.SOURCES) / "config").read_text().splitlines()
    options = [line.removeprefix("# ").split("=")[0].split()[0] for line in config if "CONFIG_" in line]
    assert len(options) == len(set(options))


@pytest.mark.parametrize("suite", ["", "trixie", "trixie-backports", "trixie-updates"])
def test_a_kernel_of_the_release_is_taken(suite: str):
    assert replace(RECIPE, release="trixie", kernel_suite=suite).refusal() == ""


@pytest.mark.parametrize(
    ("release", "suite", "remedy"),
    [("bookworm", "trixie-backports", "trixie"), ("trixie", "forky", "forky"), ("trixie", "bookworm", "bookworm")],
)
def test_another_releases_kernel_is_refused(release: str, suite: str, remedy: str):
    told = replace(RECIPE, release=release, kernel_suite=suite).refusal()
    assert told.startswith(
        f"lab_host_kernel_suite is {suite}, which is not of lab_host_release, {release}: set that to"
    )
    assert f"set that to {remedy}, or" in told


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("E: no such thing", "no such thing"),
        (
            "E: Release file for http://mirror/debian/dists/forky/InRelease is expired (invalid since 3d 1h 2min 3s). "
            "Updates for this repository will not be applied.",
            "lab_host_mirror",
        ),
        ("E: The repository 'http://mirror/debian nosuch Release' does not have a Release file.", "lab_host_release"),
        ("Err:1 http://mirror bookworm InRelease\n  Could not connect to mirror:80", "does not answer"),
        ("E: Unable to locate package nosuch", "lab_host_packages"),
    ],
)
def test_a_failing_build_leaves_no_image_and_says_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, told: str
):
    (tmp_path / "said").write_text(said)
    (tmp_path / "mmdebstrap").write_text(f"#!/bin/sh\ncat {tmp_path}/said >&2\nexit 25\n")
    (tmp_path / "unshare").write_text('#!/bin/sh\nwhile [ "$1" != mmdebstrap ]; do shift; done\nexec "$@"\n')
    for program in ("mmdebstrap", "unshare"):
        (tmp_path / program).chmod(0o755)
    monkeypatch.setattr(f"{LAB_VM}.host.SEARCH_PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    image = Image.of(RECIPE, tmp_path / "cache")
    with pytest.raises(LabError, match="exit code 25") as caught:
        image.build()
    assert said.splitlines()[-1].strip() in str(caught.value)
    assert told in str(caught.value)
    assert not image.is_built


def test_an_image_that_is_there_is_not_built_again_and_leftovers_go(machine: Machine):
    leftover = machine.image("emulation").folder.with_name("0123.99.part")
    leftover.mkdir()
    assert machine.image("emulation").build() is False
    assert not leftover.exists()


# The machine


def test_the_monitors_path_fits_a_sockets_address(machine: Machine):
    deep = Path("/" + "deep/" * 40)
    arguments = qemu.places(deep, machine.image("kvm"), deep / "overlay", deep / "console", port=1)
    assert arguments[arguments.index("-qmp") + 1] == "unix:qmp.sock,server=on,wait=off"


def test_ssh_listens_on_the_loopback_address_only(machine: Machine):
    arguments = qemu.places(Path(), machine.image("kvm"), Path("overlay"), Path("console"), port=2222)
    assert arguments[arguments.index("-netdev") + 1].endswith("hostfwd=tcp:127.0.0.1:2222-:22")


def test_a_comma_in_a_path_does_not_end_an_option():
    assert qemu.escaped(Path("/a,b/c")) == "/a,,b/c"


@pytest.mark.parametrize(
    "change",
    [{"name": "other"}, {"memory": 2048}, {"cpus": 1}],
    ids=lambda change: next(iter(change)),
)
def test_other_settings_ask_for_another_machine(machine: Machine, change: dict[str, object]):
    other = replace(machine, settings=replace(SETTINGS, **change))  # type: ignore[arg-type]
    assert other.identity("emulation") != machine.identity("emulation")


def test_patience_does_not_ask_for_another_machine(machine: Machine):
    patient = replace(machine, settings=replace(SETTINGS, timeout=1))
    assert patient.identity("emulation") == machine.identity("emulation")


def test_a_machine_that_another_engine_runs_is_wanted_where_that_engine_may_be_chosen(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(f"{LAB_VM}.machine.kvm_obstacle", lambda: "")
    emulated = {"engine": "emulation", "identity": machine.identity("emulation"), "port": 1}
    assert machine.is_wanted(emulated)
    assert replace(machine, settings=replace(SETTINGS, engine="auto")).is_wanted(emulated)  # it did not work with kvm
    assert not replace(machine, settings=replace(SETTINGS, engine="kvm")).is_wanted(emulated)


def test_the_kept_state_does_not_depend_on_the_place_or_the_port(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(f"{LAB_VM}.machine.run", lambda *_: "QEMU 7.2")
    assert replace(machine, folder=tmp_path / "elsewhere").snapshot() == machine.snapshot()
    bigger = replace(machine, settings=replace(SETTINGS, memory=2048))
    assert bigger.snapshot() != machine.snapshot()


def test_the_files_to_reach_it_by_are_written_once(machine: Machine):
    assert machine.write_access("emulation", 2222) is True
    assert machine.write_access("emulation", 2222) is False
    assert machine.write_access("emulation", 2223) is True
    assert (machine.folder / "known_hosts").read_text() == "lab ssh-ed25519 AAAAhost\n"
    assert "Port 2223\n" in (machine.folder / "ssh_config").read_text()


def test_ssh_understands_the_configuration(machine: Machine):
    machine.write_access("emulation", 2222)
    said = subprocess.run(
        ["ssh", "-G", "-F", str(machine.folder / "ssh_config"), "lab"], capture_output=True, text=True, check=True
    ).stdout
    assert {"hostname 127.0.0.1", "port 2222", "user root", "stricthostkeychecking true"} <= set(said.splitlines())


def test_a_machine_that_never_was_has_nothing_to_stop(machine: Machine):
    assert machine.fault() == "there is none yet"
    assert machine.stop() is False


def test_stopping_removes_only_what_is_ours(machine: Machine):
    for name in FILES:
        (machine.folder / name).touch()
    theirs = machine.folder / "theirs"
    theirs.touch()
    (machine.folder / uml.NAME).mkdir()
    (machine.folder / uml.NAME / "pid").touch()
    assert machine.stop() is True
    assert list(machine.folder.iterdir()) == [theirs]


@pytest.mark.parametrize(("before", "engine"), [("id=disk,format=qcow2,", "emulation"), ("", "uml")])
def test_a_process_is_ours_by_the_disk_that_it_runs(machine: Machine, before: str, engine: str):
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    disk = f"{before}file={machine.overlay(engine)}"
    ours, theirs = subprocess.Popen([*sleep, disk]), subprocess.Popen([*sleep, f"{disk}.other"])
    try:
        assert machine.processes() == [ours.pid]
    finally:
        for process in (ours, theirs):
            process.kill()
            process.wait()


def test_a_process_that_ignores_the_polite_signal_is_ended_all_the_same():
    program = "import signal, time; signal.signal(15, signal.{}); print('.', flush=True); time.sleep(60)"
    running = [
        subprocess.Popen([sys.executable, "-c", program.format(how)], stdout=subprocess.PIPE)
        for how in ("SIG_IGN", "SIG_DFL")
    ]
    for process in running:
        assert process.stdout is not None
        process.stdout.readline()
        threading.Thread(target=process.wait, daemon=True).start()
    end([process.pid for process in running], patience=0.5)
    assert [process.wait() for process in running] == [-9, -15]


@pytest.mark.parametrize(
    ("greeting", "expected"), [(b"SSH-2.0-x\r\n", True), (b"HTTP/1.1 400\r\n", False), (b"", False)]
)
def test_only_ssh_greets_like_ssh(greeting: bytes, expected: bool):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _client = server.accept()
            connection.sendall(greeting)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        assert greets(server.getsockname()[1], patience=5) is expected
        thread.join()


def test_nobody_greets_where_nobody_listens():
    assert greets(free_port(), patience=1) is False


# This machine


@pytest.mark.parametrize(
    ("flags", "device", "expected"),
    [
        ("fpu vmx", True, ""),
        ("fpu svm", True, ""),
        ("fpu", True, "its processor has no virtualization"),
        ("fpu vmx", False, "there is no "),
    ],
)
def test_kvm_takes_a_processor_and_a_device(tmp_path: Path, flags: str, device: bool, expected: str):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
    if device:
        (tmp_path / "kvm").touch()
    told = kvm_obstacle(cpuinfo, tmp_path / "kvm")
    assert told.startswith(expected)
    assert bool(told) == bool(expected)


def test_who_may_not_use_kvm_is_told_which_group_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "cpuinfo").write_text("flags\t\t: fpu vmx\n")
    (tmp_path / "kvm").touch()
    monkeypatch.setattr("os.access", lambda *_: False)  # root may everything
    group = grp.getgrgid((tmp_path / "kvm").stat().st_gid).gr_name
    told = kvm_obstacle(tmp_path / "cpuinfo", tmp_path / "kvm")
    assert told == f"this user may not read and write {tmp_path}/kvm: join the group {group}, and log in again"


@pytest.mark.parametrize(
    ("kvm", "compiled", "uml_obstacle", "expected"),
    [
        ("", True, "", ["kvm", "emulation"]),
        ("none", False, "", ["emulation"]),
        ("none", True, "", ["uml", "emulation"]),
        ("none", True, "no /dev/net/tun", ["emulation"]),
    ],
)
def test_auto_takes_the_fastest_that_is_there(
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    kvm: str,
    compiled: bool,
    uml_obstacle: str,
    expected: list[str],
):
    monkeypatch.setattr(f"{LAB_VM}.machine.kvm_obstacle", lambda: kvm)
    monkeypatch.setattr(f"{LAB_VM}.uml.obstacle", lambda: uml_obstacle)
    if compiled:
        machine.recipe.uml_kernel(machine.cache).folder.mkdir(parents=True)
    assert replace(machine, settings=replace(SETTINGS, engine="auto")).engines() == expected
    assert replace(machine, settings=replace(SETTINGS, engine="uml")).engines() == ["uml"]


def test_the_key_is_one_word_of_the_kernels_command_line():
    arguments = uml.arguments("lab", 512, "ssh-ed25519 AAAAuser some body's lab\n")
    assert arguments[-1] == '"systemd.set_credential=ssh.authorized_keys.root:ssh-ed25519 AAAAuser"'
    assert "mem=512M" in arguments


def test_a_failing_program_is_quoted():
    with pytest.raises(LabError, match=r"sh failed with exit code 3:\nno way"):
        run(["sh", "-c", "echo no way >&2; exit 3"])


def test_a_child_keeps_the_lock(tmp_path: Path):
    with locked(tmp_path / "cache") as lock:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[lock])
    try:
        with pytest.raises(BlockingIOError):
            lock_without_waiting(tmp_path / "cache")
    finally:
        child.kill()
        child.wait()
    lock_without_waiting(tmp_path / "cache")


def lock_without_waiting(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)
