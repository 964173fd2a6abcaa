# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pictures of generated topologies: what is in them, where it stands, and that no name breaks them."""

from __future__ import annotations

import copy
import itertools
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.linuxnet.ipvs.plugins.filter import topology
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture import boxes, layout, svg
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._picture.model import Tally, many, natural, read_host

SVG = "{http://www.w3.org/2000/svg}"
FORMS = [layout.WIDE, layout.NARROW]

#: What may be a device's name: anything but a slash, a colon and white space, up to 15 bytes.
names = st.text(st.characters(exclude_characters="/:", exclude_categories=("Cs", "Z")), min_size=1, max_size=9).filter(
    lambda name: not any(sign.isspace() for sign in name)
)


def link(name: str, kind: str = "veth", **more: Any) -> dict[str, Any]:
    made = dict(name=name, index=1, kind=kind, up=True, promiscuous=False, bridge=None, hairpin=None, addresses=[])
    return {**made, "peer": None, **more}


def lab(
    pods: int = 2, *, services: int = 1, elsewhere: int = 0, checked: bool = True, odd: str = "", six: bool = False
) -> dict[str, Any]:
    """What the modules read of a lab with so many pods and services."""
    own: dict[str, Any] = dict(name=None, netns=None, links=[link("lo", "", addresses=["127.0.0.1/8"])])
    own["links"] += [
        link("eth0", "", addresses=["192.0.2.7/24"]),
        link("br" + odd, "bridge", addresses=["10.0.0.1/16"]),
    ]
    found = []
    for number in range(1, pods + 1):
        addresses = ["10.0.%d.%d/16" % divmod(number + 256, 256)]
        addresses += ["fd00:1234:5678:9abc:def0:1234:5678:%x/64" % number] if six else []
        name, inside, outside = (each % (odd, number) for each in ("ns%s%d", "in%s%d", "out%s%d"))
        away = dict(name=outside, index=9, netns=None, path="")
        inner = link(inside, addresses=[*addresses, "fe80::1/64"], peer=away)
        found.append(dict(name=name, netns=name, links=[link("lo", "", addresses=["127.0.0.1/8"]), inner]))
        peer = dict(name=inside, index=2, netns=name, path="")
        own["links"].append(link(outside, bridge="br" + odd, hairpin=number == 1, peer=peer))
    table, counters = [], []
    for number in range(1, services + 1):
        servers = [
            dict(address="10.0.%d.%d" % divmod(each + 256, 256), port=8080, forwarding_method="masquerading", weight=1)
            for each in range(1, pods + 1)
        ]
        servers += [
            dict(address="203.0.113.%d" % each, port=443, forwarding_method="tunnel", weight=each)
            for each in range(elsewhere)
        ]
        key = dict(protocol="tcp", address="10.100.100.%d" % number, port=80)
        table.append(dict(key, scheduler="rr", real_servers=servers))
        counted = [dict(address=s["address"], port=s["port"], connections=3, incoming_packets=20000) for s in servers]
        counters.append(dict(key, real_servers=counted))
    if services:
        own["links"].append(link("vip" + odd, "dummy", addresses=["10.100.100.1/32"]))
    host: dict[str, Any] = dict(name="lab" + odd, namespaces=[own, *found], services=table, statistics=counters)
    host["sets"] = [dict(name="set" + odd, type="hash:ip")]
    host["usage"] = {"set" + odd: dict(entries=2)}
    return dict(host, checks=checks(pods, services) if checked else [])


def checks(pods: int, services: int) -> list[dict[str, Any]]:
    """Everyone asks everyone, and it works."""
    rows = []
    pages = ["pod%d" % number for number in range(1, pods + 1)]
    for client in range(pods + 1):
        who = dict(client="pod%d" % client if client else "host", netns="ns%d" % client if client else None)
        for number, page in enumerate(pages, 1):
            url = "http://10.0.%d.%d:8080/" % divmod(number + 256, 256)
            rows.append(dict(who, target=page, url=url, reached=True, answers=[page], problem=""))
        for number in range(1, services + 1):
            url = "http://10.100.100.%d" % number
            rows.append(dict(who, target="s%d" % number, url=url, reached=True, answers=pages * 2, problem=""))
    return rows


