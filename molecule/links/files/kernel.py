# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print what some namespaces hold, one fact a line, as ip(8) and bridge(8) see it. Arguments: their names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any


def tool(*command: str) -> Any:
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout or "[]")


def facts(netns: str, links: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    hairpin = {port["ifname"]: port.get("hairpin") for port in tool("bridge", "-n", netns, "-d", "-j", "link")}
    for link in links[netns]:
        name, flags = link["ifname"], link["flags"]
        if name == "lo":
            yield "lo " + ("up" if "UP" in flags else "down")
            continue
        words = [name, link.get("linkinfo", {}).get("info_kind", "device"), "up" if "UP" in flags else "down"]
        words += ["promiscuous"] if "PROMISC" in flags else []
        words += ["mtu %d" % link["mtu"]] if link["mtu"] != 1500 else []
        words += ["port of " + link["master"]] if "master" in link else []
        words += ["hairpin"] if hairpin.get(name) else []
        words += ["to " + far_end(link, netns, links)] if "link_index" in link or "link" in link else []
        yield " ".join(words)
        for address in link["addr_info"]:
            if address.get("scope") != "link":
                yield "%s address %s/%d" % (name, address["local"], address["prefixlen"])
    for family in ("-4", "-6"):
        for route in tool("ip", "-n", netns, "-j", family, "route"):
            if route.get("protocol") != "kernel":
                metric = " metric %d" % route["metric"] if route.get("metric", 1024) != 1024 else ""
                to = route["dst"] if route["dst"] != "default" else {"-4": "0.0.0.0/0", "-6": "::/0"}[family]
                yield "route to %s via %s dev %s%s" % (to, route.get("gateway"), route["dev"], metric)


def far_end(link: dict[str, Any], netns: str, links: dict[str, list[dict[str, Any]]]) -> str:
    """Where the other end of a veth is: `link` names it in the same namespace, `link_index` counts in another one."""
    if "link" in link:
        return str(link["link"])
    names = {each["nsid"]: each.get("name", "nowhere") for each in tool("ip", "-n", netns, "-j", "netns", "list-id")}
    there = names.get(link.get("link_netnsid"), "nowhere") if "link_netnsid" in link else netns
    devices = [each["ifname"] for each in links.get(there, []) if each["ifindex"] == link["link_index"]]
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


def main() -> None:
    known = {name for name in sys.argv[1:] if os.path.ismount("/run/netns/" + name)}
    links = {name: tool("ip", "-n", name, "-j", "-d", "address") for name in sorted(known)}
    for name in sys.argv[1:]:
        for fact in sorted([*files(name), *(facts(name, links) if name in known else ())]):
            print("%s: %s" % (name, fact))


main()
