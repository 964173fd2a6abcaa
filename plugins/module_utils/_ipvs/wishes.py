# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task wishes of a table: virtual services and real servers, of which it may leave things open."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import count, repeat
from operator import attrgetter, itemgetter
from typing import Any, Callable, Iterable, Mapping, NamedTuple, Optional, Sequence, Tuple, overload

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import (
    DEFAULT_SCHEDULER,
    FORWARDING_METHODS,
    MAX_WEIGHT,
    NO_TUNNEL,
    PERSISTENCE_ENGINES,
    PREFIX_MAX,
    SCHEDULER_FLAGS,
    TUNNEL_CHECKSUMS,
    TUNNEL_TYPES,
    WHOLE_MASKS,
    RealServer,
    RealServers,
    ServerKey,
    ServerTerms,
    Service,
    ServiceKey,
    ipv4_mask,
)

#: The fields of a virtual service that a task may leave open.
SERVICE_TERMS = (
    "scheduler",
    "scheduler_flags",
    "one_packet",
    "persistence_timeout",
    "persistence_netmask",
    "persistence_engine",
)


class WishedTerms(NamedTuple):
    """The fields of :class:`ServerTerms` as a task has them; None is left open."""

    forwarding_method: Optional[str] = None
    weight: Optional[int] = None
    upper_threshold: Optional[int] = None
    lower_threshold: Optional[int] = None
    tunnel_type: Optional[str] = None
    tunnel_port: Optional[int] = None
    tunnel_checksum: Optional[str] = None

    def given(self) -> dict[str, Any]:
        """What the task says."""
        return {name: value for name, value in self._asdict().items() if value is not None}

    def anew(self) -> ServerTerms:
        """The terms of a new real server: what the task leaves open has its default."""
        return ServerTerms()._replace(**self.given())

    def check(self, option: Callable[[str], str]) -> None:
        """Refuse values that cannot be meant, whatever the others are; ``option`` completes an option's name."""
        given = self.given()
        for name, (low, high, meaning) in _SERVER_NUMBERS.items():
            if name in given:
                values.number(option(name), given[name], low, high, meaning)
        for name, known in _SERVER_NAMES.items():
            if name in given:
                values.refuse_unknown(option(name), given[name], known)


@dataclass(frozen=True, eq=False)
class OtherOptions:
    """What a task says of a real server beside its address; those of thousands are one and the same."""

    #: None is the virtual service's.
    port: int | None
    terms: WishedTerms
    keep_weight: bool = False

    def check(self, service: ServiceKey, option: Callable[[str], str]) -> None:
        """Refuse values that cannot be meant, whatever the others are; ``option`` completes an option's name."""
        if self.port is not None:
            values.number(option("port"), self.port, 1 if service.port else 0, 65535, "a real server's port")
        self.terms.check(option)


