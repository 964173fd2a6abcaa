# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that the IPVS modules share."""

from __future__ import annotations

from typing import Any, Callable, Generic, Iterable, Iterator, Mapping, TypeVar

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import (
    FORWARDING_METHODS,
    NO_SCHEDULER,
    PERSISTENCE_ENGINES,
    PROTOCOLS,
    SCHEDULER_FLAGS,
    SCHEDULERS,
    TUNNEL_CHECKSUMS,
    TUNNEL_TYPES,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.wishes import ServerOptions, other_options

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
        services=dict(type="list", elements="str"),
    ),
)


Checked = TypeVar("Checked")


class _Checker(Generic[Checked]):
    """Ansible's own check of options, made once for all that differ in nothing but their address.

    Args:
        spec: The argument spec of the options.
        read: What is made of the checked options; its result is shared by those that are alike.
        rules: What the argument spec says besides.
    """

    def __init__(self, spec: Mapping[str, Any], read: Callable[[dict[str, Any]], Checked], **rules: Any) -> None:
        self._validator = ArgumentSpecValidator(spec, **rules)
        self._read = read
        self._known: dict[Any, Checked] = {}

    def __call__(self, options: Any, option: str, place: int) -> tuple[Any, Checked]:
        """The address, and what is made of the rest with the types and defaults of the spec.

        Args:
            options: What a task says.
            option: The option in whose list they are.
            place: Where in the list.

        Raises:
            InvalidOption: they are not as the spec has it.
        """
        if not isinstance(options, dict):
            raise InvalidOption("%s[%d]" % (option, place), options, "write a dict of options")
        rest = options.copy()
        address = rest.pop("address", None)
        # With their types: a mask of 1 is none of True, which equals it.
        alike = (*rest, *rest.values(), *map(type, rest.values()))
        try:
            known = self._known.get(alike) if isinstance(address, str) else None
        except TypeError:  # one of them is a list
            address = None
        else:
            if known is not None:
                return address, known
        result = self._validator.validate(options)
        if result.error_messages:
            raise InvalidOption("%s[%d]" % (option, place), options, "; ".join(result.error_messages))
        checked = dict(result.validated_parameters)
        found = self._read(checked)
        if isinstance(address, str):
            self._known[alike] = found
        return checked.get("address"), found


def checked_services(
    listed: Iterable[Any], option: str = "services"
) -> Iterator[tuple[dict[str, Any], list[ServerOptions] | None]]:
    """Virtual services, each with its real servers, in the types that modules have and with their defaults.

    Raises:
        InvalidOption: an option is unknown, of another type, or does not go with the others.
    """
    spec = {**SERVICE_KEY, **SERVICE}
    del spec["real_servers"]
    service_check = _Checker(spec, dict, **SERVICE_KEY_RULES)
    server_check = _Checker(REAL_SERVER, other_options)
    for place, options in enumerate(listed):
        servers, no_flags = None, {}
        if isinstance(options, dict):
            options = options.copy()
            servers = options.pop("real_servers", None)
            # Nearly every service that ipvs_info tells has none. There is nothing to check about that, and options with
            # a list among them are never known to be alike.
            if options.get("scheduler_flags") == []:
                no_flags = {"scheduler_flags": options.pop("scheduler_flags")}
        address, service = service_check(options, option, place)
        if servers is not None:
            where = "%s[%d].real_servers" % (option, place)
            if not isinstance(servers, list):
                raise InvalidOption(where, servers, "write a list of real servers")
            servers = [server_check(server, where, number) for number, server in enumerate(servers)]
        yield {**service, "address": address, **no_flags}, servers
