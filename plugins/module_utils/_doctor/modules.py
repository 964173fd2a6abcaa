# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of its modules the kernel has or could load, found out without loading any (modprobe(8), modules.dep(5))."""

from __future__ import annotations

import os
from typing import Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.programs import Run, output_of

#: What a line of modprobe.d(5) has a module replaced by that shall never be loaded.
_NOTHING = ("false", "true", ":")


def there(name: str) -> bool:
    """Whether the kernel has a module, loaded or built in.

    Where its modules are not at hand, as in a container, nobody can say what is built in: then it is taken to be there.
    """
    return os.path.isdir("/sys/module/%s" % name) or not os.path.isdir(_folder()) or _listed("modules.builtin", name)


def barred(run: Run, name: str) -> str | None:
    """Why the kernel cannot have a module; None if it has it, or would load it when it is asked for."""
    if there(name):
        return None
    if not lines(os.path.join(_folder(), "modules.dep")):
        return None  # nobody can say
    if not _listed("modules.dep", name):
        return "there is no module %s in %s" % (name, _folder())
    if lines("/proc/sys/kernel/modules_disabled")[:1] == ["1"]:
        return "module %s is not loaded, and this kernel loads no more modules (kernel.modules_disabled is 1)" % name
    for line in (output_of(run, "modprobe", None, "--dry-run", "--show-depends", name) or "").splitlines():
        words = line.split()
        if words[:1] == ["install"] and len(words) == 2 and os.path.basename(words[1]) in _NOTHING:
            return "module %s is not loaded, and modprobe.d(5) bars it or what it needs: '%s'" % (name, " ".join(words))
    return None


def _listed(index: str, name: str) -> bool:
    files = (os.path.basename(line.partition(":")[0]) for line in lines(os.path.join(_folder(), index)))
    return any(file.split(".")[0].replace("-", "_") == name for file in files)


def _folder() -> str:
    return os.path.join("/lib/modules", os.uname().release)


def lines(path: str) -> Sequence[str]:
    """A file's lines; none where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return ()
