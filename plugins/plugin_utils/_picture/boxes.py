# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the boxes of a picture say, and which of them stand in which: hosts, bridges, ports, namespaces, services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture.layout import (
    GAP,
    INSET,
    PADDING,
    THICK,
    THIN,
    Box,
    Edge,
    Form,
    Link,
    Part,
    Text,
    alone,
    box,
    columns,
    framed,
    laid_out,
    require_library,
    rows,
    stack,
    wrapped,
)
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture.model import (
    Bridge,
    Device,
    Host,
    Namespace,
    Port,
    Service,
    Serving,
    Tally,
    many,
)

#: How many sets that hold something a host's box names.
_SETS_SHOWN = 9


def arrange(hosts: Sequence[Host], form: Form) -> Part:
    """Lay out a whole picture.

    Args:
        hosts: What to draw.
        form: ``WIDE`` or ``NARROW``.

    Raises:
        NoLayout: graphlay cannot be imported.
    """
    require_library()
    return stack([_host(host, form) for host in hosts], [])


def _host(host: Host, form: Form) -> Part:
    parts: list[Part] = []
    links: list[Link] = []
    clients = services = None
    most = _most(host)
    if host.clients:
        clients = len(parts)
        parts.append(alone(_clients(host, form)))
    if host.services:
        services = len(parts)
        parts.append(_services(host, form))
        requests = [service.requests for service in host.services if service.requests is not None]
        if clients is not None and requests:
            failed = any(service.reached_by and not service.reached_by.complete for service in host.services)
            links.append(Link(clients, services, _traffic(sum(requests), "request", failed, 1.0)))
    for part, serving in _behind(host, form, most):
        parts.append(part)
        if services is not None and serving:
            links.append(Link(services, len(parts) - 1, _share(serving, most)))
    header = wrapped(host.name, "name", form.widest)
    for device in host.devices[:6]:
        header += wrapped("%s %s" % (device.name, " ".join(device.addresses)), "code", form.widest)
    if len(host.devices) > 6:
        header.append(Text("and %s" % many(len(host.devices) - 6, "more device"), "small"))
    if host.sets:
        shown = [each for each in host.sets if each.entries][:_SETS_SHOWN] or host.sets[:3]
        listed = ", ".join("%s (%s)" % (each.name, many(each.entries, "entry")) for each in shown)
        more = " and %d more" % (len(host.sets) - len(shown)) if len(host.sets) > len(shown) else ""
        header += wrapped("%s %s%s" % ("set" if len(host.sets) == 1 else "sets", listed, more), "small", form.widest)
    return framed("host", header, stack(parts, links), form.margin)


def _behind(host: Host, form: Form, most: int) -> Iterator[tuple[Part, list[Serving]]]:
    """What virtual services lead to, each with the real servers that are in it."""
    for bridge in host.bridges:
        places = [port.place for port in bridge.ports if port.place is not None]
        yield _bridge(host, bridge, form, most), [each for place in places for each in host.serving(place)]
    if host.loose:
        boxes = [alone(_place(host, place, form)) for place in host.loose]
        yield rows(boxes, form), [each for place in host.loose for each in host.serving(place)]
    elsewhere = host.serving(None)
    if elsewhere:
        yield _elsewhere(elsewhere, form), elsewhere


def _clients(host: Host, form: Form) -> Box:
    shown = ", ".join(host.clients[:4])
    if len(host.clients) > 4:
        shown = ", ".join(host.clients[:2]) + " and %d more" % (len(host.clients) - 2)
    lines = [Text("the last check asked from", "small"), *wrapped(shown, "name", form.widest)]
    worked = Tally(len(host.checks) - len(host.problems), len(host.checks))
    lines.append(_judged("%s worked" % (worked,), worked))
    return box("clients", lines, centred=True)


def _services(host: Host, form: Form) -> Part:
    boxes = [alone(_service(service, form)) for service in host.services]
    if len(boxes) == 1:
        return boxes[0]
    return framed("services", [Text("virtual services", "small")], rows(boxes, form), 12)


