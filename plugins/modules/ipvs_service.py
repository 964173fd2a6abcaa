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
  - Whatever can be changed in an existing service is changed in place, so that no connection and no counter is lost.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.ipvs
  - linuxnet.ipvs.ipvs.drain
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
    description: The virtual port, 1 to 65535, or 0 for all ports together, which needs O(persistence_timeout).
    type: int
  fwmark:
    description:
      - The firewall mark that takes the place of protocol, address and port, 1 to 4294967295.
    type: int
  family:
    description:
      - The address family of a service with O(fwmark), by default V(inet). With O(address) it follows from the address.
    type: str
    choices: [inet, inet6]
  scheduler:
    description:
      - How a real server is chosen for a new connection. Without it an existing service keeps its scheduler and a new
        one gets C(wlc), as with C(ipvsadm).
      - The kernel loads the module C(ip_vs_NAME) by itself if it has one. With V(none) nothing is scheduled.
    type: str
    choices: [rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos, none]
  scheduler_flags:
    description:
      - The scheduler's flags, all of them; an empty list means none. Those that begin with C(sh-) or C(mh-) are for
        these schedulers, the numbered ones are the same bits for any other scheduler.
      - Without it an existing service keeps its flags, unless its scheduler changes.
    type: list
    elements: str
    choices: [sh-fallback, sh-port, mh-fallback, mh-port, flag-1, flag-2, flag-3]
  one_packet:
    description:
      - Whether each packet is scheduled on its own. For UDP and firewall marks only, and not with real servers of
        V(masquerading), since clients would not accept their answers.
    type: bool
  persistence_timeout:
    description:
      - How many seconds after its last connection a client is still sent to the same real server, up to 4294967. With 0
        the service is not persistent. Without it an existing service stays as it is, and a new one is not persistent.
    type: int
  persistence_netmask:
    description:
      - Clients that share this part of their addresses count as one client. It is a prefix length (C(24), C(64)) or an
        IPv4 netmask (C(255.255.255.0)). With C(0), for IPv4 only, all clients are one. Needs O(persistence_timeout). A
        new service compares whole addresses.
    type: str
  persistence_engine:
    description:
      - What else, besides the client's address, makes connections belong together. V(sip) uses the Call-ID of SIP,
        V(none) removes the engine. Needs O(persistence_timeout).
    type: str
    choices: [sip, none]
  real_servers:
    description:
      - Real servers that the service shall have. Without the option all real servers are left alone; with it, unlisted
        ones are left alone too, unless O(purge_real_servers=true).
    type: list
    elements: dict
    suboptions:
      # real server: begin (make tables writes it)
      address:
        description:
          - The real server's address, IPv4 or IPv6, without a prefix.
        type: str
        required: true
      port:
        description:
          - The real server's port. By default it is the virtual service's, or 0 (the port that the client asked for)
            for a service of a firewall mark.
        type: int
      forwarding_method:
        description:
          - How packets reach the real server, V(masquerading) (NAT), V(direct) (direct routing) or V(tunnel)
            (IP-in-IP).
          - Without it an existing real server keeps its own and a new one gets V(direct), as with C(ipvsadm).
          - When it changes, live connections keep the old method.
        type: str
        choices: [direct, masquerading, tunnel]
      weight:
        description:
          - The share of new connections, 0 to 2147483647. With 0 the real server gets no new ones and keeps serving the
            live ones, which is how it is drained. The upstream C(ipvsadm) reads no weight above 65535.
          - With the schedulers C(sh), C(mh) and C(dh) a real server of weight 0 keeps its share of clients, and these
            are refused unless C(sh-fallback) or C(mh-fallback) is set. The module warns about that.
          - Without it an existing real server keeps its weight and a new one gets 1.
        type: int
      keep_weight:
        description:
          - Whether an existing real server keeps its weight although O(real_servers[].weight) is given, for weights
            that somebody else owns, such as a health checker. Then O(real_servers[].weight) is only what a new real
            server starts with.
        type: bool
        default: false
      upper_threshold:
        description:
          - The number of connections at which the real server stops getting new ones, up to 2147483647. With 0 there is
            no limit, and no O(real_servers[].lower_threshold) either.
          - Connections that have ended count until the kernel forgets them, for TCP after two minutes. The limit does
            not hold for persistent clients.
        type: int
      lower_threshold:
        description:
          - The number of connections below which a real server that reached O(real_servers[].upper_threshold) gets new
            ones again. With 0 that is three quarters of the upper threshold.
        type: int
      tunnel_type:
        description:
          - How packets are wrapped with O(real_servers[].forwarding_method=tunnel); by default V(ipip). V(gue) needs
            Linux 5.2 or later, V(gre) 5.3.
        type: str
        choices: [ipip, gue, gre]
      tunnel_port:
        description:
          - The UDP port, required with O(real_servers[].tunnel_type=gue). The real server unwraps what arrives there
            once it has been set up with C(ip fou add port PORT gue).
        type: int
      tunnel_checksum:
        description:
          - The checksum of the outer packet with types V(gue) and V(gre), by default V(none). V(remote) is remote
            checksum offload, for V(gue) only. Needs Linux 5.3 or later.
        type: str
        choices: [none, full, remote]
      # real server: end
  purge_real_servers:
    description:
      - Whether real servers that O(real_servers) does not list are deleted. With an empty list all are deleted. Needs
        O(real_servers).
    type: bool
    default: false
  state:
    description:
      - Whether the service shall exist. With V(absent) its real servers go with it.
      - From then on the kernel drops the packets of its live connections. A service that is created again before these
        expire gets them back.
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

