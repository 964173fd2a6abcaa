# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task wants of a set: its type and the options of ipset(8)'s ``create``, checked as the kernel checks them."""

from __future__ import annotations

import ipaddress
from typing import Any, Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import (
    BITMAP_MAX,
    BUCKET_MAX,
    IP_FAMILIES,
    MAXELEM_DEFAULT,
    NO_TIMEOUTS,
    OPTIONS,
    SET_TYPES,
    SetHeader,
    SetType,
    decimal,
    ipv4,
)


def set_type(name: str, family: str | None) -> SetType:
    """The type of that name; a family is refused where the type has none, and is inet where it may choose."""
    values.refuse_unknown("type", name, SET_TYPES)
    kind = SetType(name, family or "inet")
    if kind.has_family:
        values.refuse_unknown("family", kind.family, IP_FAMILIES)
        return kind
    if family is not None:
        raise InvalidOption("family", family, "a %s set has no family: leave the option out" % name)
    return SetType(name, "inet" if "ip" in kind.parts else "unspec")


#: Numbers, their bounds, and what each is.
_NUMBERS = {
    "hashsize": (1, 2**31, "a number of hash buckets"),
    "maxelem": (1, 2**32 - 1, "a number of entries"),
    "initval": (0, 2**32 - 1, "the seed of a hash"),
    # The kernel takes another for the nearest of these.
    "bucketsize": (2, BUCKET_MAX, "a number of entries in a bucket"),
    # Below IP_SET_LIST_MIN_SIZE the kernel takes that.
    "size": (4, 2**32 - 1, "a number of sets"),
    "markmask": (1, 2**32 - 1, "a mask of the packet's mark"),
    # IPSET_MAX_TIMEOUT in linux/netfilter/ipset/ip_set.h: UINT_MAX milliseconds, halved.
    "timeout": (NO_TIMEOUTS, 2147483, "a timeout (seconds; -1 for none)"),
}


def header_options(kind: SetType, options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of :class:`SetHeader` that a task sets, checked and in the kernel's spelling.

    Raises:
        InvalidOption: the type has no such option, or the kernel would not take its value.
    """
    given = {name: options[name] for name in OPTIONS if options.get(name) is not None}
    known = kind.options()
    for name, value in given.items():
        if name not in known:
            raise InvalidOption(name, value, "a %s set has none: leave the option out" % kind.name)
        if name in _NUMBERS:
            values.number(name, value, *_NUMBERS[name])
    if "hashsize" in given:
        # The kernel rounds it up to a power of two, and takes no less than 64 (IPSET_MIMINAL_HASHSIZE).
        given["hashsize"] = 1 << max(6, (given["hashsize"] - 1).bit_length())
    if given.get("bucketsize", 0) % 2:
        raise InvalidOption("bucketsize", given["bucketsize"], "write an even number from 2 to 12")
    if "netmask" in given:
        values.number("netmask", given["netmask"], 1, kind.bits, "a prefix length of %s" % kind.family)
    if "bitmask" in given:
        if "netmask" in given:
            raise InvalidOption("bitmask", given["bitmask"], "a set has either a netmask or a bitmask")
        given["bitmask"] = _bitmask(kind, given["bitmask"])
    if "range" in given:
        given["range"] = _range(kind, given["range"], given.get("netmask", 32))
        _check_size(kind, given)
    if given.get("timeout") == NO_TIMEOUTS:
        given["timeout"] = None
    # A set has one of the two, and the kernel does not tell of a mask that masks nothing.
    if "netmask" in given or "bitmask" in given:
        given = {**given, "netmask": given.get("netmask"), "bitmask": given.get("bitmask")}
    if given.get("netmask") == kind.bits:
        given["netmask"] = None
    if given.get("bitmask") == _written((1 << kind.bits) - 1, kind):
        given["bitmask"] = None
    return given


def new_header(name: str, kind: SetType, given: Mapping[str, Any]) -> SetHeader:
    """A set that a task creates: what it does not say is what the kernel takes by itself (IPSET_DEFAULT_*)."""
    if kind.method == "bitmap" and given.get("range") is None:
        raise InvalidOption("range", None, "a %s set needs it, such as %s" % (kind.name, _RANGE_EXAMPLES[kind.name]))
    defaults: dict[str, Any] = {}
    if kind.method == "hash":
        defaults = dict(hashsize=1024, maxelem=MAXELEM_DEFAULT, bucketsize=BUCKET_MAX)
    if kind.method == "list":
        defaults = dict(size=8)
    if "mark" in kind.parts:
        defaults["markmask"] = 2**32 - 1
    return SetHeader(name, kind, **{**defaults, **given})


_RANGE_EXAMPLES = {
    "bitmap:ip": "10.0.0.0/24 or 10.0.0.0-10.0.0.255",
    "bitmap:ip,mac": "10.0.0.0/24 or 10.0.0.0-10.0.0.255",
    "bitmap:port": "1024-2047",
}


def _written(number: int, kind: SetType) -> str:
    return str(ipaddress.IPv6Address(number) if kind.family == "inet6" else ipaddress.IPv4Address(number))


def _bitmask(kind: SetType, text: str) -> str:
    mask = values.address("bitmask", text)
    if values.family_of(mask) != kind.family or not int(mask):
        raise InvalidOption("bitmask", text, "write an address of the family %s that is not all zeros" % kind.family)
    return str(mask)


def _range(kind: SetType, text: str, netmask: int) -> str:
    """A bitmap's range as FIRST-LAST, as the kernel tells it: of whole networks, where the set has a netmask."""
    remedy = "write FIRST-LAST, such as %s" % _RANGE_EXAMPLES[kind.name]
    first, minus, last = text.partition("-")
    if kind.name == "bitmap:port":
        low, high = sorted((decimal(first), decimal(last if minus else first)))
        if low < 0:
            raise InvalidOption("range", text, remedy)
        values.number("range", high, 0, 65535, "a port")
        return "%d-%d" % (low, high)
    try:
        if minus:
            low, high = sorted((ipv4(first), ipv4(last)))
        else:
            network = ipaddress.IPv4Network(text)
            low, high = int(network[0]), int(network[-1])
    except ValueError as exc:
        raise InvalidOption("range", text, "%s: %s" % (remedy, exc)) from exc
    host_bits = (1 << 32 - netmask) - 1
    return "%s-%s" % (ipaddress.IPv4Address(low & ~host_bits), ipaddress.IPv4Address(high | host_bits))


def _check_size(kind: SetType, given: Mapping[str, Any]) -> None:
    """Refuse a bitmap that is too large, or a netmask that does not fit its range (bitmap_ip_create())."""
    first, last = SetHeader("", kind, range=given["range"]).bounds
    size = last - first + 1
    netmask = given.get("netmask")
    if netmask is not None and netmask < 32:
        # range_to_mask(): the longest prefix that the whole range has in common with its first address.
        prefix = 31
        mask = 0xFFFFFFFE
        while prefix > 0 and last & mask != first:
            prefix, mask = prefix - 1, mask << 1 & 0xFFFFFFFF
        if (not mask and (first or last != 0xFFFFFFFF)) or netmask <= prefix:
            raise InvalidOption(
                "netmask",
                netmask,
                "the range %s has to be a network of more than one network of that length" % given["range"],
            )
        size = 1 << netmask - prefix
    if size > BITMAP_MAX:
        raise InvalidOption(
            "range",
            given["range"],
            "it has %d entries, and a %s set holds at most %d: choose a smaller range, or a hash type"
            % (size, kind.name, BITMAP_MAX),
        )
