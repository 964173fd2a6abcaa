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
    M(linuxnet.ipvs.ipvs_service), so that they can be fed back to it and to M(linuxnet.ipvs.ipvs_table). They are told
    in full, so that whatever has been changed meanwhile, or is otherwise on another director, becomes the same again.
  - Returns the timeouts and synchronization daemons too, under the names of the options of
    M(linuxnet.ipvs.ipvs_settings), and on request what the kernel counts and which connections there are.
  - Finds other programs that believe to own the table and delete what they do not know.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes.info_module
  - linuxnet.ipvs.ipvs
  - linuxnet.ipvs.ipvs.filter
  - linuxnet.ipvs.netns
options:
  services:
    description:
      - Limits what is returned of services, counters and connections to the virtual services that match one of these.
        What an item leaves out may be anything. Without the option all match.
      - The kernel does not tell for which firewall mark a connection was made, so an item with O(services[].fwmark)
        matches no connection.
  statistics:
    description: Whether RV(statistics) is returned.
    type: bool
    default: false
  connections:
    description: Whether RV(connections) is returned, which may be very long on a busy director.
    type: bool
    default: false
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

- name: See how busy the web service is
  linuxnet.ipvs.ipvs_info:
    services: [{address: 10.100.100.100, port: 8080}]
    statistics: true
    connections: true
"""

RETURN = r"""
available:
  description: Whether the kernel has IPVS; where it has not, there are no services.
  returned: always
  type: bool
version:
  description: The version of IPVS.
  returned: when RV(available)
  type: str
  sample: 1.2.1
connection_table_size:
  description: How many buckets the kernel has for connections, which is set as the module C(ip_vs) is loaded.
  returned: when RV(available)
  type: int
  sample: 4096
services:
  description:
    - The virtual services, in the kernel's order. One of a protocol that C(ipvsadm) cannot name is left out.
    - What belongs to persistence, to a lower threshold or to a tunnel is left out where there is none.
  returned: always
  type: list
  elements: dict
  sample:
    - protocol: tcp
      address: 10.100.100.100
      port: 8080
      scheduler: rr
      scheduler_flags: []
      one_packet: false
      persistence_timeout: 0
      real_servers:
        - {address: 10.0.0.11, port: 8080, forwarding_method: masquerading, weight: 1, upper_threshold: 0}
settings:
  description: The timeouts (seconds) and the synchronization daemons.
  returned: when RV(available)
  type: dict
  sample:
    tcp_timeout: 900
    tcp_fin_timeout: 120
    udp_timeout: 300
    master: {state: absent}
    backup: {state: absent}
statistics:
  description:
    - What the kernel counts of each virtual service and each of its real servers, since they were made or their
      counters were zeroed, and what it estimates for a second.
    - Of a real server also how many connections it has now.
  returned: when O(statistics)
  type: list
  elements: dict
  sample:
    - protocol: tcp
      address: 10.100.100.100
      port: 8080
      connections: 24
      incoming_packets: 144
      outgoing_packets: 96
      incoming_bytes: 9648
      outgoing_bytes: 8424
      connections_per_second: 2
      incoming_packets_per_second: 12
      outgoing_packets_per_second: 8
      incoming_bytes_per_second: 804
      outgoing_bytes_per_second: 702
      real_servers:
        - address: 10.0.0.11
          port: 8080
          active_connections: 0
          inactive_connections: 24
          persistent_connections: 0
          connections: 24
          incoming_packets: 144
          outgoing_packets: 96
          incoming_bytes: 9648
          outgoing_bytes: 8424
          connections_per_second: 2
          incoming_packets_per_second: 12
          outgoing_packets_per_second: 8
          incoming_bytes_per_second: 804
          outgoing_bytes_per_second: 702
connections:
  description:
    - The connections, with the seconds until each expires. Those with client port 0 remember a persistent client.
  returned: when O(connections)
  type: list
  elements: dict
  sample:
    - protocol: tcp
      client_address: 10.0.0.21
      client_port: 49152
      virtual_address: 10.100.100.100
      virtual_port: 8080
      real_address: 10.0.0.11
      real_port: 8080
      state: ESTABLISHED
      expires: 893
      persistence_engine: null
owners:
  description: >-
    Programs that write this table by themselves: C(keepalived) with virtual servers, C(ldirectord), C(kube-router),
    C(kube-proxy) and C(k3s) in IPVS mode, C(kube-vip) as a load balancer, C(dockerd) in the namespaces of its networks,
    C(lvscare), C(pybal) and C(seesaw_ncc). Of C(kube-proxy) and C(kube-router) a device tells, too, which may be left
    over.
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

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import NETNS, reporting
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs, NoIpvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.connections import connections
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.filter import SERVICES, Filter
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.owners import owners
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import service_options


def run(module):
    netns = module.params["netns"]
    wanted = Filter.from_options(module.params["services"])
    result = dict(available=True, services=[])
    try:
        with Ipvs(netns) as ipvs:
            listed = [service for service in ipvs.services() if wanted.matches_service(service.key)]
            result["services"] = [service_options(service, ipvs.real_servers(service.key)) for service in listed]
            result["settings"] = ipvs.settings().options()
            result.update(ipvs.about())
            if module.params["statistics"]:
                result["statistics"] = ipvs.statistics(service.key for service in listed)
    except NoIpvs:
        result["available"] = False
        if module.params["statistics"]:
            result["statistics"] = []
    if module.params["connections"]:
        result["connections"] = [each for each in connections(netns) if wanted.matches_connection(each)]
    module.exit_json(changed=False, owners=[owner.options() for owner in owners(netns)], **result)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            services=SERVICES,
            statistics=dict(type="bool", default=False),
            connections=dict(type="bool", default=False),
            **NETNS,
        ),
        supports_check_mode=True,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
