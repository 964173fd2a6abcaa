# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for sets that are made: new ones, and those that take the place of a set of another shape."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import differing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import encode_rest, layout, read_rest
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.compare import compare_wished
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries import Wish, Wished
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.limits import (
    refuse_covered,
    refuse_crowded,
    refuse_overflow,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.option_words import WANTED
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import PLAIN, Entries
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.outcome import Outcome, outcome_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.reader import Reader
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import KernelSet
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.steps import built, contents, renamed, swapped
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import GENERIC_OPTIONS, SetHeader, SetType
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.wishes import new_header
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import all_written, as_dict


def plan_new(
    name: str,
    kind: SetType,
    given: Mapping[str, Any],
    wish: Wish | None,
    leftover: KernelSet | None,
    recreate: bool,
) -> Outcome:
    """Make a set with its entries."""
    kept = leftover.header if recreate and leftover else None
    header = _new_shape(kept, name, kind, given) if kept else new_header(name, kind, given)
    wished = Reader(header).wished(wish.items) if wish else Wished({})
    changes = compare_wished(header, {}, wished, purge=False, refresh=False)
    refuse_covered(header, {}, changes)
    refuse_crowded(header, {}, changes)
    steps = built(header, contents(header, {}, changes), leftover.revision if kept and leftover else 0)
    return outcome_of(header, leftover, steps, changes, {}, header.options())


def _new_shape(have: SetHeader, name: str, kind: SetType, given: Mapping[str, Any]) -> SetHeader:
    """The set that takes the place of one with other options: what the task does not say stays, where it can."""
    kept = kind.options() if kind == have.kind else (*GENERIC_OPTIONS, "hashsize", "maxelem", "bucketsize", "forceadd")
    stays = {option: getattr(have, option) for option in kept if option in kind.options() and option != "initval"}
    return new_header(name, kind, {**{k: v for k, v in stays.items() if v is not None}, **given})


def plan_anew(
    have: KernelSet,
    name: str,
    kind: SetType,
    given: Mapping[str, Any],
    wish: Wish | None,
    leftover: KernelSet | None,
) -> Outcome:
    """Build a set anew that is there in another shape, and give it that one's place."""
    header = _new_shape(have.header, name, kind, given)
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
    return outcome_of(header, leftover, steps, changes, before, after, lost)


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
