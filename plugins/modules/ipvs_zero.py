#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_zero
short_description: Set the counters of an IPVS table to zero
version_added: 1.0.0
description:
  - Sets what the kernel counts of virtual services and of their real servers to zero, as C(ipvsadm --zero) does.
  - Services and connections stay as they are. Where all counters are zero already, nothing is changed.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.ipvs
  - linuxnet.ipvs.ipvs.filter
  - linuxnet.ipvs.netns
options:
  services:
    description:
      - Limits the task to the virtual services that match one of these. An option that an item leaves out matches
        anything.
      - Without the option all match, and the counters of the whole table are set to zero too.
seealso:
  - module: linuxnet.ipvs.ipvs_info
    description: Reads the counters with O(linuxnet.ipvs.ipvs_info#module:statistics).
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
"""

EXAMPLES = r"""
- name: Count the web service's packets anew
  linuxnet.ipvs.ipvs_zero:
    services: [{address: 10.100.100.100, port: 8080}]
# ipvsadm -Ln --stats
# Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
#   -> RemoteAddress:Port
# TCP  10.100.100.100:8080                 0        0        0        0        0
#   -> 10.0.0.11:8080                      0        0        0        0        0
#   -> 10.0.0.21:8080                      0        0        0        0        0

- name: Count everything anew
  linuxnet.ipvs.ipvs_zero:
"""

RETURN = r"""
services:
  description: The virtual services whose counters were not all zero.
  returned: always
  type: list
  elements: dict
  sample:
    - {protocol: tcp, address: 10.100.100.100, port: 8080}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import NETNS, finish, or_nothing, reporting
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.counters import plan_zero
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.counters_client import statistics, table_totals, zero
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.filter import SERVICES, Filter
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.lock import alone


def run(module):
    netns, patterns = module.params["netns"], module.params["services"]
    wanted = Filter.from_options(patterns)

    def counted():
        with Ipvs(netns) as ipvs:
            keys = [service.key for service in ipvs.services() if wanted.matches_service(service.key)]
            found = [(key, each) for key in keys for each in statistics(ipvs, [key])]
            return found, table_totals(netns) if patterns is None else None

    with alone(netns, not module.check_mode):
        plan = plan_zero(*or_nothing(module, counted, ((), None)))
        if plan.changed and not module.check_mode:
            with Ipvs(netns) as ipvs:
                zero(ipvs, None if patterns is None else [key for key in plan.operations if key])
    finish(module, plan, services=[key.options() for key in plan.operations if key is not None])


def main():
    module = AnsibleModule(
        argument_spec=dict(services=SERVICES, **NETNS),
        supports_check_mode=True,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
