#!/usr/bin/python
# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ipset
short_description: Manage a set of addresses, networks, ports or other sets
version_added: 1.0.0
description:
  - Creates and deletes a set of the kernel's C(ipset) facility, to which firewall rules can refer, with its entries
    where the task has any.
  - Entries of a set that another task creates are managed by M(linuxnet.ipvs.ipset_entry).
  - A new set gets the lowest revision of its type that has what the task asks for, so that a C(ipset) program which is
    older than the kernel can list and save it too. A set that takes the place of another keeps that set's revision,
    unless an option needs a newer one.
extends_documentation_fragment:
  - linuxnet.ipvs.attributes
  - linuxnet.ipvs.ipset
  - linuxnet.ipvs.ipset.entries
  - linuxnet.ipvs.netns
options:
  name:
    description:
      - The set's name, at most 31 bytes. Any characters are allowed; bytes that are not UTF-8 are written as in
        comments.
    type: str
    required: true
  type:
    description: What an entry is made of. Required with O(state=present).
    type: str
    choices:
      - bitmap:ip
      - bitmap:ip,mac
      - bitmap:port
      - hash:ip
      - hash:ip,mac
      - hash:ip,mark
      - hash:ip,port
      - hash:ip,port,ip
      - hash:ip,port,net
      - hash:mac
      - hash:net
      - hash:net,iface
      - hash:net,net
      - hash:net,port
      - hash:net,port,net
      - list:set
  family:
    description:
      - The address family of the entries, by default V(inet). Only the C(hash) types with addresses have one.
    type: str
    choices: [inet, inet6]
  hashsize:
    description:
      - How many hash buckets a new C(hash) set starts with; the kernel rounds it up to a power of two, at least 64,
        uses 1024 by default, and enlarges it as the set fills. So a different number in an existing set is no change.
    type: int
  maxelem:
    description: How many entries a C(hash) set may hold, by default 65536.
    type: int
  bucketsize:
    description:
      - How many entries a bucket of a C(hash) set holds before the hash is enlarged, an even number from 2 to 12. The
        default is 12, and another number needs Linux 5.11 or later. In a set of type V(hash:net,iface) the kernel
        enlarges buckets too, so there a different number is no change either.
    type: int
  initval:
    description:
      - The seed of the hash of a new C(hash) set, with Linux 5.11 and later. By default the kernel picks one at random.
        A different seed in an existing set is no change.
    type: int
  netmask:
    description:
      - The prefix length to which addresses are cut before they are stored or looked up. For the types V(bitmap:ip) and
        V(hash:ip), and with Linux 6.2 and later V(hash:ip,port) and V(hash:net,net). The length of the whole address,
        V(32) or V(128), means no mask, and removes an existing one.
    type: int
  bitmask:
    description:
      - A mask for the same purpose that need not be a prefix, such as V(255.0.255.0). For the types V(hash:ip),
        V(hash:ip,port) and V(hash:net,net), with Linux 6.2 and later. A set has either this or O(netmask).
    type: str
  markmask:
    description: The bits of a packet's mark that count in a set of type V(hash:ip,mark), by default all.
    type: int
  range:
    description:
      - The addresses or ports that a C(bitmap) set can hold, at most 65536, as C(FIRST-LAST) or as a network, such as
        V(10.0.0.0/24) or V(1024-2047). A new C(bitmap) set needs it.
    type: str
  size:
    description:
      - The size of a V(list:set), by default 8 and at least 4. The kernel keeps the number, but no longer limits the
        list by it.
    type: int
  timeout:
    description:
      - The number of seconds after which an entry is removed, up to 2147483, for entries without a timeout of their
        own; with V(0) these stay.
      - With V(-1), the default for a new set, the set has no timeouts at all. A set that has timeouts loses them only
        with O(recreate=true).
    type: int
  counters:
    description: Whether each entry counts the packets and bytes that matched it. By default a new set does not.
    type: bool
  comment:
    description: Whether each entry may carry a comment. In a new set it may not by default.
    type: bool
  skbinfo:
    description:
      - Whether each entry may carry a mark, a priority and a queue for packets. In a new set it may not by default.
    type: bool
  forceadd:
    description:
      - Whether a C(hash) set that is full takes a new entry in place of a random one. By default a new set does not.
    type: bool
  entries:
    description:
      - The entries that shall be in the set. Without the option the task leaves them alone.
  purge_entries:
    description:
      - Whether entries that O(entries) does not list are deleted; with an empty list all are. Needs O(entries).
    type: bool
    default: false
  recreate:
    description:
      - What to do if the set exists with other options than the task wants, since the kernel cannot change them. With
        V(false) the task fails and names the options.
      - With V(true) a set with the new options is built under a temporary name, gets the entries of the old one, and
        takes its place in one moment, even while firewall rules refer to the set. Options that the task does not give
        stay as they are.
      - A set of another O(type) or O(family) starts with only the entries of the task. If both types hold the same,
        such as V(bitmap:ip) and V(hash:ip), it takes the old one's place in one moment too. Otherwise nothing may refer
        to the old set, and there is a moment without a set; if the run is interrupted then, the next run with V(true)
        completes it.
    type: bool
    default: false
  state:
    description:
      - Whether the set shall exist. With V(absent) it is deleted with its entries; while a firewall rule or another set
        refers to it, the kernel keeps it and the task fails.
    type: str
    choices: [present, absent]
    default: present
author:
  - the linuxnet.ipvs contributors (@linuxnet-collections)
