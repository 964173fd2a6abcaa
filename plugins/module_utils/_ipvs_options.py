# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that the IPVS modules share."""

from __future__ import annotations

from typing import Any

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs_values import FORWARDING_METHODS, PROTOCOLS

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
)
