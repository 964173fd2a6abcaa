#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ipvs_settings
short_description: Manage the timeouts and the synchronization daemons of an IPVS table
version_added: 1.0.0
description:
  - Sets how long connections are remembered, and starts and stops the kernel's daemons that tell another director about
    connections, so that it can take over.
  - What the task does not name stays as it is.
  - Some sysctls matter for synchronization. A connection is sent at its third packet and then at every fiftieth, so one
    with little traffic may expire on the other director; C(net.ipv4.vs.sync_threshold) set to C(3 0), together with
    C(net.ipv4.vs.sync_refresh_period), prevents that. The other director uses the timer that the master sends with a
    connection. Behind a firewall that drops invalid packets, a masqueraded connection survives a takeover only if
    C(net.ipv4.vs.conntrack) and C(net.netfilter.nf_conntrack_tcp_loose) are 1.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.ipvs
  - linuxnet.ipvs.netns
options:
  tcp_timeout:
    description:
      - Seconds without a packet after which an established TCP connection is forgotten, at least 1. A kernel with 1000
        ticks a second accepts up to 2147483, one with 250 ticks up to 8589934.
    type: int
  tcp_fin_timeout:
    description:
      - Seconds without a packet after which a TCP connection that is being closed is forgotten, with the bounds of
        O(tcp_timeout).
    type: int
  udp_timeout:
    description: Seconds without a packet after which a UDP connection is forgotten, with the bounds of O(tcp_timeout).
    type: int
  master:
    description:
      - The daemon that sends this director's connections to others. Without the option it stays as it is.
      - The kernel cannot change a running daemon. One that differs is stopped and started again; connections made in
        between are not synchronized. The diff shows it as C(restarted).
    type: dict
    suboptions: &daemon
      state:
        description: Whether the daemon shall run.
        type: str
        choices: [present, absent]
        default: present
      interface:
        description:
          - The network device that the daemon uses. Required to start a daemon. A master's device must be up.
          - Give the device an address of its own. Without one the kernel sends from the address of another device.
        type: str
      sync_id:
        description:
          - A number that directors which belong together share, 0 to 255. A backup daemon with 0 listens to all. A new
            daemon gets 0 by default.
        type: int
      sync_maxlen:
        description:
          - The size of the longest message in bytes, 1 to 65507. The kernel makes each message long enough for one
            connection. For O(backup) it uses at least 1024, and over IPv6 at most 65487.
          - By default it uses what fits into an MTU of 1500, or for O(backup) into the device's MTU if that is larger.
        type: int
      mcast_group:
        description: The multicast group, an IPv4 or IPv6 address. The kernel's default is 224.0.0.81.
        type: str
      mcast_port:
        description: The UDP port, 1 to 65535. The kernel's default is 8848.
        type: int
      mcast_ttl:
        description: The time to live of what is sent, 1 to 255 hops. The kernel's default is 1.
        type: int
  backup:
    description:
      - The daemon that receives the connections of other directors. Without the option it stays as it is. It can run
        beside the one of O(master), but not while the sysctl C(net.ipv4.vs.backup_only) is 1, because then a director
        with a backup daemon balances nothing. The task refuses that.
      - Create the services first. A connection that the backup receives before its service exists is never bound to
        that service.
    type: dict
    suboptions: *daemon
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
"""

EXAMPLES = r"""
- name: Forget idle TCP connections after two hours
  linuxnet.ipvs.ipvs_settings:
    tcp_timeout: 7200
# ipvsadm -L --timeout
# Timeout (tcp tcpfin udp): 7200 120 300

- name: Tell the other director of the connections, and take in its own, where both are active
  linuxnet.ipvs.ipvs_settings:
    master: {interface: eth1, sync_id: 7}
    backup: {interface: eth1, sync_id: 7}
# ipvsadm -L --daemon
# master sync daemon (mcast=eth1, syncid=7, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)
# backup sync daemon (mcast=eth1, syncid=7, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)

- name: Stop telling it
  linuxnet.ipvs.ipvs_settings:
    master: {state: absent}
"""

RETURN = r"""
settings:
  description:
    - The settings as they are after the task, read from the kernel, under the names of the options.
    - In check mode a daemon that would start lacks what the kernel would choose.
  returned: always
  type: dict
  sample:
    tcp_timeout: 7200
    tcp_fin_timeout: 120
    udp_timeout: 300
    master:
      state: present
      interface: eth1
      sync_id: 7
      sync_maxlen: 1472
      mcast_group: 224.0.0.81
      mcast_port: 8848
      mcast_ttl: 1
    backup: {state: absent}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import NETNS, finish, or_nothing, reporting
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.client import Ipvs
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.settings import NOTHING, ROLES
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.settings_client import apply_settings
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.settings_client import settings as read_settings
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.settings_conflicts import (
    refuse_backup_only,
    refuse_daemons,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.settings_plan import (
    OPTIONS,
    plan_settings,
    wished_daemon,
    wished_timeouts,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.lock import alone


def run(module):
    params = module.params
    timeouts = wished_timeouts(params)
    daemons = {role: wished_daemon(role, params[role]) for role in ROLES if params[role] is not None}

    def read():
        with Ipvs(params["netns"]) as ipvs:
            have = read_settings(ipvs)
            plan, settings = plan_settings(timeouts, daemons, have)
            refuse_daemons(ipvs, plan.operations)
            refuse_backup_only(params["netns"], have, settings)
            return plan, settings

    with alone(params["netns"], not module.check_mode):
        plan, settings = or_nothing(module, read, None) or plan_settings(timeouts, daemons, NOTHING)
        if plan.changed and not module.check_mode:
            with Ipvs(params["netns"]) as ipvs:
                apply_settings(ipvs, plan.operations)
                settings = read_settings(ipvs)
    finish(module, plan, settings=settings.options())


def main():
    module = AnsibleModule(argument_spec=dict(**OPTIONS, **NETNS), supports_check_mode=True)
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
