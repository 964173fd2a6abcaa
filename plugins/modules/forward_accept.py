#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: forward_accept
short_description: Let packets be forwarded, before a rule drops them
version_added: 1.0.0
description:
  - Manages a rule that accepts packets which the host forwards, by the device that they come in or go out by, or by
    their networks. The rule is one of C(iptables), in chain C(FORWARD) of table C(filter), or one of nftables, in a
    table of the collection's own.
  - In C(iptables) the rule stands in front of the first rule that may drop or reject such packets, since after it the
    rule would have no effect. If the rule is found after it, for example because of C(iptables --append), it is moved.
  - In nftables, and beside a firewall that uses nftables, an accept ends a packet's way through that chain only. Chains
    of other programs, such as firewalld, may still drop the packet. Those which drop whatever they do not accept are
    named in RV(overridden_by) and in a warning, so that the packets can be let through there as well. The module does
    not change them.
  - A rule is identified by all its options together.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.netns
  - linuxnet.ipvs.rules
options:
  in_interface:
    description: The device by which packets come in. A C(+) at its end stands for any further characters.
    type: str
  out_interface:
    description: The device by which packets go out. A C(+) at its end stands for any further characters.
    type: str
  source:
    description: The network from which packets come.
    type: str
  destination:
    description: The network to which packets go.
    type: str
  state:
    description: Whether the rule shall exist. With V(absent) every copy of it is deleted.
    type: str
    choices: [present, absent]
    default: present
requirements:
  - the commands C(iptables-save) and C(iptables-restore), or C(ip6tables-save) and C(ip6tables-restore)
  - or, for nftables, the command C(nft), 1.0 or later
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
seealso:
  - module: ansible.builtin.iptables
  - module: linuxnet.ipvs.masquerade
  - module: linuxnet.ipvs.iptables_chains
"""

EXAMPLES = r"""
- name: Let the pods of a bridge out
  linuxnet.ipvs.forward_accept:
    in_interface: br0

- name: And let others reach them
  linuxnet.ipvs.forward_accept:
    out_interface: br0
    destination: 10.0.0.0/24
# iptables-save -t filter
# -A FORWARD -i br0 -j ACCEPT
# -A FORWARD -d 10.0.0.0/24 -o br0 -j ACCEPT

- name: The same on a host that has nftables only
  linuxnet.ipvs.forward_accept:
    in_interface: br0
    backend: nftables
  register: forwarding

- name: Stop where firewalld would drop them all the same
  ansible.builtin.assert:
    that: forwarding.overridden_by is none or not forwarding.overridden_by
"""

RETURN = r"""
rule:
  description: The rule, as C(iptables-save) shows it after C(-A), or C(nft) after the table's name.
  returned: always
  type: str
  sample: FORWARD -i br0 -j ACCEPT
overridden_by:
  description:
    - Chains of other programs in nftables, with their family and table, that drop what none of their rules accepts.
    - V(none) if the command C(nft) is not installed, since then this is not known.
  returned: always
  type: list
  elements: str
  sample: [inet firewalld filter_FORWARD]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import NETNS, STATE, finish, reporting
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan, differing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.backends import BACKEND
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.forward_task import carried_out


def run(module):
    values.number("lock_timeout", module.params["lock_timeout"], 1, 3600, "a time (seconds)")
    wanted = module.params["state"] == "present"
    outcome = carried_out(module)
    if wanted and outcome.overridden_by:
        module.warn(
            "%s may still drop these packets: an accept ends the way through its own chain only, so let them pass"
            " there, too (firewalld: add the device to the zone 'trusted')" % ", ".join(outcome.overridden_by)
        )
    shown = dict(rule=outcome.shown)
    before, after = (shown if there else {} for there in (bool(outcome.operations) != wanted, wanted))
    plan = Plan(outcome.operations, *differing(before, after))
    finish(module, plan, overridden_by=outcome.overridden_by, **shown)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            in_interface=dict(type="str"),
            out_interface=dict(type="str"),
            source=dict(type="str"),
            destination=dict(type="str"),
            family=dict(type="str", choices=["inet", "inet6"]),
            comment=dict(type="str"),
            lock_timeout=dict(type="int", default=60),
            **BACKEND,
            **NETNS,
            **STATE,
        ),
        required_one_of=[("in_interface", "out_interface", "source", "destination")],
        supports_check_mode=True,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
