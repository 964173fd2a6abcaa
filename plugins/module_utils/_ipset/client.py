# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's sets over nfnetlink (linux/netfilter/ipset/ip_set.h, net/netfilter/ipset/ip_set_core.c).

Entries travel by the hundred in one message (IPSET_ATTR_ADT), as ``ipset restore`` sends them.
"""

from __future__ import annotations

import errno
import ipaddress
import itertools
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    Conflict,
    KernelRefused,
    MissingRequirement,
    NoSuchPlace,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import (
    BUCKET_MAX,
    MASK_REVISIONS,
    SET_TYPES,
    SetHeader,
    SetType,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import (
    LINENO,
    Options,
    layout,
    split_entries,
    written,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    NLA_F_NET_BYTEORDER,
    MalformedReply,
    attribute,
    attribute_map,
    attributes,
    integer,
    nested,
    text,
    text_of,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.closing import Closing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import (
    NETLINK_NETFILTER,
    NLM_F_CREATE,
    NLM_F_EXCL,
    BatchRefused,
    Message,
    NetlinkSocket,
)

# linux/netfilter/nfnetlink.h: struct nfgenmsg, and the subsystem in a message type's high byte.
NFNL_SUBSYS_IPSET = 6
_NFGEN = struct.Struct("=BBH")
_FAMILIES = {"inet": int(socket.AF_INET), "inet6": int(socket.AF_INET6), "unspec": int(socket.AF_UNSPEC)}
_FAMILY_NAMES = {number: name for name, number in _FAMILIES.items()}

# linux/netfilter/ipset/ip_set.h
IPSET_PROTOCOL = 7
CMD_CREATE, CMD_DESTROY, CMD_RENAME, CMD_SWAP, CMD_LIST, CMD_ADD, CMD_DEL, CMD_TYPE = 2, 3, 5, 6, 7, 9, 10, 13
ATTR_PROTOCOL, ATTR_SETNAME, ATTR_TYPENAME, ATTR_REVISION, ATTR_FAMILY = 1, 2, 3, 4, 5
ATTR_FLAGS, ATTR_DATA, ATTR_ADT, ATTR_LINENO = 6, 7, 8, 9
ATTR_SETNAME2 = ATTR_TYPENAME
IPADDR_IPV4, IPADDR_IPV6 = 1, 2
LIST_HEADER = 1 << 2

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

_BUSY = 4100
_ERRNO_MEANINGS = {
    errno.ENOENT: "there is no such set",
    errno.EEXIST: "a set of that name exists already",
    errno.EPERM: "not permitted: this needs CAP_NET_ADMIN in the namespace",
    errno.ENOMEM: "the kernel has no memory for it: choose a smaller 'hashsize'",
    errno.EBUSY: "somebody lists the set all the time",
    4097: "this kernel speaks another version of the ipset protocol",
    4098: "this kernel has no such set type: run 'modprobe ip_set_TYPE', with '_' for ':' and ','",
    4099: "the kernel holds as many sets as it can",
    _BUSY: "the set is in use: delete the iptables rules and list:set sets that refer to it first",
    4101: "there is no set to change places with",
    4102: "sets of these types cannot change places",
    4103: "the entry is there already, or not there to be deleted",
    4104: "the prefix length does not fit the set",
    4105: "the netmask does not fit the set",
    4106: "the address family does not fit the set",
    4107: "the set has no timeouts",
    4108: "the set is in use",
    4109: "an IPv4 address is wanted",
    4110: "an IPv6 address is wanted",
    4111: "the set has no counters",
    4112: "the set has no comments",
    4113: "the mark's mask is not valid",
    4114: "the set has no skbinfo",
    4115: "a set has either a netmask or a bitmask",
}
#: linux/netfilter/ipset/ip_set_{bitmap,hash,list}.h: numbers that each kind of set, or a type, gives its own meaning.
_TYPE_MEANINGS = {
    ("bitmap", 4352): "it is outside of the set's range",
    ("bitmap", 4353): "the range is too large",
    ("hash", 4352): "the set is full: create it with a larger 'maxelem'",
    # Once a network has 63, the kernel enlarges no bucket of the others (mtype_add in ip_set_hash_gen.h).
    ("hash:net,iface", 4352): "the set is full: create it with a larger 'maxelem', or fewer devices of a network",
    ("hash", 4353): "the entry is a null element",
    ("hash", 4354): "the protocol is not valid",
    ("hash", 4355): "the protocol is missing",
    ("hash", 4357): "the range is not valid",
    ("list", 4352): "no set of that name exists: create it first",
    ("list", 4353): "a list:set cannot hold a list:set",
    ("list", 4354): "the set it shall stand before or after is not said",
    ("list", 4355): "the set it shall stand before or after does not exist",
    ("list", 4356): "the list is full",
    ("list", 4357): "the set it shall stand before or after is not in the list",
}

#: Bytes of entries in one message; an attribute's length is a 16-bit number.
_ENTRY_BYTES = 32768
#: How long to wait for another reader of a set (seconds).
_BUSY_PATIENCE = 3.0


class NoSets(NoSuchPlace):
    """The kernel has no sets: asking for them would have loaded what they take."""

    def __init__(self) -> None:
        super().__init__("this kernel has no sets, or cannot load them: 'modprobe ip_set' says why")


class NoSuchSet(NoSuchPlace):
    """The set that a task names does not exist."""


@dataclass(frozen=True)
class KernelSet:
    """A set as the kernel has it. ``entries`` gives, for the key of each, the rest of its bytes."""

    header: SetHeader
    references: int = 0
    memory: int = 0
    elements: int = 0
    entries: Mapping[bytes, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One step on the set ``header``: create, destroy, add or delete entries; or swap or rename with ``other``."""

    verb: str
    header: SetHeader
    entries: Mapping[bytes, Options] = field(default_factory=dict)
    other: str = ""


