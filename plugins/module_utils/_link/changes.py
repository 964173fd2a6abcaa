# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operations on links, addresses and routes, put to the kernel."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import contextmanager
from itertools import groupby
from typing import Any, Callable, Iterable, Iterator, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    KernelRefused,
    MissingRequirement,
    errno_text,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import (
    NLM_F_CREATE,
    NLM_F_REPLACE,
    BatchRefused,
    Message,
    NetlinkSocket,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import path_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.client import Links, where
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.messages import (
    IFF_PROMISC,
    IFF_UP,
    RTM_NEWADDR,
    address_on,
    link_of,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import (
    AddDevice,
    AddPair,
    DeleteAddress,
    DeleteDevice,
    DeleteRoute,
    MoveDevice,
    Operation,
    RenameDevice,
    RestoreRoute,
    SetAddress,
    SetDevice,
    SetHairpin,
    SetMaster,
    SetRoute,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.route_messages import (
    RTM_DELROUTE,
    RTM_NEWROUTE,
    RTNH_F_ONLINK,
    requested,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.rtnetlink import NETLINK_ROUTE
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import NO_NETFILTER, Netns

#: linux/rtnetlink.h
_RTPROT_BOOT = 3
_RT_SCOPE_UNIVERSE = 0
_RT_SCOPE_LINK = 253

#: What a device vanishing, or a route or an address gone with another, answers: the wanted state is reached.
_GONE = {
    DeleteDevice: (errno.ENODEV,),
    DeleteAddress: (errno.EADDRNOTAVAIL, errno.ENODEV),
    DeleteRoute: (errno.ESRCH, errno.ENODEV),
    RestoreRoute: (errno.EEXIST,),
}


class Changes:
    """Carries out operations by the sockets of a client."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._indexes: dict[tuple[Netns, str], int] = {}

    def apply(self, operations: Iterable[Operation]) -> None:
        """Carry out operations one after the other.

        Raises:
            KernelRefused: with the operation, the namespace and the kernel's own words.
        """
        for place, alike in groupby(operations, _device_addressed):
            if place is not None:
                self._set_addresses([operation for operation in alike if isinstance(operation, SetAddress)])
                continue
            for operation in alike:
                with self._refusals(operation):
                    _HOW[type(operation)](self, operation)

    def _add_device(self, operation: AddDevice) -> None:
        flag = IFF_UP if operation.up else 0
        self._links.socket(operation.netns).link(
            "add", ifname=operation.name, kind=operation.kind, flags=flag, change=IFF_UP
        )

    def _add_pair(self, operation: AddPair) -> None:
        target = os.open(_path(operation.peer_netns), os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._links.socket(operation.netns).link(
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
        self._links.socket(operation.netns).link("del", index=self._index(operation.netns, operation.name))
        self._indexes.clear()

    def _set_device(self, operation: SetDevice) -> None:
        known = ((IFF_UP, operation.up), (IFF_PROMISC, operation.promiscuous))
        change = sum(bit for bit, wanted in known if wanted is not None)
        index, switches = self._index(operation.netns, operation.name), operation.netfilter
        self._links.socket(operation.netns).link(
            "set",
            index=index,
            flags=sum(bit for bit, wanted in known if wanted),
            change=change,
            **_without_none(mtu=operation.mtu, kind="bridge" if switches else None),
            **{"br_" + name: int(on) for name, on in switches.items()},
        )
        if switches:  # a kernel without CONFIG_BRIDGE_NETFILTER takes them without a word
            (now,) = map(link_of, self._links.socket(operation.netns).get_links(index))
            if any(bool(getattr(now, name)) is not on for name, on in switches.items()):
                raise MissingRequirement("cannot %s%s: %s" % (operation, where(operation.netns), NO_NETFILTER))

    def _set_master(self, operation: SetMaster) -> None:
        master = 0 if operation.bridge is None else self._index(operation.netns, operation.bridge)
        self._links.socket(operation.netns).link(
            "set", index=self._index(operation.netns, operation.name), master=master
        )

    def _set_hairpin(self, operation: SetHairpin) -> None:
        self._links.socket(operation.netns).link(
            "set", index=self._index(operation.netns, operation.name), kind="bridge_slave", mode=int(operation.on)
        )

    def _move_device(self, operation: MoveDevice) -> None:
        target = os.open(_path(operation.to_netns), os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._links.socket(operation.netns).link(
                "set",
                index=self._index(operation.netns, operation.name),
                net_ns_fd=target,
                ifname=operation.to_name,
            )
        finally:
            os.close(target)
        self._indexes.clear()

    def _rename_device(self, operation: RenameDevice) -> None:
        ip = self._links.socket(operation.netns)
        index = self._index(operation.netns, operation.name)
        ip.link("set", index=index, flags=0, change=IFF_UP)
        ip.link("set", index=index, ifname=operation.to_name)
        self._indexes.clear()

    def _set_addresses(self, operations: Sequence[SetAddress]) -> None:
        """Set addresses of one device; thousands are some datagrams, where the library needs a request for each."""
        netns = operations[0].netns
        with self._refusals(operations[0]):
            index = self._index(netns, operations[0].name)
        requests = [address_on(index, operation.interface) for operation in operations]
        try:
            with NetlinkSocket(NETLINK_ROUTE, netns) as netlink:
                netlink.send_all([Message(RTM_NEWADDR, each, NLM_F_CREATE | NLM_F_REPLACE) for each in requests])
        except BatchRefused as exc:
            with self._refusals(operations[exc.index]):
                raise

    def _delete_address(self, operation: DeleteAddress) -> None:
        self._links.socket(operation.netns).addr(
            "del",
            index=self._index(operation.netns, operation.name),
            family=_family(operation.interface),
            address=str(operation.interface.ip),
            prefixlen=operation.interface.network.prefixlen,
        )

    def _set_route(self, operation: SetRoute) -> None:
        self._links.socket(operation.netns).route(
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

    def _is_still_there(self, operation: Operation) -> bool:
        """Whether what the kernel says is not there is there all the same: it was asked for in other words then."""
        if isinstance(operation, DeleteRoute):
            return operation.route in self._links.snapshot(operation.netns, routes=True).routes
        if isinstance(operation, DeleteAddress):
            here = self._links.snapshot(operation.netns)
            link = here.link(operation.name)
            return link is not None and operation.interface in here.addresses_on(link)
        return False

    @contextmanager
    def _refusals(self, operation: Operation) -> Iterator[None]:
        try:
            yield
        except self._links.pyroute2.NetlinkError as exc:
            if exc.code in _GONE.get(type(operation), ()) and not self._is_still_there(operation):
                return
            raise _refusal(operation, exc.code, str(exc.args[-1])) from exc
        except KernelRefused as exc:
            if exc.errno in _GONE.get(type(operation), ()) and not self._is_still_there(operation):
                return
            raise _refusal(operation, exc.errno, exc.told or os.strerror(exc.errno)) from exc
        except OSError as exc:
            raise _refusal(operation, exc.errno or 0, exc.strerror or str(exc)) from exc

    def _index(self, netns: Netns, name: str) -> int:
        key = (netns, name)
        if key not in self._indexes:
            found = list(self._links.socket(netns).link("get", ifname=name))
            self._indexes[key] = found[0]["index"]
        return self._indexes[key]


#: What carries out an operation, by the operation's type.
_HOW: dict[type, Callable[[Changes, Any], None]] = {
    AddDevice: Changes._add_device,
    AddPair: Changes._add_pair,
    DeleteDevice: Changes._delete_device,
    SetDevice: Changes._set_device,
    SetMaster: Changes._set_master,
    SetHairpin: Changes._set_hairpin,
    MoveDevice: Changes._move_device,
    RenameDevice: Changes._rename_device,
    DeleteAddress: Changes._delete_address,
    SetRoute: Changes._set_route,
    RestoreRoute: Changes._restore_route,
    DeleteRoute: Changes._delete_route,
}


def _device_addressed(operation: Operation) -> tuple[Netns, str] | None:
    """The device of which an operation sets an address."""
    return (operation.netns, operation.name) if isinstance(operation, SetAddress) else None


def _refusal(operation: Operation, code: int, words: str) -> KernelRefused:
    remedy = _remedy(operation, code)
    text = "cannot %s%s: %s (%s)" % (operation, where(operation.netns), words, errno_text(code))
    return KernelRefused(code, text + (": " + remedy if remedy else ""))


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
