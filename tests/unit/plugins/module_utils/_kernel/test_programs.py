# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs are run for real; the stand-in for run_command() is Python's own subprocess."""

from __future__ import annotations

import os
import subprocess

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import NoSuchNamespace
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel import programs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.programs import finished, installing, output_of


def run(words, environ_update, data):
    done = subprocess.run(
        words, input=data, capture_output=True, text=True, check=False, env={**os.environ, **environ_update}
    )
    return done.returncode, done.stdout, done.stderr


def test_a_program_that_is_not_installed_has_no_output():
    assert finished(run, "no-such-program", None) is None
    assert output_of(run, "no-such-program", None) is None


def test_the_output_has_the_warnings_too_and_arguments_pass_no_shell():
    assert finished(run, "printf", None, "%s", "$HOME; a") == (0, "$HOME; a", "")
    assert output_of(run, "sh", None, "-c", "echo said; echo warned >&2") == "said\nwarned\n"


def test_what_is_given_is_what_it_reads():
    assert finished(run, "cat", None, given="two\nlines\n") == (0, "two\nlines\n", "")


def test_a_program_that_fails_has_no_output():
    ended = finished(run, "ls", None, "/no/such/folder")
    assert ended is not None
    assert ended.code != 0
    assert "No such file" in ended.warned
    assert output_of(run, "ls", None, "/no/such/folder") is None


def test_a_namespace_that_is_not_there():
    with pytest.raises(NoSuchNamespace, match="no-such-namespace"):
        finished(run, "true", "no-such-namespace")


@pytest.mark.parametrize(
    ("manager", "command"),
    [
        ("apt-get", "apt install python3-x"),
        ("dnf", "dnf install python3-x"),
        ("zypper", "zypper install python3-x"),
        ("pacman", "pacman -S python-x"),
        ("apk", "apk add py3-x"),
        ("slackpkg", ""),
    ],
)
def test_the_remedy_is_the_hosts_own(manager, command, tmp_path, monkeypatch):
    (tmp_path / manager).touch(mode=0o755)
    monkeypatch.setattr(programs, "_PATH", str(tmp_path))
    assert installing("python3-x", pacman="python-x", apk="py3-x") == command
