# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter of the role ``virtual_service``: what its services mean for the modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._base.plain import plain

#: Of a real server for which nothing else is said: the role's, where the modules' would be the kernel tools' own.
FORWARDING = "masquerading"
#: What tells a service from others
_KEY = ("protocol", "address", "port", "fwmark", "family")


def virtual_service_plan(services: Sequence[Mapping[str, Any]], loopback_set: str = "") -> dict[str, Any]:
    """What virtual services mean for each module of the role.

    Args:
        services: In the options of ``ipvs_service``.
        loopback_set: The name of the set of what loops back; empty where there is none.

    Returns:
        ``services`` for ``ipvs_table``, their ``keys`` for ``ipvs_service``, the ``addresses`` for ``virtual_ip``, and
        the ``loopback`` sets.
    """
    wanted = plain(services)
    if not isinstance(wanted, list) or not all(isinstance(service, dict) for service in wanted):
        raise AnsibleFilterError("virtual_service_plan: a list of services is wanted, each a dict of options")
    completed = [{**service, "real_servers": [*map(_server, service.get("real_servers") or ())]} for service in wanted]
    addresses = [service["address"] for service in completed if service.get("address")]
    return {
        "services": completed,
        "keys": [{name: service[name] for name in _KEY if name in service} for service in completed],
        "addresses": list(dict.fromkeys(addresses)),
        "loopback": list(_loopback(completed, loopback_set)) if loopback_set else [],
    }


def _server(server: Any) -> Any:
    return {"forwarding_method": FORWARDING, **server} if isinstance(server, dict) else server


def _family(service: Mapping[str, Any]) -> str:
    if service.get("address"):
        return "inet6" if ":" in str(service["address"]) else "inet"
    return str(service.get("family") or "inet")


def _loopback(services: Sequence[Mapping[str, Any]], name: str) -> Iterator[dict[str, Any]]:
    """The loop-back set of each family that has services.

    A real server that reaches itself through a virtual address is masqueraded, since it would drop a packet from its
    own address, and nobody else is. In a packet that IPVS has sent on, destination address and port are the real
    server's; hence ``ADDRESS,PROTOCOL:PORT,ADDRESS`` against ``dst,dst,src``. Where every service gives up the servers
    that it does not name, so does the set, to the last one.
    """
    for family, suffix in (("inet", ""), ("inet6", "6")):
        own = [service for service in services if _family(service) == family]
        entries = dict.fromkeys(entry for service in own for entry in _entries(service))
        purge = all(boolean(service.get("purge_real_servers", False)) for service in own)
        if entries or (own and purge):
            yield {"family": family, "name": name + suffix, "entries": list(entries), "purge": purge}


def _entries(service: Mapping[str, Any]) -> Iterator[str]:
    """The entries of those servers that are masqueraded, and have a port of their own or the service's."""
    for server in service["real_servers"]:
        if not isinstance(server, dict) or "address" not in server:
            continue  # the module's own rules say so
        port = server.get("port") or service.get("port")
        if server.get("forwarding_method") == FORWARDING and port:
            protocol = service.get("protocol") or "tcp"
            yield "%s,%s:%s,%s" % (server["address"], protocol, port, server["address"])


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"virtual_service_plan": virtual_service_plan}
