# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual services as the text that ``ipvsadm --restore`` reads.

Sources: ipvsadm(8), and print_service_entry() and parse_options() in ipvsadm.c.
"""

from __future__ import annotations

import ipaddress
from typing import Iterable, Iterator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import (
    DEFAULT_FORWARDING_METHOD,
    RealServer,
    Service,
    endpoint,
    scheduler_flag_names,
)

#: What ipvsadm takes for a timeout of persistence (MAX_TIMEOUT in ipvsadm.c: 31 days), though the kernel takes more.
MAX_PERSISTENCE_TIMEOUT = 31 * 86400
PROTOCOLS = {"tcp": "-t", "udp": "-u", "sctp": "--sctp-service"}
METHODS = {"masquerading": "-m", "direct": "-g", "tunnel": "-i"}
CHECKSUMS = {"none": "--tun-nocsum", "full": "--tun-csum", "remote": "--tun-remcsum"}


def restorable(service: Service) -> None:
    """Refuse a virtual service that ipvsadm cannot read again: with it ``ipvsadm --restore`` would end.

    Raises:
        InvalidOption: there is something in it that ipvsadm does not take.
    """
    if service.persistence_timeout > MAX_PERSISTENCE_TIMEOUT:
        remedy = "ipvsadm takes no more than %d seconds (31 days) and would read no line behind this one"
        raise InvalidOption("persistence_timeout", service.persistence_timeout, remedy % MAX_PERSISTENCE_TIMEOUT)


def render(service: Service, servers: Iterable[RealServer]) -> Iterator[str]:
    """The lines of a virtual service and its real servers; they say more than ipvsadm's own, which omit thresholds."""
    key = service.key
    if key.packed is None:
        name = "-f %d%s" % (key.fwmark, " -6" if key.family == "inet6" else "")
    else:
        name = "%s %s" % (PROTOCOLS[key.protocol or "tcp"], endpoint(key.packed, key.port))
    yield "-A %s%s" % (name, "".join(" " + word for word in _service_words(service)))
    for server in servers:
        yield "-a %s -r %s%s" % (
            name,
            endpoint(server.packed, server.port),
            "".join(" " + word for word in _server_words(server)),
        )


def _service_words(service: Service) -> Iterator[str]:
    yield "-s %s" % service.scheduler
    if service.persistence_timeout:
        yield "-p %d" % service.persistence_timeout
        if service.persistence_netmask != service.key.whole_mask:
            if service.key.family == "inet":
                yield "-M %s" % ipaddress.IPv4Address(service.persistence_netmask)
            else:
                yield "-M %d" % service.persistence_netmask
        if service.persistence_engine:
            yield "--pe %s" % service.persistence_engine
    if service.one_packet:
        yield "-o"
    if service.scheduler_flags:
        yield "-b %s" % ",".join(scheduler_flag_names(service.scheduler, service.scheduler_flags))


def _server_words(server: RealServer) -> Iterator[str]:
    # What the kernel has made of a server (local, bypass) was asked for in one of the three ways.
    yield METHODS.get(server.forwarding_method, METHODS[DEFAULT_FORWARDING_METHOD])
    yield "-w %d" % server.weight
    if server.terms.upper_threshold:
        yield "-x %d -y %d" % (server.terms.upper_threshold, server.terms.lower_threshold)
    if server.forwarding_method == "tunnel":
        if server.tunnel_type != "ipip":  # the default, which ipvsadm 1.26 to 1.29 cannot say
            yield "--tun-type %s" % server.tunnel_type
        if server.tunnel_type == "gue":
            yield "--tun-port %d" % server.terms.tunnel_port
        if server.tunnel_type != "ipip":
            yield CHECKSUMS[server.terms.tunnel_checksum]
