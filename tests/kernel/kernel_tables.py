# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IPVS tables in a namespace of a node, by the collection's modules and by ipvsadm(8), and tables made at random.

How a table reads in ipvsadm's words is written down here a second time, from its manual, so that the collection's own
rendering is not its own judge.
"""

from __future__ import annotations

import ipaddress
import os
from typing import Any

from hypothesis import strategies as st
from node import Node

NETNS = "tables-%d" % os.getpid()

FLAGS = {"sh": ["sh-fallback", "sh-port"], "mh": ["mh-fallback", "mh-port"]}
#: What the kernels of the project's nodes have; twos is built nowhere.
SCHEDULERS = ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "none"]
METHODS = {"masquerading": "-m", "direct": "-g", "tunnel": "-i"}
CHECKSUMS = {"none": "--tun-nocsum", "full": "--tun-csum", "remote": "--tun-remcsum"}


class Tables:
    """The table of the namespace, by the collection's modules and by ipvsadm(8)."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def module(self, name: str, /, **params: Any) -> dict[str, Any]:
        """The result of a module; check mode has to predict it and to change nothing."""
        before = self.saved()
        predicted = self.node.module(name, check=True, netns=NETNS, **params)
        assert self.saved() == before
        result = self.node.module(name, netns=NETNS, **params)
        for each in (predicted, result):
            each.pop("took")
        assert predicted == result
        return result

    def run(self, name: str, /, **params: Any) -> dict[str, Any]:
        """The result of a module, without check mode before."""
        return self.node.module(name, netns=NETNS, **params)

    def command(self, *words: str, stdin: str = "") -> str:
        """What a program prints in the namespace."""
        return self.node.command("ip", "netns", "exec", NETNS, *words, stdin=stdin)

    def ipvsadm(self, *words: str, stdin: str = "") -> str:
        """What ipvsadm(8) prints."""
        return self.command("ipvsadm", *words, stdin=stdin)

    def saved(self) -> list[str]:
        """The table's lines as ipvsadm saves them, sorted; it saves no thresholds."""
        return sorted(line.strip() for line in self.ipvsadm("-Sn").splitlines())

    def thresholds(self) -> list[tuple[str, ...]]:
        """The real servers that have thresholds, as ipvsadm lists them: address, upper and lower one, sorted."""
        listed = [line.split() for line in self.ipvsadm("-Ln", "--thresholds").splitlines() if "->" in line][1:]
        return sorted((words[1], words[2], words[3]) for words in listed if words[2] != "0")


def endpoint(address: str, port: int) -> str:
    """ADDRESS:PORT, as ipvsadm writes it."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def name_of(service: dict[str, Any]) -> str:
    """A service's option and value on ipvsadm's command line."""
    if "fwmark" in service:
        return f"-f {service['fwmark']}" + (" -6" if service["family"] == "inet6" else "")
    option = {"tcp": "-t", "udp": "-u", "sctp": "--sctp-service"}[service["protocol"]]
    return f"{option} {endpoint(service['address'], service['port'])}"


def lines(service: dict[str, Any], thresholds: bool = False) -> list[str]:
    """A service and its real servers as ipvsadm saves them, or, with thresholds, as any of its versions reads them."""
    words = ["-A", name_of(service), "-s", service["scheduler"]]
    if service.get("persistence_timeout"):
        words += ["-p", str(service["persistence_timeout"])]
        mask = service.get("persistence_netmask")
        if mask is not None:
            words += ["-M", str(ipaddress.ip_network(f"0.0.0.0/{mask}").netmask) if _is_inet(service) else mask]
        if service.get("persistence_engine"):
            words += ["--pe", service["persistence_engine"]]
    if service.get("one_packet"):
        words.append("-o")
    if service.get("scheduler_flags"):
        words += ["-b", ",".join(service["scheduler_flags"])]
    found = [" ".join(words)]
    for server in service["real_servers"]:
        words = ["-a", name_of(service), "-r", endpoint(server["address"], server["port"])]
        words += [METHODS[server["forwarding_method"]], "-w", str(server["weight"])]
        if thresholds and server.get("upper_threshold"):
            words += ["-x", str(server["upper_threshold"]), "-y", str(server["lower_threshold"])]
        if server["forwarding_method"] == "tunnel":
            if not thresholds or server["tunnel_type"] != "ipip":
                words += ["--tun-type", server["tunnel_type"]]
            if server["tunnel_type"] == "gue":
                words += ["--tun-port", str(server["tunnel_port"])]
            if server["tunnel_type"] != "ipip":
                words.append(CHECKSUMS[server["tunnel_checksum"]])
        found.append(" ".join(words))
    return found


def table_lines(services: list[dict[str, Any]], thresholds: bool = False) -> list[str]:
    """A table's lines, sorted."""
    return sorted(line for service in services for line in lines(service, thresholds))


