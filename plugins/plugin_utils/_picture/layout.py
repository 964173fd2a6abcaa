# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where everything of a picture goes: boxes with their lines of text, and what connects them.

All coordinates come from graphlay's layered layout. It is asked several times, from the inside out: a bridge with its
ports and the namespaces behind them, then what stands on a host, then the hosts; what has been laid out is one node of
the next layout.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture.model import (
    Bridge,
    Device,
    Host,
    Place,
    Port,
    Service,
    Serving,
    Tally,
    many,
)

try:
    import graphlay
except ImportError as exc:
    GRAPHLAY_ERROR: ImportError | None = exc
else:
    GRAPHLAY_ERROR = None

#: Font size and line height of each style of text, in units of the drawing, of which a screen shows one as a pixel.
STYLES = {
    "name": (14, 20),
    "code": (13, 18),
    "small": (12, 17),
    "good": (12, 17),
    "bad": (12, 17),
}
#: How wide a character is at most, in parts of the font size: that of the widest common monospace fonts.
CHARACTER = 0.62
#: Between a box's edge and its text.
PADDING = 10
#: Between a bridge's edge and its ports.
INSET = 8
#: Between a line and the label beside it
BESIDE = 6
#: Between boxes, and between what is laid out as a whole.
GAP, WIDE_GAP = 14, 42
#: A line that carries no traffic, and one that carries most of it.
THIN, THICK = 1.6, 5.0

#: No search for another order: what is given is sorted, and a row crosses no other.
_IN_ORDER = {"sweeps": 0, "sifting_rounds": 0, "kick_rounds": 0, "exhaustive_layer_max": 0, "balance_rounds": 0}

Point = tuple[float, float]


class NoLayout(Exception):
    """The layout library is missing."""


@dataclass(frozen=True)
class Form:
    """The form of a picture.

    ``sides`` says on how many sides of a bridge there are namespaces, ``longest`` how many characters a line in a box
    has before it is wrapped, ``labelled`` whether there is room for labels beside the wires.
    """

    sides: int
    longest: int
    margin: int
    labelled: bool

    @property
    def widest(self) -> int:
        """The longest line of text that stands above all boxes."""
        return self.longest * 2 * self.sides - 12


#: For a page, and for a phone.
WIDE = Form(sides=2, longest=28, margin=16, labelled=True)
NARROW = Form(sides=1, longest=23, margin=8, labelled=False)


@dataclass(frozen=True)
class Text:
    """A line of text."""

    text: str
    style: str = "code"

    @property
    def width(self) -> float:
        return columns(self.text) * STYLES[self.style][0] * CHARACTER

    @property
    def height(self) -> int:
        return STYLES[self.style][1]


@dataclass(frozen=True)
class Box:
    """A box: upper left corner, size, kind (which decides its colours), and its text.

    A frame has others inside.
    """

    kind: str
    lines: tuple[Text, ...]
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0
    frame: bool = False
    centred: bool = False


@dataclass(frozen=True)
class Edge:
    """A connection: its points, its kind (``wire``, ``flow`` or ``failed``), its width, and a label at its middle."""

    kind: str
    points: tuple[Point, ...]
    width: float = THIN
    label: str = ""
    label_at: Point = (0.0, 0.0)


@dataclass(frozen=True)
class Part:
    """Something that has been laid out, from (0, 0) on. ``door`` is where along its top, from 0 to 1, edges arrive."""

    width: float
    height: float
    boxes: tuple[Box, ...] = ()
    edges: tuple[Edge, ...] = ()
    door: float = 0.5

    def moved(self, x: float, y: float) -> Part:
        return replace(
            self,
            boxes=tuple(replace(box, x=box.x + x, y=box.y + y) for box in self.boxes),
            edges=tuple(
                replace(
                    edge,
                    points=tuple((px + x, py + y) for px, py in edge.points),
                    label_at=(edge.label_at[0] + x, edge.label_at[1] + y),
                )
                for edge in self.edges
            ),
        )


@dataclass
class _Link:
    """An edge for the layout; ``edge`` is what is drawn of it, None for one that only keeps things in their order.

    ``backwards`` says that it is drawn from its target to its source.
    """

    source: int
    target: int
    edge: Edge | None = None
    backwards: bool = False
    fields: dict[str, Any] = field(default_factory=dict)