topologies = st.builds(
    lab,
    pods=st.integers(0, 60),
    services=st.integers(0, 3),
    elsewhere=st.integers(0, 5),
    checked=st.booleans(),
    odd=st.one_of(st.just(""), names),
    six=st.booleans(),
)


def overlap(one: layout.Box, other: layout.Box) -> bool:
    return (
        one.x < other.x + other.width - 0.01
        and other.x < one.x + one.width - 0.01
        and one.y < other.y + other.height - 0.01
        and other.y < one.y + one.height - 0.01
    )


def through(edge: layout.Edge, box: layout.Box) -> bool:
    """Whether a line runs through the inside of a box. All lines are horizontal or vertical."""
    for (x1, y1), (x2, y2) in itertools.pairwise(edge.points):
        line = layout.Box("", (), abs(x2 - x1) + 0.02, abs(y2 - y1) + 0.02, min(x1, x2) - 0.01, min(y1, y2) - 0.01)
        inner = layout.Box("", (), box.width - 1, box.height - 1, box.x + 0.5, box.y + 0.5)
        if overlap(line, inner):
            return True
    return False


def label_box(edge: layout.Edge) -> layout.Box:
    text = layout.Text(edge.label, "small")
    x, y = edge.label_at
    return layout.Box("label", (text,), text.width, 12, x - text.width / 2, y - 6)


def check_geometry(part: layout.Part) -> None:
    leaves = [box for box in part.boxes if not box.frame]
    for box in part.boxes:
        assert box.x >= -0.01
        assert box.y >= -0.01
        assert box.x + box.width <= part.width + 0.01
        assert box.y + box.height <= part.height + 0.01
        assert sum(line.height for line in box.lines) <= box.height
        for line in box.lines:
            assert line.width + 2 * layout.PADDING <= box.width + 0.01, (box.kind, line)
    for one, other in itertools.combinations(leaves, 2):
        assert not overlap(one, other), (one, other)
    labels = [label_box(edge) for edge in part.edges if edge.label]
    for one, other in itertools.combinations(labels, 2):
        assert not overlap(one, other), (one, other)
    for label in labels:
        assert not any(overlap(label, box) for box in leaves), label
    for edge in part.edges:
        assert not any(through(edge, box) for box in leaves), edge


@pytest.mark.parametrize("form", FORMS)
@given(found=topologies)
@settings(max_examples=15, deadline=None)
def test_nothing_overlaps_and_all_text_fits(form: layout.Form, found: dict[str, Any]) -> None:
    check_geometry(boxes.arrange([read_host(found)], form))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pods", [2, 3, 40])
def test_namespaces_stand_in_their_order_and_wires_are_straight(form: layout.Form, pods: int) -> None:
    part = boxes.arrange([read_host(lab(pods))], form)
    shown = [(box.y, box.x, box.lines[0].text) for box in part.boxes if box.kind == "place"]
    rows = [name for _y, _x, name in sorted((round(y), x, name) for y, x, name in shown)]
    assert rows == sorted(rows, key=natural)
    wires = [edge for edge in part.edges if abs(edge.points[0][1] - edge.points[-1][1]) < 0.01]
    assert len(wires) == pods
    assert all(len(edge.points) == 2 for edge in wires)


@pytest.mark.parametrize("form", FORMS)
def test_who_has_less_to_say_gets_a_box_as_wide(form: layout.Form) -> None:
    found = lab(3, services=0, checked=False)
    found["namespaces"][2]["links"][1]["addresses"] = ["10.0.100.200/16"]
    drawn = [box for box in boxes.arrange([read_host(found)], form).boxes if box.kind == "place"]
    assert len({max(line.width for line in box.lines) for box in drawn}) == 2
    assert len({box.width for box in drawn}) == 1


