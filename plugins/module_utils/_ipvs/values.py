# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an IPVS table is made of, as plain values: virtual services and real servers.

Names are ipvsadm(8)'s, numbers are the kernel's (linux/ip_vs.h).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any, Iterable, Iterator, Mapping, NamedTuple, Sequence, Tuple, overload

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption

PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
FORWARDING_METHODS = {"masquerading": 0, "tunnel": 2, "direct": 3}
TUNNEL_TYPES = {"ipip": 0, "gue": 1, "gre": 2}
#: What the outer header's checksum is: none, over the packet, or replaced by remote checksum offload.
TUNNEL_CHECKSUMS = {"none": 0, "full": 1, "remote": 2}
PERSISTENCE_ENGINES = ("sip",)
SCHEDULERS = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos")
#: What the kernel takes for a scheduler of a service that schedules nothing (ip_vs_add_service()).
NO_SCHEDULER = "none"

#: A scheduler's flags by ipvsadm(8)'s names; each scheduler gives the three bits its own meaning, if any.
SCHEDULER_FLAGS = {
    "sh-fallback": 0x8,
    "sh-port": 0x10,
    "mh-fallback": 0x8,
    "mh-port": 0x10,
    "flag-1": 0x8,
    "flag-2": 0x10,
    "flag-3": 0x20,
}

#: What ipvsadm(8) takes where its user names none.
DEFAULT_SCHEDULER = "wlc"
DEFAULT_FORWARDING_METHOD = "direct"
DEFAULT_WEIGHT = 1
#: The kernel refuses what is negative as its 32-bit number (ip_vs_add_dest()); ipvsadm(8) says 65535.
MAX_WEIGHT = 2**31 - 1
#: ipvsadm(8) takes no higher threshold, and newer kernels do not either: Linux 6.12.117 calls it invalid.
MAX_THRESHOLD = 2**31 - 1
#: The kernel multiplies it by HZ, 100 to 1000, in an unsigned 32-bit number (ip_vs_add_service()). What a kernel with a
#: lower HZ holds is left alone.
MAX_PERSISTENCE_TIMEOUT = (2**32 - 1) // 1000
#: What a real server has of a tunnel when it has none.
NO_TUNNEL = dict(tunnel_type="ipip", tunnel_port=0, tunnel_checksum="none")
#: Options with these values go without saying where a person reads them.
_UNSAID: Mapping[str, Any] = dict(
    scheduler_flags=[],
    one_packet=False,
    persistence_timeout=0,
    persistence_engine="none",
    upper_threshold=0,
    lower_threshold=0,
    tunnel_checksum="none",
)

PREFIX_MAX = {"inet": 32, "inet6": 128}
WHOLE_MASKS = {"inet": 0xFFFFFFFF, "inet6": 128}

#: An option, its value, and what is wrong with it.
Fault = Tuple[str, Any, str]


