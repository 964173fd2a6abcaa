# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A flowchart of Mermaid as SVG, so that no page of the site needs a script or anything from outside.

Of Mermaid's language this reads what our documents use: `flowchart BT`, nodes with a label, and arrows between them.
"""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Sequence
from html import escape

import graphlay

#: How each direction is laid out, and whether its arrows run against that
DIRECTIONS = {
    "TB": ("topbottom", False),
    "BT": ("topbottom", True),
    "LR": ("leftright", False),
    "RL": ("leftright", True),
}
NODE = re.compile(r'(\w+)(?:\["([^"]*)"\])?')
#: In units of the drawing, of which a wide screen shows one as a pixel
FONT, LINE, PADDING, LONGEST = 14, 19, 10, 24


def read(text: str) -> tuple[str, dict[str, list[str]], list[tuple[str, str]]]:
    """A flowchart's direction, the lines of text of its nodes, and its arrows. Raises ValueError for anything else."""
    first, *lines = text.strip().splitlines()
    kind, _space, direction = first.partition(" ")
    if kind != "flowchart" or direction not in DIRECTIONS:
        raise ValueError(f"no flowchart that is read here: {first}")
    labels: dict[str, str] = {}
    arrows: list[tuple[str, str]] = []
    for line in lines:
        steps = []
        for step in line.split("-->"):
            found = [NODE.fullmatch(each.strip()) for each in step.split(" & ")]
            if None in found:
                raise ValueError(f"not read here: {line.strip()}")
            nodes = [(each[1], each[2]) for each in found if each]
            for name, label in nodes:
                labels[name] = label or labels.get(name, name)
            steps.append([name for name, _label in nodes])
        for sources, targets in itertools.pairwise(steps):
            arrows += [(source, target) for source in sources for target in targets]
    return direction, {name: textwrap.wrap(label, LONGEST) for name, label in labels.items()}, arrows


def svg(text: str) -> str:
    """Draw a flowchart, in the colours of the page that it stands in."""
    towards, nodes, arrows = read(text)
    graph = graphlay.Graph()
    places = {name: place for place, name in enumerate(nodes)}
    for name, place in places.items():
        graph.node(place, width=width(nodes[name]), height=height(nodes[name]))
    direction, against = DIRECTIONS[towards]
    for source, target in arrows:
        ends = (places[source], places[target])
        graph.edge(*(reversed(ends) if against else ends))
    spacing = {"node_gap": 18.0, "layer_gap": 34.0}
    done = graphlay.layout(graph, options={"direction": direction, "spacing": spacing})
    left, top = done.bounds["min"]["x"] - 2, done.bounds["min"]["y"] - 2
    size = (done.bounds["max"]["x"] - left + 2, done.bounds["max"]["y"] - top + 2)
    parts = [
        f'<div class="flowchart"><svg role="img" viewBox="{left:.0f} {top:.0f} {size[0]:.0f} {size[1]:.0f}"'
        f' width="{size[0]:.0f}" xmlns="http://www.w3.org/2000/svg">',
        f"<title>{escape('; '.join(' '.join(lines) for lines in nodes.values()))}</title>",
        '<defs><marker id="flowchart-head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8"'
        ' orient="auto"><path d="M0 0 10 5 0 10z"/></marker></defs>',
    ]
    for route in done.edges:
        points = " ".join(f"{point['x']:.1f},{point['y']:.1f}" for point in route["points"][:: -1 if against else 1])
        parts.append(f'<polyline points="{points}" marker-end="url(#flowchart-head)"/>')
    for lines, node in zip(nodes.values(), done.nodes, strict=True):
        x, y = node["center"]["x"], node["center"]["y"]
        wide, high = width(lines), height(lines)
        parts.append(
            f'<rect x="{x - wide / 2:.1f}" y="{y - high / 2:.1f}" width="{wide:.1f}" height="{high:.1f}" rx="5"/>'
        )
        for number, line in enumerate(lines):
            at = y + (number - (len(lines) - 1) / 2) * LINE + FONT / 3
            parts.append(f'<text x="{x:.1f}" y="{at:.1f}">{escape(line)}</text>')
    return "".join([*parts, "</svg></div>"])


def width(lines: Sequence[str]) -> float:
    """How wide a box around these lines is."""
    return max(len(line) for line in lines) * FONT * 0.56 + 2 * PADDING


def height(lines: Sequence[str]) -> float:
    """How high a box around these lines is."""
    return len(lines) * LINE + 2 * PADDING - 4
