# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user gives as Kubernetes objects, taken apart into single ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Iterator, Tuple

import yaml

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption

#: libyaml's loader is ten times faster, and not everywhere.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(where: str, text: str) -> Iterator[Tuple[str, Any]]:
    """The documents of a YAML text, each with its place; empty ones do not count."""
    try:
        # libyaml takes no subclass of str, and ansible-core's texts are of one that knows where they are from.
        found = list(yaml.load_all(str(text), Loader=_LOADER))
    except yaml.YAMLError as exc:
        raise InvalidOption(where, text, "this is no YAML: %s" % exc) from exc
    for place, document in enumerate(found):
        if document is not None:
            yield "%s, document %d" % (where, place + 1) if len(found) > 1 else where, document


def objects(given: Any, where: str = "objects") -> Iterator[Tuple[str, str, Mapping[str, Any]]]:
    """Each object with its place and its kind.

    Read are a mapping, a list of them, YAML texts, lists of Kubernetes (``List``, ``ServiceList``) and what
    ``kubernetes.core.k8s_info`` returns.
    """
    if isinstance(given, str):
        for place, document in parse(where, given):
            yield from objects(document, place)
    elif isinstance(given, Mapping):
        yield from _unpacked(where, given)
    elif isinstance(given, Sequence):
        for number, each in enumerate(given):
            yield from objects(each, "%s[%d]" % (where, number))
    else:
        raise InvalidOption(where, given, "write Kubernetes objects: mappings, or YAML texts of them")


def _unpacked(where: str, given: Mapping[str, Any]) -> Iterator[Tuple[str, str, Mapping[str, Any]]]:
    kind = given.get("kind")
    if kind is None and "resources" in given:
        yield from objects(given["resources"], where + ".resources")
        return
    if not isinstance(kind, str) or not kind:
        raise InvalidOption(where + ".kind", kind, "say what kind of object it is, such as Service")
    if not kind.endswith("List"):
        yield where, kind, given
        return
    items = given.get("items")
    if items is None:
        items = ()
    if isinstance(items, (str, Mapping)) or not isinstance(items, Sequence):
        raise InvalidOption(where + ".items", items, "write a list")
    # The API leaves the kind out of what is within a ServiceList.
    of_items = kind[: -len("List")]
    for number, item in enumerate(items):
        place = "%s.items[%d]" % (where, number)
        if isinstance(item, Mapping) and of_items and "kind" not in item:
            yield place, of_items, item
        elif isinstance(item, Mapping):
            yield from _unpacked(place, item)
        else:
            raise InvalidOption(place, item, "write a Kubernetes object")
