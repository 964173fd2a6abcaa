# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks between processes, in a folder of the test's own."""

from __future__ import annotations

import os
import re
import signal
import stat
import time
from contextlib import contextmanager

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, MissingRequirement
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel import lock

BOTH = pytest.mark.parametrize("alone", [lambda: lock.alone(None), lock.alone_with_links])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "FOLDER", str(tmp_path / "locks"))
    return tmp_path / "locks"


@contextmanager
def holder(alone):
    """Another process that has a lock."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with alone():
            os.write(writer, b"!")
            time.sleep(60)
        os._exit(0)
    os.read(reader, 1)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)
        os.close(writer)


@BOTH
def test_one_at_a_time_and_the_message_names_who_has_it(alone, monkeypatch):
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    with holder(alone) as child, pytest.raises(Conflict) as caught, alone():
        pass
    assert re.match(rf"another task, process {child} \(.*python.*\), has been changing th", str(caught.value))
    with alone():  # which ended with its process
        pass


@BOTH
def test_nobody_else_can_enter_the_folder_and_no_file_stays(alone, folder):
    mask = os.umask(0)
    try:
        with alone():
            (file,) = folder.iterdir()
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
    finally:
        os.umask(mask)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.iterdir()) == []


def test_a_folder_that_others_can_enter_is_refused(folder):
    folder.mkdir()
    folder.chmod(0o711)
    with pytest.raises(Conflict, match=r"mode 0711.*only root can enter"), lock.alone_with_links():
        pass


def test_a_link_in_the_place_of_the_folder_is_refused(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MissingRequirement, match="by which tasks wait for each other"), lock.alone_with_links():
        pass


def test_check_mode_and_a_namespace_that_is_not_there_need_no_lock(folder):
    with lock.alone(None, wanted=False), lock.alone_with_links(wanted=False), lock.alone("/nowhere/ns"):
        assert not folder.exists()


def test_many_processes_take_turns(folder, tmp_path):
    """Each reads a number and writes the next one."""
    count = tmp_path / "count"
    count.write_text("0")
    children = []
    for _child in range(4):
        child = os.fork()
        if child == 0:
            for _turn in range(25):
                with lock.alone_with_links():
                    number = int(count.read_text())
                    time.sleep(0.0005)
                    count.write_text(str(number + 1))
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert count.read_text() == "100"
