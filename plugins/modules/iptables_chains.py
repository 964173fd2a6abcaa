#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iptables_chains
short_description: Own whole chains of iptables, rule by rule in their order
version_added: 1.0.0
description:
  - Manages chains of your own in the tables of C(iptables) and C(ip6tables), each as an ordered list of rules, and the
    rules that lead packets there from the built-in chains. For firewalls and address translation that are kept in
    Ansible, on hosts whose other rules belong to other programs.
  - All changes of a table come in one transaction (C(iptables-restore --noflush)), so no packet meets a half-filled
    chain, and a table for which one rule is wrong is not changed at all.
  - Rules are compared in the spelling in which the kernel gives them back. Each rule that is not in the chain word for
    word is first put into an empty network namespace and read back from there. So a rule that C(iptables-save) merely
    spells differently is no change, and what C(iptables) or the kernel refuses is refused before anything is changed,
    in check mode as well.
  - The module does not touch what the task does not own, neither other chains, nor other rules of the chains in
    O(jumps), nor their counters. A chain whose rules change is filled again, and its counters begin at 0.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.netns
options:
  chains:
    description: The chains.
    type: list
    elements: dict
    suboptions:
      family:
        description: Whether the chain is for IPv4 or IPv6 packets.
        type: str
        choices: [ipv4, ipv6]
        default: ipv4
      table:
        description: The table in which it is.
        type: str
        choices: [filter, nat, mangle, raw, security]
        default: filter
      chain:
        description: Its name, at most 28 bytes. Built-in chains cannot be owned.
        type: str
        required: true
      rules:
        description:
          - All its rules in their order, each as C(iptables-save) shows it after C(-A CHAIN). Words with spaces are in
            double quotes.
          - Write addresses as numbers, since a name may mean another address tomorrow. Sets must exist.
          - Without the option the chain is created if it is missing, and its rules are left alone. V([]) empties it.
          - Ignored with O(state=absent).
        type: list
        elements: str
  jumps:
    description:
      - Rules in chains that the task does not own, such as those that lead into its own chains. The chains may be
        built-in, or chains that other programs provide for this purpose, such as C(DOCKER-USER), which must exist.
      - A rule is identified by all its words; the order of its matches does not matter. The task sees to it that the
        rule is there exactly once.
    type: list
    elements: dict
    suboptions:
      family:
        description: Whether the chain is for IPv4 or IPv6 packets.
        type: str
        choices: [ipv4, ipv6]
        default: ipv4
      table:
        description: The table in which it is.
        type: str
        choices: [filter, nat, mangle, raw, security]
        default: filter
      chain:
        description: The chain into which the rule is put, such as C(PREROUTING).
        type: str
        required: true
      rule:
        description: The rule, as C(iptables-save) shows it after C(-A CHAIN).
        type: str
        required: true
      position:
        description:
          - V(first) is before all rules of others, V(last) after them, each in the order of the list. If another
            program has put a rule before or after them, the next run moves the task's rules.
          - V(anywhere) leaves a rule where it is. A new one comes before those of others.
        type: str
        choices: [first, last, anywhere]
        default: first
  purge:
    description:
      - Whether chains in O(scope) that O(chains) does not list are deleted, and rules of built-in chains that lead into
        the task's chains and that O(jumps) does not list.
      - With a chain, each rule that leads to it is deleted.
    type: bool
    default: false
  scope:
    description: What the task owns with O(purge). All of O(chains) must be in it.
    type: dict
    suboptions:
      chains:
        description: Names of chains, or patterns of them with C(*), C(?) and C([...]), such as C(MINE-*).
        type: list
        elements: str
        required: true
      families:
        description: The families. Without it, both.
        type: list
        elements: str
        choices: [ipv4, ipv6]
      tables:
        description: The tables. Without it, all.
        type: list
        elements: str
        choices: [filter, nat, mangle, raw, security]
  lock_timeout:
    description: How many seconds to wait for the lock that programs of C(iptables) hold against each other, 1 to 3600.
    type: int
    default: 60
  state:
    description:
      - Whether the chains and rules shall exist. With V(absent) the chains of O(chains) are deleted with each rule that
        leads to them, and the rules of O(jumps).
    type: str
    choices: [present, absent]
    default: present
