# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What some namespaces hold, one fact a line, as ip(8) sees it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from typing import Any


class Namespace:
    """What ip(8) says of one namespace, in as few processes as it takes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.links, routes, self.known = ip(name, "address", "route", "netns list-id")
        (routes6,) = ip(name, "route", family="-6")
        self.routes = [("0.0.0.0/0", route) for route in routes] + [("::/0", route) for route in routes6]


def ip(netns: str, *requests: str, family: str = "-0") -> list[Any]:
    options = [] if family == "-0" else [family]
    done = subprocess.run(
        ["ip", "-n", netns, "-j", "-d", *options, "-batch", "-"],
        input="\n".join(requests) + "\n",
        check=True,
        capture_output=True,
        text=True,
    )
    decoder = json.JSONDecoder()
    answers = []
    rest = done.stdout.strip()
    while rest:
        answer, end = decoder.raw_decode(rest)
        answers.append(answer)
        rest = rest[end:].lstrip()
    assert len(answers) == len(requests), done.stdout
    return answers


def facts(here: Namespace, all_of_them: dict[str, Namespace]) -> Iterator[str]:
    for link in here.links:
        name, flags, info = link["ifname"], link["flags"], link.get("linkinfo", {})
        if name == "lo":
            yield "lo " + ("up" if "UP" in flags else "down")
            continue
        words = [name, info.get("info_kind", "device"), "up" if "UP" in flags else "down"]
        words += ["promiscuous"] if "PROMISC" in flags else []
        words += ["mtu %d" % link["mtu"]] if link["mtu"] != 1500 else []
        words += ["port of " + link["master"]] if "master" in link else []
        words += ["hairpin"] if info.get("info_slave_data", {}).get("hairpin") else []
        words += ["to " + far_end(link, here, all_of_them)] if "link_index" in link or "link" in link else []
        yield " ".join(words)
        for address in link["addr_info"]:
            if address.get("scope") != "link":
                yield "%s address %s/%d" % (name, address["local"], address["prefixlen"])
    for anywhere, route in here.routes:
        if route.get("protocol") != "kernel" and route.get("type", "unicast") == "unicast":
            to = route["dst"] if route["dst"] != "default" else anywhere
            metric = " metric %d" % route["metric"] if route.get("metric", 1024) != 1024 else ""
            yield "route to %s via %s dev %s%s" % (to, route.get("gateway"), route["dev"], metric)


def far_end(link: dict[str, Any], here: Namespace, all_of_them: dict[str, Namespace]) -> str:
    """Where the other end of a veth is: `link` names it in the same namespace, `link_index` counts in another one."""
    if "link" in link:
        return str(link["link"])
    names = {each["nsid"]: each.get("name", "nowhere") for each in here.known}
    there = names.get(link.get("link_netnsid"), "nowhere") if "link_netnsid" in link else here.name
    links = all_of_them[there].links if there in all_of_them else []
    devices = [each["ifname"] for each in links if each["ifindex"] == link["link_index"]]
    return "%s %s" % (there, devices[0] if devices else "?")


def files(netns: str) -> Iterator[str]:
    path = "/run/netns/" + netns
    if os.path.exists(path) and not os.path.ismount(path):
        yield "a file and no namespace"
    path = "/etc/netns/%s/resolv.conf" % netns
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            yield "resolv.conf " + json.dumps(file.read())
    elif os.path.exists(os.path.dirname(path)):
        yield "a folder in /etc/netns"


def view(names: Iterable[str]) -> list[str]:
    """Each fact after the name of its namespace; a namespace that is not there has none."""
    there = {name: Namespace(name) for name in names if os.path.ismount("/run/netns/" + name)}
    return [
        "%s: %s" % (name, fact)
        for name in names
        for fact in sorted([*files(name), *(facts(there[name], there) if name in there else ())])
    ]
