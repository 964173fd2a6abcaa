# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of virtual services, such as those that Kubernetes gives them. The kernel has none, so a task brings them."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Match, Optional

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.scope import service_key
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import PROTOCOLS, endpoint

SERVICE_NAMES: Dict[str, Any] = dict(service_names=dict(type="dict", default={}))
#: A virtual service in a text: its protocol may stand before it (str() of a ServiceKey does so), or not.
_MENTIONED = re.compile(
    r"(?:\b(%s) )?(?<![\w.:])(\[[0-9a-f:.]+\]:[0-9]+|[0-9]+(?:\.[0-9]+){3}:[0-9]+)\b" % "|".join(PROTOCOLS)
)


class ServiceNames:
    """What virtual services are called, by their addresses, protocols and ports."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        """From the option ``service_names``.

        Raises:
            InvalidOption: a key is no virtual service, or a value no name.
        """
        self._names: Dict[str, Dict[str, str]] = {}
        for text, name in given.items():
            key = service_key("service_names", text)
            if not isinstance(name, str) or not name or not name.isprintable():
                raise InvalidOption("service_names[%s]" % text, name, "write a name, such as default/web:http")
            # Only one that has an address and a protocol can be written so.
            place = endpoint(key.packed or b"", key.port)
            self._names.setdefault(place, {})[key.protocol or ""] = name

    def of(self, place: str, protocol: Optional[str] = None) -> str:
        """The name of what is served at ADDRESS:PORT, by any protocol where none is said; empty where it has none."""
        found = self._names.get(place, {})
        return found.get(protocol, "") if protocol else " and ".join(dict.fromkeys(found.values()))

    def spoken(self, text: str) -> str:
        """A text in which each virtual service that has a name has it behind itself."""
        return _MENTIONED.sub(self._with_name, text) if self._names else text

    def _with_name(self, found: Match[str]) -> str:
        name = self.of(found[2], found[1])
        return "%s (%s)" % (found[0], name) if name else found[0]


#: Where nothing has a name.
NO_NAMES = ServiceNames({})