notes:
  - Both back ends of C(iptables) are supported, nf_tables and legacy. The module uses the one that the host's commands
    use, and does not see the rules of the other.
  - Each table is changed as a whole, but one table after the other. What a killed run has left undone, the next run
    does.
  - Before the module puts rules into a chain that had none, it makes live connections of IPVS (TCP and UDP) known to
    connection tracking, if that does not know them. Otherwise it would take their next packets for new connections, and
    rules could give these another source or refuse them. This concerns namespaces in which no rule has asked for
    tracking before, and connections that began while the sysctl C(net.ipv4.vs.conntrack) was 0.
  - If there is nothing to do, C(iptables-save) runs once. For a change it runs twice more, and C(iptables-restore)
    twice, since each change is tried first.
requirements:
  - the commands C(iptables-save) and C(iptables-restore), or those of C(ip6tables)
  - for rules that are new, or in another spelling, the right to make a network namespace (CAP_SYS_ADMIN)
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
seealso:
  - module: ansible.builtin.iptables
  - module: linuxnet.ipvs.masquerade
  - module: linuxnet.ipvs.ipset
"""

EXAMPLES = r"""
- name: Own a chain of rules for what comes in, before those of all others
  linuxnet.ipvs.iptables_chains:
    chains:
      - chain: MINE-IN
        rules:
          - -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
          - -s 203.0.113.0/24 -p tcp --dport 22 -m comment --comment "the office" -j ACCEPT
          - -p tcp --dport 22 -j DROP
    jumps:
      - {chain: INPUT, rule: -j MINE-IN}
# iptables-save -t filter
# :MINE-IN - [0:0]
# -A INPUT -j MINE-IN
# -A MINE-IN -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
# -A MINE-IN -s 203.0.113.0/24 -p tcp -m tcp --dport 22 -m comment --comment "the office" -j ACCEPT
# -A MINE-IN -p tcp -m tcp --dport 22 -j DROP

- name: Translate addresses by two chains, and delete those of yesterday
  linuxnet.ipvs.iptables_chains:
    chains:
      - {table: nat, chain: MINE-MARK, rules: [-j MARK --set-xmark 0x4000/0x4000]}
      - {table: nat, chain: MINE-OUT, rules: [-m mark --mark 0x4000/0x4000 -j MASQUERADE]}
    jumps:
      - {table: nat, chain: PREROUTING, rule: -m set --match-set MINE src -j MINE-MARK}
      - {table: nat, chain: POSTROUTING, rule: -j MINE-OUT, position: last}
    purge: true
    scope: {chains: [MINE-*], families: [ipv4], tables: [nat]}

- name: Delete all that was ours
  linuxnet.ipvs.iptables_chains:
    purge: true
    scope: {chains: [MINE-*]}
"""

RETURN = r"""
changed_chains:
  description:
    - The chains that are created, filled again or deleted, and those in which rules of O(jumps) are added, moved or
      deleted.
  returned: always
  type: list
  elements: str
  sample: [ipv4 filter MINE-IN, ipv4 filter INPUT]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import NETNS, STATE, finish, reporting
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.chains import (
    BUILT_IN,
    FAMILIES,
    POSITIONS,
    wish_of,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.chains_task import carried_out


def run(module):
    values.number("lock_timeout", module.params["lock_timeout"], 1, 3600, "a time (seconds)")
    plan = carried_out(module, wish_of(module.params))
    changed = [" ".join(chain) for change in plan.operations for chain in change.after]
    finish(module, plan, changed_chains=changed)


def main():
    where = dict(
        family=dict(type="str", choices=list(FAMILIES), default="ipv4"),
        table=dict(type="str", choices=list(BUILT_IN), default="filter"),
        chain=dict(type="str", required=True),
    )
    module = AnsibleModule(
        argument_spec=dict(
            chains=dict(type="list", elements="dict", options=dict(rules=dict(type="list", elements="str"), **where)),
            jumps=dict(
                type="list",
                elements="dict",
                options=dict(
                    rule=dict(type="str", required=True),
                    position=dict(type="str", choices=list(POSITIONS), default="first"),
                    **where,
                ),
            ),
            purge=dict(type="bool", default=False),
            scope=dict(
                type="dict",
                options=dict(
                    chains=dict(type="list", elements="str", required=True),
                    families=dict(type="list", elements="str", choices=list(FAMILIES)),
                    tables=dict(type="list", elements="str", choices=list(BUILT_IN)),
                ),
            ),
            lock_timeout=dict(type="int", default=60),
            **NETNS,
            **STATE,
        ),
        required_one_of=[("chains", "jumps", "scope")],
        required_if=[("purge", True, ["scope"])],
        supports_check_mode=True,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