def _service(service: Service, form: Form) -> Box:
    lines = wrapped(_tagged(service, service.name), "name", form.longest + 6)
    lines += wrapped(", ".join(filter(None, [service.scheduler, service.methods])), "code", form.longest + 6)
    if service.device:
        lines.append(Text("on %s" % service.device))
    if not service.servers:
        lines.append(Text("no real server", "bad"))
    if service.reached_by is not None:
        lines.append(_judged("reached by %s" % (service.reached_by,), service.reached_by))
    return box("service", lines, centred=True)


def _bridge(host: Host, bridge: Bridge, form: Form, most: int) -> Part:
    """A bridge: a frame around its ports, and the namespaces that these lead to beside it."""
    header = _bridge_header(bridge, form)
    ports = [_port(port) for port in bridge.ports]
    title = max(line.width for line in header) + 2 * PADDING - 2 * INSET
    if not ports:
        return framed("bridge", header, Part(title, 0), PADDING)
    both = form.sides > 1 and len(ports) > 1
    width = max([each.width for each in ports] + [(title - GAP) / 2 if both else title])
    places = {port.place: _place(host, port.place, form) for port in bridge.ports if port.place is not None}
    widest = max((each.width for each in places.values()), default=0)
    nodes: list[Part] = []
    links: list[Link] = []
    ranks: dict[int, int] = {}
    last = 0
    for number, (port, drawn) in enumerate(zip(bridge.ports, ports)):
        left = both and number % 2 == 0
        here = len(nodes)
        nodes.append(alone(replace(drawn, width=width)))
        # The namespaces on the left come before their ports.
        ranks[here] = (1 if left else 2) if both else 0
        if both and not left:
            links.append(Link(last, here))
        last = here
        if port.place is not None:
            nodes.append(alone(replace(places[port.place], width=widest)))
            edge = _wire(host, port.place, form, most)
            there = here + 1
            links.append(Link(there, here, edge, backwards=True) if left else Link(here, there, edge))
    part = laid_out(nodes, links, "leftright", ranks=ranks, layer_gap=GAP if both else 2 * GAP)
    return _around_ports(part, header)


def _around_ports(part: Part, header: Sequence[Text]) -> Part:
    """Draw the frame of a bridge, as high as what its ports lead to."""
    ports = [each for each in part.boxes if each.kind == "port"]
    top = min(min(each.y for each in ports) - sum(line.height for line in header) - PADDING - 4, 0)
    bottom = max(max(each.y + each.height for each in ports) + INSET, part.height)
    left = min(each.x for each in ports) - INSET
    right = max(each.x + each.width for each in ports) + INSET
    frame = Box("bridge", tuple(header), right - left, bottom - top, left, top, frame=True, centred=True)
    outer_left, outer_right = min(left, 0), max(right, part.width)
    width = outer_right - outer_left
    moved = replace(part, boxes=(frame, *part.boxes)).moved(-outer_left, -top)
    return replace(moved, width=width, height=bottom - top, door=((left + right) / 2 - outer_left) / width)


def _bridge_header(bridge: Bridge, form: Form) -> list[Text]:
    header = wrapped(bridge.name, "name", form.longest - 4)
    if bridge.inside:
        header += wrapped("in %s" % bridge.inside, "small", form.longest - 4)
    for address in bridge.addresses:
        header += wrapped(address, "code", form.longest - 4)
    traits = ["bridge", "promiscuous" if bridge.promiscuous else "", "" if bridge.up else "down"]
    return header + wrapped(", ".join(filter(None, traits)), "small", form.longest - 4)


def _port(port: Port) -> Box:
    said = ", ".join(filter(None, ["hairpin" if port.hairpin else "", "" if port.up else "down"]))
    return box("port", [Text(port.name), *([Text(said, "small")] if said else [])], centred=True)


def _wire(host: Host, index: int, form: Form, most: int) -> Edge:
    """The veth pair of a namespace, with what went through it."""
    place = host.places[index]
    edge = _share(host.serving(index), most, place.direct)
    reached_by = place.reached_by
    if reached_by is not None and not reached_by.complete:
        edge = replace(edge, kind="failed", width=THIN + 1)
    return edge if form.labelled else replace(edge, label="")


