#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veth_bridge
short_description: Manage a bridge, its veth ports and their far ends in network namespaces
version_added: 1.0.0
description:
  - Creates a bridge and, in the same task, the veth pairs that connect network namespaces to it, with the addresses,
    routes and MTUs of both sides. Ports and far ends are up afterwards, and so is the bridge unless O(up) says
    otherwise.
  - What exists in another shape is changed without being torn down. A port without a bridge or in another one joins
    this one; a far end in another namespace or under another name is moved and renamed, and keeps its addresses. A pair
    is deleted and created again only if no name and no process leads to the namespace of its far end.
  - Namespaces have to exist already, see M(linuxnet.ipvs.netns). A device of another kind that has one of the names is
    an error, and nothing is changed then.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.netns
  - linuxnet.ipvs.pyroute2
options:
  name:
    description: The bridge, at most 15 characters.
    type: str
    required: true
  addresses:
    description:
      - The addresses of the bridge with their prefix lengths, IPv4 and IPv6.
      - Without the option all addresses are left alone; with it, unlisted ones are left alone too, unless
        O(purge_addresses=true). An address that the device has with another prefix length is replaced.
      - IPv6 addresses are added without duplicate address detection, so they can be used at once.
    type: list
    elements: str
  mtu:
    description:
      - The bridge's MTU in bytes. Without it the kernel's choice is left alone, which is the smallest MTU of its ports.
    type: int
  up:
    description:
      - Whether the bridge device is up. While it is down nothing gets from one of its ports to another, and the routes
        through it are gone.
    type: bool
    default: true
  promiscuous:
    description:
      - Whether the bridge device itself is in promiscuous mode. The bridge then takes in every frame, which has the
        same effect as hairpin mode on every port for traffic that this machine forwards.
      - Without it the mode is left alone.
    type: bool
  nf_call_iptables:
    description:
      - Whether the bridge hands the IPv4 frames that cross it to iptables, connection tracking and IPVS, whatever
        C(net.bridge.bridge-nf-call-iptables) says for all bridges of the namespace. If that sysctl is V(1), V(false)
        does not exempt this bridge.
      - This takes the kernel module C(br_netfilter), which the task does not load.
      - Without the option the setting is left alone. On a new bridge it is off.
    type: bool
  nf_call_ip6tables:
    description: The same for IPv6 frames and ip6tables.
    type: bool
  nf_call_arptables:
    description: The same for ARP frames and arptables.
    type: bool
  ports:
    description:
      - Ports that the bridge shall have. Without the option all ports are left alone; with it, unlisted ones are left
        alone too, unless O(purge_ports=true).
      - VLANs are left alone. On a bridge with VLAN filtering, a warning names the ports that have no VLAN for untagged
        frames, since the bridge drops such frames.
    type: list
    elements: dict
    suboptions:
      name:
        description: The end of the pair that is the bridge's port, at most 15 characters.
        type: str
        required: true
      hairpin:
        description: Whether the port is in hairpin mode. Without it the mode is left alone.
        type: bool
      mtu:
        description: The MTU of the port in bytes. Without it the MTU is left alone.
        type: int
      peer:
        description:
          - The far end of the pair. Without it the pair has to exist, and its far end is left alone.
        type: dict
        suboptions:
          name:
            description: The name of the far end, at most 15 characters.
            type: str
            required: true
          netns:
            description:
              - The namespace of the far end, by its name or by an absolute path. Without it that is the namespace of
                the bridge.
            type: str
          addresses:
            description: The addresses of the far end, handled in the same way as the bridge's O(addresses).
            type: list
            elements: str
          gateway:
            description:
              - The gateway of the far end's namespace, IPv4 or IPv6. It has to be in the subnet of one of the far end's
                addresses, or behind one of O(ports[].peer.routes) without a gateway, or O(ports[].peer.gateway_onlink).
              - A default route of the same metric is replaced (0 for IPv4, 1024 for IPv6), and so are others through
                the far end, except those of DHCP clients and routing daemons. Those of other metrics through other
                devices are left alone.
              - Not for a far end in the bridge's own namespace.
            type: str
          gateway_onlink:
            description:
              - Whether O(ports[].peer.gateway) is taken to be on the link, although no address of the far end says so,
                like C(onlink) of C(ip route). That way a far end with V(203.0.113.5/32) can have the gateway
                V(169.254.1.1).
            type: bool
          routes:
            description:
              - Further routes through the far end. Each destination is handled as the default route is with
                O(ports[].peer.gateway); all other routes are left alone.
              - A default route, too, is not for a far end in the bridge's own namespace.
            type: list
            elements: dict
            suboptions:
              to:
                description: The destination, such as V(10.1.0.0/16).
                type: str
                required: true
              via:
                description:
                  - The gateway, in the subnet of one of the far end's addresses. Without it the destination is on the
                    link.
                type: str
              onlink:
                description: Whether O(ports[].peer.routes[].via) is taken to be on the link all the same.
                type: bool
                default: false
          mtu:
            description: The MTU of the far end in bytes. Without it the MTU is left alone.
            type: int
  purge_addresses:
    description:
      - Whether the lists of addresses, the bridge's and those of the far ends, are all that the devices shall have.
        Link-local addresses (C(fe80::/10)) stay nevertheless, unless they are listed. Devices for which no list is
        given are left alone.
    type: bool
    default: false
  purge_routes:
    description:
      - Whether O(ports[].peer.gateway) and O(ports[].peer.routes) are all the routes by a gateway that lead through a
        far end. Routes to what is on the link stay, and so do those of the kernel, of router advertisements, of DHCP
        clients and of routing daemons.
    type: bool
    default: false
  purge_ports:
    description:
      - Whether ports that O(ports) does not list are removed. Veth pairs are then deleted, and other devices only
        released from the bridge. With an empty list all ports are removed.
    type: bool
    default: false
  state:
    description:
      - With V(absent) the bridge is deleted together with the pairs of the listed ports, or, if O(ports) is not given,
        with every veth pair that is a port of it. Other devices are only released. A listed pair that has become a port
        of another bridge stays.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: linuxnet.ipvs.netns
  - module: linuxnet.ipvs.hairpin
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
"""

EXAMPLES = r"""
- name: Connect two namespaces to a bridge
  linuxnet.ipvs.veth_bridge:
    name: bridge_home
    addresses: [10.0.0.1/24]
    promiscuous: true
    nf_call_iptables: true
    ports:
      - name: veth_dustin
        hairpin: true
        peer:
          name: veth_ns_dustin
          netns: netns_dustin
          addresses: [10.0.0.11/24]
          gateway: 10.0.0.1
      - name: veth_leah
        peer:
          name: veth_ns_leah
          netns: netns_leah
          addresses: [10.0.0.21/24]
          gateway: 10.0.0.1
