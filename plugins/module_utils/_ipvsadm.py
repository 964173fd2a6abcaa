# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text that ``ipvsadm --save --numeric`` prints and ``ipvsadm --restore`` reads, as the modules' options and back.

Sources: ipvsadm(8), and print_service_entry() and parse_options() in ipvsadm.c.
"""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from functools import lru_cache
from typing import Any, Iterable, Iterator, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs_values import (
    DEFAULT_FORWARDING_METHOD,
    DEFAULT_SCHEDULER,
    DEFAULT_WEIGHT,
    NO_TUNNEL,
    SERVER_TERMS,
    RealServer,
    RealServerWish,
    ServerOptions,
    Service,
    ServiceKey,
    ServiceWish,
    endpoint,
    scheduler_flag_names,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._values import is_number, read_address

#: ipvsadm(8), -p: "If the timeout is not specified, 300 seconds is used".
DEFAULT_PERSISTENCE_TIMEOUT = 300

_PROTOCOLS = {"tcp": "-t", "udp": "-u", "sctp": "--sctp-service"}
_METHODS = {"masquerading": "-m", "direct": "-g", "tunnel": "-i"}
_CHECKSUMS = {"none": "--tun-nocsum", "full": "--tun-csum", "remote": "--tun-remcsum"}

#: Long options by their short ones, where ipvsadm has both.
_SHORT = {
    "--add-service": "-A",
    "--add-server": "-a",
    "--tcp-service": "-t",
    "--udp-service": "-u",
    "--fwmark-service": "-f",
    "--ipv6": "-6",
    "--scheduler": "-s",
    "--persistent": "-p",
    "--netmask": "-M",
    "--ops": "-o",
    "--sched-flags": "-b",
    "--real-server": "-r",
    "--gatewaying": "-g",
    "--ipip": "-i",
    "--masquerading": "-m",
    "--weight": "-w",
    "--u-threshold": "-x",
    "--l-threshold": "-y",
}
#: Options with a value that is taken over as it stands, and those whose value is a number.
_TEXTS = {"-s": "scheduler", "-M": "persistence_netmask", "--pe": "persistence_engine", "--tun-type": "tunnel_type"}
_NUMBERS = {"-w": "weight", "-x": "upper_threshold", "-y": "lower_threshold", "--tun-port": "tunnel_port"}
#: Options without a value, and what each sets.
_SWITCHES: Mapping[str, tuple[str, Any]] = {
    "-o": ("one_packet", True),
    "-6": ("family", "inet6"),
    **{option: ("forwarding_method", method) for method, option in _METHODS.items()},
    **{option: ("tunnel_checksum", checksum) for checksum, option in _CHECKSUMS.items()},
}
_PROTOCOL_OPTIONS = {option: protocol for protocol, option in _PROTOCOLS.items()}

#: What a line leaves out, ipvsadm takes so; a text describes its services and real servers wholly.
_SERVICE_DEFAULTS = dict(
    scheduler=DEFAULT_SCHEDULER,
    scheduler_flags=(),
    one_packet=False,
    persistence_timeout=0,
    persistence_engine="none",
)
_SERVER_DEFAULTS = dict(
    forwarding_method=DEFAULT_FORWARDING_METHOD,
    weight=DEFAULT_WEIGHT,
    upper_threshold=0,
    lower_threshold=0,
    **{name: value for name, value in NO_TUNNEL.items() if value},
)
_USUAL_SERVICE = r"-[tuf] \S+|--sctp-service \S+|-f -?\d+ -6"
#: A line as ipvsadm itself writes it, one that adds a real server (service, address, port, the rest) or one that adds
#: a service (service, the rest), and any other line, such as one with the family of a mark at its end.
_LINE = re.compile(
    r"^(?:-a (%s) -r \[?([0-9.]+|(?<=\[)[0-9a-f:.]+)\]?:(\d+) (?!.*-6)(.*)|-A (%s) (-s (?!.*-6).*)|(.*))$"
    % (_USUAL_SERVICE, _USUAL_SERVICE),
    re.MULTILINE,
)
_ENDPOINT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)|([0-9A-Fa-f:.]+))(?::([^:\[\]]*))?")


def parse(text: str, option: str = "text") -> list[tuple[dict[str, Any], list[ServerOptions]]]:
    """The virtual services in a text, under the names of the modules' options, each with its real servers.

    Raises:
        InvalidOption: a line cannot be read; the error shows it.
    """
    services: dict[str, tuple[dict[str, Any], list[ServerOptions]]] = {}
    last, servers = "", []  # the service of the line before, since its real servers come one behind the other
    for place, found in enumerate(_LINE.findall(text), 1):
        service, address, port, terms, new_service, service_terms, other = found
        try:
            if service:
                if service != last:
                    last, servers = service, services[_service(service)[0]][1]
                servers.append((address, int(port), _server_terms(terms), False))
            elif new_service:
                _add_service(new_service, service_terms, services)
            elif other.strip() and not other.lstrip().startswith("#"):
                _read_line(other, services)
        except (KeyError, ValueError, IndexError) as exc:
            reason = "no line before it adds its virtual service" if isinstance(exc, KeyError) else exc
            line = text.split("\n")[place - 1].rstrip()
            raise InvalidOption(option, line, "line %d: %s" % (place, reason)) from exc
    for options, servers in services.values():
        # Where the forwarding method cannot change the port, ipvsadm takes the virtual service's.
        own = options.get("port")
        places = [place for place, each in enumerate(servers) if each[1] != own and each[2][0] != "masquerading"]
        for place in places if own is not None else ():
            servers[place] = (servers[place][0], own, *servers[place][2:])
    return list(services.values())


def service_options(services: Iterable[tuple[Mapping[str, Any], Iterable[ServerOptions]]]) -> list[dict[str, Any]]:
    """What :func:`parse` has read, as the modules take it."""
    return [
        dict(
            options,
            scheduler_flags=list(options["scheduler_flags"]),
            real_servers=[
                dict(zip(SERVER_TERMS, terms), address=address, port=port) for address, port, terms, _keep in servers
            ],
        )
        for options, servers in services
    ]


def wishes(services: Iterable[tuple[Mapping[str, Any], Sequence[ServerOptions]]]) -> list[ServiceWish]:
    """What :func:`parse` has read, as wishes.

    Raises:
        InvalidOption: a value cannot be meant.
    """
    found = []
    for options, servers in services:
        key = ServiceKey.from_options(options, "text: ")
        prefix = "text: virtual service %s: " % key
        listed = RealServerWish.many(key, servers, [prefix] * len(servers))
        found.append(ServiceWish(key, options, listed, False, prefix))
    return found


def _read_line(line: str, services: dict[str, tuple[dict[str, Any], list[ServerOptions]]]) -> None:
    """A line that adds a service, or one that adds a real server and is written otherwise than ipvsadm does."""
    words = _short(line.split())
    verb, rest = words[0], words[1:]
    if verb not in ("-A", "-a"):
        raise ValueError("a saved table has lines with -A (--add-service) and -a (--add-server) only")
    service, rest = _cut(rest, (*_PROTOCOL_OPTIONS, "-f"))
    if service[0] == "-f" and "-6" in rest:
        rest.remove("-6")
        service.append("-6")
    name = " ".join(service)
    if verb == "-a":
        server, rest = _cut(rest, ("-r",))
        services[_service(name)[0]][1].append((*_address(server[1]), _server_terms(" ".join(rest)), False))
        return
    _add_service(name, " ".join(rest), services)


def _add_service(written: str, terms: str, services: dict[str, tuple[dict[str, Any], list[ServerOptions]]]) -> None:
    name, key = _service(written)
    if name in services:
        raise ValueError("this virtual service is added twice")
    whole = 128 if ":" in str(key.get("address")) or key.get("family") == "inet6" else 32
    found = _service_terms(terms)
    if whole == 32 and is_number(found.get("persistence_netmask", "")):
        # To ipvsadm 24 is the address 0.0.0.24.
        raise ValueError("%r is no netmask such as 255.255.255.0" % found["persistence_netmask"])
    services[name] = ({**key, "persistence_netmask": str(whole), **found}, [])


def _short(words: Iterable[str]) -> list[str]:
    """The words with short options for long ones, whose values may stand behind a '='."""
    parts = (part for word in words for part in (word.split("=", 1) if word.startswith("--") else [word]))
    return [_SHORT.get(part, part) for part in parts]


def _cut(words: Sequence[str], options: Iterable[str]) -> tuple[list[str], list[str]]:
    """The one of these options with its value, and the words without them."""
    places = [place for place, word in enumerate(words) if word in options]
    if len(places) != 1 or places[0] + 1 == len(words):
        raise ValueError("it needs one of %s, with a value" % ", ".join(options))
    start = places[0]
    return list(words[start : start + 2]), [*words[:start], *words[start + 2 :]]


@lru_cache(maxsize=4)
def _service(written: str) -> tuple[str, Mapping[str, Any]]:
    """A service's name, which does not depend on how its line spells it, and its key as the line has it."""
    key = _service_key(*_short(written.split()))
    words = list(key.values())
    if "address" in key:
        with suppress(ValueError):  # one that is none is told of when the values are read
            words[1] = read_address(key["address"])
    return " ".join(map(str, words)), key


