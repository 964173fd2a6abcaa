#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_real_server
short_description: Manage one real server of an IPVS virtual service
version_added: 1.0.0
description:
  - Adds, changes and deletes one real server of a virtual service that exists.
  - To manage a service together with its real servers in one task, use M(linuxnet.ipvs.ipvs_service).
  - Changes are made with the kernel's own command for changes, so live connections stay.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.ipvs
  - linuxnet.ipvs.ipvs.drain
  - linuxnet.ipvs.netns
options:
  service:
    description: The virtual service, by address and port or by firewall mark.
    type: dict
    required: true
    suboptions:
      protocol:
        description: The transport protocol. It is V(tcp) where O(service.address) is given without it.
        type: str
        choices: [tcp, udp, sctp]
      address:
        description: The virtual address, IPv4 or IPv6, without a prefix.
        type: str
      port:
        description: The virtual port, 1 to 65535, or 0 for a service on all ports.
        type: int
      fwmark:
        description: The firewall mark that takes the place of protocol, address and port, 1 to 4294967295.
        type: int
      family:
        description: The address family of a service with O(service.fwmark), by default V(inet).
        type: str
        choices: [inet, inet6]
  # real server: begin (make tables writes it)
  address:
    description:
      - The real server's address, IPv4 or IPv6, without a prefix.
    type: str
    required: true
  port:
    description:
      - The real server's port. By default it is the virtual service's, or 0 (the port that the client asked for) for a
        service of a firewall mark.
    type: int
  forwarding_method:
    description:
      - How packets reach the real server, V(masquerading) (NAT), V(direct) (direct routing) or V(tunnel) (IP-in-IP).
      - Without it an existing real server keeps its own and a new one gets V(direct), as with C(ipvsadm).
      - When it changes, live connections keep the old method.
    type: str
    choices: [direct, masquerading, tunnel]
  weight:
    description:
      - The share of new connections, 0 to 2147483647. With 0 the real server gets no new ones and keeps serving the
        live ones, which is how it is drained. The upstream C(ipvsadm) reads no weight above 65535.
      - With the schedulers C(sh), C(mh) and C(dh) a real server of weight 0 keeps its share of clients, and these are
        refused unless C(sh-fallback) or C(mh-fallback) is set. The module warns about that.
      - Without it an existing real server keeps its weight and a new one gets 1.
    type: int
  keep_weight:
    description:
      - Whether an existing real server keeps its weight although O(weight) is given, for weights that somebody else
        owns, such as a health checker. Then O(weight) is only what a new real server starts with.
    type: bool
    default: false
  upper_threshold:
    description:
      - The number of connections at which the real server stops getting new ones, up to 2147483647. With 0 there is no
        limit, and no O(lower_threshold) either.
      - Connections that have ended count until the kernel forgets them, for TCP after two minutes. The limit does not
        hold for persistent clients.
    type: int
  lower_threshold:
    description:
      - The number of connections below which a real server that reached O(upper_threshold) gets new ones again. With 0
        that is three quarters of the upper threshold.
    type: int
  tunnel_type:
    description:
      - How packets are wrapped with O(forwarding_method=tunnel); by default V(ipip). V(gue) needs Linux 5.2 or later,
        V(gre) 5.3.
    type: str
    choices: [ipip, gue, gre]
  tunnel_port:
    description:
      - The UDP port, required with O(tunnel_type=gue). The real server unwraps what arrives there once it has been set
        up with C(ip fou add port PORT gue).
    type: int
  tunnel_checksum:
    description:
      - The checksum of the outer packet with types V(gue) and V(gre), by default V(none). V(remote) is remote checksum
        offload, for V(gue) only. Needs Linux 5.3 or later.
    type: str
    choices: [none, full, remote]
  # real server: end
  state:
    description:
      - Whether the real server shall exist.
      - When a real server is deleted, the kernel silently drops the packets of its live connections, and their clients
        hang. If the sysctl C(net.ipv4.vs.expire_nodest_conn) is 1, it resets these connections instead. A real server
        that is added again before they expire gets them back. O(drain_timeout) waits until they have ended.
    type: str
    choices: [present, absent]
    default: present
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
"""

EXAMPLES = r"""
- name: Add a second real server
  linuxnet.ipvs.ipvs_real_server:
    service: {address: 10.100.100.100, port: 8080}
    address: 10.0.0.21
    forwarding_method: masquerading
