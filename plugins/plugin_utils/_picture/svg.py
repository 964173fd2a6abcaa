# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A picture as SVG: no script, no font or other file from outside, light and dark."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from xml.sax import saxutils

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture.boxes import arrange
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture.layout import (
    PADDING,
    STYLES,
    WIDE,
    Box,
    Edge,
    Form,
    Part,
    Text,
)
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture.model import Host, many

#: What has which colour, light and dark.
COLOURS = {
    "page": ("#ffffff", "#0d1117"),
    "text": ("#1f2328", "#e6edf3"),
    "small": ("#4d545c", "#a9b1ba"),
    "good": ("#116329", "#56d364"),
    "bad": ("#a40e26", "#ff9492"),
    "host": ("#f6f8fa", "#161b22"),
    "host-line": ("#6e7781", "#7d8590"),
    "clients": ("#ffffff", "#0d1117"),
    "clients-line": ("#57606a", "#8b949e"),
    "service": ("#ddf4ff", "#0c2d6b"),
    "service-line": ("#0969da", "#58a6ff"),
    "services": ("#f0f9ff", "#0d1d36"),
    "services-line": ("#0969da", "#58a6ff"),
    "bridge": ("#fff8e5", "#2b2111"),
    "bridge-line": ("#9a6700", "#d29922"),
    "port": ("#ffffff", "#0d1117"),
    "port-line": ("#9a6700", "#d29922"),
    "place": ("#dafbe1", "#04260f"),
    "place-line": ("#1a7f37", "#3fb950"),
    "server": ("#f3ecff", "#241640"),
    "server-line": ("#8250df", "#a371f7"),
    "elsewhere": ("#fbf7ff", "#191127"),
    "elsewhere-line": ("#8250df", "#a371f7"),
    "wire": ("#57606a", "#8b949e"),
    "flow": ("#0969da", "#58a6ff"),
    "failed": ("#cf222e", "#ff7b72"),
}
#: The kinds of boxes and of lines.
BOXES = tuple(name[: -len("-line")] for name in COLOURS if name.endswith("-line"))
LINES = ("wire", "flow", "failed")
MONOSPACE = 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace'
#: Around everything.
MARGIN = 8
#: What XML cannot hold, not even escaped.
_UNPRINTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_QUOTES = {'"': "&quot;", "'": "&#x27;"}
_HEAD = 9


def escaped(text: str) -> str:
    """Text for XML and HTML, within elements and quoted attributes."""
    return saxutils.escape(_UNPRINTABLE.sub("\ufffd", text), _QUOTES)


def render(hosts: Sequence[Host], form: Form = WIDE, title: str = "") -> str:
    """A picture as a whole SVG file."""
    style = "<style>\n%s</style>\n" % css()
    return figure(arrange(hosts, form), title or title_of(hosts), description(hosts), style=style) + "\n"


def figure(part: Part, title: str, text: str, *, name: str = "picture", style: str = "") -> str:
    """What has been laid out, as an element ``svg``; ``name`` begins every id in it."""
    width, height = math.ceil(part.width) + 2 * MARGIN, math.ceil(part.height) + 2 * MARGIN
    drawn = part.moved(MARGIN, MARGIN)
    # Frames first, the outer ones before the inner ones, then lines, and boxes over their ends.
    frames = sorted((box for box in drawn.boxes if box.frame), key=lambda box: -box.width * box.height)
    body = [
        *(_box(box) for box in frames),
        *(_line(edge, name) for edge in drawn.edges),
        *(_box(box) for box in drawn.boxes if not box.frame),
        *(_label(edge) for edge in drawn.edges if edge.label),
    ]
    heads = "".join(
        '<marker id="%s-%s" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="%d" markerHeight="%d"'
        ' markerUnits="userSpaceOnUse" orient="auto"><path class="head-%s" d="M0 0 10 5 0 10z"/></marker>'
        % (name, kind, _HEAD + 3, _HEAD + 3, kind)
        for kind in ("flow", "failed")
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" class="topology" role="img"'
        ' aria-labelledby="%s-title %s-text">\n<title id="%s-title">%s</title>\n<desc id="%s-text">%s</desc>\n'
        '%s<defs>%s</defs>\n<rect class="page" width="%d" height="%d"/>\n%s\n</svg>'
    ) % (
        *(width, height, width, height, name, name, name, escaped(title), name, escaped(text)),
        *(style, heads, width, height, "\n".join(body)),
    )


