# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a role needs of a host besides its options: one look for all of it, and what is missing, in words.

The look tells only what is surely missing. Whatever cannot be told is left to the module that needs it.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.pyroute2 import MINIMUM

#: Each kind of requirement, and how a shell prints a line for each one that is missing (sh(1), modprobe(8), BusyBox).
#: Where the kernel's modules are not at hand, as in a container, nobody can say what is built in.
_LOOKS = {
    "programs": """
  command -v "$each" > /dev/null || echo "missing programs $each"
""",
    "namespaces": """
  test -e "/run/netns/$each" || test -e "/var/run/netns/$each" || echo "missing namespaces $each"
""",
    "modules": """
  test -d "/sys/module/$each" && continue
  test -r "/lib/modules/$(uname -r)/modules.dep" && command -v modprobe > /dev/null || continue
  told=$(modprobe -n -v "$each" 2>&1) || echo "missing modules $each"
  printf '%s\\n' "$told" | grep -q -E '^install ([^ ]*/)?(true|false|:) *$' && echo "missing barred $each"
""",
    "pyroute2": """
  ls -d "${each%/bin/*}"/lib/python3*/*-packages/pyroute2 /usr/local/lib/python3*/*-packages/pyroute2 \\
    "$HOME"/.local/lib/python3*/*-packages/pyroute2 2> /dev/null | grep -q . && continue
  command -v "$each" > /dev/null || continue
  "$each" -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("pyroute2"))' 2> /dev/null ||
    echo "missing pyroute2 $each"
""",
}
#: The packages of programs that are not called as these are.
_PACKAGES = {
    "ip": "iproute2",
    "ip6tables": "iptables",
    "iptables-save": "iptables",
    "ip6tables-save": "iptables",
    "iptables-restore": "iptables",
    "ip6tables-restore": "iptables",
}


def look(requirements: Mapping[str, Sequence[str]]) -> str:
    """What a shell runs to tell what is missing.

    Args:
        requirements: ``programs``, ``modules`` of the kernel, ``namespaces`` and ``pyroute2``, of which each element is
            a Python that is to have it.
    """
    parts = ["PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin"]
    for kind, command in _LOOKS.items():
        names = [str(name) for name in dict.fromkeys(requirements.get(kind) or ())]
        if names:
            parts.append("for each in %s; do%sdone" % (" ".join(map(shlex.quote, names)), command))
    return "\n".join([*parts, "exit 0"]) + "\n"


def problems(lines: Sequence[str]) -> list[str]:
    """What is missing, in words, with what helps; from what the look printed."""
    return list(_problems(lines))


def _problems(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        mark, kind, name = [*line.split(maxsplit=2), "", "", ""][:3]
        if mark == "missing" and kind in _WORDS:
            yield _WORDS[kind](name.rstrip())


def _program(name: str) -> str:
    return "there is no program '%s': install the package %s" % (name, _PACKAGES.get(name, name.rpartition("/")[2]))


def _module(name: str) -> str:
    return (
        "the kernel has no module '%s': take one that has it, or where a package has it (kernel-modules-extra on Fedora"
        " and Enterprise Linux), install that" % name
    )


def _barred(name: str) -> str:
    return "the kernel may not load module '%s': a file in /etc/modprobe.d forbids it" % name


def _namespace(name: str) -> str:
    return "there is no network namespace '%s': make it first, with linuxnet.ipvs.netns" % name


def _pyroute2(python: str) -> str:
    return (
        "%s has no pyroute2: install the package python3-pyroute2 (python-pyroute2 on Arch Linux, py3-pyroute2 on"
        " Alpine Linux), or: %s -m pip install 'pyroute2>=%s'" % (python, python, ".".join(map(str, MINIMUM)))
    )


_WORDS: Mapping[str, Callable[[Any], str]] = {
    "programs": _program,
    "modules": _module,
    "barred": _barred,
    "namespaces": _namespace,
    "pyroute2": _pyroute2,
}