def columns(text: str) -> int:
    """How many columns a text takes in a terminal, and about so in any monospace font."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def wrapped(text: str, style: str, longest: int) -> list[Text]:
    """A text as lines that are not too long, broken behind a space or a sign where there is one."""
    lines, line = [], ""
    for word in re.findall(r"[^\s/:,._-]*[/:,._-]*\s*", text):
        if line and columns(line + word.rstrip()) > longest:
            lines.append(line)
            line = ""
        for each in word:
            if columns(line + each) > longest and not each.isspace():
                lines.append(line)
                line = ""
            line += each
    lines.append(line)
    return [Text(each.rstrip(), style) for each in lines if each.strip()]


def box(kind: str, lines: Sequence[Text], *, least: float = 0, centred: bool = False) -> Box:
    """A box around lines of text."""
    width = max([least, *(line.width + 2 * PADDING for line in lines)])
    return Box(kind, tuple(lines), width, sum(line.height for line in lines) + 2 * PADDING - 4, centred=centred)


def arrange(hosts: Sequence[Host], form: Form) -> Part:
    """Lay out a whole picture.

    Args:
        hosts: What to draw.
        form: ``WIDE`` or ``NARROW``.

    Raises:
        NoLayout: graphlay cannot be imported.
    """
    if GRAPHLAY_ERROR is not None:
        raise NoLayout(
            "needs the Python package graphlay on the machine that runs Ansible (%s): pip install graphlay"
            % GRAPHLAY_ERROR
        )
    return _stack([_host(host, form) for host in hosts], [])


# The levels, from the outside in


def _host(host: Host, form: Form) -> Part:
    parts: list[Part] = []
    links: list[_Link] = []
    clients = services = None
    most = _most(host)
    if host.clients:
        clients = len(parts)
        parts.append(_alone(_clients(host, form)))
    if host.services:
        services = len(parts)
        parts.append(_services(host, form))
        requests = [service.requests for service in host.services if service.requests is not None]
        if clients is not None and requests:
            failed = any(service.reached_by and not service.reached_by.complete for service in host.services)
            links.append(_Link(clients, services, _traffic(sum(requests), "request", failed, 1.0)))
    for part, serving in _behind(host, form, most):
        parts.append(part)
        if services is not None and serving:
            links.append(_Link(services, len(parts) - 1, _share(serving, most)))
    header = wrapped(host.name, "name", form.widest)
    for device in host.devices[:6]:
        header += wrapped("%s %s" % (device.name, " ".join(device.addresses)), "code", form.widest)
    if len(host.devices) > 6:
        header.append(Text("and %s" % many(len(host.devices) - 6, "more device"), "small"))
    if host.sets:
        listed = ", ".join("%s (%s)" % (each.name, many(each.entries, "entry")) for each in host.sets[:3])
        more = " and %d more" % (len(host.sets) - 3) if len(host.sets) > 3 else ""
        header += wrapped("%s %s%s" % ("set" if len(host.sets) == 1 else "sets", listed, more), "small", form.widest)
    return _framed("host", header, _stack(parts, links), form.margin)


def _behind(host: Host, form: Form, most: int) -> Iterator[tuple[Part, list[Serving]]]:
    """What virtual services lead to, each with the real servers that are in it."""
    for bridge in host.bridges:
        places = [port.place for port in bridge.ports if port.place is not None]
        yield _bridge(host, bridge, form, most), [each for place in places for each in host.serving(place)]
    if host.loose:
        boxes = [_alone(_place(host, place, form)) for place in host.loose]
        yield _rows(boxes, form), [each for place in host.loose for each in host.serving(place)]
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
    boxes = [_alone(_service(service, form)) for service in host.services]
    if len(boxes) == 1:
        return boxes[0]
    return _framed("services", [Text("virtual services", "small")], _rows(boxes, form), 12)


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
        return _framed("bridge", header, Part(title, 0), PADDING)
    both = form.sides > 1 and len(ports) > 1
    width = max([each.width for each in ports] + [(title - GAP) / 2 if both else title])
    places = {port.place: _place(host, port.place, form) for port in bridge.ports if port.place is not None}
    widest = max((each.width for each in places.values()), default=0)
    nodes: list[Part] = []
    links: list[_Link] = []
    ranks: dict[int, int] = {}
    last = 0
    for number, (port, drawn) in enumerate(zip(bridge.ports, ports)):
        left = both and number % 2 == 0
        here = len(nodes)
        nodes.append(_alone(replace(drawn, width=width)))
        # The namespaces on the left come before their ports.
        ranks[here] = (1 if left else 2) if both else 0
        if both and not left:
            links.append(_Link(last, here))
        last = here
        if port.place is not None:
            nodes.append(_alone(replace(places[port.place], width=widest)))
            edge = _wire(host, port.place, form, most)
            there = here + 1
            links.append(_Link(there, here, edge, backwards=True) if left else _Link(here, there, edge))
    part = _layout(nodes, links, "leftright", ranks=ranks, layer_gap=GAP if both else 2 * GAP)
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
    place: Place = host.places[index]
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
        boxes.append(_alone(box("server", lines)))
    return _framed("elsewhere", [Text("real servers elsewhere", "small")], _rows(boxes, form), 12)


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


# What is said of traffic


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


# The layout


def _alone(drawn: Box) -> Part:
    return Part(drawn.width, drawn.height, (drawn,))


def _framed(kind: str, header: Sequence[Text], inner: Part, margin: float) -> Part:
    """A frame with a header around what has been laid out."""
    head = sum(line.height for line in header) + PADDING + 6
    width = max(inner.width, max(line.width for line in header) + 2 * PADDING) + 2 * margin
    frame = Box(kind, tuple(header), width, head + inner.height + margin, frame=True)
    inside = inner.moved((width - inner.width) / 2, head)
    return Part(frame.width, frame.height, (frame, *inside.boxes), inside.edges)


def _stack(parts: Sequence[Part], links: Sequence[_Link]) -> Part:
    """Parts one below the other, with what connects them."""
    connected = {(link.source, link.target) for link in links}
    order = [_Link(place, place + 1) for place in range(len(parts) - 1) if (place, place + 1) not in connected]
    for link in links:
        link.fields["target_port"] = {"offset": {"side": "top", "t": parts[link.target].door * 2 - 1}}
    return _layout(parts, [*links, *order], "topbottom", ranks={place: place for place in range(len(parts))})


def _rows(parts: Sequence[Part], form: Form) -> Part:
    """Single boxes in rows, all as wide as the widest, and in each row as high as the highest."""
    sides = form.sides
    links = [_Link(place - 1, place) for place in range(len(parts)) if place % sides]
    width = max(part.width for part in parts)
    equal = []
    for place in range(len(parts)):
        start = place - place % sides
        height = max(part.height for part in parts[start : start + sides])
        (single,) = parts[place].boxes
        equal.append(_alone(replace(single, width=width, height=height)))
    ranks = {place: place % sides for place in range(len(parts))}
    return _layout(equal, links, "leftright", ranks=ranks, layer_gap=GAP)


def _layout(
    parts: Sequence[Part],
    links: Sequence[_Link],
    direction: str,
    *,
    ranks: dict[int, int],
    layer_gap: float = WIDE_GAP,
) -> Part:
    """Lay out parts by graphlay, and put everything where it belongs."""
    if not parts:
        return Part(0, 0)
    graph = graphlay.Graph()
    for place, part in enumerate(parts):
        fixed: dict[str, Any] = {"rank": {"fixed": ranks[place]}} if place in ranks else {}
        # Equals are ordered by their keys.
        graph.node(place, width=part.width, height=part.height, label="%06d" % place, **fixed)
    for link in links:
        fields = dict(link.fields)
        if link.edge is not None:
            fields["thickness"] = link.edge.width
            if link.edge.label:
                fields["label_size"] = _room(link.edge, direction)
        graph.edge(link.source, link.target, **fields)
    spacing: dict[str, float] = {"node_gap": GAP, "layer_gap": layer_gap, "edge_label_margin": BESIDE, "stub": 20}
    spacing.update(isolated_gap=GAP, isolated_max_columns=1)
    options = {"direction": direction, "spacing": spacing, "tuning": {"order": _IN_ORDER}}
    done = graphlay.layout(graph, options=options)
    corner = done.bounds["min"]
    boxes: list[Box] = []
    edges: list[Edge] = []
    for part, node in zip(parts, done.nodes):
        x = node["center"]["x"] - part.width / 2 - corner["x"]
        y = node["center"]["y"] - part.height / 2 - corner["y"]
        moved = part.moved(x, y)
        boxes += moved.boxes
        edges += moved.edges
    for link, route in zip(links, done.edges):
        if link.edge is None:
            continue
        points = [(point["x"] - corner["x"], point["y"] - corner["y"]) for point in route["points"]]
        if link.backwards:
            points.reverse()
        edge = replace(link.edge, points=tuple(points))
        edges.append(replace(edge, label_at=_beside(edge, direction)) if edge.label else edge)
    size = done.bounds["max"]
    return Part(size["x"] - corner["x"], size["y"] - corner["y"], tuple(boxes), tuple(edges))


def _room(edge: Edge, direction: str) -> dict[str, float]:
    """The room that a label takes on its line, beside which it will stand."""
    label = Text(edge.label, "small")
    if direction == "leftright":
        # The line begins with the inset of a bridge and ends with an arrow.
        return {"width": label.width + INSET + BESIDE, "height": 2 * (label.height + edge.width / 2)}
    return {"width": 2 * (label.width + edge.width + 2 * BESIDE), "height": label.height}


def _beside(edge: Edge, direction: str) -> Point:
    """Where the middle of a label is: above the middle of a line, or to the right of where it arrives."""
    label = Text(edge.label, "small")
    (from_x, from_y), (to_x, to_y) = edge.points[-2:]
    if direction == "leftright":
        # Outside of the bridge, from which all lines come.
        outwards = INSET / 2 if to_x > from_x else -INSET / 2
        return (from_x + to_x) / 2 + outwards, to_y - edge.width / 2 - label.height / 2
    # Below the bend, where there is one.
    down = edge.width / 4 if len(edge.points) > 2 else 0.0
    return to_x + edge.width / 2 + BESIDE + label.width / 2, (from_y + to_y) / 2 + down
