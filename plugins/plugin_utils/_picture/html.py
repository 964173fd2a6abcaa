# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A picture as an HTML page that needs nothing from outside, with the same in tables beside it.

The page holds the picture twice, for wide and for narrow windows, and shows one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture.boxes import arrange
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture.layout import NARROW, WIDE
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture.model import Host, Tally
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture.svg import (
    COLOURS,
    MONOSPACE,
    css,
    description,
    escaped,
    figure,
    title_of,
)

#: The widest window, in pixels, that gets the narrow picture.
NARROW_WINDOW = 760
#: The most targets of which each gets a column of the table of who reached whom.
MOST_COLUMNS = 8

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>%(title)s</title>
<style>
%(css)s</style>
</head>
<body>
<h1>%(title)s</h1>
<div class="sides">
<figure>
<div class="wide">
%(wide)s
</div>
<div class="narrow">
%(narrow)s
</div>
<figcaption>%(caption)s</figcaption>
</figure>
<main>
%(tables)s
</main>
</div>
</body>
</html>
"""

_CAPTION = (
    "Thick arrows are traffic of the last check, or, where nothing was checked, what the kernel has counted; thin lines"
    " are veth pairs without any; dashed lines do not work as they should."
)


def render(hosts: Sequence[Host], title: str = "") -> str:
    """A picture as a whole page."""
    title = title or title_of(hosts)
    text = description(hosts)
    return _PAGE % {
        "title": escaped(title),
        "css": css() + _page_css(),
        "wide": figure(arrange(hosts, WIDE), title, text, name="wide"),
        "narrow": figure(arrange(hosts, NARROW), title, text, name="narrow"),
        "caption": escaped(_CAPTION),
        "tables": "\n".join(section for host in hosts for section in _sections(host)),
    }


def _page_css() -> str:
    rules = [
        "* { box-sizing: border-box; }",
        "body { margin: 0 auto; padding: 8px; max-width: 1900px; font: 16px/1.45 system-ui, sans-serif; }",
        "h1 { font-size: 1.35rem; margin: .3rem 0 .6rem; overflow-wrap: anywhere; }",
        "h2 { font-size: 1.05rem; margin: 1.2rem 0 .4rem; }",
        "figure { margin: 0; } figcaption { font-size: .875rem; margin: .3rem 0; max-width: 60rem; }",
        "figure svg { max-width: 100%; height: auto; display: block; margin: 0 auto; }",
        ".narrow { display: none; }",
        ".scroll { overflow-x: auto; }",
        "table { border-collapse: collapse; font-size: .875rem; }",
        "th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid; }",
        "td { font-family: %s; white-space: nowrap; }" % MONOSPACE,
        "@media (max-width: %dpx) { .wide { display: none; } .narrow { display: block; } }" % NARROW_WINDOW,
        "@media (min-width: 1500px) { .sides { display: grid; grid-template-columns: auto minmax(0, 1fr);"
        " gap: 2rem; } main > h2:first-child { margin-top: 0; } }",
    ]
    for scheme, around in ((0, "%s"), (1, "@media (prefers-color-scheme: dark) { %s }")):
        colours = {name: pair[scheme] for name, pair in COLOURS.items()}
        painted = "body { background: %(page)s; color: %(text)s; }" % colours
        painted += " th, td { border-color: %(host-line)s; } figcaption { color: %(small)s; }" % colours
        painted += " td.good { color: %(good)s; } td.bad { color: %(bad)s; }" % colours
        rules.append(around % painted)
    return "".join(rule + "\n" for rule in rules)


def _sections(host: Host) -> Iterable[str]:
    problems = host.problems
    if problems:
        rows = [[check.client, check.target, check.url, check.problem] for check in problems]
        yield _table("What does not work on %s" % host.name, ["From", "To", "URL", "What happens"], rows)
    if host.services:
        yield _service_table(host)
    if host.checks:
        yield _check_table(host)
    if host.places:
        yield _place_table(host)
    if host.sets:
        rows = [[each.name, each.type, str(each.entries)] for each in host.sets]
        yield _table("Sets of %s" % host.name, ["Name", "Type", "Entries"], rows)


def _service_table(host: Host) -> str:
    head = ["Virtual service", "Scheduler", "Real server", "In", "Forwarding", "Weight"]
    checked = any(server.answers is not None for service in host.services for server in service.servers)
    head += ["Answers"] if checked else []
    head += ["Connections", "Packets"] if host.counted else []
    rows = []
    for service in host.services:
        name = " ".join(filter(None, [service.tag, service.name]))
        for server in service.servers:
            row = [
                name,
                service.scheduler,
                server.endpoint,
                "" if server.place is None else host.places[server.place].name,
                server.method,
                str(server.weight),
            ]
            row += [_shown(server.answers)] if checked else []
            row += [_shown(server.connections), _shown(server.packets)] if host.counted else []
            rows.append(row)
        if not service.servers:
            rows.append([name, service.scheduler, "no real server", *[""] * (len(head) - 3)])
    return _table("Virtual services of %s" % host.name, head, rows)


def _check_table(host: Host) -> str:
    """Who reached whom: each target in a column, or, where there are too many, all direct ones in one."""
    targets = list(dict.fromkeys((check.target, check.url) for check in host.checks))
    title = "Who reached whom from %s" % host.name
    if len(targets) <= MOST_COLUMNS:
        cells = {(check.client, check.target, check.url): check for check in host.checks}
        rows: list[list[str | Tally]] = []
        for client in host.clients:
            row: list[str | Tally] = [client]
            for target in targets:
                check = cells.get((client, *target))
                row.append("" if check is None else Tally(int(check.reached), 1))
            rows.append(row)
        return _table(title, ["From", *(target[0] for target in targets)], rows)
    rows = []
    for client in host.clients:
        checks = [check for check in host.checks if check.client == client]
        rows.append([client, Tally(sum(check.reached for check in checks), len(checks))])
    return _table(title, ["From", "Reached, of %d targets" % len(targets)], rows)


def _place_table(host: Host) -> str:
    ports = {port.place: (bridge, port) for bridge in host.bridges for port in bridge.ports if port.place is not None}
    rows = []
    for index, place in enumerate(host.places):
        bridge, port = ports.get(index, (None, None))
        rows.append(
            [
                place.name,
                ", ".join(device.name for device in place.devices),
                ", ".join(address for device in place.devices for address in device.addresses),
                "%s of %s%s" % (port.name, bridge.name, ", hairpin" if port.hairpin else "") if bridge and port else "",
            ]
        )
    return _table("Namespaces of %s" % host.name, ["Name", "Devices", "Addresses", "Port"], rows)


def _shown(number: int | None) -> str:
    return "" if number is None else str(number)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str | Tally]]) -> str:
    return '<h2>%s</h2>\n<div class="scroll"><table>\n<tr>%s</tr>\n%s\n</table></div>' % (
        escaped(title),
        "".join('<th scope="col">%s</th>' % escaped(cell) for cell in head),
        "\n".join("<tr>%s</tr>" % "".join(map(_cell, row)) for row in rows),
    )


def _cell(content: str | Tally) -> str:
    if isinstance(content, str):
        return "<td>%s</td>" % escaped(content)
    sign = "\u2713" if content.complete else "\u2717"
    text = sign if content.asked == 1 else "%s %s" % (sign, "%d/%d" % content)
    return '<td class="%s">%s</td>' % ("good" if content.complete else "bad", text)
