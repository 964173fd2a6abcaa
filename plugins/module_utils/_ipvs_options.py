# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that the IPVS modules share."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs_values import (
    FORWARDING_METHODS,
    NO_SCHEDULER,
    PERSISTENCE_ENGINES,
    PROTOCOLS,
    SCHEDULER_FLAGS,
    SCHEDULERS,
    TUNNEL_CHECKSUMS,
    TUNNEL_TYPES,
)

SERVICE_KEY: dict[str, Any] = dict(
    protocol=dict(type="str", choices=list(PROTOCOLS)),
    address=dict(type="str"),
    port=dict(type="int"),
    fwmark=dict(type="int"),
    family=dict(type="str", choices=["inet", "inet6"]),
)
#: A service is told by its address and port or by a firewall mark, never by both.
SERVICE_KEY_RULES: dict[str, Any] = dict(
    required_one_of=[("address", "fwmark")],
    mutually_exclusive=[("fwmark", "address"), ("fwmark", "port"), ("fwmark", "protocol")],
    required_together=[("address", "port")],
)
REAL_SERVER: dict[str, Any] = dict(
    address=dict(type="str", required=True),
    port=dict(type="int"),
    forwarding_method=dict(type="str", choices=sorted(FORWARDING_METHODS)),
    weight=dict(type="int"),
    keep_weight=dict(type="bool", default=False),
    upper_threshold=dict(type="int"),
    lower_threshold=dict(type="int"),
    tunnel_type=dict(type="str", choices=list(TUNNEL_TYPES)),
    tunnel_port=dict(type="int"),
    tunnel_checksum=dict(type="str", choices=list(TUNNEL_CHECKSUMS)),
)
SERVICE: dict[str, Any] = dict(
    scheduler=dict(type="str", choices=[*SCHEDULERS, NO_SCHEDULER]),
    scheduler_flags=dict(type="list", elements="str", choices=list(SCHEDULER_FLAGS)),
    one_packet=dict(type="bool"),
    persistence_timeout=dict(type="int"),
    persistence_netmask=dict(type="str"),
    persistence_engine=dict(type="str", choices=[*PERSISTENCE_ENGINES, "none"]),
    real_servers=dict(type="list", elements="dict", options=REAL_SERVER),
    purge_real_servers=dict(type="bool", default=False),
)
#: Virtual services as :func:`checked_services` takes them: Ansible's way of checking them is five times the rest of
#: the work where they are thousands, so their suboptions are not its own.
SERVICES: dict[str, Any] = dict(type="list", elements="dict")
SCOPE: dict[str, Any] = dict(
    type="dict",
    options=dict(
        addresses=dict(type="list", elements="str"),
        protocols=dict(type="list", elements="str", choices=list(PROTOCOLS)),
        fwmarks=dict(type="list", elements="str"),
    ),
)


class _Checker:
    """Ansible's own check of options, made once for all that differ in nothing but one or two of them.

    Args:
        spec: The argument spec of the options.
        own: The option that is a text of its own in each.
        apart: An option that is checked by other means, if there is one.
        rules: What the argument spec says besides.
    """

    def __init__(self, spec: Mapping[str, Any], own: str, apart: str = "", **rules: Any) -> None:
        self._validator = ArgumentSpecValidator({name: spec[name] for name in spec if name != apart}, **rules)
        self._own = own
        self._apart = apart
        self._known: dict[Any, dict[str, Any]] = {}

    def __call__(self, options: Any, where: str) -> dict[str, Any]:
        """The options in the types of the spec, with its defaults; ``where`` names them in errors.

        Raises:
            InvalidOption: they are not as the spec has it.
        """
        if not isinstance(options, dict):
            raise InvalidOption(where, options, "write a dict of options")
        given = {name: value for name, value in options.items() if name != self._apart}
        # With their types: a mask of 1 is none of True, which equals it.
        alike = tuple([(name, value, type(value)) for name, value in given.items() if name != self._own])
        known = isinstance(given.get(self._own), str)
        try:
            checked = self._known.get(alike) if known else None
        except TypeError:  # one of them is a list
            known, checked = False, None
        if checked is None:
            checked = self._validated(given, where)
            if known:
                self._known[alike] = checked
        found = dict(checked)
        if known:
            found[self._own] = given[self._own]
        if self._apart:
            found[self._apart] = options.get(self._apart)
        return found

    def _validated(self, options: Mapping[str, Any], where: str) -> dict[str, Any]:
        result = self._validator.validate(options)
        if result.error_messages:
            raise InvalidOption(where, dict(options), "; ".join(result.error_messages))
        return dict(result.validated_parameters)


def checked_services(listed: Iterable[Any], option: str = "services") -> list[dict[str, Any]]:
    """Virtual services with their real servers in the types that modules have, and with their defaults.

    Raises:
        InvalidOption: an option is unknown, of another type, or does not go with the others.
    """
    service_check = _Checker({**SERVICE_KEY, **SERVICE}, "address", apart="real_servers", **SERVICE_KEY_RULES)
    server_check = _Checker(REAL_SERVER, "address")
    services = []
    for place, options in enumerate(listed):
        where = "%s[%d]" % (option, place)
        # Nearly every service that ipvs_info tells has none. There is nothing to check about that, and options with a
        # list among them are never known to be alike.
        no_flags = isinstance(options, dict) and options.get("scheduler_flags") == []
        if no_flags:
            options = {name: value for name, value in options.items() if name != "scheduler_flags"}
        service = service_check(options, where)
        if no_flags:
            service["scheduler_flags"] = []
        servers = service["real_servers"]
        if servers is not None:
            if not isinstance(servers, list):
                raise InvalidOption(where + ".real_servers", servers, "write a list of real servers")
            service["real_servers"] = [
                server_check(server, "%s.real_servers[%d]" % (where, number)) for number, server in enumerate(servers)
            ]
        services.append(service)
    return services