# ipvsadm -Sn
# -a -t 10.100.100.100:8080 -r 10.0.0.21:8080 -m -w 1

- name: Let it have no new connections
  linuxnet.ipvs.ipvs_real_server:
    service: {address: 10.100.100.100, port: 8080}
    address: 10.0.0.21
    weight: 0

- name: Take it away
  linuxnet.ipvs.ipvs_real_server:
    service: {address: 10.100.100.100, port: 8080}
    address: 10.0.0.21
    state: absent

- name: Take it away once its connections have ended, after ten minutes at the latest
  linuxnet.ipvs.ipvs_real_server:
    service: {address: 10.100.100.100, port: 8080}
    address: 10.0.0.21
    state: absent
    drain_timeout: 600
"""

RETURN = r"""
real_server:
  description: The real server as it is after the task, under the names of the options.
  returned: when O(state=present)
  type: dict
  sample: {address: 10.0.0.21, port: 8080, forwarding_method: masquerading, weight: 1, upper_threshold: 0}
drained:
  description: What became of the live connections.
  returned: when O(drain_timeout) was given and something was deleted, not in check mode
  type: dict
  contains:
    complete:
      description: Whether no live connection was left.
      type: bool
    connections:
      description: How many live connections there were at first.
      type: int
    left:
      description: How many were left when the waiting ended.
      type: int
    seconds:
      description: How long the task waited.
      type: int
  sample: {complete: true, connections: 118, left: 0, seconds: 42}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import NoSuchPlace
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import NETNS, STATE, finish, reporting
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.drain_options import (
    DRAIN,
    drain_timeout,
    warn_of_refused_clients,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.options import (
    REAL_SERVER,
    SERVICE_KEY,
    SERVICE_KEY_RULES,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.plan import plan_no_server, plan_server
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.task import carried_out
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServer, Service, ServiceKey
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.wishes import RealServerWish


def run(module):
    params = module.params
    key = ServiceKey.from_options(params["service"], "service.")
    wish = RealServerWish.from_options(key, params)
    timeout = drain_timeout(params, params["state"] == "absent", "'state: absent'")

    def read(ipvs):
        service = ipvs.service(key)
        if service is None:
            raise NoSuchPlace(
                "virtual service %s does not exist: create it first, with linuxnet.ipvs.ipvs_service" % key
            )
        all_servers[:] = ipvs.real_servers(key)
        return service, [server for server in all_servers if server.key == wish.key]

    result: dict[str, Any] = {}
    all_servers: list[RealServer] = []
    after: list[Any] = []

    def planned(have):
        service, servers = have
        if params["state"] == "absent":
            return plan_no_server(service, servers)
        plan, server = plan_server(service, wish, servers[0] if servers else None)
        result["real_server"] = server.options()
        others = [other for other in all_servers if other.key != server.key]
        after[:] = service, [each.weight for each in (*others, server)]
        return plan

    if timeout is None:
        plan = carried_out(module, read, planned, (Service(key), ()))
    else:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.drain import drained_away

        nothing = plan_no_server(None, ())
        plan, result = drained_away(module, timeout, lambda ipvs: planned(read(ipvs)), nothing)
    if after:
        warn_of_refused_clients(module, *after)
    finish(module, plan, **result)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            REAL_SERVER,
            service=dict(type="dict", required=True, options=SERVICE_KEY, **SERVICE_KEY_RULES),
            **DRAIN,
            **NETNS,
            **STATE,
        ),
        supports_check_mode=True,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