def _is_inet(service: dict[str, Any]) -> bool:
    return bool(service.get("family") == "inet" if "fwmark" in service else ":" not in service["address"])


def addresses(family: str) -> st.SearchStrategy[str]:
    """Addresses that a real server can have, few enough to meet again."""
    pattern = "192.168.7.{}" if family == "inet" else "fd00:7::{:x}"
    return st.integers(1, 12).map(pattern.format)


@st.composite
def real_servers(draw: st.DrawFn, service: dict[str, Any]) -> dict[str, Any]:
    """A real server that fits its service."""
    # What a one-packet service masquerades never gets an answer.
    method = draw(st.sampled_from(sorted(METHODS.keys() - {"masquerading"} if service.get("one_packet") else METHODS)))
    family = "inet" if _is_inet(service) else "inet6"
    if method == "tunnel" and draw(st.booleans()):
        family = draw(st.sampled_from(["inet", "inet6"]))
    server: dict[str, Any] = dict(
        address=draw(addresses(family)),
        forwarding_method=method,
        weight=draw(st.sampled_from([0, 1, 100, 65535, 2**31 - 1])),
    )
    fixed = "fwmark" not in service and method != "masquerading"
    server["port"] = service["port"] if fixed else draw(st.sampled_from([80, 65535] + [0] * ("fwmark" in service)))
    if draw(st.booleans()):
        server["upper_threshold"] = draw(st.sampled_from([1, 1000, 65535, 2**31 - 1]))
        server["lower_threshold"] = draw(st.integers(0, server["upper_threshold"]))
    if method == "tunnel":
        kind = server["tunnel_type"] = draw(st.sampled_from(["ipip", "gue", "gre"]))
        if kind == "gue":
            server["tunnel_port"] = draw(st.sampled_from([1, 6080, 65535]))
        if kind != "ipip":
            server["tunnel_checksum"] = draw(st.sampled_from(["none", "full"] + ["remote"] * (kind == "gue")))
    return server


@st.composite
def services(draw: st.DrawFn) -> dict[str, Any]:
    """A virtual service with real servers, every option of both within reach."""
    family = draw(st.sampled_from(["inet", "inet6"]))
    service: dict[str, Any]
    if draw(st.integers(0, 3)) == 0:
        service = dict(fwmark=draw(st.sampled_from([1, 7, 2**31 - 1])), family=family)
    else:
        address = draw(
            st.sampled_from(["10.99.0.1", "10.99.0.2"] if family == "inet" else ["fd00:99::1", "fd00:99::2"])
        )
        protocol = draw(st.sampled_from(["tcp", "udp", "sctp"]))
        service = dict(protocol=protocol, address=address, port=draw(st.sampled_from([0, 80, 65535])))
    service["scheduler"] = draw(st.sampled_from(SCHEDULERS))
    # ipvsadm shows no third flag of the two schedulers whose flags have names.
    flags = FLAGS.get(service["scheduler"], ["flag-1", "flag-2", "flag-3"])
    chosen = draw(st.sets(st.sampled_from(flags)))
    if chosen:
        service["scheduler_flags"] = [flag for flag in flags if flag in chosen]
    if service.get("port") == 0 or draw(st.booleans()):
        service["persistence_timeout"] = draw(st.sampled_from([1, 300, 86400, 2678400]))
        if draw(st.booleans()):
            least, whole = (0, 32) if family == "inet" else (1, 128)
            service["persistence_netmask"] = str(draw(st.integers(least, whole - 1)))
        if draw(st.integers(0, 3)) == 0:
            service["persistence_engine"] = "sip"
    if service.get("protocol") == "udp" and draw(st.booleans()):
        service["one_packet"] = True
    service["real_servers"] = draw(
        st.lists(real_servers(service), max_size=4, unique_by=lambda server: (server["address"], server["port"]))
    )
    return service


def described(services: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same table with every option said, since what a task leaves open stays as it is."""
    nothing = dict(scheduler_flags=[], one_packet=False, persistence_timeout=0, persistence_engine="none")
    return [
        {
            **nothing,
            "persistence_netmask": "32" if _is_inet(service) else "128",
            **service,
            "real_servers": [dict(upper_threshold=0, lower_threshold=0) | server for server in service["real_servers"]],
        }
        for service in services
    ]


#: Tables of up to eight services.
tables = st.lists(services(), min_size=1, max_size=8, unique_by=name_of)
