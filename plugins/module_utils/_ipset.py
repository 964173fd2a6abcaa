# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's sets over nfnetlink (linux/netfilter/ipset/ip_set.h, net/netfilter/ipset/ip_set_core.c).

Entries travel by the hundred in one message (IPSET_ATTR_ADT), as ``ipset restore`` sends them.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from typing import Iterator, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._errors import (
    KernelRefused,
    MissingRequirement,
    NoSuchPlace,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset_values import (
    Entry,
    Operation,
    ProtocolPort,
    SetHeader,
    SetType,
    Value,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netlink import (
    NETLINK_NETFILTER,
    NLA_F_NET_BYTEORDER,
    NLM_F_CREATE,
    NLM_F_EXCL,
    BatchRefused,
    MalformedReply,
    Message,
    NetlinkSocket,
    attribute,
    attribute_map,
    attributes,
    integer,
    nested,
    text,
    text_of,
)

# linux/netfilter/nfnetlink.h: struct nfgenmsg, and the subsystem in a message type's high byte.
NFNL_SUBSYS_IPSET = 6
_NFGEN = struct.Struct("=BBH")
_FAMILIES = {"inet": int(socket.AF_INET), "inet6": int(socket.AF_INET6), "unspec": int(socket.AF_UNSPEC)}
_FAMILY_NAMES = {number: name for name, number in _FAMILIES.items()}

# linux/netfilter/ipset/ip_set.h
IPSET_PROTOCOL = 7
CMD_CREATE, CMD_DESTROY, CMD_LIST, CMD_ADD, CMD_DEL, CMD_TYPE = 2, 3, 7, 9, 10, 13
ATTR_PROTOCOL, ATTR_SETNAME, ATTR_TYPENAME, ATTR_REVISION, ATTR_FAMILY = 1, 2, 3, 4, 5
ATTR_FLAGS, ATTR_DATA, ATTR_ADT, ATTR_LINENO = 6, 7, 8, 9
DATA_IP, DATA_CIDR, DATA_PORT, DATA_TIMEOUT, DATA_PROTO, DATA_CADT_FLAGS, DATA_LINENO = 1, 3, 4, 6, 7, 8, 9
DATA_HASHSIZE, DATA_MAXELEM = 18, 19
DATA_ETHER, DATA_NAME, DATA_IP2, DATA_CIDR2 = 17, 18, 20, 21
IPADDR_IPV4, IPADDR_IPV6 = 1, 2
LIST_HEADER = 1 << 2
WITH_COUNTERS, WITH_COMMENT = 1 << 3, 1 << 4

_ERRNO_MEANINGS = {
    errno.ENOENT: "there is no such set",
    errno.EEXIST: "a set of that name exists already",
    errno.EPERM: "not permitted: this needs CAP_NET_ADMIN in the namespace",
    4097: "this kernel speaks another version of the ipset protocol",
    4098: "this kernel has no such set type: run 'modprobe ip_set_TYPE', with '_' for ':' and ','",
    4099: "the kernel holds as many sets as it can",
    4100: "the set is in use: delete the iptables rules and list:set sets that refer to it first",
    4103: "the entry is there already, or not there to be deleted",
    4104: "the prefix length does not fit the set",
    4106: "the address family does not fit the set",
    4109: "an IPv4 address is wanted",
    4110: "an IPv6 address is wanted",
}
#: linux/netfilter/ipset/ip_set_hash.h and ip_set_list.h: numbers that each kind of set gives a meaning of its own.
_TYPE_MEANINGS = {
    ("hash", 4352): "the set is full: create it with a larger 'maxelem'",
    ("hash", 4353): "the entry is a null element",
    ("hash", 4354): "the protocol is not valid",
    ("hash", 4355): "the protocol is missing",
    ("list", 4352): "no set of that name exists: create it first",
    ("list", 4353): "a list:set cannot hold a list:set",
    ("list", 4356): "the list is full",
}


class NoSuchSet(NoSuchPlace):
    """The set that a task names does not exist."""


class IpSets:
    """The sets of one network namespace; a context manager.

    Raises:
        NoSuchNamespace: there is no namespace of that name.
    """

    def __init__(self, netns: str | None = None) -> None:
        self._netns = netns
        self._netlink = NetlinkSocket(NETLINK_NETFILTER, netns)

    def __enter__(self) -> IpSets:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._netlink.__exit__(*exc_info)

    def header(self, name: str) -> SetHeader | None:
        """The set of that name without its entries, or None where there is none."""
        replies = self._list(name, LIST_HEADER)
        return decode_header(attribute_map(replies[0])) if replies else None

    def entries(self, header: SetHeader) -> list[Entry]:
        """The entries of a set, in the kernel's order."""
        found: list[Entry] = []
        for reply in self._list(header.name, 0) or ():
            for kind, listed in attributes(reply):
                if kind == ATTR_ADT:
                    found.extend(decode_entry(header.kind, data) for _kind, data in attributes(listed))
        return found

    def required(self, name: str) -> SetHeader:
        """The set of that name.

        Raises:
            NoSuchSet: there is none.
        """
        header = self.header(name)
        if header is None:
            where = " in network namespace '%s'" % self._netns if self._netns else ""
            raise NoSuchSet("set '%s' does not exist%s: create it first, with linuxnet.ipvs.ipset" % (name, where))
        return header

    def apply(self, operations: Sequence[Operation]) -> None:
        """Carry out operations in their order.

        Raises:
            KernelRefused: the kernel refused one; the text names the set or entry, the reason and the remedy.
        """
        for operation in operations:
            if operation.verb == "create":
                self._create(operation.header)
            elif operation.verb == "destroy":
                self._destroy(operation.header)
            else:
                self._change(operation)

    def _create(self, header: SetHeader) -> None:
        """Create an empty set, of the newest revision that this kernel and ipset(8) of Debian 12 both know."""
        family = attribute(ATTR_FAMILY, bytes([_FAMILIES[header.kind.family]]))
        body = text(ATTR_TYPENAME, header.kind.name)
        action = "create set '%s' of type %s" % (header.name, header.kind.name)
        try:
            (reply,) = self._netlink.request(_message(CMD_TYPE, body + family))
        except KernelRefused as exc:
            raise _explained(exc, action, header.kind) from exc
        newest = integer(attribute_map(reply[_NFGEN.size :])[ATTR_REVISION])
        revision = attribute(ATTR_REVISION, bytes([min(newest, NEWEST_REVISIONS.get(header.kind.name, newest))]))
        request = text(ATTR_SETNAME, header.name) + body + revision + family + _encode_header(header)
        self._send([_message(CMD_CREATE, request, NLM_F_CREATE | NLM_F_EXCL)], action, header.kind)

    def _destroy(self, header: SetHeader) -> None:
        """Destroy a set with its entries; the kernel refuses while a rule or another set refers to it."""
        request = _message(CMD_DESTROY, text(ATTR_SETNAME, header.name))
        self._send([request], "destroy set '%s'" % header.name, header.kind)

    def _change(self, operation: Operation) -> None:
        """Add or delete entries; one that is there, or gone, already is no error without NLM_F_EXCL."""
        header, entries = operation.header, operation.entries
        command = {"add": CMD_ADD, "delete": CMD_DEL}[operation.verb]
        name = text(ATTR_SETNAME, header.name)
        messages = [
            _message(command, name + attribute(ATTR_LINENO, _u32(0)) + chunk) for chunk in _encode_entries(entries)
        ]
        try:
            self._netlink.send_all(messages)
        except BatchRefused as exc:
            number = attribute_map(exc.reply[_NFGEN.size :]).get(ATTR_LINENO)
            which = " '%s'" % entries[integer(number) - 1] if number else ""
            raise _explained(exc, "%s entry%s of set '%s'" % (operation.verb, which, header.name), header.kind) from exc

    def _send(self, messages: Sequence[Message], action: str, kind: SetType) -> None:
        try:
            self._netlink.send_all(messages)
        except BatchRefused as exc:
            raise _explained(exc, action, kind) from exc

    def _list(self, name: str, flags: int) -> list[bytes]:
        """The listing of one set, each message without its nfgenmsg; empty where there is no such set."""
        body = text(ATTR_SETNAME, name) + attribute(ATTR_FLAGS | NLA_F_NET_BYTEORDER, struct.pack(">I", flags))
        try:
            return [reply[_NFGEN.size :] for reply in self._netlink.dump(_message(CMD_LIST, body))]
        except KernelRefused as exc:
            if exc.errno == errno.ENOENT:
                return []
            if exc.errno == errno.EINVAL:
                raise MissingRequirement("this kernel has no sets: run 'modprobe ip_set'") from exc
            raise


#: The newest revision of each type that ipset(8) 7.17 knows, the one of Debian 12: it lists no newer ones.
NEWEST_REVISIONS = {
    "hash:ip": 6,
    "hash:ip,port": 7,
    "hash:ip,port,ip": 6,
    "hash:ip,port,net": 8,
    "hash:mac": 1,
    "hash:net": 7,
    "hash:net,net": 4,
    "hash:net,port": 8,
    "hash:net,port,net": 3,
    "list:set": 3,
}

#: An entry's first address and its prefix length, and its second ones.
_ADDRESS_PLACES = ((DATA_IP, DATA_CIDR), (DATA_IP2, DATA_CIDR2))
#: Bytes of entries in one message; an attribute's length is a 16-bit number.
_ENTRY_BYTES = 32768


def _u32(value: int) -> bytes:
    return struct.pack("=I", value)


def _message(command: int, body: bytes, flags: int = 0) -> Message:
    header = _NFGEN.pack(socket.AF_INET, 0, 0) + attribute(ATTR_PROTOCOL, bytes([IPSET_PROTOCOL]))
    return Message(NFNL_SUBSYS_IPSET << 8 | command, header + body, flags)


def _encode_header(header: SetHeader) -> bytes:
    flags = (WITH_COUNTERS if header.counters else 0) | (WITH_COMMENT if header.comment else 0)
    numbers = (
        (DATA_HASHSIZE, header.hashsize),
        (DATA_MAXELEM, header.maxelem),
        (DATA_TIMEOUT, header.timeout),
        (DATA_CADT_FLAGS, flags or None),
    )
    given = [attribute(kind | NLA_F_NET_BYTEORDER, struct.pack(">I", n)) for kind, n in numbers if n is not None]
    return nested(ATTR_DATA, *given)


def decode_header(found: dict[int, bytes]) -> SetHeader:
    """A set from the attributes of a listing's first message."""
    try:
        data = attribute_map(found[ATTR_DATA])
        flags = _number(data, DATA_CADT_FLAGS) or 0
        return SetHeader(
            text_of(found[ATTR_SETNAME]),
            SetType(text_of(found[ATTR_TYPENAME]), _FAMILY_NAMES[integer(found[ATTR_FAMILY])]),
            hashsize=_number(data, DATA_HASHSIZE),
            maxelem=_number(data, DATA_MAXELEM),
            timeout=_number(data, DATA_TIMEOUT),
            counters=bool(flags & WITH_COUNTERS),
            comment=bool(flags & WITH_COMMENT),
        )
    except KeyError as exc:
        raise MalformedReply("a set that cannot be read: attribute %s is missing" % exc) from exc


def _number(data: dict[int, bytes], kind: int) -> int | None:
    return integer(data[kind], ">") if kind in data else None


def _encode_entries(entries: Sequence[Entry]) -> Iterator[bytes]:
    """Entries in as few messages as hold them, each numbered from 1 (0 means unnumbered), which a refusal names."""
    chunk: list[bytes] = []
    size = 0
    for number, entry in enumerate(entries, 1):
        data = nested(ATTR_DATA, *encode_entry(entry), attribute(DATA_LINENO, _u32(number)))
        if chunk and size + len(data) > _ENTRY_BYTES:
            yield nested(ATTR_ADT, *chunk)
            chunk, size = [], 0
        chunk.append(data)
        size += len(data)
    if chunk:
        yield nested(ATTR_ADT, *chunk)


def encode_entry(entry: Entry) -> Iterator[bytes]:
    """The attributes of an entry: its first address goes by one pair of numbers, its second by another."""
    places = list(_ADDRESS_PLACES)
    for value in entry.values:
        if isinstance(value, ProtocolPort):
            yield attribute(DATA_PORT | NLA_F_NET_BYTEORDER, struct.pack(">H", value.port))
            yield attribute(DATA_PROTO, bytes([value.protocol]))
        elif isinstance(value, (ipaddress.IPv4Network, ipaddress.IPv6Network)):
            address, prefix = places.pop(0)
            yield _encode_address(address, value.network_address)
            yield attribute(prefix, bytes([value.prefixlen]))
        elif isinstance(value, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
            yield _encode_address(places.pop(0)[0], value)
        elif ":" in value:
            yield attribute(DATA_ETHER, bytes.fromhex(value.replace(":", "")))
        else:
            yield text(DATA_NAME, value)


def _encode_address(kind: int, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    inner = IPADDR_IPV4 if address.version == 4 else IPADDR_IPV6
    return nested(kind, attribute(inner | NLA_F_NET_BYTEORDER, address.packed))


def decode_entry(kind: SetType, data: bytes) -> Entry:
    """An entry from its attributes in a listing."""
    found = attribute_map(data)
    places = list(_ADDRESS_PLACES)
    values: list[Value] = []
    try:
        for part in kind.parts:
            if part == "port":
                values.append(ProtocolPort(integer(found[DATA_PROTO]), integer(found[DATA_PORT], ">")))
            elif part == "mac":
                values.append(":".join("%02X" % byte for byte in found[DATA_ETHER]))
            elif part == "set":
                values.append(text_of(found[DATA_NAME]))
            else:
                address, prefix = places.pop(0)
                packed = next(payload for _kind, payload in attributes(found[address]))
                if part == "ip":
                    values.append(ipaddress.ip_address(packed))
                else:
                    length = found[prefix][0] if prefix in found else len(packed) * 8
                    values.append(ipaddress.ip_network((packed, length)))
        return Entry(tuple(values))
    except (KeyError, ValueError, StopIteration, IndexError) as exc:
        raise MalformedReply("an entry of a %s set that cannot be read: %r" % (kind.name, exc)) from exc


def _explained(exc: KernelRefused, action: str, kind: SetType) -> KernelRefused:
    """The kernel's errno in words that fit the action."""
    meaning = _ERRNO_MEANINGS.get(exc.errno) or _TYPE_MEANINGS.get((kind.name.partition(":")[0], exc.errno))
    return KernelRefused(exc.errno, "the kernel refused to %s: %s" % (action, meaning or exc))
