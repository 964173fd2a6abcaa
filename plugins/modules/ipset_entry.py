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
  - In check mode a set that does not exist is taken for one that an earlier task would have created. Its type is not
    known then, so the prediction shows its entries as the task writes them, not as the set would spell them.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.ipset
  - linuxnet.ipvs.ipset.entries
  - linuxnet.ipvs.netns
options:
  name:
    description: The set's name. Bytes that are not UTF-8 are written as in comments.
    type: str
    required: true
  entries:
    description:
      - The entries that shall be in the set, or not. With O(state=absent) their options do not matter.
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
# create DUSTIN-LOOP-BACK hash:ip,port,ip family inet hashsize 1024 maxelem 65536
# add DUSTIN-LOOP-BACK 10.0.0.11,tcp:8080,10.0.0.11
# add DUSTIN-LOOP-BACK 10.0.0.21,tcp:8080,10.0.0.21

- name: Have exactly these networks in a set
  linuxnet.ipvs.ipset_entry:
    name: offices
    entries: [192.168.10.0/24, 192.168.20.0/24]
    purge: true

- name: Keep a visitor out for ten minutes from now
  linuxnet.ipvs.ipset_entry:
    name: visitors
    entries:
      - {entry: 10.0.0.66, timeout: 600, comment: too many requests}
    refresh_timeouts: true
# ipset save visitors
# create visitors hash:ip family inet hashsize 1024 maxelem 65536 timeout 3600 comment
# add visitors 10.0.0.66 timeout 599 comment "too many requests"

- name: Take one entry out
  linuxnet.ipvs.ipset_entry:
    name: offices
    entries: 192.168.20.0/24
    state: absent
"""

RETURN = r"""
added:
  description: The entries that the task added, as C(ipset) saves them.
  returned: always
  type: list
  elements: str
  sample: ["10.0.0.21,tcp:8080,10.0.0.21"]
updated:
  description: The existing entries whose options the task changed.
  returned: always
  type: list
  elements: str
  sample: []
deleted:
  description: The entries that the task deleted.
  returned: always
  type: list
  elements: str
  sample: []
"""

import gc

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.module import (
    NETNS,
    STATE,
    finish,
    or_nothing,
    reporting,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries import Wish
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.entries_plan import (
    plan_contents,
    plan_no_entries,
    predict_entries,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.names import set_name
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.task import carried_out
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import temporary_name


def check(params):
    absent = params["state"] == "absent"
    for option in ("purge", "atomic", "refresh_timeouts"):
        if absent and params[option]:
            raise InvalidOption(option, True, "it goes with 'state: present' only, where 'entries' are those that stay")
    if params["atomic"] and not params["purge"]:
        raise InvalidOption("atomic", True, "it goes with 'purge: true' only, where all entries are listed")


def run(module):
    params = module.params
    name = set_name("name", params["name"])
    absent = params["state"] == "absent"
    check(params)

    def plan(sets):
        have, leftover = sets.required(name), sets.header(temporary_name(name))
        if absent:
            return plan_no_entries(have, params["entries"], leftover)
        wish = Wish(params["entries"], params["purge"], params["atomic"], params["refresh_timeouts"])
        return plan_contents(have, wish, leftover)

    outcome = or_nothing(
        module, lambda: carried_out(module, plan), predict_entries([] if absent else params["entries"])
    )
    finish(module, outcome.plan, **outcome.entries())


def main():
    # A million entries are many small objects, none of which hold each other in a circle.
    gc.disable()
    module = AnsibleModule(
        argument_spec=dict(
            name=dict(type="str", required=True),
            entries=dict(type="list", elements="raw", required=True),
            purge=dict(type="bool", default=False),
            atomic=dict(type="bool", default=False),
            refresh_timeouts=dict(type="bool", default=False),
            **NETNS,
            **STATE,
        ),
        supports_check_mode=True,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
