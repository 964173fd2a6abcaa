# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of a set's entries: those that are there beside those that are wished."""

from __future__ import annotations

from dataclasses import replace
from typing import Collection, Iterable, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import (
    encode_rest,
    layout,
    name_of,
    read_rest,
    still,
    text_key,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries import Wished
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import (
    PLAIN,
    Entries,
    Options,
    all_plain,
    of_each,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.outcome import Changes
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SetHeader


def compare_wished(
    header: SetHeader, have: Mapping[bytes, bytes], wished: Wished, purge: bool, refresh: bool
) -> Changes:
    """What it takes to have the wished entries; of ranges, what is missing of them is ranges again."""
    if not have and header.kind.method != "list":
        return Changes(added=wished.whole(), more=wished.more(layout(header.kind)))
    changes = compare(header, have, wished.apart(layout(header.kind)), purge, refresh)
    return joined_changes(header, changes, wished.ranges) if changes and wished.ranges else changes


def joined_changes(header: SetHeader, changes: Changes, ranges: Collection[bytes]) -> Changes:
    """Changes in which the members of ranges are told and sent as ranges."""
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.ranges import joined, size

    shape = layout(header.kind)
    added, updated, old, deleted = (
        joined(shape, entries, ranges) for entries in (changes.added, changes.updated, changes.old, changes.deleted)
    )
    more = sum(size(shape, key) - 1 for key in added)
    return replace(changes, added=added, updated=updated, old=old, deleted=deleted, more=more)


def compare(header: SetHeader, have: Mapping[bytes, bytes], wished: Entries, purge: bool, refresh: bool) -> Changes:
    """What it takes to have the wished entries.

    A nomatch or wildcard that is not said is none, since it decides what the entry means. Of the rest only what is said
    counts. Timeouts run and counters count: a timeout matters where there is none (or, being 0, where there is one),
    and otherwise with ``refresh``, then of every entry; packets and bytes are those of new entries only.
    """
    if refresh and header.timeout is not None:
        wished = _started_anew(header.timeout, have, wished)
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


def _started_anew(timeout: int, have: Mapping[bytes, bytes], wished: Entries) -> Entries:
    """Wished entries whose timeouts start again: one that is there and says none gets the set's (``ipset add``)."""
    unsaid = {options for options in wished.values() if options.timeout is None}
    filled = {options: options._replace(timeout=timeout) for options in unsaid}
    return {key: filled.get(options, options) if key in have else options for key, options in wished.items()}


def _compare_lists(have: Mapping[bytes, bytes], wished: Entries, surplus: Entries, refresh: bool) -> Changes:
    """What it takes to have the wished entries in a list, whose order counts where the task says so."""
    places = {key: place for place, key in enumerate(have)}
    order = ordered([key for key in have if key not in surplus], wished)
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


def ordered(kept: Iterable[bytes], wished: Entries) -> list[bytes]:
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
