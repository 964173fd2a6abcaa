# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Live connections of IPVS, made known to connection tracking before rules come that ask whether one is new.

IPVS has its own table of connections and needs no connection tracking, and the kernel tracks nothing in a namespace
until a rule there asks for it (``nf_ct_netns_get()``), for example after somebody has flushed all rules. With the first
such rule each live connection looks new with its next packet: a rule of ``nat`` gives it another source, so that the
real server answers with a reset, and one for what is ``NEW`` refuses it. The same holds for connections that began
while the sysctl ``net.ipv4.vs.conntrack`` was 0: IPVS takes each of their packets out of connection tracking.
"""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import NoSuchPlace
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.connections import connections
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.conntrack import Known, Tuple4, make_known

#: In ip_vs_conn's words: what both sides have answered. SCTP has tags of its own that IPVS does not know.
_LIVE = {"tcp": ("ESTABLISHED",), "udp": ("UDP",)}


def make_live_known(netns: str | None, family: str) -> None:
    """Have the live connections of one family (``inet``, ``inet6``) tracked from now on."""
    live = [
        each
        for each in connections(netns)
        if each["state"] in _LIVE.get(each["protocol"], ())
        and (":" in each["client_address"]) == (family == "inet6")
        # A tunnel may cross families: its packets are another connection's.
        and (":" in each["real_address"]) == (family == "inet6")
    ]
    if live:
        methods = _methods(netns)
        make_known(netns, [_known(each, methods) for each in live])


def _known(connection: Mapping[str, Any], methods: Mapping[tuple[Any, ...], str]) -> Known:
    client = connection["client_address"], connection["client_port"]
    virtual = connection["virtual_address"], connection["virtual_port"]
    real = connection["real_address"], connection["real_port"]
    # Of a service for itself, for all ports, or for a firewall mark.
    keys = (connection["protocol"], *virtual, *real), (connection["protocol"], virtual[0], 0, real[0], 0), real[:1]
    method = next((methods[key] for key in keys if key in methods), "masquerading")
    answers = real if method == "masquerading" else virtual
    return Known(
        connection["protocol"], Tuple4(*client, *virtual), Tuple4(*answers, *client), max(1, connection["expires"])
    )


def _methods(netns: str | None) -> dict[tuple[Any, ...], str]:
    """How the table's real servers get their packets; by protocol and both addresses and ports, or by their address."""
    found: dict[tuple[Any, ...], str] = {}
    try:
        with Ipvs(netns) as ipvs:
            for service, servers in ipvs.table():
                key = service.key
                for server in servers:
                    address = str(server.address)
                    end = (address,) if key.fwmark else (key.protocol, str(key.address), key.port, address, server.port)
                    found[end] = server.forwarding_method
    except NoSuchPlace:  # IPVS has gone meanwhile
        pass
    return found
