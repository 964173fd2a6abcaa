# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps to a plan: in place, or by a set that is built under a temporary name and takes the other's place."""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import layout, name_of, read_rest
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import PLAIN, Entries
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.outcome import Changes
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.ranges import members
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.revisions import lowest_revision
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import KernelSet, Operation
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SetHeader, temporary_name


def in_place(header: SetHeader, count: int, changes: Changes) -> list[Operation]:
    """The steps for a set of ``count`` entries that stays where it is.

    What comes is added before anything goes, so that nothing is missing where the kernel refuses it; unless there is no
    room for both, or one of them may be covered by the wildcard of the other.
    """
    gone = {**changes.deleted, **dict.fromkeys(changes.renewed, PLAIN)}
    come = _placed(changes) if changes.order else dict(changes.added)
    for key, options in changes.updated.items():
        come[key] = options if key in changes.renewed else options._replace(packets=None, bytes=None)
    steps = [Operation("add", header, come), Operation("delete", header, gone)]
    if "iface" in header.kind.parts or count + len(changes.added) + changes.more > (header.maxelem or 1 << 32):
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


def contents(header: SetHeader, have: Mapping[bytes, bytes], changes: Changes) -> Entries:
    """All entries of a set after the changes; those of a list in its order."""
    found: Entries = {
        key: changes.updated[key] if key in changes.updated else read_rest(rest)
        for key, rest in have.items()
        if key not in changes.deleted
    }
    found.update(changes.added)
    for key, options in changes.updated.items():
        if key not in found:  # a range
            found.update(dict.fromkeys(members(layout(header.kind), key), options))
    if changes.order:
        return {key: found[key]._replace(before=None, after=None) for key in changes.order}
    return found


def swapped(old: KernelSet, header: SetHeader, whole: Entries) -> list[Operation]:
    """A set is built under a temporary name and changes places with the old one, which goes."""
    temporary = replace(header, name=temporary_name(header.name))
    return [
        *built(temporary, whole, old.revision),
        Operation("swap", temporary, other=header.name),
        Operation("destroy", replace(old.header, name=temporary.name)),
    ]


def renamed(old: KernelSet, header: SetHeader, whole: Entries) -> list[Operation]:
    """A set is built under a temporary name and gets the old one's when that is gone."""
    temporary = replace(header, name=temporary_name(header.name))
    rename = Operation("rename", temporary, other=header.name)
    return [*built(temporary, whole), Operation("destroy", old.header), rename]


def built(header: SetHeader, whole: Entries, revision: int = 0) -> list[Operation]:
    """A new set with its entries, in no older revision than that."""
    wildcard = "iface" in header.kind.parts and any(options.wildcard for options in whole.values())
    create = Operation("create", header, revision=max(revision, lowest_revision(header, wildcard)))
    return [create, Operation("add", header, whole)] if whole else [create]
