# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which virtual services, and which of their connections, a task wants to see."""

from __future__ import annotations

import ipaddress
from typing import Any, Mapping, NamedTuple, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import PROTOCOLS, ServiceKey

SERVICES: dict[str, Any] = dict(
    type="list",
    elements="dict",
    options=dict(
        protocol=dict(type="str", choices=list(PROTOCOLS)),
        address=dict(type="str"),
        port=dict(type="int"),
        fwmark=dict(type="int"),
        family=dict(type="str", choices=["inet", "inet6"]),
    ),
    mutually_exclusive=[("fwmark", "address"), ("fwmark", "port"), ("fwmark", "protocol")],
)


class Filter(NamedTuple):
    """Patterns of services, each the values that must fit; None is all services."""

    patterns: Sequence[Mapping[str, Any]] | None = None

    @classmethod
    def from_options(cls, options: Sequence[Mapping[str, Any]] | None) -> Filter:
        """Read the option ``services``.

        Raises:
            InvalidOption: a pattern is empty, or one of its values cannot be meant.
        """
        if options is None:
            return cls()
        return cls([_pattern("services[%d]." % place, pattern) for place, pattern in enumerate(options)])

    def matches_service(self, key: ServiceKey) -> bool:
        """Whether a virtual service is wanted."""
        return self._matches(
            dict(protocol=key.protocol, address=key.address, port=key.port, fwmark=key.fwmark, family=key.family)
        )

    def matches_connection(self, connection: Mapping[str, Any]) -> bool:
        """Whether a connection is one of a service that is wanted."""
        address = ipaddress.ip_address(connection["virtual_address"])
        return self._matches(
            dict(
                protocol=connection["protocol"],
                address=address,
                port=connection["virtual_port"],
                fwmark=0,
                family=values.family_of(address),
            )
        )

    def _matches(self, found: Mapping[str, Any]) -> bool:
        return self.patterns is None or any(
            all(
                found[name] is not None and (found[name] in wanted if name == "address" else found[name] == wanted)
                for name, wanted in pattern.items()
            )
            for pattern in self.patterns
        )


def _pattern(prefix: str, options: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in options.items() if value is not None}
    if not given:
        raise InvalidOption(prefix + "address", None, "name 'protocol', 'address', 'port', 'fwmark' or 'family'")
    if "address" in given:
        given["address"] = values.network(prefix + "address", given["address"])
    if "port" in given:
        values.number(prefix + "port", given["port"], 0, 65535, "a port")
    if "fwmark" in given:
        values.number(prefix + "fwmark", given["fwmark"], 1, 2**32 - 1, "a firewall mark")
    elif "port" in given:
        given["fwmark"] = 0  # a service of a firewall mark has port 0 only for want of one
    return given
