# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the lab's description means for each role: its pods, servers, services, and who is to reach whom.

A lab is whole, or at a stage of ``playbooks/vars/stages.yml``, where each role has only what the stages so far have
made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: The port of a pod's server and of a service, where none is said.
PORT = 8080
SCHEDULER = "rr"
#: The schedulers with which each server of equal weight is heard (with ``rr`` in turn); the others look at who asks, or
#: at the connections that the servers have had lately.
_EACH_IS_HEARD = ("rr", "wrr")
#: What belongs to the lab's servers, and is no option of a pod.
_OF_SERVERS = ("port",)
#: The client that is no pod
HOST = "host"

Options = Mapping[str, Any]
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Lab:
    """A lab as its user describes it.

    ``stage`` is the name of the stage to take it to, None for the whole lab. ``stages`` is the whole table of stages,
    in their order.
    """

    bridge: str
    bridge_addresses: Sequence[str]
    loopback_set: str
    pods: Sequence[Options]
    services: Sequence[Options]
    stages: Sequence[Options] = ()
    stage: str | None = None

    @property
    def stage_names(self) -> list[str]:
        return [stage["name"] for stage in self.stages]

    @property
    def reached(self) -> list[str]:
        """The stages that the lab has reached.

        Where it is whole, or where there is no such stage, that is all but those beyond the whole lab.
        """
        names = self.stage_names
        if self.stage in names:
            return names[: names.index(self.stage) + 1]
        return [stage["name"] for stage in self.stages if "manifests" not in stage]

    @property
    def at(self) -> Options:
        """The stage's row in the table, the last one that the whole lab has; empty without a table."""
        return next((stage for stage in self.stages if stage["name"] == self.reached[-1]), {}) if self.reached else {}

    def has(self, stage: str) -> bool:
        """Whether the lab has what a stage adds."""
        return self.stage is None or stage in self.reached

    @property
    def pods_there(self) -> Sequence[Options]:
        """The pods that exist by now: the first has a stage of its own, and all others the next."""
        if self.has("leah"):
            return self.pods
        return self.pods[:1] if self.has("netns") else ()

    @property
    def ipv6(self) -> bool:
        addresses = [*self.bridge_addresses, *(address for pod in self.pods for address in pod.get("addresses") or ())]
        return any(map(_is_ipv6, addresses))


def plan(lab: Lab) -> dict[str, Any]:
    """All that the playbooks and the roles are told of a lab; the filter's documentation describes the keys."""
    behind = [_behind(lab, service) for service in lab.services]
    return {
        "reached": lab.reached,
        "stage": lab.at,
        "ipv6": lab.ipv6,
        "pods": [_pod(lab, pod) for pod in lab.pods_there],
        "namespaces": [_netns(pod) for pod in lab.pods],
        "namespaces_early": [_netns(pod) for pod in lab.pods[len(lab.pods_there) :]],
        "servers": [_server(lab, pod) for pod in lab.pods],
        "services": [_service(service, servers) for service, (_pods, servers) in zip(lab.services, behind)],
        "masquerades": list(_masquerades(lab)),
        "clients": [{"name": HOST}, *({"name": pod["name"], "netns": _netns(pod)} for pod in lab.pods_there)],
        "targets": list(_targets(lab, behind)),
        "expectations": list(_expectations(lab)),
    }


def problems(lab: Lab) -> list[str]:
    """Why a lab cannot be built as it is described, in words. What a role refuses by itself is left to it."""
    described: tuple[tuple[str, Any, str], ...] = (
        ("lab_pods", lab.pods, "name"),
        ("lab_services", lab.services, "address"),
    )
    for option, rows, needed in described:
        if not isinstance(rows, list):
            return ["%s: '%s' is not valid: write a list of dicts, each with its %s" % (option, rows, needed)]
        for number, row in enumerate(rows):
            if not isinstance(row, Mapping) or not row.get(needed):
                return ["%s[%d]: %s is missing" % (option, number, needed)]
    if lab.stage is not None:
        return []  # of its own topology
    names = [pod["name"] for pod in lab.pods]
    found = []
    for service in lab.services:
        unknown = [name for name in service.get("pods", ()) if name not in names]
        if unknown:
            found.append(
                "lab_services: %s is to go to %s, and the pods are %s"
                % (service["address"], ", ".join(unknown), ", ".join(names))
            )
        elif not _behind(lab, service)[0]:
            found.append(
                "lab_services: no pod that %s is to go to has an address of IPv%d"
                % (service["address"], 6 if _is_ipv6(service["address"]) else 4)
            )
    return found


def stage_problems(lab: Lab, described: Sequence[str], host: str) -> list[str]:
    """Why a lab cannot be taken to a stage, in words.

    Args:
        described: The variables by which the user has described another lab than the article's.
        host: The name of a host that was not made for the lab, and that may not lose its switches; otherwise empty.
    """
    if lab.stage is None:
        return []
    found = []
    if lab.stage not in lab.stage_names:
        found.append("lab_stage is '%s' and must be one of %s" % (lab.stage, ", ".join(lab.stage_names)))
    found += [
        "lab_stage and %s exclude each other, because the stages are those of the lab's own topology" % name
        for name in described
    ]
    if host:
        found.append(
            "%s was not made for the lab, and the way from stage to stage switches forwarding, br_netfilter and "
            "connection tracking of IPVS off and on for the whole host: set lab_stage_on_own_hosts to true if nothing "
            "else there needs them, or leave lab_stage out to get the whole lab" % host
        )
    return found


