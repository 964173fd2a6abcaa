# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The edge: a user's text becomes a canonical value here, once, or an :class:`InvalidOption` says what to write."""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache
from itertools import repeat
from typing import Any, Collection, Iterable, Sequence, Union

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Interface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

#: IFNAMSIZ is 16 with its closing NUL (linux/if.h).
DEVICE_NAME_MAX = 15
#: IPSET_MAXNAMELEN is 32 with its closing NUL (linux/netfilter/ipset/ip_set.h).
SET_NAME_MAX = 31
#: NAME_MAX: a namespace is a file below /run/netns.
NETNS_NAME_MAX = 255

_NETNS_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:+-]*")
_NETNS_PATH = re.compile(r"/[A-Za-z0-9_.@:+/-]+")
#: useradd(8), with the capitals, dots and domains that directory services bring; at most LOGIN_NAME_MAX bytes.
_USER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,254}")


def device_name(option: str, value: str) -> str:
    """A network device's name as the kernel accepts it (dev_valid_name() in net/core/dev.c)."""
    if not 0 < len(value.encode()) <= DEVICE_NAME_MAX:
        raise InvalidOption(option, value, "a device name has 1 to %d bytes" % DEVICE_NAME_MAX)
    if value in (".", "..") or any(c in "/:%" or c.isspace() or not c.isprintable() for c in value):
        raise InvalidOption(option, value, "a device name has no '/', ':', '%' or white space and is not '.' or '..'")
    return value


def netns_name(option: str, value: str) -> str:
    """A namespace's name: one file below /run/netns, with no character that a shell would read."""
    if len(value) > NETNS_NAME_MAX or not _NETNS_NAME.fullmatch(value):
        raise InvalidOption(
            option,
            value,
            "a namespace name starts with a letter, digit or '_', goes on with those or any of '.@:+-',"
            " and has at most %d characters" % NETNS_NAME_MAX,
        )
    return value


def netns_path(option: str, value: str) -> str:
    """The absolute path of a file that stands for a namespace, with no character that a shell would read."""
    if not _NETNS_PATH.fullmatch(value) or ".." in value.split("/"):
        raise InvalidOption(
            option,
            value,
            "a namespace's path is absolute, has no '..', and its names consist of letters, digits and any of '_.@:+-'",
        )
    return value


def user_name(option: str, value: str) -> str:
    """A user's name, with no character that a shell would read."""
    if not _USER_NAME.fullmatch(value):
        raise InvalidOption(
            option, value, "a user's name starts with a letter, digit or '_' and goes on with those or any of '.@+-'"
        )
    return value


def set_name(option: str, value: str) -> str:
    """A set's name: any bytes are one (ip_set_create(); libipset looks at the length alone)."""
    if not 0 < len(value.encode(errors="surrogateescape")) <= SET_NAME_MAX or "\0" in value:
        raise InvalidOption(option, value, "a set name has 1 to %d bytes, none of them NUL" % SET_NAME_MAX)
    return value


def address(option: str, value: str) -> Address:
    """An IPv4 or IPv6 address without a prefix."""
    _refuse_zone(option, value)
    try:
        return read_address(value)
    except ValueError as exc:
        raise InvalidOption(option, value, "write an IPv4 or IPv6 address without a prefix: %s" % exc) from exc


def _refuse_zone(option: str, value: str) -> None:
    """ipaddress reads an address with its zone (RFC 4007), and then it is another one than the kernel has."""
    if "%" in value:
        raise InvalidOption(option, value, "write the address without a device")


#: ``ipaddress.ip_address``, which is slow, for what is read more than once.
read_address = lru_cache(maxsize=4096)(ipaddress.ip_address)


def packed_addresses(options: Iterable[str], listed: Sequence[str]) -> list[bytes]:
    """IPv4 or IPv6 addresses without a prefix as their 4 or 16 bytes; many times faster than :func:`address`.

    ``options`` are the names of each one's option, for an error.
    """
    pack, four, six = socket.inet_pton, socket.AF_INET, socket.AF_INET6
    try:
        if ":" not in "".join(listed):
            return list(map(pack, repeat(four), listed))
        return [pack(six if ":" in each else four, each) for each in listed]
    except (OSError, ValueError):
        return [address(option, each).packed for option, each in zip(options, listed)]


def interface(option: str, value: str) -> Interface:
    """An address on a device, with its prefix length; without one it is a host address (/32 or /128)."""
    _refuse_zone(option, value)
    try:
        found = ipaddress.ip_interface(value)
    except ValueError as exc:
        raise InvalidOption(option, value, "write ADDRESS/PREFIX, such as 10.0.0.1/24 or fd00::1/64: %s" % exc) from exc
    if "/" in value and not is_number(value.rpartition("/")[2]):
        raise InvalidOption(option, value, "write the prefix as a length, such as /%d" % found.network.prefixlen)
    return found


def network(option: str, value: str) -> Network:
    """A network; bits behind the prefix are an error, since nobody can tell which of the two was meant."""
    _refuse_zone(option, value)
    try:
        return ipaddress.ip_network(value)
    except ValueError as exc:
        raise InvalidOption(option, value, "write NETWORK/PREFIX, such as 10.0.0.0/24 or fd00::/64: %s" % exc) from exc


def is_number(text: str) -> bool:
    """Whether a text is a whole number in the digits that int() and everybody else reads; isdigit() knows others."""
    return text.isascii() and text.isdigit()


def number(option: str, value: int, low: int, high: int, meaning: str) -> int:
    """A whole number from ``low`` to ``high``; ``meaning`` names it in the error."""
    if not low <= value <= high:
        raise InvalidOption(option, value, "%s is a number from %d to %d" % (meaning, low, high))
    return value


def port(option: str, value: int) -> int:
    """A transport port, 1 to 65535."""
    return number(option, value, 1, 65535, "a port")


#: The least MTU in bytes that an IPv6 link may have (RFC 8200): with less the kernel takes IPv6 off the device.
IPV6_MTU_MIN = 1280


def mtu(option: str, value: int) -> int:
    """A device's MTU in bytes: 68 is IPv4's minimum (RFC 791), 65535 what veth and bridge devices accept."""
    return number(option, value, 68, 65535, "an MTU (bytes)")


def family_of(value: Address | Interface | Network) -> str:
    """``inet`` or ``inet6``, as ipset(8) and nft(8) name the families."""
    return "inet" if value.version == 4 else "inet6"


def unique(option: str, values: Iterable[Any], meaning: str) -> None:
    """Refuse a list that names the same thing twice."""
    seen = set()
    for value in values:
        if value in seen:
            raise InvalidOption(option, str(value), "%s is listed twice" % meaning)
        seen.add(value)


def refuse_unknown(option: str, value: Any, known: Collection[Any]) -> None:
    """Refuse a value outside a closed list, and show the list."""
    if value not in known:
        raise InvalidOption(option, value, "choose one of %s" % ", ".join(map(str, sorted(known))))
