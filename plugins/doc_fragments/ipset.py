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
      - Addresses are compared by value, so C(fd00::1) and C(fd00:0::1) are one entry. A port without a protocol is
        TCP's. Ports and protocols may have their names of C(/etc/services) and C(/etc/protocols), ICMP types those that
        C(ipset help hash:ip,port) lists.
      - Where C(ipset) does, a range or a network stands for all it holds, in IPv4 addresses (C(10.0.0.1-10.0.0.9),
        C(10.0.0.0/28)) and in ports (C(tcp:80-90)). The kernel is given it as a range, and the result tells of what is
        missing of it in ranges, too. A range in place of a network becomes as few networks as make it.
      - Of an entry that is said twice, the options that are said last count, so that an exception may follow a range.
      - Options of an entry are C(timeout) (seconds), C(packets), C(bytes), C(comment), C(skbmark) (C(MARK/MASK)),
        C(skbprio) (C(MAJOR:MINOR)) and C(skbqueue), each where the set has what it takes; C(nomatch) where networks
        are; C(wildcard) with the type C(hash:net,iface) and Linux 5.5 and later; and C(before) or C(after) another set
        with the type C(list:set).
      - A C(comment), C(skbmark), C(skbprio) or C(skbqueue) that is said shall be exactly that; one that is not said
        stays as it is in an entry that is there, and C(comment "") takes it away. An entry without C(nomatch) or
        C(wildcard) shall have none.
      - A C(comment) has at most 255 bytes, no double quotes and no line feed. Bytes that are no UTF-8 are written
        C(\xNN), from C(\x80) to C(\xff), in small letters; for a backslash where that is not meant stands C(\x5c).
      - C(packets) and C(bytes) are what a new entry starts with, and no difference ever after.
      - A C(timeout) runs, so an entry that expires sooner or later than said is no difference, unless
        O(refresh_timeouts=true). It is one where the entry shall expire and does not, or with V(0) the other way round.
      - A device is named as it is, so C(veth+) and C(eth0@if3) are refused. With C(wildcard) an entry means all devices
        whose names begin so.
      - A set of type C(hash:net,iface) holds at most 64 devices of one network, ports of bridges (C(physdev:)) counted
        for themselves.
      - C(before) and C(after) want the entry somewhere before or after the other, not next to it. The order of a list
        is no difference otherwise. Where entries that are there have to change places, the list is built anew as with
        O(atomic=true), so that none is missing meanwhile.
    type: list
    elements: raw
  atomic:
    description:
      - Whether the new contents take the place of the old in one moment, so that no packet sees some of them. The set
        is built under a temporary name and changes places with the old one. Counters and timeouts of entries that stay
        are taken along as they were when the task read them. Only where all entries are listed and others are deleted.
      - With V(false) the kernel is told what to add, then what to delete. It is the other way round where the set has
        no room for both, and with the type C(hash:net,iface).
    type: bool
    default: false
  refresh_timeouts:
    description:
      - Whether the C(timeout) of entries that are there starts again, from what the entry says or, where it says none,
        from that of the set. Then a task for a set with timeouts always changes something.
    type: bool
    default: false
notes:
  - The difference says C(rebuilt) where a set is built anew and takes the place of the old one. It lists under
    C(deleted_and_added) the entries whose C(wildcard) changes, since the kernel takes that in no other way.
  - Runs of these modules in one network namespace wait for each other.
  - A set that is to take the place of another is built under the name C(linuxnet.ipvs~) and 17 hexadecimal digits,
    which stand for the other's name. What an interrupted run leaves there, the next task for that set deletes.
"""
