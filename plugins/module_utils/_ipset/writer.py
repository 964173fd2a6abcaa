# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries in ipset(8)'s spelling, and as plain data under the names of its options."""

from __future__ import annotations

import socket
import struct
from typing import Any, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset import columns
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import (
    ETHER,
    FLAGS,
    IFACE,
    IP,
    IP_TO,
    MARK,
    NAME,
    PORT,
    PORT_TO,
    PROTO,
    Layout,
    layout,
    read_rest,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.icmp import ICMP, PROTOCOL_NAMES
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.messages import name_in
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import PLAIN, Options, of_each, shown_text
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SetHeader, SetType
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import MalformedReply


def written(kind: SetType, key: bytes, options: Options = PLAIN) -> str:
    """An entry as ipset(8) saves it, protocols and ICMP types by number where their names are not everywhere.

    Raises:
        MalformedReply: the key is none of this type.
    """
    shape = layout(kind)
    found = shape.values(key)
    try:
        words = [_WRITERS[part](shape, found, attrs) for part, attrs in shape.parts if attrs]
    except (KeyError, ValueError, IndexError, struct.error) as exc:
        raise MalformedReply("an entry of a %s set that cannot be written: %r" % (kind.name, exc)) from exc
    return ",".join(words) + _carried(options)


def _carried(options: Options) -> str:
    """What an entry carries, as it follows the entry itself."""
    text = "" if options.mac is None else "," + _mac(options.mac)
    for name, value in options.plain().items():
        text += " " + name + ("" if value is True else ' "%s"' % value if name == "comment" else " %s" % value)
    return text


def all_written(kind: SetType, entries: Mapping[bytes, Options]) -> list[str]:
    """Entries as ipset(8) saves them."""
    texts = columns.written(layout(kind), entries, _WRITERS)
    if texts is None:
        return [written(kind, key, options) for key, options in entries.items()]
    carried = of_each(_carried, entries.values())
    return list(map("".join, zip(texts, carried))) if any(carried) else texts


def as_dict(kind: SetType, key: bytes, options: Options) -> dict[str, Any]:
    """An entry as plain data: itself under ``entry``, and its options by name."""
    bare = Options(mac=options.mac) if options.mac is not None else PLAIN
    return dict(entry=written(kind, key, bare), **options.plain())


#: What is not said of an entry that has nothing of an option of its set.
_NOTHING: Mapping[str, Mapping[str, Any]] = {
    "comment": dict(comment=""),
    "skbinfo": dict(skbmark="0x0/0x0", skbprio="0:0", skbqueue=0),
}


def described(header: SetHeader, entries: Mapping[bytes, bytes]) -> list[dict[str, Any]]:
    """The entries of a listing as plain data that makes exactly these, also of others.

    So it says what an entry has not, and of a list which entry stands before another.
    """
    nothing = {
        name: value for option, values in _NOTHING.items() if header.has(option) for name, value in values.items()
    }
    found = [{**nothing, **as_dict(header.kind, key, read_rest(rest))} for key, rest in entries.items()]
    if header.kind.method == "list":
        for before, each in zip(found, found[1:]):
            each["after"] = before["entry"]
    return found


def _mac(packed: bytes) -> str:
    return ":".join("%02X" % byte for byte in packed)


def _written_ip(shape: Layout, found: Mapping[int, bytes], attrs: Sequence[int]) -> str:
    address = socket.inet_ntop(shape.family, found[attrs[0]])
    if attrs[0] != IP or IP_TO not in found:
        return address
    first, last = (int.from_bytes(found[attr], "big") for attr in (IP, IP_TO))
    count = last - first + 1
    if not (count & count - 1 or first % count):  # a network
        return "%s/%d" % (address, shape.kind.bits + 1 - count.bit_length())
    return "%s-%s" % (address, socket.inet_ntop(shape.family, found[IP_TO]))


def _written_net(shape: Layout, found: Mapping[int, bytes], attrs: Sequence[int]) -> str:
    address = socket.inet_ntop(shape.family, found[attrs[0]])
    prefix = found[attrs[1]][0]
    return address if prefix == shape.kind.bits else "%s/%d" % (address, prefix)


def _written_port(shape: Layout, found: Mapping[int, bytes], attrs: Sequence[int]) -> str:
    high, low = found[PORT]
    port = str(high << 8 | low)
    if PORT_TO in found:
        port += "-%d" % int.from_bytes(found[PORT_TO], "big")
    if PROTO not in attrs:
        return port
    protocol = found[PROTO][0]
    name = PROTOCOL_NAMES.get(protocol, str(protocol))
    if ICMP.get(name) == shape.kind.family:
        return "%s:%d/%d" % (name, high, low)
    return "%s:%s" % (name, port)


_WRITERS: Mapping[str, columns.Writer] = {
    "ip": _written_ip,
    "net": _written_net,
    "port": _written_port,
    "mac": lambda shape, found, attrs: _mac(found[ETHER]),
    "mark": lambda shape, found, attrs: "0x%s" % found[MARK].hex(),
    "iface": lambda shape, found, attrs: ("physdev:" if FLAGS in found else "") + shown_text(name_in(found[IFACE])),
    "set": lambda shape, found, attrs: shown_text(name_in(found[NAME])),
}
