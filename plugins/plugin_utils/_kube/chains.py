# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chains of kube-proxy's IPVS mode, each rule as iptables-save prints it (Kubernetes 1.29 to 1.42)."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube import sets
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.sets import Destination, Sets, set_name
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.values import IPV4, Config

#: Chains in the order of iptables-save: the kernel's own by their hooks, then kube-proxy's by name.
CHAINS: Mapping[str, Sequence[str]] = {
    "nat": (
        "PREROUTING",
        "OUTPUT",
        "POSTROUTING",
        "KUBE-LOAD-BALANCER",
        "KUBE-MARK-MASQ",
        "KUBE-NODE-PORT",
        "KUBE-POSTROUTING",
        "KUBE-SERVICES",
    ),
    "filter": (
        "INPUT",
        "FORWARD",
        "OUTPUT",
        "KUBE-FORWARD",
        "KUBE-IPVS-FILTER",
        "KUBE-IPVS-OUT-FILTER",
        "KUBE-NODE-PORT",
        "KUBE-PROXY-FIREWALL",
        "KUBE-SOURCE-RANGES-FIREWALL",
    ),
}

#: The jumps in the kernel's own chains: table, chain, comment, kube-proxy's chain.
JUMPS: Sequence[Tuple[str, str, str, str]] = (
    ("nat", "PREROUTING", "kubernetes service portals", "KUBE-SERVICES"),
    ("nat", "OUTPUT", "kubernetes service portals", "KUBE-SERVICES"),
    ("nat", "POSTROUTING", "kubernetes postrouting rules", "KUBE-POSTROUTING"),
    ("filter", "INPUT", "kubernetes ipvs access filter", "KUBE-IPVS-FILTER"),
    ("filter", "INPUT", "kube-proxy firewall rules", "KUBE-PROXY-FIREWALL"),
    ("filter", "INPUT", "kubernetes health check rules", "KUBE-NODE-PORT"),
    ("filter", "FORWARD", "kube-proxy firewall rules", "KUBE-PROXY-FIREWALL"),
    ("filter", "FORWARD", "kubernetes forwarding rules", "KUBE-FORWARD"),
    ("filter", "OUTPUT", "kubernetes ipvs access filter", "KUBE-IPVS-OUT-FILTER"),
)

#: The comment of the rules that refer to a set (iptables-save escapes the apostrophes).
_COMMENTS = {
    sets.LOOP_BACK: "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose",
    sets.CLUSTER_IP: "Kubernetes service cluster ip + port for masquerade purpose",
    sets.EXTERNAL_IP: "Kubernetes service external ip + port for masquerade and filter purpose",
    sets.EXTERNAL_IP_LOCAL: "Kubernetes service external ip + port with externalTrafficPolicy=local",
    sets.LOAD_BALANCER: "Kubernetes service lb portal",
    sets.LOAD_BALANCER_FW: "Kubernetes service load balancer ip + port for load balancer with sourceRange",
    sets.LOAD_BALANCER_LOCAL: "Kubernetes service load balancer ip + port with externalTrafficPolicy=local",
    sets.LOAD_BALANCER_SOURCE_IP: "Kubernetes service load balancer ip + port + source IP for packet filter purpose",
    sets.LOAD_BALANCER_SOURCE_CIDR: (
        "Kubernetes service load balancer ip + port + source cidr for packet filter purpose"
    ),
    sets.NODE_PORT["TCP"]: "Kubernetes nodeport TCP port for masquerade purpose",
    sets.NODE_PORT_LOCAL["TCP"]: "Kubernetes nodeport TCP port with externalTrafficPolicy=local",
    sets.NODE_PORT["UDP"]: "Kubernetes nodeport UDP port for masquerade purpose",
    sets.NODE_PORT_LOCAL["UDP"]: "Kubernetes nodeport UDP port with externalTrafficPolicy=local",
    sets.NODE_PORT["SCTP"]: "Kubernetes nodeport SCTP port for masquerade purpose with type \\'hash ip:port\\'",
    sets.NODE_PORT_LOCAL["SCTP"]: (
        "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type \\'hash ip:port\\'"
    ),
    sets.HEALTH_CHECK_NODE_PORT: "Kubernetes health check node port",
}

