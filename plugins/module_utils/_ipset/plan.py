# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for sets and their entries: pure functions from what is there and what is wished to operations and a diff.

A set whose contents shall be replaced in one moment, or whose options the kernel cannot change, is built anew under a
temporary name, changes places with the old one (rules that refer to the set then refer to the new one), and the old one
is destroyed. What an interrupted run leaves under the temporary name, the next run destroys.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import differing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries import Wish
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.outcome import Changes, Outcome, outcome_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import KernelSet, Operation
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import (
    GC_SECONDS_MAX,
    SetType,
)


def plan_set(
    name: str,
    kind: SetType,
    given: Mapping[str, Any],
    have: KernelSet | None,
    wish: Wish | None = None,
    recreate: bool = False,
    leftover: KernelSet | None = None,
) -> Outcome:
    """Bring a set into being, with its entries where the task has any.

    ``given`` are the fields of :class:`SetHeader` that the task sets. ``hashsize`` and the seed ``initval`` are only
    where a set starts, so others in an existing set are no difference. Where there is no set to recreate but a
    leftover, a run may have died before it gave that its name, so the leftover tells the options to keep.

    Raises:
        Conflict: the set exists in a shape that cannot be changed in place, and ``recreate`` does not say to.
        InvalidOption: an entry does not fit the set.
    """
    if have is None:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.shape_plan import plan_new

        return plan_new(name, kind, given, wish, leftover, recreate)
    target = replace(have.header, kind=kind, **{k: v for k, v in given.items() if k not in kind.volatile})
    before, after = differing(have.header.options(), target.options())
    if not before and not after:
        if not wish:
            return outcome_of(have.header, leftover, [], Changes(), {}, {})
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries_plan import plan_contents

        return plan_contents(have, wish, leftover)
    if not recreate:
        option = next(iter({**before, **after}))
        raise Conflict(
            "set '%s' exists with %s %s, the task wants %s, and the kernel cannot change that in place:"
            " leave the option as it is, or build the set anew (recreate: true)"
            % (have.header.title, option, before.get(option), after.get(option))
        )
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.shape_plan import plan_anew

    return plan_anew(have, name, kind, given, wish, leftover)


def plan_no_set(have: KernelSet | None, leftover: KernelSet | None = None, lists: Sequence[KernelSet] = ()) -> Outcome:
    """Take a set away, with its entries. ``lists`` are those that may hold it.

    Raises:
        Conflict: rules or other sets refer to it.
    """
    if have is None:
        return outcome_of(None, leftover, [], Changes(), {}, {})
    if have.references:
        raise Conflict("set '%s' is in use: %s" % (have.header.title, _holder(have.header.name, lists)))
    return outcome_of(None, leftover, [Operation("destroy", have.header)], Changes(), have.header.options(), {})


def _holder(name: str, lists: Sequence[KernelSet]) -> str:
    """What refers to a set, and what to do; an entry of a list that ran out does so until the kernel looks again."""
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import text_key

    for each in lists:
        if text_key(name) in each.entries:
            return "take it out of the list '%s' first" % each.header.title
    for each in lists:
        if each.header.timeout is not None and each.elements > len(each.entries):
            patience = max(1, min(each.header.timeout // 3, GC_SECONDS_MAX))
            return "an entry of the list '%s' that ran out holds it, if no rule does, for up to %d s more" % (
                each.header.title,
                patience,
            )
    return "delete the iptables rules and list:set sets that refer to it first"
