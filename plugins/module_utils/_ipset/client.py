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
from itertools import islice
from typing import Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    KernelRefused,
    MissingRequirement,
    NoSuchPlace,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import name_attribute
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import shown_text
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.refusals import IPSET_ERR_BUSY, explained
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.revisions import FIRST_KERNELS, beyond, made_in
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import (
    ATTR_DATA,
    ATTR_FAMILY,
    ATTR_FLAGS,
    ATTR_LINENO,
    ATTR_PROTOCOL,
    ATTR_REVISION,
    ATTR_REVISION_MIN,
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
#: The version of the protocol. Kernels before 5.0 know no other, and later ones still take it (IPSET_PROTOCOL_MIN):
#: what 7 adds, sets by number, is not asked for here.
IPSET_PROTOCOL = 6
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

    def lists(self) -> list[KernelSet]:
        """All sets of sets, with their entries."""
        names = [each.header.name for each in self.headers() if each.header.kind.method == "list"]
        return [found for found in map(self.find, names) if found]

    def required(self, name: str, entries: bool = True) -> KernelSet:
        """The set of that name, with its entries or without.

        Raises:
            NoSuchSet: there is none.
        """
        found = self.find(name) if entries else self.header(name)
        if found is None:
            where = " in network namespace '%s'" % self._netns if self._netns else ""
            raise NoSuchSet(
                "set '%s' does not exist%s: create it first, with linuxnet.ipvs.ipset" % (shown_text(name), where)
            )
        return found

    def revision(self, operation: Operation) -> int:
        """The revision in which a set is created: the lowest that this kernel has and that holds it.

        Raises:
            MissingRequirement: this kernel has no such type, or none with the set's options.
        """
        header = operation.header
        kind = header.kind
        body = text(ATTR_TYPENAME, kind.name) + attribute(ATTR_FAMILY, bytes([FAMILIES[kind.family]]))
        try:
            (reply,) = self._netlink.request(_message(CMD_TYPE, body))
        except KernelRefused as exc:
            raise explained(exc, "create set '%s' of type %s" % (header.title, kind.name), kind) from exc
        found = attribute_map(reply[_NFGEN.size :])
        if ATTR_REVISION not in found or ATTR_REVISION_MIN not in found:
            raise MalformedReply("the kernel does not tell the revisions of %s" % kind.name)
        oldest, newest = integer(found[ATTR_REVISION_MIN]), integer(found[ATTR_REVISION])
        option = beyond(header, newest) if operation.revision > newest else ""
        if option:
            raise MissingRequirement(
                "%s: this kernel's %s sets have none, Linux %s and later has: leave the option out"
                % (option, kind.name, FIRST_KERNELS[option])
            )
        return made_in(header, operation.revision, oldest, newest)

    def apply(self, operations: Sequence[Operation]) -> None:
        """Carry out operations in their order.

        Raises:
            KernelRefused: the kernel refused one; the text names the set or entry, the reason and the remedy.
        """
        for operation in operations:
            if operation.verb in ("add", "delete"):
                self._change(operation)
            else:
                self._send(operation)

    def _message_of(self, operation: Operation) -> tuple[Message, str]:
        """What asks for a step on a whole set, and what that is in words."""
        header = operation.header
        name, action = name_attribute(ATTR_SETNAME, header.name), "%s set '%s'" % (operation.verb, header.title)
        if operation.verb == "create":
            request = _message(CMD_CREATE, self._description(operation), NLM_F_CREATE | NLM_F_EXCL)
            return request, "%s of type %s" % (action, header.kind.name)
        if operation.verb == "destroy":
            return _message(CMD_DESTROY, name), action
        command = CMD_SWAP if operation.verb == "swap" else CMD_RENAME
        other = name_attribute(ATTR_SETNAME2, operation.other)
        return _message(command, name + other), "%s to '%s'" % (action, shown_text(operation.other))

    def _description(self, operation: Operation) -> bytes:
        header = operation.header
        return (
            name_attribute(ATTR_SETNAME, header.name)
            + text(ATTR_TYPENAME, header.kind.name)
            + attribute(ATTR_REVISION, bytes([self.revision(operation)]))
            + attribute(ATTR_FAMILY, bytes([FAMILIES[header.kind.family]]))
            + nested(ATTR_DATA, encode_header(header))
        )

    def _change(self, operation: Operation) -> None:
        """Add or delete entries; one that is there, or gone, already is no error without NLM_F_EXCL."""
        header, entries = operation.header, operation.entries
        command = {"add": CMD_ADD, "delete": CMD_DEL}[operation.verb]
        start = name_attribute(ATTR_SETNAME, header.name) + attribute(ATTR_LINENO, struct.pack("=I", 0))
        sent = 0
        for count, chunk in encode_entries(header.kind, entries):
            try:
                self._netlink.send_all([_message(command, start + chunk)])
            except BatchRefused as exc:
                line = attribute_map(exc.reply[_NFGEN.size :]).get(ATTR_LINENO)
                place = sent + integer(line) - 1 if line else -1
                which = ""
                if 0 <= place < len(entries):
                    which = " '%s'" % written(header.kind, *next(islice(entries.items(), place, None)))
                action = "%s entry%s of set '%s'" % (operation.verb, which, header.title)
                raise explained(exc, action, header.kind) from exc
            sent += count

    def _send(self, operation: Operation) -> None:
        """Carry out one step; while somebody lists a set, the kernel refuses to destroy or to swap it."""
        message, action = self._message_of(operation)
        deadline = time.monotonic() + _BUSY_PATIENCE
        while True:
            try:
                return self._netlink.send_all([message])
            except BatchRefused as exc:
                if time.monotonic() > deadline or not self._only_listed(exc.errno, operation.header.name):
                    raise explained(exc, action, operation.header.kind) from exc
            time.sleep(0.01)

    def _only_listed(self, errno_: int, name: str) -> bool:
        """Whether a set is busy since somebody lists it, and not since a rule or a set refers to it."""
        if errno_ == IPSET_ERR_BUSY:
            found = self.header(name)
            return found is not None and not found.references
        return errno_ == errno.EBUSY

    def _list(self, name: str | None, flags: int) -> list[bytes]:
        """A listing, each message without its nfgenmsg; empty where there is no such set."""
        body = name_attribute(ATTR_SETNAME, name) if name is not None else b""
        body += attribute(ATTR_FLAGS | NLA_F_NET_BYTEORDER, struct.pack(">I", flags))
        try:
            return [reply[_NFGEN.size :] for reply in self._netlink.dump(_message(CMD_LIST, body))]
        except KernelRefused as exc:
            if exc.errno == errno.ENOENT:
                return []
            if exc.errno == errno.EINVAL:
                raise NoSets() from exc
            raise explained(exc, "list the sets" if name is None else "list set '%s'" % shown_text(name)) from exc


def _message(command: int, body: bytes, flags: int = 0) -> Message:
    header = _NFGEN.pack(socket.AF_INET, 0, 0) + attribute(ATTR_PROTOCOL, bytes([IPSET_PROTOCOL]))
    return Message(NFNL_SUBSYS_IPSET << 8 | command, header + body, flags)
