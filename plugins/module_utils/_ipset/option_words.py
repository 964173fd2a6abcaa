# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task says that an entry carries, read as ipset(8) does and checked against the set."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.names import member_name
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import (
    COMMENT_MAX,
    PLAIN,
    Options,
    meant_text,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.parts import number_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SetHeader

_FLAGS = ("nomatch", "wildcard")
#: What an option of an entry wants of the set: an option of ``create``.
WANTED = {
    "timeout": "timeout",
    "packets": "counters",
    "bytes": "counters",
    "comment": "comment",
    "skbmark": "skbinfo",
    "skbprio": "skbinfo",
    "skbqueue": "skbinfo",
}
_NUMBERS = {
    "timeout": (2147483, "a timeout (seconds)"),
    "packets": (2**64 - 2, "a number of packets"),
    "bytes": (2**64 - 2, "a number of bytes"),
    "skbqueue": (65535, "a hardware queue"),
}
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
#: A word of an entry with options: the comment in quotes, or what has neither white space nor quotes.
_WORD = re.compile(r'"[^"]*"|[^\s"]+')


class OptionWords:
    """Reads what the entries of one set carry.

    Args:
        header: The set; its options say what an entry may carry.
        option: The name of the task's option, for errors.
    """

    def __init__(self, header: SetHeader, option: str) -> None:
        self._header = header
        self._kind = header.kind
        self._option = option
        #: Many entries have the same options.
        self._said = lru_cache(maxsize=4096)(self.said)

    def apart(self, item: Any) -> tuple[str, Options]:
        """An entry itself and its options."""
        if isinstance(item, str):
            entry, _space, said = item.strip().partition(" ")
            try:
                return entry, self._said(said)
            except InvalidOption as exc:  # which knows what is said only, and not of which entry
                raise InvalidOption(exc.option, item, exc.remedy) from None
        if isinstance(item, Mapping):
            given = {name: value for name, value in item.items() if value is not None}
            entry = given.pop("entry", None)
            if entry is None:
                raise InvalidOption(self._option, dict(item), "write the entry itself under 'entry'")
            return str(entry), self._options(item, given)
        if isinstance(item, int) and not isinstance(item, bool):
            return str(item), PLAIN
        raise InvalidOption(self._option, item, "write an entry as a text, or as a dict with 'entry' and its options")

    def said(self, text: str) -> Options:
        """The options of an entry as ipset(8) saves them; a comment may stand in double quotes."""
        words = _WORD.findall(text)
        if "".join("".join(words).split()) != "".join(text.split()):
            raise InvalidOption(self._option, text, "a comment begins and ends with a double quote and has none inside")
        given: dict[str, Any] = {}
        rest = iter(words)
        for name in rest:
            if name in given:
                raise InvalidOption(self._option, text, "'%s' is said twice" % name)
            if name in _FLAGS:
                given[name] = True
                continue
            value = next(rest, None)
            if value is None and "'" in text:
                raise InvalidOption(self._option, text, "a comment of several words stands in double quotes")
            if value is None:
                raise InvalidOption(self._option, text, "behind '%s' its value is missing" % name)
            given[name] = value[1:-1] if value[:1] == '"' else value
        return self._options(text, given)

    def _options(self, item: Any, given: Mapping[str, Any]) -> Options:
        if not given:
            return PLAIN
        known = {}
        for name, value in given.items():
            if name not in Options._fields or name == "mac":
                options = [field for field in Options._fields if field != "mac"]
                raise InvalidOption(self._option, item, "it has '%s', but options are %s" % (name, ", ".join(options)))
            self._refuse_unfit(item, name)
            known[name] = self._option_value(item, name, value)
        if known.get("before") and known.get("after"):
            raise InvalidOption(self._option, item, "a set stands either before or after another")
        return Options(**known)

    def _refuse_unfit(self, item: Any, name: str) -> None:
        wanted = WANTED.get(name)
        if wanted and not self._header.has(wanted):
            raise InvalidOption(
                self._option,
                item,
                "the set '%s' has no '%s': create it with that option, or leave '%s' out"
                % (self._header.title, wanted, name),
            )
        fits = dict(
            nomatch=self._kind.has_networks,
            wildcard=self._kind.name == "hash:net,iface",
            before=self._kind.method == "list",
            after=self._kind.method == "list",
        ).get(name, True)
        if not fits:
            raise InvalidOption(self._option, item, "entries of a %s set have no '%s'" % (self._kind.name, name))

    def _option_value(self, item: Any, name: str, value: Any) -> Any:
        if name in _NUMBERS:
            high, meaning = _NUMBERS[name]
            return number_of(self._option, item, value, high, meaning)
        if name in _FLAGS:
            if str(value).lower() not in _BOOLEANS:
                raise InvalidOption(self._option, item, "'%s' is true or false" % name)
            return _BOOLEANS[str(value).lower()]
        if name in ("before", "after"):
            return member_name(self._option, str(value))
        if name == "comment":
            return self._comment(item, str(value))
        if name == "skbmark":
            mark, slash, mask = str(value).partition("/")
            high = 2**32 - 1
            return (
                number_of(self._option, item, mark, high, "a mark"),
                number_of(self._option, item, mask, high, "a mask") if slash else high,
            )
        match = re.fullmatch(r"([0-9a-fA-F]{1,4}):([0-9a-fA-F]{1,4})", str(value))
        if not match:
            raise InvalidOption(self._option, item, "write 'skbprio' as MAJOR:MINOR in hexadecimal, such as 1:10")
        return int(match.group(1), 16) << 16 | int(match.group(2), 16)

    def _comment(self, item: Any, value: str) -> str:
        try:
            value = meant_text(value)
        except UnicodeEncodeError:
            raise InvalidOption(self._option, item, "a comment has a character that UTF-8 has not") from None
        if len(value.encode(errors="surrogateescape")) > COMMENT_MAX:
            raise InvalidOption(self._option, item, "a comment has at most %d bytes" % COMMENT_MAX)
        if '"' in value or "\n" in value or "\0" in value:
            raise InvalidOption(
                self._option,
                item,
                "a comment has no double quotes and no line feed, which ipset could not read back, and no NUL",
            )
        return value

    # Parts of an entry
