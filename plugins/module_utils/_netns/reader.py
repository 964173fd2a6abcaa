# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading all namespaces of a machine, named or not, while others come and go."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import Any, Callable, Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence, TypeVar

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import LinuxnetError, MissingRequirement
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.closing import Closing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import ETC_DIR, identity, inside, path_of
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.client import Links
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.rtnetlink import Rtnetlink
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import Link, Netns
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.names import named, spelled
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.sysctls import SysctlPath
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.view import (
    Identity,
    Namespace,
    bridge_options,
    dns_options,
    find_peers,
    link_options,
    numbers_without_peers,
    route_options,
)

_OWN = "/proc/thread-self/ns/net"
#: How many namespaces are asked by which number they know another, before that one is simply read.
_ASKED_AT_MOST = 16

Answer = TypeVar("Answer")


class Process(NamedTuple):
    """A process and the name of its command."""

    pid: int
    command: str


class Location(NamedTuple):
    """Where a namespace is found: how modules spell it, and its name if it has one."""

    netns: Netns
    name: Optional[str]

    @property
    def path(self) -> str:
        return _OWN if self.netns is None else path_of(self.netns)

    @classmethod
    def called(cls, name: str) -> Location:
        """A named one."""
        return cls(spelled(name), name)


def inhabitants() -> dict[Identity, list[Process]]:
    """The processes of every namespace. Those that end meanwhile, or may not be looked at, are left out."""
    found: dict[Identity, list[Process]] = {}
    for pid in sorted(int(entry) for entry in os.listdir("/proc") if entry.isdigit()):
        there = identity("/proc/%d/ns/net" % pid)
        if there is not None:
            found.setdefault(there, []).append(Process(pid, _text("/proc/%d/comm" % pid).strip()))
    return found