#: How the kernel numbers the protocols (IPPROTO_ in linux/in.h), which is how xt_ipvs prints them.
_PROTOCOL_NUMBERS = {"TCP": 6, "UDP": 17, "SCTP": 132}


def _comment(text: str) -> str:
    return '-m comment --comment "%s" ' % text


class Chains:
    """The chains of one family, filled in the order in which kube-proxy writes their rules."""

    def __init__(self, family: str, entries: Sets, config: Config) -> None:
        self._family = family
        self._sets = entries
        self._rules: Dict[Tuple[str, str], List[str]] = {
            (table, chain): [] for table, chains in CHAINS.items() for chain in chains
        }
        for table, chain, comment, target in JUMPS:
            self._add(table, chain, "%s-j %s" % (_comment(comment), target))
        self._services(config.not_local.get(family, ""), config.masquerade_all)
        self._load_balancers()
        self._node_ports()
        self._masquerading("0x%x" % config.mark)
        self._forwarding("0x%x" % config.mark)
        self._ipvs_filter()

    def refuse_from_node(self, destination: Destination) -> None:
        """Keep the node itself from a load balancer's address whose source ranges do not hold the node.

        A connection of the node to it has that address as its source too, since the node has it.
        """
        address, protocol, port = destination
        whole = 32 if self._family == IPV4 else 128
        self._add(
            "filter",
            "KUBE-IPVS-OUT-FILTER",
            "-s %s/%d -m ipvs --vproto %d --vaddr %s --vport %d -j DROP"
            % (address, whole, _PROTOCOL_NUMBERS[protocol], address, port),
        )

    def as_values(self) -> Iterator[Dict[str, Any]]:
        """Each chain as ``{family, table, chain, rules}``, an empty one too."""
        for (table, chain), rules in self._rules.items():
            yield {"family": self._family, "table": table, "chain": chain, "rules": rules}

    def _add(self, table: str, chain: str, rule: str) -> None:
        self._rules[table, chain].append(rule)

    def _match(self, name: str, directions: str) -> str:
        return "-m set --match-set %s %s " % (set_name(self._family, name), directions)

    def _of_set(self, chain: str, name: str, directions: str, target: str, table: str = "nat", first: str = "") -> None:
        """A rule that says by its comment what the set is for; only where the set has entries."""
        if self._sets.used(name):
            matches = first + _comment(_COMMENTS[name]) + self._match(name, directions)
            self._add(table, chain, "%s-j %s" % (matches, target))

    def _services(self, not_local: str, masquerade_all: bool) -> None:
        chain = "KUBE-SERVICES"
        self._add("nat", chain, "-s %s -j RETURN" % ("127.0.0.0/8" if self._family == IPV4 else "::1/128"))
        self._of_set(chain, sets.LOAD_BALANCER, "dst,dst", "KUBE-LOAD-BALANCER")
        if masquerade_all:
            self._of_set(chain, sets.CLUSTER_IP, "dst,dst", "KUBE-MARK-MASQ")
        elif not_local:
            self._of_set(chain, sets.CLUSTER_IP, "dst,dst", "KUBE-MARK-MASQ", first=not_local + " ")
        else:
            self._of_set(chain, sets.CLUSTER_IP, "src,dst", "KUBE-MARK-MASQ")
        self._of_set(chain, sets.EXTERNAL_IP, "dst,dst", "KUBE-MARK-MASQ")
        for name in (sets.EXTERNAL_IP, sets.EXTERNAL_IP_LOCAL):
            from_outside = "dst,dst -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL"
            self._of_set(chain, name, from_outside, "ACCEPT")
            self._of_set(chain, name, "dst,dst -m addrtype --dst-type LOCAL", "ACCEPT")
        self._add("nat", chain, "-m addrtype --dst-type LOCAL -j KUBE-NODE-PORT")
        for name in (sets.CLUSTER_IP, sets.LOAD_BALANCER):
            if self._sets.used(name):
                self._add("nat", chain, self._match(name, "dst,dst") + "-j ACCEPT")

    def _load_balancers(self) -> None:
        self._of_set("KUBE-LOAD-BALANCER", sets.LOAD_BALANCER_LOCAL, "dst,dst", "RETURN")
        self._add("nat", "KUBE-LOAD-BALANCER", "-j KUBE-MARK-MASQ")
        ranges = "KUBE-SOURCE-RANGES-FIREWALL"
        self._of_set("KUBE-PROXY-FIREWALL", sets.LOAD_BALANCER_FW, "dst,dst", ranges, "filter")
        self._of_set(ranges, sets.LOAD_BALANCER_SOURCE_CIDR, "dst,dst,src", "RETURN", "filter")
        self._of_set(ranges, sets.LOAD_BALANCER_SOURCE_IP, "dst,dst,src", "RETURN", "filter")
        self._add("filter", ranges, "-j DROP")

    def _node_ports(self) -> None:
        for protocol in ("TCP", "UDP", "SCTP"):
            directions = "dst,dst" if protocol == "SCTP" else "dst"
            first = "-p %s " % protocol.lower()
            self._of_set("KUBE-NODE-PORT", sets.NODE_PORT_LOCAL[protocol], directions, "RETURN", first=first)
            self._of_set("KUBE-NODE-PORT", sets.NODE_PORT[protocol], directions, "KUBE-MARK-MASQ", first=first)
        health = _comment(_COMMENTS[sets.HEALTH_CHECK_NODE_PORT]) + self._match(sets.HEALTH_CHECK_NODE_PORT, "dst")
        self._add("filter", "KUBE-NODE-PORT", health + "-j ACCEPT")

    def _masquerading(self, mark: str) -> None:
        chain = "KUBE-POSTROUTING"
        self._of_set(chain, sets.LOOP_BACK, "dst,dst,src", "MASQUERADE")
        self._add("nat", chain, "-m mark ! --mark %s/%s -j RETURN" % (mark, mark))
        self._add("nat", chain, "-j MARK --set-xmark %s/0x0" % mark)
        snat = _comment("kubernetes service traffic requiring SNAT")
        self._add("nat", chain, snat + "-j MASQUERADE --random-fully")
        self._add("nat", "KUBE-MARK-MASQ", "-j MARK --set-xmark %s/%s" % (mark, mark))

    def _forwarding(self, mark: str) -> None:
        marked = "-m mark --mark %s/%s -j ACCEPT" % (mark, mark)
        self._add("filter", "KUBE-FORWARD", _comment("kubernetes forwarding rules") + marked)
        known = "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
        self._add("filter", "KUBE-FORWARD", _comment("kubernetes forwarding conntrack rule") + known)

    def _ipvs_filter(self) -> None:
        """The node's own ports are not reached through the Services' addresses."""
        chain = "KUBE-IPVS-FILTER"
        for name in (sets.LOAD_BALANCER, sets.CLUSTER_IP, sets.EXTERNAL_IP, sets.EXTERNAL_IP_LOCAL):
            self._add("filter", chain, self._match(name, "dst,dst") + "-j RETURN")
        self._add("filter", chain, self._match(sets.HEALTH_CHECK_NODE_PORT, "dst") + "-j RETURN")
        answer = "icmp-port-unreachable" if self._family == IPV4 else "icmp6-port-unreachable"
        new = "-m conntrack --ctstate NEW " + self._match(sets.IPVS_IPS, "dst")
        self._add("filter", chain, new + "-j REJECT --reject-with " + answer)
