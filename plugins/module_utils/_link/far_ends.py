# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the other ends of veth devices are."""

from __future__ import annotations

import os
from typing import Iterable, Iterator, Mapping

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import RUN_DIR, identity
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.client import Links
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import FarEnd, Link, Netns, Snapshot


def far_ends(links: Links, netns: Netns, ports: Iterable[str], known: Mapping[Netns, Snapshot]) -> Mapping[str, FarEnd]:
    """The other ends of the named veth devices of a namespace, wherever they are; those not found are left out.

    ``known`` holds what has been read already, ``netns`` included. After that the named namespaces are
    searched, and last those that only processes keep alive.
    """
    here = known[netns]
    found = {}
    veths = [link for link in map(here.link, ports) if link and link.kind == "veth" and link.peer_index]
    away: dict[int, list[Link]] = {}
    for veth in veths:
        if veth.peer_nsid is not None:
            away.setdefault(veth.peer_nsid, []).append(veth)
            continue
        peer = here.link_at(veth.peer_index)
        if peer:
            found[veth.name] = FarEnd(netns, peer, here.addresses_on(peer))
    for there, nsid in _numbered(links, netns, set(away)):
        snapshot = known[there] if there in known else links.snapshot(there)
        for veth in away[nsid]:
            peer = snapshot.link_at(veth.peer_index)
            if peer:
                found[veth.name] = FarEnd(there, peer, snapshot.addresses_on(peer))
    return found


def _numbered(links: Links, netns: Netns, wanted: set[int]) -> Iterator[tuple[Netns, int]]:
    """The namespaces that ``netns`` knows by the numbers wanted, until all are found."""
    missing = set(wanted)
    seen = set()
    for path in _all_namespaces():
        if not missing:
            return
        found = identity(path)
        if found is None or found in seen:
            continue
        seen.add(found)
        nsid = links.number_known(netns, path)
        if nsid is not None and nsid in missing:
            missing.discard(nsid)
            name = path[len(RUN_DIR) + 1 :] if path.startswith(RUN_DIR + "/") else path
            yield links.same(name), nsid


def _all_namespaces() -> Iterator[str]:
    """Paths of this namespace, the named ones, and the one each process is in."""
    yield "/proc/thread-self/ns/net"
    if os.path.isdir(RUN_DIR):
        for name in sorted(os.listdir(RUN_DIR)):
            yield os.path.join(RUN_DIR, name)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        yield "/proc/%s/ns/net" % pid
