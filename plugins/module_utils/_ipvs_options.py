# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that the IPVS modules share."""

from __future__ import annotations

from typing import Any

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs_values import (
    FORWARDING_METHODS,
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
    scheduler=dict(type="str", choices=list(SCHEDULERS)),
    scheduler_flags=dict(type="list", elements="str", choices=list(SCHEDULER_FLAGS)),
    one_packet=dict(type="bool"),
    persistence_timeout=dict(type="int"),
    persistence_netmask=dict(type="str"),
    persistence_engine=dict(type="str", choices=[*PERSISTENCE_ENGINES, "none"]),
    real_servers=dict(type="list", elements="dict", options=REAL_SERVER),
    purge_real_servers=dict(type="bool", default=False),
)
SERVICES: dict[str, Any] = dict(
    type="list",
    elements="dict",
    options=dict(**SERVICE_KEY, **SERVICE),
    **SERVICE_KEY_RULES,
)
SCOPE: dict[str, Any] = dict(
    type="dict",
    options=dict(
        addresses=dict(type="list", elements="str"),
        protocols=dict(type="list", elements="str", choices=list(PROTOCOLS)),
        fwmarks=dict(type="list", elements="str"),
    ),
)
