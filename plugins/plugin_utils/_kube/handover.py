# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the sets that a node has to a wished state: which sets change, and which virtual services are Kubernetes'.

kube-proxy's sets name each of its virtual services. So they tell, on a node that somebody has served before, what may
be deleted there; everything else is somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any, Dict, Iterable, Iterator, List, Set

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube import sets
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.chains import JUMPS
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._kube.values import FAMILIES

#: Sets whose entries are virtual services as they are.
_NAMING = (
    sets.CLUSTER_IP,
    sets.EXTERNAL_IP,
    sets.EXTERNAL_IP_LOCAL,
    sets.LOAD_BALANCER,
    sets.NODE_PORT["SCTP"],
)
#: Sets of ports, each of which is a virtual service on each address of the node.
_PORTS = {sets.NODE_PORT["TCP"]: "tcp", sets.NODE_PORT["UDP"]: "udp"}

#: The kernel's own chains that have kube-proxy's jumps.
_BUILT_IN = frozenset((table, chain) for table, chain, _comment, _target in JUMPS)

#: Every name of a set that kube-proxy may have made.
SET_NAMES = [sets.set_name(family, name) for family in FAMILIES for name in sets.TYPES]


def handover(state: Mapping[str, Any], there: Any, addresses: Iterable[str]) -> Dict[str, Any]:
    """What the modules are to be told, so that a node comes from its sets to a state.

    :param state: what :func:`kernel_state` has made.
    :param there: the sets of the node, as ``ipset_info`` returns them.
    :param addresses: the node's addresses, of now and of when its node ports were made.
    :raises InvalidOption: the sets are none of ``ipset_info``.
    """
    have = _entries(there)
    wished = {each["name"]: each for each in state["sets"]}
    own = {"%(address)s,%(protocol)s:%(port)d" % each for each in state["virtual_services"]}
    return {
        "services": sorted(own | _unexcluded(_services(have, list(addresses)), state.get("exclude_cidrs", ()))),
        "filled_sets": [
            each for name, each in wished.items() if name not in have or not have[name].issuperset(each["entries"])
        ],
        "purged_sets": [
            {**each, "purge_entries": True}
            for name, each in wished.items()
            if name in have and not have[name].issubset(each["entries"])
        ],
        "deleted_sets": [name for name in SET_NAMES if name in have],
        "chains": [each for each in state["chains"] if not _is_built_in(each)],
        "jumps": [
            {"family": each["family"], "table": each["table"], "chain": each["chain"], "rule": rule}
            for each in state["chains"]
            if _is_built_in(each)
            for rule in each["rules"]
        ],
    }


def _is_built_in(chain: Mapping[str, Any]) -> bool:
    return (chain["table"], chain["chain"]) in _BUILT_IN


def _entries(there: Any) -> Dict[str, Set[str]]:
    """The entries of each set of kube-proxy's names."""
    if isinstance(there, (str, Mapping)) or not isinstance(there, Sequence):
        raise InvalidOption("sets", there, "write the sets that linuxnet.ipvs.ipset_info returns")
    found: Dict[str, Set[str]] = {}
    for place, each in enumerate(there):
        if not isinstance(each, Mapping) or "name" not in each or "entries" not in each:
            raise InvalidOption("sets[%d]" % place, each, "a set has a name and entries, as ipset_info returns it")
        if each["name"] in SET_NAMES:
            listed = each["entries"]
            found[each["name"]] = {entry["entry"] if isinstance(entry, Mapping) else entry for entry in listed}
    return found


def _unexcluded(services: Set[str], excluded: Sequence[str]) -> Set[str]:
    """Those that kube-proxy would delete: none in the networks of ``excludeCIDRs`` (cleanLegacyService())."""
    networks = [ip_network(each) for each in excluded]
    if not networks:
        return services
    return {each for each in services if not any(ip_address(each.partition(",")[0]) in net for net in networks)}


def _services(have: Mapping[str, Set[str]], addresses: List[str]) -> Set[str]:
    return {service for family in FAMILIES for service in _of_family(family, have, addresses)}


def _of_family(family: str, have: Mapping[str, Set[str]], addresses: List[str]) -> Iterator[str]:
    for name in _NAMING:
        yield from have.get(sets.set_name(family, name), ())
    of_family = [address for address in addresses if (":" in address) == (family == "ipv6")]
    for name, protocol in _PORTS.items():
        for port in have.get(sets.set_name(family, name), ()):
            for address in of_family:
                yield "%s,%s:%s" % (address, protocol, port)