"""

EXAMPLES = r"""
- name: Have a set for connections that come back to where they came from
  linuxnet.ipvs.ipset:
    name: DUSTIN-LOOP-BACK
    type: hash:ip,port,ip
# ipset list -terse
# Name: DUSTIN-LOOP-BACK
# Type: hash:ip,port,ip
# Header: family inet hashsize 1024 maxelem 65536

- name: Have a set of IPv6 networks whose entries expire after an hour
  linuxnet.ipvs.ipset:
    name: visitors6
    type: hash:net
    family: inet6
    timeout: 3600

- name: Have a set with exactly these entries, replaced in one moment
  linuxnet.ipvs.ipset:
    name: offices
    type: hash:net
    comment: true
    entries:
      - 192.168.10.0/24
      - entry: 192.168.20.0/24
        comment: the second floor
      - 192.168.20.7 nomatch
    purge_entries: true
    atomic: true
# ipset save offices
# create offices hash:net family inet hashsize 1024 maxelem 65536 comment
# add offices 192.168.10.0/24
# add offices 192.168.20.0/24 comment "the second floor"
# add offices 192.168.20.7 nomatch

- name: Let it hold more, while firewall rules refer to it
  linuxnet.ipvs.ipset:
    name: offices
    type: hash:net
    maxelem: 1000000
    recreate: true

- name: Have a set of ports
  linuxnet.ipvs.ipset:
    name: services
    type: bitmap:port
    range: 0-1023
    entries: [22, 80, 443]

- name: Take the set away
  linuxnet.ipvs.ipset:
    name: visitors6
    state: absent
"""

RETURN = r"""
set:
  description: >-
    The set as it is after the task, without its entries, under the names of the options; only those that its type has.
  returned: when O(state=present)
  type: dict
  sample:
    name: DUSTIN-LOOP-BACK
    type: hash:ip,port,ip
    family: inet
    hashsize: 1024
    maxelem: 65536
    bucketsize: 12
    counters: false
    comment: false
    skbinfo: false
    forceadd: false
added:
  description: The entries that the task added, as C(ipset) saves them.
  returned: when O(state=present)
  type: list
  elements: str
  sample: ['192.168.20.0/24 comment "the second floor"']
updated:
  description: The existing entries whose options the task changed.
  returned: when O(state=present)
  type: list
  elements: str
  sample: []
deleted:
  description: The entries that the task deleted.
  returned: when O(state=present)
  type: list
  elements: str
  sample: []
"""

import gc
from dataclasses import replace

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
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.names import set_name
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.plan import plan_no_set, plan_set
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.task import carried_out
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SET_TYPES, temporary_name
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.wishes import header_options, set_type


def wish_of(params):
    """The entries that the task wants, or None where it leaves them alone."""
    for option in ("purge_entries", "atomic", "refresh_timeouts"):
        if params[option] and params["entries"] is None:
            raise InvalidOption(option, True, "it goes with 'entries' only")
    if params["atomic"] and not params["purge_entries"]:
        raise InvalidOption("atomic", True, "it goes with 'purge_entries: true' only, where all entries are listed")
    if params["entries"] is None:
        return None
    return Wish(params["entries"], params["purge_entries"], params["atomic"], params["refresh_timeouts"])


def unused(module, have):
    """The set, in check mode as it is once an earlier task of the play has deleted what refers to it."""
    if module.check_mode and have and have.references:
        module.warn("Set '%s' is in use. Check mode goes on as if what refers to it was deleted." % have.header.title)
        return replace(have, references=0)
    return have


def run(module):
    params = module.params
    name = set_name("name", params["name"])
    absent = params["state"] == "absent"
    kind = None if absent else set_type(params["type"], params["family"])
    given = header_options(kind, params) if kind else {}
    wish = None if absent else wish_of(params)

    def plan(sets):
        leftover = sets.header(temporary_name(name)) if sets else None
        if kind is None:
            have = unused(module, sets.header(name)) if sets else None
            return plan_no_set(have, leftover, sets.lists() if have and have.references else ())
        have = (sets.find(name) if wish or params["recreate"] else sets.header(name)) if sets else None
        return plan_set(name, kind, given, have, wish, params["recreate"], leftover)

    outcome = or_nothing(module, lambda: carried_out(module, plan), None) or plan(None)
    result = {} if absent else dict(set=outcome.header.options(), **outcome.entries())
    finish(module, outcome.plan, **result)


def main():
    # A million entries are many small objects, none of which hold each other in a circle.
    gc.disable()
    module = AnsibleModule(
        argument_spec=dict(
            name=dict(type="str", required=True),
            type=dict(type="str", choices=list(SET_TYPES)),
            family=dict(type="str", choices=["inet", "inet6"]),
            hashsize=dict(type="int"),
            maxelem=dict(type="int"),
            bucketsize=dict(type="int"),
            initval=dict(type="int"),
            netmask=dict(type="int"),
            bitmask=dict(type="str"),
            markmask=dict(type="int"),
            range=dict(type="str"),
            size=dict(type="int"),
            timeout=dict(type="int"),
            counters=dict(type="bool"),
            comment=dict(type="bool"),
            skbinfo=dict(type="bool"),
            forceadd=dict(type="bool"),
            entries=dict(type="list", elements="raw"),
            purge_entries=dict(type="bool", default=False),
            atomic=dict(type="bool", default=False),
            refresh_timeouts=dict(type="bool", default=False),
            recreate=dict(type="bool", default=False),
            **NETNS,
            **STATE,
        ),
        required_if=[("state", "present", ["type"])],
        supports_check_mode=True,
    )
    with reporting(module):
        run(module)


if __name__ == "__main__":
    main()
