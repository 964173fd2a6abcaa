# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of a Service's endpoints a node uses (``pkg/proxy/topology.go``, Kubernetes 1.30 to 1.35)."""

from __future__ import annotations

from typing import List, NamedTuple, Sequence

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.values import Endpoint, Gates, Node, Service

ZONE = "topology.kubernetes.io/zone"


class Chosen(NamedTuple):
    """The endpoints for the cluster IP, and those for addresses that are reached from outside the cluster."""

    internal: Sequence[Endpoint]
    external: Sequence[Endpoint]


def choose(service: Service, accessible: bool, endpoints: Sequence[Endpoint], node: Node, gates: Gates) -> Chosen:
    """``accessible``: whether the port is reached by anything but its cluster IP.

    A policy of Local takes the node's own endpoints, and where there is none those that the policy Cluster would take:
    so an answer comes back to the node's own pods. The one exception is a Service that is reached by its cluster IP
    alone; there is nothing else to fall back to.
    """
    uses_cluster = not service.internal_local or accessible
    cluster = _of_cluster(service, endpoints, node, gates) if uses_cluster else ()
    if not service.internal_local and not service.external_local:
        return Chosen(cluster, cluster)
    local = _ready_or_terminating([endpoint for endpoint in endpoints if endpoint.local]) or cluster
    return Chosen(local if service.internal_local else cluster, local if service.external_local else cluster)


def _ready_or_terminating(endpoints: Sequence[Endpoint]) -> Sequence[Endpoint]:
    """The ready ones, or where none is ready those that still serve while they end."""
    ready = [endpoint for endpoint in endpoints if endpoint.ready]
    return ready or [endpoint for endpoint in endpoints if endpoint.serving and endpoint.terminating]


def _of_cluster(service: Service, endpoints: Sequence[Endpoint], node: Node, gates: Gates) -> Sequence[Endpoint]:
    found = _ready_or_terminating(endpoints)
    if not found or not found[0].ready:
        return found
    return _near(service, found, node, gates)


def _near(service: Service, ready: Sequence[Endpoint], node: Node, gates: Gates) -> Sequence[Endpoint]:
    """The endpoints that are hinted for the node or for its zone; all, unless each of them has such a hint."""
    if not gates.service_traffic_distribution and service.hints_annotation in ("", "disabled", "Disabled"):
        return ready
    if ready[0].nodes and all(endpoint.nodes for endpoint in ready):
        here: List[Endpoint] = [endpoint for endpoint in ready if node.name in endpoint.nodes]
        if here:
            return here
    zone = node.labels.get(ZONE, "")
    if zone and all(endpoint.zones for endpoint in ready):
        return [endpoint for endpoint in ready if zone in endpoint.zones] or ready
    return ready
