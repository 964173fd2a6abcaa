# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The text that ``ipvsadm --save --numeric`` prints and ``ipvsadm --restore`` reads, as the modules' options and back.

Sources: ipvsadm(8), and print_service_entry() and parse_options() in ipvsadm.c.
"""

from __future__ import annotations

import ipaddress
import re
from collections import deque
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from operator import itemgetter
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import is_number, read_address
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import (
    DEFAULT_FORWARDING_METHOD,
    DEFAULT_SCHEDULER,
    DEFAULT_WEIGHT,
    NO_TUNNEL,
    RealServer,
    Service,
    ServiceKey,
    endpoint,
    scheduler_flag_names,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.wishes import (
    OtherOptions,
    RealServerWishes,
    ServerOptions,
    ServiceWish,
    WishedTerms,
)

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
_USUAL_SERVERS = r"(?:-a (?P=%s) -r (?:[0-9.]+|\[[0-9a-f:.]+\]):[0-9]+ (?!.* -(?:6|-ipv6)).*(?:\n|\Z))"
#: Lines as ipvsadm itself writes them: one that adds a service (which, the rest) and those behind it that add its real
#: servers, or only such (of which, they themselves). Any other line stands alone, such as one that ends with a family.
_LINES = re.compile(
    r"^(?:-A (?P<added>%s) (?P<terms>-s (?!.* -(?:6|-ipv6)).*)(?:\n|\Z)(?P<servers>%s*)"
    r"|(?=-a (?P<of>%s) -r )(?P<more>%s+)|.*(?:\n|\Z))"
    % (_USUAL_SERVICE, _USUAL_SERVERS % "added", _USUAL_SERVICE, _USUAL_SERVERS % "of"),
    re.MULTILINE,
)
#: What such a line says of its real server: its address, and the rest behind a colon.
_SERVER = re.compile(r" -r \[?([0-9.]+|(?<=\[)[0-9a-f:.]+)\]?:([0-9]+ .*)")
_ENDPOINT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)|([0-9A-Fa-f:.]+))(?::([^:\[\]]*))?")

#: Virtual services by their names: the options of each, and of its real servers.
Services = Dict[str, Tuple[Dict[str, Any], List[ServerOptions]]]


def parse(text: str, option: str = "text") -> list[tuple[dict[str, Any], list[ServerOptions]]]:
    """The virtual services in a text, under the names of the modules' options, each with its real servers.

    Raises:
        InvalidOption: a line cannot be read; the error shows it.
    """
    services: Services = {}
    first_line = 1
    for found in _LINES.finditer(text):
        if not _read_lines(found, services):
            for number, line in enumerate(found[0].split("\n"), first_line):
                try:
                    _read_line(line, services)
                except (KeyError, ValueError, IndexError) as exc:
                    reason = "no line before it adds its virtual service" if isinstance(exc, KeyError) else exc
                    raise InvalidOption(option, line.rstrip(), "line %d: %s" % (number, reason)) from exc
        first_line += found[0].count("\n")
    for options, servers in services.values():
        # Where the forwarding method cannot change the port, ipvsadm takes the virtual service's.
        own = options.get("port")
        kinds = set(map(itemgetter(1), servers)) if own is not None else ()
        other = {each for each in kinds if each.port != own and each.terms.forwarding_method != "masquerading"}
        if other:
            servers[:] = [(address, replace(each, port=own) if each in other else each) for address, each in servers]
    return list(services.values())


def service_options(services: Iterable[tuple[Mapping[str, Any], Iterable[ServerOptions]]]) -> list[dict[str, Any]]:
    """What :func:`parse` has read, as the modules take it."""
    return [
        dict(
            options,
            scheduler_flags=list(options["scheduler_flags"]),
            real_servers=[dict(each.terms._asdict(), address=address, port=each.port) for address, each in servers],
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
        found.append(ServiceWish(key, options, RealServerWishes.read(key, servers, prefix), False, prefix))
    return found


def _read_lines(found: re.Match[str], services: Services) -> bool:
    """Lines as ipvsadm writes them, all at once; False where they are others, or one is wrong and nothing was read."""
    written = found["servers"] or found["more"]
    if found["added"] is None and not written:
        return False
    try:
        name = _service(found["added"] or found["of"])[0]
        if found["added"] is None and name not in services:
            return False
        servers: Sequence[ServerOptions] = ()
        if written:
            addresses, others = zip(*_SERVER.findall(written))
            known = {each: _other_options(*each.split(" ", 1)) for each in set(others)}
            servers = list(zip(addresses, map(known.__getitem__, others)))
        if found["added"] is not None:
            _add_service(found["added"], found["terms"], services)
        services[name][1].extend(servers)
    except ValueError:
        return False
    return True


def _read_line(line: str, services: Services) -> None:
    """A line that adds a service or a real server, however it is written; a comment or an empty one adds nothing."""
    if not line.strip() or line.lstrip().startswith("#"):
        return
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
        servers = services[_service(name)[0]][1]
        address, port = _address(server[1])
        servers.append((address, _other_options(port, " ".join(rest))))
        return
    _add_service(name, " ".join(rest), services)


def _add_service(written: str, terms: str, services: Services) -> None:
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
    found: list[str] = []
    for word in words:
        if word.startswith("--"):
            option, *value = word.split("=", 1)
            found += [_SHORT.get(option, option), *value]
        else:
            found.append(word)
    return found


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
    if ":" in key.get("address", ""):  # IPv6 has many spellings
        with suppress(ValueError):  # an address that is none is told of when the values are read
            words[1] = read_address(key["address"])
    return " ".join(map(str, words)), key


def _service_key(option: str, value: str, *family: str) -> dict[str, Any]:
    if option == "-f":
        # ipvsadm saves a mark above 2147483647 as the negative number of the same bits.
        mark = 2**32 - _number(value[1:]) if value.startswith("-") else _number(value)
        return dict(fwmark=mark, family="inet6" if family else "inet")
    address, port = _address(value)
    return dict(protocol=_PROTOCOL_OPTIONS[option], address=address, port=0 if port is None else _number(port))


def _address(written: str) -> tuple[str, str | None]:
    """The address and the port in ADDRESS:PORT, [ADDRESS]:PORT or an address alone."""
    match = _ENDPOINT.fullmatch(written)
    if not match:
        raise ValueError("%r is no ADDRESS:PORT" % written)
    bracketed, plain, six, port = match.groups()
    if plain and not plain[0].isdigit():
        raise ValueError("%r is a name: save the table with --numeric" % plain)
    return bracketed or plain or six, port


def _number(written: str) -> int:
    if not is_number(written):
        raise ValueError("%r is no number: save the table with --numeric" % written)
    return int(written)


@lru_cache(maxsize=1024)
def _other_options(port: str | None, terms: str) -> OtherOptions:
    """What a line says of its real server behind the address."""
    number = None if port is None else _number(port)
    found = _terms(terms.split(), ("-s", "-M", "--pe", "-o", "-6", "-p", "-b"))
    return OtherOptions(number, WishedTerms(**{**_SERVER_DEFAULTS, **found}))


@lru_cache(maxsize=1024)
def _service_terms(written: str) -> Mapping[str, Any]:
    return {
        **_SERVICE_DEFAULTS,
        **_terms(written.split(), (*_NUMBERS, *_METHODS.values(), *_CHECKSUMS.values(), "--tun-type")),
    }


def _terms(words: Sequence[str], foreign: Sequence[str]) -> dict[str, Any]:
    """Options behind a line's addresses; ``foreign`` are those of the other kind of line."""
    found: dict[str, Any] = {}
    left = deque(_short(words))
    while left:
        word = left.popleft()
        if word in foreign:
            raise ValueError("%s does not belong here" % word)
        if word in _SWITCHES:
            name, value = _SWITCHES[word]
            found[name] = value
        elif word == "-p":
            found["persistence_timeout"] = (
                int(left.popleft()) if left and is_number(left[0]) else DEFAULT_PERSISTENCE_TIMEOUT
            )
        elif word in _TEXTS and left:
            found[_TEXTS[word]] = left.popleft()
        elif word in _NUMBERS and left:
            found[_NUMBERS[word]] = _number(left.popleft())
        elif word == "-b":  # ipvsadm saves it without a value where it has no name for a flag
            found["scheduler_flags"] = left.popleft().split(",") if left and not left[0].startswith("-") else []
        else:
            raise ValueError("%s is no option of ipvsadm here, or lacks its value" % word)
    return found


def render(service: Service, servers: Iterable[RealServer]) -> Iterator[str]:
    """The lines of a virtual service and its real servers; they say more than ipvsadm's own, which omit thresholds."""
    key = service.key
    if key.packed is None:
        name = "-f %d%s" % (key.fwmark, " -6" if key.family == "inet6" else "")
    else:
        name = "%s %s" % (_PROTOCOLS[key.protocol or "tcp"], endpoint(key.packed, key.port))
    yield "-A %s%s" % (name, "".join(" " + word for word in _service_words(service)))
    for server in servers:
        yield "-a %s -r %s%s" % (
            name,
            endpoint(server.packed, server.port),
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
    if server.terms.upper_threshold:
        yield "-x %d -y %d" % (server.terms.upper_threshold, server.terms.lower_threshold)
    if server.forwarding_method == "tunnel":
        yield "--tun-type %s" % server.tunnel_type
        if server.tunnel_type == "gue":
            yield "--tun-port %d" % server.terms.tunnel_port
        if server.tunnel_type != "ipip":
            yield _CHECKSUMS[server.terms.tunnel_checksum]
