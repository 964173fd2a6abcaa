# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of a set and of its entries, and how a task tells it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, FrozenSet, Iterable, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import Options
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import KernelSet, Operation
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SetHeader


@dataclass(frozen=True)
class Changes:
    """What becomes of the entries. ``updated`` are the new options of entries that stay; ``old`` those of before."""

    deleted: Mapping[bytes, Options] = field(default_factory=dict)
    added: Mapping[bytes, Options] = field(default_factory=dict)
    updated: Mapping[bytes, Options] = field(default_factory=dict)
    old: Mapping[bytes, Options] = field(default_factory=dict)
    #: Those of ``updated`` that the kernel only takes after they have been deleted.
    renewed: FrozenSet[bytes] = frozenset()
    #: Of a list: its entries as they shall stand, and whether some that stay have to change places for it.
    order: Sequence[bytes] = ()
    reordered: bool = False
    #: How many more entries ranges among ``added`` stand for than they are.
    more: int = 0

    @property
    def growth(self) -> int:
        """How many entries more the set has afterwards."""
        return len(self.added) + self.more - len(self.deleted)

    def __bool__(self) -> bool:
        return bool(self.deleted or self.added or self.updated)


@dataclass(frozen=True)
class Outcome:
    """A plan, the set as it is afterwards, and what becomes of its entries, in ipset(8)'s words."""

    plan: Plan[Operation]
    header: SetHeader | None = None
    added: Sequence[str] = ()
    updated: Sequence[str] = ()
    deleted: Sequence[str] = ()

    def entries(self) -> dict[str, list[str]]:
        """What modules return of it."""
        return dict(added=list(self.added), updated=list(self.updated), deleted=list(self.deleted))


def outcome_of(
    header: SetHeader | None,
    leftover: KernelSet | None,
    steps: Sequence[Operation],
    changes: Changes,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    lost: Sequence[str] = (),
) -> Outcome:
    """The plan with its diff: the options that change, the entries that come, go or are written again, and how.

    A leftover may be all that tells a set's options, so it goes last, unless its name is needed.
    """
    tidying = _tidy(leftover)
    needed = any(step.header.name == each.header.name for step in steps for each in tidying)
    steps = [*tidying, *steps] if needed else [*steps, *tidying]
    if not steps:
        return Outcome(Plan(), header)
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import all_written

    added: list[str] = []
    updated: list[str] = []
    deleted = list(lost)
    old: list[str] = []
    if header is not None:
        kind = header.kind
        added = all_written(kind, changes.added)
        updated = all_written(kind, changes.updated)
        deleted += all_written(kind, changes.deleted)
        old = all_written(kind, changes.old)
    shown = dict(before), dict(after)
    if added or updated or deleted:
        if before or not after:
            shown[0]["entries"] = deleted + old
        shown[1]["entries"] = added + updated
    if any(step.verb in ("swap", "rename") for step in steps):
        shown[1]["rebuilt"] = True
    elif header is not None and changes.renewed:
        again = {key: options for key, options in changes.updated.items() if key in changes.renewed}
        shown[1]["deleted_and_added"] = all_written(header.kind, again)
    if leftover is not None:
        shown[0]["temporary_set"] = leftover.header.title
    return Outcome(Plan(tuple(steps), *shown), header, added, updated, deleted)


def _tidy(leftover: KernelSet | None) -> list[Operation]:
    """Destroy what an interrupted run left behind."""
    if leftover is None:
        return []
    if leftover.references:
        raise Conflict(
            "set '%s' has the name of this collection's temporary sets, but a rule or another set refers to it:"
            " delete or rename it" % leftover.header.title
        )
    return [Operation("destroy", leftover.header)]


def new_members(operations: Iterable[Operation]) -> list[str]:
    """The sets that operations add to a list, which have to exist."""
    lists = [each for each in operations if each.verb == "add" and each.header.kind.method == "list"]
    if not lists:
        return []
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import name_of

    return [name_of(key) for each in lists for key in each.entries]


def refuse_list(name: str, found: KernelSet) -> None:
    """Refuse a set as the member of a list that is a list itself."""
    if found.header.kind.method == "list":
        raise InvalidOption("entries", found.header.title, "it is a list:set itself, and no list:set can hold one")
