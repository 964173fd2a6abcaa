# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options that the IPVS modules share."""

    DOCUMENTATION = r"""
options: {}
requirements:
  - a kernel with IPVS (module C(ip_vs), which the first use loads, in check mode too), and Python
notes:
  - The module speaks to the kernel over netlink. It needs neither C(ipvsadm) nor a Python library.
  - The IPVS table belongs to a network namespace. Another program that believes it owns the table (kube-proxy in IPVS
    mode, keepalived, ldirectord) deletes what it does not know; M(linuxnet.ipvs.ipvs_info) finds such programs.
seealso:
  - name: ipvsadm(8)
    description: The manual of the kernel's own administration tool, whose terms are used here.
    link: https://manpages.debian.org/ipvsadm
"""

    DRAIN = r"""
options:
  drain_timeout:
    description:
      - Let live connections end before anything is deleted, be it absent or purged. Additions and changes are made at
        once. The real servers that are to be deleted get weight 0, and so no new connections, and the task waits until
        no connection is left or this many seconds have passed. Then it deletes them, and RV(drained) says what
        happened.
      - With the schedulers C(sh) and C(mh) the kernel refuses the clients of a real server of weight 0. So the service
        gets C(sh-fallback) or C(mh-fallback) for that time. C(dh) has no such flag, so there the task refuses to drain
        unless the whole service is deleted.
      - Other tasks on the same table can go on meanwhile. If one of them, or another program, gives such a real server
        weight again, nothing is deleted and the task fails. A task that fails gives the other real servers their
        weights back. A task that is killed does not, and the next run goes on from there.
      - On a director with a backup daemon, connections that were synchronized before the service was made there belong
        to no real server. The task waits for them too, but they do not end when the real server is deleted.
      - The node's log says how many connections are left, at the beginning, every ten seconds and at the end.
        C(journalctl -f -g draining) shows that meanwhile.
      - Without the option the task does not wait.
    type: int
"""

    FILTER = r"""
options:
  services:
    type: list
    elements: dict
    suboptions:
      protocol:
        description: The transport protocol.
        type: str
        choices: [tcp, udp, sctp]
      address:
        description: The virtual address, or a network in which it lies.
        type: str
      port:
        description: The virtual port.
        type: int
      fwmark:
        description: The firewall mark.
        type: int
      family:
        description: The address family, which tells apart two services of one firewall mark.
        type: str
        choices: [inet, inet6]
"""
