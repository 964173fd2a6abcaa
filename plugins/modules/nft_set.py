#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_set
short_description: Manage a set of nftables for the collection's rules
version_added: 1.0.0
description:
  - Manages a set, and its entries in the words of C(ipset), in the table C(ip linuxnet_ipvs) or C(ip6 linuxnet_ipvs) of
    nftables. Rules of M(linuxnet.ipvs.masquerade) with O(linuxnet.ipvs.masquerade#module:backend=nftables) can refer to
    it. On hosts without C(ipset) and C(iptables) it stands in for M(linuxnet.ipvs.ipset).
  - All changes come in one transaction. Other tables are not touched.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.netns
options:
  name:
    description: The set's name, at most 31 bytes, beginning with a letter.
    type: str
    required: true
  type:
    description: What an entry is. Needed with O(state=present).
    type: str
    choices: ['hash:ip', 'hash:ip,port', 'hash:ip,port,ip']
  family:
    description: Whether its addresses are of IPv4, V(inet), or of IPv6, V(inet6).
    type: str
    choices: [inet, inet6]
    default: inet
  entries:
    description:
      - Entries that the set shall have, such as C(10.0.0.11,tcp:8080,10.0.0.11). The protocol is C(tcp), C(udp) or
        C(sctp), and C(tcp) where none is written.
      - Without it entries are left alone. V([]) with O(purge_entries) empties the set.
    type: list
    elements: str
  purge_entries:
    description: Whether entries that O(entries) does not list are deleted.
    type: bool
    default: false
  state:
    description:
      - Whether the set shall exist. A set that a rule refers to cannot be deleted. The table is deleted with the last
        thing in it.
    type: str
    choices: [present, absent]
    default: present
requirements:
  - the command C(nft), 1.0 or later
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
seealso:
  - module: linuxnet.ipvs.ipset
  - module: linuxnet.ipvs.masquerade
"""

EXAMPLES = r"""
- name: Backends that reach themselves through a virtual address
  linuxnet.ipvs.nft_set:
    name: DUSTIN-LOOP-BACK
    type: hash:ip,port,ip
    entries: ["10.0.0.11,tcp:8080,10.0.0.11", "10.0.0.21,tcp:8080,10.0.0.21"]
    purge_entries: true

- name: Masquerade only what comes back to the backend it came from
  linuxnet.ipvs.masquerade:
    match_set: {name: DUSTIN-LOOP-BACK, directions: [dst, dst, src]}
    backend: nftables
# nft list table ip linuxnet_ipvs
#     set DUSTIN-LOOP-BACK {
#         type ipv4_addr . inet_proto . inet_service . ipv4_addr
#         elements = { 10.0.0.11 . tcp . 8080 . 10.0.0.11, 10.0.0.21 . tcp . 8080 . 10.0.0.21 }
#     }
#     chain postrouting {
#         type nat hook postrouting priority srcnat; policy accept;
#         ip daddr . meta l4proto . th dport . ip saddr @DUSTIN-LOOP-BACK counter packets 0 bytes 0 masquerade
"""

RETURN = r"""
set:
  description: The set as it is after the task, in the words of C(ipset). V(none) where it is absent.
  returned: always
  type: dict
  contains:
    name: {description: Its name., type: str, sample: DUSTIN-LOOP-BACK}
    type: {description: What an entry is., type: str, sample: 'hash:ip,port,ip'}
    family: {description: The family of its addresses., type: str, sample: inet}
    entries:
      description: Its entries, sorted.
      type: list
      elements: str
      sample: ["10.0.0.11,tcp:8080,10.0.0.11"]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import NETNS, STATE, finish, reporting
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.nft_sets import SET_TYPES
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.nft_sets_task import carried_out


def run(module):
    plan, left = carried_out(module)
    finish(module, plan, set=left)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            name=dict(type="str", required=True),
            type=dict(type="str", choices=list(SET_TYPES)),
            family=dict(type="str", choices=["inet", "inet6"], default="inet"),
            entries=dict(type="list", elements="str"),
            purge_entries=dict(type="bool", default=False),
            **NETNS,
            **STATE,
        ),
        required_if=[("state", "present", ["type"])],
        supports_check_mode=True,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
