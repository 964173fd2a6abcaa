#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: masquerade
short_description: Masquerade packets by their source network or by a set
version_added: 1.0.0
description:
  - Manages a rule that gives packets the address of the device that they go out by. The rule is one of C(iptables), in
    chain C(POSTROUTING) of table C(nat), or one of nftables, in a table of the collection's own.
  - Unlike M(ansible.builtin.iptables) it takes a set match with any number of dimensions, such as C(dst,dst,src), and
    always waits for the lock that programs of C(iptables) hold against each other.
  - A rule is identified by all its options together; the order of its matches does not matter. Any other rule, even one
    that differs only in its comment, is left alone.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.netns
  - linuxnet.ipvs.rules
options:
  source:
    description: The network from which packets come, such as C(10.0.0.0/24).
    type: str
  match_set:
    description:
      - The set that must have an entry for the packet. It must exist, and be of the rule's family.
      - In nftables that is a set of M(linuxnet.ipvs.nft_set). Rules there cannot refer to a set of
        M(linuxnet.ipvs.ipset).
    type: dict
    suboptions:
      name:
        description: The set's name.
        type: str
        required: true
      directions:
        description:
          - For each part of the set's entries whether it is compared with the packet's source (V(src)) or its
            destination (V(dst)). C(dst,dst,src) is a packet to the entry's address and port from its second address.
          - With fewer directions than the entries have parts, no packet would match, so that is refused. In a list of
            sets (C(list:set)) only those sets count that have no more parts than there are directions.
        type: list
        elements: str
        choices: [src, dst]
        required: true
  out_interface:
    description:
      - The device by which packets go out. A C(+) at its end stands for any further characters, as in C(iptables).
      - Names that no device has, such as C(!eth0) or C(veth0@if5), are refused, since the rule would match no packet.
    type: str
  state:
    description:
      - Whether the rule shall exist. A new rule is put at the chain's end. With V(absent) every copy of it is deleted.
    type: str
    choices: [present, absent]
    default: present
requirements:
  - the commands C(iptables-save) and C(iptables-restore), or C(ip6tables-save) and C(ip6tables-restore), of either back
    end (nf_tables, legacy)
  - or, for nftables, the command C(nft), 1.0 or later
notes:
  - With either back end, packets of IPVS are masqueraded only if the sysctl C(net.ipv4.vs.conntrack) is 1.
  - Before the module adds a rule, it makes live connections of IPVS (TCP and UDP) known to connection tracking, if that
    does not know them. Otherwise the rule would give their next packets another source.
  - Rules of C(iptables), of nftables, of firewalld and of docker can be used side by side here. The first rule that
    gives a connection another address decides.
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
seealso:
  - module: ansible.builtin.iptables
  - module: linuxnet.ipvs.nft_set
  - module: linuxnet.ipvs.forward_accept
"""

EXAMPLES = r"""
- name: Masquerade only what comes back to the backend it came from
  linuxnet.ipvs.masquerade:
    match_set:
      name: DUSTIN-LOOP-BACK
      directions: [dst, dst, src]
# iptables-save -t nat
# -A POSTROUTING -m set --match-set DUSTIN-LOOP-BACK dst,dst,src -j MASQUERADE

- name: Masquerade a whole network on its way out
  linuxnet.ipvs.masquerade:
    source: 10.0.0.0/24
    out_interface: eth0
    comment: pods to the world

- name: The same on a host that has nftables only
  linuxnet.ipvs.masquerade:
    source: 10.0.0.0/24
    out_interface: eth0
    backend: nftables
# nft list table ip linuxnet_ipvs
#     chain postrouting {
#         type nat hook postrouting priority srcnat; policy accept;
#         ip saddr 10.0.0.0/24 oifname "eth0" counter packets 0 bytes 0 masquerade

- name: Take the rule away again
  linuxnet.ipvs.masquerade:
    source: 10.0.0.0/24
    out_interface: eth0
    comment: pods to the world
    state: absent
"""

RETURN = r"""
rule:
  description: The rule, as C(iptables-save) shows it after C(-A), or C(nft) after the table's name.
  returned: always
  type: str
  sample: POSTROUTING -m set --match-set DUSTIN-LOOP-BACK dst,dst,src -j MASQUERADE
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import NETNS, STATE, finish, reporting
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan, differing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.backends import BACKEND
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.masquerade_task import carried_out


def run(module):
    values.number("lock_timeout", module.params["lock_timeout"], 1, 3600, "a time (seconds)")
    wanted = module.params["state"] == "present"
    outcome = carried_out(module)
    shown = dict(rule=outcome.shown)
    before, after = (shown if there else {} for there in (bool(outcome.operations) != wanted, wanted))
    finish(module, Plan(outcome.operations, *differing(before, after)), **shown)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            source=dict(type="str"),
            match_set=dict(
                type="dict",
                options=dict(
                    name=dict(type="str", required=True),
                    directions=dict(type="list", elements="str", choices=["src", "dst"], required=True),
                ),
            ),
            out_interface=dict(type="str"),
            family=dict(type="str", choices=["inet", "inet6"]),
            comment=dict(type="str"),
            lock_timeout=dict(type="int", default=60),
            **BACKEND,
            **NETNS,
            **STATE,
        ),
        required_one_of=[("source", "match_set", "out_interface")],
        supports_check_mode=True,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