def _place(host: Host, index: int, form: Form) -> Box:
    place: Namespace = host.places[index]
    serving = host.serving(index)
    lines = wrapped(place.name or "without a name", "name", form.longest)
    for device in place.devices:
        lines += _device(device, form)
    for each in serving:
        lines += _server(each, each.server.port, form)
    if not form.labelled and (place.direct is not None or any(each.server.answers is not None for each in serving)):
        lines.append(Text(_share(serving, 1, place.direct).label or "no answer", "small"))
    said = [
        ("%s %s" % (word, tally), tally)
        for word, tally in (("reaches", place.reaches), ("reached by", place.reached_by))
        if tally is not None
    ]
    total = Tally(sum(tally.reached for _text, tally in said), sum(tally.asked for _text, tally in said))
    joined = ", ".join(text for text, _tally in said)
    if said and columns(joined) <= form.longest + 3:
        lines.append(_judged(joined, total))
    else:
        lines += [_judged(text, tally) for text, tally in said]
    return box("place", lines)


def _device(device: Device, form: Form) -> list[Text]:
    lines: list[Text] = []
    line = device.name + ("" if device.up else ", down")
    for address in device.addresses:
        # The first on the line of the device, if it fits there.
        if not lines and columns(line + address) < form.longest:
            lines.append(Text("%s %s" % (line, address)))
        else:
            lines += [*([] if lines else wrapped(line, "code", form.longest)), *wrapped(address, "code", form.longest)]
    if device.leads_to:
        lines += wrapped("leads to %s" % device.leads_to, "small", form.longest)
    return lines or wrapped(line, "code", form.longest)


def _elsewhere(servers: Sequence[Serving], form: Form) -> Part:
    by_endpoint: dict[str, list[Serving]] = {}
    for each in servers:
        by_endpoint.setdefault(each.server.endpoint, []).append(each)
    boxes = []
    for endpoint, serving in by_endpoint.items():
        lines = wrapped(endpoint, "name", form.longest)
        for each in serving:
            lines += _server(each, "", form)
        boxes.append(alone(box("server", lines)))
    return framed("elsewhere", [Text("real servers elsewhere", "small")], rows(boxes, form), 12)


def _server(serving: Serving, where: str, form: Form) -> list[Text]:
    server = serving.server
    text = " ".join(filter(None, [serving.service.tag, where, "weight %d" % server.weight]))
    lines = wrapped(text, "code", form.longest)
    counted = []
    if server.connections is not None:
        counted.append(many(server.connections, "connection"))
    if server.packets is not None:
        counted.append(many(server.packets, "packet"))
    if columns(", ".join(counted)) > form.longest + 2:
        return lines + [Text(each, "small") for each in counted]
    return lines + ([Text(", ".join(counted), "small")] if counted else [])


def _most(host: Host) -> int:
    """The most that goes to one namespace."""
    return max((_amount(host.serving(index), place.direct)[0] for index, place in enumerate(host.places)), default=0)


def _amount(serving: Sequence[Serving], direct: int | None = None) -> tuple[int, str]:
    """What real servers did: their answers in the last check; where it tells nothing of them, their connections.

    ``direct`` is how often the namespace that they are in has answered to its own addresses in that check.
    """
    answers = [each.server.answers for each in serving if each.server.answers is not None]
    if direct is not None:
        answers.append(direct)
    if answers:
        return sum(answers), "answer"
    connections = [each.server.connections for each in serving if each.server.connections is not None]
    return sum(connections), "connection"


def _share(serving: Sequence[Serving], most: int, direct: int | None = None) -> Edge:
    amount, word = _amount(serving, direct)
    return _traffic(amount, word, False, min(amount / most, 1.0) if most else 1.0)


def _traffic(amount: int, word: str, failed: bool, share: float) -> Edge:
    label = many(amount, word) if amount else ""
    if failed:
        return Edge("failed", (), THIN + 1, label)
    return Edge("flow", (), THIN + (THICK - THIN) * share, label) if amount else Edge("wire", ())


def _judged(text: str, tally: Tally) -> Text:
    return Text(("\u2713 " if tally.complete else "\u2717 ") + text, "good" if tally.complete else "bad")


def _tagged(service: Service, text: str) -> str:
    return "%s %s" % (service.tag, text) if service.tag else text
