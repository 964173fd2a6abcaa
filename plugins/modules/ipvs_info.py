#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_info
short_description: Read the IPVS table and find the programs that own it
version_added: 1.0.0
description:
  - Returns the virtual services and real servers of a network namespace under the names of the options of
    M(linuxnet.ipvs.ipvs_service), so that they can be fed back to it.
  - Finds other programs that believe to own the table and delete what they do not know.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes.info_module
  - linuxnet.ipvs.ipvs
  - linuxnet.ipvs.netns
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
"""

EXAMPLES = r"""
- name: Read the table
  linuxnet.ipvs.ipvs_info:
  register: balancer

- name: Stop where another program owns it
  ansible.builtin.assert:
    that: balancer.owners | length == 0
    fail_msg: "{{ balancer.owners | map(attribute='evidence') | join(', ') }}"
"""

RETURN = r"""
available:
  description: Whether the kernel has IPVS; where it has not, there are no services.
  returned: always
  type: bool
services:
  description: The virtual services, in the kernel's order.
  returned: always
  type: list
  elements: dict
  sample:
    - protocol: tcp
      address: 10.100.100.100
      port: 8080
      scheduler: rr
      real_servers:
        - {address: 10.0.0.11, port: 8080, forwarding_method: masquerading, weight: 1}
owners:
  description: >-
    Programs that write this table by themselves: C(keepalived), C(ldirectord), C(kube-router), and C(kube-proxy) in
    IPVS mode.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The program.
      type: str
    pid:
      description: Its process id, where its process can be seen.
      type: int
    evidence:
      description: How it was found.
      type: str
  sample:
    - {name: keepalived, pid: 812, evidence: "process 812: /usr/sbin/keepalived --dont-fork"}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs import Ipvs, NoIpvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs_values import service_options
from ansible_collections.linuxnet.ipvs.plugins.module_utils._module import NETNS, reporting
from ansible_collections.linuxnet.ipvs.plugins.module_utils._owners import owners


def main():
    module = AnsibleModule(argument_spec=NETNS, supports_check_mode=True)
    netns = module.params["netns"]
    with reporting(module):
        try:
            with Ipvs(netns) as ipvs:
                table, available = ipvs.table(), True
        except NoIpvs:
            table, available = [], False
        module.exit_json(
            changed=False,
            available=available,
            services=[service_options(service, servers) for service, servers in table],
            owners=[owner.options() for owner in owners(netns)],
        )


if __name__ == "__main__":
    main()