def _is_ipv6(address: str) -> bool:
    return ":" in address


def _netns(pod: Options) -> str:
    return str(pod.get("netns") or "netns_%s" % pod["name"])


def _url(address: str, port: int) -> str:
    return "http://%s:%s" % ("[%s]" % address if _is_ipv6(address) else address, port)


def _pod(lab: Lab, pod: Options) -> dict[str, Any]:
    """A pod in the words of the role ``pod_network``; at a stage it has a cable, a way out and hairpin only in time."""
    own = {key: value for key, value in pod.items() if key not in _OF_SERVERS}
    if not lab.has("veth_dustin"):
        own["connected"] = False
    if not lab.has("routes"):
        own["gateway"] = None
    if not lab.has("hairpin"):
        own["hairpin"] = False
    return own


def _server(lab: Lab, pod: Options) -> dict[str, Any]:
    """A pod's web server in the words of the role ``http_backends``; with IPv6 it listens on both families."""
    server = {"name": pod["name"], "netns": _netns(pod), "port": pod.get("port", PORT)}
    return {**server, "address": "::"} if lab.ipv6 else server


def _behind(lab: Lab, service: Options) -> tuple[list[str], Rows]:
    """What is behind a service: the pods that answer, and their addresses of its family as real servers."""
    pods: list[str] = []
    servers: Rows = []
    for pod in lab.pods if lab.has("second_server") else lab.pods[:1]:
        if pod["name"] not in service.get("pods", (pod["name"],)):
            continue
        for address in pod.get("addresses") or ():
            if _is_ipv6(address) == _is_ipv6(service["address"]):
                pods.append(pod["name"])
                servers.append({"address": address.split("/")[0], "port": pod.get("port", PORT)})
    return pods, servers


def _service(service: Options, servers: Rows) -> dict[str, Any]:
    """A service in the words of the role ``virtual_service``.

    One at an address of the lab is the lab's, so it has no servers but the lab's own: pods of another lab, which stay,
    are no longer asked.
    """
    return {
        "address": service["address"],
        "port": service.get("port", PORT),
        "scheduler": service.get("scheduler", SCHEDULER),
        "real_servers": servers,
        "purge_real_servers": True,
    }


def _masquerades(lab: Lab) -> Iterator[dict[str, Any]]:
    """What each stage masquerades, in the words of the module ``masquerade``.

    ``spelled`` is how iptables lists the rule. A rule that is not wanted is that of a stage which the lab has left
    behind, or not reached, and goes.
    """
    for source, first, last in (
        ("10.0.0.0/24", "masquerade_all", "masquerade_dustin"),
        ("10.0.0.11/32", "masquerade_dustin", "loopback_set"),
    ):
        yield {
            "spelled": "-A POSTROUTING -s %s -j MASQUERADE" % source,
            "rule": {"source": source},
            "wanted": lab.has(first) and not lab.has(last),
        }
    yield {
        "spelled": "-A POSTROUTING -m set --match-set %s dst,dst,src -j MASQUERADE" % lab.loopback_set,
        "rule": {"match_set": {"name": lab.loopback_set, "directions": ["dst", "dst", "src"]}},
        "wanted": lab.has("loopback_set"),
    }


def _targets(lab: Lab, behind: Sequence[tuple[list[str], Rows]]) -> Iterator[dict[str, Any]]:
    """Who is asked, in the words of the role ``reachability``, by whoever has an address of the same family."""
    askers = [(HOST, lab.bridge_addresses), *((pod["name"], pod.get("addresses") or ()) for pod in lab.pods_there)]
    clients = {
        ipv6: [name for name, addresses in askers if any(_is_ipv6(each) is ipv6 for each in addresses)]
        for ipv6 in (False, True)
    }
    for pod in lab.pods:
        for address in pod.get("addresses") or ():
            yield {
                "name": pod["name"],
                "url": _url(address.split("/")[0], pod.get("port", PORT)),
                "answers": [pod["name"]],
                "clients": clients[_is_ipv6(address)],
            }
    for service, (pods, _servers) in zip(lab.services, behind):
        scheduler = service.get("scheduler", SCHEDULER)
        yield {
            "name": service.get("name", "virtual"),
            "url": _url(service["address"], service.get("port", PORT)),
            "answers": pods,
            "every": scheduler in _EACH_IS_HEARD,
            "turns": scheduler == "rr",
            "clients": clients[_is_ipv6(service["address"])],
        }
    for target in lab.at.get("targets", ()):
        yield {**target, "every": True, "turns": True, "clients": clients["[" in target["url"]]}


def _expectations(lab: Lab) -> Iterator[dict[str, Any]]:
    """What a stage expects of each pair, in the words of the role ``reachability``; the whole lab needs none of it."""
    if lab.stage not in lab.stage_names:
        return
    (stage,) = (stage for stage in lab.stages if stage["name"] == lab.stage)
    for client, row in stage["expect"].items():
        for target, cell in row.items():
            pair = {"client": client, "target": target}
            if cell == "outside":
                yield {**pair, "asked": False}
            elif not isinstance(cell, str):
                yield {**pair, "answers": list(cell), "turns": len(cell) > 1}
            elif cell != "nobody":
                yield {**pair, "failure": cell}
