# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's sets over nfnetlink (linux/netfilter/ipset/ip_set.h, net/netfilter/ipset/ip_set_core.c)."""

from __future__ import annotations

import errno
import struct
from typing import Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    KernelRefused,
    NoSuchPlace,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.messages import (
    ATTR_FLAGS,
    ATTR_SETNAME,
    CMD_LIST,
    LIST_HEADER,
    NFGEN,
    message,
    name_attribute,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import shown_text
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import (
    KernelSet,
    Operation,
    decode_set,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    NLA_F_NET_BYTEORDER,
    attribute,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.closing import Closing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import (
    NETLINK_NETFILTER,
    NetlinkSocket,
)


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
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sender import Sender

        return Sender(self._netlink, self.header).revision(operation)

    def apply(self, operations: Sequence[Operation]) -> None:
        """Carry out operations in their order.

        Raises:
            KernelRefused: the kernel refused one; the text names the set or entry, the reason and the remedy.
        """
        if operations:
            from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sender import Sender

            Sender(self._netlink, self.header).apply(operations)

    def _list(self, name: str | None, flags: int) -> list[bytes]:
        """A listing, each message without its nfgenmsg; empty where there is no such set."""
        body = name_attribute(ATTR_SETNAME, name) if name is not None else b""
        body += attribute(ATTR_FLAGS | NLA_F_NET_BYTEORDER, struct.pack(">I", flags))
        try:
            return [reply[NFGEN.size :] for reply in self._netlink.dump(message(CMD_LIST, body))]
        except KernelRefused as exc:
            if exc.errno == errno.ENOENT:
                return []
            if exc.errno == errno.EINVAL:
                raise NoSets() from exc
            from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.refusals import explained

            raise explained(exc, "list the sets" if name is None else "list set '%s'" % shown_text(name)) from exc
