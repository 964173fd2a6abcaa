# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules for single rules have in common."""

    DOCUMENTATION = r"""
options:
  backend:
    description:
      - Whether the rule is one of C(iptables), in the built-in chain that it belongs to, or one of C(nftables), in the
        table C(ip linuxnet_ipvs) or C(ip6 linuxnet_ipvs), which holds nothing but what the collection puts there. No
        other table is touched.
      - V(auto) is V(iptables) where the command C(iptables-save) is installed, and V(nftables) where only C(nft) is. If
        C(iptables) is installed later, V(auto) means V(iptables) from then on, and the earlier rule stays.
    type: str
    choices: [auto, iptables, nftables]
    default: auto
  family:
    description:
      - Whether the rule is for IPv4, V(inet), or for IPv6, V(inet6). Without the option the rule's addresses decide,
        and a rule without addresses is for IPv4.
    type: str
    choices: [inet, inet6]
  comment:
    description: A comment that is part of the rule, at most 255 bytes, in nftables at most 127 and without C(").
    type: str
  lock_timeout:
    description: How many seconds to wait for the lock of C(iptables), 1 to 3600. nftables has no such lock.
    type: int
    default: 60
"""
