# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent for a set to be made, and for entries to come and go, in the kernel's bytes.

Source: ip_set_create() and call_ad() in net/netfilter/ipset/ip_set_core.c.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import Iterator, Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import (
    IPADDR_IPV4,
    IPADDR_IPV6,
    LINENO,
    layout,
    request,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.messages import ATTR_ADT
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import Options
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import (
    DATA_BITMASK,
    DATA_CADT_FLAGS,
    DATA_IP,
    DATA_IP_TO,
    DATA_PORT,
    DATA_PORT_TO,
    OPTION_FLAGS,
    OPTION_NUMBERS,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import BUCKET_MAX, SetHeader, SetType
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    NLA_F_NET_BYTEORDER,
    attribute,
    nested,
)

#: Bytes of entries in one message; an attribute's length is a 16-bit number.
_ENTRY_BYTES = 32768
#: An entry's number in its message.
_NUMBER = struct.Struct("=HHI")


def encode_header(header: SetHeader) -> bytes:
    """The options of a set in a request to create it."""
    packed = []
    for name, (attr, size) in OPTION_NUMBERS.items():
        number = getattr(header, name)
        if number is not None and (name, number) != ("bucketsize", BUCKET_MAX):
            order = NLA_F_NET_BYTEORDER if size > 1 else 0
            packed.append(attribute(attr | order, number.to_bytes(size, "big")))
    flags = sum(flag for name, flag in OPTION_FLAGS.items() if getattr(header, name))
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
