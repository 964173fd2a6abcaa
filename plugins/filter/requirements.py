# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters that have a role refuse a host that lacks something before it changes anything there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._base.plain import plain
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._node import requirements


def requirements_look(wanted: Mapping[str, Sequence[str]]) -> str:
    """See :func:`requirements.look`."""
    return requirements.look(plain(wanted))


def requirement_problems(lines: Sequence[str]) -> list[str]:
    """See :func:`requirements.problems`."""
    return requirements.problems(plain(lines))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., object]]:
        return {"requirements_look": requirements_look, "requirement_problems": requirement_problems}
