#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ipset
short_description: Manage a set of addresses, networks, ports or other sets
version_added: 1.0.0
description:
  - Creates and deletes a set of the kernel's C(ipset) facility, to which firewall rules can refer.
  - Its entries are managed by M(linuxnet.ipvs.ipset_entry).
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.ipset
  - linuxnet.ipvs.netns
options:
  name:
    description: The set's name, at most 31 bytes.
    type: str
    required: true
  type:
    description: What an entry is made of. Required with O(state=present).
    type: str
    choices:
      - hash:ip
      - hash:ip,port
      - hash:ip,port,ip
      - hash:ip,port,net
      - hash:mac
      - hash:net
      - hash:net,net
      - hash:net,port
      - hash:net,port,net
      - list:set
  family:
    description:
      - The address family of the entries, V(inet) unless said.
      - The types V(type=hash:mac) and V(type=list:set) have none.
    type: str
    choices: [inet, inet6]
  hashsize:
    description:
      - How many hash buckets a new set starts with; the kernel rounds it up to a power of two, takes 1024 unless said,
        and enlarges it as the set fills. So it is no difference when an existing set has another.
      - The type V(type=list:set) has none.
    type: int
  maxelem:
    description: How many entries the set may hold, 65536 unless said. The type V(type=list:set) has none.
    type: int
  timeout:
    description:
      - The number of seconds after which an entry goes by itself, up to 2147483, for entries that do not bring their
        own; with V(0) they stay. Without the option the set has no timeouts at all.
    type: int
  counters:
    description: Whether each entry counts the packets and bytes that matched it. A new set does not unless said.
    type: bool
  comment:
    description: Whether each entry may carry a comment. In a new set it may not unless said.
    type: bool
  state:
    description:
      - Whether the set shall exist. With V(absent) it goes with its entries; while a firewall rule or another set
        refers to it, the kernel keeps it and the task fails.
    type: str
    choices: [present, absent]
    default: present
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
"""

EXAMPLES = r"""
- name: Have a set for connections that come back to where they came from
  linuxnet.ipvs.ipset:
    name: DUSTIN-LOOP-BACK
    type: hash:ip,port,ip
# ipset list -terse
# Name: DUSTIN-LOOP-BACK
# Type: hash:ip,port,ip
# Header: family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x1a2b3c4d

- name: Have a set of IPv6 networks whose entries expire after an hour
  linuxnet.ipvs.ipset:
    name: visitors6
    type: hash:net
    family: inet6
    timeout: 3600

- name: Take the set away
  linuxnet.ipvs.ipset:
    name: visitors6
    state: absent
"""

RETURN = r"""
set:
  description: The set as it is after the task, under the names of the options.
  returned: when O(state=present)
  type: dict
  sample:
    name: DUSTIN-LOOP-BACK
    type: hash:ip,port,ip
    family: inet
    hashsize: 1024
    maxelem: 65536
    timeout: null
    counters: false
    comment: false
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils import _values as values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset import IpSets
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset_plan import plan_no_set, plan_set
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset_values import SET_TYPES, header_options, set_type
from ansible_collections.linuxnet.ipvs.plugins.module_utils._module import NETNS, STATE, finish, found, reporting


def run(module):
    params = module.params
    name = values.set_name("name", params["name"])
    kind, given = None, {}
    if params["state"] == "present":
        kind = set_type(params["type"], params["family"])
        given = header_options(kind, params)

    def read():
        with IpSets(params["netns"]) as sets:
            return sets.header(name)

    have = found(module, read, None)
    result = {}
    if kind is None:
        plan = plan_no_set(have)
    else:
        plan, header = plan_set(name, kind, given, have)
        result["set"] = header.options()
    if plan.changed and not module.check_mode:
        with IpSets(params["netns"]) as sets:
            sets.apply(plan.operations)
    finish(module, plan, **result)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            name=dict(type="str", required=True),
            type=dict(type="str", choices=list(SET_TYPES)),
            family=dict(type="str", choices=["inet", "inet6"]),
            hashsize=dict(type="int"),
            maxelem=dict(type="int"),
            timeout=dict(type="int"),
            counters=dict(type="bool"),
            comment=dict(type="bool"),
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
