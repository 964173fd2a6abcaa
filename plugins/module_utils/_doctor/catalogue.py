# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the doctor looks for, in the order in which it is looked at and listed.

A check tells what it can prove. Where something is missing from the proof, such as a rule with a match that is not
read here, it says nothing: a doctor who finds fault with the healthy is soon not asked any more.

Sources: Documentation/networking/ipvs-sysctl.rst and ip-sysctl.rst of the kernel, its net/netfilter/ipvs and
net/bridge, ipvsadm(8), iptables-extensions(8), ipset(8).
"""

from __future__ import annotations

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.checks import (
    as_real_server,
    director,
    firewall,
    kernel,
    loopback,
    routing,
    table,
)

#: All checks.
CHECKS = (
    table.ipvs_missing,
    routing.forwarding_off,
    loopback.bridge_netfilter_off,
    loopback.ipvs_conntrack_off,
    loopback.hairpin_off,
    routing.address_missing,
    loopback.loopback_entry_missing,
    loopback.loopback_entry_stale,
    loopback.loopback_set_missing,
    loopback.loopback_rule_missing,
    loopback.loopback_rule_shadowed,
    table.real_server_unreachable,
    table.real_server_refusing,
    table.weight_zero,
    table.service_empty,
    table.scheduler_missing,
    table.other_owner,
    routing.direct_through_router,
    routing.tunnel_mtu,
    as_real_server.arp_ignore,
    as_real_server.arp_announce,
    as_real_server.rp_filter_strict,
    firewall.firewall_drops,
    director.one_packet_masquerading,
    director.backup_only_refuses,
    director.drained_refuses,
    director.connection_limit_reached,
    director.conn_max_reached,
    director.connection_table_small,
    director.ipv6_address_silent,
    kernel.conn_reuse_delay,
    kernel.conn_reuse_off,
)
