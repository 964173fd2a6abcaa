# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a role needs is looked for by a real shell, on this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from ansible_collections.linuxnet.ipvs.plugins.filter.requirements import requirement_problems, requirements_look

SHELLS = [each for each in (["dash"], ["bash"], ["busybox", "sh"]) if shutil.which(each[0])]


def looked(requirements, shell=("sh",)):
    done = subprocess.run([*shell], input=requirements_look(requirements), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_only_what_is_missing_is_told(shell):
    wanted = {
        "programs": ["ls", "no such; program", "/bin/sh", "/no/such/sh"],
        "namespaces": ["no-such-namespace"],
        "pyroute2": ["/no/such/python3"],  # whether another one has it is not known
    }
    assert looked(wanted, shell) == [
        "missing programs no such; program",
        "missing programs /no/such/sh",
        "missing namespaces no-such-namespace",
    ]


def test_a_python_without_pyroute2(tmp_path):
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    python.chmod(0o755)
    found = looked({"pyroute2": [str(python)]})
    elsewhere = subprocess.run(
        "ls -d /usr/local/lib/python3*/*-packages/pyroute2 ~/.local/lib/python3*/*-packages/pyroute2",
        shell=True,
        capture_output=True,
        check=False,
    )
    assert found == ([] if elsewhere.stdout else [f"missing pyroute2 {python}"])
    (tmp_path / "lib" / "python3.99" / "site-packages" / "pyroute2").mkdir(parents=True)
    assert looked({"pyroute2": [str(python)]}) == []


def test_nothing_is_needed():
    assert looked({}) == []
    assert looked({"programs": [], "modules": None}) == []


def test_each_kind_has_words_and_a_remedy():
    lines = ["missing programs ip6tables", "missing modules ip_vs", "missing barred ip_set", "missing namespaces blue"]
    lines += ["missing pyroute2 /usr/bin/python3\r", "Warning: a banner of the login", ""]
    told = requirement_problems(lines)
    assert len(told) == 5
    for problem, words in zip(
        told,
        (
            "'ip6tables': install the package iptables",
            "no module 'ip_vs': take one that has it",
            "'ip_set': a file in /etc/modprobe.d forbids it",
            "'blue': make it first",
            "/usr/bin/python3 -m pip install 'pyroute2>=0.7.2'",
        ),
        strict=True,
    ):
        assert words in problem