def _service_key(option: str, value: str, *family: str) -> dict[str, Any]:
    if option == "-f":
        # ipvsadm saves a mark above 2147483647 as the negative number of the same bits.
        mark = 2**32 - _number(value[1:]) if value.startswith("-") else _number(value)
        return dict(fwmark=mark, family="inet6" if family else "inet")
    address, port = _address(value)
    return dict(protocol=_PROTOCOL_OPTIONS[option], address=address, port=port or 0)


def _address(written: str) -> tuple[str, int | None]:
    """ADDRESS:PORT, [ADDRESS]:PORT or an address alone."""
    match = _ENDPOINT.fullmatch(written)
    if not match:
        raise ValueError("%r is no ADDRESS:PORT" % written)
    bracketed, plain, six, port = match.groups()
    if plain and not plain[0].isdigit():
        raise ValueError("%r is a name: save the table with --numeric" % plain)
    return bracketed or plain or six, None if port is None else _number(port)


def _number(written: str) -> int:
    if not is_number(written):
        raise ValueError("%r is no number: save the table with --numeric" % written)
    return int(written)


@lru_cache(maxsize=1024)
def _server_terms(written: str) -> tuple[Any, ...]:
    found = _terms(written.split(), ("-s", "-M", "--pe", "-o", "-6", "-p", "-b"))
    return tuple(map({**_SERVER_DEFAULTS, **found}.get, SERVER_TERMS))


