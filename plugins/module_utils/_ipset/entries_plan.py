# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for the entries of a set that is there, and stays what it is."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import layout
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.compare import compare_wished, joined_changes
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries import Wish
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import PLAIN
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.outcome import Changes, Outcome, outcome_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.reader import Reader
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import KernelSet


def plan_contents(have: KernelSet, wish: Wish, leftover: KernelSet | None = None) -> Outcome:
    """Have the wished entries in a set; with ``purge`` no others.

    Raises:
        InvalidOption: an entry does not fit the set.
    """
    header = have.header
    wished = Reader(header).wished(wish.items)
    changes = compare_wished(header, have.entries, wished, wish.purge, wish.refresh)
    if not changes:
        return outcome_of(header, leftover, [], changes, {}, {})
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.limits import (
        refuse_covered,
        refuse_crowded,
        refuse_overflow,
    )
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.steps import contents, in_place, swapped

    refuse_covered(header, have.entries, changes)
    refuse_crowded(header, have.entries, changes)
    refuse_overflow(header, len(have.entries) + changes.growth)
    if wish.atomic or changes.reordered or _wants_newer(have, changes):
        steps = swapped(have, header, contents(header, have.entries, changes))
    else:
        steps = in_place(header, len(have.entries), changes)
    return outcome_of(header, leftover, steps, changes, {}, {})


def plan_no_entries(have: KernelSet, items: Sequence[Any], leftover: KernelSet | None = None) -> Outcome:
    """Have none of these entries in a set, whatever else they carry."""
    unwished = Reader(have.header).wished(items)
    gone = {key: PLAIN for key in unwished.apart(layout(have.header.kind)) if key in have.entries}
    if not gone:
        return outcome_of(have.header, leftover, [], Changes(), {}, {})
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.steps import in_place

    changes = joined_changes(have.header, Changes(deleted=gone), unwished.ranges)
    return outcome_of(have.header, leftover, in_place(have.header, len(have.entries), changes), changes, {}, {})


def _wants_newer(have: KernelSet, changes: Changes) -> bool:
    """Whether an entry has what the set's revision has not, so that ipset(8) could not list it."""
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.revisions import revision_with

    new = (*changes.added.values(), *changes.updated.values()) if "iface" in have.header.kind.parts else ()
    return any(each.wildcard for each in new) and have.revision < revision_with(have.header.kind, "wildcard")


def predict_entries(items: Sequence[Any]) -> Outcome:
    """What becomes of a set that does not exist yet: all entries are new. Its type, and so their spelling, is open."""
    texts = [str(item["entry"]) if isinstance(item, Mapping) and "entry" in item else str(item) for item in items]
    plan: Plan[Any] = Plan(tuple(texts), dict(entries=[]), dict(entries=texts)) if texts else Plan()
    return Outcome(plan, added=texts)
