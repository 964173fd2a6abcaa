#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: netns
short_description: Manage network namespaces
version_added: 1.0.0
description:
  - Creates and removes named network namespaces, as C(ip netns) does, and sets up what each has of its own - its
    loopback device (always up), its resolver configuration and its sysctls.
  - Needs nothing but Python on the managed node. If the module itself runs inside C(ip netns exec), as with the become
    plugin P(linuxnet.ipvs.netns#become), it still creates the names where the host has its own.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
options:
  name:
    description:
      - The namespace, a name below C(/run/netns), or several in a list. Several in one task cost hardly more than one,
        and the other options apply to each of them.
      - All of them are looked at before the first one is changed.
    type: list
    elements: str
    required: true
  dns:
    description:
      - The complete contents of C(/etc/netns/NAME/resolv.conf). C(ip netns exec) lays that file over
        C(/etc/resolv.conf).
      - If the host's C(/etc/nsswitch.conf) looks up names by C(resolve), that is by the host's own systemd-resolved,
        the namespace gets a file of its own without that (C(/etc/netns/NAME/nsswitch.conf)), unless somebody else has
        written one.
      - Without the option the file is left alone. Suboptions that are empty or not given get no line in it.
    type: dict
    suboptions:
      nameservers:
        description:
          - The addresses of name servers, IPv4 or IPv6, in the order in which they are asked. A link-local address is
            followed by its device, as in V(fe80::1%eth0).
        type: list
        elements: str
      search:
        description: Domains in which short names are looked up.
        type: list
        elements: str
      options:
        description: Resolver options such as V(ndots:2), see resolv.conf(5).
        type: list
        elements: str
  sysctl:
    description:
      - Sysctls of the namespace with their values, such as C(net.ipv4.ip_forward). Both spellings of C(sysctl) are
        understood, C(net.ipv4.conf.eth0/100.forwarding) and C(net/ipv4/conf/eth0.100/forwarding).
      - Only keys below C(net.), since a namespace has no others of its own. A key that the kernel does not have, or a
        value that it does not accept, is an error, and then nothing is changed. In check mode a missing device counts
        as one that an earlier task creates.
      - In the end all of them have the given values, even though setting one may reset others, as
        C(net.ipv4.ip_forward) does.
    type: dict
  state:
    description:
      - With V(absent) the name is removed, together with C(resolv.conf) and the like in C(/etc/netns/NAME). Other files
        there stay, and a warning names them. Veth pairs with an end inside, and whatever else lives inside, vanish with
        the namespace.
      - If the name is a link to another program's namespace, only the link is removed.
      - Processes that still run in the namespace keep it alive until they end. Then a warning names them.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: linuxnet.ipvs.veth_bridge
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
"""

EXAMPLES = r"""
- name: Have a namespace with a name server
  linuxnet.ipvs.netns:
    name: netns_dustin
    dns:
      nameservers: [8.8.8.8]
# ip netns exec netns_dustin cat /etc/resolv.conf
# nameserver 8.8.8.8

- name: Have a namespace that routes
  linuxnet.ipvs.netns:
    name: node1
    sysctl:
      net.ipv4.ip_forward: 1
      net.ipv6.conf.all.forwarding: 1
# ip netns exec node1 sysctl net.ipv4.ip_forward
# net.ipv4.ip_forward = 1

- name: Take both away
  linuxnet.ipvs.netns:
    name: [netns_dustin, node1]
    state: absent
"""

RETURN = r"""
name:
  description: The names of the namespaces.
  returned: success
  type: list
  elements: str
  sample: [netns_dustin]
processes:
  description: The processes that run in namespaces whose names are removed.
  returned: when O(state=absent)
  type: list
  elements: dict
  contains:
    netns:
      description: The namespace.
      type: str
      returned: success
    pid:
      description: The process's number.
      type: int
      returned: success
    command:
      description: The name of its command.
      type: str
      returned: success
  sample:
    - {netns: netns_dustin, pid: 4711, command: python3}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import STATE, finish, reporting
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import merged
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.lock import alone_with_links
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import ETC_DIR
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns import client as named_netns
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.options import NAMESPACE, wanted_netns
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.plan import plan_absent, plan_present


def run(module):
    wanted = wanted_netns(module.params)
    present = module.params["state"] == "present"
    planned = plan_present if present else plan_absent
    with alone_with_links(not module.check_mode):
        have = {want: named_netns.read(want, foreseeing=module.check_mode) for want in wanted}
        plan = merged({want.name: planned(want, there) for want, there in have.items()})
        result = {} if present else dict(processes=[each for want in wanted for each in inhabitants(module, want.name)])
        for want, there in have.items():
            if not present and there.etc:
                warn_of_files(module, want.name, there)
        if plan.operations and not module.check_mode:
            from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.changes import apply

            apply(plan.operations)
    finish(module, plan, name=[want.name for want in wanted], **result)


def warn_of_files(module, name, there):
    """Warn of a namespace's configuration that stays."""
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.resolver import files_that_stay

    staying = files_that_stay(there)
    if staying:
        module.warn("%s/%s stays, since no task has written what is in it: %s" % (ETC_DIR, name, ", ".join(staying)))


def inhabitants(module, name):
    """The processes of a namespace whose name is taken away; with a warning, if there are any."""
    processes = named_netns.processes_in(name)
    if processes:
        module.warn(
            "processes live in network namespace '%s': %s. Its name is taken away, the namespace itself lives on"
            " until they end." % (name, ", ".join("%d (%s)" % process for process in processes))
        )
    return [dict(netns=name, pid=pid, command=command) for pid, command in processes]


def main():
    module = AnsibleModule(
        argument_spec=dict(**NAMESPACE, **STATE),
        supports_check_mode=True,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
