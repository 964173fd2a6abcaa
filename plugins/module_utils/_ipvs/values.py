# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an IPVS table is made of, as plain values: virtual services and real servers.

Names are ipvsadm(8)'s, numbers are the kernel's (linux/ip_vs.h).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import count, repeat
from operator import attrgetter, itemgetter
from typing import Any, Callable, Iterable, Iterator, Mapping, NamedTuple, Sequence, Tuple, overload

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
#: ipvsadm(8), -w: "The valid values of weight are 0 through to 65535".
MAX_WEIGHT = 65535
#: ipvsadm(8) takes no higher threshold, and newer kernels do not either: Linux 6.12.117 calls it invalid.
MAX_THRESHOLD = 2**31 - 1
#: The kernel multiplies it by HZ, at most 1000, in an unsigned 32-bit number (ip_vs_add_service()).
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

_PREFIX_MAX = {"inet": 32, "inet6": 128}
_WHOLE_MASKS = {"inet": 0xFFFFFFFF, "inet6": 128}

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
    def prefix_max(self) -> int:
        """The bits of an address of the service's family."""
        return _PREFIX_MAX[self.family]

    @property
    def whole_mask(self) -> int:
        """The mask of persistence that tells each client from every other one, as :class:`Service` has it."""
        return _WHOLE_MASKS[self.family]

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
    return str(length) if mask == _ipv4_mask(length) else str(ipaddress.IPv4Address(mask))


