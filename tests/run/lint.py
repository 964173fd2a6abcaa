# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run every linter and print one line for each; what a failing one said follows its line."""

from __future__ import annotations

import os
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import environments
import sources
import steps
import yaml

import docs

# The checkout under the name by which the collection imports itself.
COLLECTION = ".venv/collections/ansible_collections/linuxnet/ipvs"
#: Galaxy's own importer, in an environment of its own: it wants older libraries than ours.
IMPORTER = "galaxy-importer==0.4.44"
#: What is made of the code, and must not be stale, by who writes it
WRITERS = {
    "role tables": "role_tables",
    "guide tables": "guide_tables",
    "real servers' options": "real_server",
    "the doctor's checks": "doctor_table",
    "what is tested": "tested",
    "map": "map",
    "list of guides": "guides",
    "errors": "errors",
}
# What a released collection may hold: the rest is for those who work on it.
RELEASED = {
    "CHANGELOG.rst",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "FILES.json",
    "LICENSE",
    "MANIFEST.json",
    "README.md",
    "SECURITY.md",
    "changelogs",
    "docs",
    "meta",
    "playbooks",
    "plugins",
    "roles",
}


def commands() -> Iterator[tuple[str, list[str]]]:
    """Name each linter with its command; the slow ones come first because they run side by side."""
    yield "ansible-lint", ["ansible-lint", "--nocolor"]
    yield "mypy", ["mypy", f"{COLLECTION}/plugins", f"{COLLECTION}/roles", "molecule", "playbooks", "tests"]
    yield "yamllint", ["yamllint", "--strict", "."]
    yield "ruff check", ["ruff", "check"]
    yield "ruff format", ["ruff", "format", "--check", "--diff"]
    yield "changelog", ["antsibull-changelog", "lint"]
    for name, writer in WRITERS.items():
        yield name, [sys.executable, f"tests/write/{writer}.py", "--check"]


def build(folder: Path) -> steps.Step:
    """Build the collection of what git knows, and see that nothing slips in that its users have no use for."""
    start = time.monotonic()
    sources.copy(folder / "sources", new=False)
    built = steps.run("build", ["ansible-galaxy", "collection", "build", "--output-path", folder, folder / "sources"])
    failure = built.failure
    if failure is None:
        with tarfile.open(tarball(folder)) as archive:
            extra = {name.split("/")[0] for name in archive.getnames()} - RELEASED
        if extra:
            failure = f"not for a release (see build_ignore in galaxy.yml): {', '.join(sorted(extra))}"
    return steps.Step("build", time.monotonic() - start, failure)


def tarball(folder: Path) -> Path:
    """The collection that was built in a folder."""
    return next(folder.glob("*.tar.gz"))


def galaxy(folder: Path) -> steps.Step:
    """Import the collection that was built, as Galaxy does."""
    start = time.monotonic()
    try:
        binaries = environments.installed("galaxy-importer", [IMPORTER])
    except environments.NotInstalled as exc:
        return steps.Step("galaxy-importer", time.monotonic() - start, str(exc))
    config = folder / "importer.cfg"
    config.write_text("[galaxy-importer]\nrun_ansible_lint = false\ncheck_required_tags = true\n")
    env = {
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "GALAXY_IMPORTER_CONFIG": str(config),
        "ANSIBLE_CONFIG": str(config),  # which has nothing for Ansible
    }
    command: list[str | Path] = [binaries / "python", "-m", "galaxy_importer.main", tarball(folder)]
    step = steps.run("galaxy-importer", command, env, folder)  # where it leaves a report
    return steps.Step(step.name, time.monotonic() - start, step.failure)


def released() -> Iterator[steps.Step]:
    """Build what would be released, and import it."""
    with tempfile.TemporaryDirectory() as name:
        step = build(Path(name))
        yield step
        if step.failure is None:
            yield galaxy(Path(name))


def changelog() -> steps.Step:
    """See that the changelog lists each plugin and role that there is: `make changelog` writes it anew."""
    start = time.monotonic()
    release = list(yaml.safe_load((steps.CHECKOUT / "changelogs/changelog.yaml").read_text())["releases"].values())[-1]
    listed = {("modules", each["name"]) for each in release["modules"]}
    listed |= {(kind, each["name"]) for kind, found in release["plugins"].items() for each in found}
    listed |= {("roles", each["name"]) for each in release["objects"]["role"]}
    plugins = steps.CHECKOUT / "plugins"
    there = {(kind, path.stem) for kind in ("modules", "become", "inventory") for path in plugins.glob(f"{kind}/*.py")}
    there |= {("filter", path.stem) for path in plugins.glob("filter/*.yml")}
    there |= {("roles", path.name) for path in (steps.CHECKOUT / "roles").iterdir()}
    wrong = [f"{kind}: {name}" for kind, name in sorted(there ^ listed)]
    failure = "listed and not there, or there and not listed (make changelog):\n" + "\n".join(wrong) if wrong else None
    return steps.Step("changelog is complete", time.monotonic() - start, failure)


def alone(name: str, command: list[str]) -> list[steps.Step]:
    """A linter that is one step."""
    return [steps.run(name, command)]


def main() -> int:
    start = time.monotonic()
    done = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        waiting = [pool.submit(lambda: list(released())), pool.submit(lambda: [changelog()])]
        waiting.append(pool.submit(lambda: [docs.build(steps.OUTPUT / "docs")]))
        waiting += [pool.submit(alone, name, command) for name, command in commands()]
        for future in as_completed(waiting):
            for step in future.result():
                done.append(step)
                steps.tell(step)
    return steps.close("lint", done, start)


if __name__ == "__main__":
    sys.exit(main())
