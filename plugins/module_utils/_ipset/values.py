# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets without their entries: the types, and what sets of them are made with.

A set's type names what an entry is made of: ``hash:ip,port,ip`` has an address, a protocol with a port, and a second
address. What a type can do follows from that, so it is computed, not listed.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
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
        return (int(first), int(last)) if decimal(first) >= 0 else (ipv4(first), ipv4(last))

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


_DECIMAL = re.compile(r"[0-9]{1,20}")


def decimal(text: str) -> int:
    """The number that a text of decimal digits is, as many as the kernel's numbers have; -1 where it is none."""
    return int(text) if _DECIMAL.fullmatch(text) else -1


def ipv4(text: str) -> int:
    """The number that an IPv4 address is."""
    return int(ipaddress.IPv4Address(text))
