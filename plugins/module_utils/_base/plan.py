# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan: the operations from what the kernel has to what a task wants, and the difference in the user's words.

Planning is pure: it reads plain values and returns plain values, so that check mode, the diff and the real run
cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, Mapping, TypeVar

Operation = TypeVar("Operation")


@dataclass(frozen=True)
class Plan(Generic[Operation]):
    """Operations in the order in which they are applied; ``before`` and ``after`` are keyed by option name."""

    operations: tuple[Operation, ...] = ()
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether applying the plan changes the kernel."""
        return bool(self.operations)


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two mappings without the keys on which they agree."""
    missing = object()
    keys = [key for key in dict.fromkeys([*before, *after]) if before.get(key, missing) != after.get(key, missing)]
    return {k: before[k] for k in keys if k in before}, {k: after[k] for k in keys if k in after}


def merged(plans: Mapping[str, Plan[Operation]]) -> Plan[Operation]:
    """The plans of one task's objects, by name, as one: its difference is by name where there are several."""
    if len(plans) == 1:
        return next(iter(plans.values()))
    changing = {name: plan for name, plan in plans.items() if plan.changed}
    return Plan(
        tuple(operation for plan in changing.values() for operation in plan.operations),
        {name: plan.before for name, plan in changing.items()},
        {name: plan.after for name, plan in changing.items()},
    )
