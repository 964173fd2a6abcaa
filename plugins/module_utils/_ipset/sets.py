# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets in the kernel's bytes: what a request to create one says, and what a listing tells.

Source: linux/netfilter/ipset/ip_set.h; ip_set_create() and ip_set_dump_do() in net/netfilter/ipset/ip_set_core.c.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset import columns
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import (
    IPADDR_IPV4,
    IPADDR_IPV6,
    LINENO,
    layout,
    name_in,
    request,
    split_entries,
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
    attribute,
    attribute_map,
    attributes,
    integer,
    nested,
    text_of,
)

FAMILIES = {"inet": int(socket.AF_INET), "inet6": int(socket.AF_INET6), "unspec": int(socket.AF_UNSPEC)}
_FAMILY_NAMES = {number: name for name, number in FAMILIES.items()}

# linux/netfilter/ipset/ip_set.h: attributes of a message, and of a set's options (DATA_*)
ATTR_PROTOCOL, ATTR_SETNAME, ATTR_TYPENAME, ATTR_REVISION, ATTR_FAMILY = 1, 2, 3, 4, 5
ATTR_FLAGS, ATTR_DATA, ATTR_ADT, ATTR_LINENO = 6, 7, 8, 9
ATTR_REVISION_MIN = 10
ATTR_SETNAME2 = ATTR_TYPENAME

#: Numbers among a set's options: attribute and size; network order, but for a mark's mask, which kernels send in
#: either and mark with a flag.
_OPTION_NUMBERS = {
    "hashsize": (18, 4),
    "maxelem": (19, 4),
    "bucketsize": (21, 1),
    "initval": (17, 4),
    "netmask": (20, 1),
    "markmask": (11, 4),
    "size": (23, 4),
    "timeout": (6, 4),
}
_OPTION_FLAGS = {"counters": 1 << 3, "comment": 1 << 4, "forceadd": 1 << 5, "skbinfo": 1 << 6}
DATA_IP, DATA_IP_TO, DATA_PORT, DATA_PORT_TO, DATA_CADT_FLAGS, DATA_BITMASK = 1, 2, 4, 5, 8, 12
DATA_ELEMENTS, DATA_REFERENCES, DATA_MEMSIZE = 24, 25, 26

#: Bytes of entries in one message; an attribute's length is a 16-bit number.
_ENTRY_BYTES = 32768
#: An entry's number in its message.
_NUMBER = struct.Struct("=HHI")


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


def encode_header(header: SetHeader) -> bytes:
    """The options of a set in a request to create it."""
    packed = []
    for name, (attr, size) in _OPTION_NUMBERS.items():
        number = getattr(header, name)
        if number is not None and (name, number) != ("bucketsize", BUCKET_MAX):
            order = NLA_F_NET_BYTEORDER if size > 1 else 0
            packed.append(attribute(attr | order, number.to_bytes(size, "big")))
    flags = sum(flag for name, flag in _OPTION_FLAGS.items() if getattr(header, name))
    if flags:
        packed.append(attribute(DATA_CADT_FLAGS | NLA_F_NET_BYTEORDER, struct.pack(">I", flags)))
    if header.bitmask is not None:
        packed.append(_address(DATA_BITMASK, ipaddress.ip_address(header.bitmask).packed))
    if header.range is not None:
        if header.kind.name == "bitmap:port":
            for attr, port in zip((DATA_PORT, DATA_PORT_TO), header.bounds):
                packed.append(attribute(attr | NLA_F_NET_BYTEORDER, struct.pack(">H", port)))
        else:
            for attr, address in zip((DATA_IP, DATA_IP_TO), header.bounds):
                packed.append(_address(attr, struct.pack(">I", address)))
    return b"".join(packed)


def _address(attr: int, packed: bytes) -> bytes:
    inner = IPADDR_IPV4 if len(packed) == 4 else IPADDR_IPV6
    return nested(attr, attribute(inner | NLA_F_NET_BYTEORDER, packed))


def encode_entries(kind: SetType, entries: Mapping[bytes, Options]) -> Iterator[tuple[int, bytes]]:
    """Entries in few messages, each made as it is asked for: how many it has, and itself.

    They are numbered from 1 in each message (0 means unnumbered), which a refusal names.
    """
    shape = layout(kind)
    parts: list[bytes] = []
    length = 0
    for key, options in entries.items():
        part = request(shape, key, options)
        if length + len(part) + _NUMBER.size > _ENTRY_BYTES:
            yield len(parts) // 2, nested(ATTR_ADT, *parts)
            parts, length = [], 0
        parts += part, _NUMBER.pack(_NUMBER.size, LINENO, len(parts) // 2 + 1)
        length += len(part) + _NUMBER.size
    if parts:
        yield len(parts) // 2, nested(ATTR_ADT, *parts)


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
        entries = columns.split(layout(kind), data)
        if entries is None:
            entries = split_entries(kind, data)
    except (KeyError, ValueError) as exc:
        raise MalformedReply("a set that cannot be read: %r" % exc) from exc
    return KernelSet(**found, revision=revision, entries=entries)


def decode_header(name: str, kind: SetType, data: bytes) -> dict[str, Any]:
    """The fields of :class:`KernelSet` in a listing's first message, but for the entries."""
    found = attribute_map(data)
    options: dict[str, Any] = {}
    own = kind.options()
    for option, (attr, _size) in _OPTION_NUMBERS.items():
        if attr in found and option in own:
            options[option] = integer(found[attr], ">")
    if "bucketsize" in own:  # which the kernel may have enlarged, or does not tell since the revision is older
        options["bucketsize"] = min(options.get("bucketsize", BUCKET_MAX), BUCKET_MAX)
    if "markmask" in own:
        options["markmask"] = _mark_mask(data)
    flags = integer(found[DATA_CADT_FLAGS], ">") if DATA_CADT_FLAGS in found else 0
    options.update({option: bool(flags & flag) for option, flag in _OPTION_FLAGS.items() if option in own})
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
        if kind == _OPTION_NUMBERS["markmask"][0]:
            (raw,) = struct.unpack_from("=H", data, offset + 2)
            return integer(payload, ">" if raw & NLA_F_NET_BYTEORDER else "=")
        offset += 4 + len(payload) + 3 & ~3
    return 2**32 - 1
