# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries that a task wants in a set: as it writes them, and as they are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import Entries

if TYPE_CHECKING:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import Layout


@dataclass(frozen=True)
class Wish:
    """The entries a task wants: as it writes them, and whether they are all, come in one moment, and start anew."""

    items: Sequence[Any]
    purge: bool = False
    atomic: bool = False
    refresh: bool = False


@dataclass(frozen=True)
class Wished:
    """The entries of a task: single ones and ranges, none of which meets another."""

    entries: Entries
    ranges: Entries = field(default_factory=dict)

    def whole(self) -> Entries:
        """All of them, ranges as such."""
        return {**self.entries, **self.ranges} if self.ranges else self.entries

    def apart(self, shape: Layout) -> Entries:
        """All of them, ranges taken apart."""
        if not self.ranges:
            return self.entries
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.ranges import members

        found = dict(self.entries)
        for key, options in self.ranges.items():
            found.update(dict.fromkeys(members(shape, key), options))
        return found

    def more(self, shape: Layout) -> int:
        """How many more entries the ranges stand for than they are."""
        if not self.ranges:
            return 0
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.ranges import size

        return sum(size(shape, key) - 1 for key in self.ranges)
