# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's links, addresses and routes, read over rtnetlink (rtnetlink(7)) in any namespace."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Iterator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    KernelRefused,
    LinuxnetError,
    errno_text,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel import pyroute2 as _pyroute2
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.closing import Closing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import (
    DUMP_ATTEMPTS,
    Message,
    NetlinkSocket,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import identity, inside
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.messages import (
    ALL_ADDRESSES,
    RTM_GETADDR,
    address_of,
    link_of,
    vlan_of,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.rtnetlink import NETLINK_ROUTE
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import Netns, Snapshot

if TYPE_CHECKING:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.route_messages import RouteMessage

#: linux/net_namespace.h: NETNSA_NSID_NOT_ASSIGNED (-1), which pyroute2 reads without its sign.
_NSID_NOT_ASSIGNED = 0xFFFFFFFF

#: How many namespaces' sockets are open at once. A bridge has up to 1,023 ports with as many namespaces behind them,
#: and a process mostly has 1,024 descriptors, of which each socket of the library's takes several.
_SOCKETS_AT_MOST = 16


class Links(Closing):
    """One process's way to the rtnetlink of any number of namespaces; a context manager that closes them all.

    Each namespace is entered once, to open its socket: a socket stays in the namespace it was opened in. What reads
    raises :class:`LinuxnetError` where the system refuses; the library is looked for by the first of it.
    """

    def __init__(self) -> None:
        self._sockets: dict[Netns, Any] = {}
        self._spellings: dict[tuple[int, int] | str, Netns] = {}
        self.same(None)

    def close(self) -> None:
        """Close all sockets."""
        for opened in self._sockets.values():
            opened.close()
        self._sockets.clear()

    def load(self) -> _pyroute2.Library:
        """Import the library, and give it.

        Raises:
            NotInstalled: it is not there.
            MissingRequirement: it is too old, or cannot be imported.
        """
        return self.pyroute2

    def same(self, netns: Netns) -> Netns:
        """The first spelling under which a namespace was met, so that two spellings of one compare as equal."""
        found = identity(netns)
        return self._spellings.setdefault(found if found is not None else str(netns), netns)

    def snapshot(self, netns: Netns, routes: bool = False) -> Snapshot:
        """Read what a namespace holds.

        Raises:
            NotInstalled: there is no pyroute2.
            NoSuchNamespace: there is none of that name.
            LinuxnetError: it cannot be read.
        """
        return Snapshot(
            links=tuple(map(link_of, self.dump(netns, "get_links"))),
            addresses=tuple(filter(None, map(address_of, self.replies(netns, RTM_GETADDR, ALL_ADDRESSES)))),
            routes=tuple(each.read() for each in self.routes(netns) if each.in_main) if routes else (),
        )

    def vlans(self, netns: Netns) -> dict[int, int]:
        """The VLAN that each bridge port has for untagged frames, by its index; 0 for none."""
        return {message["index"]: vlan_of(message) for message in self.dump(netns, "get_vlans")}

    def number_known(self, netns: Netns, path: str) -> int | None:
        """The number by which a namespace knows another one (RTM_GETNSID), ``None`` where it has none."""
        try:
            target = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            answer = self.socket(netns).get_netnsid(fd=target) or {}
        except self.pyroute2.NetlinkError:
            return None  # what was opened is no namespace: its name has just been taken away, or made
        finally:
            os.close(target)
        number = int(answer.get("nsid", _NSID_NOT_ASSIGNED))
        return None if number == _NSID_NOT_ASSIGNED else number

    def release(self, netns: Netns) -> None:
        """Close the socket in a namespace: each takes several file descriptors, and a machine may have many."""
        opened = self._sockets.pop(netns, None)
        if opened is not None:
            opened.close()

    # Sockets, names and errors.

    @cached_property
    def pyroute2(self) -> _pyroute2.Library:
        """The library, imported when it is first asked for."""
        return _pyroute2.load()

    def socket(self, netns: Netns) -> Any:
        """The library's socket in a namespace."""
        opened = self._sockets.pop(netns, None)
        if opened is None:
            while len(self._sockets) >= _SOCKETS_AT_MOST:
                self.release(next(iter(self._sockets)))
            with inside(netns), self._troubles("open a netlink socket", netns):
                opened = self.pyroute2.IPRoute(ext_ack=True)
        self._sockets[netns] = opened  # the last one used is the last one
        return opened

    def dump(self, netns: Netns, request: str, **options: Any) -> list[Any]:
        """What a request of pyroute2's for many things gives; if other changes interrupted it, it is made again."""
        ask = getattr(self.socket(netns), request)
        with self._troubles("read links, addresses and routes", netns):
            for _attempt in range(DUMP_ATTEMPTS - 1):
                with suppress(self.pyroute2.NetlinkDumpInterrupted):
                    return list(ask(**options))
            return list(ask(**options))

    def replies(self, netns: Netns, kind: int, request: bytes) -> list[bytes]:
        """All addresses, routes or neighbours that a request asks for, as the kernel tells them."""
        with NetlinkSocket(NETLINK_ROUTE, netns) as netlink:
            return netlink.dump(Message(kind, request))

    def routes(self, netns: Netns) -> Iterator[RouteMessage]:
        """The routes of all tables."""
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.route_messages import (
            RTM_GETROUTE,
            all_routes,
            route_message,
        )

        for family in (socket.AF_INET, socket.AF_INET6):
            found = filter(None, map(route_message, self.replies(netns, RTM_GETROUTE, all_routes(family))))
            # A kernel without IPv6 answers the request for its routes with those of all families.
            yield from (route for route in found if route.family == family)

    @contextmanager
    def _troubles(self, action: str, netns: Netns) -> Iterator[None]:
        """Say in an error of the collection what the system, or the library, could not do."""
        library = self.pyroute2
        try:
            yield
        except library.NetlinkDumpInterrupted as exc:
            words = "they changed during each of %d readings: something else is changing them all the time"
            raise LinuxnetError("cannot %s%s: %s" % (action, where(netns), words % DUMP_ATTEMPTS)) from exc
        except library.NetlinkError as exc:
            text = "cannot %s%s: %s (%s)" % (action, where(netns), exc.args[-1], errno_text(exc.code))
            raise KernelRefused(exc.code, text) from exc
        except OSError as exc:
            text = "cannot %s%s: %s (%s)" % (action, where(netns), exc.strerror or exc, errno_text(exc.errno or 0))
            raise LinuxnetError(text) from exc


def where(netns: Netns) -> str:
    """A namespace, as an error names it."""
    return "" if netns is None else " in network namespace '%s'" % netns
