#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_table
short_description: Manage a whole IPVS table in one task
version_added: 1.0.0
description:
  - Creates many virtual services with their real servers at once, and changes only what differs.
  - Additions and changes come before deletions, and whatever can be changed in an existing service or real server is
    changed in place, so that no connection and no counter is lost. If the kernel refuses an addition or a change,
    nothing is deleted. A run that was killed is completed by the next one.
  - What the task does not list is left alone, unless O(purge=true).
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.ipvs
  - linuxnet.ipvs.ipvs.drain
  - linuxnet.ipvs.netns
options:
  services:
    description:
      - The virtual services, each with the options of M(linuxnet.ipvs.ipvs_service).
        RV(linuxnet.ipvs.ipvs_info#module:services) can be given as it is.
      - With an empty list, O(purge) deletes all services.
    type: list
    elements: dict
    suboptions:
      protocol:
        description: The transport protocol. It is V(tcp) where O(services[].address) is given without it.
        type: str
        choices: [tcp, udp, sctp]
      address:
        description: The virtual address, IPv4 or IPv6, without a prefix.
        type: str
      port:
        description:
          - The virtual port, 1 to 65535, or 0 for all ports together, which needs O(services[].persistence_timeout).
        type: int
      fwmark:
        description: The firewall mark that takes the place of protocol, address and port, 1 to 4294967295.
        type: int
      family:
        description:
          - The address family of a service with O(services[].fwmark), by default V(inet). With O(services[].address) it
            follows from the address.
        type: str
        choices: [inet, inet6]
      scheduler:
        description:
          - How a real server is chosen for a new connection. Without it an existing service keeps its scheduler and a
            new one gets C(wlc), as with C(ipvsadm).
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
          - How many seconds after its last connection a client is still sent to the same real server, up to 4294967.
            With 0 the service is not persistent. Without it an existing service stays as it is, and a new one is not
            persistent.
        type: int
      persistence_netmask:
        description:
          - Clients that share this part of their addresses count as one client. It is a prefix length (C(24), C(64)) or
            an IPv4 netmask (C(255.255.255.0)). With C(0), for IPv4 only, all clients are one. Needs
            O(services[].persistence_timeout). A new service compares whole addresses.
        type: str
      persistence_engine:
        description:
          - What else, besides the client's address, makes connections belong together. V(sip) uses the Call-ID of SIP,
            V(none) removes the engine. Needs O(services[].persistence_timeout).
        type: str
        choices: [sip, none]
      real_servers:
        description:
          - Real servers that the service shall have. Without the option all real servers are left alone; with it,
            unlisted ones are left alone too, unless O(services[].purge_real_servers=true).
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
              - The real server's port. By default it is the virtual service's, or 0 (the port that the client asked
                for) for a service of a firewall mark.
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
              - The share of new connections, 0 to 2147483647. With 0 the real server gets no new ones and keeps serving
                the live ones, which is how it is drained. The upstream C(ipvsadm) reads no weight above 65535.
              - With the schedulers C(sh), C(mh) and C(dh) a real server of weight 0 keeps its share of clients, and
                these are refused unless C(sh-fallback) or C(mh-fallback) is set. The module warns about that.
              - Without it an existing real server keeps its weight and a new one gets 1.
            type: int
          keep_weight:
            description:
              - Whether an existing real server keeps its weight although O(services[].real_servers[].weight) is given,
                for weights that somebody else owns, such as a health checker. Then O(services[].real_servers[].weight)
                is only what a new real server starts with.
            type: bool
            default: false
          upper_threshold:
            description:
              - The number of connections at which the real server stops getting new ones, up to 2147483647. With 0
                there is no limit, and no O(services[].real_servers[].lower_threshold) either.
              - Connections that have ended count until the kernel forgets them, for TCP after two minutes. The limit
                does not hold for persistent clients.
            type: int
          lower_threshold:
            description:
              - The number of connections below which a real server that reached
                O(services[].real_servers[].upper_threshold) gets new ones again. With 0 that is three quarters of the
                upper threshold.
            type: int
          tunnel_type:
            description:
              - How packets are wrapped with O(services[].real_servers[].forwarding_method=tunnel); by default V(ipip).
                V(gue) needs Linux 5.2 or later, V(gre) 5.3.
            type: str
            choices: [ipip, gue, gre]
          tunnel_port:
            description:
              - The UDP port, required with O(services[].real_servers[].tunnel_type=gue). The real server unwraps what
                arrives there once it has been set up with C(ip fou add port PORT gue).
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
          - Whether real servers that O(services[].real_servers) does not list are deleted. With an empty list all are
            deleted. Needs O(services[].real_servers).
        type: bool
        default: false
  text:
    description:
      - The virtual services as C(ipvsadm --save --numeric) prints them and C(ipvsadm --restore) reads them. In contrast
        to O(services), what a line leaves out is not left alone, but gets the default of C(ipvsadm). C(ipvsadm) does
        not save thresholds, and its upstream versions read no weight above 65535.
      - With O(purge) it must contain a virtual service.
      - Lines mean what they mean to C(ipvsadm), also with long options, combined letters, and the program's name. Four
        things differ. Names of hosts and ports are refused, lines that start with C(#) are skipped, lines that edit or
        delete are refused, and because of one wrong line the whole text is refused, where C(ipvsadm) would already have
        executed the lines before it.
      - For thousands of real servers this is several times faster than O(services), where Ansible spends most of the
        time on handing so many options to the module and back. The filter P(linuxnet.ipvs.to_ipvsadm#filter) writes
        such a text.
    type: str
  purge:
    description:
      - Whether what is not listed is deleted, that is other virtual services, and other real servers of those virtual
        services that list some. A service with an empty list, as the template of an empty group produces it, keeps its
        real servers unless it has O(services[].purge_real_servers=true).
      - Without O(scope) the task fails where it would delete virtual services of a table that another program writes,
        such as keepalived or kube-proxy (RV(linuxnet.ipvs.ipvs_info#module:owners)).
    type: bool
    default: false
  graceful:
    description:
      - Whether a real server that the task would delete is kept with weight 0 while it has connections, live ones or
        ended ones that are still remembered. A later run deletes it. This does not hold for real servers of virtual
        services that are deleted as a whole, nor for V(udp) and V(sctp).
    type: bool
    default: false
  scope:
    description:
      - Limits O(purge) to a part of the table. What is outside is left alone, and may not be listed either.
    type: dict
    suboptions:
      addresses:
        description: The networks in which the virtual addresses lie. If only O(scope.protocols) is given, any address.
        type: list
        elements: str
      protocols:
        description: The protocols of the virtual services. If only O(scope.addresses) is given, any protocol.
        type: list
        elements: str
        choices: [tcp, udp, sctp]
      fwmarks:
        description:
          - Firewall marks, and ranges of them such as C(100-199). Without the option no service of a firewall mark is
            in the scope.
        type: list
        elements: str
      services:
        description:
          - Single virtual services, each as C(ipset) writes an entry, such as V(10.100.0.1,tcp:80). They are in the
            scope beside what the other options name.
        type: list
        elements: str
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
"""

EXAMPLES = r"""
- name: Have exactly these virtual services on 10.100.0.0/16, and leave the rest of the table alone
  linuxnet.ipvs.ipvs_table:
    services:
      - address: 10.100.0.1
        port: 80
        scheduler: rr
        real_servers:
          - {address: 10.0.0.11, port: 8080, forwarding_method: masquerading}
          - {address: 10.0.0.21, port: 8080, forwarding_method: masquerading}
      - {address: 10.100.0.2, port: 53, protocol: udp, one_packet: true, real_servers: [{address: 10.0.0.31}]}
    purge: true
    scope: {addresses: [10.100.0.0/16]}
# ipvsadm -Sn
# -A -t 10.100.0.1:80 -s rr
# -a -t 10.100.0.1:80 -r 10.0.0.11:8080 -m -w 1
# -a -t 10.100.0.1:80 -r 10.0.0.21:8080 -m -w 1
# -A -u 10.100.0.2:53 -s wlc -o
# -a -u 10.100.0.2:53 -r 10.0.0.31:53 -g -w 1

- name: Take over what 'ipvsadm --save --numeric' wrote on the old director
  linuxnet.ipvs.ipvs_table:
    text: "{{ lookup('ansible.builtin.file', 'ipvsadm.rules') }}"

- name: Read the table of one director
  linuxnet.ipvs.ipvs_info:
  register: director
  delegate_to: director1

- name: Have the same on this one, and nothing else
  linuxnet.ipvs.ipvs_table:
    services: "{{ director.services }}"
    purge: true
  when: director.available
"""

RETURN = r"""
virtual_services:
  description: How many virtual services the task added, changed and deleted, and how many it left as they were.
  returned: always
  type: dict
  sample: {added: 2, changed: 1, deleted: 0, unchanged: 997}
real_servers:
  description: How many real servers the task added, changed and deleted, and how many it left as they were.
  returned: always
  type: dict
  sample: {added: 20, changed: 0, deleted: 1, unchanged: 9979}
drained:
  description: What became of the live connections of all that was deleted.
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

import gc
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import NETNS, invocation, reporting
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import EMPTY_TABLE
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.drain_options import (
    DRAIN,
    drain_timeout,
    warn_of_refused_clients,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.options import SCOPE, SERVICES, checked_services
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.table_plan import plan_table
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.task import carried_out
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.wishes import ServiceWish


def scope_of(options):
    """The part of the table that the task owns."""
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.scope import Scope

    return Scope.from_options(options)


def wishes_in(text, purge):
    """The virtual services in a saved table, which says all of each: one without real servers has none."""
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.reader import parse, wishes

    found = [wish._replace(purge=purge) for wish in wishes(parse(text))]
    if purge and not found:  # a file that was cut off, or a command that has failed
        raise InvalidOption("text", text, "it has no virtual service: write 'services: []' if all shall be deleted")
    return found


def left_while_held(wishes, plan, connections, table, owned):
    """The plan by which real servers that have connections get weight 0, and do not go yet."""
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.graceful import held, keeping

    kept = held(plan, connections)
    return plan_table(keeping(wishes, kept), table, owned) if kept else plan


def run(module):
    params = module.params
    if params["scope"] is not None and not params["purge"]:
        raise InvalidOption("scope", params["scope"], "it limits what 'purge: true' deletes, so it goes with that only")
    owned = scope_of(params["scope"]) if params["purge"] else None
    owns_all = params["purge"] and params["scope"] is None
    if params["text"] is not None:
        wishes = wishes_in(params["text"], params["purge"])
    else:
        listed = enumerate(checked_services(params["services"]))
        wishes = [ServiceWish.read(*service, "services[%d]." % place) for place, service in listed]

    purges = params["purge"] or any(wish.purge for wish in wishes)
    timeout = drain_timeout(params, purges, "'purge: true' or 'purge_real_servers: true'")
    if timeout is not None and params["graceful"]:
        raise InvalidOption("drain_timeout", timeout, "with 'graceful: true' no task waits for connections")

    def planned(have):
        table, connections = have
        plan = plan_table(wishes, table, owned)
        if owns_all and plan.changed:
            from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.conflicts import refuse_owners

            refuse_owners(params["netns"], plan.operations)
        return left_while_held(wishes, plan, connections, table, owned) if params["graceful"] else plan

    def read(ipvs):
        return ipvs.table(), ipvs.connections

    result: dict[str, Any] = {}
    nothing: Any = EMPTY_TABLE, lambda _service: {}
    if timeout is None:
        plan = carried_out(module, read, planned, nothing)
    else:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.drain import drained_away

        plan, result = drained_away(module, timeout, lambda ipvs: planned(read(ipvs)), planned(nothing))
    listed_weights = {wish.key: wish.weights() for wish in wishes}
    for service, _servers in plan.after:
        warn_of_refused_clients(module, service, listed_weights[service.key])
    shown = dict(diff=plan.diff()) if module._diff else {}
    module.exit_json(changed=plan.changed, invocation=invocation(params), **plan.counts, **shown, **result)


def main():
    # Ten thousand real servers are many small objects, none of which hold each other in a circle.
    gc.disable()
    module = AnsibleModule(
        argument_spec=dict(
            services=SERVICES,
            text=dict(type="str"),
            purge=dict(type="bool", default=False),
            graceful=dict(type="bool", default=False),
            scope=SCOPE,
            **DRAIN,
            **NETNS,
        ),
        mutually_exclusive=[("services", "text")],
        required_one_of=[("services", "text")],
        supports_check_mode=True,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
