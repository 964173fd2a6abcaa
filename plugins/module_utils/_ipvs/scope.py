# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a table that a task owns."""

from __future__ import annotations

import re
from typing import Any, Container, Mapping, NamedTuple, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import PROTOCOLS, ServiceKey


class Scope(NamedTuple):
    """A part of a table: virtual services by address and protocol, and firewall marks; None is any."""

    networks: Sequence[values.Network] | None = None
    protocols: Sequence[str] | None = None
    #: Ranges of firewall marks, each from its first to its last.
    fwmarks: Sequence[tuple[int, int]] | None = None
    #: Single virtual services beside all of that.
    services: Container[ServiceKey] = ()

    def includes(self, key: ServiceKey) -> bool:
        """Whether a virtual service is in this part."""
        if key in self.services:
            return True
        if key.packed is None:
            return self.fwmarks is None or any(first <= key.fwmark <= last for first, last in self.fwmarks)
        address = key.address if self.networks else None
        return (self.networks is None or any(address in network for network in self.networks)) and (
            self.protocols is None or key.protocol in self.protocols
        )

    @classmethod
    def from_options(cls, options: Mapping[str, Any] | None) -> Scope:
        """Read the option ``scope``; where it names something, it is that only, and where it is not given, all.

        Raises:
            InvalidOption: a network or a range of marks cannot be read.
        """
        if options is None:
            return cls()
        networks, protocols, marks = options["addresses"], options["protocols"], options["fwmarks"]
        services = options.get("services")
        if networks is None and protocols is None:
            if marks is None and services is None:
                names = "'addresses', 'protocols', 'fwmarks' or 'services'"
                raise InvalidOption("scope", {}, "name %s, or leave the option out" % names)
            networks = []  # marks or single services only
        return cls(
            None if networks is None else [values.network("scope.addresses", text) for text in networks],
            protocols,
            [_mark_range(text) for text in marks or ()],
            frozenset(service_key("scope.services", text) for text in services or ()),
        )


_SERVICE = re.compile(r"([^,]+),(%s):([0-9]+)" % "|".join(PROTOCOLS))


def service_key(option: str, text: str) -> ServiceKey:
    """A virtual service as ipset(8) writes an entry: ADDRESS,PROTOCOL:PORT."""
    found = _SERVICE.fullmatch(text)
    if found is None:
        raise InvalidOption(option, text, "write ADDRESS,PROTOCOL:PORT, such as 10.100.0.1,tcp:80")
    address, protocol, port = found.groups()
    number = values.number(option, int(port), 0, 65535, "a port")
    (packed,) = values.packed_addresses((option,), (address,))
    return ServiceKey("inet" if len(packed) == 4 else "inet6", protocol, packed, number)


def _mark_range(text: str) -> tuple[int, int]:
    """A firewall mark, or a range of them as FIRST-LAST."""
    first, _hyphen, last = text.partition("-")
    ends = [first, last or first]
    if not all(map(values.is_number, ends)) or not 0 < int(ends[0]) <= int(ends[1]) < 2**32:
        raise InvalidOption("scope.fwmarks", text, "write a firewall mark, or a range of them such as 100-199")
    return int(ends[0]), int(ends[1])