def test_a_phone_shows_text_that_can_be_read() -> None:
    # 360 pixels less the margins of the page
    part = boxes.arrange([read_host(lab(40))], layout.NARROW)
    smallest = min(size for size, _height in layout.STYLES.values())
    assert smallest * min(1, 344 / (part.width + 2 * svg.MARGIN)) >= 9.5


@given(found=topologies)
@settings(max_examples=15, deadline=None)
def test_svg_and_html_are_well_formed_and_need_nothing_from_outside(found: dict[str, Any]) -> None:
    drawn = topology.topology_svg([found])
    root = ET.fromstring(drawn)
    _x, _y, width, height = map(float, root.attrib["viewBox"].split())
    for rect in root.iter(SVG + "rect"):
        assert float(rect.get("x", 0)) + float(rect.attrib["width"]) <= width
        assert float(rect.get("y", 0)) + float(rect.attrib["height"]) <= height
    assert root.find(SVG + "title") is not None
    assert root.find(SVG + "desc") is not None
    page = topology.topology_html([found])
    for text in (drawn, page):
        assert "<script" not in text
        outside = re.findall(r"(?:href|src|@import|url\()[^>]*", text)
        assert all(each.startswith("url(#") for each in outside)

    class Strict(HTMLParser):
        open: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            if tag not in ("meta",):
                self.open.append(tag)

        def handle_startendtag(self, tag: str, attrs: Any) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    Strict.open = []
    parser = Strict()
    parser.feed(page)
    assert parser.open == []


def test_every_name_and_address_is_drawn_once() -> None:
    root = ET.fromstring(topology.topology_svg([lab(5, elsewhere=2)]))
    texts = [each.text for each in root.iter(SVG + "text")]
    assert sorted(each for each in texts if each and re.match(r"ns\d", each)) == ["ns%d" % n for n in range(1, 6)]
    words = " ".join(filter(None, texts)).split()
    for number in range(1, 6):
        assert words.count("10.0.1.%d/16" % number) == 1
        assert words.count("out%d" % number) == 1
    assert words.count("203.0.113.0:443") == words.count("203.0.113.1:443") == 1
    assert words.count("10.100.100.1:80") == 1
    assert not any("127.0.0.1" in word or "fe80" in word for word in words)


def test_odd_names_are_text() -> None:
    odd = "<b>&\"'\x01"
    for draw in (topology.topology_svg, topology.topology_html):
        drawn = draw([lab(2, odd=odd)])
        assert "<b>" not in drawn
        assert "\x01" not in drawn
    texts = [each.text for each in ET.fromstring(topology.topology_svg([lab(2, odd=odd)])).iter(SVG + "text")]
    assert "ns<b>&\"'\ufffd1" in texts
    assert "\x1b" not in topology.topology_text([lab(2, odd="\x1b[2J")])
    mermaid = topology.topology_mermaid([lab(2, odd='"]; click <b>\n')])
    assert all(len(re.findall('"', line)) % 2 == 0 for line in mermaid.splitlines())
    assert "<b>" not in mermaid


@given(found=topologies)
@settings(max_examples=15, deadline=None)
def test_text_fits_a_terminal_and_mermaid_names_what_it_links(found: dict[str, Any]) -> None:
    text = topology.topology_text([found])
    assert all(layout.columns(line) <= 80 for line in text.splitlines())
    lines = topology.topology_mermaid([found]).splitlines()
    assert lines[0] == "flowchart TB"
    assert sum(line.strip().startswith("subgraph") for line in lines) == sum(line.strip() == "end" for line in lines)
    nodes = re.compile(r'\s+(h0_\w+)(\(\[|\{\{|\[/|\[)"[^"]*"(\]\)|\}\}|\\\]|\])')
    links = re.compile(r'\s+(h0_\w+) (?:---|==>|-\.->)(?:\|"[^"]*"\|)? (h0_\w+)')
    known: set[str] = set()
    linked: set[str] = set()
    for line in lines[2:-1]:
        node, between = nodes.fullmatch(line), links.fullmatch(line)
        assert node or between, line
        if node:
            assert node[1] not in known
            known.add(node[1])
        elif between:
            linked |= {between[1], between[2]}
    assert linked <= known


