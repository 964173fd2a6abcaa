#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: packet_trace
short_description: Open one TCP connection and follow its packets through hooks and namespaces
version_added: 1.0.0
description:
  - Opens one TCP connection, from the host or from within a namespace, and returns which hooks of netfilter and of
    bridges its packets crossed, in which namespaces, what each did to their addresses and ports, and where a packet was
    dropped and by which rule.
  - What is returned was observed by nftables' trace, in connection tracking and in IPVS's table. What is inferred is
    marked as such, and names the fact that it follows from.
  - NAT and IPVS change addresses and ports, but not TCP's sequence numbers. So the module chooses the number with which
    the connection begins, and traces packets whose sequence number or acknowledgement is within 1024 of it, and the
    ICMP errors that quote such packets. No other connection is slowed down by more than these comparisons.
extends_documentation_fragment:
  - linuxnet.ipvs.netns
options:
  address:
    description: The address to connect to, virtual or not.
    type: str
    required: true
  port:
    description: The TCP port to connect to.
    type: int
    required: true
  client:
    description:
      - The namespace from which the connection is opened, by its name below C(/run/netns), or by an absolute path.
      - Without it that is the host, see O(netns).
    type: str
  request:
    description: What is sent once the connection is established, at most 1000 bytes. Empty sends nothing.
    type: str
    default: "GET / HTTP/1.0\r\n\r\n"
  timeout:
    description: How long the whole connection may take (seconds).
    type: int
    default: 5
  watch:
    description:
      - Further namespaces to watch. The host, the client, and all named namespaces that have O(address) or the address
        of one of the real servers behind it are watched anyway.
    type: list
    elements: str
    default: []
  service_names:
    description:
      - What virtual services are called, by C(ADDRESS,PROTOCOL:PORT). The report then has the name behind each one that
        it mentions, and where IPVS changes a packet for it. The kernel has no names of them.
      - Those of Kubernetes are in the C(names) of P(linuxnet.ipvs.kube_proxy_state#filter).
    type: dict
    default: {}
  netns:
    description:
      - The namespace that has the IPVS table, which is called C(host) in the results.
attributes:
  check_mode:
    description: Checks the options and opens no connection; RV(outcome) is V(not_tried), and nothing was seen.
    support: partial
    details: There is nothing to predict, since nothing is changed; what would be seen is not known.
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: N/A
  idempotent:
    description: Opens a connection each time, and changes nothing.
    support: full
  platform:
    description: The operating systems the module runs on.
    platforms: linux
    support: full
requirements:
  - Linux 5.12 or later with nf_tables; nothing else but Python
notes:
  - The rules that mark the packets live in tables named C(linuxnet_trace_) and a number, which the kernel deletes with
    the process that made them, whatever ends it.
  - IPVS counts the connection like any other, and it takes its turn with the scheduler.
  - A rule is named by its text where C(iptables-nft) or C(nft) are installed, and by its number otherwise. Rules of
    legacy iptables (C(iptables-legacy)) report no verdict, so for packets that they drop only the hook is known.
  - A namespace that has no number in O(netns) yet (C(ip netns list-id)) is given one.
  - A bridge is promiscuous, and so may deliver what it would not otherwise, while C(tcpdump) listens on it.
seealso:
  - module: linuxnet.ipvs.ipvs_info
  - module: linuxnet.ipvs.netns_info
  - name: nft(8)
    description: The manual of nftables, whose trace is read here.
    link: https://manpages.debian.org/nft
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
"""

EXAMPLES = r"""
- name: Follow a connection from a pod to a virtual service
  linuxnet.ipvs.packet_trace:
    client: netns_dustin
    address: 10.100.100.100
    port: 8080
  register: traced

- name: Show it
  ansible.builtin.debug:
    msg: "{{ traced.report }}"

- name: Make sure that the real servers see the true address of their clients
  linuxnet.ipvs.packet_trace:
    client: netns_leah
    address: 10.100.100.100
    port: 8080
  register: traced
  failed_when: traced.outcome != 'answered' or traced.packets[0].stations[-1].after.source != '10.0.0.21'
"""

RETURN = r"""
outcome:
  description:
    - How the connection went. V(answered), V(refused), V(timeout), V(silent) if it was established but nothing was
      received, V(not_tried) in check mode, V(failed) otherwise.
  returned: always
  type: str
  sample: timeout
detail:
  description: More about an outcome other than V(answered), as the system says it.
  returned: always
  type: str
  sample: timeout after 5 s
local:
  description: The client's end, C(address) and C(port), as the client knows it.
  returned: always
  type: dict
  sample: {address: 10.0.0.11, port: 40000}
remote:
  description: The other end, as the client knows it.
  returned: always
  type: dict
  sample: {address: 10.100.100.100, port: 8080}
answer:
  description: The beginning of what was answered, at most 1000 bytes.
  returned: always
  type: str
  sample: "HTTP/1.0 200 OK\r\n"
packets:
  description: The connection's packets, in the order in which they set out.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: What it is, by its TCP flags or its length.
      type: str
      sample: SYN
    from_client:
      description: Whether it is the client's; false for what comes back.
      type: bool
    attempts:
      description: How often it was sent.
      type: int
    end:
      description:
        - How its way ended, V(delivered) to a socket, V(left) if it left the last namespace that saw it, V(dropped) by
          a rule, V(taken) in a hook by something that is no rule of nftables, or V(vanished) between two hooks.
      type: str
    stations:
      description: The hooks that it crossed, in their order.
      type: list
      elements: dict
      contains:
        netns:
          description: The namespace.
          type: str
        layer:
          description: Whether it is a hook of V(ip) or of a V(bridge).
          type: str
        hook:
          description: The hook, V(prerouting), V(input), V(forward), V(output) or V(postrouting).
          type: str
        in_device:
          description: The device by which it came in, empty for none.
          type: str
        out_device:
          description: The device by which it goes out, empty for none.
          type: str
        before:
          description: >-
            The packet as the hook began, C(source), C(source_port), C(destination), C(destination_port) and C(flags).
          type: dict
        after:
          description: The packet as the hook ended, null where it never did.
          type: dict
        changes:
          description: What was changed in this hook or on the way to it, C(what) changed and C(by) what.
          type: list
          elements: dict
        rules:
          description: The rules that decided something, C(rule) and C(verdict).
          type: list
          elements: dict
conntrack:
  description: The connection in connection tracking, by namespace, with its C(original) and C(reply) direction.
  returned: always
  type: dict
ipvs_connections:
  description: The connection in IPVS's table, as in RV(linuxnet.ipvs.ipvs_info#module:connections).
  returned: always
  type: list
  elements: dict
verdict:
  description: What happened, C(text), C(basis) (V(observed) or V(inferred)) and the C(evidence) for what is inferred.
  returned: always
  type: list
  elements: dict
report:
  description: All of this as text for people, in lines of at most 100 columns.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import NETNS, reporting
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.names import SERVICE_NAMES, ServiceNames
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.evidence import Target
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.report import options_of, options_of_none
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.rules import RuleTexts
from ansible_collections.linuxnet.ipvs.plugins.module_utils._trace.tracer import request_of, trace


def main():
    module = AnsibleModule(
        argument_spec=dict(
            address=dict(type="str", required=True),
            port=dict(type="int", required=True),
            client=dict(type="str"),
            request=dict(type="str", default="GET / HTTP/1.0\r\n\r\n"),
            timeout=dict(type="int", default=5),
            watch=dict(type="list", elements="str", default=[]),
            **SERVICE_NAMES,
            **NETNS,
        ),
        supports_check_mode=True,
    )
    params = module.params
    with reporting(module):
        target = Target(
            address=values.address("address", params["address"]),
            port=values.port("port", params["port"]),
            request=request_of("request", params["request"]),
            timeout=values.number("timeout", params["timeout"], 1, 600, "a timeout (seconds)"),
        )
        names = ServiceNames(params["service_names"])
        if module.check_mode:
            module.exit_json(changed=False, **options_of_none(target))
        evidence = trace(params["netns"], params["client"], params["watch"], target, RuleTexts(module.run_command))
        module.exit_json(changed=False, **options_of(evidence, names))


if __name__ == "__main__":
    main()
