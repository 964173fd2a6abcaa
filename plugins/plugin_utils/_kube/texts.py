# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses, networks, durations and names as Kubernetes writes them."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Optional, Tuple

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.values import IPV4, IPV6, Network

#: RFC 1123, as apimachinery's validation has it.
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
#: An IANA service name: a container's port by name.
PORT_NAME = re.compile(r"(?!.*--)(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")

_MAPPED = b"\0" * 10 + b"\xff" * 2
_LEADING_ZEROS = re.compile(r"\b0+(?=\d)")


def read_address(text: str) -> Optional[Tuple[str, str]]:
    """The family and the canonical text of an address, or none where it is no address.

    As Kubernetes reads them (``netutils.ParseIPSloppy``): leading zeros of IPv4 do not count, and an IPv4 address that
    is mapped into IPv6 is one of IPv4.
    """
    try:
        if ":" not in text:
            return IPV4, socket.inet_ntop(socket.AF_INET, socket.inet_pton(socket.AF_INET, text))
        packed = socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        # glibc's inet_pton() takes no leading zeros.
        plain = _LEADING_ZEROS.sub("", text) if ":" not in text else text
        return read_address(plain) if plain != text else None
    if packed.startswith(_MAPPED):
        return IPV4, socket.inet_ntop(socket.AF_INET, packed[12:])
    return IPV6, socket.inet_ntop(socket.AF_INET6, packed)


def number_of(address: str) -> int:
    """A canonical address as a number."""
    return int.from_bytes(socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address), "big")


def read_network(text: str) -> Optional[Network]:
    """A network in CIDR notation, whose host bits do not count, or none where it is none."""
    address, slash, prefix = text.partition("/")
    found = read_address(address)
    if found is None or not slash or not (prefix.isascii() and prefix.isdigit()):
        return None
    family, canonical = found
    if family == IPV4 and ":" in address:
        return None
    length = int(prefix)
    if length > (32 if family == IPV4 else 128):
        return None
    network = ipaddress.ip_network("%s/%d" % (canonical, length), strict=False)
    return Network(family, str(network), int(network.network_address), int(network.broadcast_address))


_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


def read_duration(text: str) -> Optional[int]:
    """A duration as Go writes it (``1h30m``), in whole seconds, or none where it is none or below zero."""
    if text in ("0", "+0"):
        return 0
    total, place = 0.0, 1 if text.startswith("+") else 0
    while place < len(text):
        part = _DURATION.match(text, place)
        if part is None:
            return None
        total += float(part.group(1)) * _UNITS[part.group(2)]
        place = part.end()
    return int(total // 10**9) if _DURATION.search(text) else None