@lru_cache(maxsize=1024)
def _service_terms(written: str) -> Mapping[str, Any]:
    return {
        **_SERVICE_DEFAULTS,
        **_terms(written.split(), (*_NUMBERS, *_METHODS.values(), *_CHECKSUMS.values(), "--tun-type")),
    }


def _terms(words: Sequence[str], foreign: Sequence[str]) -> dict[str, Any]:
    """Options behind a line's addresses; ``foreign`` are those of the other kind of line."""
    found: dict[str, Any] = {}
    left = _short(words)
    while left:
        word = left.pop(0)
        if word in foreign:
            raise ValueError("%s does not belong here" % word)
        if word in _SWITCHES:
            name, value = _SWITCHES[word]
            found[name] = value
        elif word == "-p":
            found["persistence_timeout"] = (
                int(left.pop(0)) if left and is_number(left[0]) else DEFAULT_PERSISTENCE_TIMEOUT
            )
        elif word in _TEXTS and left:
            found[_TEXTS[word]] = left.pop(0)
        elif word in _NUMBERS and left:
            found[_NUMBERS[word]] = _number(left.pop(0))
        elif word == "-b":  # ipvsadm saves it without a value where it has no name for a flag
            found["scheduler_flags"] = left.pop(0).split(",") if left and not left[0].startswith("-") else []
        else:
            raise ValueError("%s is no option of ipvsadm here, or lacks its value" % word)
    return found


def render(service: Service, servers: Iterable[RealServer]) -> Iterator[str]:
    """The lines of a virtual service and its real servers; they say more than ipvsadm's own, which omit thresholds."""
    key = service.key
    if key.fwmark:
        name = "-f %d%s" % (key.fwmark, " -6" if key.family == "inet6" else "")
    else:
        name = "%s %s" % (_PROTOCOLS[key.protocol or "tcp"], endpoint(key.address, key.port))
    yield "-A %s%s" % (name, "".join(" " + word for word in _service_words(service)))
    for server in servers:
        yield "-a %s -r %s%s" % (
            name,
            endpoint(server.address, server.port),
            "".join(" " + word for word in _server_words(server)),
        )


def _service_words(service: Service) -> Iterator[str]:
    yield "-s %s" % service.scheduler
    if service.persistence_timeout:
        yield "-p %d" % service.persistence_timeout
        if service.persistence_netmask != service.key.whole_mask:
            if service.key.family == "inet":
                yield "-M %s" % ipaddress.IPv4Address(service.persistence_netmask)
            else:
                yield "-M %d" % service.persistence_netmask
        if service.persistence_engine:
            yield "--pe %s" % service.persistence_engine
    if service.one_packet:
        yield "-o"
    if service.scheduler_flags:
        yield "-b %s" % ",".join(scheduler_flag_names(service.scheduler, service.scheduler_flags))


def _server_words(server: RealServer) -> Iterator[str]:
    # What the kernel has made of a server (local, bypass) was asked for in one of the three ways.
    yield _METHODS.get(server.forwarding_method, _METHODS[DEFAULT_FORWARDING_METHOD])
    yield "-w %d" % server.weight
    if server.upper_threshold:
        yield "-x %d -y %d" % (server.upper_threshold, server.lower_threshold)
    if server.forwarding_method == "tunnel":
        yield "--tun-type %s" % server.tunnel_type
        if server.tunnel_type == "gue":
            yield "--tun-port %d" % server.tunnel_port
        if server.tunnel_type != "ipip":
            yield _CHECKSUMS[server.tunnel_checksum]
