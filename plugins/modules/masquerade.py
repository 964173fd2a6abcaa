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
  - Manages a rule of C(iptables) in chain C(POSTROUTING) of table C(nat) that gives packets the address of the device
    by which they leave.
  - Unlike M(ansible.builtin.iptables) it takes a set match with any number of dimensions, such as C(dst,dst,src), and
    always waits for the lock that programs of C(iptables) hold against each other.
  - A rule is known by all its options together, in whichever order C(iptables) was given its matches. Another rule,
    also one that differs in its comment only, is left alone.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.netns
options:
  source:
    description: The network from which packets come, such as C(10.0.0.0/24).
    type: str
  match_set:
    description: The set that must have an entry for the packet. It must exist, and be of the rule's family.
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
          - With fewer than the entries have parts no packet would match, so that is refused. Of a list of sets
            (C(list:set)) those sets count that have no more parts than there are directions.
        type: list
        elements: str
        choices: [src, dst]
        required: true
  out_interface:
    description:
      - The device by which packets leave. A C(+) at its end stands for any further letters, as in C(iptables).
      - Names that no device has, such as C(!eth0) or C(veth0@if5), are refused, since the rule would match no packet.
    type: str
  family:
    description:
      - Whether the rule is for IPv4, V(inet), or for IPv6, V(inet6). Without it the rule follows O(source), and is
        for IPv4 without that.
    type: str
    choices: [inet, inet6]
  comment:
    description: A comment that is part of the rule, at most 255 bytes.
    type: str
  lock_timeout:
    description: How many seconds to wait for the lock, 1 to 3600.
    type: int
    default: 60
  state:
    description:
      - Whether the rule shall exist. A new one goes to the chain's end. With V(absent) each copy of it goes.
    type: str
    choices: [present, absent]
    default: present
requirements:
  - the command C(iptables), or C(ip6tables), of either back end (nf_tables, legacy)
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
seealso:
  - module: ansible.builtin.iptables
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

- name: Take the rule away again
  linuxnet.ipvs.masquerade:
    source: 10.0.0.0/24
    out_interface: eth0
    comment: pods to the world
    state: absent
"""

RETURN = r"""
rule:
  description: The rule, in the words of C(iptables) behind C(-A).
  returned: always
  type: str
  sample: POSTROUTING -m set --match-set DUSTIN-LOOP-BACK dst,dst,src -j MASQUERADE
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import (
    NETNS,
    STATE,
    finish,
    or_nothing,
    reporting,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan, differing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.client import IpSets
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.lock import alone
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.iptables import Iptables
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.masquerade import (
    CHAIN,
    TABLE,
    changes,
    refuse_other_sets,
    rule,
    rule_family,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.saved import SavedTable, quoted


def run(module):
    params = module.params
    netns, match = params["netns"], params["match_set"]
    values.number("lock_timeout", params["lock_timeout"], 1, 3600, "a time (seconds)")
    words, wanted = rule(params), params["state"] == "present"
    iptables = Iptables(module.run_command, rule_family(params), netns, params["lock_timeout"])

    def read():
        if match is not None:
            with IpSets(netns) as sets:
                header = sets.required(match["name"], entries=False).header
            if wanted:
                refuse_other_sets(params, header)
        return iptables.tables([TABLE]).get(TABLE, SavedTable())

    shown = dict(rule="%s %s" % (CHAIN, quoted(words)))
    with alone(netns, not module.check_mode):
        lines = changes(or_nothing(module, read, SavedTable()), words, wanted)
        before, after = (shown if there else {} for there in (bool(lines) != wanted, wanted))
        plan = Plan(lines, *differing(before, after))
        if plan.changed and not module.check_mode:
            iptables.restore(["*%s" % TABLE, *lines, "COMMIT"])
    finish(module, plan, **shown)


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
