# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets in the kernel's bytes: what a listing tells of them.

Source: linux/netfilter/ipset/ip_set.h; ip_set_create() and ip_set_dump_do() in net/netfilter/ipset/ip_set_core.c.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.messages import (
    ATTR_ADT,
    ATTR_DATA,
    ATTR_FAMILY,
    ATTR_REVISION,
    ATTR_SETNAME,
    ATTR_TYPENAME,
    name_in,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import Options, shown_text
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import (
    BUCKET_MAX,
    SET_TYPES,
    SetHeader,
    SetType,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    NLA_F_NET_BYTEORDER,
    MalformedReply,
    attribute_map,
    attributes,
    integer,
    text_of,
)

FAMILIES = {"inet": int(socket.AF_INET), "inet6": int(socket.AF_INET6), "unspec": int(socket.AF_UNSPEC)}
_FAMILY_NAMES = {number: name for name, number in FAMILIES.items()}


#: Numbers among a set's options: attribute and size; network order, but for a mark's mask, which kernels send in
#: either and mark with a flag.
OPTION_NUMBERS = {
    "hashsize": (18, 4),
    "maxelem": (19, 4),
    "bucketsize": (21, 1),
    "initval": (17, 4),
    "netmask": (20, 1),
    "markmask": (11, 4),
    "size": (23, 4),
    "timeout": (6, 4),
}
OPTION_FLAGS = {"counters": 1 << 3, "comment": 1 << 4, "forceadd": 1 << 5, "skbinfo": 1 << 6}
#: linux/netfilter/ipset/ip_set.h: attributes of a set's options
DATA_IP, DATA_IP_TO, DATA_PORT, DATA_PORT_TO, DATA_CADT_FLAGS, DATA_BITMASK = 1, 2, 4, 5, 8, 12
DATA_ELEMENTS, DATA_REFERENCES, DATA_MEMSIZE = 24, 25, 26


@dataclass(frozen=True)
class KernelSet:
    """A set as the kernel has it. ``entries`` gives, for the key of each, the rest of its bytes."""

    header: SetHeader
    revision: int = 0
    references: int = 0
    memory: int = 0
    elements: int = 0
    entries: Mapping[bytes, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One step on the set ``header``: create, destroy, add or delete entries; or swap or rename with ``other``.

    ``revision`` is the lowest in which a set is created.
    """

    verb: str
    header: SetHeader
    entries: Mapping[bytes, Options] = field(default_factory=dict)
    other: str = ""
    revision: int = 0


def decode_set(replies: Sequence[bytes]) -> KernelSet:
    """A set from the messages of its listing.

    Raises:
        MalformedReply: they are not what they claim to be.
    """
    first = attribute_map(replies[0])
    try:
        kind = SetType(text_of(first[ATTR_TYPENAME]), _FAMILY_NAMES[integer(first[ATTR_FAMILY])])
        if kind.name not in SET_TYPES:
            raise Conflict(
                "set '%s' is of type %s, which this collection does not know"
                % (shown_text(name_in(first[ATTR_SETNAME])), kind.name)
            )
        found = decode_header(name_in(first[ATTR_SETNAME]), kind, first[ATTR_DATA])
        revision = integer(first[ATTR_REVISION])
        listed = [listed for reply in replies for attr, listed in attributes(reply) if attr == ATTR_ADT]
        data = b"".join(listed)
        entries = _entries(kind, data) if data else {}
    except (KeyError, ValueError) as exc:
        raise MalformedReply("a set that cannot be read: %r" % exc) from exc
    return KernelSet(**found, revision=revision, entries=entries)


def _entries(kind: SetType, data: bytes) -> dict[bytes, bytes]:
    """The entries of a listing."""
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import layout, split_entries
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.columns import split

    found = split(layout(kind), data)
    return split_entries(kind, data) if found is None else found


def decode_header(name: str, kind: SetType, data: bytes) -> dict[str, Any]:
    """The fields of :class:`KernelSet` in a listing's first message, but for the entries."""
    found = attribute_map(data)
    options: dict[str, Any] = {}
    own = kind.options()
    for option, (attr, _size) in OPTION_NUMBERS.items():
        if attr in found and option in own:
            options[option] = integer(found[attr], ">")
    if "bucketsize" in own:  # which the kernel may have enlarged, or does not tell since the revision is older
        options["bucketsize"] = min(options.get("bucketsize", BUCKET_MAX), BUCKET_MAX)
    if "markmask" in own:
        options["markmask"] = _mark_mask(data)
    flags = integer(found[DATA_CADT_FLAGS], ">") if DATA_CADT_FLAGS in found else 0
    options.update({option: bool(flags & flag) for option, flag in OPTION_FLAGS.items() if option in own})
    if DATA_BITMASK in found and "bitmask" in own:
        options["bitmask"] = str(_packed_address(found[DATA_BITMASK]))
    if kind.name == "bitmap:port":
        options["range"] = "%d-%d" % tuple(integer(found[attr], ">") for attr in (DATA_PORT, DATA_PORT_TO))
    elif kind.method == "bitmap":
        options["range"] = "%s-%s" % tuple(_packed_address(found[attr]) for attr in (DATA_IP, DATA_IP_TO))
    return dict(
        header=SetHeader(name, kind, **options),
        references=integer(found.get(DATA_REFERENCES, b"\0"), ">"),
        memory=integer(found.get(DATA_MEMSIZE, b"\0"), ">"),
        elements=integer(found.get(DATA_ELEMENTS, b"\0"), ">"),
    )


def _packed_address(payload: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    for _kind, packed in attributes(payload):
        return ipaddress.ip_address(packed)
    raise MalformedReply("an address without bytes")


def _mark_mask(data: bytes) -> int:
    """A mark's mask: kernels list it in the host's order, without the flag that says network order."""
    offset = 0
    for kind, payload in attributes(data):
        if kind == OPTION_NUMBERS["markmask"][0]:
            (raw,) = struct.unpack_from("=H", data, offset + 2)
            return integer(payload, ">" if raw & NLA_F_NET_BYTEORDER else "=")
        offset += 4 + len(payload) + 3 & ~3
    return 2**32 - 1
