# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading one object field by field: each is of the type that it must be, or an error names object and field."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from typing import Any, Collection, Iterator, Mapping, Optional, Pattern, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption


class Fields:
    """A mapping within an object. ``path`` is where it is, such as ``Service d/web: spec.ports[0]``."""

    __slots__ = ("_values", "path")

    def __init__(self, path: str, values: Mapping[str, Any]) -> None:
        self.path = path
        self._values = values

    def at(self, name: str) -> str:
        """Where a field of this mapping is."""
        return self.path + ("" if self.path.endswith(": ") else ".") + name

    def refuse(self, name: str, remedy: str) -> InvalidOption:
        """The error for one field."""
        return InvalidOption(self.at(name), self._values.get(name), remedy)

    def names(self) -> Collection[str]:
        """The names of what is given."""
        return self._values.keys()

    def given(self, name: str) -> Any:
        """The value as it is, none where it is missing."""
        return self._values.get(name)

    def text(self, name: str, default: str = "") -> str:
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.refuse(name, "write a text")
        return value

    def name(self, name: str, pattern: Pattern[str], meaning: str, longest: int = 63, default: str = "") -> str:
        """A text that has to be a name of some form; empty only where ``default`` says what stands for it."""
        value = self.text(name, default) or default
        if len(value) > longest or not pattern.fullmatch(value):
            raise self.refuse(name, meaning)
        return value

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        value = self.text(name) or default
        if value not in choices:
            raise self.refuse(name, "choose one of %s" % ", ".join(choices))
        return value

    def boolean(self, name: str, default: bool) -> bool:
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.refuse(name, "write true or false")
        return value

    def number(self, name: str, low: int, high: int, meaning: str, default: Optional[int] = None) -> int:
        """A whole number; where ``default`` is given it is what a missing field means, else the field is needed."""
        value = self._values.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.refuse(name, "%s is a number from %d to %d" % (meaning, low, high))
        return int(value)

    def port(self, name: str, optional: bool = False) -> int:
        """A port number, 0 for a missing one that may be missing."""
        if optional and self._values.get(name) in (None, 0):
            return 0
        return self.number(name, 1, 65535, "a port")

    def list(self, name: str) -> Sequence[Any]:
        value = self._values.get(name)
        if value is None:
            return ()
        if not isinstance(value, (list, tuple)):
            raise self.refuse(name, "write a list")
        return value

    def texts(self, name: str) -> Iterator[Tuple[str, str]]:
        """Each text of a list with its place."""
        for place, value in enumerate(self.list(name)):
            where = "%s[%d]" % (name, place)
            if not isinstance(value, str):
                raise InvalidOption(self.at(where), value, "write a text")
            yield where, value

    def mapping(self, name: str) -> Fields:
        """A mapping within this one; a missing one has no fields."""
        value = self._values.get(name)
        if value is None:
            return Fields(self.at(name), {})
        if not isinstance(value, (dict, AnyMapping)):
            raise self.refuse(name, "write a mapping")
        return Fields(self.at(name), value)

    def mappings(self, name: str) -> Iterator[Fields]:
        """Each mapping of a list."""
        for place, value in enumerate(self.list(name)):
            where = "%s[%d]" % (self.at(name), place)
            if not isinstance(value, (dict, AnyMapping)):
                raise InvalidOption(where, value, "write a mapping")
            yield Fields(where, value)

    def pairs(self, name: str) -> Mapping[str, str]:
        """Labels or annotations."""
        found = self.mapping(name)
        return {key: found.text(key) for key in found.names()}
