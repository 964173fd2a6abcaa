#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: virtual_ip
short_description: Manage virtual addresses on a dummy device
version_added: 1.0.0
description:
  - Puts addresses on a device of kind C(dummy), which it creates where it is missing. That way the load balancer itself
    answers for its virtual addresses, although no network card has them.
  - A new device stays down, since the kernel answers for its addresses all the same. An existing device is left up or
    down as it is. (One that is set down loses its IPv6 addresses, and the next run adds them again.)
  - A real server with direct routing or a tunnel whose gateway is the load balancer cannot answer from such an address
    while the balancer has it too, since the balancer takes the answers for forged ones. It needs another gateway, or
    the sysctl C(accept_local) on the balancer's device towards it. This does not concern IPv6.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.netns
  - linuxnet.ipvs.pyroute2
seealso:
  - module: linuxnet.ipvs.ipvs_service
  - module: linuxnet.ipvs.veth_bridge
options:
  name:
    description: The dummy device, at most 15 characters.
    type: str
    required: true
  addresses:
    description:
      - The addresses, IPv4 and IPv6. Without a prefix length an address is a host address (C(/32), C(/128)).
      - Without the option all addresses are left alone; with it, unlisted ones are left alone too, unless
        O(exclusive=true). Only the same address with another prefix length is replaced. Link-local addresses
        (C(fe80::/10)) are the kernel's own and stay, unless they are listed.
      - IPv6 addresses are added without duplicate address detection, so they can be used at once.
      - Neighbours on the machine's link reach such an IPv6 address only by a route, not by asking who has it, since the
        kernel answers solicitations only for addresses of the device that receives them. A warning says so if an
        address lies in the network of another device. For IPv4 the kernel answers for all addresses of the machine.
    type: list
    elements: str
  exclusive:
    description:
      - Whether the device shall have no other addresses than O(addresses). With an empty list it is left without any
        address.
    type: bool
    default: false
  state:
    description:
      - With V(absent) and O(addresses) only those addresses are removed, whatever their prefix lengths, and the device
        stays.
      - With V(absent) and no O(addresses) the device is deleted.
    type: str
    choices: [present, absent]
    default: present
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
"""

EXAMPLES = r"""
- name: Answer for a virtual address
  linuxnet.ipvs.virtual_ip:
    name: dustin-ipvs0
    addresses: [10.100.100.100]
# ip address show dev dustin-ipvs0
# 7: dustin-ipvs0: <BROADCAST,NOARP> mtu 1500 qdisc noop state DOWN group default qlen 1000
#     inet 10.100.100.100/32 scope global dustin-ipvs0

- name: Have exactly these two
  linuxnet.ipvs.virtual_ip:
    name: dustin-ipvs0
    addresses: [10.100.100.101, "fd00:100::1"]
    exclusive: true

- name: Give one address up
  linuxnet.ipvs.virtual_ip:
    name: dustin-ipvs0
    addresses: [10.100.100.101]
    state: absent

- name: Take the device away with all its addresses
  linuxnet.ipvs.virtual_ip:
    name: dustin-ipvs0
    state: absent
"""

RETURN = r"""
addresses:
  description: The addresses of the device after the task.
  returned: success
  type: list
  elements: str
  sample: [10.100.100.100/32]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import (
    NETNS,
    STATE,
    finish,
    or_nothing,
    reporting,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.task import carry_out, links_alone
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import Snapshot
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.virtual_ip import (
    VIRTUAL_IP,
    VIRTUAL_IP_RULES,
    addresses_after,
    plan_absent,
    plan_present,
    unanswered,
    wanted_virtual_ip,
)


def run(module):
    want = wanted_virtual_ip(module.params)
    present = module.params["state"] == "present"
    with links_alone(module) as links:
        have = or_nothing(module, lambda: links.snapshot(want.netns), Snapshot())
        plan = (plan_present if present else plan_absent)(want, have)
        for warning in unanswered(want, have) if present else ():
            module.warn(warning)
        carry_out(module, links, plan.operations)
    finish(module, plan, addresses=addresses_after(want, have, present))


def main():
    module = AnsibleModule(
        argument_spec=dict(**VIRTUAL_IP, **NETNS, **STATE),
        supports_check_mode=True,
        **VIRTUAL_IP_RULES,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
