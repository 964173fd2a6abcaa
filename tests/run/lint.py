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

import steps

# The checkout under the name by which the collection imports itself.
COLLECTION = ".venv/collections/ansible_collections/linuxnet/ipvs"
# What a released collection may hold: the rest is for those who work on it.
RELEASED = {
    "CHANGELOG.rst",
    "CONTRIBUTING.md",
    "FILES.json",
    "LICENSE",
    "MANIFEST.json",
    "README.md",
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
    yield "role tables", [sys.executable, "tests/write/role_tables.py", "--check"]
    yield "guide tables", [sys.executable, "tests/write/guide_tables.py", "--check"]


def build() -> steps.Step:
    """Build the collection, and see that nothing slips into it that its users have no use for."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        built = steps.run("build", ["ansible-galaxy", "collection", "build", "--output-path", folder])
        failure = built.failure
        if failure is None:
            with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as archive:
                extra = {name.split("/")[0] for name in archive.getnames()} - RELEASED
            if extra:
                failure = f"not for a release (see build_ignore in galaxy.yml): {', '.join(sorted(extra))}"
    return steps.Step("build", time.monotonic() - start, failure)


def main() -> int:
    start = time.monotonic()
    done = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        waiting = [pool.submit(steps.run, name, command) for name, command in commands()]
        waiting.append(pool.submit(build))
        for future in as_completed(waiting):
            done.append(future.result())
            steps.tell(done[-1])
    return steps.close("lint", done, start)


if __name__ == "__main__":
    sys.exit(main())
