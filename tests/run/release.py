# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the collection's tarball, and use it installed from scratch on the oldest and the newest ansible-core.

The tarball is made of what git knows, once the changelog has the version and lists all that there is. It is installed
into an empty folder of its own for each core. There every playbook is looked at by its name, every plugin's
documentation is read, and the modules, plugins and the doctor are played as `make versions` plays them. In the end the
installed files are compared with those of the tarball: whatever a play keeps belongs into the user's folders.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import lint
import steps
import versions
import yaml

NAME = "linuxnet.ipvs"
#: Kinds of plugins, as ansible-doc names them
KINDS = ("become", "filter", "inventory", "module", "role")


def recorded(version: str) -> str | None:
    """Why the changelog is not that of a version; None if it is."""
    changes = yaml.safe_load((steps.CHECKOUT / "changelogs" / "changelog.yaml").read_text())
    if version not in changes["releases"]:
        return (
            f"the changelog has no {version}, as galaxy.yml has: write its summary, and run antsibull-changelog release"
        )
    return lint.changelog().failure


def uncommitted() -> str | None:
    """What git has not committed, if anything."""
    done = subprocess.run(
        ["git", "status", "--porcelain"], cwd=steps.CHECKOUT, capture_output=True, text=True, check=False
    )
    return done.stdout or None


def changelog(version: str) -> steps.Step:
    """See that what would be released is committed and recorded."""
    start = time.monotonic()
    return steps.Step("committed, and in the changelog", time.monotonic() - start, uncommitted() or recorded(version))


def playbooks() -> list[str]:
    """The names of the collection's playbooks."""
    return [f"{NAME}.{path.stem}" for path in sorted((steps.CHECKOUT / "playbooks").glob("*.yml"))]


def plugins() -> dict[str, set[str]]:
    """The names of all plugins and roles, by their kind."""
    folder = steps.CHECKOUT / "plugins"
    found = {kind: {path.stem for path in (folder / kind).glob("*.py")} for kind in ("become", "inventory")}
    found["filter"] = {path.stem for path in (folder / "filter").glob("*.yml")}
    found["module"] = {path.stem for path in (folder / "modules").glob("*.py")}
    found["role"] = {path.name for path in (steps.CHECKOUT / "roles").iterdir()}
    return {kind: {f"{NAME}.{name}" for name in names} for kind, names in found.items()}


def documented(title: str, binaries: Path, env: Mapping[str, str], folder: Path) -> steps.Step:
    """See that ansible-doc finds everything, with its documentation."""
    start = time.monotonic()
    wrong = []
    for kind, names in plugins().items():
        command = [str(binaries / "ansible-doc"), "--type", kind, "--list", "--json", NAME]
        done = subprocess.run(command, cwd=folder, env=dict(env), capture_output=True, text=True, check=False)
        listed = set(json.loads(done.stdout)) if done.returncode == 0 else set()
        if listed != names:
            wrong.append(f"{kind}: {', '.join(sorted(listed ^ names))}\n{done.stderr}")
    return steps.Step(title, time.monotonic() - start, "\n".join(wrong) or None)


def files(folder: Path) -> dict[str, bytes]:
    """What is installed, but for what Python compiles."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def untouched(title: str, before: Mapping[str, bytes], folder: Path) -> steps.Step:
    """See that nothing has been written into the installed collection."""
    start = time.monotonic()
    after = files(folder)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return steps.Step(title, time.monotonic() - start, "\n".join(changed) or None)


def installed(core: versions.Core, python: str, tarball: Path, folder: Path) -> Iterator[steps.Step]:
    """Install the tarball for a core into a folder, and use it from there."""
    binaries = versions.installed(core, python)
    home, work, collections = folder / "home", folder / "work", folder / "collections"
    for each in (home, work, collections):
        each.mkdir(parents=True)
    config = folder / "ansible.cfg"
    config.write_text("[defaults]\n")
    env = versions.environment_of(binaries, config, collections) | {"HOME": str(home)}
    install: list[str | Path] = [
        binaries / "ansible-galaxy",
        "collection",
        "install",
        "--collections-path",
        collections,
        tarball,
    ]
    step = steps.run(f"{core.name}: installed", install, env, work)
    yield step
    if step.failure is not None:
        return
    place = collections / "ansible_collections" / "linuxnet" / "ipvs"
    before = files(place)
    yield documented(f"{core.name}: documentation", binaries, env, work)
    check: list[str | Path] = [
        binaries / "ansible-playbook",
        "--inventory",
        "lab_nodes,",
        "--syntax-check",
        *playbooks(),
    ]
    yield steps.run(f"{core.name}: playbooks by their names", check, env, work)
    yield from versions.plays(core, binaries, env, f"{NAME}.doctor")
    yield untouched(f"{core.name}: nothing is written into the collection", before, place)


def main() -> int:
    start = time.monotonic()
    done: list[steps.Step] = []

    def tell(step: steps.Step) -> bool:
        done.append(step)
        steps.tell(step)
        return step.failure is None

    version = yaml.safe_load((steps.CHECKOUT / "galaxy.yml").read_text())["version"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if tell(changelog(version)) and tell(lint.build(folder)):
            tarball = lint.tarball(folder)
            for core in (versions.CORES[0], versions.CORES[-1]):
                python = versions.python_for(core)
                if python is None:
                    tell(steps.Step(core.name, 0.0, "there is no Python here that it runs on"))
                    continue
                for step in installed(core, python, tarball, folder / core.name):
                    tell(step)
            if all(step.failure is None for step in done):
                shutil.copy2(tarball, steps.CHECKOUT)
                print(f"Made {tarball.name}")
    return steps.close("release", done, start)


if __name__ == "__main__":
    sys.exit(main())
