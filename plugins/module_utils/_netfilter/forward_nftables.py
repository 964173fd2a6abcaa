# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rule of nftables that lets packets be forwarded; in the collection's own table nothing keeps them from it."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter import nft, nft_matches
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.forward import (
    DEVICES,
    NETWORKS,
    rule,
    rule_family,
)


def nft_rule(options: Mapping[str, Any]) -> tuple[nft.Rule, str]:
    """The rule for nftables, and how nft(8) writes it."""
    rule(options)  # the same options are refused
    family = rule_family(options)
    found = [
        nft_matches.address(family, field, values.network(name, options[name]))
        for name, _option, field in NETWORKS
        if options[name] is not None and values.network(name, options[name]).prefixlen
    ]
    found += [nft_matches.device(name, options[option]) for option, _o, name in DEVICES if options[option] is not None]
    return nft_matches.rule(nft.FORWARD.name, found, "accept", options["comment"])