def test_the_same_state_gives_the_same_bytes() -> None:
    one = lab(7, services=2, elsewhere=2)
    other = json.loads(json.dumps(one))
    for draw in (topology.topology_svg, topology.topology_html, topology.topology_mermaid, topology.topology_text):
        assert draw([one]) == draw([other])


class TestTraffic:
    def test_answers_are_told_apart_by_their_pages(self) -> None:
        host = read_host(lab(2))
        (service,) = host.services
        assert (service.requests, service.reached_by) == (12, Tally(3, 3))
        assert [server.answers for server in service.servers] == [6, 6]
        assert [place.reached_by for place in host.places] == [Tally(3, 3)] * 2
        assert host.reaches == Tally(3, 3)

    def test_answers_to_direct_requests_are_traffic(self) -> None:
        host = read_host(lab(2, services=0))
        # Of three clients, the namespace itself asks by its loopback.
        assert [place.direct for place in host.places] == [2, 2]
        part = boxes.arrange([host], layout.WIDE)
        assert [(edge.kind, edge.label) for edge in part.edges] == [("flow", "2 answers")] * 2
        lines = [line.text for box in boxes.arrange([host], layout.NARROW).boxes for line in box.lines]
        assert lines.count("2 answers") == 2

    def test_direct_answers_and_those_of_a_service_are_one_stream(self) -> None:
        part = boxes.arrange([read_host(lab(2))], layout.WIDE)
        assert sorted(edge.label for edge in part.edges) == ["12 answers", "12 requests", "8 answers", "8 answers"]

    def test_what_nobody_asks_has_no_traffic(self) -> None:
        found = lab(2, services=0)
        found["checks"] = [row for row in found["checks"] if row["target"] == "pod1" and row["netns"] == "ns1"]
        host = read_host(found)
        assert [place.direct for place in host.places] == [None, None]
        assert {edge.kind for edge in boxes.arrange([host], layout.WIDE).edges} == {"wire"}

    def test_what_fails_is_drawn_as_such(self) -> None:
        found = lab(2)
        for row in found["checks"]:
            if row["target"] == "pod2":
                row.update(reached=False, answers=[], problem="curl exit code 28, timed out")
        part = boxes.arrange([read_host(found)], layout.WIDE)
        assert [edge.kind for edge in part.edges if edge.kind == "failed"] == ["failed"]
        assert "curl exit code 28" in topology.topology_html([found])
        assert "host does not reach pod2" in topology.topology_text([found])

    def test_without_a_check_the_counters_count(self) -> None:
        part = boxes.arrange([read_host(lab(2, checked=False))], layout.WIDE)
        assert sorted(edge.label for edge in part.edges) == ["3 connections", "3 connections", "6 connections"]

    def test_without_either_there_are_only_wires(self) -> None:
        found = dict(lab(2, checked=False), statistics=[])
        part = boxes.arrange([read_host(found)], layout.WIDE)
        assert {edge.kind for edge in part.edges} == {"wire"}

    def test_a_share_is_seen_in_its_width(self) -> None:
        found = lab(2, checked=False)
        found["statistics"][0]["real_servers"][0]["connections"] = 300
        busy, idle = (each for each in boxes.arrange([read_host(found)], layout.WIDE).edges if each.label[:3] != "303")
        assert (busy.label, idle.label) == ("300 connections", "3 connections")
        assert busy.width > 2 * idle.width


