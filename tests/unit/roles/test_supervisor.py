# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The servers' supervisor, for a host without systemd: what it serves, and which processes it ends."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[3] / "roles" / "http_backends" / "files" / "supervisor.py"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def port_of():
    """A port that is free at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


class Servers:
    def __init__(self, folder):
        self.folder = folder
        self.port = port_of()
        self.settings = dict(name="web", netns="", port=self.port, address="127.0.0.1", content="web\n", made_from="x")

    def run(self, command):
        settings = json.dumps(dict(check=False, servers=[self.settings]))
        return subprocess.run(
            [sys.executable, PROGRAM, command, self.folder, settings],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            umask=0o027,
        )

    def page(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}", timeout=5) as answer:
            return answer.read().decode()


@pytest.fixture
def servers(tmp_path):
    folder = tmp_path / "http-backend"
    folder.mkdir()
    found = Servers(folder)
    yield found
    assert found.run("absent").returncode == 0


@pytest.fixture
def other():
    """A process that is nobody's business."""
    with subprocess.Popen(["sleep", "300"]) as process:
        yield process
        process.kill()


def test_a_page_is_served_whatever_the_umask_and_the_folder_is_roots(servers):
    done = servers.run("present")
    assert json.loads(done.stdout) == {"changed": ["web"]}
    assert servers.page() == "web\n"
    assert servers.folder.stat().st_mode & 0o7777 == 0o700
    assert (servers.folder / "web.pid").stat().st_mode & 0o7777 == 0o600
    assert json.loads(servers.run("present").stdout) == {"changed": []}


@pytest.mark.parametrize("number", ["other's", "nobody's", "no"])
@pytest.mark.parametrize("command", ["present", "absent"])
def test_another_process_is_not_ended_and_its_lock_not_believed(servers, other, number, command):
    """The supervisor was ended with its namespace; somebody has the lock on what it left behind."""
    left = servers.folder / "web.pid"
    text = {"other's": str(other.pid), "nobody's": "4194999 77", "no": ""}[number]
    left.write_text(text)
    with open(left) as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        if command == "absent":
            done = servers.run("absent")
            assert done.returncode == 0, done.stderr
    if command == "present":
        done = servers.run("present")
        assert done.returncode == 0, done.stderr
        assert servers.page() == "web\n"
    assert "Traceback" not in done.stderr
    assert other.poll() is None
