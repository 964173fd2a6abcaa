# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's sets over nfnetlink (linux/netfilter/ipset/ip_set.h, net/netfilter/ipset/ip_set_core.c).

Entries travel by the hundred in one message (IPSET_ATTR_ADT), as ``ipset restore`` sends them.
"""

from __future__ import annotations

import errno
import socket
import struct
import time
from typing import Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    KernelRefused,
    MissingRequirement,
    NoSuchPlace,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.refusals import IPSET_ERR_BUSY, explained
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import (
    ATTR_DATA,
    ATTR_FAMILY,
    ATTR_FLAGS,
    ATTR_LINENO,
    ATTR_PROTOCOL,
    ATTR_REVISION,
    ATTR_SETNAME,
    ATTR_SETNAME2,
    ATTR_TYPENAME,
    FAMILIES,
    KernelSet,
    Operation,
    decode_set,
    encode_entries,
    encode_header,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import (
    MASK_REVISIONS,
    SET_TYPES,
    SetHeader,
    SetType,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import written
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    NLA_F_NET_BYTEORDER,
    MalformedReply,
    attribute,
    attribute_map,
    integer,
    nested,
    text,
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

# linux/netfilter/ipset/ip_set.h
IPSET_PROTOCOL = 7
CMD_CREATE, CMD_DESTROY, CMD_RENAME, CMD_SWAP, CMD_LIST, CMD_ADD, CMD_DEL, CMD_TYPE = 2, 3, 5, 6, 7, 9, 10, 13
IPADDR_IPV4, IPADDR_IPV6 = 1, 2
LIST_HEADER = 1 << 2

#: How long to wait for another reader of a set (seconds).
_BUSY_PATIENCE = 3.0


class NoSets(NoSuchPlace):
    """The kernel has no sets: asking for them would have loaded what they take."""

    def __init__(self) -> None:
        super().__init__("this kernel has no sets, or cannot load them: 'modprobe ip_set' says why")


class NoSuchSet(NoSuchPlace):
    """The set that a task names does not exist."""


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
        body = text(ATTR_TYPENAME, kind.name) + attribute(ATTR_FAMILY, bytes([FAMILIES[kind.family]]))
        try:
            (reply,) = self._netlink.request(_message(CMD_TYPE, body))
        except KernelRefused as exc:
            raise explained(exc, "create set '%s' of type %s" % (header.name, kind.name), kind) from exc
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
            + attribute(ATTR_FAMILY, bytes([FAMILIES[header.kind.family]]))
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
            raise explained(exc, "%s entry%s of set '%s'" % (operation.verb, which, header.name), header.kind) from exc

    def _send(self, message: Message, action: str, kind: SetType) -> None:
        """Send one message; while somebody lists a set, the kernel refuses to destroy or to swap it."""
        deadline = time.monotonic() + _BUSY_PATIENCE
        while True:
            try:
                return self._netlink.send_all([message])
            except BatchRefused as exc:
                if exc.errno not in (errno.EBUSY, IPSET_ERR_BUSY) or time.monotonic() > deadline:
                    raise explained(exc, action, kind) from exc
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
