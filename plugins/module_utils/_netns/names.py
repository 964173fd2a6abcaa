# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of a machine's namespaces, as everybody may read them."""

from __future__ import annotations

import os

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption, MissingRequirement
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import netns_name
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import RUN_DIR, identity


def named(run_dir: str = RUN_DIR) -> list[str]:
    """The names of all namespaces, sorted; a plain file that an interrupted creation left is none.

    Raises:
        MissingRequirement: the folder is there and cannot be read, or not entered, as one of mode 0744.
    """
    try:
        names = sorted(os.listdir(run_dir))
        os.stat(os.path.join(run_dir, "."))
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise MissingRequirement(
            "cannot list the network namespaces in %s: %s: it is a folder that everybody may read"
            " and enter, see ls -ld %s" % (run_dir, exc.strerror, run_dir)
        ) from exc
    return [name for name in names if identity(os.path.join(run_dir, name))]


def spelled(name: str) -> str:
    """How modules spell a named namespace: by its name, or by its path where they would refuse the name."""
    try:
        return netns_name("netns", name)
    except InvalidOption:
        return os.path.join(RUN_DIR, name)
