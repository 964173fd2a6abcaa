# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for sets and their entries: pure functions from what is there and what is wished to operations and a diff.

A set whose contents shall be replaced in one moment, or whose options the kernel cannot change, is built anew under a
temporary name, changes places with the old one (rules that refer to the set then refer to the new one), and the old one
is destroyed. What an interrupted run leaves under the temporary name, the next run destroys.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, FrozenSet, Iterable, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan, differing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.client import KernelSet, Operation
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import (
    GENERIC_OPTIONS,
    SetHeader,
    SetType,
    new_header,
    temporary_name,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import (
    FLAG_WILDCARD,
    PLAIN,
    Entries,
    Options,
    Reader,
    all_plain,
    all_written,
    as_dict,
    encode_rest,
    layout,
    name_of,
    of_each,
    read_rest,
    still,
    text_key,
    written,
)


@dataclass(frozen=True)
class Wish:
    """The entries a task wants: as it writes them, and whether they are all, come in one moment, and start anew."""

    items: Sequence[Any]
    purge: bool = False
    atomic: bool = False
    refresh: bool = False


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

    ``given`` are the fields of :class:`SetHeader` that the task sets. ``hashsize`` is only where the set starts, since
    the kernel enlarges it, so another one in an existing set is no difference. Where there is no set to recreate but a
    leftover, a run may have died before it gave that its name, so the leftover tells the options to keep.

    Raises:
        Conflict: the set exists in a shape that cannot be changed in place, and ``recreate`` does not say to.
        InvalidOption: an entry does not fit the set.
    """
    if have is None:
        kept = leftover.header if recreate and leftover else None
        header = _new_shape(kept, name, kind, given) if kept else new_header(name, kind, given)
        wished = Reader(header).read(wish.items) if wish else {}
        changes = Changes(added=wished, order=_ordered((), wished) if kind.method == "list" else ())
        _refuse_covered(header, {}, changes)
        _refuse_crowded(header, {}, changes)
        steps = [Operation("create", header), *_in_place(header, 0, changes)]
        return _outcome(header, leftover, steps, changes, {}, header.options())
    target = replace(have.header, kind=kind, **{k: v for k, v in given.items() if k not in kind.volatile})
    if "initval" in given:
        target = replace(target, initval=given["initval"])
    before, after = differing(have.header.options(), target.options())
    if not before and not after:
        return plan_contents(have, wish, leftover) if wish else _outcome(have.header, leftover, [], Changes(), {}, {})
    if not recreate:
        option = next(iter({**before, **after}))
        raise Conflict(
            "set '%s' exists with %s %s, the task wants %s, and the kernel cannot change that in place:"
            " leave the option as it is, or build the set anew (recreate: true)"
            % (name, option, before.get(option), after.get(option))
        )
    return _plan_new_shape(have, _new_shape(have.header, name, kind, given), wish, leftover)


def plan_no_set(have: KernelSet | None, leftover: KernelSet | None = None) -> Outcome:
    """Take a set away, with its entries.

    Raises:
        Conflict: rules or other sets refer to it.
    """
    if have is None:
        return _outcome(None, leftover, [], Changes(), {}, {})
    if have.references:
        raise Conflict(
            "set '%s' is in use: delete the iptables rules and list:set sets that refer to it first" % have.header.name
        )
    return _outcome(None, leftover, [Operation("destroy", have.header)], Changes(), have.header.options(), {})


def plan_contents(have: KernelSet, wish: Wish, leftover: KernelSet | None = None) -> Outcome:
    """Have the wished entries in a set; with ``purge`` no others.

    Raises:
        InvalidOption: an entry does not fit the set.
    """
    header = have.header
    wished = Reader(header).read(wish.items)
    changes = compare(header, have.entries, wished, wish.purge, wish.refresh)
    _refuse_covered(header, have.entries, changes)
    _refuse_crowded(header, have.entries, changes)
    _refuse_overflow(header, len(have.entries) + len(changes.added) - len(changes.deleted))
    if changes and (wish.atomic or changes.reordered):
        steps = _swapped(header, header, _contents(have.entries, changes))
    else:
        steps = _in_place(header, len(have.entries), changes)
    return _outcome(header, leftover, steps, changes, {}, {})


def plan_no_entries(have: KernelSet, items: Sequence[Any], leftover: KernelSet | None = None) -> Outcome:
    """Have none of these entries in a set, whatever else they carry."""
    unwished = Reader(have.header).read(items)
    changes = Changes(deleted={key: PLAIN for key in unwished if key in have.entries})
    return _outcome(have.header, leftover, _in_place(have.header, len(have.entries), changes), changes, {}, {})


def new_members(operations: Iterable[Operation]) -> list[str]:
    """The sets that operations add to a list, which have to exist."""
    lists = [each for each in operations if each.verb == "add" and each.header.kind.method == "list"]
    return [name_of(key) for each in lists for key in each.entries]


def refuse_list(name: str, found: KernelSet) -> None:
    """Refuse a set as the member of a list that is a list itself."""
    if found.header.kind.method == "list":
        raise InvalidOption("entries", name, "it is a list:set itself, and no list:set can hold one")


def predict_entries(items: Sequence[Any]) -> Outcome:
    """What becomes of a set that does not exist yet: all entries are new. Its type, and so their spelling, is open."""
    texts = [str(item["entry"]) if isinstance(item, Mapping) and "entry" in item else str(item) for item in items]
    plan: Plan[Any] = Plan(tuple(texts), dict(entries=[]), dict(entries=texts)) if texts else Plan()
    return Outcome(plan, added=texts)


def compare(header: SetHeader, have: Mapping[bytes, bytes], wished: Entries, purge: bool, refresh: bool) -> Changes:
    """What it takes to have the wished entries.

    A nomatch or wildcard that is not said is none, since it decides what the entry means. Of the rest only what is said
    counts. Timeouts run and counters count: a timeout matters where there is none (or, being 0, where there is one),
    and otherwise with ``refresh``; packets and bytes are those of new entries only.
    """
    # Only networks carry what an entry that says nothing has an opinion on.
    flagged = header.kind.has_networks and any(have.values())
    plain = not flagged and all_plain(wished.values())
    is_list = header.kind.method == "list"
    there = [] if plain or is_list else list(map(have.get, wished))
    asked = [] if plain or is_list else of_each(encode_rest, wished.values())
    # A set finds many keys faster than a dict.
    same = set(have).issuperset(wished) if plain else there == asked and not is_list
    if same and (len(have) == len(wished) or not purge):
        return Changes()
    surplus = {key: PLAIN for key in have if key not in wished} if purge else {}
    if is_list:
        return _compare_lists(have, wished, surplus, refresh)
    if plain:
        return Changes(surplus, {key: PLAIN for key in wished if key not in have})
    pairs = zip(there, asked) if refresh else zip(_stilled(there), _stilled(asked))
    added, updated, old, renewed = {}, {}, {}, set()
    for (key, options), (is_so, shall_be) in zip(wished.items(), pairs):
        if is_so == shall_be:
            continue
        rest = have.get(key)
        if rest is None:
            added[key] = options
            continue
        if options is PLAIN and not flagged:
            continue
        carried = read_rest(rest)
        if options.wildcard != carried.wildcard:
            renewed.add(key)
        if key in renewed or _differs(options, carried, refresh):
            old[key] = carried
            updated[key] = _merged(options, carried, refresh)
    return Changes(surplus, added, updated, old, frozenset(renewed))


def _compare_lists(have: Mapping[bytes, bytes], wished: Entries, surplus: Entries, refresh: bool) -> Changes:
    """What it takes to have the wished entries in a list, whose order counts where the task says so."""
    places = {key: place for place, key in enumerate(have)}
    order = _ordered([key for key in have if key not in surplus], wished)
    staying = [places[key] for key in order if key in places]
    reordered = staying != sorted(staying)
    added, updated, old = {}, {}, {}
    for key, options in wished.items():
        if key not in have:
            added[key] = options
            continue
        carried = read_rest(have[key])
        if not reordered or _in_place_already(options, key, places):
            options = options._replace(before=None, after=None)
        if options.before or options.after or _differs(options, carried, refresh):
            old[key] = carried
            updated[key] = _merged(options, carried, refresh)
    return Changes(surplus, added, updated, old, order=order, reordered=reordered)


def _stilled(rests: Sequence[bytes | None]) -> list[bytes | None]:
    """The rests of entries, with timeouts that run as if all of them had the same."""
    known = {rest: still(rest) if rest else rest for rest in set(rests)}
    return [known[rest] for rest in rests]


def _differs(wished: Options, carried: Options, refresh: bool) -> bool:
    return bool(
        wished.nomatch != carried.nomatch
        or (wished.timeout is not None and _new_timeout(wished, carried, refresh) != carried.timeout)
        or (wished.comment is not None and wished.comment != (carried.comment or ""))
        or (wished.skbmark is not None and wished.skbmark != (carried.skbmark or (0, 0)))
        or (wished.skbprio is not None and wished.skbprio != (carried.skbprio or 0))
        or (wished.skbqueue is not None and wished.skbqueue != (carried.skbqueue or 0))
        or (wished.mac is not None and wished.mac != carried.mac)
        # Of an entry that is there the kernel tells the counters, unless it comes from a set that has none.
        or (wished.packets and carried.packets is None)
        or (wished.bytes and carried.bytes is None)
    )


def _new_timeout(wished: Options, carried: Options, refresh: bool) -> int | None:
    """The timeout that an entry shall have: as said if it expires and shall not, or the other way round."""
    if wished.timeout is None or carried.timeout is None:
        return carried.timeout if wished.timeout is None else wished.timeout
    return wished.timeout if refresh or bool(wished.timeout) != bool(carried.timeout) else carried.timeout


def _merged(wished: Options, carried: Options, refresh: bool) -> Options:
    """All options of an entry that is written again, since the kernel forgets those that are left out.

    It does keep the counters, unless the entry moves.
    """
    said = {name: value for name, value in wished._asdict().items() if value is not None}
    counted = {
        name: value for name, value in dict(packets=carried.packets, bytes=carried.bytes).items() if value is not None
    }
    merged = {**carried._asdict(), **said, **counted}
    return Options(**{**merged, "timeout": _new_timeout(wished, carried, refresh)})


def _in_place_already(options: Options, key: bytes, places: Mapping[bytes, int]) -> bool:
    """Whether an entry of a list is where it shall be: anywhere before, or behind, another that is there."""
    other = places.get(text_key(options.before or options.after or ""))
    return other is not None and (places[key] < other if options.before else places[key] > other)


def _ordered(kept: Iterable[bytes], wished: Entries) -> list[bytes]:
    """The entries of a list as they shall stand: each that is not where the task wants it goes next to the other.

    What a later entry has pushed out of its place again is put right at the end.

    Raises:
        InvalidOption: an entry shall stand before or after one that is not there, or they cannot all be served.
    """
    order = list(kept)
    there = set(order)
    #: For each entry those that shall stand before it.
    earlier: dict[bytes, list[bytes]] = {}
    for key, options in wished.items():
        name = options.before or options.after
        if name is None:
            order += [] if key in there else [key]
        else:
            other = text_key(name)
            if other == key or other not in there:
                raise InvalidOption(
                    "entries",
                    name,
                    "the entry that another shall stand before or after is not in the list: name it first",
                )
            first, second = (key, other) if options.before else (other, key)
            earlier.setdefault(second, []).append(first)
            if key not in there or order.index(first) > order.index(second):
                if key in there:
                    order.remove(key)
                order.insert(order.index(other) + (options.before is None), key)
        there.add(key)
    return _put_right(order, earlier) if earlier else order


def _put_right(order: Iterable[bytes], earlier: Mapping[bytes, Sequence[bytes]]) -> list[bytes]:
    """The entries in an order in which each has those before it that shall be there, and otherwise in theirs."""
    placed: dict[bytes, None] = {}
    for each in order:
        waiting = [each]
        while waiting:
            missing = next((key for key in earlier.get(waiting[-1], ()) if key not in placed), None)
            if missing is None:
                placed[waiting.pop()] = None
            elif missing in waiting:
                raise InvalidOption(
                    "entries", name_of(missing), "it shall stand both before and after another: leave one of them out"
                )
            else:
                waiting.append(missing)
    return list(placed)


def _refuse_covered(header: SetHeader, have: Mapping[bytes, bytes], changes: Changes) -> None:
    """Refuse an entry of hash:net,iface that the kernel would take for another, whose wildcard covers it."""
    if "iface" not in header.kind.parts:
        return
    new = {**changes.added, **changes.updated}
    flag = bytes([FLAG_WILDCARD])
    wild = [key for key, rest in have.items() if flag in rest and key not in changes.deleted and key not in new]
    wild = [key for key in wild if read_rest(have[key]).wildcard] + [key for key in new if new[key].wildcard]
    if not wild:
        return
    shape = layout(header.kind)
    covering: dict[Any, list[tuple[bytes, bytes]]] = {}
    for key in wild:
        place, device = shape.place(key)
        covering.setdefault(place, []).append((device, key))
    for key in {**have, **new} if changes.added or changes.updated else ():
        if key in changes.deleted:
            continue
        place, device = shape.place(key)
        for prefix, other in covering.get(place, ()):
            if key != other and device.startswith(prefix) and (key in new or other in new):
                raise InvalidOption(
                    "entries",
                    written(header.kind, key),
                    "the kernel takes it for '%s', whose wildcard covers it: leave one of the two out"
                    % written(header.kind, other, Options(wildcard=True)),
                )


#: Devices of one network, those of a bridge's ports (physdev) for themselves: a bucket of the kernel's hash, and all of
#: them fall into one (AHASH_MAX_TUNED in ip_set_hash_gen.h, struct hash_netiface4_elem_hashed in ip_set_hash_netiface.c
#: of net/netfilter/ipset).
_DEVICES_MAX = 64


def _refuse_crowded(header: SetHeader, have: Mapping[bytes, bytes], changes: Changes) -> None:
    """Refuse more devices of a network than a set holds.

    Kernels before Linux 6.1 (and before the stable ones of November 2022) would double the hash for room that there
    cannot be, until no memory is left. Newer ones call the set full.
    """
    if "iface" not in header.kind.parts or not changes.added:
        return
    shape = layout(header.kind)
    staying = (key for key in have if key not in changes.deleted)
    counts = Counter(shape.place(key)[0] for key in (*staying, *changes.added))
    for key in changes.added:
        count = counts[shape.place(key)[0]]
        if count > _DEVICES_MAX:
            raise InvalidOption(
                "entries",
                written(header.kind, key),
                "its network would have %d devices, and a %s set holds at most %d of one network: share them out among"
                " several sets" % (count, header.kind.name, _DEVICES_MAX),
            )


def _refuse_overflow(header: SetHeader, count: int) -> None:
    if header.maxelem is not None and count > header.maxelem and not header.forceadd:
        raise InvalidOption(
            "entries",
            "%d entries" % count,
            "the set '%s' holds at most %d, and with these it would have more: create it with a larger 'maxelem'"
            % (header.name, header.maxelem),
        )


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
            % (header.name, have.header.kind.name, header.kind.name)
        )
    same_kind = header.kind == have.header.kind
    wished = Reader(header).read(wish.items) if wish else {}
    staying = have.entries if same_kind else {}
    if wish and wish.purge:
        staying = {key: rest for key, rest in staying.items() if key in wished}
    kept = _as_listed(_carried(have.header, staying, header))
    changes = compare(header, kept, wished, wish.purge if wish else False, wish.refresh if wish else False)
    _refuse_covered(header, kept, changes)
    _refuse_crowded(header, kept, changes)
    _refuse_overflow(header, len(kept) + len(changes.added) - len(changes.deleted))
    contents = _contents(kept, changes)
    steps = _swapped(have.header, header, contents) if swap else _renamed(have.header, header, contents)
    lost = all_written(have.header.kind, {key: PLAIN for key in have.entries if key not in staying})
    before, after = differing(have.header.options(), header.options())
    for option in header.kind.volatile:
        before.pop(option, None)
        after.pop(option, None)
    return _outcome(header, leftover, steps, changes, before, after, lost)


def _carried(old: SetHeader, entries: Mapping[bytes, bytes], header: SetHeader) -> Entries:
    """Entries of a set as another set of the same type takes them."""
    unsupported: dict[str, Any] = {
        name: None
        for name, wanted in dict(
            timeout="timeout",
            packets="counters",
            bytes="counters",
            comment="comment",
            skbmark="skbinfo",
            skbprio="skbinfo",
            skbqueue="skbinfo",
        ).items()
        if not header.has(wanted)
    }
    kept = {key: read_rest(rest)._replace(**unsupported) for key, rest in entries.items()}
    shape = ("netmask", "bitmask", "markmask", "range")
    if all(getattr(header, option) == getattr(old, option) for option in shape):
        return kept
    return Reader(header).read([as_dict(header.kind, key, options) for key, options in kept.items()])


def _as_listed(entries: Entries) -> dict[bytes, bytes]:
    """Entries as a listing would show them."""
    return {key: encode_rest(options) for key, options in entries.items()}


# Steps


def _tidy(leftover: KernelSet | None) -> list[Operation]:
    """Destroy what an interrupted run left behind."""
    if leftover is None:
        return []
    if leftover.references:
        raise Conflict(
            "set '%s' has the name of this collection's temporary sets, but a rule or another set refers to it:"
            " delete or rename it" % leftover.header.name
        )
    return [Operation("destroy", leftover.header)]


def _in_place(header: SetHeader, count: int, changes: Changes) -> list[Operation]:
    """The steps for a set of ``count`` entries that stays where it is.

    What comes is added before anything goes, so that nothing is missing where the kernel refuses it; unless there is no
    room for both, or one of them may be covered by the wildcard of the other.
    """
    gone = {**changes.deleted, **dict.fromkeys(changes.renewed, PLAIN)}
    come = _placed(changes) if changes.order else dict(changes.added)
    for key, options in changes.updated.items():
        come[key] = options if key in changes.renewed else options._replace(packets=None, bytes=None)
    steps = [Operation("add", header, come), Operation("delete", header, gone)]
    if "iface" in header.kind.parts or count + len(changes.added) > (header.maxelem or count + len(changes.added)):
        steps.reverse()
    return [step for step in steps if step.entries]


def _placed(changes: Changes) -> Entries:
    """The new entries of a list whose others keep their order, each before the next of these."""
    behind = None
    found: Entries = {}
    for key in reversed(changes.order):
        if key in changes.added:
            found[key] = changes.added[key]._replace(before=behind, after=None)
        else:
            behind = name_of(key)
    return dict(reversed(found.items()))


def _contents(have: Mapping[bytes, bytes], changes: Changes) -> Entries:
    """All entries of a set after the changes; those of a list in its order."""
    found: Entries = {
        key: changes.updated[key] if key in changes.updated else read_rest(rest)
        for key, rest in have.items()
        if key not in changes.deleted
    }
    found.update(changes.added)
    if changes.order:
        return {key: found[key]._replace(before=None, after=None) for key in changes.order}
    return found


def _swapped(old: SetHeader, header: SetHeader, contents: Entries) -> list[Operation]:
    temporary = replace(header, name=temporary_name(header.name))
    return [
        *_built(temporary, contents),
        Operation("swap", temporary, other=header.name),
        Operation("destroy", replace(old, name=temporary.name)),
    ]


def _renamed(old: SetHeader, header: SetHeader, contents: Entries) -> list[Operation]:
    temporary = replace(header, name=temporary_name(header.name))
    rename = Operation("rename", temporary, other=header.name)
    return [*_built(temporary, contents), Operation("destroy", old), rename]


def _built(header: SetHeader, contents: Entries) -> list[Operation]:
    filled = [Operation("add", header, contents)] if contents else []
    return [Operation("create", header), *filled]


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
    tidy = _tidy(leftover)
    needed = any(step.header.name == each.header.name for step in steps for each in tidy)
    steps = [*tidy, *steps] if needed else [*steps, *tidy]
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
        shown[0]["temporary_set"] = leftover.header.name
    return Outcome(Plan(tuple(steps), *shown), header, added, updated, deleted)
