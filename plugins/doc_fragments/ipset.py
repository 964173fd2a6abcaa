# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules for sets have in common."""

    DOCUMENTATION = r"""
options: {}
requirements:
  - a kernel with sets (module C(ip_set), loaded by itself at the first use, in check mode too), and Python
notes:
  - The module speaks to the kernel over netlink. It needs neither C(ipset) nor a Python library.
seealso:
  - name: ipset(8)
    description: The manual of the kernel's own administration tool, whose terms and spellings are used here.
    link: https://manpages.debian.org/ipset
"""

    ENTRIES = r"""
options:
  entries:
    description:
      - >-
        Each is a text as C(ipset) writes and saves it, such as C(10.0.0.11,tcp:8080,10.0.0.11) for a set of type
        C(hash:ip,port,ip), or C(10.0.0.1 timeout 60 comment "too loud"). Or it is a dict of the entry itself, C(entry),
        and its options by name, such as C({entry: 10.0.0.1, timeout: 60, comment: too loud}).
      - Write a list also for a single entry that has commas, since Ansible splits a plain string at them.
      - Addresses are compared by value, so C(fd00::1) and C(fd00:0::1) are one entry. A port without a protocol is a
        TCP port. Ports and protocols may be given by their names in C(/etc/services) and C(/etc/protocols), ICMP types
        by those that C(ipset help hash:ip,port) lists.
      - As with C(ipset), a range or a network stands for all that it holds, for IPv4 addresses (C(10.0.0.1-10.0.0.9),
        C(10.0.0.0/28)) and for ports (C(tcp:80-90)). The kernel gets it as a range, and the result also shows what was
        missing as ranges. Where a set has networks, a range becomes the fewest networks that make it up.
      - If an entry is given twice, its last options count, so that an exception can follow a range.
      - Options of an entry are C(timeout) (seconds), C(packets), C(bytes), C(comment), C(skbmark) (C(MARK/MASK)),
        C(skbprio) (C(MAJOR:MINOR)) and C(skbqueue), each if the set has been created for it; C(nomatch) in sets of
        networks; C(wildcard) with the type C(hash:net,iface) and Linux 5.5 and later; and C(before) or C(after) another
        set with the type C(list:set).
      - A C(comment), C(skbmark), C(skbprio) or C(skbqueue) that is given is set to exactly that. If it is not given, an
        existing entry keeps its own, and C(comment "") removes a comment. C(nomatch) and C(wildcard) are removed from
        an entry that is given without them.
      - A C(comment) has at most 255 bytes, no double quotes and no line feed. Bytes that are not UTF-8 are written
        C(\xNN), from C(\x80) to C(\xff), in lower case. Write C(\x5c) for a backslash that would otherwise be read in
        this way.
      - C(packets) and C(bytes) are what a new entry starts with, and are not compared later.
      - A C(timeout) runs down, so an entry that expires sooner or later than given is no change, unless
        O(refresh_timeouts=true). It is a change if the entry does not expire at all but should, or with V(0) the other
        way round.
      - A device is given by its exact name, so C(veth+) and C(eth0@if3) are refused. With C(wildcard) an entry means
        all devices whose names begin so.
      - A set of type C(hash:net,iface) holds at most 64 devices for one network; ports of bridges (C(physdev:)) are
        counted separately.
      - C(before) and C(after) put the entry somewhere before or after the other, not necessarily next to it. Apart from
        that the order of a list does not matter. If existing entries have to change places, the list is built again as
        with O(atomic=true), so that none is missing meanwhile.
    type: list
    elements: raw
  atomic:
    description:
      - Whether the new contents replace the old in one step, so that no packet meets a half-changed set. The set is
        built under a temporary name and swapped with the old one. Counters and timeouts of entries that stay are kept
        as they were when the task read them. Only if the task lists all entries and deletes others.
      - With V(false) entries are first added, then deleted. It is the other way round if the set has no room for both,
        and with the type C(hash:net,iface).
    type: bool
    default: false
  refresh_timeouts:
    description:
      - Whether the C(timeout) of existing entries starts again, from what the task gives for the entry or else from the
        set's own. With this, a task for a set with timeouts always changes something.
    type: bool
    default: false
notes:
  - The diff says C(rebuilt) if a set is built again and takes the place of the old one. It lists under
    C(deleted_and_added) the entries whose C(wildcard) changes, since the kernel cannot change that in place.
  - Runs of these modules in one network namespace wait for each other.
  - A set that is to take the place of another is built under the name C(linuxnet.ipvs~) and 17 hexadecimal digits,
    which stand for the other's name. If an interrupted run leaves such a set, the next task for the same set deletes
    it.
"""