class Reader(Closing):
    """Reads namespaces as they are seen from one of them; a context manager."""

    def __init__(self, links: Links, reference: Netns) -> None:
        self._links = links
        self._processes = inhabitants()
        self._numbers: dict[tuple[Identity, Identity], int | None] = {}
        # The namespace that was asked last: its socket is kept, since the next question often is to the same.
        self._asked: tuple[Identity, Rtnetlink] | None = None
        found = self._read(Location(reference, None))
        if found is None:
            # Raises what is wrong with the name.
            with inside(reference):
                raise MissingRequirement("cannot read network namespace '%s'" % reference)
        self._reference = found

    def close(self) -> None:
        """Close the socket that is kept."""
        if self._asked is not None:
            self._asked[1].close()
            self._asked = None

    def namespaces(
        self,
        patterns: Sequence[str] | None,
        *,
        reference: bool,
        unnamed: bool,
        sysctls: Iterable[tuple[str, SysctlPath]],
    ) -> list[dict[str, Any]]:
        """The namespaces whose names match one of the patterns (``None`` for all), with what they hold."""
        names = named()
        chosen = [name for name in names if patterns is None or any(fnmatchcase(name, each) for each in patterns)]
        wanted = list(self._read_all(map(Location.called, chosen)))
        others = [name for name in names if name not in set(chosen)]
        by_identity = {namespace.identity: namespace.name for namespace in wanted}
        if unnamed:
            wanted += self._read_all(self._unnamed(names))
        if reference:
            name = by_identity.get(self._reference.identity)
            wanted = [
                self._reference._replace(name=name),
                *(each for each in wanted if each.identity != self._reference.identity),
            ]
        peers = self._peers(wanted, others, names)
        keys = tuple(sysctls)
        result = []
        for each in wanted:
            result.append(
                dict(
                    name=each.name,
                    netns=each.netns,
                    path=each.path,
                    id=self._knows(self._reference, each),
                    device=each.identity[0],
                    inode=each.identity[1],
                    dns=dns_options(_resolv_conf(each.name)),
                    sysctl=self._sysctls(each, keys),
                    links=link_options(each, peers),
                    routes=route_options(each.snapshot),
                    bridges=bridge_options(each, peers),
                    processes=[process._asdict() for process in self._processes.get(each.identity, ())],
                )
            )
        return result

    def _peers(self, wanted: list[Namespace], others: list[str], names: list[str]) -> dict[Any, Any]:
        """The far ends, looked for where they most likely are: among the wanted, then the named, then the rest."""
        known = [self._reference, *(each for each in wanted if each.identity != self._reference.identity)]
        found = find_peers(wanted, known, self._knows, self._sees)
        for locations in (map(Location.called, others), self._unnamed(names)):
            missing = numbers_without_peers(wanted, found)
            if not missing:
                break
            known += self._read_all(self._likely(missing, locations, {each.identity for each in known}))
            found = find_peers(wanted, known, self._knows, self._sees)
        return found

    def _likely(
        self, missing: Mapping[Identity, tuple[Namespace, set[int]]], locations: Iterable[Location], seen: set[Identity]
    ) -> list[Location]:
        """The locations, not seen yet, that may be those to which the missing numbers belong.

        To ask for a number takes one message, and to read a namespace takes many: so who misses something is asked
        about all the locations, unless too many do.
        """
        found = ((location, identity(location.netns)) for location in locations)
        unseen = [(location, there) for location, there in found if there and there not in seen]
        if len(missing) > _ASKED_AT_MOST:
            return [location for location, _there in unseen]
        likely = {
            location
            for here, numbers in missing.values()
            for location, there in unseen
            if self._number(here, location.path, there) in numbers
        }
        return [location for location, _there in unseen if location in likely]

    def _unnamed(self, names: Iterable[str]) -> Iterator[Location]:
        """Namespaces that processes alone keep alive, each by the process that has the lowest number."""
        seen = {self._reference.identity, *(identity(spelled(name)) for name in names)}
        for there, processes in self._processes.items():
            if there not in seen:
                yield Location("/proc/%d/ns/net" % processes[0].pid, None)

    def _read_all(self, locations: Iterable[Location]) -> Iterator[Namespace]:
        for location in locations:
            found = self._read(location)
            if found is not None:
                yield found

    def _read(self, location: Location) -> Namespace | None:
        """What a namespace holds, ``None`` where it is gone by now."""
        there = identity(location.netns)
        if there is None:
            return None
        try:
            snapshot = self._links.snapshot(location.netns, routes=True)
        except (LinuxnetError, OSError):
            if identity(location.netns) == there:
                raise
            return None
        finally:
            self._links.release(location.netns)
        return Namespace(location.netns, location.name, location.path, there, snapshot)

    def _knows(self, here: Namespace, there: Namespace) -> int | None:
        return self._number(here, there.path, there.identity)

    def _number(self, here: Namespace, path: str, there: Identity) -> int | None:
        """The number by which a namespace that was read knows another one, ``None`` where it has none."""
        key = (here.identity, there)
        if key not in self._numbers:
            self._numbers[key] = self._ask(here, lambda asked: asked.number_known(path))
        return self._numbers[key]

    def _sees(self, here: Namespace, link: Link) -> tuple[str, str] | None:
        return self._ask(here, lambda asked: asked.device_beyond(link.peer_nsid or 0, link.peer_index))

    def _ask(self, here: Namespace, question: Callable[[Rtnetlink], Answer | None]) -> Answer | None:
        """The answer of a namespace, ``None`` where that, or what was asked for, is gone."""
        try:
            if self._asked is None or self._asked[0] != here.identity:
                self.close()
                self._asked = (here.identity, Rtnetlink(here.netns))
            return question(self._asked[1])
        except (LinuxnetError, OSError):
            return None

    @staticmethod
    def _sysctls(namespace: Namespace, keys: Sequence[tuple[str, SysctlPath]]) -> dict[str, str | None]:
        if not keys:
            return {}
        try:
            with inside(namespace.netns):
                return {key: " ".join(_text(os.path.join("/proc/sys", *path)).split()) or None for key, path in keys}
        except (LinuxnetError, OSError):
            return {}


def _resolv_conf(name: str | None) -> str | None:
    path = os.path.join(ETC_DIR, name or "", "resolv.conf")
    return _text(path) if name and os.path.isfile(path) else None


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
