# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A picture as plain text: a tree that fits a terminal of 80 columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture.layout import columns
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture.model import (
    Bridge,
    Host,
    Port,
    Service,
    Serving,
    Tally,
    many,
)

WIDTH = 80
#: What a terminal would obey instead of show.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]")


#: A space at which no line is broken.
_TOGETHER = "\u00a0"
#: What is longer than this many columns may be broken anywhere.
_SHORT = 36


@dataclass
class _Branch:
    text: str
    branches: list[_Branch] = field(default_factory=list)


def render(hosts: Sequence[Host]) -> str:
    """A picture as lines of at most 80 columns, as far as names allow to break them."""
    lines: list[str] = []
    for host in hosts:
        tree = _host(host)
        lines += _broken(_CONTROL.sub("\ufffd", tree.text), "", "")
        lines += _lines(tree.branches, "")
    return "".join(line.replace(_TOGETHER, " ").rstrip() + "\n" for line in lines)


def _lines(branches: Sequence[_Branch], before: str) -> list[str]:
    lines = []
    for number, branch in enumerate(branches, 1):
        last = number == len(branches)
        below = before + ("   " if last else "\u2502  ")
        first = before + ("\u2514\u2500 " if last else "\u251c\u2500 ")
        rest = below + ("\u2502    " if branch.branches else "     ")
        lines += _broken(_CONTROL.sub("\ufffd", branch.text), first, rest)
        lines += _lines(branch.branches, below)
    return lines


def _broken(text: str, first: str, rest: str) -> list[str]:
    """A text as lines, the first and the others behind what stands before them; a long word is cut."""
    lines, line = [], first
    empty = True
    for word in text.split(" "):
        if not empty and columns(line + " " + word) > WIDTH:
            lines.append(line)
            line, empty = rest, True
        if not empty:
            line += " "
        for each in word:
            if columns(line + each) > WIDTH:
                lines.append(line)
                line = rest
            line += each
        empty = False
    return [*lines, line]


def _joined(said: Sequence[str]) -> str:
    """Parts of a line, which is broken between them rather than within."""
    return ", ".join(each.replace(" ", _TOGETHER) if columns(each) <= _SHORT else each for each in said)


def _host(host: Host) -> _Branch:
    branches = [
        _Branch("%s %s" % (device.name, " ".join(device.addresses)) + ("" if device.up else ", down"))
        for device in host.devices
    ]
    branches += [_service(host, service) for service in host.services]
    branches += [_bridge(host, bridge) for bridge in host.bridges]
    branches += [_Branch(_place(host, place)) for place in host.loose]
    few = len(host.sets) <= 3
    shown = [each for each in host.sets if each.entries or few]
    branches += [_Branch("set %s, %s, %s" % (each.name, each.type, many(each.entries, "entry"))) for each in shown]
    if len(host.sets) > len(shown):
        branches.append(_Branch(many(len(host.sets) - len(shown), "empty set")))
    if host.checks:
        worked = Tally(len(host.checks) - len(host.problems), len(host.checks))
        branches.append(
            _Branch(
                "last check: %s worked" % (worked,),
                [
                    _Branch("%s does not reach %s (%s): %s" % (each.client, each.target, each.url, each.problem))
                    for each in host.problems
                ],
            )
        )
    return _Branch(host.name, branches)


def _service(host: Host, service: Service) -> _Branch:
    said = [" ".join(filter(None, [service.tag, service.name, service.scheduler]))]
    if service.device:
        said.append("on %s" % service.device)
    if service.requests is not None:
        said.append(many(service.requests, "request"))
    if service.reached_by is not None:
        said.append("reached by %s" % (service.reached_by,))
    return _Branch(_joined(said), [_Branch(_server(host, Serving(service, each))) for each in service.servers])


def _server(host: Host, serving: Serving) -> str:
    server = serving.server
    said = ["%s %s weight %d" % (server.endpoint, server.method, server.weight)]
    if server.place is not None:
        said.append("in %s" % host.places[server.place].name)
    for number, word in (
        (server.answers, "answer"),
        (server.connections, "connection"),
        (server.packets, "packet"),
    ):
        if number is not None:
            said.append(many(number, word))
    return _joined(said)


def _bridge(host: Host, bridge: Bridge) -> _Branch:
    said = ["%s %s" % (bridge.name, " ".join(bridge.addresses)) if bridge.addresses else bridge.name, "bridge"]
    said += ["in %s" % bridge.inside] if bridge.inside else []
    said += ["promiscuous"] if bridge.promiscuous else []
    said += [] if bridge.up else ["down"]
    return _Branch(_joined(said), [_port(host, port) for port in bridge.ports])


def _port(host: Host, port: Port) -> _Branch:
    said = port.name + (", hairpin" if port.hairpin else "") + ("" if port.up else ", down")
    return _Branch(said if port.place is None else "%s: %s" % (said, _place(host, port.place)))


def _place(host: Host, index: int) -> str:
    place = host.places[index]
    said = [place.name]
    for device in place.devices:
        text = " ".join([device.name, *device.addresses]) + ("" if device.up else ", down")
        said.append(text + (" leads to %s" % device.leads_to if device.leads_to else ""))
    for word, tally in (("reaches", place.reaches), ("reached by", place.reached_by)):
        if tally is not None:
            said.append("%s %s" % (word, tally))
    return _joined(said)
