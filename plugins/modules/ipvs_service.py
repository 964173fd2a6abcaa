#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_service
short_description: Manage an IPVS virtual service and its real servers
version_added: 1.0.0
description:
  - Creates, changes and deletes a virtual service of Linux's layer-4 load balancer (IPVS), and with it the real servers
    that it balances to.
  - What an existing service can change is changed in place, so that no connection and no counter is lost.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.ipvs
  - linuxnet.ipvs.netns
options:
  protocol:
    description: The transport protocol. It is V(tcp) where O(address) is given without it.
    type: str
    choices: [tcp, udp, sctp]
  address:
    description: The virtual address, IPv4 or IPv6, without a prefix.
    type: str
  port:
    description: The virtual port, 1 to 65535.
    type: int
  fwmark:
    description:
      - The firewall mark that takes the place of protocol, address and port, 1 to 4294967295.
    type: int
  family:
    description:
      - The address family of a service with O(fwmark), V(inet) unless said. With O(address) it follows from that.
    type: str
    choices: [inet, inet6]
  scheduler:
    description:
      - How a real server is chosen for a new connection. Without it an existing service keeps its scheduler and a new
        one gets C(wlc), as with C(ipvsadm).
      - The kernel loads the module C(ip_vs_NAME) by itself where it has it.
    type: str
    choices: [rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos]
  real_servers:
    description:
      - Real servers that the service shall have. Without the option all are left alone; others than the listed ones
        are left alone too, unless O(purge_real_servers).
    type: list
    elements: dict
    suboptions:
      address:
        description: The real server's address, IPv4 or IPv6, without a prefix.
        type: str
        required: true
      port:
        description:
          - The real server's port; without it the virtual service's, and 0 (the port the client asked for) for a
            service with O(fwmark).
        type: int
      forwarding_method:
        description:
          - How packets reach the real server, V(masquerading) (NAT), V(direct) (direct routing) or V(tunnel)
            (IP-in-IP).
          - Without it an existing real server keeps its own and a new one gets V(direct), as with C(ipvsadm).
        type: str
        choices: [direct, masquerading, tunnel]
      weight:
        description:
          - The share of new connections, 0 to 65535. With 0 the real server gets no new ones and keeps serving the
            live ones.
          - Without it an existing real server keeps its weight and a new one gets 1.
        type: int
  purge_real_servers:
    description:
      - Whether real servers that O(real_servers) does not list are deleted. With an empty list all are.
    type: bool
    default: false
  state:
    description: Whether the service shall exist. With V(absent) its real servers go with it.
    type: str
    choices: [present, absent]
    default: present
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
"""

EXAMPLES = r"""
- name: Balance a virtual address over two real servers in turn
  linuxnet.ipvs.ipvs_service:
    address: 10.100.100.100
    port: 8080
    scheduler: rr
    real_servers:
      - {address: 10.0.0.11, forwarding_method: masquerading}
      - {address: 10.0.0.21, forwarding_method: masquerading}
# ipvsadm -Sn
# -A -t 10.100.100.100:8080 -s rr
# -a -t 10.100.100.100:8080 -r 10.0.0.11:8080 -m -w 1
# -a -t 10.100.100.100:8080 -r 10.0.0.21:8080 -m -w 1

- name: Have exactly one real server left
  linuxnet.ipvs.ipvs_service:
    address: 10.100.100.100
    port: 8080
    real_servers:
      - {address: 10.0.0.11, forwarding_method: masquerading}
    purge_real_servers: true

- name: Balance what the firewall has marked with 7, in the namespace of a lab node
  linuxnet.ipvs.ipvs_service:
    fwmark: 7
    scheduler: sh
    netns: node1

- name: Take the service away
  linuxnet.ipvs.ipvs_service:
    address: 10.100.100.100
    port: 8080
    state: absent
"""

RETURN = r"""
service:
  description: The virtual service as it is after the task, under the names of the options.
  returned: when O(state=present)
  type: dict
  sample:
    protocol: tcp
    address: 10.100.100.100
    port: 8080
    scheduler: rr
    real_servers:
      - {address: 10.0.0.11, port: 8080, forwarding_method: masquerading, weight: 1}
      - {address: 10.0.0.21, port: 8080, forwarding_method: masquerading, weight: 1}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils import _values as values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs import Ipvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs_options import (
    REAL_SERVER,
    SERVICE_KEY,
    SERVICE_KEY_RULES,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs_plan import plan_no_service, plan_service
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs_values import (
    SCHEDULERS,
    RealServerWish,
    ServiceKey,
    service_options,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._module import NETNS, STATE, finish, found, reporting


def run(module):
    params = module.params
    key = ServiceKey.from_options(params)
    given = {name: params[name] for name in ("scheduler",) if params[name] is not None}
    wishes = None
    if params["real_servers"] is not None:
        wishes = [
            RealServerWish.from_options(key, server, "real_servers[%d]." % place)
            for place, server in enumerate(params["real_servers"])
        ]
        values.unique("real_servers", (wish.endpoint for wish in wishes), "a real server")

    def read():
        with Ipvs(params["netns"]) as ipvs:
            return ipvs.service(key), ipvs.real_servers(key)

    have, have_servers = found(module, read, (None, ()))
    result = {}
    if params["state"] == "absent":
        plan = plan_no_service(have, have_servers)
    else:
        plan, service, servers = plan_service(key, given, wishes, params["purge_real_servers"], have, have_servers)
        result["service"] = service_options(service, servers)
    if plan.changed and not module.check_mode:
        with Ipvs(params["netns"]) as ipvs:
            ipvs.apply(plan.operations)
    finish(module, plan, **result)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            SERVICE_KEY,
            scheduler=dict(type="str", choices=list(SCHEDULERS)),
            real_servers=dict(type="list", elements="dict", options=REAL_SERVER),
            purge_real_servers=dict(type="bool", default=False),
            **NETNS,
            **STATE,
        ),
        supports_check_mode=True,
        **SERVICE_KEY_RULES,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
