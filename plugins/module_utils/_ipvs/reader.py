# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``ipvsadm --save --numeric`` prints and ``ipvsadm --restore`` reads, as the modules' options.

A line is taken apart as ipvsadm does it, so that it means the same here. Sources: ipvsadm(8), parse_options() in
ipvsadm.c, config_stream_read() in config_stream.c, and poptGetNextOpt() of popt(3).
"""

from __future__ import annotations

import re
import socket
from collections import deque
from contextlib import suppress
from dataclasses import replace
from operator import itemgetter
from typing import Any, Callable, Collection, Deque, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import is_number
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.text_columns import Block, blocks
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import (
    DEFAULT_FORWARDING_METHOD,
    DEFAULT_SCHEDULER,
    DEFAULT_WEIGHT,
    MAX_THRESHOLD,
    MAX_WEIGHT,
    ServiceKey,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.wishes import (
    OtherOptions,
    RealServerWishes,
    ServerOptions,
    ServiceWish,
    WishedTerms,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.writer import (
    CHECKSUMS,
    MAX_PERSISTENCE_TIMEOUT,
    METHODS,
    PROTOCOLS,
)

#: IPVS_SVC_PERSISTENT_TIMEOUT in libipvs.h, for ``-p`` without a value; ipvsadm(8) says 300, and errs.
DEFAULT_PERSISTENCE_TIMEOUT = 360

#: ipvsadm's options by their long names: as a letter where there is one.
_LONG = {
    "add-service": "-A",
    "edit-service": "-E",
    "delete-service": "-D",
    "clear": "-C",
    "zero": "-Z",
    "add-server": "-a",
    "edit-server": "-e",
    "delete-server": "-d",
    "tcp-service": "-t",
    "udp-service": "-u",
    "sctp-service": "--sctp-service",
    "fwmark-service": "-f",
    "ipv6": "-6",
    "scheduler": "-s",
    "persistent": "-p",
    "netmask": "-M",
    "ops": "-o",
    "pe": "--pe",
    "sched-flags": "-b",
    "real-server": "-r",
    "gatewaying": "-g",
    "ipip": "-i",
    "masquerading": "-m",
    "weight": "-w",
    "u-threshold": "-x",
    "l-threshold": "-y",
    "tun-type": "--tun-type",
    "tun-port": "--tun-port",
    "tun-nocsum": "--tun-nocsum",
    "tun-csum": "--tun-csum",
    "tun-remcsum": "--tun-remcsum",
    "sort": "--sort",
}
_SERVICE_NAMES = ("-t", "-u", "--sctp-service", "-f")
_METHOD_NAMES = {option: method for method, option in METHODS.items()}
_CHECKSUM_NAMES = {option: checksum for checksum, option in CHECKSUMS.items()}
_PROTOCOL_NAMES = {option: protocol for protocol, option in PROTOCOLS.items()}
_TUNNEL_NAMES = ("--tun-type", "--tun-port", *_CHECKSUM_NAMES)
#: Options without a value, among them those of lines that are in no saved table.
_SWITCHES = frozenset(
    ["-6", "-o", "--sort", *_METHOD_NAMES, *_CHECKSUM_NAMES, *("-" + each for each in "AaEDCLlZedRSn")]
)
#: What a line may have that adds a service, or a real server; ``--sort`` does nothing and goes with all.
_ALLOWED = {
    "-A": frozenset([*_SERVICE_NAMES, "-6", "-s", "-p", "-M", "-o", "--pe", "-b", "--sort"]),
    "-a": frozenset([*_SERVICE_NAMES, "-6", "-r", *_METHOD_NAMES, "-w", "-x", "-y", *_TUNNEL_NAMES, "--sort"]),
}
#: Options of which a line has one at most.
_GROUPS = {
    **dict.fromkeys(_SERVICE_NAMES, "its virtual service"),
    **dict.fromkeys(_METHOD_NAMES, "its forwarding method"),
    **dict.fromkeys(_CHECKSUM_NAMES, "its checksum"),
}
#: Options of a real server whose value is a number: the option's name here, and the bounds.
_NUMBERS = {
    "-w": ("weight", 0, MAX_WEIGHT),
    "-x": ("upper_threshold", 0, MAX_THRESHOLD),
    "-y": ("lower_threshold", 0, MAX_THRESHOLD),
    "--tun-port": ("tunnel_port", 1, 65535),
}
#: What each type of tunnel has besides (tunnel_types_v_options in ipvsadm.c).
_TUNNEL_OPTIONS: Mapping[str, Sequence[str]] = {
    "ipip": (),
    "gue": ("tunnel_port", "tunnel_checksum"),
    "gre": ("tunnel_checksum",),
}
_NUMBER = re.compile(r"[+-]?[0-9]+")
_BLANK = re.compile(r"[ \t\r]+")

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
    tunnel_type="ipip",
    tunnel_checksum="none",
)

#: Virtual services by what tells one from another: the options of each, and of its real servers.
Services = Dict[Tuple[Any, ...], Tuple[Dict[str, Any], List[ServerOptions]]]


def parse(text: str, option: str = "text") -> list[tuple[dict[str, Any], list[ServerOptions]]]:
    """The virtual services in a text, under the names of the modules' options, each with its real servers.

    Raises:
        InvalidOption: a line cannot be read; the error shows it.
    """
    services: Services = {}
    first_line = 1
    for written, block in blocks(text):
        if block is None or not _read_block(block, services):
            for number, line in enumerate(written.split("\n"), first_line):
                try:
                    _read_line(line, services)
                except ValueError as exc:
                    raise InvalidOption(option, line.strip(), "line %d: %s" % (number, exc)) from None
        first_line += written.count("\n")
    for options, servers in services.values():
        # Where the forwarding method cannot change the port, ipvsadm takes the virtual service's.
        own = options.get("port")
        kinds = set(map(itemgetter(1), servers)) if own is not None else ()
        fixed = {
            each: replace(each, port=own)
            for each in kinds
            if each.port != own and each.terms.forwarding_method != "masquerading"
        }
        if fixed:
            servers[:] = [(address, fixed.get(each, each)) for address, each in servers]
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


def _read_block(block: Block, services: Services) -> bool:
    """Lines that differ in nothing but an address, of which one of each kind is read.

    False where one of them is wrong, and nothing was read.
    """
    read: Services = {}
    try:
        if block.terms is not None:
            _read_line("-A %s %s" % (block.service, block.terms), read)
            if not read.keys().isdisjoint(services):
                return False
        kinds = {}
        for rest, address in dict(zip(block.rests, block.addresses)).items():
            line = _Line("-a %s -r %s:%s" % (block.service, _bracketed(address), rest))
            kinds[rest] = line.server_options()
            name = line.name
            if name not in read and name not in services:
                return False
    except ValueError:
        return False
    services.update(read)
    if kinds:
        services[name][1].extend(zip(block.addresses, map(kinds.__getitem__, block.rests)))
    return True


def _bracketed(address: str) -> str:
    return "[%s]" % address if ":" in address else address


def _read_line(text: str, services: Services) -> None:
    """A line that adds a service or a real server; a comment or an empty one adds nothing.

    Raises:
        ValueError: it is none that ipvsadm takes.
    """
    if not text.strip() or text.lstrip().startswith("#"):
        return
    line = _Line(text)
    if line.verb == "-a":
        if line.name not in services:
            raise ValueError("no line before it adds its virtual service")
        services[line.name][1].append((line.server, line.server_options()))
    elif line.name in services:
        raise ValueError("this virtual service is added twice")
    else:
        services[line.name] = (line.service_options(), [])


class _Line:
    """What the options of a line have set, each in its turn, as in ipvsadm's parse_options().

    Attributes:
        verb: ``-A`` or ``-a``.
        server: The address of the real server.
        terms: The other options under the names of the modules'.

    Raises:
        ValueError: the line is none that ipvsadm takes.
    """

    def __init__(self, text: str) -> None:
        self.verb = ""
        self.server = ""
        self.terms: Dict[str, Any] = {}
        self._protocol = ""
        self._address = ""
        self._family = "inet"
        self._port = 0
        self._mark = 0
        self._mask: Optional[str] = None
        self._server_port: Optional[int] = None
        seen = set()
        # config_stream_read() drops the program's name wherever it stands.
        for option, value in _options([word for word in _BLANK.split(text.strip()) if word != "ipvsadm"]):
            if not self.verb and option in _ALLOWED:
                self.verb = option
                continue
            if not self.verb or option in _ALLOWED:
                raise ValueError(_NOT_SAVED)
            if option not in _ALLOWED[self.verb]:
                raise ValueError("%s does not belong here" % option)
            group = _GROUPS.get(option, option)
            if group in seen and option not in ("-6", "--sort"):
                raise ValueError("it says %s twice" % group)
            seen.add(group)
            self._set(option, value)
        self._complete(seen)

    def _set(self, option: str, value: str) -> None:
        if option in _PROTOCOL_NAMES:
            self._protocol = _PROTOCOL_NAMES[option]
            self._address, port = _endpoint(value)
            self._port = port or 0
            if ":" in self._address:  # with an IPv6 address ipvsadm forgets the mask before it
                self._family, self._mask = "inet6", None
        elif option == "-f":
            self._mark = _mark(value)
        elif option == "-6":
            if not self._mark:
                raise ValueError("-6 stands behind -f only")
            self._family, self._mask = "inet6", None
        elif option == "-M":
            self._mask = _mask(value, self._family)
        elif option == "-r":
            self.server, port = _endpoint(value)
            self._server_port = self._port if port is None else port
        elif option in _METHOD_NAMES:
            self.terms["forwarding_method"] = _METHOD_NAMES[option]
        elif option in _CHECKSUM_NAMES:
            self.terms["tunnel_checksum"] = _CHECKSUM_NAMES[option]
        elif option in _NUMBERS:
            name, low, high = _NUMBERS[option]
            self.terms[name] = _number(option, value, low, high)
        elif option in _SETTERS:
            name, read = _SETTERS[option]
            self.terms[name] = read(value)

    def _complete(self, seen: Collection[str]) -> None:
        """What ipvsadm looks at behind the last option."""
        if "its virtual service" not in seen:
            raise ValueError("it needs one of %s, with a value" % ", ".join(_SERVICE_NAMES))
        if self.verb == "-A":
            return
        if "-r" not in seen:
            raise ValueError("it needs -r, with a value")
        kind = self.terms.get("tunnel_type", "ipip")
        for name in ("tunnel_type", "tunnel_port", "tunnel_checksum"):
            if name in self.terms and self.terms.get("forwarding_method") != "tunnel":
                raise ValueError("the options of a tunnel go with -i only")
            if name in self.terms and name not in ("tunnel_type", *_TUNNEL_OPTIONS.get(kind, (name,))):
                raise ValueError("tunnel type '%s' has no %s" % (kind, name.replace("tunnel_", "")))

    @property
    def name(self) -> Tuple[Any, ...]:
        """What tells its virtual service from others, however it is written."""
        return (self._family, self._mark) if self._mark else (self._protocol, self._address, self._port)

    def service_options(self) -> Dict[str, Any]:
        """The virtual service as the modules take it."""
        if self._mark:
            key = dict(fwmark=self._mark, family=self._family)
        else:
            key = dict(protocol=self._protocol, address=self._address, port=self._port)
        mask = self._mask if "persistence_timeout" in self.terms else None
        whole = "32" if self._family == "inet" else "128"
        return {**key, "persistence_netmask": mask or whole, **_SERVICE_DEFAULTS, **self.terms}

    def server_options(self) -> OtherOptions:
        """The real server without its address."""
        return OtherOptions(self._server_port, WishedTerms(**{**_SERVER_DEFAULTS, **self.terms}))


_NOT_SAVED = (
    "a saved table has lines with -A (--add-service) and -a (--add-server) only, which come first in a line; what shall"
    " be deleted is left out, with the option 'purge'"
)


def _options(words: Iterable[str]) -> Iterator[Tuple[str, str]]:
    """The options in a line's words, with their values or an empty one, as popt(3) takes them apart.

    Letters may stand together, the last of them with its value, and a value may stand behind a '='.
    """
    left = deque(words)
    while left:
        word = left.popleft()
        if word.startswith("--") and len(word) > 2:
            name, equals, value = word[2:].partition("=")
            option = _LONG.get(name, word)
            if option in _SWITCHES:
                if equals:
                    raise ValueError("%s has no value" % option)
                yield option, ""
            else:
                yield option, value if equals else _value(option, left)
        elif word.startswith("-") and len(word) > 1:
            yield from _letters(word[1:], left)
        else:
            raise ValueError("%r is no option" % word)


def _letters(letters: str, left: Deque[str]) -> Iterator[Tuple[str, str]]:
    """The options in a word of letters; the value of the last may be the word behind."""
    for place, letter in enumerate(letters, 1):
        option = "-" + letter
        if option not in _SWITCHES:
            attached = letters[place:]
            yield option, attached[attached.startswith("=") :] if attached else _value(option, left)
            return
        yield option, ""


def _value(option: str, left: Deque[str]) -> str:
    """The next word as an option's value."""
    if option not in _VALUED:
        raise ValueError("%s is no option of ipvsadm here" % option)
    if option == "-p" and (not left or left[0].startswith("-")):
        return str(DEFAULT_PERSISTENCE_TIMEOUT)
    if not left:
        if option == "-b":  # ipvsadm saves it so where it has no name for a flag
            return ","
        raise ValueError("%s lacks its value" % option)
    return left.popleft()