# ip -br link show master bridge_home
# veth_dustin@if2  UP             8e:00:e6:fd:56:69 <BROADCAST,MULTICAST,UP,LOWER_UP>
# veth_leah@if2    UP             2a:18:97:71:37:3e <BROADCAST,MULTICAST,UP,LOWER_UP>
# ip netns exec netns_dustin ip route
# default via 10.0.0.1 dev veth_ns_dustin
# 10.0.0.0/24 dev veth_ns_dustin proto kernel scope link src 10.0.0.11

- name: Have exactly one port left, with both families
  linuxnet.ipvs.veth_bridge:
    name: bridge_home
    addresses: [10.0.0.1/24, "fd00::1/64"]
    ports:
      - name: veth_dustin
        peer:
          name: veth_ns_dustin
          netns: netns_dustin
          addresses: [10.0.0.11/24, "fd00::11/64"]
          gateway: 10.0.0.1
          routes:
            - {to: "::/0", via: "fd00::1"}
    purge_ports: true

- name: Take the bridge away with all its pairs
  linuxnet.ipvs.veth_bridge:
    name: bridge_home
    state: absent
"""

RETURN = r"""
bridge:
  description: The bridge as it is after the task.
  returned: when O(state=present)
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: success
    addresses:
      description: Its addresses.
      type: list
      elements: str
      returned: success
    ports:
      description: The names of its ports, listed or not.
      type: list
      elements: str
      returned: success
  sample:
    name: bridge_home
    addresses: [10.0.0.1/24]
    ports: [veth_dustin, veth_leah]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import (
    NETNS,
    STATE,
    finish,
    or_nothing,
    reporting,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.bridge import (
    Have,
    bridge_after,
    dropping_ports,
    namespaces_of,
    plan_absent,
    plan_present,
    ports_to_find,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.bridge_options import (
    BRIDGE,
    BRIDGE_RULES,
    wanted_bridge,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.task import carry_out, links_alone
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import Snapshot


def run(module):
    present = module.params["state"] == "present"
    want = wanted_bridge(module.params)
    result = {}
    with links_alone(module) as links:

        def look(netns, routes):
            return or_nothing(module, lambda: links.snapshot(netns, routes), Snapshot())

        want = want.map_netns(links.same)
        if present:
            snapshots = {netns: look(netns, routes) for netns, routes in namespaces_of(want).items()}
            ports = ports_to_find(want, snapshots[want.netns])
            have = Have(snapshots, far_ends_of(links, want.netns, ports, snapshots) if ports else {})
            plan = plan_present(want, have)
            result["bridge"] = bridge_after(want, have)
            warn_of_vlans(module, want, links, snapshots[want.netns])
        else:
            plan = plan_absent(want, Have({want.netns: look(want.netns, False)}))
        carry_out(module, links, plan.operations)
    finish(module, plan, **result)


def far_ends_of(links, netns, ports, known):
    """Where the other ends of ports are."""
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.far_ends import far_ends

    return far_ends(links, netns, ports, known)


def warn_of_vlans(module, want, links, here):
    """Warn of ports whose frames the bridge drops, since they have no VLAN."""
    bridge = here.link(want.name)
    vlans = links.vlans(want.netns) if bridge and bridge.filters_vlans else {}
    for port in dropping_ports(want, here, vlans):
        module.warn(
            "ports: bridge '%s' tells VLANs apart, and port '%s' has none for untagged frames, so it drops them:"
            " bridge vlan add dev %s vid 1 pvid untagged" % (want.name, port, port)
        )


def main():
    module = AnsibleModule(
        argument_spec=dict(**BRIDGE, **NETNS, **STATE),
        supports_check_mode=True,
        **BRIDGE_RULES,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
