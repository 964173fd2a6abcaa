# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an IPVS table is made of, as plain values: virtual services and real servers.

Names are ipvsadm(8)'s, numbers are the kernel's (linux/ip_vs.h).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils import _values as values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._errors import InvalidOption

PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
FORWARDING_METHODS = {"masquerading": 0, "tunnel": 2, "direct": 3}
SCHEDULERS = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos")

#: What ipvsadm(8) takes where its user names none.
DEFAULT_SCHEDULER = "wlc"
DEFAULT_FORWARDING_METHOD = "direct"
DEFAULT_WEIGHT = 1
#: ipvsadm(8), -w: "The valid values of weight are 0 through to 65535".
MAX_WEIGHT = 65535


@dataclass(frozen=True)
class ServiceKey:
    """What tells one virtual service from another: protocol, address and port, or a firewall mark and its family."""

    family: str
    protocol: str | None = None
    address: values.Address | None = None
    port: int = 0
    fwmark: int = 0

    def __str__(self) -> str:
        if self.fwmark:
            return "firewall mark %d (%s)" % (self.fwmark, self.family)
        return "%s %s" % (self.protocol, endpoint(self.address, self.port))

    def options(self) -> dict[str, Any]:
        """The key under the names of the modules' options."""
        if self.fwmark:
            return dict(fwmark=self.fwmark, family=self.family)
        return dict(protocol=self.protocol, address=str(self.address), port=self.port)

    @classmethod
    def from_options(cls, options: Mapping[str, Any], prefix: str = "") -> ServiceKey:
        """Read the options of the ``linuxnet.ipvs.ipvs`` fragment; ``prefix`` goes before their names in errors."""
        if options.get("fwmark") is not None:
            mark = values.number(prefix + "fwmark", options["fwmark"], 1, 0xFFFFFFFF, "a firewall mark")
            return cls(family=options.get("family") or "inet", fwmark=mark)
        address = values.address(prefix + "address", options["address"])
        family = values.family_of(address)
        if options.get("family") not in (None, family):
            raise InvalidOption(prefix + "family", options["family"], "%s is an %s address" % (address, family))
        port = values.port(prefix + "port", options["port"])
        return cls(family, options.get("protocol") or "tcp", address, port)


@dataclass(frozen=True)
class Service:
    """A virtual service. ``persistence_timeout`` is in seconds, 0 for none; ``netmask`` is a prefix length."""

    key: ServiceKey
    scheduler: str = DEFAULT_SCHEDULER
    scheduler_flags: int = 0
    one_packet: bool = False
    persistence_timeout: int = 0
    netmask: int = -1
    persistence_engine: str = ""

    def __post_init__(self) -> None:
        if self.netmask < 0:
            object.__setattr__(self, "netmask", 32 if self.key.family == "inet" else 128)

    def options(self) -> dict[str, Any]:
        """The service under the names of the modules' options."""
        return dict(self.key.options(), scheduler=self.scheduler)


@dataclass(frozen=True)
class RealServer:
    """A real server of one virtual service."""

    address: values.Address
    port: int
    forwarding_method: str = DEFAULT_FORWARDING_METHOD
    weight: int = DEFAULT_WEIGHT
    upper_threshold: int = 0
    lower_threshold: int = 0
    tunnel_type: int = 0
    tunnel_port: int = 0
    tunnel_flags: int = 0

    @property
    def key(self) -> tuple[values.Address, int]:
        """What tells it from its service's other real servers."""
        return self.address, self.port

    def __str__(self) -> str:
        return endpoint(self.address, self.port)

    def options(self) -> dict[str, Any]:
        """The real server under the names of the modules' options."""
        return dict(
            address=str(self.address),
            port=self.port,
            forwarding_method=self.forwarding_method,
            weight=self.weight,
        )


@dataclass(frozen=True)
class RealServerWish:
    """A real server as a task describes it: what the task leaves open stays as the kernel has it."""

    address: values.Address
    port: int
    given: Mapping[str, Any]

    @property
    def key(self) -> tuple[values.Address, int]:
        """What tells it from its service's other real servers."""
        return self.address, self.port

    @property
    def endpoint(self) -> str:
        """ADDRESS:PORT, as ipvsadm(8) writes it."""
        return endpoint(self.address, self.port)

    def resolve(self, have: RealServer | None) -> RealServer:
        """The whole wished real server, given what the kernel has in its place."""
        return replace(have or RealServer(self.address, self.port), **self.given)

    @classmethod
    def from_options(cls, service: ServiceKey, options: Mapping[str, Any], prefix: str = "") -> RealServerWish:
        """Read a real server's options; its port is by default its service's."""
        address = values.address(prefix + "address", options["address"])
        port = service.port if options.get("port") is None else options["port"]
        lowest = 0 if service.fwmark else 1
        values.number(prefix + "port", port, lowest, 65535, "a real server's port")
        method = options.get("forwarding_method")
        if method in ("direct", "tunnel") and not service.fwmark and port != service.port:
            raise InvalidOption(
                prefix + "port",
                port,
                "forwarding method '%s' cannot change the port, so it must be the virtual service's, %d"
                % (method, service.port),
            )
        if values.family_of(address) != service.family and method != "tunnel":
            raise InvalidOption(
                prefix + "address",
                str(address),
                "the virtual service is %s, and only forwarding method 'tunnel' crosses families" % service.family,
            )
        if options.get("weight") is not None:
            values.number(prefix + "weight", options["weight"], 0, MAX_WEIGHT, "a weight")
        own = {field.name for field in fields(RealServer)} - {"address", "port"}
        given = {name: value for name, value in options.items() if name in own and value is not None}
        return cls(address, port, given)


@dataclass(frozen=True)
class Operation:
    """One step on the table: ``verb`` is add, set or delete; without a ``server`` it is about the service itself."""

    verb: str
    service: Service
    server: RealServer | None = None

    def __str__(self) -> str:
        if self.server is None:
            return "%s virtual service %s" % (self.verb, self.service.key)
        return "%s real server %s of virtual service %s" % (self.verb, self.server, self.service.key)


def service_options(service: Service, servers: Sequence[RealServer]) -> dict[str, Any]:
    """A service with its real servers under the names of the modules' options.

    Real servers are sorted, since their order in the kernel's list means nothing to its user.
    """
    listed = sorted(servers, key=lambda server: (server.address.version, server.address, server.port))
    return dict(service.options(), real_servers=[server.options() for server in listed])


def endpoint(address: values.Address | None, port: int) -> str:
    """ADDRESS:PORT, an IPv6 address in brackets."""
    return ("[%s]:%d" if address is not None and address.version == 6 else "%s:%d") % (address, port)
