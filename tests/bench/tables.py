# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Large IPVS tables beside ipvsadm(8), on the lab's node and in one run: see the ratios. Nothing is asserted.

What is measured of ours is the module's whole work in a process that runs already: reading options or text, reading the
table, planning, encoding, sending, confirming. Left out is what Ansible needs to get there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests" / "tools"))

from node import Node  # noqa: E402  (it lies in the folder of the line above)

INVENTORY = CHECKOUT / ".lab" / "inventory.yml"
NETNS = "bench"
SERVERS = 10


def lines(services: int, weight: int = 1) -> list[str]:
    """A table in ipvsadm's words; every hundredth service has a real server of another weight."""
    found = []
    for number in range(services):
        name = "-t 10.%d.%d.1:80" % (100 + number // 250, number % 250)
        found.append(f"-A {name} -s rr")
        for server in range(1, SERVERS + 1):
            other = weight if (number % 100, server) == (0, 1) else 1
            found.append(f"-a {name} -r 10.{number // 250}.{number % 250}.{server}:8080 -m -w {other}")
    return found


def ipvsadm(option: str, text: str = "") -> float:
    """The seconds that ipvsadm takes."""
    with Node(INVENTORY) as node:
        done = node.ask(dict(command=["ip", "netns", "exec", NETNS, "ipvsadm", option], stdin=text))
        return float(done["took"]["seconds"])


def ours(**options: Any) -> tuple[float, float]:
    """The seconds that our module takes in a new process, and the most memory that the process had (MiB)."""
    with Node(INVENTORY) as node:
        took = node.module("ipvs_table", netns=NETNS, purge=True, diff=False, **options)["took"]
        return took["seconds"], took["peak_kib"] / 1024


def rows(services: int) -> Iterator[tuple[str, float, str, float, str]]:
    """What is compared: our seconds, the peer and its seconds, and the aim."""
    text, changed = ("\n".join(lines(services, weight)) + "\n" for weight in (1, 2))
    ipvsadm("-C")
    restore = ipvsadm("-R", text)
    save = ipvsadm("-Sn")
    with Node(INVENTORY) as node:
        listed = node.module("ipvs_info", netns=NETNS)["services"]
    for form, options, other in (
        ("text", dict(text=text), dict(text=changed)),
        ("services", dict(services=listed), None),
    ):
        ipvsadm("-C")
        seconds, _memory = ours(**options)
        yield f"`{form}` into an empty table", seconds, "`ipvsadm --restore`", restore, "at most 0.3"
        again, memory = ours(**options)
        yield f"`{form}` again ({memory:.0f} MiB)", again, "`ipvsadm --save`", save, "at most 1.5"
        if other:
            seconds, _memory = ours(**other)
            yield f"`{form}`, 1 % changed", seconds, "nothing changed", again, "at most 1.2"
    ipvsadm("-C")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, nargs="*", default=[100, 1000], help="sizes of tables (100 1000)")
    options = parser.parse_args()
    with Node(INVENTORY) as node:
        node.command("ip", "netns", "add", NETNS)
        node.command("ip", "-n", NETNS, "link", "set", "lo", "up")
        try:
            for services in options.services:
                print(f"\n### {services:,} virtual services with {SERVERS} real servers each\n")
                print("| | seconds | peer | its seconds | ratio | aim |\n| --- | ---: | --- | ---: | ---: | --- |")
                for name, seconds, peer, against, aim in rows(services):
                    print(
                        f"| {name} | {seconds:.2f} | {peer} | {against:.2f} | {seconds / against:.2f} | {aim} |",
                        flush=True,
                    )
        finally:
            node.command("ip", "netns", "del", NETNS)


if __name__ == "__main__":
    main()
