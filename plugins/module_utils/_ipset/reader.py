# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task's words for the entries of a set become keys and options, as ipset(8) reads them."""

from __future__ import annotations

import itertools
from typing import Any, Iterable, Iterator, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset import word_columns
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import PHYSDEV
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries import Wished
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import PLAIN, Entries, Options
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.parts import Choices, Parts
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SetHeader

_SHAPES = {
    "ip": "ADDRESS",
    "net": "NETWORK/PREFIX",
    "port": "PROTOCOL:PORT",
    "mac": "MAC",
    "mark": "MARK",
    "iface": "[physdev:]DEVICE",
    "set": "SET",
}


class Reader:
    """Reads the entries of one set as ipset(8) does, and refuses what the kernel would refuse.

    Args:
        header: The set; its options say what an entry may carry, and which bits of an address count.
        option: The name of the task's option, for errors.
    """

    def __init__(self, header: SetHeader, option: str = "entries") -> None:
        self._header = header
        self._kind = header.kind
        self._option = option
        self._parts = Parts(header, option)

    def read(self, items: Sequence[Any]) -> Entries:
        """The entries of a task, ranges taken apart; see :meth:`wished`."""
        return self.wished(items).apart(self._parts.layout)

    def wished(self, items: Sequence[Any]) -> Wished:
        """The entries of a task, each a text in ipset(8)'s spelling or a dict with ``entry`` and its options.

        Raises:
            InvalidOption: one does not fit the set.
        """
        entries, options = self._all_apart(items)
        alike = word_columns.read(self._parts, entries, options)
        found = Wished(alike) if alike is not None else self._one_by_one(entries, options)
        count = len(found.whole()) + found.more(self._parts.layout)
        if count > self._parts.limit and self._kind.method == "hash":
            raise InvalidOption(
                self._option,
                "%d entries" % count,
                "the set '%s' holds at most %d: create it with a larger 'maxelem'"
                % (self._header.title, self._parts.limit),
            )
        return Wished(self._with_macs(found.entries)) if self._kind.name == "bitmap:ip,mac" else found

    def _one_by_one(self, entries: Iterable[str], options: Iterable[Options]) -> Wished:
        """Entries of any kind. Of one that is said twice, the options that are said last count."""
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.ranges import disjoint, is_range, members

        shape = self._parts.layout
        listed = [(key, said) for entry, said in zip(entries, options) for key in self.keys(entry)]
        if not disjoint(shape, [key for key, _said in listed]):
            listed = [(member, said) for key, said in listed for member in members(shape, key)]
        singles: Entries = {}
        ranges: Entries = {}
        for key, said in listed:
            found = ranges if is_range(shape, key) else singles
            found[key] = found.get(key, PLAIN) if said is PLAIN else said
        return Wished(singles, ranges)

    def _all_apart(self, wished: Sequence[Any]) -> tuple[Sequence[str], Sequence[Options]]:
        """The entries themselves, and the options of each."""
        if set(map(type, wished)) == {str} and " " not in "".join(wished):
            return wished, [PLAIN] * len(wished)
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.option_words import OptionWords

        words = OptionWords(self._header, self._option)
        apart = [words.apart(item) for item in wished]
        return [entry for entry, _options in apart], [options for _entry, options in apart]

    def _with_macs(self, found: Entries) -> Entries:
        """The entries of bitmap:ip,mac, which are known by their addresses."""
        known: Entries = {}
        for key, options in found.items():
            address, mac = key[: self._parts.layout.size], key[self._parts.layout.size :]
            if mac:
                known[address] = options._replace(mac=mac)
            else:
                known.setdefault(address, options)
        return known

    def keys(self, text: str) -> Iterator[bytes]:
        """The keys of an entry: several where parts are ranges, the longest of which stays one."""
        words = text.split(",")
        if len(words) != len(self._parts.readers):
            words = self._filled(text, words)
        choices = [read(word) for read, word in zip(self._parts.readers, words)]
        count = 1
        for choice in choices:
            count *= len(choice)
        if count == 1:
            return iter((self._one(text, [value for choice in choices for value in choice[0]]),))
        if count > self._parts.limit:
            raise InvalidOption(
                self._option,
                text,
                "it stands for %d entries, and the set holds at most %d" % (count, self._parts.limit),
            )
        return self._several(text, choices)

    def _several(self, text: str, choices: list[Choices]) -> Iterator[bytes]:
        """The keys of an entry of which each part is one of some."""
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.ranges import (
            RANGE_MAX,
            Consecutive,
            range_to,
        )

        shape = self._parts.layout
        attr = 0
        longest = max(choices, key=lambda choice: len(choice) if isinstance(choice, Consecutive) else 0)
        if isinstance(longest, Consecutive) and len(longest) > 1:
            place = choices.index(longest)
            attr = shape.parts[place][1][0]
            firsts = range(0, len(longest), RANGE_MAX)
            choices[place] = [longest[first] for first in firsts]
            ends = {longest[first][0]: min(longest.first + first + RANGE_MAX - 1, longest.last) for first in firsts}
        for combined in itertools.product(*choices):
            key = self._one(text, [value for choice in combined for value in choice])
            yield range_to(shape, key, attr, ends[combined[place][0]]) if attr else key

    def _one(self, text: str, found: list[bytes]) -> bytes:
        name = self._kind.name
        if name == "bitmap:ip,mac":
            return self._parts.layout.key(found[:1]) + b"".join(found[1:])
        if name == "hash:ip,mark" and not any(found[0]) and not any(found[1]):
            raise InvalidOption(self._option, text, "an address and a mark that are both 0 are no entry of a hash")
        if name == "hash:net,iface":
            address, prefix, device = found
            if device.endswith(PHYSDEV):
                return self._parts.layout.key([address, prefix, device[: -len(PHYSDEV)]]) + PHYSDEV
        return self._parts.layout.key(found)

    def _filled(self, text: str, words: list[str]) -> list[str]:
        """The words of an entry that lacks a part, where it may."""
        if self._kind.name == "bitmap:ip,mac" and len(words) == 1:
            return [*words, ""]
        shape = ",".join(_SHAPES[part] for part in self._kind.parts)
        raise InvalidOption(
            self._option,
            text,
            "an entry of a %s set is written %s (%d parts, not %d);"
            " write 'entries' as a list, since a plain string is split at its commas"
            % (self._kind.name, shape, len(self._parts.readers), len(words)),
        )

    # Options of an entry