def brief(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a service or a real server without those that go without saying, for a person to read."""
    return {name: value for name, value in options.items() if name not in _UNSAID or value != _UNSAID[name]}


@dataclass(frozen=True)
class ServiceKey:
    """What tells one virtual service from another: protocol, address and port, or a firewall mark and its family.

    ``packed`` is the address as 4 or 16 bytes.
    """

    family: str
    protocol: str | None = None
    packed: bytes | None = None
    port: int = 0
    fwmark: int = 0

    @property
    def address(self) -> values.Address | None:
        """The virtual address."""
        return None if self.packed is None else ipaddress.ip_address(self.packed)

    @property
    def place(self) -> tuple[Any, ...]:
        """Where it stands among others: by family, address and port, and behind all of these the firewall marks."""
        packed = self.packed or b""
        return self.packed is None, len(packed), packed, self.port, self.protocol or "", self.fwmark, self.family

    @property
    def address_bytes(self) -> int:
        """The bytes of an address of the service's family."""
        return PREFIX_MAX[self.family] // 8

    @property
    def whole_mask(self) -> int:
        """The mask of persistence that tells each client from every other one, as :class:`Service` has it."""
        return WHOLE_MASKS[self.family]

    def __str__(self) -> str:
        if self.packed is None:
            return "firewall mark %d (%s)" % (self.fwmark, self.family)
        return "%s %s" % (self.protocol, endpoint(self.packed, self.port))

    def options(self) -> dict[str, Any]:
        """The key under the names of the modules' options."""
        if self.packed is None:
            return dict(fwmark=self.fwmark, family=self.family)
        return dict(protocol=self.protocol, address=str(self.address), port=self.port)

    @classmethod
    def from_options(cls, options: Mapping[str, Any], prefix: str = "") -> ServiceKey:
        """Read the options of the ``linuxnet.ipvs.ipvs`` fragment; ``prefix`` goes before their names in errors."""
        if options.get("fwmark") is not None:
            mark = values.number(prefix + "fwmark", options["fwmark"], 1, 0xFFFFFFFF, "a firewall mark")
            return cls(family=options.get("family") or "inet", fwmark=mark)
        for name in ("address", "port"):  # given, but empty: the argument spec lets that through
            if options.get(name) is None:
                raise InvalidOption(
                    prefix + name, None, "a virtual service has an address and a port, or a firewall mark"
                )
        (packed,) = values.packed_addresses((prefix + "address",), (options["address"],))
        family = "inet" if len(packed) == 4 else "inet6"
        if options.get("family") not in (None, family):
            address = ipaddress.ip_address(packed)
            raise InvalidOption(prefix + "family", options["family"], "%s is an %s address" % (address, family))
        port = values.number(prefix + "port", options["port"], 0, 65535, "a port")
        return cls(family, options.get("protocol") or "tcp", packed, port)


@dataclass(frozen=True)
class Service:
    """A virtual service. ``persistence_timeout`` is in seconds, 0 for none.

    ``persistence_netmask`` is what the kernel keeps: of IPv4 the mask as a number, of IPv6 a prefix length.
    """

    key: ServiceKey
    scheduler: str = DEFAULT_SCHEDULER
    scheduler_flags: int = 0
    one_packet: bool = False
    persistence_timeout: int = 0
    persistence_netmask: int = -1
    persistence_engine: str = ""

    def __post_init__(self) -> None:
        if self.persistence_netmask < 0:
            object.__setattr__(self, "persistence_netmask", self.key.whole_mask)

    def options(self) -> dict[str, Any]:
        """The service under the names of the modules' options, with all that makes a service this one."""
        shown = dict(
            self.key.options(),
            scheduler=self.scheduler,
            scheduler_flags=scheduler_flag_names(self.scheduler, self.scheduler_flags),
            one_packet=self.one_packet,
            persistence_timeout=self.persistence_timeout,
        )
        if self.persistence_timeout:
            shown["persistence_netmask"] = mask_text(self.key, self.persistence_netmask)
            shown["persistence_engine"] = self.persistence_engine or "none"
        return shown

    def fault(self) -> Fault | None:
        """What the kernel refuses, or takes and then never uses (ip_vs_ctl.c, ipvsadm.c); None if there is no such."""
        key = self.key
        if self.persistence_timeout > MAX_PERSISTENCE_TIMEOUT:
            remedy = "a timeout (seconds) is a number from 0 to %d" % MAX_PERSISTENCE_TIMEOUT
            return "persistence_timeout", self.persistence_timeout, remedy
        if self.scheduler not in (*SCHEDULERS, NO_SCHEDULER):
            return "scheduler", self.scheduler, "use one of %s" % ", ".join((*SCHEDULERS, NO_SCHEDULER))
        if not key.fwmark and not key.port and not self.persistence_timeout:
            return "port", 0, "a service on all ports must be persistent: set 'persistence_timeout' as well"
        if self.one_packet and not key.fwmark and key.protocol != "udp":
            return "one_packet", True, "only a UDP service (or one of a firewall mark) can be one-packet"
        if not self.persistence_timeout:
            remedy = "it needs 'persistence_timeout' as well"
            if self.persistence_netmask != key.whole_mask:
                return "persistence_netmask", mask_text(key, self.persistence_netmask), remedy
            if self.persistence_engine:
                return "persistence_engine", self.persistence_engine, remedy
        return None


def mask_text(key: ServiceKey, mask: int) -> str:
    """A mask of persistence as the modules take it: a prefix length, or an IPv4 mask that is none."""
    if key.family == "inet6":
        return str(mask)
    length = bin(mask).count("1")
    return str(length) if mask == ipv4_mask(length) else str(ipaddress.IPv4Address(mask))


def ipv4_mask(length: int) -> int:
    return (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF


def scheduler_flag_names(scheduler: str, flags: int) -> list[str]:
    """Flags by the names that ipvsadm(8) gives them for this scheduler."""
    own = scheduler if scheduler in ("sh", "mh") else "flag"
    names = {bit: name for name, bit in SCHEDULER_FLAGS.items() if name.startswith("flag-")}
    names.update({bit: name for name, bit in SCHEDULER_FLAGS.items() if name.startswith(own + "-")})
    return [name for bit, name in names.items() if flags & bit]


class ServerKey(NamedTuple):
    """What tells a real server from its service's other ones: its address as 4 or 16 bytes, and its port."""

    packed: bytes
    port: int

    @property
    def address(self) -> values.Address:
        """Its address."""
        return ipaddress.ip_address(self.packed)

    def __str__(self) -> str:
        return endpoint(self.packed, self.port)


class ServerTerms(NamedTuple):
    """All of a real server but its key; those of thousands in a table are one and the same."""

    forwarding_method: str = DEFAULT_FORWARDING_METHOD
    weight: int = DEFAULT_WEIGHT
    upper_threshold: int = 0
    lower_threshold: int = 0
    tunnel_type: str = "ipip"
    tunnel_port: int = 0
    tunnel_checksum: str = "none"

    def options(self) -> dict[str, Any]:
        """The terms under the names of the modules' options.

        What is not said of thresholds and tunnels follows from what is (:meth:`RealServerWish.resolve`).
        """
        shown: dict[str, Any] = dict(
            forwarding_method=self.forwarding_method, weight=self.weight, upper_threshold=self.upper_threshold
        )
        if self.upper_threshold:
            shown["lower_threshold"] = self.lower_threshold
        if self.forwarding_method == "tunnel":
            shown["tunnel_type"] = self.tunnel_type
            if self.tunnel_type == "gue":
                shown["tunnel_port"] = self.tunnel_port
            if self.tunnel_type != "ipip":
                shown["tunnel_checksum"] = self.tunnel_checksum
        return shown

    def fault(self) -> Fault | None:
        """What cannot be in a real server whatever its key is."""
        for name, value in (("upper_threshold", self.upper_threshold), ("lower_threshold", self.lower_threshold)):
            if value > MAX_THRESHOLD:
                return name, value, "a number of connections is a number from 0 to %d" % MAX_THRESHOLD
        if self.lower_threshold > self.upper_threshold:
            remedy = "it must not be above 'upper_threshold', which is %d" % self.upper_threshold
            return "lower_threshold", self.lower_threshold, remedy
        if (self.tunnel_type == "gue") != bool(self.tunnel_port):
            return "tunnel_port", self.tunnel_port, "tunnel type 'gue' needs a port, others have none"
        kinds = {"ipip": ("none",), "gre": ("none", "full")}.get(self.tunnel_type, tuple(TUNNEL_CHECKSUMS))
        if self.tunnel_checksum not in kinds:
            remedy = "tunnel type '%s' has %s" % (self.tunnel_type, " or ".join(kinds))
            return "tunnel_checksum", self.tunnel_checksum, remedy
        if self.forwarding_method != "tunnel" and self.tunnel_type != "ipip":
            return "tunnel_type", self.tunnel_type, "it goes with forwarding method 'tunnel' only"
        return None


class RealServer(NamedTuple):
    """A real server of one virtual service; a tuple of plain values, since tables hold them by the ten thousand."""

    key: ServerKey
    terms: ServerTerms = ServerTerms()

    @classmethod
    def of(
        cls, packed: bytes, port: int, forwarding_method: str = DEFAULT_FORWARDING_METHOD, **terms: Any
    ) -> RealServer:
        """A real server by its address as 4 or 16 bytes, its port and the fields of :class:`ServerTerms`."""
        return cls(ServerKey(packed, port), ServerTerms(forwarding_method, **terms))

    @property
    def packed(self) -> bytes:
        """Its address as 4 or 16 bytes."""
        return self.key.packed

    @property
    def address(self) -> values.Address:
        """Its address."""
        return self.key.address

    @property
    def port(self) -> int:
        """Its port; 0 is the one that the client asked for."""
        return self.key.port

    @property
    def forwarding_method(self) -> str:
        """How packets reach it."""
        return self.terms.forwarding_method

    @property
    def weight(self) -> int:
        """Its share of new connections."""
        return self.terms.weight

    @property
    def tunnel_type(self) -> str:
        """How packets are wrapped, with forwarding method ``tunnel``."""
        return self.terms.tunnel_type

    def having(self, **terms: Any) -> RealServer:
        """The same real server with some terms replaced."""
        return self._replace(terms=self.terms._replace(**terms))

    def __str__(self) -> str:
        return str(self.key)

    def options(self) -> dict[str, Any]:
        """The real server under the names of the modules' options, with all that makes a real server this one."""
        return dict(address=str(self.address), port=self.port, **self.terms.options())

    def crosses(self, service: ServiceKey) -> bool:
        """Whether it is of another family than its virtual service."""
        return len(self.packed) != service.address_bytes

    def fault(self, service: ServiceKey) -> Fault | None:
        """What the kernel refuses, or takes and then never uses (ip_vs_ctl.c, ipvsadm.c); None if there is no such."""
        method = self.forwarding_method
        if method != "tunnel" and self.crosses(service):
            remedy = "the virtual service is %s, and only forwarding method 'tunnel' crosses families" % service.family
            return "address", str(self.address), remedy
        if self.port != service.port and method != "masquerading" and not service.fwmark:
            remedy = "forwarding method '%s' cannot change the port, so it must be the virtual service's, %d"
            return "port", self.port, remedy % (method, service.port)
        return self.terms.fault()


class RealServers(Sequence[RealServer]):
    """The real servers of one virtual service, in two columns; each is made when somebody looks at it.

    Tables hold real servers by the ten thousand. What is asked of all is answered from the columns.
    """

    def __init__(self, addresses: Sequence[bytes] = (), others: Sequence[Tuple[int, ServerTerms]] = ()) -> None:
        self._addresses = addresses
        self._others = others

    @classmethod
    def of(cls, servers: Iterable[RealServer]) -> RealServers:
        """Real servers that are there already."""
        listed = tuple(servers)
        return RealServers([each.packed for each in listed], [(each.port, each.terms) for each in listed])

    @property
    def addresses(self) -> Sequence[bytes]:
        """The address of each as 4 or 16 bytes."""
        return self._addresses

    @property
    def others(self) -> Sequence[Tuple[int, ServerTerms]]:
        """The port and the terms of each; those of thousands are one and the same."""
        return self._others

    def __len__(self) -> int:
        return len(self._addresses)

    @overload
    def __getitem__(self, place: int) -> RealServer: ...

    @overload
    def __getitem__(self, place: slice) -> RealServers: ...

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return RealServers(self._addresses[place], self._others[place])
        port, terms = self._others[place]
        return RealServer(ServerKey(self._addresses[place], port), terms)


class Operation(NamedTuple):
    """One step on the table: ``verb`` is add, set or delete; without ``servers`` it is about the service itself."""

    verb: str
    service: Service
    servers: RealServers | None = None

    def each(self) -> Iterator[str]:
        """What it does, in words: one thing for each message to the kernel."""
        if self.servers is None:
            yield "%s virtual service %s" % (self.verb, self.service.key)
        for server in self.servers or ():
            yield "%s real server %s of virtual service %s" % (self.verb, server, self.service.key)


def service_options(service: Service, servers: Sequence[RealServer]) -> dict[str, Any]:
    """A service with its real servers under the names of the modules' options.

    Real servers are sorted, since their order in the kernel's list means nothing to its user.
    """
    listed = sorted(servers, key=lambda server: (len(server.packed), server.packed, server.port))
    return dict(service.options(), real_servers=[server.options() for server in listed])


def endpoint(packed: bytes, port: int) -> str:
    """ADDRESS:PORT, an IPv6 address in brackets."""
    if len(packed) == 4:
        return "%d.%d.%d.%d:%d" % (*packed, port)
    return "[%s]:%d" % (ipaddress.IPv6Address(packed), port)