class TestShapes:
    def test_a_host_with_nothing(self) -> None:
        check_geometry(boxes.arrange([read_host(dict(name="empty"))], layout.NARROW))
        assert topology.topology_text([dict(name="empty")]) == "empty\n"

    def test_several_hosts(self) -> None:
        hosts = [dict(lab(3), name="node%d" % number) for number in range(3)]
        for form in FORMS:
            check_geometry(boxes.arrange([read_host(host) for host in hosts], form))

    def test_namespaces_on_no_bridge_and_a_bridge_inside_of_one(self) -> None:
        found = lab(3)
        own, first, second, third = found["namespaces"]
        own["links"] = [each for each in own["links"] if each["name"] != "out3"]
        third["links"] = [
            link("eth0", addresses=["10.9.0.1/24"], peer=dict(name="eth1", index=3, netns="ns1", path=""))
        ]
        first["links"].append(link("eth1", peer=dict(name="eth0", index=2, netns="ns3", path="")))
        second["links"] += [link("br1", "bridge", addresses=["10.8.0.1/24"]), link("port1", bridge="br1")]
        host = read_host(found)
        assert [bridge.inside for bridge in host.bridges] == ["", "ns2"]
        assert host.loose == [2]
        assert host.places[2].devices[0].leads_to == "eth1 in ns1"
        for form in FORMS:
            check_geometry(boxes.arrange([host], form))

    def test_a_firewall_mark_and_a_service_without_servers(self) -> None:
        found = lab(0, services=0)
        found["services"] = [dict(fwmark=7, family="inet6", scheduler="mh", real_servers=[])]
        assert "firewall mark 7 (inet6) mh" in topology.topology_text([found])
        check_geometry(boxes.arrange([read_host(found)], layout.WIDE))

    @pytest.mark.parametrize("hosts", ["lab", {}, [], ["lab"], None])
    def test_what_is_no_list_of_hosts(self, hosts: Any) -> None:
        with pytest.raises(AnsibleFilterError, match="a list of hosts is wanted"):
            topology.topology_text(hosts)

    def test_what_no_module_returns(self) -> None:
        broken = copy.deepcopy(lab(1))
        del broken["namespaces"][0]["links"][0]["kind"]
        with pytest.raises(AnsibleFilterError, match="host lab is not what netns_info"):
            topology.topology_svg([broken])

    def test_without_the_library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(layout, "GRAPHLAY_ERROR", ImportError("No module named 'graphlay'"))
        with pytest.raises(AnsibleFilterError, match=r"topology_svg: needs the Python package graphlay.*pip install"):
            topology.topology_svg([lab()])
        assert topology.topology_text([lab()])


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_contrast_is_that_of_wcag_aa(scheme: int) -> None:
    for ground in ("page", *svg.BOXES):
        for text in ("text", "small", "good", "bad"):
            ratio = contrast(svg.COLOURS[text][scheme], svg.COLOURS[ground][scheme])
            assert ratio >= 4.5, (text, ground, ratio)
    for ground in ("page", "host", "bridge"):
        for line in svg.LINES:
            assert contrast(svg.COLOURS[line][scheme], svg.COLOURS[ground][scheme]) >= 3, (line, ground)


@pytest.mark.parametrize(
    ("number", "shown"),
    [(1, "1 entry"), (0, "0 entries"), (9999, "9999 entries"), (12345, "12.3k entries"), (2500000, "2.5M entries")],
)
def test_numbers_are_short(number: int, shown: str) -> None:
    assert many(number, "entry") == shown


def test_services_have_their_names_and_empty_sets_are_counted_only():
    drawn = topology.topology_text(
        [
            {
                "name": "lab",
                "services": [
                    {"address": "10.96.0.10", "protocol": "tcp", "port": 80, "scheduler": "rr", "real_servers": []}
                ],
                "service_names": {"10.96.0.10,tcp:80": "default/web:http"},
                "sets": [
                    {"name": "KUBE-%s" % name, "type": "hash:ip,port", "entries": entries}
                    for name, entries in (("A", []), ("B", []), ("C", []), ("CLUSTER-IP", ["10.96.0.10,tcp:80"]))
                ],
            }
        ]
    )
    assert "default/web:http" in drawn
    assert "set KUBE-CLUSTER-IP, hash:ip,port, 1 entry" in drawn
    assert "3 empty sets" in drawn
    assert "KUBE-A" not in drawn
