#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_doctor
short_description: Find out why a service of IPVS does not work
version_added: 1.0.0
description:
  - Looks for what keeps services of IPVS from working on a node, or in one network namespace of it. Returns each
    finding with its evidence, its consequence and a remedy, and with a task that puts it right if one can.
  - It looks at the table, at switches (sysctl), devices, addresses, routes, bridge ports, sets, rules of C(iptables)
    and programs that own the table.
  - A check runs only where the fault would do harm, and reports only what it can prove. A node that works has no
    finding. U(https://github.com/linuxnet-collections/linuxnet.ipvs/blob/main/docs/doctor.md) lists the checks.
  - Only reads, and does not make the kernel load a module. With O(probe) it opens a TCP connection to each real server
    and closes it again without sending a byte.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes.info_module
  - linuxnet.ipvs.pyroute2
options:
  probe:
    description: Whether to try a TCP connection to each real server of a TCP service.
    type: bool
    default: true
  probe_timeout:
    description: How many seconds each connection may take, 1 to 60. 256 are tried at once.
    type: int
    default: 2
  owner:
    description:
      - Who is meant to write the table. Other programs that write it are a finding (C(other_owner)). V(tasks) means
        tasks of this collection, or a person with C(ipvsadm). A keepalived without virtual servers does not write it.
      - With this option, a kernel without IPVS is a finding too (C(ipvs_missing)).
      - Without it any single program counts as the owner, and several are a finding.
    type: str
    choices:
      [tasks, keepalived, ldirectord, kube-router, kube-proxy, k3s, kube-vip, dockerd, lvscare, sealctl, pybal,
        seesaw_ncc]
  loopback:
    description:
      - Whether real servers are clients of their own services, as the pods of Kubernetes are.
      - Without it that is assumed if a set of the type C(hash:ip,port,ip) names them, such as the role
        P(linuxnet.ipvs.virtual_service#role) and kube-proxy make.
      - Real servers behind a router are left out, since they may use another node's service.
    type: bool
  real_server_for:
    description:
      - The virtual addresses for which this node is a real server of direct routing or of a tunnel. Nothing on the node
        itself distinguishes them from other addresses.
    type: list
    elements: str
    default: []
  schedulers:
    description: Schedulers that are going to be used, such as V(mh). The check does not load them.
    type: list
    elements: str
    default: []
  ignore:
    description: Checks to leave out, by the RV(findings[].id) that they return.
    type: list
    elements: str
    default: []
  service_names:
    description:
      - What virtual services are called, by C(ADDRESS,PROTOCOL:PORT). Each one that a finding mentions has its name
        behind it. The kernel has no names of them.
      - Those of Kubernetes are in the C(names) of P(linuxnet.ipvs.kube_proxy_state#filter).
    type: dict
    default: {}
  netns:
    description:
      - The network namespace to look at, by its name below C(/run/netns), or by an absolute path.
      - Without it that is the namespace in which the module is run.
    type: str
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
seealso:
  - module: linuxnet.ipvs.ipvs_info
"""

EXAMPLES = r"""
- name: Find out what is wrong
  linuxnet.ipvs.ipvs_doctor:
    owner: tasks
  register: doctor
# "findings": [
#     {
#         "id": "hairpin_off",
#         "severity": "error",
#         "subject": "veth_dustin",
#         "evidence": "port veth_dustin of bridge bridge_home is not in hairpin mode, the bridge is not ...",
#         ...

- name: Look at a real server of direct routing
  linuxnet.ipvs.ipvs_doctor:
    real_server_for: [198.51.100.10]

- name: Look at a director of whose services some are drained on purpose, without connecting to anything
  linuxnet.ipvs.ipvs_doctor:
    probe: false
    ignore: [weight_zero]

- name: Look at a node of Kubernetes, and speak of its Services by their names
  linuxnet.ipvs.ipvs_doctor:
    owner: kube-proxy
    service_names: "{{ (cluster | linuxnet.ipvs.kube_proxy_state(node)).names }}"
# "subject": "tcp 10.96.0.10:80 (default/web:http)",
"""

RETURN = r"""
findings:
  description: What was found, errors first.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: The check.
      type: str
    severity:
      description: V(error) if traffic fails, V(warning) if it fails at times, V(notice) if nothing fails yet.
      type: str
    subject:
      description: What is wrong, such as a device, an address or a rule.
      type: str
    evidence:
      description: What shows it.
      type: str
    consequence:
      description: What it leads to.
      type: str
    remedy:
      description: What to do.
      type: str
    task:
      description: A task that does that, null if no task can.
      type: dict
  sample:
    - id: hairpin_off
      severity: error
      subject: veth_dustin
      evidence: >-
        port veth_dustin of bridge bridge_home is not in hairpin mode, the bridge is not promiscuous, and real server
        10.0.0.11:8080 lives behind the port
      consequence: >-
        What this real server sends to its own service does not come back to it by the port that it left by: the
        connection times out whenever it is its own turn.
      remedy: Put the port into hairpin mode (or the bridge into promiscuous mode, for all its ports).
      task:
        name: Let veth_dustin send frames back
        linuxnet.ipvs.hairpin:
          name: veth_dustin
checked:
  description: The checks that have looked at everything that they are for.
  returned: always
  type: list
  elements: str
  sample: [forwarding_off, hairpin_off]
not_checked:
  description: The checks that had nothing to look at, or could not see everything. What they have found still counts.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: The check.
      type: str
    reason:
      description: Why it did not look.
      type: str
    left_open:
      description: Whether there was something to look at that could not be seen, so that something may be wrong there.
      type: bool
  sample:
    - {id: tunnel_mtu, reason: no real server with forwarding method tunnel, left_open: false}
    - {id: firewall_drops, reason: "nft(8) has tables of its own that may drop: inet firewalld", left_open: true}
"""

import gc

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import NETNS, reporting
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.catalogue import CHECKS
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import examine
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.facts import read
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import TASKS, Wishes
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.names import SERVICE_NAMES, ServiceNames
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.owners import PROGRAMS
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import SCHEDULERS


def run(module):
    params = module.params
    values.number("probe_timeout", params["probe_timeout"], 1, 60, "a time (seconds)")
    for name in params["ignore"]:
        values.refuse_unknown("ignore", name, [check.id for check in CHECKS])
    for name in params["schedulers"]:
        values.refuse_unknown("schedulers", name, SCHEDULERS)
    wishes = Wishes(
        owner=params["owner"],
        loopback=params["loopback"],
        real_server_for=tuple(values.address("real_server_for", each) for each in params["real_server_for"]),
        schedulers=tuple(params["schedulers"]),
    )
    names = ServiceNames(params["service_names"])
    facts = read(module.run_command, params["netns"], wishes, params["probe_timeout"] if params["probe"] else None)
    findings, checked, not_checked = examine(CHECKS, facts, params["ignore"], names)
    module.exit_json(changed=False, findings=findings, checked=checked, not_checked=not_checked)


def main():
    # A large table is many small objects, none of which hold each other in a circle.
    gc.disable()
    module = AnsibleModule(
        argument_spec=dict(
            probe=dict(type="bool", default=True),
            probe_timeout=dict(type="int", default=2),
            owner=dict(type="str", choices=[TASKS, *PROGRAMS]),
            loopback=dict(type="bool"),
            real_server_for=dict(type="list", elements="str", default=[]),
            schedulers=dict(type="list", elements="str", default=[]),
            ignore=dict(type="list", elements="str", default=[]),
            **SERVICE_NAMES,
            **NETNS,
        ),
        supports_check_mode=True,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
