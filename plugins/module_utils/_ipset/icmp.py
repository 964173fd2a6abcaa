# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Protocols, and the types and codes of ICMP, by their names: tables."""

from __future__ import annotations

from typing import Mapping

#: Protocols by the names that ipset(8) prints everywhere; others depend on /etc/protocols.
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58, "sctp": 132, "udplite": 136}
PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}
WITH_PORTS = ("tcp", "udp", "sctp", "udplite")
#: The family in which a protocol has types and codes instead of ports.
ICMP = {"icmp": "inet", "icmpv6": "inet6"}
#: The names that ipset(8) prints for type and code (lib/icmp.c, lib/icmpv6.c); a name means one pair.
ICMP_NAMES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "icmp": {
        "echo-reply": (0, 0),
        "pong": (0, 0),
        "network-unreachable": (3, 0),
        "host-unreachable": (3, 1),
        "protocol-unreachable": (3, 2),
        "port-unreachable": (3, 3),
        "fragmentation-needed": (3, 4),
        "source-route-failed": (3, 5),
        "network-unknown": (3, 6),
        "host-unknown": (3, 7),
        "network-prohibited": (3, 9),
        "host-prohibited": (3, 10),
        "tos-network-unreachable": (3, 11),
        "tos-host-unreachable": (3, 12),
        "communication-prohibited": (3, 13),
        "host-precedence-violation": (3, 14),
        "precedence-cutoff": (3, 15),
        "source-quench": (4, 0),
        "network-redirect": (5, 0),
        "host-redirect": (5, 1),
        "tos-network-redirect": (5, 2),
        "tos-host-redirect": (5, 3),
        "echo-request": (8, 0),
        "ping": (8, 0),
        "router-advertisement": (9, 0),
        "router-solicitation": (10, 0),
        "ttl-zero-during-transit": (11, 0),
        "ttl-zero-during-reassembly": (11, 1),
        "ip-header-bad": (12, 0),
        "required-option-missing": (12, 1),
        "timestamp-request": (13, 0),
        "timestamp-reply": (14, 0),
        "address-mask-request": (17, 0),
        "address-mask-reply": (18, 0),
    },
    "icmpv6": {
        "no-route": (1, 0),
        "communication-prohibited": (1, 1),
        "address-unreachable": (1, 3),
        "port-unreachable": (1, 4),
        "packet-too-big": (2, 0),
        "ttl-zero-during-transit": (3, 0),
        "ttl-zero-during-reassembly": (3, 1),
        "bad-header": (4, 0),
        "unknown-header-type": (4, 1),
        "unknown-option": (4, 2),
        "echo-request": (128, 0),
        "ping": (128, 0),
        "echo-reply": (129, 0),
        "pong": (129, 0),
        "router-solicitation": (133, 0),
        "router-advertisement": (134, 0),
        "neighbour-solicitation": (135, 0),
        "neigbour-solicitation": (135, 0),
        "neighbour-advertisement": (136, 0),
        "neigbour-advertisement": (136, 0),
        "redirect": (137, 0),
    },
}