_VALUED = frozenset(_LONG.values()) - _SWITCHES


def _endpoint(written: str) -> Tuple[str, Optional[int]]:
    """The address and the port in ADDRESS:PORT, [ADDRESS]:PORT or an address alone (parse_service() in ipvsadm.c)."""
    bracketed, closed, behind = written[1:].partition("]") if written.startswith("[") else (written, "", "")
    with suppress(OSError, ValueError):
        six = socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, bracketed))
        if not closed:
            return six, None
        if behind.startswith(":"):
            return six, _number("a port", behind[1:], 0, 65535)
    address, colon, port = written.rpartition(":") if ":" in written else (written, "", "")
    if closed or (is_number(address) and not colon):
        raise ValueError("%r is no ADDRESS:PORT" % written)
    try:
        four = socket.inet_ntoa(socket.inet_aton(address))
    except (OSError, ValueError):
        if address and not address[0].isdigit() and ":" not in address:
            raise ValueError("%r is a name: save the table with --numeric" % address) from None
        raise ValueError("%r is no ADDRESS:PORT" % written) from None
    return four, _number("a port", port, 0, 65535) if colon else None


def _number(option: str, written: str, low: int, high: int) -> int:
    """A number as strtol(3) takes it (string_to_number() in ipvsadm.c)."""
    if not _NUMBER.fullmatch(written):
        raise ValueError("%r is no number: save the table with --numeric" % written)
    if not low <= int(written) <= high:
        raise ValueError("%s: %s is not valid: write a number from %d to %d" % (option, written, low, high))
    return int(written)


def _mark(written: str) -> int:
    # ipvsadm saves a mark above 2147483647 as the negative number of the same bits.
    number = _number("-f", written, -(2**31), 2**32 - 1)
    if not number:
        raise ValueError("-f: 0 is no firewall mark")
    return number % 2**32


def _mask(written: str, family: str) -> str:
    if family == "inet6":
        return str(_number("-M", written, 1, 128))
    try:
        return socket.inet_ntoa(socket.inet_aton(written))  # of which 24 is 0.0.0.24, as to ipvsadm
    except (OSError, ValueError):
        raise ValueError("%r is no netmask such as 255.255.255.0" % written) from None


def _flags(written: str) -> Tuple[str, ...]:
    return tuple(filter(None, written.split(",")))


#: Other options: the name here, and what becomes of the value.
_SETTERS: Mapping[str, Tuple[str, Callable[[str], Any]]] = {
    "-s": ("scheduler", str),
    "-p": ("persistence_timeout", lambda written: _number("-p", written, 1, MAX_PERSISTENCE_TIMEOUT)),
    "-o": ("one_packet", lambda _written: True),
    "--pe": ("persistence_engine", str),
    "-b": ("scheduler_flags", _flags),
    "--tun-type": ("tunnel_type", str),
}
