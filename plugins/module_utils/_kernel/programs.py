# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs of the managed node, run in a namespace and without a shell."""

from __future__ import annotations

import shutil
from typing import Callable, NamedTuple, Optional, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import inside

#: ``AnsibleModule.run_command``: exit code, standard output, standard error.
Run = Callable[..., Tuple[int, str, str]]

#: Where programs of the system are, whatever the login's own path is.
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"


#: What installs packages on a distribution, and how it is told to.
_MANAGERS = {
    "apt-get": "apt install",
    "dnf": "dnf install",
    "yum": "yum install",
    "zypper": "zypper install",
    "pacman": "pacman -S",
    "apk": "apk add",
}


class Finished(NamedTuple):
    """A program that has ended: its exit code, what it printed, and what it printed as errors and warnings."""

    code: int
    printed: str
    warned: str


def installed(program: str) -> bool:
    """Whether a program is there."""
    return shutil.which(program, path=_PATH) is not None


def finished(
    run: Run, program: str, netns: Optional[str], *arguments: str, given: Optional[str] = None
) -> Optional[Finished]:
    """Run a program in a namespace, with messages in English; ``None`` where it is not installed.

    ``given`` is what it reads from its standard input.

    Raises:
        NoSuchNamespace: there is no namespace of that name.
    """
    command = shutil.which(program, path=_PATH)
    if command is None:
        return None
    with inside(netns):
        return Finished(*run([command, *arguments], environ_update={"LC_ALL": "C"}, data=given))


def output_of(run: Run, program: str, netns: Optional[str], *arguments: str) -> Optional[str]:
    """What a program that only reads prints (``iptables-save``, ``nft list chains``), warnings included.

    ``None`` where it is not installed, or fails.
    """
    ended = finished(run, program, netns, *arguments)
    return ended.printed + ended.warned if ended and ended.code == 0 else None


def installing(package: str, **elsewhere: str) -> str:
    """The command that installs a package on this host; empty where no known program does.

    Args:
        package: its name in most distributions.
        elsewhere: its name where that is another one, by the program that installs it there (``apk``, ``pacman``...).
    """
    for manager, words in _MANAGERS.items():
        if shutil.which(manager, path=_PATH) is not None:
            return "%s %s" % (words, elsewhere.get(manager, package))
    return ""