def _ipv4_mask(length: int) -> int:
    return (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF


def scheduler_flag_names(scheduler: str, flags: int) -> list[str]:
    """Flags by the names that ipvsadm(8) gives them for this scheduler."""
    own = scheduler if scheduler in ("sh", "mh") else "flag"
    names = {bit: name for name, bit in SCHEDULER_FLAGS.items() if name.startswith("flag-")}
    names.update({bit: name for name, bit in SCHEDULER_FLAGS.items() if name.startswith(own + "-")})
    return [name for bit, name in names.items() if flags & bit]


#: The fields of a virtual service that a task may leave open.
SERVICE_TERMS = (
    "scheduler",
    "scheduler_flags",
    "one_packet",
    "persistence_timeout",
    "persistence_netmask",
    "persistence_engine",
)


@lru_cache(maxsize=1024)
def _service_fields(family: str, terms: tuple[Any, ...], had: str | None) -> Mapping[str, Any]:
    """The fields of :class:`Service` that a task sets, checked; many services of a table share them.

    Args:
        family: The family of the virtual service.
        terms: What the task says, in the order of :data:`SERVICE_TERMS`; None is left open.
        had: The scheduler of the virtual service in the kernel, or None where there is no such.
    """
    options = dict(zip(SERVICE_TERMS, terms))
    plain = ("scheduler", "one_packet", "persistence_timeout")
    given = {name: options[name] for name in plain if options[name] is not None}
    if options["persistence_timeout"] is not None:
        values.number(
            "persistence_timeout", options["persistence_timeout"], 0, MAX_PERSISTENCE_TIMEOUT, "a timeout (seconds)"
        )
        if options["persistence_timeout"] == 0:  # what hangs on it goes with it, unless the task says otherwise
            given.update(persistence_netmask=_WHOLE_MASKS[family], persistence_engine="")
    if options["persistence_netmask"] is not None:
        given["persistence_netmask"] = _mask(family, options["persistence_netmask"])
    if options["persistence_engine"] is not None:
        values.refuse_unknown("persistence_engine", options["persistence_engine"], (*PERSISTENCE_ENGINES, "none"))
        given["persistence_engine"] = "" if options["persistence_engine"] == "none" else options["persistence_engine"]
    scheduler = given.get("scheduler", had or DEFAULT_SCHEDULER)
    if "scheduler" in given:  # the kernel may have one of its own
        values.refuse_unknown("scheduler", scheduler, (*SCHEDULERS, NO_SCHEDULER))
    if options["scheduler_flags"] is not None:
        for name in options["scheduler_flags"]:
            values.refuse_unknown("scheduler_flags", name, SCHEDULER_FLAGS)
            owner = name.partition("-")[0]
            if owner not in ("flag", scheduler):
                raise InvalidOption(
                    "scheduler_flags", name, "it belongs to scheduler '%s', not '%s'" % (owner, scheduler)
                )
        given["scheduler_flags"] = sum({SCHEDULER_FLAGS[name] for name in options["scheduler_flags"]})
    elif had and scheduler != had:  # another scheduler reads the bits otherwise
        given["scheduler_flags"] = 0
    return given


def _mask(family: str, written: str) -> int:
    """A mask of persistence as :class:`Service` has it, from 24, 255.255.255.0 or 64.

    The kernel takes any IPv4 mask, 255.0.255.0 too. The one that is refused is a host mask, such as 0.0.0.255, which
    is a mistake: it would make one client of those who have nothing in common.
    """
    option = "persistence_netmask"
    if values.is_number(written):
        length = values.number(option, int(written), int(family == "inet6"), _PREFIX_MAX[family], "a prefix length")
        return _ipv4_mask(length) if family == "inet" else length
    try:
        mask = int(ipaddress.IPv4Address(written)) if family == "inet" else None
    except ValueError:
        mask = None
    if mask is None or (0 < mask < 0xFFFFFFFF and not mask & (mask + 1)):
        remedy = "1 to 128" if family == "inet6" else "0 to 32) or an IPv4 netmask (255.255.255.0"
        raise InvalidOption(option, written, "write a prefix length (%s)" % remedy)
    return mask


class RealServer(NamedTuple):
    """A real server of one virtual service; a tuple of plain values, since tables hold them by the ten thousand.

    ``packed`` is its address as 4 or 16 bytes.
    """

    packed: bytes
    port: int
    forwarding_method: str = DEFAULT_FORWARDING_METHOD
    weight: int = DEFAULT_WEIGHT
    upper_threshold: int = 0
    lower_threshold: int = 0
    tunnel_type: str = "ipip"
    tunnel_port: int = 0
    tunnel_checksum: str = "none"

    @property
    def address(self) -> values.Address:
        """Its address."""
        return ipaddress.ip_address(self.packed)

    @property
    def key(self) -> tuple[bytes, int]:
        """What tells it from its service's other real servers."""
        return self[:2]

    def __str__(self) -> str:
        return endpoint(self.packed, self.port)

    def options(self) -> dict[str, Any]:
        """The real server under the names of the modules' options, with all that makes a real server this one.

        What is not said of thresholds and tunnels follows from what is (:meth:`RealServerWish.resolve`).
        """
        shown: dict[str, Any] = dict(
            address=str(self.address),
            port=self.port,
            forwarding_method=self.forwarding_method,
            weight=self.weight,
            upper_threshold=self.upper_threshold,
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

    def crosses(self, service: ServiceKey) -> bool:
        """Whether it is of another family than its virtual service."""
        return len(self.packed) * 8 != service.prefix_max

    def fault(self, service: ServiceKey) -> Fault | None:
        """What the kernel refuses, or takes and then never uses (ip_vs_ctl.c, ipvsadm.c); None if there is no such."""
        if self.forwarding_method != "tunnel" and self.crosses(service):
            return (
                "address",
                str(self.address),
                "the virtual service is %s, and only forwarding method 'tunnel' crosses families" % service.family,
            )
        if self.port != service.port and self.forwarding_method != "masquerading" and not service.fwmark:
            return (
                "port",
                self.port,
                "forwarding method '%s' cannot change the port, so it must be the virtual service's, %d"
                % (self.forwarding_method, service.port),
            )
        return _faulty_server_terms(*self[2:])


@lru_cache(maxsize=1024)
def _faulty_server_terms(
    method: str, weight: int, upper: int, lower: int, tunnel_type: str, tunnel_port: int, checksum: str
) -> Fault | None:
    """What cannot be in a real server whatever its address is."""
    if lower > upper:
        return "lower_threshold", lower, "it must not be above 'upper_threshold', which is %d" % upper
    if (tunnel_type == "gue") != bool(tunnel_port):
        return "tunnel_port", tunnel_port, "tunnel type 'gue' needs a port, others have none"
    kinds = {"ipip": ("none",), "gre": ("none", "full")}.get(tunnel_type, tuple(TUNNEL_CHECKSUMS))
    if checksum not in kinds:
        return "tunnel_checksum", checksum, "tunnel type '%s' has %s" % (tunnel_type, " or ".join(kinds))
    if method != "tunnel" and tunnel_type != "ipip":
        return "tunnel_type", tunnel_type, "it goes with forwarding method 'tunnel' only"
    return None


@dataclass(frozen=True, eq=False)
class OtherOptions:
    """What a task says of a real server beside its address; those of thousands are one and the same."""

    #: None is the virtual service's.
    port: int | None
    #: The values of :data:`SERVER_TERMS`; None is left open.
    terms: tuple[Any, ...]
    keep_weight: bool = False

    def check(self, service: ServiceKey, option: Callable[[str], str]) -> None:
        """Refuse values that cannot be meant, whatever the others are; ``option`` completes an option's name."""
        if self.port is not None:
            values.number(option("port"), self.port, 1 if service.port else 0, 65535, "a real server's port")
        fault = _faulty_term(self.terms)
        if fault:
            raise InvalidOption(option(fault.option), fault.value, fault.remedy)


class RealServerWish(NamedTuple):
    """A real server as a task describes it: what the task leaves open stays as the kernel has it."""

    packed: bytes
    port: int
    #: The values of :class:`RealServer`'s fields behind its key, in their order; None is left open.
    terms: tuple[Any, ...]
    keep_weight: bool = False
    #: What goes before an option's name in errors, such as ``real_servers[1].``
    prefix: str = ""

    @property
    def key(self) -> tuple[bytes, int]:
        """What tells it from its service's other real servers."""
        return self[:2]

    def resolve(self, service: ServiceKey, have: RealServer | None) -> RealServer:
        """The whole wished real server, given what the kernel has in its place.

        Raises:
            InvalidOption: the two together make something that cannot be.
        """
        if have and have[2:] == completed(self.terms):  # so are nearly all of a large table
            return have
        if have:
            given = {name: value for name, value in zip(SERVER_TERMS, self.terms) if value is not None}
            if self.keep_weight:
                given.pop("weight", None)
            if have.forwarding_method == "tunnel" and given.get("forwarding_method", "tunnel") != "tunnel":
                given = {**NO_TUNNEL, **given}
            elif given.get("tunnel_type", have.tunnel_type) != have.tunnel_type:
                given = {**{k: v for k, v in NO_TUNNEL.items() if k != "tunnel_type"}, **given}
            if given.get("upper_threshold") == 0:  # without the one there is no other
                given = {"lower_threshold": 0, **given}
            server = have._replace(**given)
        else:
            server = RealServer(self.packed, self.port, *completed(self.terms))
        fault = server.fault(service)
        # What another tool has made and the kernel has taken is none of the task's.
        if fault and not (have and have.fault(service) == fault):
            option, value, remedy = fault
            raise InvalidOption(self.prefix + option, value, remedy)
        return server

    @classmethod
    def from_options(cls, service: ServiceKey, options: Mapping[str, Any]) -> RealServerWish:
        """Read a real server's options; its port is by default its service's.

        Raises:
            InvalidOption: a value cannot be meant.
        """
        return RealServerWishes.read(service, [server_options(options)])[0]


class RealServerWishes(Sequence[RealServerWish]):
    """The real servers that a task describes of one virtual service; each is made when somebody looks at one.

    Tables hold them by the ten thousand, so what is done here is done to all at once, and once to what many share.

    Attributes:
        packed: The address of each as 4 or 16 bytes.
        others: What the task says of each besides; the port is given.
    """

    def __init__(
        self, packed: Sequence[bytes], others: Sequence[OtherOptions], places: Sequence[int], prefix: str
    ) -> None:
        self.packed = packed
        self.others = others
        self._places = places
        self._prefix = prefix

    @classmethod
    def read(cls, service: ServiceKey, listed: Sequence[ServerOptions], prefix: str = "") -> RealServerWishes:
        """Read the options of the real servers of a virtual service; a port is by default the service's.

        ``prefix`` goes before the names of options in errors, with ``%d`` for the place in the list.

        Raises:
            InvalidOption: a value cannot be meant, or a real server is listed twice.
        """
        addresses, others = zip(*listed) if listed else ((), ())
        option = partial(_option, prefix)
        places = _first_places(others)
        for each in dict.fromkeys(others):
            each.check(service, partial(option, places[each]))
        with_port = {each: replace(each, port=service.port) for each in set(others) if each.port is None}
        if with_port:
            others = tuple(with_port.get(each, each) for each in others)
        packed = values.packed_addresses(map(option, count(), repeat("address")), addresses)
        if not _SUSPECT.isdisjoint(map(_FIRST, packed)):
            for place, each in enumerate(packed):
                kind = _no_server(ipaddress.ip_address(each))
                if kind:
                    remedy = "a real server cannot have %s" % kind
                    raise InvalidOption(option(place, "address"), addresses[place], remedy)
        found = cls(packed, others, range(len(packed)), prefix)
        keys = found.keys()
        if len(set(keys)) != len(keys):
            places = _first_places(keys)
            place = next(place for place, key in enumerate(keys) if places[key] < place)
            raise InvalidOption(option(place, "address"), addresses[place], "a real server is listed twice")
        return found

    def __len__(self) -> int:
        return len(self.packed)

    @overload
    def __getitem__(self, place: int) -> RealServerWish: ...

    @overload
    def __getitem__(self, place: slice) -> RealServerWishes: ...

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return self.only(range(len(self))[place])
        others, prefix = self.others[place], _option(self._prefix, self._places[place], "")
        return RealServerWish(self.packed[place], others.port or 0, others.terms, others.keep_weight, prefix)

    def keys(self) -> list[tuple[bytes, int]]:
        """What tells each from the service's others, as :attr:`RealServerWish.key`."""
        return list(zip(self.packed, map(_PORT, self.others)))

    def only(self, places: Iterable[int]) -> RealServerWishes:
        """Those at some places."""
        columns = [(self.packed[place], self.others[place], self._places[place]) for place in places]
        packed, others, kept = zip(*columns) if columns else ((), (), ())
        return RealServerWishes(packed, others, kept, self._prefix)

    def anew(self, service: ServiceKey) -> NewRealServers:
        """The real servers of a virtual service that has none of them yet.

        Raises:
            InvalidOption: one cannot be.
        """
        kinds = list(zip(map(len, self.packed), self.others))
        places = _first_places(kinds)
        for kind in dict.fromkeys(kinds):
            self[places[kind]].resolve(service, None)
        return NewRealServers(self)


class NewRealServers(Sequence[RealServer]):
    """The real servers that wishes make where there are none yet; each is made when somebody looks at one."""

    def __init__(self, wishes: RealServerWishes) -> None:
        self.wishes = wishes

    @property
    def packed(self) -> Sequence[bytes]:
        """The address of each as 4 or 16 bytes."""
        return self.wishes.packed

    def __len__(self) -> int:
        return len(self.wishes)

    @overload
    def __getitem__(self, place: int) -> RealServer: ...

    @overload
    def __getitem__(self, place: slice) -> NewRealServers: ...

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return NewRealServers(self.wishes[place])
        others = self.wishes.others[place]
        return RealServer(self.wishes.packed[place], others.port or 0, *completed(others.terms))


def _first_places(listed: Sequence[Any]) -> dict[Any, int]:
    """Where each of the things in a list is first."""
    return dict(zip(reversed(listed), range(len(listed) - 1, -1, -1)))


def _option(prefix: str, place: int, name: str) -> str:
    return prefix.replace("%d", str(place)) + name


_FIRST = itemgetter(0)
_PORT = attrgetter("port")
#: What an address begins with that may be none for a real server.
_SUSPECT = frozenset([0, *range(224, 240), 255])


def _no_server(address: values.Address) -> str:
    """What kind of address it is that the kernel takes for no real server (ip_vs_new_dest()), or nothing.

    It also refuses what only it can know, such as the broadcast address of a subnet.
    """
    if address.is_unspecified:
        return "the unspecified address"
    if address.is_multicast:
        return "a multicast address"
    if address.version == 4 and address == ipaddress.IPv4Address(0xFFFFFFFF):
        return "the broadcast address"
    if address.version == 6 and address.ipv4_mapped is not None:
        return "an IPv4 address in an IPv6 one: write %s" % address.ipv4_mapped
    return ""


#: The fields of a real server that a task may leave open.
SERVER_TERMS = RealServer._fields[2:]
#: A real server's address and its other options.
ServerOptions = Tuple[str, OtherOptions]
_SERVER_DEFAULTS = tuple(RealServer._field_defaults[name] for name in SERVER_TERMS)
_SERVER_NUMBERS = {
    "weight": (0, MAX_WEIGHT, "a weight"),
    "upper_threshold": (0, MAX_THRESHOLD, "a number of connections"),
    "lower_threshold": (0, MAX_THRESHOLD, "a number of connections"),
    "tunnel_port": (1, 65535, "a UDP port"),
}
_SERVER_NAMES: Mapping[str, Mapping[str, int]] = {
    "forwarding_method": FORWARDING_METHODS,
    "tunnel_type": TUNNEL_TYPES,
    "tunnel_checksum": TUNNEL_CHECKSUMS,
}


def server_options(options: Mapping[str, Any]) -> ServerOptions:
    """A real server's options, in the shape in which thousands of them are read."""
    return options["address"], other_options(options)


def other_options(options: Mapping[str, Any]) -> OtherOptions:
    """What :func:`server_options` has beside the address; those of thousands are one and the same."""
    get = options.get
    return _shared(get("port"), tuple(map(get, SERVER_TERMS)), bool(get("keep_weight")))


_shared = lru_cache(maxsize=1024)(OtherOptions)


@lru_cache(maxsize=1024)
def completed(terms: tuple[Any, ...]) -> tuple[Any, ...]:
    """The terms of a new real server: what a task leaves open has its default."""
    return tuple(default if value is None else value for value, default in zip(terms, _SERVER_DEFAULTS))


@lru_cache(maxsize=1024)
def _faulty_term(terms: tuple[Any, ...]) -> InvalidOption | None:
    """What is wrong with one of the terms by itself, if anything is."""
    given = {name: value for name, value in zip(SERVER_TERMS, terms) if value is not None}
    try:
        for name, (low, high, meaning) in _SERVER_NUMBERS.items():
            if name in given:
                values.number(name, given[name], low, high, meaning)
        for name, known in _SERVER_NAMES.items():
            if name in given:
                values.refuse_unknown(name, given[name], known)
    except InvalidOption as exc:
        return exc
    return None


class ServiceWish(NamedTuple):
    """A virtual service as a task describes it; ``servers`` is None where the task leaves all real servers alone."""

    key: ServiceKey
    options: Mapping[str, Any]
    servers: RealServerWishes | None
    #: Whether real servers that are not listed go.
    purge: bool
    #: What goes before an option's name in errors, such as ``services[1].``
    prefix: str = ""

    def resolve(self, have: Service | None) -> Service:
        """The whole wished service, given what the kernel has in its place.

        Raises:
            InvalidOption: the two together make something that cannot be.
        """
        terms = map(self.options.get, SERVICE_TERMS)
        hashable = tuple([tuple(term) if isinstance(term, list) else term for term in terms])
        try:
            given = _service_fields(self.key.family, hashable, have.scheduler if have else None)
        except InvalidOption as exc:
            raise InvalidOption(self.prefix + exc.option, exc.value, exc.remedy) from None
        if have and all(getattr(have, name) == value for name, value in given.items()):
            return have
        service = replace(have, **given) if have else Service(self.key, **given)
        fault = service.fault()
        # What another tool has made and the kernel has taken is none of the task's.
        if fault and not (have and have.fault() == fault):
            option, value, remedy = fault
            raise InvalidOption(self.prefix + option, value, remedy)
        return service

    @classmethod
    def from_options(cls, options: Mapping[str, Any], prefix: str = "") -> ServiceWish:
        """Read a service's options; ``prefix`` goes before their names in errors.

        Raises:
            InvalidOption: a value cannot be meant, or does not go with the others.
        """
        listed = options.get("real_servers")
        return cls.read(options, None if listed is None else list(map(server_options, listed)), prefix)

    @classmethod
    def read(cls, options: Mapping[str, Any], listed: Sequence[ServerOptions] | None, prefix: str = "") -> ServiceWish:
        """As :meth:`from_options`, with the options of the real servers as :func:`server_options` gives them."""
        key = ServiceKey.from_options(options, prefix)
        wishes = None
        if listed is None and options.get("purge_real_servers"):
            raise InvalidOption(
                prefix + "purge_real_servers",
                True,
                "it deletes what 'real_servers' does not list, so it goes with that only; an empty list deletes all",
            )
        if listed is not None:
            wishes = RealServerWishes.read(key, listed, prefix + "real_servers[%d].")
        return cls(key, options, wishes, bool(options.get("purge_real_servers")), prefix)


class Scope(NamedTuple):
    """A part of a table: virtual services by address and protocol, and firewall marks; None is any."""

    networks: Sequence[values.Network] | None = None
    protocols: Sequence[str] | None = None
    #: Ranges of firewall marks, each from its first to its last.
    fwmarks: Sequence[tuple[int, int]] | None = None

    def includes(self, key: ServiceKey) -> bool:
        """Whether a virtual service is in this part."""
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
        if networks is None and protocols is None:
            if marks is None:
                raise InvalidOption("scope", {}, "name 'addresses', 'protocols' or 'fwmarks', or leave the option out")
            networks = []  # marks only
        return cls(
            None if networks is None else [values.network("scope.addresses", text) for text in networks],
            protocols,
            [_mark_range(text) for text in marks or ()],
        )


def _mark_range(text: str) -> tuple[int, int]:
    """A firewall mark, or a range of them as FIRST-LAST."""
    first, _hyphen, last = text.partition("-")
    ends = [first, last or first]
    if not all(map(values.is_number, ends)) or not 0 < int(ends[0]) <= int(ends[1]) < 2**32:
        raise InvalidOption("scope.fwmarks", text, "write a firewall mark, or a range of them such as 100-199")
    return int(ends[0]), int(ends[1])


class Operation(NamedTuple):
    """One step on the table: ``verb`` is add, set or delete; without ``servers`` it is about the service itself."""

    verb: str
    service: Service
    servers: Sequence[RealServer] | None = None

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
