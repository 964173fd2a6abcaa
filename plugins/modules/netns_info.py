#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: netns_info
short_description: Read network namespaces, and which veth end leads where
version_added: 1.0.0
description:
  - Returns the network namespaces of a host with their devices, addresses, routes and processes, and says for every
    veth device in which namespace its other end is, and under what name.
  - Namespaces that vanish while they are read are left out.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes.info_module
  - linuxnet.ipvs.pyroute2
options:
  names:
    description:
      - Which named namespaces to read, by names or patterns such as V(pod_*). Without the option all are read.
      - A name that matches no namespace is not an error.
    type: list
    elements: str
  reference:
    description:
      - Whether the namespace from which the others are seen, that is the host's own or O(netns), comes first among the
        results.
    type: bool
    default: false
  unnamed:
    description:
      - Whether to read also the namespaces that have no name and exist only through their processes, as container
        engines make them.
    type: bool
    default: false
  sysctl:
    description: Sysctls to read in each namespace, such as C(net.ipv4.ip_forward). Only keys below C(net.).
    type: list
    elements: str
    default: []
  netns:
    description:
      - The namespace from which the others are seen, by its name below C(/run/netns), or by an absolute path. Their
        RV(namespaces[].id) is the number by which this namespace knows them.
      - Without it that is the namespace in which the module is run.
    type: str
seealso:
  - module: linuxnet.ipvs.netns
  - module: linuxnet.ipvs.veth_bridge
  - plugin: linuxnet.ipvs.netns
    plugin_type: inventory
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
"""

EXAMPLES = r"""
- name: See where the pods' devices lead
  linuxnet.ipvs.netns_info:
    names: [netns_*]
  register: pods

- name: Show it
  ansible.builtin.debug:
    msg: "{{ item.0.name }}: {{ item.1.name }} {{ item.1.addresses }} leads to {{ item.1.peer.name }}"
  loop: "{{ pods.namespaces | subelements('links') }}"
  when: item.1.peer
# netns_dustin: eth0 ['10.0.0.11/24'] leads to veth_dustin
# netns_leah: eth0 ['10.0.0.21/24'] leads to veth_leah

- name: Read the host's own bridges
  linuxnet.ipvs.netns_info:
    names: []
    reference: true
  register: host

- name: Build the same bridges elsewhere
  linuxnet.ipvs.veth_bridge: "{{ item }}" # noqa: args[module]
  loop: "{{ host.namespaces[0].bridges }}"
  delegate_to: twin
"""

RETURN = r"""
namespaces:
  description: The namespaces, sorted by name; those without one come last, and a reference comes first.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name below C(/run/netns), null where there is none.
      type: str
    netns:
      description: How modules name the namespace, by its name or by a path. Null is the one the module is run in.
      type: str
    path:
      description: The file that stands for the namespace.
      type: str
    id:
      description: The number by which the reference knows it (C(ip netns list-id)), null where it has given none.
      type: int
    device:
      description: Together with the inode, this is the same for all names of one namespace.
      type: int
    inode:
      description: The inode, as C(readlink /proc/PID/ns/net) shows it for a process inside.
      type: int
    dns:
      description: >-
        What C(/etc/netns/NAME/resolv.conf) holds, as O(linuxnet.ipvs.netns#module:dns) takes it; null without the file.
      type: dict
    sysctl:
      description: The sysctls that were asked for; null where the namespace has no such key.
      type: dict
    links:
      description: The devices, in the order of their indexes.
      type: list
      elements: dict
      contains:
        name:
          description: The device.
          type: str
        index:
          description: Its index.
          type: int
        kind:
          description: Its kind, such as C(veth) or C(bridge); empty for loopback and hardware.
          type: str
        up:
          description: Whether it is set up.
          type: bool
        mtu:
          description: Its MTU in bytes.
          type: int
        promiscuous:
          description: Whether it was set to promiscuous mode, as C(ip link) shows it.
          type: bool
        bridge:
          description: The bridge (or bond) it is a port of, null for none.
          type: str
        hairpin:
          description: Whether it is in hairpin mode, null where it is not the port of a bridge.
          type: bool
        addresses:
          description: Its addresses with their prefix lengths.
          type: list
          elements: str
        peer:
          description: >-
            The other end of a veth device; null for other devices, and if no name and no process leads to the namespace
            of the other end.
          type: dict
          contains:
            name:
              description: The device.
              type: str
            index:
              description: Its index.
              type: int
            netns:
              description: How modules name its namespace. Null is the one the module is run in.
              type: str
            path:
              description: The file that stands for its namespace.
              type: str
    routes:
      description: The unicast routes of the main table.
      type: list
      elements: dict
      contains:
        to:
          description: The destination.
          type: str
        via:
          description: >-
            The gateway; null if the destination is on the link, or if there are several ways. It may be an IPv6 address
            for an IPv4 destination.
          type: str
        device:
          description: The device, null where there are several ways.
          type: str
        metric:
          description: The metric.
          type: int
        protocol:
          description: >-
            Who made it, by the number of C(/etc/iproute2/rt_protos). 2 is the kernel, 3 and 4 are people and their
            tools, and higher ones are DHCP clients and routing daemons.
          type: int
        source:
          description: The source address of packets, null if the route does not say.
          type: str
        onlink:
          description: Whether the gateway is taken to be on the link, whatever the device's addresses are.
          type: bool
        nexthops:
          description: The ways of a route that has several; empty for others.
          type: list
          elements: dict
          contains:
            via:
              description: The gateway, null where the destination is on the link.
              type: str
            device:
              description: The device.
              type: str
            weight:
              description: Its share among the ways, from 1.
              type: int
    bridges:
      description: The bridges with their veth ports, under the names of the options of M(linuxnet.ipvs.veth_bridge).
      type: list
      elements: dict
    processes:
      description: The processes inside.
      type: list
      elements: dict
      contains:
        pid:
          description: The process's number.
          type: int
        command:
          description: The name of its command.
          type: str
  sample:
    - name: netns_dustin
      netns: netns_dustin
      path: /run/netns/netns_dustin
      id: 0
      device: 4
      inode: 4026532281
      dns: {nameservers: [8.8.8.8], search: [], options: []}
      sysctl: {}
      links:
        - name: eth0
          index: 2
          kind: veth
          up: true
          mtu: 1500
          promiscuous: false
          bridge:
          hairpin:
          addresses: [10.0.0.11/24]
          peer: {name: veth_dustin, index: 5, netns: null, path: /proc/thread-self/ns/net}
      routes:
        - to: 0.0.0.0/0
          via: 10.0.0.1
          device: eth0
          metric: 0
          protocol: 3
          source:
          onlink: false
          nexthops: []
      bridges: []
      processes:
        - {pid: 4711, command: python3}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import NETNS, reporting
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.client import Links
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.reader import Reader
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.sysctls import sysctl_path


def main():
    module = AnsibleModule(
        argument_spec=dict(
            names=dict(type="list", elements="str"),
            reference=dict(type="bool", default=False),
            unnamed=dict(type="bool", default=False),
            sysctl=dict(type="list", elements="str", default=[]),
            **NETNS,
        ),
        supports_check_mode=True,
    )
    with reporting(module):
        sysctls = [(key, sysctl_path(key)) for key in module.params["sysctl"]]
        with Links() as links, Reader(links, module.params["netns"]) as reader:
            found = reader.namespaces(
                module.params["names"],
                reference=module.params["reference"],
                unnamed=module.params["unnamed"],
                sysctls=sysctls,
            )
        module.exit_json(changed=False, namespaces=found)


if __name__ == "__main__":
    main()