class RealServerWish(NamedTuple):
    """A real server as a task describes it: what the task leaves open stays as the kernel has it."""

    key: ServerKey
    terms: WishedTerms
    keep_weight: bool = False
    #: What goes before an option's name in errors, such as ``real_servers[1].``
    prefix: str = ""

    def resolve(self, service: ServiceKey, have: RealServer | None) -> RealServer:
        """The whole wished real server, given what the kernel has in its place.

        Raises:
            InvalidOption: the two together make something that cannot be.
        """
        if have is None:
            server = RealServer(self.key, self.terms.anew())
        else:
            server = RealServer(self.key, self._changed(have.terms))
            if server == have:
                return have
        fault = server.fault(service)
        # What another tool has made and the kernel has taken is none of the task's.
        if fault and not (have and have.fault(service) == fault):
            option, value, remedy = fault
            raise InvalidOption(self.prefix + option, value, remedy)
        return server

    def _changed(self, have: ServerTerms) -> ServerTerms:
        """The terms of a real server that is there, with what the task says and what goes with that."""
        given = self.terms.given()
        if self.keep_weight:
            given.pop("weight", None)
        if have.forwarding_method == "tunnel" and given.get("forwarding_method", "tunnel") != "tunnel":
            given = {**NO_TUNNEL, **given}
        elif given.get("tunnel_type", have.tunnel_type) != have.tunnel_type:
            given = {**{k: v for k, v in NO_TUNNEL.items() if k != "tunnel_type"}, **given}
        if given.get("upper_threshold") == 0:  # without the one there is no other
            given = {"lower_threshold": 0, **given}
        return have._replace(**given)

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
        return RealServerWish(ServerKey(self.packed[place], others.port or 0), others.terms, others.keep_weight, prefix)

    def keys(self) -> list[tuple[bytes, int]]:
        """What tells each from the service's others, equal to :attr:`RealServerWish.key`."""
        return list(zip(self.packed, map(_PORT, self.others)))

    def only(self, places: Iterable[int]) -> RealServerWishes:
        """Those at some places."""
        columns = [(self.packed[place], self.others[place], self._places[place]) for place in places]
        packed, others, kept = zip(*columns) if columns else ((), (), ())
        return RealServerWishes(packed, others, kept, self._prefix)

    def anew(self, service: ServiceKey) -> RealServers:
        """The real servers of a virtual service that has none of them yet.

        Raises:
            InvalidOption: one cannot be.
        """
        kinds = list(zip(map(len, self.packed), self.others))
        for place in sorted(_first_places(kinds).values()):
            self[place].resolve(service, None)
        made = {each: (each.port or 0, each.terms.anew()) for each in set(self.others)}
        return RealServers(self.packed, list(map(made.__getitem__, self.others)))


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


#: A real server's address and its other options.
ServerOptions = Tuple[str, OtherOptions]
_SERVER_NUMBERS = {
    "weight": (0, MAX_WEIGHT, "a weight"),
    # The kernel before 6.12.117 may hold what RealServer.fault() refuses to a task.
    "upper_threshold": (0, 2**32 - 1, "a number of connections"),
    "lower_threshold": (0, 2**32 - 1, "a number of connections"),
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
    return _shared(get("port"), WishedTerms(*map(get, WishedTerms._fields)), bool(get("keep_weight")))


_shared = lru_cache(maxsize=1024)(OtherOptions)


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

    def weights(self) -> set[int]:
        """Which weights the task gives to real servers."""
        kinds = set(self.servers.others) if self.servers is not None else ()
        return {each.terms.anew().weight for each in kinds}

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
        values.number("persistence_timeout", options["persistence_timeout"], 0, 2**32 - 1, "a timeout (seconds)")
        if options["persistence_timeout"] == 0:  # what hangs on it goes with it, unless the task says otherwise
            given.update(persistence_netmask=WHOLE_MASKS[family], persistence_engine="")
    if options["persistence_netmask"] is not None:
        given["persistence_netmask"] = _mask(family, options["persistence_netmask"])
    if options["persistence_engine"] is not None:
        values.refuse_unknown("persistence_engine", options["persistence_engine"], (*PERSISTENCE_ENGINES, "none"))
        given["persistence_engine"] = "" if options["persistence_engine"] == "none" else options["persistence_engine"]
    scheduler = given.get("scheduler", had or DEFAULT_SCHEDULER)
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

    The kernel takes any IPv4 mask, 255.0.255.0 too.
    """
    option = "persistence_netmask"
    if values.is_number(written):
        length = values.number(option, int(written), int(family == "inet6"), PREFIX_MAX[family], "a prefix length")
        return ipv4_mask(length) if family == "inet" else length
    try:
        if family == "inet":
            return int(ipaddress.IPv4Address(written))
    except ValueError:
        pass
    remedy = "1 to 128" if family == "inet6" else "0 to 32) or an IPv4 netmask (255.255.255.0"
    raise InvalidOption(option, written, "write a prefix length (%s)" % remedy)
