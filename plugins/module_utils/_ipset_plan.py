# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for sets and their entries: pure functions from what is there and what is wished to operations and a diff."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._errors import Conflict
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset_values import (
    Entry,
    Operation,
    SetHeader,
    SetType,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._plan import Plan

#: What the kernel takes where a task says nothing (linux/netfilter/ipset: IPSET_DEFAULT_*; list:set: 8).
DEFAULTS: Mapping[str, Mapping[str, int]] = {"hash": dict(hashsize=1024, maxelem=65536), "list": {}}


def plan_set(
    name: str, kind: SetType, given: Mapping[str, Any], have: SetHeader | None
) -> tuple[Plan[Operation], SetHeader]:
    """Bring a set into being.

    ``given`` are the fields of :class:`SetHeader` that the task sets. ``hashsize`` is only where the set starts, since
    the kernel enlarges it, so another one in an existing set is no difference.

    Raises:
        Conflict: the set exists in a shape that cannot be changed in place.
    """
    if have is None:
        header = SetHeader(name, kind, **{**DEFAULTS[kind.name.partition(":")[0]], **given})
        shown = {option: value for option, value in header.options().items() if value is not None}
        return Plan((Operation("create", header),), {}, shown), header
    wished = replace(have, kind=kind, **{k: v for k, v in given.items() if k != "hashsize"}).options()
    for option, value in have.options().items():
        if wished[option] != value:
            raise Conflict(
                "set '%s' exists with %s %s, the task wants %s, and the kernel cannot change that in place:"
                " delete the set first (state: absent), or leave the option as it is"
                % (name, option, value, wished[option])
            )
    return Plan(), have


def plan_no_set(have: SetHeader | None) -> Plan[Operation]:
    """Take a set away, with its entries."""
    if have is None:
        return Plan()
    shown = {option: value for option, value in have.options().items() if value is not None}
    return Plan((Operation("destroy", have),), shown, {})


def plan_entries(header: SetHeader, wished: Sequence[Entry], have: Sequence[Entry], purge: bool) -> Plan[Operation]:
    """Have the wished entries in a set; with ``purge`` no others."""
    present, wanted = set(have), dict.fromkeys(wished)
    missing = tuple(entry for entry in wanted if entry not in present)
    surplus = tuple(entry for entry in have if entry not in wanted) if purge else ()
    return _plan_change(header, missing, surplus)


def plan_no_entries(header: SetHeader, unwished: Sequence[Entry], have: Sequence[Entry]) -> Plan[Operation]:
    """Have none of these entries in a set."""
    present = set(have)
    return _plan_change(header, (), tuple(entry for entry in dict.fromkeys(unwished) if entry in present))


def predict_entries(texts: Sequence[str]) -> Plan[Any]:
    """What becomes of a set that does not exist yet: all entries are new. Its type, and so their spelling, is open."""
    return Plan(tuple(texts), dict(entries=[]), dict(entries=list(texts))) if texts else Plan()


def _plan_change(header: SetHeader, missing: tuple[Entry, ...], surplus: tuple[Entry, ...]) -> Plan[Operation]:
    steps = (Operation("delete", header, surplus), Operation("add", header, missing))
    return Plan(
        tuple(step for step in steps if step.entries),
        dict(entries=[str(entry) for entry in surplus]) if surplus or missing else {},
        dict(entries=[str(entry) for entry in missing]) if surplus or missing else {},
    )