class IpSets(Closing):
    """The sets of one network namespace; a context manager.

    Raises:
        NoSuchNamespace: there is no namespace of that name.
    """

    def __init__(self, netns: str | None = None) -> None:
        self._netns = netns
        self._netlink = NetlinkSocket(NETLINK_NETFILTER, netns)

    def close(self) -> None:
        """Close the socket."""
        self._netlink.close()

    def headers(self) -> list[KernelSet]:
        """All sets without their entries."""
        return [decode_set([reply]) for reply in self._list(None, LIST_HEADER)]

    def header(self, name: str) -> KernelSet | None:
        """The set of that name without its entries, or None where there is none."""
        replies = self._list(name, LIST_HEADER)
        return decode_set(replies) if replies else None

    def find(self, name: str) -> KernelSet | None:
        """The set of that name with its entries in the kernel's order, or None where there is none."""
        replies = self._list(name, 0)
        return decode_set(replies) if replies else None

    def required(self, name: str, entries: bool = True) -> KernelSet:
        """The set of that name, with its entries or without.

        Raises:
            NoSuchSet: there is none.
        """
        found = self.find(name) if entries else self.header(name)
        if found is None:
            where = " in network namespace '%s'" % self._netns if self._netns else ""
            raise NoSuchSet("set '%s' does not exist%s: create it first, with linuxnet.ipvs.ipset" % (name, where))
        return found

    def revision(self, header: SetHeader) -> int:
        """The revision in which a set is created: the newest that this kernel and ipset(8) of Debian 12 both know.

        Raises:
            MissingRequirement: this kernel has no such type, or none with the set's options.
        """
        kind = header.kind
        body = text(ATTR_TYPENAME, kind.name) + attribute(ATTR_FAMILY, bytes([_FAMILIES[kind.family]]))
        try:
            (reply,) = self._netlink.request(_message(CMD_TYPE, body))
        except KernelRefused as exc:
            raise _explained(exc, "create set '%s' of type %s" % (header.name, kind.name), kind) from exc
        found = attribute_map(reply[_NFGEN.size :])
        if ATTR_REVISION not in found:
            raise MalformedReply("the kernel does not tell the revision of %s" % kind.name)
        revision = min(integer(found[ATTR_REVISION]), SET_TYPES[kind.name])
        # Before there were bitmasks, only hash:ip had a netmask.
        masks = [option for option in ("netmask", "bitmask") if getattr(header, option) is not None]
        needed = MASK_REVISIONS.get(kind.name, 0)
        if masks and revision < needed and (kind.name != "hash:ip" or header.bitmask is not None):
            raise MissingRequirement(
                "%s: this kernel's %s sets have none (revision %d; Linux 6.2 and later has %d)"
                % (masks[0], kind.name, revision, needed)
            )
        return revision

    def apply(self, operations: Sequence[Operation]) -> None:
        """Carry out operations in their order.

        Raises:
            KernelRefused: the kernel refused one; the text names the set or entry, the reason and the remedy.
        """
        for operation in operations:
            header, name = operation.header, operation.header.name
            if operation.verb == "create":
                action = "create set '%s' of type %s" % (name, header.kind.name)
                self._send(
                    _message(CMD_CREATE, self._description(header), NLM_F_CREATE | NLM_F_EXCL), action, header.kind
                )
            elif operation.verb == "destroy":
                self._send(_message(CMD_DESTROY, text(ATTR_SETNAME, name)), "destroy set '%s'" % name, header.kind)
            elif operation.verb in ("swap", "rename"):
                command = CMD_SWAP if operation.verb == "swap" else CMD_RENAME
                body = text(ATTR_SETNAME, name) + text(ATTR_SETNAME2, operation.other)
                action = "%s set '%s' to '%s'" % (operation.verb, name, operation.other)
                self._send(_message(command, body), action, header.kind)
            else:
                self._change(operation)

    def _description(self, header: SetHeader) -> bytes:
        return (
            text(ATTR_SETNAME, header.name)
            + text(ATTR_TYPENAME, header.kind.name)
            + attribute(ATTR_REVISION, bytes([self.revision(header)]))
            + attribute(ATTR_FAMILY, bytes([_FAMILIES[header.kind.family]]))
            + nested(ATTR_DATA, encode_header(header))
        )

    def _change(self, operation: Operation) -> None:
        """Add or delete entries; one that is there, or gone, already is no error without NLM_F_EXCL."""
        header, entries = operation.header, operation.entries
        command = {"add": CMD_ADD, "delete": CMD_DEL}[operation.verb]
        start = text(ATTR_SETNAME, header.name) + attribute(ATTR_LINENO, struct.pack("=I", 0))
        count, chunks = encode_entries(header.kind, entries)
        try:
            self._netlink.send_all([_message(command, start + chunk) for chunk in chunks])
        except BatchRefused as exc:
            line = attribute_map(exc.reply[_NFGEN.size :]).get(ATTR_LINENO)
            place = exc.index * count + integer(line) - 1 if line else -1
            which = ""
            if 0 <= place < len(entries):
                which = " '%s'" % written(header.kind, *list(entries.items())[place])
            raise _explained(exc, "%s entry%s of set '%s'" % (operation.verb, which, header.name), header.kind) from exc

    def _send(self, message: Message, action: str, kind: SetType) -> None:
        """Send one message; while somebody lists a set, the kernel refuses to destroy or to swap it."""
        deadline = time.monotonic() + _BUSY_PATIENCE
        while True:
            try:
                return self._netlink.send_all([message])
            except BatchRefused as exc:
                if exc.errno not in (errno.EBUSY, _BUSY) or time.monotonic() > deadline:
                    raise _explained(exc, action, kind) from exc
            time.sleep(0.01)

    def _list(self, name: str | None, flags: int) -> list[bytes]:
        """A listing, each message without its nfgenmsg; empty where there is no such set."""
        body = text(ATTR_SETNAME, name) if name is not None else b""
        body += attribute(ATTR_FLAGS | NLA_F_NET_BYTEORDER, struct.pack(">I", flags))
        try:
            return [reply[_NFGEN.size :] for reply in self._netlink.dump(_message(CMD_LIST, body))]
        except KernelRefused as exc:
            if exc.errno == errno.ENOENT:
                return []
            if exc.errno == errno.EINVAL:
                raise NoSets() from exc
            raise


