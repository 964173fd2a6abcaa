# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place that imports pyroute2: which versions do, and what to do where it is missing."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
from importlib.machinery import ModuleSpec
from typing import Any, NamedTuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import MissingRequirement, NotInstalled
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.programs import installing

#: What Debian 12 ships.
MINIMUM = (0, 7, 2)

#: What Arch Linux and Alpine Linux call the package that others call python3-pyroute2.
_ELSEWHERE = {"pacman": "python-pyroute2", "apk": "py3-pyroute2"}


_MINIMUM = ".".join(map(str, MINIMUM))


class Library(NamedTuple):
    """The parts of pyroute2 that the collection uses."""

    IPRoute: Any
    NetlinkError: Any
    NetlinkDumpInterrupted: Any


def load() -> Library:
    """Import pyroute2.

    Raises:
        NotInstalled: it is not there.
        MissingRequirement: it is too old, or cannot be imported; the text says which one was found where.
    """
    spec = importlib.util.find_spec("pyroute2")
    if spec is None or not spec.submodule_search_locations:
        package = installing("python3-pyroute2", **_ELSEWHERE)
        raise NotInstalled(
            "%s has no pyroute2: install %s or later%s, or with pip: %s"
            % (sys.executable, _MINIMUM, " (%s)" % package if package else "", _by_pip())
        )
    folder = next(iter(spec.submodule_search_locations))
    version = found_version(folder)
    if not is_enough(version):
        raise MissingRequirement(
            "pyroute2 %s in %s is too old: %s or later is needed. Where the distribution has none: %s"
            % (version, folder, _MINIMUM, _by_pip())
        )
    try:
        return _rtnetlink_only(spec)
    except ImportError as exc:
        raise MissingRequirement("pyroute2 %s in %s cannot be imported: %s" % (version, folder, exc)) from exc


def _by_pip() -> str:
    """The command that installs the library for the Python that runs this task."""
    return "%s -m pip install 'pyroute2>=%s'" % (sys.executable, _MINIMUM)


def found_version(folder: str) -> str:
    """The version of the pyroute2 in ``folder``, read from files; ``unknown`` where neither place has it.

    The package's own ``__version__`` will not do: Debian's package leaves out the file it comes from.
    """
    try:
        with open(os.path.join(folder, "config", "version.py"), encoding="utf-8") as file:
            found = re.search(r"__version__\s*=\s*['\"]([^'\"]+)", file.read())
    except OSError:
        found = None
    if found:
        return found.group(1)
    beside = sorted(os.listdir(os.path.dirname(folder)))
    named = [re.fullmatch(r"pyroute2-([0-9][^-]*)(?:-.*)?\.(?:dist|egg)-info", name) for name in beside]
    return next((match.group(1) for match in named if match), "unknown")


def is_enough(version: str) -> bool:
    """Whether a version is at least the minimum; one that cannot be read is given a try."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    return not found or tuple(int(part or 0) for part in found.groups()) >= MINIMUM


def _rtnetlink_only(spec: ModuleSpec) -> Library:
    """Import the rtnetlink part without the rest of the package.

    ``import pyroute2`` loads a database, nftables, 802.11 and more, which costs more than everything a task does
    (measured: 5 s of 7 s on an emulated machine). So the submodules are imported under a stand-in for the package
    that runs none of its ``__init__``, and the stand-in is taken away again.
    """
    if "pyroute2" in sys.modules:
        return _parts()
    sys.modules["pyroute2"] = importlib.util.module_from_spec(spec)
    try:
        return _parts()
    except Exception:  # pylint: disable=broad-except  # whatever a coming version misses, its own way in helps
        for name in [name for name in sys.modules if name.partition(".")[0] == "pyroute2"]:
            del sys.modules[name]
        importlib.import_module("pyroute2")
        return _parts()
    finally:
        if not hasattr(sys.modules.get("pyroute2"), "IPRoute"):
            sys.modules.pop("pyroute2", None)


def _parts() -> Library:
    linux = importlib.import_module("pyroute2.iproute.linux")
    exceptions = importlib.import_module("pyroute2.netlink.exceptions")
    return Library(linux.IPRoute, exceptions.NetlinkError, exceptions.NetlinkDumpInterrupted)
