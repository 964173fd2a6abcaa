# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rule that lets packets be forwarded: from a task's options to its words, whatever the back end."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.options import comment, matched_device

#: Options, with what iptables(8) and nftables call them.
DEVICES = (("in_interface", "-i", "iifname"), ("out_interface", "-o", "oifname"))
NETWORKS = (("source", "-s", "saddr"), ("destination", "-d", "daddr"))


def rule_family(options: Mapping[str, Any]) -> str:
    """``inet`` or ``inet6``: as said, or as the addresses are, or ``inet``."""
    family: Optional[str] = options["family"]
    for name, _option, _field in NETWORKS:
        if options[name] is not None:
            found = values.family_of(values.network(name, options[name]))
            if family not in (None, found):
                raise InvalidOption(name, options[name], "the rule's family is %s, and this is %s" % (family, found))
            family = found
    return family or "inet"


def rule(options: Mapping[str, Any]) -> list[str]:
    """The rule's words for iptables(8), in the order in which it saves them.

    Raises:
        InvalidOption: an option is not valid, or there is nothing by which the rule would choose its packets.
    """
    found: list[str] = []
    for name, option, _field in NETWORKS:
        if options[name] is not None and values.network(name, options[name]).prefixlen:
            found += [option, str(values.network(name, options[name]))]
    for name, option, _key in DEVICES:
        if options[name] is not None:
            found += [option, matched_device(name, options[name])]
    if not found:
        raise InvalidOption(
            "in_interface",
            options["in_interface"],
            "a rule for all packets is refused: set 'in_interface', 'out_interface', 'source' or 'destination'",
        )
    if options["comment"] is not None:
        found += ["-m", "comment", "--comment", comment("comment", options["comment"])]
    return [*found, "-j", "ACCEPT"]
