# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of sets, sent to the kernel (net/netfilter/ipset/ip_set_core.c).

Entries travel by the hundred in one message (IPSET_ATTR_ADT), as ``ipset restore`` sends them.
"""

from __future__ import annotations

import errno
import struct
import time
from itertools import islice
from typing import Callable, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import KernelRefused, MissingRequirement
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.messages import (
    ATTR_DATA,
    ATTR_FAMILY,
    ATTR_LINENO,
    ATTR_REVISION,
    ATTR_REVISION_MIN,
    ATTR_SETNAME,
    ATTR_SETNAME2,
    ATTR_TYPENAME,
    CMD_ADD,
    CMD_CREATE,
    CMD_DEL,
    CMD_DESTROY,
    CMD_RENAME,
    CMD_SWAP,
    CMD_TYPE,
    NFGEN,
    message,
    name_attribute,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import shown_text
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.refusals import IPSET_ERR_BUSY, explained
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.requests import encode_entries, encode_header
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.revisions import FIRST_KERNELS, beyond, made_in
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import FAMILIES, KernelSet, Operation
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import written
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    MalformedReply,
    attribute,
    attribute_map,
    integer,
    nested,
    text,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    BatchRefused,
    Message,
    NetlinkSocket,
)

#: How long to wait for another reader of a set (seconds).
_BUSY_PATIENCE = 3.0


class Sender:
    """Carries out operations.

    Args:
        netlink: The socket of the sets' namespace.
        header: Gives the set of a name without its entries, or None where there is none.
    """

    def __init__(self, netlink: NetlinkSocket, header: Callable[[str], KernelSet | None]) -> None:
        self._netlink = netlink
        self._header = header

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

    def revision(self, operation: Operation) -> int:
        """The revision in which a set is created: the lowest that this kernel has and that holds it.

        Raises:
            MissingRequirement: this kernel has no such type, or none with the set's options.
        """
        header = operation.header
        kind = header.kind
        body = text(ATTR_TYPENAME, kind.name) + attribute(ATTR_FAMILY, bytes([FAMILIES[kind.family]]))
        try:
            (reply,) = self._netlink.request(message(CMD_TYPE, body))
        except KernelRefused as exc:
            raise explained(exc, "create set '%s' of type %s" % (header.title, kind.name), kind) from exc
        found = attribute_map(reply[NFGEN.size :])
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

    def _message_of(self, operation: Operation) -> tuple[Message, str]:
        """What asks for a step on a whole set, and what that is in words."""
        header = operation.header
        name, action = name_attribute(ATTR_SETNAME, header.name), "%s set '%s'" % (operation.verb, header.title)
        if operation.verb == "create":
            request = message(CMD_CREATE, self._description(operation), NLM_F_CREATE | NLM_F_EXCL)
            return request, "%s of type %s" % (action, header.kind.name)
        if operation.verb == "destroy":
            return message(CMD_DESTROY, name), action
        command = CMD_SWAP if operation.verb == "swap" else CMD_RENAME
        other = name_attribute(ATTR_SETNAME2, operation.other)
        return message(command, name + other), "%s to '%s'" % (action, shown_text(operation.other))

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
                self._netlink.send_all([message(command, start + chunk)])
            except BatchRefused as exc:
                line = attribute_map(exc.reply[NFGEN.size :]).get(ATTR_LINENO)
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
            found = self._header(name)
            return found is not None and not found.references
        return errno_ == errno.EBUSY
