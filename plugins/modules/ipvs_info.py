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
    M(linuxnet.ipvs.ipvs_service), so that they can be fed back to it and to M(linuxnet.ipvs.ipvs_table). They are
    complete, so feeding them back undoes whatever has been changed meanwhile, and makes another director the same.
  - Returns the timeouts and synchronization daemons too, under the names of the options of
    M(linuxnet.ipvs.ipvs_settings), and on request what the kernel counts and which connections there are.
  - Finds other programs that believe they own the table, and delete what they do not know.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes.info_module
  - linuxnet.ipvs.ipvs
  - linuxnet.ipvs.ipvs.filter
  - linuxnet.ipvs.netns
options:
  services:
    description:
      - Limits what is returned of services, counters and connections to the virtual services that match one of these.
        An option that an item leaves out matches anything. Without the option all match.
      - The kernel does not say for which firewall mark a connection was made, so an item with O(services[].fwmark)
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
  description: Whether the kernel has IPVS; if it has not, there are no services.
  returned: always
  type: bool
version:
  description: The version of IPVS.
  returned: when RV(available)
  type: str
  sample: 1.2.1
connection_table_size:
  description:
    - How many buckets the kernel has for connections. Up to Linux 7.0 that is set when the module C(ip_vs) is loaded.
    - Since Linux 7.1 each namespace has its own, and their number goes up and down with the connections. It is 0 before
      the first service.
  returned: when RV(available)
  type: int
  sample: 4096
services:
  description:
    - The virtual services, sorted by family, address and port, with those of firewall marks at the end. Services of a
      protocol that C(ipvsadm) cannot name are left out.
    - The kernel does not report if its table changes while it is read. So the module reads until two readings agree,
      and fails if another program writes all the time.
    - A service without real servers has C(purge_real_servers), so that feeding it back removes any that have been
      added.
    - Options of persistence, of lower thresholds and of tunnels are left out where there are none.
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
status:
  description:
    - What the kernel says of the load of its tables in C(/proc/net/ip_vs_status), each line by its name.
  returned: when RV(available), since Linux 7.1
  type: dict
  sample: {conns: "24", conn_buckets: "256 (8 bits, lfactor -4)", services: "1"}
statistics:
  description:
    - What the kernel has counted for each virtual service and each of its real servers since they were created or their
      counters were zeroed, and the rates per second that it estimates.
    - A rate is a moving mean of samples of two seconds, in which the latest counts for a quarter, so it lags behind. Of
      a new steady load it shows a fifth after two seconds, two thirds after eight, and nearly all after twenty.
    - For each real server also how many connections it has now.
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
    - The connections, with the seconds until each expires. Entries with client port 0 remember a persistent client.
    - The kernel lists connections while they come and go. One that is listed twice is returned once. Since Linux 7.1 a
      connection may be missing while the kernel's table grows or shrinks; then the module reads again, up to five
      times, and warns if that did not help.
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
    C(lvscare), C(sealctl), C(pybal) and C(seesaw_ncc). C(kube-proxy) and C(kube-router) are also found by a device of
    theirs, which may be left over.
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

from contextlib import suppress

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import NETNS, reporting
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs, NoIpvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.filter import SERVICES, Filter
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.owners import owners
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.proc import status
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.settings_client import about, settings
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import service_options

#: How often the connections are read where the kernel's table of them changes its size.
READINGS = 5


def told(service, servers):
    """A service so that it is the same when it is fed back: one without real servers shall have none."""
    options = service_options(service, servers)
    return options if options["real_servers"] else dict(options, purge_real_servers=True)


def all_connections(module, wanted):
    """The connections that are wanted, read again where the kernel's table has grown or shrunk meanwhile."""
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.connections import connections, needles_of

    netns = module.params["netns"]
    for _attempt in range(READINGS):
        before = table_size(netns)
        found = connections(netns, needles_of(wanted.patterns))
        if table_size(netns) == before:
            break
    else:
        module.warn("the kernel's table of connections changed its size in each reading, so some may be missing")
    return [each for each in found if wanted.matches_connection(each)]


def table_size(netns):
    with suppress(NoIpvs), Ipvs(netns) as ipvs:
        return about(ipvs)["connection_table_size"]


def statistics_of(ipvs, services):
    """What the kernel counts of virtual services."""
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.counters_client import statistics

    return statistics(ipvs, (service.key for service in services))


def run(module):
    netns = module.params["netns"]
    wanted = Filter.from_options(module.params["services"])
    result = dict(available=True, services=[])
    try:
        with Ipvs(netns) as ipvs:
            listed = [service for service in ipvs.services() if wanted.matches_service(service.key)]
            result["services"] = [told(service, ipvs.real_servers(service.key)) for service in listed]
            result["settings"] = settings(ipvs).options()
            result.update(about(ipvs))
            if module.params["statistics"]:
                result["statistics"] = statistics_of(ipvs, listed)
        state = status(netns)
        if state is not None:
            result["status"] = state
    except NoIpvs:
        result["available"] = False
        if module.params["statistics"]:
            result["statistics"] = []
    if module.params["connections"]:
        result["connections"] = all_connections(module, wanted)
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