def css() -> str:
    """The style sheet of all pictures. Without variables, which not every viewer of SVG knows."""
    rules = [
        ".topology { color-scheme: light dark; }",
        ".topology text { font: 13px %s; }" % MONOSPACE,
        ".topology polyline { fill: none; stroke-linejoin: round; }",
        ".topology .failed { stroke-dasharray: 7 5; }",
    ]
    for style, (size, _height) in STYLES.items():
        rules.append(
            ".topology .%s { font-size: %dpx;%s }" % (style, size, " font-weight: 600;" if style == "name" else "")
        )
    rules += _paint(0)
    rules += ["@media (prefers-color-scheme: dark) {", *_paint(1), "}"]
    return "".join(rule + "\n" for rule in rules)


def _paint(scheme: int) -> list[str]:
    """The rules that give colours, light (0) or dark (1)."""
    colours = {name: pair[scheme] for name, pair in COLOURS.items()}
    rules = [".topology .page { fill: %(page)s; }" % colours]
    for style in STYLES:
        rules.append(".topology .%s { fill: %s; }" % (style, colours.get(style, colours["text"])))
    for kind in BOXES:
        rules.append(".topology .%s { fill: %s; stroke: %s; }" % (kind, colours[kind], colours[kind + "-line"]))
    for kind in LINES:
        rules.append(".topology .%s { stroke: %s; }" % (kind, colours[kind]))
        rules.append(".topology .head-%s { fill: %s; }" % (kind, colours[kind]))
    return rules


def title_of(hosts: Sequence[Host]) -> str:
    return "The network of %s" % ", ".join(host.name for host in hosts)


def description(hosts: Sequence[Host]) -> str:
    """What a picture shows, in a few sentences."""
    said = []
    for host in hosts:
        said.append(
            "%s has %s, %s and %s."
            % (
                host.name,
                many(len(host.services), "virtual service"),
                many(len(host.bridges), "bridge"),
                many(len(host.places), "network namespace"),
            )
        )
        for service in host.services:
            servers = ", ".join(server.endpoint for server in service.servers) or "nothing"
            said.append("%s is balanced over %s." % (service.name, servers))
        if host.checks:
            worked = len(host.checks) - len(host.problems)
            said.append("In the last check %d of %s worked." % (worked, many(len(host.checks), "pair")))
    return " ".join(said)


def _number(value: float) -> str:
    return ("%.1f" % value).removesuffix(".0")


def _box(box: Box) -> str:
    x, y = box.x, box.y
    numbers = tuple(map(_number, (x, y, box.width, box.height, 12 if box.frame else 7)))
    drawn = '<rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="%s"/>' % (box.kind, *numbers)
    place = y + PADDING - 2
    for line in box.lines:
        place += line.height
        drawn += "\n" + _text(line, x, place - (line.height - STYLES[line.style][0]) / 2 - 2, box)
    return drawn


def _text(line: Text, x: float, y: float, box: Box) -> str:
    middle = box.centred
    at = x + box.width / 2 if middle else x + PADDING + (4 if box.frame else 0)
    anchor = ' text-anchor="middle"' if middle else ""
    return '<text class="%s" x="%s" y="%s"%s>%s</text>' % (
        line.style,
        _number(at),
        _number(y),
        anchor,
        escaped(line.text),
    )


def _line(edge: Edge, name: str) -> str:
    head = "" if edge.kind == "wire" else ' marker-end="url(#%s-%s)"' % (name, edge.kind)
    points = list(edge.points)
    if head:
        points[-1] = _before(points[-2], points[-1])
    return '<polyline class="%s" stroke-width="%s" points="%s"%s/>' % (
        edge.kind,
        _number(edge.width),
        " ".join("%s,%s" % (_number(x), _number(y)) for x, y in points),
        head,
    )


def _before(start: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    """A little before the end, where a thick line ends under its arrow's tip."""
    length = math.hypot(end[0] - start[0], end[1] - start[1]) or 1.0
    back = min(2.0, length / 2)
    return end[0] - (end[0] - start[0]) / length * back, end[1] - (end[1] - start[1]) / length * back


def _label(edge: Edge) -> str:
    (x, y) = edge.label_at
    return '<text class="small" x="%s" y="%s" text-anchor="middle">%s</text>' % (
        _number(x),
        _number(y + 4),
        escaped(edge.label),
    )
