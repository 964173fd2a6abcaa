# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What some namespaces hold, one fact a line, as ip(8) sees it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any

from node import Node

#: For a shell, with namespaces as arguments: what stands for each in the file system, a line of words each. The last is
#: its resolv.conf in base64. The shell does by itself what it can: a process more takes a slow node long.
FILES = r"""
mounts="
$(cut -d ' ' -f 5 /proc/self/mountinfo)
"
for name; do
  mount=/run/netns/$name folder=/etc/netns/$name mounted=no exists=no there=no file=no content=
  case $mounts in *"
$mount
"*) mounted=yes ;; esac
  [ ! -e "$mount" ] || exists=yes
  [ ! -e "$folder" ] || there=yes
  if [ -e "$folder/resolv.conf" ]; then file=yes content=$(base64 -w0 "$folder/resolv.conf"); fi
  echo "$name $mounted $exists $there $file $content"
done
"""

#: A bridge's own switches for netfilter
NETFILTER = ("nf_call_iptables", "nf_call_ip6tables", "nf_call_arptables")


class Namespace:
    """What ip(8) says of one namespace, in as few processes as it takes."""

    def __init__(self, node: Node, name: str) -> None:
        self.name = name
        self.links, routes, self.known = ip(node, name, "address", "route", "netns list-id")
        (routes6,) = ip(node, name, "route", family="-6")
        self.routes = [("0.0.0.0/0", route) for route in routes] + [("::/0", route) for route in routes6]


def ip(node: Node, netns: str, *requests: str, family: str = "-0") -> list[Any]:
    options = [] if family == "-0" else [family]
    lines = "\n".join(requests) + "\n"
    rest = node.command("ip", "-n", netns, "-j", "-d", *options, "-batch", "-", stdin=lines).strip()
    decoder = json.JSONDecoder()
    answers = []
    while rest:
        answer, end = decoder.raw_decode(rest)
        answers.append(answer)
        rest = rest[end:].lstrip()
    assert len(answers) == len(requests), answers
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
        words += [switch for switch in NETFILTER if info.get("info_data", {}).get(switch)]
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
            metric += " onlink" if "onlink" in route.get("flags", ()) else ""
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


def files(mounted: str, exists: str, folder: str, file: str, content: str = "") -> Iterator[str]:
    if exists == "yes" and mounted == "no":
        yield "a file and no namespace"
    if file == "yes":
        yield "resolv.conf " + json.dumps(base64.b64decode(content).decode())
    elif folder == "yes":
        yield "a folder in /etc/netns"


def view(node: Node, names: Iterable[str]) -> list[str]:
    """Each fact after the name of its namespace; a namespace that is not there has none."""
    said = node.command("sh", "-c", FILES, "sh", *names).splitlines()
    found = {name: rest for name, *rest in map(str.split, said)}
    there = {name: Namespace(node, name) for name, rest in found.items() if rest[0] == "yes"}
    return [
        "%s: %s" % (name, fact)
        for name, rest in found.items()
        for fact in sorted([*files(*rest), *(facts(there[name], there) if name in there else ())])
    ]