- name: Keep a client at its real server for an hour, and a call of SIP too
  linuxnet.ipvs.ipvs_service:
    protocol: udp
    address: 10.100.100.100
    port: 5060
    scheduler: sh
    scheduler_flags: [sh-port, sh-fallback]
    persistence_timeout: 3600
    persistence_netmask: 255.255.255.0
    persistence_engine: sip
    real_servers:
      - {address: 192.168.7.11, forwarding_method: tunnel, tunnel_type: gue, tunnel_port: 6080, tunnel_checksum: full}
# ipvsadm -Sn
# -A -u 10.100.100.100:5060 -s sh -p 3600 -M 255.255.255.0 --pe sip -b sh-fallback,sh-port
# -a -u 10.100.100.100:5060 -r 192.168.7.11:5060 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum

- name: Take the service away
  linuxnet.ipvs.ipvs_service:
    address: 10.100.100.100
    port: 8080
    state: absent

- name: Take it away once its connections have ended, after ten minutes at the latest
  linuxnet.ipvs.ipvs_service:
    address: 10.100.100.100
    port: 8080
    state: absent
    drain_timeout: 600
"""

RETURN = r"""
service:
  description:
    - The virtual service as it is after the task, under the names of the options.
  returned: when O(state=present)
  type: dict
  sample:
    protocol: tcp
    address: 10.100.100.100
    port: 8080
    scheduler: rr
    scheduler_flags: []
    one_packet: false
    persistence_timeout: 0
    real_servers:
      - {address: 10.0.0.11, port: 8080, forwarding_method: masquerading, weight: 1, upper_threshold: 0}
      - {address: 10.0.0.21, port: 8080, forwarding_method: masquerading, weight: 1, upper_threshold: 0}
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

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import NETNS, STATE, finish, reporting
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.drain_options import (
    DRAIN,
    drain_timeout,
    warn_of_refused_clients,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.options import (
    SERVICE,
    SERVICE_KEY,
    SERVICE_KEY_RULES,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.plan import plan_no_service, plan_service
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.task import carried_out
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import service_options
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.wishes import ServiceWish


def run(module):
    params = module.params
    wish = ServiceWish.from_options(params)
    deletes = params["state"] == "absent" or params["purge_real_servers"]
    timeout = drain_timeout(params, deletes, "'state: absent' or 'purge_real_servers: true'")

    def read(ipvs):
        return ipvs.service(wish.key), ipvs.real_servers(wish.key)

    result = {}
    after: list[Any] = []

    def planned(have):
        if params["state"] == "absent":
            return plan_no_service(*have)
        plan, service, servers = plan_service(wish, *have)
        result["service"] = service_options(service, servers)
        after[:] = service, [server.weight for server in servers]
        return plan

    if timeout is None:
        plan = carried_out(module, read, planned, (None, ()))
    else:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.drain import drained_away

        plan, drained = drained_away(module, timeout, lambda ipvs: planned(read(ipvs)), planned((None, ())))
        result.update(drained)
    if after:
        warn_of_refused_clients(module, *after)
    finish(module, plan, **result)


def main():
    module = AnsibleModule(
        argument_spec=dict(**SERVICE_KEY, **SERVICE, **DRAIN, **NETNS, **STATE),
        supports_check_mode=True,
        **SERVICE_KEY_RULES,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
