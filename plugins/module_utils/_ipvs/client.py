# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's IPVS table over generic netlink (family "IPVS", linux/ip_vs.h, net/netfilter/ipvs/ip_vs_ctl.c)."""

from __future__ import annotations

import errno
import os
import struct
import subprocess
from contextlib import contextmanager, suppress
from itertools import chain, islice, repeat
from typing import Iterable, Iterator, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import KernelRefused, NoSuchPlace
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs import codec
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.codec import KernelServers
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import (
    Operation,
    ServerKey,
    Service,
    ServiceKey,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import (
    MalformedReply,
    attribute_map,
    integer,
    text,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.closing import Closing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import (
    NETLINK_GENERIC,
    BatchRefused,
    Message,
    NetlinkSocket,
)

# linux/genetlink.h
GENL_ID_CTRL = 0x10
CTRL_CMD_GETFAMILY = 3
CTRL_ATTR_FAMILY_ID = 1
CTRL_ATTR_FAMILY_NAME = 2

# linux/ip_vs.h
IPVS_GENL_NAME = "IPVS"
IPVS_GENL_VERSION = 1
CMD_NEW_SERVICE, CMD_SET_SERVICE, CMD_DEL_SERVICE, CMD_GET_SERVICE = 1, 2, 3, 4
CMD_NEW_DEST, CMD_SET_DEST, CMD_DEL_DEST, CMD_GET_DEST = 5, 6, 7, 8

_GENL = struct.Struct("=BBH")

Table = Sequence[Tuple[Service, KernelServers]]
#: One without anything in it.
EMPTY_TABLE: Table = ()


class NoIpvs(NoSuchPlace):
    """The kernel has no IPVS, and modprobe(8) could not load it."""

    def __init__(self) -> None:
        super().__init__("this kernel has no IPVS, or cannot load it: 'modprobe ip_vs' says why")


class Ipvs(Closing):
    """The IPVS table of one network namespace; a context manager.

    Raises:
        NoSuchNamespace: there is no namespace of that name.
        NoIpvs: the kernel has no IPVS.
    """

    def __init__(self, netns: str | None = None) -> None:
        self._netlink = NetlinkSocket(NETLINK_GENERIC, netns)
        try:
            try:
                self._family = self._family_number()
            except NoIpvs:  # by itself the kernel loads it since 5.16 only, and on EL not even then
                _load()
                self._family = self._family_number()
        except BaseException:
            self._netlink.close()
            raise

    def close(self) -> None:
        """Close the socket."""
        self._netlink.close()

    def service(self, key: ServiceKey) -> Service | None:
        """The virtual service of that key, or None where there is none."""
        reply = self.service_reply(key)
        return codec.decode_service(codec.inner(reply, codec.ATTR_SERVICE)) if reply else None

    def services(self) -> list[Service]:
        """All virtual services, in an order of our own: the kernel's is that of a hash, and changes as that grows.

        The kernel goes on by position and does not tell when the table changed meanwhile (ip_vs_genl_dump_services()).
        So it is read until two readings agree.

        One of a protocol that ipvsadm(8) cannot name is left out, and so it is left alone.

        Raises:
            LinuxnetError: something else writes the table all the time.
        """
        replies = self._service_replies()
        try:
            found = [codec.decode_service(codec.inner(reply, codec.ATTR_SERVICE)) for reply in replies]
        except MalformedReply:
            named = [reply for reply in replies if codec.is_nameable(reply)]
            found = [codec.decode_service(codec.inner(reply, codec.ATTR_SERVICE)) for reply in named]
        return sorted(found, key=lambda service: service.key.place)

    def real_servers(self, key: ServiceKey) -> KernelServers:
        """The real servers of a virtual service, in the order in which they were added; none for a missing service."""
        return KernelServers(self.server_replies(key), key.family)

    def table(self) -> Table:
        """All virtual services with their real servers."""
        return [(service, self.real_servers(service.key)) for service in self.services()]

    def connections(self, key: ServiceKey) -> dict[ServerKey, dict[str, int]]:
        """How many connections each real server of a virtual service has, by the server's key."""
        return {server.key: counted for server, counted in self.real_servers(key).counted()}

    def ask(self, command: int, body: bytes = b"") -> bytes:
        """What the kernel answers to a request."""
        with _explaining():
            return self._netlink.request(self._message(command, body))[0]

    def listed(self, command: int) -> list[bytes]:
        """What the kernel lists to a request."""
        with _explaining():
            return self._netlink.dump(self._message(command))

    def send(self, requests: Iterable[tuple[int, bytes]]) -> None:
        """Send requests, each a command with its body, in their order.

        Raises:
            BatchRefused: the kernel refused one.
        """
        self._netlink.send_all([self._message(*each) for each in requests])

    def apply(self, operations: Sequence[Operation]) -> None:
        """Carry out operations: those that add and change in their order, and then those that delete in theirs.

        The kernel goes on behind a message that it refuses, so nothing is deleted before it has confirmed all that
        comes in its place.

        Raises:
            KernelRefused: the kernel refused one; the text names it, the reason and the remedy.
            Disturbed: it did because another program has changed the table.
        """
        gains = [operation for operation in operations if operation.verb != "delete"]
        losses = [operation for operation in operations if operation.verb == "delete"]
        for part in filter(None, (gains, losses)):
            try:
                self._netlink.send_all(self._messages(part))
            except BatchRefused as exc:
                done = chain.from_iterable(zip(repeat(operation), operation.each()) for operation in part)
                operation, what = next(islice(done, exc.index, None))
                from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.refusals import explained

                raise explained(exc, operation, what) from exc

    def _messages(self, operations: Iterable[Operation]) -> list[Message]:
        """One message for each thing that is done (:meth:`Operation.each`)."""
        bodies: list[bytes] = []
        for verb, service, servers in operations:
            if servers is not None:
                head = _SERVER_VERBS[verb] + codec.encode_key(service.key)
                bodies += [head + body for body in codec.encode_servers(servers)]
            elif verb == "delete":
                bodies.append(_SERVICE_VERBS[verb] + codec.encode_key(service.key))
            else:
                bodies.append(_SERVICE_VERBS[verb] + codec.encode_service(service))
        return [Message(self._family, body) for body in bodies]

    def service_reply(self, key: ServiceKey) -> bytes | None:
        """What the kernel tells of a virtual service, or None where there is none."""
        try:
            return self.ask(CMD_GET_SERVICE, codec.encode_key(key))
        except KernelRefused as exc:
            if exc.errno == errno.ESRCH:
                return None
            raise

    def _service_replies(self) -> Sequence[bytes]:
        with _explaining():
            return self._netlink.dump_agreeing(self._message(CMD_GET_SERVICE), codec.KEY_OF_SERVICE, at_least=2)

    def server_replies(self, key: ServiceKey) -> Sequence[bytes]:
        """What the kernel tells of each real server of a virtual service."""
        try:
            ask = Message(self._family, _GET_SERVERS + codec.encode_key(key))
            return self._netlink.dump_agreeing(ask, codec.KEY_OF_SERVER)
        except KernelRefused as exc:  # thousands of these are read, so nothing is set up for each
            from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.refusals import explained_request

            raise explained_request(exc) from exc

    def _message(self, command: int, body: bytes = b"") -> Message:
        return Message(self._family, _head(command) + body)

    def _family_number(self) -> int:
        ask = _GENL.pack(CTRL_CMD_GETFAMILY, 1, 0) + text(CTRL_ATTR_FAMILY_NAME, IPVS_GENL_NAME)
        try:
            (reply,) = self._netlink.request(Message(GENL_ID_CTRL, ask))
        except KernelRefused as exc:
            if exc.errno == errno.ENOENT:
                raise NoIpvs() from exc
            raise
        try:
            return integer(attribute_map(reply[_GENL.size :])[CTRL_ATTR_FAMILY_ID])
        except KeyError as exc:
            raise MalformedReply("the kernel's answer for the family IPVS has no number") from exc


@contextmanager
def _explaining() -> Iterator[None]:
    """Say what a refusal to tell something means."""
    try:
        yield
    except KernelRefused as exc:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.refusals import explained_request

        raise explained_request(exc) from exc


def _load() -> None:
    """Load the module, as ipvsadm does; whether that has worked shows when the kernel is asked once more."""
    with suppress(OSError):
        subprocess.run(
            ["modprobe", "--quiet", "ip_vs"],
            env=dict(os.environ, PATH="/usr/sbin:/sbin:/usr/bin:/bin"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )


def _head(command: int) -> bytes:
    """What a message begins with."""
    return _GENL.pack(command, IPVS_GENL_VERSION, 0)


#: What those messages begin with of which there are many.
_GET_SERVERS = _head(CMD_GET_DEST)
_SERVICE_VERBS = {"add": _head(CMD_NEW_SERVICE), "set": _head(CMD_SET_SERVICE), "delete": _head(CMD_DEL_SERVICE)}
_SERVER_VERBS = {"add": _head(CMD_NEW_DEST), "set": _head(CMD_SET_DEST), "delete": _head(CMD_DEL_DEST)}
