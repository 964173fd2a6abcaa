# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A picture as a Mermaid flowchart, which GitHub and GitLab draw in Markdown. Mermaid lays it out by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture.model import Host, Serving, many


def render(hosts: Sequence[Host]) -> str:
    """A picture as the text of a Mermaid flowchart."""
    lines = ["flowchart TB"]
    for number, host in enumerate(hosts):
        lines += _host(host, "h%d" % number)
    return "".join(line + "\n" for line in lines)


def quoted(*lines: str) -> str:
    """Lines of text as one label. What is neither a letter, a digit nor plain punctuation becomes an entity code."""
    return '"%s"' % "<br>".join("".join(map(_coded, line)) for line in lines if line)


def _coded(sign: str) -> str:
    if sign.isalnum() or sign in " .,:/-_[]()+":
        return sign
    # What Mermaid cannot show stays visible.
    return "#%d;" % ord(sign) if sign.isprintable() else "#65533;"


def _host(host: Host, name: str) -> Iterator[str]:
    yield "  subgraph %s[%s]" % (name, quoted(host.name))
    if host.clients:
        shown = host.clients if len(host.clients) <= 4 else (*host.clients[:2], "%d more" % (len(host.clients) - 2))
        worked = "%d/%d worked" % (len(host.checks) - len(host.problems), len(host.checks))
        yield "    %s_clients([%s])" % (name, quoted("the last check from", ", ".join(shown), worked))
    for number, service in enumerate(host.services):
        title = " ".join(filter(None, [service.tag, service.name]))
        device = "on %s" % service.device if service.device else ""
        yield "    %s_s%d{{%s}}" % (name, number, quoted(title, service.scheduler, device))
        if service.requests is not None:
            failed = service.reached_by is not None and not service.reached_by.complete
            yield _link(
                "%s_clients" % name, "%s_s%d" % (name, number), many(service.requests, "request"), failed=failed
            )
    for number, bridge in enumerate(host.bridges):
        traits = ", ".join(filter(None, ["bridge", "promiscuous" if bridge.promiscuous else ""]))
        inside = "in %s" % bridge.inside if bridge.inside else ""
        yield "    %s_b%d[/%s\\]" % (name, number, quoted(bridge.name, inside, *bridge.addresses, traits))
    for number, place in enumerate(host.places):
        devices = [" ".join([device.name, *device.addresses]) for device in place.devices]
        said = [
            "%s %d/%d" % (word, *tally)
            for word, tally in (("reaches", place.reaches), ("reached by", place.reached_by))
            if tally is not None
        ]
        yield "    %s_p%d[%s]" % (name, number, quoted(place.name, *devices, ", ".join(said)))
    yield from _elsewhere(host, name)
    for number, bridge in enumerate(host.bridges):
        for order, port in enumerate(bridge.ports):
            text = quoted(port.name, "hairpin" if port.hairpin else "")
            if port.place is None:
                yield "    %s_b%d_%d[%s]" % (name, number, order, text)
                yield "    %s_b%d --- %s_b%d_%d" % (name, number, name, number, order)
            else:
                yield "    %s_b%d ---|%s| %s_p%d" % (name, number, text, name, port.place)
    for number, service in enumerate(host.services):
        for server in service.servers:
            if server.place is not None:
                yield _link(
                    "%s_s%d" % (name, number), "%s_p%d" % (name, server.place), *_carried(Serving(service, server))
                )
    yield "  end"


def _elsewhere(host: Host, name: str) -> Iterator[str]:
    """Real servers outside of all namespaces, each once."""
    numbers: dict[str, int] = {}
    for number, service in enumerate(host.services):
        for server in service.servers:
            if server.place is None:
                if server.endpoint not in numbers:
                    numbers[server.endpoint] = len(numbers)
                    yield "    %s_r%d[%s]" % (name, numbers[server.endpoint], quoted(server.endpoint))
                target = "%s_r%d" % (name, numbers[server.endpoint])
                yield _link("%s_s%d" % (name, number), target, *_carried(Serving(service, server)))


def _carried(serving: Serving) -> tuple[str, ...]:
    server = serving.server
    said = ["%s weight %d" % (server.port, server.weight)]
    for number, word in ((server.answers, "answer"), (server.connections, "connection")):
        if number is not None:
            said.append(many(number, word))
    return tuple(said)


def _link(source: str, target: str, *label: str, failed: bool = False) -> str:
    return "    %s %s|%s| %s" % (source, "-.->" if failed else "==>", quoted(*label), target)
