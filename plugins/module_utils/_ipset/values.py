# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets without their entries: the types, and the options of ipset(8)'s ``create``, checked as the kernel checks them.

A set's type names what an entry is made of: ``hash:ip,port,ip`` has an address, a protocol with a port, and a second
address. What a type can do follows from that, so it is computed, not listed.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import shown_text

#: Where the family is open; the others have one or, in the kernel's word, none (NFPROTO_UNSPEC).
IP_FAMILIES = ("inet", "inet6")
SET_TYPES = (
    "bitmap:ip",
    "bitmap:ip,mac",
    "bitmap:port",
    "hash:ip",
    "hash:ip,mac",
    "hash:ip,mark",
    "hash:ip,port",
    "hash:ip,port,ip",
    "hash:ip,port,net",
    "hash:mac",
    "hash:net",
    "hash:net,iface",
    "hash:net,net",
    "hash:net,port",
    "hash:net,port,net",
    "list:set",
)
#: Types that lay a bitmask over addresses, and with it a netmask; hash:ip had the netmask before.
MASK_TYPES = ("hash:ip", "hash:ip,port", "hash:net,net")

#: IPSET_BITMAP_MAX_RANGE in linux/netfilter/ipset/ip_set_bitmap.h, and one.
BITMAP_MAX = 65536
#: Entries in a bucket of a new hash unless said (AHASH_MAX_SIZE in net/netfilter/ipset/ip_set_hash_gen.h).
BUCKET_MAX = 12
#: How long an entry that ran out may stay, hidden, until the kernel takes it away: a third of the set's timeout, and at
#: most this (seconds; IPSET_GC_PERIOD in linux/netfilter/ipset/ip_set_timeout.h).
GC_SECONDS_MAX = 180
#: The timeout of a set that has none at all, in a task's words.
NO_TIMEOUTS = -1
#: What a hash holds unless said (IPSET_DEFAULT_MAXELEM).
MAXELEM_DEFAULT = 65536


@dataclass(frozen=True)
class SetType:
    """A set's type in one family, which together decide what its entries look like."""

    name: str
    family: str

    @property
    def method(self) -> str:
        """How entries are stored: bitmap, hash or list."""
        return self.name.partition(":")[0]

    @property
    def parts(self) -> tuple[str, ...]:
        """What an entry is made of: ``hash:ip,port`` gives ip and port."""
        return tuple(self.name.partition(":")[2].split(","))

    @property
    def has_family(self) -> bool:
        """Whether a task may choose the family."""
        return self.method == "hash" and self.name != "hash:mac"

    @property
    def has_networks(self) -> bool:
        """Whether a part is a network: entries may then be exceptions (nomatch)."""
        return "net" in self.parts

    @property
    def bits(self) -> int:
        """The length of an address of the family."""
        return 128 if self.family == "inet6" else 32

    @property
    def features(self) -> tuple[object, ...]:
        """What two sets have in common that the kernel lets swap (``features`` of struct ip_set_type, and family)."""
        return self.family, self.has_networks, sorted(part.replace("net", "ip") for part in self.parts)

    @property
    def volatile(self) -> tuple[str, ...]:
        """Options that no task has to own: the kernel draws the seed by lot and enlarges the hash, with devices its
        buckets too (mtype_add() in net/netfilter/ipset/ip_set_hash_gen.h).
        """
        return ("hashsize", "initval", "bucketsize") if "iface" in self.parts else ("hashsize", "initval")

    def options(self) -> tuple[str, ...]:
        """The options of ``create`` that a set of this type has, the family aside."""
        own: tuple[str, ...] = ()
        if self.method == "hash":
            own += ("hashsize", "maxelem", "bucketsize", "initval", "forceadd")
        if self.name in ("bitmap:ip", *MASK_TYPES):
            own += ("netmask",)
        if self.name in MASK_TYPES:
            own += ("bitmask",)
        if "mark" in self.parts:
            own += ("markmask",)
        if self.method == "bitmap":
            own += ("range",)
        if self.method == "list":
            own += ("size",)
        return (*own, *GENERIC_OPTIONS)


#: Options that sets of every type have.
GENERIC_OPTIONS = ("timeout", "counters", "comment", "skbinfo")
_OWN_OPTIONS = (
    "hashsize",
    "maxelem",
    "bucketsize",
    "initval",
    "netmask",
    "bitmask",
    "markmask",
    "range",
    "size",
    "forceadd",
)
OPTIONS = (*_OWN_OPTIONS, *GENERIC_OPTIONS)


@dataclass(frozen=True)
class SetHeader:
    """A set without its entries, in the words of ipset(8). ``timeout`` is in seconds; None for a set without any."""

    name: str
    kind: SetType
    hashsize: int | None = None
    maxelem: int | None = None
    bucketsize: int | None = None
    initval: int | None = None
    netmask: int | None = None
    bitmask: str | None = None
    markmask: int | None = None
    range: str | None = None
    size: int | None = None
    timeout: int | None = None
    counters: bool = False
    comment: bool = False
    skbinfo: bool = False
    forceadd: bool = False

    @property
    def title(self) -> str:
        """The name as tasks and results have it, which are UTF-8."""
        return shown_text(self.name)

    def options(self) -> dict[str, Any]:
        """The set under the names of the module's options, so that they make exactly this one of any of its type.

        Only what the kernel draws by lot or older ones do not tell may be missing.
        """
        family = dict(family=self.kind.family) if self.kind.has_family else {}
        shown = {option: getattr(self, option) for option in self.kind.options()}
        if self.timeout is None:
            shown["timeout"] = NO_TIMEOUTS
        if "netmask" in shown and self.netmask is None and self.bitmask is None:
            shown["netmask"] = self.kind.bits
        set_ = {option: value for option, value in shown.items() if value is not None}
        return dict(name=self.title, type=self.kind.name, **family, **set_)

    def has(self, option: str) -> bool:
        """Whether an option is set; a timeout of 0 is."""
        value = getattr(self, option)
        return value is not None and value is not False

    @property
    def bounds(self) -> tuple[int, int]:
        """The first and the last number (address or port) in a bitmap's range."""
        first, _minus, last = (self.range or "0-0").partition("-")
        return (int(first), int(last)) if decimal(first) >= 0 else (_ipv4(first), _ipv4(last))

    @property
    def address_mask(self) -> int:
        """The mask that the kernel lays over addresses (netmask, bitmask); all bits where there is none."""
        full = (1 << self.kind.bits) - 1
        if self.bitmask is not None:
            return int(ipaddress.ip_address(self.bitmask))
        return full if self.netmask is None else full >> self.netmask ^ full


def temporary_name(name: str) -> str:
    """The name under which a set is built that shall take another's place; made from that one's, as long as allowed.

    Nothing else makes such a name, so a set that has it is what an interrupted run left behind.
    """
    return (
        "linuxnet.ipvs~" + hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[: values.SET_NAME_MAX - 14]
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


_DECIMAL = re.compile(r"[0-9]{1,20}")


def decimal(text: str) -> int:
    """The number that a text of decimal digits is, as many as the kernel's numbers have; -1 where it is none."""
    return int(text) if _DECIMAL.fullmatch(text) else -1


def _ipv4(text: str) -> int:
    return int(ipaddress.IPv4Address(text))


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
            low, high = sorted((_ipv4(first), _ipv4(last)))
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
