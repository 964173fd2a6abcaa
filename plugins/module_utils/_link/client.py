# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's links, addresses and routes, read and changed over rtnetlink (rtnetlink(7)) in any namespace."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any, Callable, Iterable, Iterator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    KernelRefused,
    LinuxnetError,
    MissingRequirement,
    errno_text,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address, Network
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel import pyroute2 as _pyroute2
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.closing import Closing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import (
    DUMP_ATTEMPTS,
    NLM_F_CREATE,
    Message,
    NetlinkSocket,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import identity, inside, path_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.messages import (
    IFF_PROMISC,
    IFF_UP,
    RTM_DELROUTE,
    RTM_GETADDR,
    RTM_GETNEIGH,
    RTM_GETROUTE,
    RTM_NEWROUTE,
    RTN_LOCAL,
    RTNH_F_ONLINK,
    Neighbour,
    RouteMessage,
    address_of,
    dump_of,
    link_of,
    neighbour_of,
    requested,
    route_message,
    route_to,
    vlan_of,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.rtnetlink import NETLINK_ROUTE
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import (
    NO_NETFILTER,
    AddDevice,
    AddPair,
    DeleteAddress,
    DeleteDevice,
    DeleteRoute,
    Link,
    MoveDevice,
    Netns,
    Operation,
    RenameDevice,
    RestoreRoute,
    SetAddress,
    SetDevice,
    SetHairpin,
    SetMaster,
    SetRoute,
    Snapshot,
)

#: linux/if_addr.h: no duplicate address detection, so that an IPv6 address is usable at once.
_IFA_F_NODAD = 0x02
#: linux/rtnetlink.h
_RTPROT_BOOT = 3
_RT_SCOPE_UNIVERSE = 0
_RT_SCOPE_LINK = 253
#: linux/socket.h: the family of a bridge's own tables.
_AF_BRIDGE = 7
#: linux/net_namespace.h: NETNSA_NSID_NOT_ASSIGNED (-1), which pyroute2 reads without its sign.
_NSID_NOT_ASSIGNED = 0xFFFFFFFF

#: How many namespaces' sockets are open at once. A bridge has up to 1,023 ports with as many namespaces behind them,
#: and a process mostly has 1,024 descriptors, of which each socket of the library's takes several.
_SOCKETS_AT_MOST = 16

#: What a device vanishing, or a route or an address gone with another, answers: the wanted state is reached.
_GONE = {
    DeleteDevice: (errno.ENODEV,),
    DeleteAddress: (errno.EADDRNOTAVAIL, errno.ENODEV),
    DeleteRoute: (errno.ESRCH, errno.ENODEV),
    RestoreRoute: (errno.EEXIST,),
}


class Links(Closing):
    """One process's way to the rtnetlink of any number of namespaces; a context manager that closes them all.

    Each namespace is entered once, to open its socket: a socket stays in the namespace it was opened in. What reads
    raises :class:`LinuxnetError` where the system refuses; the library is looked for by the first of it.
    """

    def __init__(self) -> None:
        self._sockets: dict[Netns, Any] = {}
        self._indexes: dict[tuple[Netns, str], int] = {}
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
        return self._library

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
            links=tuple(map(link_of, self._dump(netns, "get_links"))),
            addresses=tuple(filter(None, map(address_of, self._replies(netns, RTM_GETADDR, socket.AF_UNSPEC)))),
            routes=tuple(each.read() for each in self._routes(netns) if each.in_main) if routes else (),
        )

    def neighbours(self, netns: Netns) -> dict[tuple[int, Address], str]:
        """The hardware address of each neighbour that the kernel knows, by the device's index and the address."""
        return {
            (each.device, each.address): each.hardware
            for family in (socket.AF_INET, socket.AF_INET6)
            for each in self._neighbours(netns, family)
            if each.address is not None
        }

    def learned(self, netns: Netns) -> dict[tuple[int, str], int]:
        """The port behind which a bridge has learned a hardware address: by the bridge's index and that address."""
        return {
            (each.master, each.hardware): each.device
            for each in self._neighbours(netns, _AF_BRIDGE)
            if each.master and each.device != each.master
        }

    def ways(
        self, netns: Netns, links: Iterable[Link], addresses: Iterable[Address]
    ) -> dict[Address, tuple[str, Address | None, bool]]:
        """How the kernel sends to addresses: device, router, and whether to itself; without those it has no way to."""
        names = {link.index: link.name for link in links}
        found = {}
        with NetlinkSocket(NETLINK_ROUTE, netns) as netlink:
            for address in addresses:
                with suppress(KernelRefused):  # the kernel has no way to it
                    (reply,) = netlink.request(Message(RTM_GETROUTE, route_to(address)))
                    answer = route_message(reply)
                    if answer is not None:
                        route = answer.read()
                        found[address] = names.get(route.index, ""), route.via, answer.kind == RTN_LOCAL
        return found

    def destinations(self, netns: Netns) -> dict[Network, bool]:
        """The destinations of the routes of all tables, and whether the kernel delivers each to itself."""
        found: dict[Network, bool] = {}
        for route in self._routes(netns):
            found[route.to] = found.get(route.to, False) or route.kind == RTN_LOCAL
        return found

    def has_policies(self, netns: Netns) -> bool:
        """Whether rules of policy routing choose tables by more than a destination (beside local, main and default)."""
        rules = [
            message
            for family in (socket.AF_INET, socket.AF_INET6)
            for message in self._dump(netns, "get_rules", family=family)
        ]
        return any(message.get_attr("FRA_TABLE") not in (253, 254, 255) for message in rules)

    def vlans(self, netns: Netns) -> dict[int, int]:
        """The VLAN that each bridge port has for untagged frames, by its index; 0 for none."""
        return {message["index"]: vlan_of(message) for message in self._dump(netns, "get_vlans")}

    def number_known(self, netns: Netns, path: str) -> int | None:
        """The number by which a namespace knows another one (RTM_GETNSID), ``None`` where it has none."""
        try:
            target = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            answer = self._socket(netns).get_netnsid(fd=target) or {}
        except self._library.NetlinkError:
            return None  # what was opened is no namespace: its name has just been taken away, or made
        finally:
            os.close(target)
        number = int(answer.get("nsid", _NSID_NOT_ASSIGNED))
        return None if number == _NSID_NOT_ASSIGNED else number

    def tagged_only(self, netns: Netns, links: Iterable[Link]) -> frozenset[str]:
        """The bridge ports that drop frames without a VLAN tag: their bridge filters VLANs, and they have no PVID."""
        links = tuple(links)
        filtering = {link.index for link in links if link.filters_vlans}
        ports = [link for link in links if link.master in filtering]
        vlans = self.vlans(netns) if ports else {}
        return frozenset(link.name for link in ports if not vlans.get(link.index))

    def release(self, netns: Netns) -> None:
        """Close the socket in a namespace: each takes several file descriptors, and a machine may have many."""
        opened = self._sockets.pop(netns, None)
        if opened is not None:
            opened.close()

    def apply(self, operations: Iterable[Operation]) -> None:
        """Carry out operations one after the other.

        Raises:
            KernelRefused: with the operation, the namespace and the kernel's own words.
        """
        for operation in operations:
            with self._refusals(operation):
                _HOW[type(operation)](self, operation)

    # How each operation is put to the kernel.

    def _add_device(self, operation: AddDevice) -> None:
        flag = IFF_UP if operation.up else 0
        self._socket(operation.netns).link("add", ifname=operation.name, kind=operation.kind, flags=flag, change=IFF_UP)

    def _add_pair(self, operation: AddPair) -> None:
        target = os.open(_path(operation.peer_netns), os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._socket(operation.netns).link(
                "add",
                ifname=operation.name,
                kind="veth",
                master=self._index(operation.netns, operation.bridge),
                flags=IFF_UP,
                change=IFF_UP,
                peer=_without_none(ifname=operation.peer_name, net_ns_fd=target, mtu=operation.peer_mtu),
                **_without_none(mtu=operation.mtu),
            )
        finally:
            os.close(target)

    def _delete_device(self, operation: DeleteDevice) -> None:
        self._socket(operation.netns).link("del", index=self._index(operation.netns, operation.name))
        self._indexes.clear()

    def _set_device(self, operation: SetDevice) -> None:
        known = ((IFF_UP, operation.up), (IFF_PROMISC, operation.promiscuous))
        change = sum(bit for bit, wanted in known if wanted is not None)
        index, switches = self._index(operation.netns, operation.name), operation.netfilter
        self._socket(operation.netns).link(
            "set",
            index=index,
            flags=sum(bit for bit, wanted in known if wanted),
            change=change,
            **_without_none(mtu=operation.mtu, kind="bridge" if switches else None),
            **{"br_" + name: int(on) for name, on in switches.items()},
        )
        if switches:  # a kernel without CONFIG_BRIDGE_NETFILTER takes them without a word
            (now,) = map(link_of, self._socket(operation.netns).get_links(index))
            if any(bool(getattr(now, name)) is not on for name, on in switches.items()):
                raise MissingRequirement("cannot %s%s: %s" % (operation, _where(operation.netns), NO_NETFILTER))

    def _set_master(self, operation: SetMaster) -> None:
        master = 0 if operation.bridge is None else self._index(operation.netns, operation.bridge)
        self._socket(operation.netns).link("set", index=self._index(operation.netns, operation.name), master=master)

    def _set_hairpin(self, operation: SetHairpin) -> None:
        self._socket(operation.netns).link(
            "set", index=self._index(operation.netns, operation.name), kind="bridge_slave", mode=int(operation.on)
        )

    def _move_device(self, operation: MoveDevice) -> None:
        target = os.open(_path(operation.to_netns), os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._socket(operation.netns).link(
                "set",
                index=self._index(operation.netns, operation.name),
                net_ns_fd=target,
                ifname=operation.to_name,
            )
        finally:
            os.close(target)
        self._indexes.clear()

    def _rename_device(self, operation: RenameDevice) -> None:
        ip = self._socket(operation.netns)
        index = self._index(operation.netns, operation.name)
        ip.link("set", index=index, flags=0, change=IFF_UP)
        ip.link("set", index=index, ifname=operation.to_name)
        self._indexes.clear()

    def _set_address(self, operation: SetAddress) -> None:
        extra = dict(flags=_IFA_F_NODAD) if operation.interface.version == 6 else {}
        self._address("replace", operation, **extra)

    def _delete_address(self, operation: DeleteAddress) -> None:
        self._address("del", operation)

    def _address(self, verb: str, operation: SetAddress | DeleteAddress, **extra: int) -> None:
        self._socket(operation.netns).addr(
            verb,
            index=self._index(operation.netns, operation.name),
            family=_family(operation.interface),
            address=str(operation.interface.ip),
            prefixlen=operation.interface.network.prefixlen,
            **extra,
        )

    def _set_route(self, operation: SetRoute) -> None:
        self._socket(operation.netns).route(
            # Only IPv6 has others of the same destination and metric here, of router advertisements, which stay.
            "replace" if operation.replace else "append",
            family=_family(operation.to),
            dst=str(operation.to.network_address),
            dst_len=operation.to.prefixlen,
            oif=self._index(operation.netns, operation.name),
            proto=_RTPROT_BOOT,
            scope=_RT_SCOPE_UNIVERSE if operation.via else _RT_SCOPE_LINK,
            flags=RTNH_F_ONLINK if operation.onlink else 0,
            **_without_none(gateway=str(operation.via) if operation.via else None, priority=operation.metric or None),
        )

    def _restore_route(self, operation: RestoreRoute) -> None:
        self._ask_for_route(operation, RTM_NEWROUTE, NLM_F_CREATE)

    def _delete_route(self, operation: DeleteRoute) -> None:
        self._ask_for_route(operation, RTM_DELROUTE, 0)

    def _ask_for_route(self, operation: RestoreRoute | DeleteRoute, kind: int, flags: int) -> None:
        """Send the kernel its own message of a route again: no library has words for all of its attributes."""
        with NetlinkSocket(NETLINK_ROUTE, operation.netns) as netlink:
            netlink.request(Message(kind, requested(operation.route.message), flags))

    # Sockets, names and errors.

    @cached_property
    def _library(self) -> _pyroute2.Library:
        return _pyroute2.load()

    def _socket(self, netns: Netns) -> Any:
        opened = self._sockets.pop(netns, None)
        if opened is None:
            while len(self._sockets) >= _SOCKETS_AT_MOST:
                self.release(next(iter(self._sockets)))
            with inside(netns), self._troubles("open a netlink socket", netns):
                opened = self._library.IPRoute(ext_ack=True)
        self._sockets[netns] = opened  # the last one used is the last one
        return opened

    def _index(self, netns: Netns, name: str) -> int:
        key = (netns, name)
        if key not in self._indexes:
            found = list(self._socket(netns).link("get", ifname=name))
            self._indexes[key] = found[0]["index"]
        return self._indexes[key]

    def _dump(self, netns: Netns, request: str, **options: Any) -> list[Any]:
        """What a request of pyroute2's for many things gives; if other changes interrupted it, it is made again."""
        ask = getattr(self._socket(netns), request)
        with self._troubles("read links, addresses and routes", netns):
            for _attempt in range(DUMP_ATTEMPTS - 1):
                with suppress(self._library.NetlinkDumpInterrupted):
                    return list(ask(**options))
            return list(ask(**options))

    def _replies(self, netns: Netns, kind: int, family: int) -> list[bytes]:
        """All addresses, routes or neighbours, as the kernel tells them."""
        with NetlinkSocket(NETLINK_ROUTE, netns) as netlink:
            return netlink.dump(Message(kind, dump_of(kind, family)))

    def _routes(self, netns: Netns) -> Iterator[RouteMessage]:
        """The routes of all tables."""
        for family in (socket.AF_INET, socket.AF_INET6):
            found = filter(None, map(route_message, self._replies(netns, RTM_GETROUTE, family)))
            # A kernel without IPv6 answers the request for its routes with those of all families.
            yield from (route for route in found if route.family == family)

    def _neighbours(self, netns: Netns, family: int) -> Iterator[Neighbour]:
        found = filter(None, map(neighbour_of, self._replies(netns, RTM_GETNEIGH, family)))
        return (neighbour for neighbour in found if neighbour.family == family)

    @contextmanager
    def _troubles(self, action: str, netns: Netns) -> Iterator[None]:
        """Say in an error of the collection what the system, or the library, could not do."""
        library = self._library
        try:
            yield
        except library.NetlinkDumpInterrupted as exc:
            words = "they changed during each of %d readings: something else is changing them all the time"
            raise LinuxnetError("cannot %s%s: %s" % (action, _where(netns), words % DUMP_ATTEMPTS)) from exc
        except library.NetlinkError as exc:
            text = "cannot %s%s: %s (%s)" % (action, _where(netns), exc.args[-1], errno_text(exc.code))
            raise KernelRefused(exc.code, text) from exc
        except OSError as exc:
            text = "cannot %s%s: %s (%s)" % (action, _where(netns), exc.strerror or exc, errno_text(exc.errno or 0))
            raise LinuxnetError(text) from exc

    def _is_still_there(self, operation: Operation) -> bool:
        """Whether what the kernel says is not there is there all the same: it was asked for in other words then."""
        if isinstance(operation, DeleteRoute):
            return operation.route in self.snapshot(operation.netns, routes=True).routes
        if isinstance(operation, DeleteAddress):
            here = self.snapshot(operation.netns)
            link = here.link(operation.name)
            return link is not None and operation.interface in here.addresses_on(link)
        return False

    @contextmanager
    def _refusals(self, operation: Operation) -> Iterator[None]:
        try:
            yield
        except self._library.NetlinkError as exc:
            if exc.code in _GONE.get(type(operation), ()) and not self._is_still_there(operation):
                return
            raise _refusal(operation, exc.code, str(exc.args[-1])) from exc
        except KernelRefused as exc:
            if exc.errno in _GONE.get(type(operation), ()) and not self._is_still_there(operation):
                return
            raise _refusal(operation, exc.errno, exc.told or os.strerror(exc.errno)) from exc
        except OSError as exc:
            raise _refusal(operation, exc.errno or 0, exc.strerror or str(exc)) from exc


#: Any method of the client that takes an operation, by the operation's type.
_HOW: dict[type, Callable[[Links, Any], None]] = {
    AddDevice: Links._add_device,
    AddPair: Links._add_pair,
    DeleteDevice: Links._delete_device,
    SetDevice: Links._set_device,
    SetMaster: Links._set_master,
    SetHairpin: Links._set_hairpin,
    MoveDevice: Links._move_device,
    RenameDevice: Links._rename_device,
    SetAddress: Links._set_address,
    DeleteAddress: Links._delete_address,
    SetRoute: Links._set_route,
    RestoreRoute: Links._restore_route,
    DeleteRoute: Links._delete_route,
}


def _refusal(operation: Operation, code: int, words: str) -> KernelRefused:
    remedy = _remedy(operation, code)
    text = "cannot %s%s: %s (%s)" % (operation, _where(operation.netns), words, errno_text(code))
    return KernelRefused(code, text + (": " + remedy if remedy else ""))


def _where(netns: Netns) -> str:
    return "" if netns is None else " in network namespace '%s'" % netns


def _remedy(operation: Operation, code: int) -> str:
    """What an errno means for an operation, where the kernel's own words do not say."""
    if code == errno.EOPNOTSUPP and isinstance(operation, (AddDevice, AddPair)):
        kind = operation.kind if isinstance(operation, AddDevice) else "veth"
        return "this kernel has no %s devices, or their module is not loaded: modprobe %s" % (kind, kind)
    if code == errno.EACCES and isinstance(operation, SetAddress):
        return "IPv6 is switched off: set the sysctl net.ipv6.conf.%s.disable_ipv6 to 0" % operation.name
    if code in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EINVAL) and isinstance(operation, SetRoute):
        return "the gateway has to be in the subnet of one of the device's addresses, and not be one of them"
    if code == errno.EPERM:
        return "the process lacks CAP_NET_ADMIN in that namespace"
    return ""


def _path(netns: Netns) -> str:
    return "/proc/thread-self/ns/net" if netns is None else path_of(netns)


def _family(value: Any) -> int:
    return socket.AF_INET if value.version == 4 else socket.AF_INET6


def _without_none(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
