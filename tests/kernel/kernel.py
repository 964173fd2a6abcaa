# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a node's network as the kernel's own tools print it, made comparable.

Two nodes that were built the same way differ in what is random or changes by itself. That, and nothing else, is taken
out here, each thing with its reason.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

#: What is read in each namespace. `|| true`: a tool that fails says so in what it prints, and that is compared too.
COMMANDS = {
    "links": "ip -j -d link",
    "addresses": "ip -j address",
    "routes": "ip -j -4 route; ip -j -6 route",
    "bridge ports": "bridge -d -j link",
    "services": "ipvsadm -Sn",
    "sets": "ipset save",
    "rules": "iptables-save; ip6tables-save",
    "switches": "sysctl net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables net.ipv4.vs.conntrack",
    "name servers": "cat /etc/resolv.conf",
}

#: Keys of the tools' JSON that are left out, at any depth.
VOLATILE = {
    # Random, and what is made of it: hardware addresses, link-local addresses, a bridge's id
    "address",
    "bridge_id",
    "designated_bridge",
    "designated_root",
    "permaddr",
    "root_id",
    "root_port",
    # Given in the order in which devices and namespaces were made since the boot, others' included
    "ifindex",
    "link_index",
    "link_netnsid",
    # bridge(8) shows the far end of a pair as whichever device of this namespace has its index
    "link",
    # What a bridge's clocks set off
    "topology_change",
    "topology_change_detected",
    # What the bridge has learned from traffic
    "fdb_n_learned",
    # Whether the kernel has already made sure, within the first seconds, that nobody else has an IPv6 address
    "tentative",
}

#: The end of the keys of clocks that run, such as `forward_delay_timer` of a port that came up within 15 seconds. What
#: they are set to ends in `_time`, `_delay` or `_interval`, and is compared.
CLOCK = "_timer"

#: Patterns in the tools' texts, and what stands for them.
RANDOM_TEXT = (
    (r" initval 0x[0-9a-f]+", ""),  # the seed of a set's hash
    (r" bucketsize 12\b", ""),  # the usual size, which a set of an older revision has as well, and does not tell
    (r"^# (Generated|Completed).*\n", ""),  # the time of day
    (r"\[\d+:\d+\]", "[0:0]"),  # packets and bytes that have passed
)


def read(host: Any, namespaces: Iterable[str] = ()) -> dict[str, Any]:
    """The state of a node, in its own namespace (named ``""``) and in others, as lines and JSON made comparable."""
    state = {}
    for netns in ("", *namespaces):
        prefix = f"ip netns exec {netns} " if netns else ""
        parts = [f"( {command} ) 2>&1 || true" for command in COMMANDS.values()]
        script = "; echo @@@@; ".join(parts)
        printed = host.check_output(f"{prefix}sh -c '%s'" % script.replace("'", "'\\''")).split("@@@@\n")
        state[netns] = {what: comparable(text) for what, text in zip(COMMANDS, printed, strict=True)}
        # A hash has no order of its own.
        state[netns]["sets"].sort()
    return state


def comparable(text: str) -> Any:
    """What a tool printed without what is random: its JSON as a list, its text as a list of lines."""
    if text.startswith("["):
        lists = [json.loads(line) for line in text.splitlines() if line.startswith("[")]
        return sorted((without_volatile(each) for one in lists for each in one if each), key=_name)
    for pattern, standing in RANDOM_TEXT:
        text = re.sub(pattern, standing, text, flags=re.MULTILINE)
    return text.splitlines()


def without_volatile(value: Any) -> Any:
    """A JSON value without the volatile keys, and without addresses that the kernel made of random ones."""
    if isinstance(value, Mapping):
        kept = {key: without_volatile(each) for key, each in value.items() if _stays(key)}
        if "dst" in kept and str(kept["dst"]).startswith("fe80::") and not kept["dst"].endswith("/64"):
            kept["dst"] = "fe80::"
        if str(kept.get("local", "")).startswith("fe80::"):
            kept["local"] = "fe80::"
        return kept
    if isinstance(value, list):
        return [without_volatile(each) for each in value]
    return value


def _stays(key: str) -> bool:
    return key not in VOLATILE and not key.endswith(CLOCK)


def _name(value: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(value.get(key, "")) for key in ("ifname", "dst", "dev", "gateway", "metric"))


def differences(one: Any, other: Any, where: str = "") -> Iterator[str]:
    """Each place at which two states differ, as a line that names it and shows both."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys([*one, *other]):
            yield from differences(one.get(key), other.get(key), f"{where} / {key or 'node'}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for left, right in zip(one, other, strict=True):
            name = left.get("ifname") or left.get("dst") if isinstance(left, dict) else None
            yield from differences(left, right, f"{where} / {name}" if name else where)
    elif one != other:
        yield f"{where.removeprefix(' / ')}: {one!r} != {other!r}"


def main() -> int:
    """Write the state of the group's only host to a file, for a comparison later on."""
    import testinfra

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("inventory")
    parser.add_argument("file", type=argparse.FileType("w"))
    parser.add_argument("namespaces", nargs="*")
    asked = parser.parse_args()
    (host,) = testinfra.get_hosts(["ansible://lab_nodes"], ansible_inventory=asked.inventory)
    json.dump(read(host, asked.namespaces), asked.file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
