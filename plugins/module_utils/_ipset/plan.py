# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for sets and their entries: pure functions from what is there and what is wished to operations and a diff.

A set whose contents shall be replaced in one moment, or whose options the kernel cannot change, is built anew under a
temporary name, changes places with the old one (rules that refer to the set then refer to the new one), and the old one
is destroyed. What an interrupted run leaves under the temporary name, the next run destroys.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan, differing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import encode_rest, layout, read_rest
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.compare import (
    Changes,
    compare_wished,
    joined_changes,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.limits import (
    refuse_covered,
    refuse_crowded,
    refuse_overflow,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.option_words import WANTED
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import PLAIN, Entries
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.ranges import Wished
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.reader import Reader
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.revisions import revision_with
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import KernelSet, Operation
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.steps import (
    built,
    contents,
    in_place,
    renamed,
    swapped,
    tidy,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import (
    GC_SECONDS_MAX,
    GENERIC_OPTIONS,
    SetHeader,
    SetType,
    new_header,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import all_written, as_dict, name_of, text_key


@dataclass(frozen=True)
class Wish:
    """The entries a task wants: as it writes them, and whether they are all, come in one moment, and start anew."""

    items: Sequence[Any]
    purge: bool = False
    atomic: bool = False
    refresh: bool = False


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
        kept = leftover.header if recreate and leftover else None
        header = _new_shape(kept, name, kind, given) if kept else new_header(name, kind, given)
        wished = Reader(header).wished(wish.items) if wish else Wished({})
        changes = compare_wished(header, {}, wished, purge=False, refresh=False)
        refuse_covered(header, {}, changes)
        refuse_crowded(header, {}, changes)
        steps = built(header, contents(header, {}, changes), leftover.revision if kept and leftover else 0)
        return _outcome(header, leftover, steps, changes, {}, header.options())
    target = replace(have.header, kind=kind, **{k: v for k, v in given.items() if k not in kind.volatile})
    before, after = differing(have.header.options(), target.options())
    if not before and not after:
        return plan_contents(have, wish, leftover) if wish else _outcome(have.header, leftover, [], Changes(), {}, {})
    if not recreate:
        option = next(iter({**before, **after}))
        raise Conflict(
            "set '%s' exists with %s %s, the task wants %s, and the kernel cannot change that in place:"
            " leave the option as it is, or build the set anew (recreate: true)"
            % (have.header.title, option, before.get(option), after.get(option))
        )
    return _plan_new_shape(have, _new_shape(have.header, name, kind, given), wish, leftover)


def plan_no_set(have: KernelSet | None, leftover: KernelSet | None = None, lists: Sequence[KernelSet] = ()) -> Outcome:
    """Take a set away, with its entries. ``lists`` are those that may hold it.

    Raises:
        Conflict: rules or other sets refer to it.
    """
    if have is None:
        return _outcome(None, leftover, [], Changes(), {}, {})
    if have.references:
        raise Conflict("set '%s' is in use: %s" % (have.header.title, _holder(have.header.name, lists)))
    return _outcome(None, leftover, [Operation("destroy", have.header)], Changes(), have.header.options(), {})


def _holder(name: str, lists: Sequence[KernelSet]) -> str:
    """What refers to a set, and what to do; an entry of a list that ran out does so until the kernel looks again."""
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


def plan_contents(have: KernelSet, wish: Wish, leftover: KernelSet | None = None) -> Outcome:
    """Have the wished entries in a set; with ``purge`` no others.

    Raises:
        InvalidOption: an entry does not fit the set.
    """
    header = have.header
    wished = Reader(header).wished(wish.items)
    changes = compare_wished(header, have.entries, wished, wish.purge, wish.refresh)
    refuse_covered(header, have.entries, changes)
    refuse_crowded(header, have.entries, changes)
    refuse_overflow(header, len(have.entries) + changes.growth)
    if changes and (wish.atomic or changes.reordered or _wants_newer(have, changes)):
        steps = swapped(have, header, contents(header, have.entries, changes))
    else:
        steps = in_place(header, len(have.entries), changes)
    return _outcome(header, leftover, steps, changes, {}, {})


def plan_no_entries(have: KernelSet, items: Sequence[Any], leftover: KernelSet | None = None) -> Outcome:
    """Have none of these entries in a set, whatever else they carry."""
    unwished = Reader(have.header).wished(items)
    gone = {key: PLAIN for key in unwished.apart(layout(have.header.kind)) if key in have.entries}
    changes = joined_changes(have.header, Changes(deleted=gone), unwished.ranges)
    return _outcome(have.header, leftover, in_place(have.header, len(have.entries), changes), changes, {}, {})


def _wants_newer(have: KernelSet, changes: Changes) -> bool:
    """Whether an entry has what the set's revision has not, so that ipset(8) could not list it."""
    new = (*changes.added.values(), *changes.updated.values()) if "iface" in have.header.kind.parts else ()
    return any(each.wildcard for each in new) and have.revision < revision_with(have.header.kind, "wildcard")


def new_members(operations: Iterable[Operation]) -> list[str]:
    """The sets that operations add to a list, which have to exist."""
    lists = [each for each in operations if each.verb == "add" and each.header.kind.method == "list"]
    return [name_of(key) for each in lists for key in each.entries]


def refuse_list(name: str, found: KernelSet) -> None:
    """Refuse a set as the member of a list that is a list itself."""
    if found.header.kind.method == "list":
        raise InvalidOption("entries", found.header.title, "it is a list:set itself, and no list:set can hold one")


def predict_entries(items: Sequence[Any]) -> Outcome:
    """What becomes of a set that does not exist yet: all entries are new. Its type, and so their spelling, is open."""
    texts = [str(item["entry"]) if isinstance(item, Mapping) and "entry" in item else str(item) for item in items]
    plan: Plan[Any] = Plan(tuple(texts), dict(entries=[]), dict(entries=texts)) if texts else Plan()
    return Outcome(plan, added=texts)


# Another shape


def _new_shape(have: SetHeader, name: str, kind: SetType, given: Mapping[str, Any]) -> SetHeader:
    """The set that takes the place of one with other options: what the task does not say stays, where it can."""
    kept = kind.options() if kind == have.kind else (*GENERIC_OPTIONS, "hashsize", "maxelem", "bucketsize", "forceadd")
    stays = {option: getattr(have, option) for option in kept if option in kind.options() and option != "initval"}
    return new_header(name, kind, {**{k: v for k, v in stays.items() if v is not None}, **given})


def _plan_new_shape(have: KernelSet, header: SetHeader, wish: Wish | None, leftover: KernelSet | None) -> Outcome:
    swap = header.kind.features == have.header.kind.features
    if not swap and have.references:
        raise Conflict(
            "set '%s' is of type %s and in use, and the kernel lets no set of type %s take its place: delete the"
            " iptables rules and list:set sets that refer to it first"
            % (header.title, have.header.kind.name, header.kind.name)
        )
    same_kind = header.kind == have.header.kind
    wished = Reader(header).wished(wish.items) if wish else Wished({})
    staying = have.entries if same_kind else {}
    if wish and wish.purge:
        members = wished.apart(layout(header.kind))
        staying = {key: rest for key, rest in staying.items() if key in members}
    kept = _as_listed(_carried(have.header, staying, header))
    changes = compare_wished(header, kept, wished, wish.purge if wish else False, wish.refresh if wish else False)
    refuse_covered(header, kept, changes)
    refuse_crowded(header, kept, changes)
    refuse_overflow(header, len(kept) + changes.growth)
    whole = contents(header, kept, changes)
    steps = swapped(have, header, whole) if swap else renamed(have, header, whole)
    lost = all_written(have.header.kind, {key: PLAIN for key in have.entries if key not in staying})
    before, after = differing(have.header.options(), header.options())
    for option in header.kind.volatile:
        before.pop(option, None)
        after.pop(option, None)
    return _outcome(header, leftover, steps, changes, before, after, lost)


def _carried(old: SetHeader, entries: Mapping[bytes, bytes], header: SetHeader) -> Entries:
    """Entries of a set as another set of the same type takes them."""
    unsupported: dict[str, Any] = {name: None for name, wanted in WANTED.items() if not header.has(wanted)}
    kept = {key: read_rest(rest)._replace(**unsupported) for key, rest in entries.items()}
    shape = ("netmask", "bitmask", "markmask", "range")
    if all(getattr(header, option) == getattr(old, option) for option in shape):
        return kept
    return Reader(header).read([as_dict(header.kind, key, options) for key, options in kept.items()])


def _as_listed(entries: Entries) -> dict[bytes, bytes]:
    """Entries as a listing would show them."""
    return {key: encode_rest(options) for key, options in entries.items()}


def _outcome(
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
    tidying = tidy(leftover)
    needed = any(step.header.name == each.header.name for step in steps for each in tidying)
    steps = [*tidying, *steps] if needed else [*steps, *tidying]
    if not steps:
        return Outcome(Plan(), header)
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
