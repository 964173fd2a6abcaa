#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ipset_info
short_description: Read the sets of a network namespace
version_added: 1.0.0
description:
  - >-
    Returns sets with their entries under the names of the options of M(linuxnet.ipvs.ipset), so that they can be fed
    back to it, or kept in a file and created again elsewhere. The descriptions are complete, so they also say what a
    set or an entry does not have, such as C(timeout: -1) or C(comment: ""), and for a list which entry comes before
    another.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes.info_module
  - linuxnet.ipvs.ipset
  - linuxnet.ipvs.netns
options:
  names:
    description:
      - The names of the sets to read, or patterns as in a shell, such as V(web-*). If a set has exactly that name, only
        that set is meant, even if the name could be a pattern. Without the option all sets are read. A name that no set
        has is not an error.
    type: list
    elements: str
  entries:
    description: Whether the entries are read too, which takes longer for large sets.
    type: bool
    default: true
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
"""

EXAMPLES = r"""
- name: Read all sets
  linuxnet.ipvs.ipset_info:
  register: firewall

- name: Bring them back to what they were, whatever has been done to them meanwhile
  linuxnet.ipvs.ipset: "{{ item | combine({'purge_entries': true, 'recreate': true, 'refresh_timeouts': true}) }}"
  loop: "{{ firewall.sets }}"
  loop_control:
    label: "{{ item.name }}"

- name: Have the same sets in a namespace
  linuxnet.ipvs.ipset: "{{ item | combine({'netns': 'blue', 'purge_entries': true}) }}"
  loop: "{{ firewall.sets }}"
  loop_control:
    label: "{{ item.name }}"

- name: See how full some sets are
  linuxnet.ipvs.ipset_info:
    names: [visitors, "web-*"]
    entries: false
  register: fill

- name: Stop before one is full
  ansible.builtin.assert:
    that: fill.usage[item.name].entries < item.maxelem * 0.9
  loop: "{{ fill.sets }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
sets:
  description: >-
    The sets, in the kernel's order, but with lists of sets after the sets that they may name. Each has the options that
    its type has, and with O(entries=true) its entries.
  returned: always
  type: list
  elements: dict
  sample:
    - name: offices
      type: hash:net
      family: inet
      hashsize: 1024
      maxelem: 65536
      bucketsize: 12
      counters: true
      comment: true
      skbinfo: false
      forceadd: false
      timeout: -1
      entries:
        - {entry: 192.168.10.0/24, packets: 12, bytes: 720, comment: ""}
        - {entry: 192.168.20.0/24, packets: 0, bytes: 0, comment: the second floor}
usage:
  description: For each set, by its name, what no task can set.
  returned: always
  type: dict
  sample:
    offices: {references: 1, memory: 1240, entries: 2}
  contains:
    references:
      description: How many firewall rules and lists refer to the set.
      type: int
    memory:
      description: How much memory the set takes, in bytes.
      type: int
    entries:
      description: How many entries it has, including those that have expired and are not removed yet.
      type: int
"""

import gc
from fnmatch import fnmatchcase

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import NETNS, reporting
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.client import IpSets
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import described


def chosen(names, known):
    """Those of the known names that a task asks for: the name of a set stands for itself, any other is a pattern."""
    if names is None:
        return known
    patterns = [name for name in names if name not in known]
    return [name for name in known if name in names or any(fnmatchcase(name, one) for one in patterns)]


def run(module):
    names, wanted = module.params["names"], module.params["entries"]
    found, usage = [], {}
    with IpSets(module.params["netns"]) as sets:
        headers = sets.headers()
        wished = chosen(names, [header.header.title for header in headers])
        for header in headers:
            name = header.header.title
            if name not in wished:
                continue
            # A set may go while others are read.
            each = sets.find(header.header.name) if wanted else header
            if each is None:
                continue
            shown = each.header.options()
            if wanted:
                shown["entries"] = described(each.header, each.entries)
            found.append(shown)
            usage[name] = dict(references=each.references, memory=each.memory, entries=each.elements)
    module.exit_json(changed=False, sets=found, usage=usage)


def main():
    # A million entries are many small objects, none of which hold each other in a circle.
    gc.disable()
    module = AnsibleModule(
        argument_spec=dict(
            names=dict(type="list", elements="str"),
            entries=dict(type="bool", default=True),
            **NETNS,
        ),
        supports_check_mode=True,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
