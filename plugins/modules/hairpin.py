#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hairpin
short_description: Switch a bridge port's hairpin mode
version_added: 1.0.0
description:
  - A bridge does not send a frame back through the port by which it came, unless that port is in hairpin mode. A real
    server behind a bridge needs it to reach itself through a virtual address.
  - M(linuxnet.ipvs.veth_bridge) has the same switch as an option of its ports. This module is for a port that somebody
    else made.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.netns
  - linuxnet.ipvs.pyroute2
options:
  name:
    description: The bridge port.
    type: str
    required: true
  state:
    description:
      - V(present) switches hairpin mode on, V(absent) off.
      - A device that does not exist is an error with V(present), and fine with V(absent). A device that exists and is
        not a bridge port is an error with both.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: linuxnet.ipvs.veth_bridge
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
"""

EXAMPLES = r"""
- name: Let dustin reach itself through the virtual address
  linuxnet.ipvs.hairpin:
    name: veth_dustin
# bridge -d link show dev veth_dustin
# 4: veth_dustin@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master bridge_home state forwarding priority 32 cost 2
#     hairpin on guard off root_block off fastleave off learning on flood on ...

- name: Switch it off again, for a port inside a namespace
  linuxnet.ipvs.hairpin:
    name: veth_dustin
    netns: node1
    state: absent
"""

RETURN = r"""
port:
  description: The port as it is after the task.
  returned: success
  type: dict
  sample:
    name: veth_dustin
    hairpin: true
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import (
    NETNS,
    STATE,
    finish,
    or_nothing,
    reporting,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import device_name
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.hairpin import bridge_port, plan_hairpin
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.task import carry_out, links_alone


def run(module):
    name = device_name("name", module.params["name"])
    netns = module.params["netns"]
    on = module.params["state"] == "present"
    with links_alone(module) as links:
        have = or_nothing(module, lambda: bridge_port(netns, name, links.snapshot(netns)), None)
        plan = plan_hairpin(netns, name, on, have)
        carry_out(module, links, plan.operations)
    finish(module, plan, port=dict(name=name, hairpin=on))


def main():
    module = AnsibleModule(
        argument_spec=dict(name=dict(type="str", required=True), **NETNS, **STATE),
        supports_check_mode=True,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
