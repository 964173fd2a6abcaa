#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ipset_entry
short_description: Manage entries of a set
version_added: 1.0.0
description:
  - Adds and deletes one or many entries of a set that exists. All of a task's entries travel together, hundreds in one
    message, so a long list costs little more than one entry.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.ipset
  - linuxnet.ipvs.netns
options:
  name:
    description: The set's name.
    type: str
    required: true
  entries:
    description:
      - The entries, in the spelling of C(ipset), such as C(10.0.0.11,tcp:8080,10.0.0.11) for a set of type
        C(hash:ip,port,ip). The parts are told by the set's type.
      - Write a list also for a single entry that has commas, since Ansible splits a plain string at them.
      - Addresses are compared by value, so C(fd00::1) and C(fd00:0::1) are one entry. A port without a protocol is
        TCP's.
    type: list
    elements: str
    required: true
  purge:
    description:
      - Whether entries that O(entries) does not list are deleted. With an empty list all are. Only with
        O(state=present).
    type: bool
    default: false
  state:
    description: Whether the entries shall be in the set.
    type: str
    choices: [present, absent]
    default: present
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
"""

EXAMPLES = r"""
- name: Name the connections of each backend to itself
  linuxnet.ipvs.ipset_entry:
    name: DUSTIN-LOOP-BACK
    entries:
      - 10.0.0.11,tcp:8080,10.0.0.11
      - 10.0.0.21,tcp:8080,10.0.0.21
# ipset save DUSTIN-LOOP-BACK
# create DUSTIN-LOOP-BACK hash:ip,port,ip family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x1a2b3c4d
# add DUSTIN-LOOP-BACK 10.0.0.11,tcp:8080,10.0.0.11
# add DUSTIN-LOOP-BACK 10.0.0.21,tcp:8080,10.0.0.21

- name: Have exactly these networks in a set
  linuxnet.ipvs.ipset_entry:
    name: offices
    entries: [192.168.10.0/24, 192.168.20.0/24]
    purge: true

- name: Take one entry out
  linuxnet.ipvs.ipset_entry:
    name: offices
    entries: 192.168.20.0/24
    state: absent
"""

RETURN = r"""
added:
  description: The entries that the task added, in their canonical spelling.
  returned: always
  type: list
  elements: str
  sample: ["10.0.0.21,tcp:8080,10.0.0.21"]
deleted:
  description: The entries that the task deleted, in their canonical spelling.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils import _values as values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset import IpSets
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset_plan import (
    plan_entries,
    plan_no_entries,
    predict_entries,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset_values import Entry
from ansible_collections.linuxnet.ipvs.plugins.module_utils._module import NETNS, STATE, finish, found, reporting


def run(module):
    params = module.params
    name = values.set_name("name", params["name"])
    absent = params["state"] == "absent"
    if absent and params["purge"]:
        raise InvalidOption("purge", True, "it goes with 'state: present' only, where 'entries' are those that stay")

    def read():
        with IpSets(params["netns"]) as sets:
            header = sets.required(name)
            wished = [Entry.parse(header.kind, text) for text in params["entries"]]
            have = sets.entries(header)
        return plan_no_entries(header, wished, have) if absent else plan_entries(header, wished, have, params["purge"])

    plan = found(module, read, predict_entries([] if absent else params["entries"]))
    if plan.changed and not module.check_mode:
        with IpSets(params["netns"]) as sets:
            sets.apply(plan.operations)
    finish(module, plan, added=plan.after.get("entries", []), deleted=plan.before.get("entries", []))


def main():
    module = AnsibleModule(
        argument_spec=dict(
            name=dict(type="str", required=True),
            entries=dict(type="list", elements="str", required=True),
            purge=dict(type="bool", default=False),
            **NETNS,
            **STATE,
        ),
        supports_check_mode=True,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
