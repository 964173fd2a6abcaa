# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where everything of a picture goes: boxes with their lines of text, and what connects them.

What the boxes say is in ``boxes``. All coordinates come from graphlay's layered layout. It is asked several times, from
the inside out: a bridge with its ports and the namespaces behind them, then what stands on a host, then the hosts; what
has been laid out is one node of the next layout.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

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
class Link:
    """An edge for the layout; ``edge`` is what is drawn of it, None for one that only keeps things in their order.

    ``backwards`` says that it is drawn from its target to its source.
    """

    source: int
    target: int
    edge: Edge | None = None
    backwards: bool = False
    fields: dict[str, Any] = field(default_factory=dict)


def require_library() -> None:
    """See that there is something to lay out with.

    Raises:
        NoLayout: graphlay cannot be imported.
    """
    if GRAPHLAY_ERROR is not None:
        raise NoLayout(
            "needs the Python package graphlay on the machine that runs Ansible (%s): pip install graphlay"
            % GRAPHLAY_ERROR
        )


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


def alone(drawn: Box) -> Part:
    return Part(drawn.width, drawn.height, (drawn,))


def framed(kind: str, header: Sequence[Text], inner: Part, margin: float) -> Part:
    """A frame with a header around what has been laid out."""
    head = sum(line.height for line in header) + PADDING + 6
    width = max(inner.width, max(line.width for line in header) + 2 * PADDING) + 2 * margin
    frame = Box(kind, tuple(header), width, head + inner.height + margin, frame=True)
    inside = inner.moved((width - inner.width) / 2, head)
    return Part(frame.width, frame.height, (frame, *inside.boxes), inside.edges)


def stack(parts: Sequence[Part], links: Sequence[Link]) -> Part:
    """Parts one below the other, with what connects them."""
    connected = {(link.source, link.target) for link in links}
    order = [Link(place, place + 1) for place in range(len(parts) - 1) if (place, place + 1) not in connected]
    for link in links:
        link.fields["target_port"] = {"offset": {"side": "top", "t": parts[link.target].door * 2 - 1}}
    return laid_out(parts, [*links, *order], "topbottom", ranks={place: place for place in range(len(parts))})


def rows(parts: Sequence[Part], form: Form) -> Part:
    """Single boxes in rows, all as wide as the widest, and in each row as high as the highest."""
    sides = form.sides
    links = [Link(place - 1, place) for place in range(len(parts)) if place % sides]
    width = max(part.width for part in parts)
    equal = []
    for place in range(len(parts)):
        start = place - place % sides
        height = max(part.height for part in parts[start : start + sides])
        (single,) = parts[place].boxes
        equal.append(alone(replace(single, width=width, height=height)))
    ranks = {place: place % sides for place in range(len(parts))}
    return laid_out(equal, links, "leftright", ranks=ranks, layer_gap=GAP)


def laid_out(
    parts: Sequence[Part],
    links: Sequence[Link],
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