def _message(command: int, body: bytes, flags: int = 0) -> Message:
    header = _NFGEN.pack(socket.AF_INET, 0, 0) + attribute(ATTR_PROTOCOL, bytes([IPSET_PROTOCOL]))
    return Message(NFNL_SUBSYS_IPSET << 8 | command, header + body, flags)


def encode_header(header: SetHeader) -> bytes:
    """The options of a set in a request to create it."""
    packed = []
    for name, (attr, size) in _OPTION_NUMBERS.items():
        number = getattr(header, name)
        if number is not None:
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


def encode_entries(kind: SetType, entries: Mapping[bytes, Options]) -> tuple[int, list[bytes]]:
    """Entries in as few messages as hold them, and how many each message has, but for the last.

    They are numbered from 1 in each message (0 means unnumbered), which a refusal names.
    """
    requests = layout(kind).requests(entries)
    count = _ENTRY_BYTES // (8 + max(map(len, requests), default=0))
    numbers = [struct.pack("=HHI", 8, LINENO, number) for number in range(1, count + 1)]
    return count, [
        nested(ATTR_ADT, *itertools.chain.from_iterable(zip(requests[first : first + count], numbers)))
        for first in range(0, len(requests), count)
    ]


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
                % (text_of(first[ATTR_SETNAME]), kind.name)
            )
        found = decode_header(text_of(first[ATTR_SETNAME]), kind, first[ATTR_DATA])
        listed = [listed for reply in replies for attr, listed in attributes(reply) if attr == ATTR_ADT]
        entries = split_entries(kind, b"".join(listed))
    except (KeyError, ValueError) as exc:
        raise MalformedReply("a set that cannot be read: %r" % exc) from exc
    return KernelSet(**found, entries=entries)


def decode_header(name: str, kind: SetType, data: bytes) -> dict[str, Any]:
    """The fields of :class:`KernelSet` in a listing's first message, but for the entries."""
    found = attribute_map(data)
    options: dict[str, Any] = {}
    own = kind.options()
    for option, (attr, _size) in _OPTION_NUMBERS.items():
        if attr in found and option in own:
            options[option] = integer(found[attr], ">")
    if "bucketsize" in options:  # which the kernel may have enlarged
        options["bucketsize"] = min(options["bucketsize"], BUCKET_MAX)
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


def _explained(exc: KernelRefused, action: str, kind: SetType) -> KernelRefused:
    """The kernel's errno in words that fit the action, and its own words where it has some."""
    own = _TYPE_MEANINGS.get((kind.name, exc.errno)) or _TYPE_MEANINGS.get((kind.method, exc.errno))
    meaning = _ERRNO_MEANINGS.get(exc.errno) or own
    words = "%s (%s)" % (meaning, exc.told) if meaning and exc.told else meaning or exc
    return KernelRefused(exc.errno, "the kernel refused to %s: %s" % (action, words), exc.told)
