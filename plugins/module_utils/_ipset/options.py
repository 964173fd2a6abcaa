# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an entry carries besides itself: timeout, counters, comment and the like, under the names of ipset(8)."""

from __future__ import annotations

import re
from typing import Any, Callable, Collection, Dict, NamedTuple, Tuple, TypeVar

#: IPSET_MAX_COMMENT_SIZE in linux/netfilter/ipset/ip_set.h.
COMMENT_MAX = 255

#: Under another name, since an entry counts its bytes.
Packed = bytes


class Options(NamedTuple):
    """What an entry carries besides its key; None is unsaid. ``skbmark`` is a mark with its mask.

    Bytes of ``comment`` that are no UTF-8 are what Python makes of those in names of files (surrogateescape).
    """

    timeout: int | None = None
    packets: int | None = None
    bytes: int | None = None
    comment: str | None = None
    skbmark: Tuple[int, int] | None = None
    skbprio: int | None = None
    skbqueue: int | None = None
    nomatch: bool = False
    wildcard: bool = False
    before: str | None = None
    after: str | None = None
    #: Of bitmap:ip,mac: there an entry is known by its address alone.
    mac: Packed | None = None

    def plain(self) -> dict[str, Any]:
        """The options under the names and in the spelling of ipset(8); only those that are set."""
        shown = {name: value for name, value in self._asdict().items() if value is not None and value is not False}
        shown.pop("mac", None)
        for name in ("comment", "before", "after"):
            if name in shown:
                shown[name] = shown_text(shown[name])
        if self.comment == "":
            del shown["comment"]
        if self.skbmark is not None:
            mark, mask = self.skbmark
            shown["skbmark"] = "0x%x" % mark if mask == 0xFFFFFFFF else "0x%x/0x%x" % (mark, mask)
        if self.skbprio is not None:
            shown["skbprio"] = "%x:%x" % (self.skbprio >> 16, self.skbprio & 0xFFFF)
        return shown


#: Bytes of a comment or a name that are no UTF-8, as they stand in tasks and results, which have to be; and the
#: backslash of one that would look like one.
_ESCAPED = re.compile(r"\\x(5c|[89a-f][0-9a-f])")
_NO_UTF8 = re.compile("[\udc80-\udcff]")


def shown_text(told: str) -> str:
    """A comment or a name as it stands in a task."""
    plain = _ESCAPED.sub(lambda found: "\\x5c" + found.group()[1:], told)
    return _NO_UTF8.sub(lambda found: "\\x%02x" % (ord(found.group()) - 0xDC00), plain)


def meant_text(shown: str) -> str:
    """The other way round.

    Raises:
        UnicodeEncodeError: it has half a character, which no UTF-8 has.
    """
    numbers = _ESCAPED.sub(lambda found: chr(int(found.group(1), 16) + (found.group(1) != "5c") * 0xDC00), shown)
    return numbers.encode(errors="surrogateescape").decode(errors="surrogateescape")


PLAIN = Options()
Entries = Dict[bytes, Options]
Made = TypeVar("Made")


def all_plain(options: Collection[Options]) -> bool:
    """Whether no entry carries anything besides its key."""
    return next(iter(options), PLAIN) is PLAIN and list(options).count(PLAIN) == len(options)


def of_each(make: Callable[[Options], Made], options: Collection[Options]) -> list[Made]:
    """What is made of the options of each of many entries; most of them share theirs, so it is made once of these."""
    first = next(iter(options), PLAIN)
    if list(options).count(first) == len(options):
        return [make(first)] * len(options)
    different = {id(each): each for each in options}
    made = {number: make(each) for number, each in different.items()}
    return [made[number] for number in map(id, options)]
