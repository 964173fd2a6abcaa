# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What web servers in namespaces mean for systemd and for the supervisor of hosts without it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PORT = 8080
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
#: What fits into the name of a unit of systemd without more escapes than the template makes.
_NETNS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:+-]*")
#: ``systemd 252 (252.39-1~deb12u1)``
_VERSION = re.compile(r"systemd ([0-9]+)")

Server = Mapping[str, Any]


@dataclass(frozen=True)
class Units:
    """How systemd knows the servers: their common name, where their units are, and what they are made of."""

    group: str
    folder: str
    python: str
    template: str

    def name(self, server: Server) -> str:
        return "%s-%s.service" % (self.group, server["name"])

    def sum(self, server: Server) -> str:
        """What a unit is made of, as a sum that it carries: so a look at what runs tells whether it is this one."""
        return _sum(json.dumps([self.template, self.python, server], sort_keys=True))

    def right(self, server: Server) -> set[str]:
        """The lines of a look at a service that runs as it should, its process's own environment among them."""
        made_from = "MADE_FROM=" + self.sum(server)
        return {
            "ActiveState=active",
            "Environment=" + made_from,
            made_from,
            "FragmentPath=%s/%s" % (self.folder, self.name(server)),
            "NeedDaemonReload=no",
        }


def problems(servers: Sequence[Server], group: str) -> Iterator[str]:
    """Why servers cannot be meant, in words."""
    names = [str(server["name"]) for server in servers]
    for name in (group, *names):
        if not _NAME.fullmatch(name):
            yield "'%s' cannot be a server's or the group's name: up to 64 letters, digits, or any of '_.-'" % name
    for server in servers:
        if not 1 <= int(server.get("port", PORT)) <= 65535:
            yield "port %s of '%s' is not a number from 1 to 65535" % (server["port"], server["name"])
        if "netns" in server and not _NETNS.fullmatch(str(server["netns"])):
            yield ("'%s' cannot be a namespace's name: letters, digits, '_', and further on '.@:+-'" % server["netns"])
    if len(set(names)) < len(names):
        yield "two servers have the same name"


def wrong(servers: Sequence[Server], units: Units, lines: Sequence[str]) -> list[Server]:
    """The servers that do not run, or not as they should, from what ``systemctl show`` printed of their units.

    Each has the sum that its unit shall carry, ``made_from``.
    """
    services: dict[str, set[str]] = {}
    for block in "\n".join(lines).split("\n\n"):
        shown = set(block.split("\n"))
        services.update({line[len("Id=") :]: shown for line in shown if line.startswith("Id=")})
    return [
        {**server, "made_from": units.sum(server)}
        for server in servers
        if units.right(server) - services.get(units.name(server), set())
    ]


def systemd_version(lines: Sequence[str]) -> int | None:
    """The version of systemd, None where it does not run."""
    found = (_VERSION.match(line) for line in lines)
    return next((int(match.group(1)) for match in found if match), None)


def supervised(servers: Sequence[Server], program: str) -> list[dict[str, Any]]:
    """The servers for the supervisor, with every option filled in; each knows from which program it was made."""
    made_from = _sum(program)
    return [
        {
            "name": server["name"],
            "netns": server.get("netns", ""),
            "port": int(server.get("port", PORT)),
            "address": server.get("address", ""),
            "content": server.get("content", "%s\n" % server["name"]),
            "made_from": made_from,
        }
        for server in servers
    ]


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
