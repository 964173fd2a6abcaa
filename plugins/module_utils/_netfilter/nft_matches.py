# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Matches of nftables, as JSON (libnftables-json(5)) and as nft(8) writes them."""

from __future__ import annotations

from typing import NamedTuple, Optional, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Network
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.nft import FAMILIES, Json, Rule
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.options import comment, matched_device

#: NFTNL_UDATA_COMMENT_MAXLEN in libnftnl/udata.h is 128 with its closing NUL.
COMMENT_MAX = 127


class Match(NamedTuple):
    """A match as JSON, and as nft(8) writes it."""

    json: Json
    text: str


def address(family: str, field: str, network: Network) -> Match:
    """A packet's source (``saddr``) or destination (``daddr``) in a network."""
    payload = {"payload": {"protocol": FAMILIES[family], "field": field}}
    if network.prefixlen == network.max_prefixlen:
        return _match(payload, str(network.network_address), "%s %s %s" % (FAMILIES[family], field, network[0]))
    prefix = {"prefix": {"addr": str(network.network_address), "len": network.prefixlen}}
    return _match(payload, prefix, "%s %s %s" % (FAMILIES[family], field, network))


def device(key: str, name: str) -> Match:
    """The device by which a packet comes (``iifname``) or leaves (``oifname``); ``+`` at its end is any letters."""
    matched_device("%s_interface" % ("in" if key == "iifname" else "out"), name)
    shown = name[:-1] + "*" if name.endswith("+") else name
    return _match({"meta": {"key": key}}, shown, '%s "%s"' % (key, shown))


def _match(left: Json, right: object, text: str) -> Match:
    return Match({"match": {"op": "==", "left": left, "right": right}}, text)


def rule(chain: str, matches: Sequence[Match], verdict: str, remark: Optional[str]) -> Tuple[Rule, str]:
    """A rule, and how nft(8) writes it behind ``add rule ip linuxnet_ipvs``."""
    text = " ".join([chain, *(each.text for each in matches), verdict])
    if remark is not None:
        comment("comment", remark, COMMENT_MAX)
        if '"' in remark:
            raise InvalidOption("comment", remark, "nft(8) cannot read a comment with a '\"' again")
        text += ' comment "%s"' % remark
    return Rule(chain, (*(each.json for each in matches), {verdict: None}), remark), text
