# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m lab_vm COMMAND``: see the package's own words.

========  ==========================================================
COMMAND   what it does, and what it answers besides `changed`
========  ==========================================================
status    looks only: what is missing here, the image, the machine
compile   compiles a user-mode Linux if there is none for these settings
build     builds the image if there is none for these settings
start     brings the machine up unless it is: how to reach it, notes
stop      ends the machine and removes its files
========  ==========================================================

With ``"check": true`` among the settings, nothing is done and `changed` foretells.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from . import uml
from .host import LabError, has_apt, is_supported, kvm_obstacle, missing_packages
from .image import Recipe
from .machine import Machine, Settings


def status(machine: Machine, _check: bool) -> dict[str, Any]:
    fault = machine.fault()
    engine = machine.engines()[0] if fault is not None else machine.record()["engine"]
    image = machine.image(engine)
    missing = missing_packages(engine, to_build=not image.is_built)
    resumes = engine == "emulation" and not missing and image.is_built and machine.key.exists()
    return {
        "changed": False,
        "supported": is_supported(),
        "refusal": machine.recipe.refusal(),
        "root": os.geteuid() == 0,
        "apt": has_apt(),
        "missing": missing,
        "built": image.is_built,
        "compiled": engine != "uml" or machine.recipe.uml_kernel(machine.cache).is_built,
        "image": str(image.folder),
        "fault": fault,
        "engine": engine,
        "no_kvm": kvm_obstacle(),
        "no_uml": uml.obstacle() if engine == "uml" else "",
        "resumes": resumes and machine.settings.resume and machine.snapshot().exists(),
    }


def compile_kernel(machine: Machine, check: bool) -> dict[str, Any]:
    kernel = machine.recipe.uml_kernel(machine.cache)
    return {"changed": not kernel.is_built if check else kernel.build()}


def build(machine: Machine, check: bool) -> dict[str, Any]:
    image = machine.image(machine.engines()[0])
    return {"changed": not image.is_built if check else image.build()}


def start(machine: Machine, check: bool) -> dict[str, Any]:
    if check:
        changed = machine.fault() is not None
        return {"changed": changed, "notes": [], "access": None if changed else access(machine)}
    return {**machine.start(), "access": access(machine)}


def stop(machine: Machine, check: bool) -> dict[str, Any]:
    return {"changed": machine.exists() if check else machine.stop()}


def access(machine: Machine) -> dict[str, Any]:
    return {
        "port": machine.record()["port"],
        "engine": machine.record()["engine"],
        "key": str(machine.key),
        "known_hosts": str(machine.folder / "known_hosts"),
    }


COMMANDS = {"status": status, "compile": compile_kernel, "build": build, "start": start, "stop": stop}


def main() -> None:
    settings = json.load(sys.stdin)
    cache = Path(settings["cache_dir"]).resolve()
    recipe = settings["image"]
    machine = Machine(
        folder=Path(settings["state_dir"]).resolve(),
        recipe=Recipe(**{**recipe, "packages": tuple(recipe["packages"])}),
        cache=cache,
        key=cache / "id_ed25519",
        settings=Settings(**settings["machine"]),
    )
    try:
        print(json.dumps(COMMANDS[sys.argv[1]](machine, settings["check"])))
    except LabError as error:
        sys.exit(str(error))


main()
