# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets the unit tests import the collection by its name, wherever the checkout is and whatever its folder is called."""

from __future__ import annotations

import atexit
import sys
import tempfile
from pathlib import Path

import hypothesis

CHECKOUT = Path(__file__).resolve().parents[2]


LINK = Path("ansible_collections", "linuxnet", "ipvs")


def _make_importable() -> None:
    """Put the link that `make venv` made on the path; without one, a link of this process's own."""
    collections = CHECKOUT / ".venv" / "collections"
    if not (collections / LINK / "galaxy.yml").exists():
        folder = tempfile.TemporaryDirectory(prefix="linuxnet-ipvs-")
        atexit.register(folder.cleanup)
        collections = Path(folder.name)
        (collections / LINK).parent.mkdir(parents=True)
        (collections / LINK).symlink_to(CHECKOUT)
    sys.path.insert(0, str(collections))


# `ansible-test units` comes with an import hook that knows the collection.
if not any(type(finder).__name__ == "_AnsibleCollectionFinder" for finder in sys.meta_path):
    _make_importable()

# It does not read pyproject.toml, where this stands for pytest.
for folder in ("kernel", "run", "write"):
    sys.path.insert(0, str(CHECKOUT / "tests" / folder))

# How fast the machine is at the moment is not what is tested.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("patient")
