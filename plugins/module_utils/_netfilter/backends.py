# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of the two, iptables or nftables, a task's rules are made with, and what is there where neither can tell."""

from __future__ import annotations

from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import NotInstalled
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import or_nothing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.programs import installed

IPTABLES, NFTABLES = "iptables", "nftables"
BACKEND: dict[str, Any] = dict(backend=dict(type="str", choices=["auto", IPTABLES, NFTABLES], default="auto"))


def chosen(backend: str) -> str:
    """The one that is said, or that the host has: iptables, and nftables where only that is installed."""
    if backend != "auto":
        return backend
    return NFTABLES if installed("nft") and not installed("iptables-save") else IPTABLES


def rules_or_nothing(module: AnsibleModule, read: Callable[[], Any], nothing: Any) -> Any:
    """What ``read`` finds; ``nothing`` where the place is missing and that is no error, as :func:`or_nothing` has it.

    Nor is a program that is not installed an error for a task that wants its object absent: who has made a rule by it
    had it.
    """
    try:
        return or_nothing(module, read, nothing)
    except NotInstalled as exc:
        if module.params["state"] != "absent":
            raise
        module.warn("%s. The task goes on as if nothing was there, which nobody can see without it." % exc)
        return nothing
