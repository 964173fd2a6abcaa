# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run `ansible-test sanity` on a copy of the checkout; further arguments go to ansible-test.

ansible-test works only in a folder named .../ansible_collections/NAMESPACE/NAME, and not through a link. The copy
lets the checkout have any name.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sources
import steps
import yaml

PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

# ansible-test gets pip into its virtual environments with a script from its own download host. This one does the same
# with nothing but Python's bundled pip and PyPI.
GET_PIP = '''\
"""Made by the sanity run of linuxnet.ipvs because the real get-pip script could not be fetched; removed afterwards."""
import subprocess
import sys

subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"])
wanted = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *wanted]))
'''


def link_dependencies(galaxy: Path, collections: Path) -> None:
    """Make the collections that galaxy.yml names visible beside the copy."""
    installed = Path(sysconfig.get_path("purelib")) / "ansible_collections"
    for dependency in yaml.safe_load(galaxy.read_text())["dependencies"]:
        namespace, name = dependency.split(".")
        (collections / namespace).mkdir(exist_ok=True)
        (collections / namespace / name).symlink_to(installed / namespace / name)


@contextmanager
def pip_bootstrap() -> Iterator[None]:
    """Let ansible-test find a way to install pip, even if its download host is out of reach."""
    version = _pip_version()
    cached = Path(f"~/.ansible/test/cache/get_pip_{version.replace('.', '_')}.py").expanduser()
    if cached.exists() or _reachable(f"https://ci-files.testing.ansible.com/ansible-test/get-pip-{version}.py"):
        yield
        return
    cached.parent.mkdir(parents=True, exist_ok=True)
    cached.write_text(GET_PIP)
    try:
        yield
    finally:
        cached.unlink(missing_ok=True)


def redo_broken(environments: Path) -> list[Path]:
    """Have ansible-test make those of its virtual environments anew in which a package's file is missing.

    It takes an environment with a marker for whole (ansible_test/_internal/commands/sanity: create_sanity_virtualenv),
    also where the machine went down, or was copied, before all of it was on the disk.

    Returns:
        The environments whose marker was taken away.
    """
    broken = []
    for marker in environments.glob("*/*/*/marker.txt"):
        wanted = set(re.findall(r"^([\w.-]+)==", _requirements(marker.with_name("meta.install.json")), re.MULTILINE))
        folders = [str(folder) for folder in marker.parent.glob("lib/python*/site-packages")]
        packages = list(importlib.metadata.distributions(path=folders))
        missing = {_canonical(name) for name in wanted} - {_canonical(package.name) for package in packages}
        # Compiled files may be missing.
        files = [file.locate() for package in packages for file in package.files or () if file.suffix != ".pyc"]
        if missing or not all(map(os.path.exists, [marker.with_name("pyvenv.cfg"), *files])):
            marker.unlink()
            broken.append(marker.parent)
    return broken


def _requirements(installed: Path) -> str:
    """The texts of the requirement files that an environment was made with; none where nothing was written down."""
    commands = json.loads(installed.read_text()) if installed.exists() else []
    return "\n".join(text for kind, said in commands if kind == "install" for _file, text in said["requirements"])


def _canonical(name: str) -> str:
    """A package's name as PyPI compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _pip_version() -> str:
    """The version of pip that ansible-test wants in its virtual environments; only its internals know."""
    from ansible_test._internal.host_configs import NativePythonConfig
    from ansible_test._internal.python_requirements import get_venv_packages

    return str(get_venv_packages(NativePythonConfig(version=PYTHON_VERSION, path=sys.executable))["pip"])


def _reachable(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10):
            return True
    except OSError:
        return False


def sanity(collection: Path, arguments: Sequence[str]) -> tuple[int, list[steps.Step]]:
    """Run the tests in the copy; the exit status is ansible-test's."""
    command = ["ansible-test", "sanity", "--local", "--python", PYTHON_VERSION, "--color", "no", *arguments]
    # The project's own ansible.cfg and strategy are none of the copy's business.
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    with subprocess.Popen(
        command,
        cwd=collection,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        done = []
        for step in split(process.stdout):
            done.append(step)
            steps.tell(step)
    return process.returncode, done


def split(output: Iterable[str]) -> Iterator[steps.Step]:
    """Make a step of each test in ansible-test's output: one that reports an error has failed."""
    name, start, lines = "start", time.monotonic(), list[str]()
    for line in output:
        announced = re.match(r'Running sanity test "(.*)"', line)
        if announced:
            yield from _finished(name, start, lines)
            name, start, lines = announced.group(1), time.monotonic(), []
        else:
            lines.append(line)
    yield from _finished(name, start, lines)


def _finished(name: str, start: float, lines: Sequence[str]) -> Iterator[steps.Step]:
    # ansible-test closes with a FATAL line that sums up; the one before it says what was wrong. What pip says about
    # the test's virtual environment comes before either.
    errors = list(itertools.dropwhile(lambda line: not re.match(r"ERROR:|FATAL:(?! The \d+ sanity)", line), lines))
    # What comes before the first test is of interest only if it kept the tests from running.
    if errors or name != "start":
        yield steps.Step(name, time.monotonic() - start, "".join(errors) or None)


def main() -> int:
    print("ansible-test makes virtual environments for its tests: the first run takes two minutes, later ones one.")
    start = time.monotonic()
    for environment in redo_broken(Path("~/.ansible/test/venv").expanduser()):
        print(f"{environment} lacks a file: it is made anew.")
    with tempfile.TemporaryDirectory() as folder, pip_bootstrap():
        collections = Path(folder) / "ansible_collections"
        collection = collections / "linuxnet" / "ipvs"
        sources.copy(collection, new=True)
        link_dependencies(collection / "galaxy.yml", collections)
        status, done = sanity(collection, sys.argv[1:])
    return steps.close("sanity", done, start) or status


if __name__ == "__main__":
    sys.exit(main())
