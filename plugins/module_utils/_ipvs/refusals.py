# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel's refusals in words that fit what was asked of it: what the errno means here, and what to do.

Source: the returns of net/netfilter/ipvs/ip_vs_ctl.c and ip_vs_sync.c.
"""

from __future__ import annotations

import errno
from typing import Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import KernelRefused
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import Operation, Service
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netlink import BatchRefused


class Disturbed(KernelRefused):
    """The kernel refused a step because its table is no longer what was read: another program has changed it."""


#: The kernel's errno in words that fit each request.
_MEANINGS = {
    errno.EPERM: "not permitted: IPVS wants CAP_NET_ADMIN of the first user namespace, so real root",
    errno.EAFNOSUPPORT: "this kernel has no IPv6, or it is switched off (ipv6.disable=1 on the kernel's command line)",
}

#: In words that fit timeouts (ip_vs_set_timeout()).
TIMEOUT_MEANINGS = {
    errno.EINVAL: "one is more seconds than this kernel can count: 2147483 if it ticks a thousand times a second,"
    " 8589934 if 250 times",
}

#: In words that fit daemons (ip_vs_genl_new_daemon(), start_sync_thread()).
SETTINGS_MEANINGS = {
    errno.EEXIST: "a daemon of that role runs already, so something else started it in the meantime: run the task"
    " again",
    errno.ESRCH: "no daemon of that role runs, so something else stopped it in the meantime: run the task again",
    errno.ENODEV: "there is no such network device in this namespace",
    errno.ENETUNREACH: "the device is down, and a master cannot send there: 'ip link set DEVICE up' first",
    errno.EADDRNOTAVAIL: "the device has no address from which to send",
    errno.EINVAL: "the kernel takes it for invalid: messages must hold a connection and fit the device's MTU, and no"
    " real server may be of another family than its virtual service while a daemon runs",
}


def _no_module(service: Service) -> str:
    """What a service lacks where the kernel does not say which of its parts it has no module for."""
    scheduler, engine = service.scheduler, service.persistence_engine
    also = ", or no persistence engine '%s'," % engine if engine else ""
    remedy = " and 'modprobe ip_vs_pe_%s'" % engine if engine else ""
    return "no scheduler '%s'%s in this kernel: run 'modprobe ip_vs_%s'%s" % (scheduler, also, scheduler, remedy)


def reason(exc: KernelRefused, meanings: Mapping[int, str]) -> str:
    """What the kernel said, behind what that means here where it is known."""
    meaning = meanings.get(exc.errno) or _MEANINGS.get(exc.errno)
    return "%s [%s]" % (meaning, exc) if meaning else str(exc)


def explained_request(exc: KernelRefused) -> KernelRefused:
    return KernelRefused(exc.errno, "the kernel refused to tell of the IPVS table: %s" % reason(exc, {}))


def explained(exc: BatchRefused, operation: Operation, what: str) -> KernelRefused:
    """The kernel's errno in words that fit ``what`` an operation did (the returns of ip_vs_ctl.c)."""
    on_server = operation.servers is not None
    meanings = {
        errno.EEXIST: "it exists already, so something else made it in the meantime: run the task again",
        errno.ESRCH: "the virtual service is gone, so something else deleted it in the meantime: look for another"
        " owner of the table (kube-proxy, keepalived, ldirectord)",
        errno.ENOENT: "it is gone already, so something else deleted it in the meantime: run the task again"
        if on_server
        else _no_module(operation.service),
        errno.EINVAL: "the kernel takes it for invalid. It takes no broadcast address of a subnet and no link-local one"
        " of another host. In a namespace whose device 'lo' was never up it takes no real server at all: bring 'lo' up."
        " And while a synchronization daemon runs, none of another family than its virtual service"
        if on_server
        else "the kernel takes it for invalid",
    }
    text = "the kernel refused to %s: %s" % (what, reason(exc, meanings))
    disturbed = exc.errno in (errno.EEXIST, errno.ESRCH) or (exc.errno == errno.ENOENT and on_server)
    return Disturbed(exc.errno, text) if disturbed else KernelRefused(exc.errno, text)
