# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter that asks what a module would refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._node.refusals import refusals


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"refusals": refusals}
