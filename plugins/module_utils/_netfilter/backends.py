# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of the two, iptables or nftables, a task's rules are made with."""

from __future__ import annotations

from typing import Any

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.programs import installed

IPTABLES, NFTABLES = "iptables", "nftables"
BACKEND: dict[str, Any] = dict(backend=dict(type="str", choices=["auto", IPTABLES, NFTABLES], default="auto"))


def chosen(backend: str) -> str:
    """The one that is said, or that the host has: iptables, and nftables where only that is installed."""
    if backend != "auto":
        return backend
    return NFTABLES if installed("nft") and not installed("iptables-save") else IPTABLES
