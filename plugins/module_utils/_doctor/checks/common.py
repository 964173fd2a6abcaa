# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several checks ask of a node."""

from __future__ import annotations

from functools import wraps
from typing import Any, Callable, Iterable, Sequence, TypeVar

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.values import Address
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import (
    LeftOpen,
    NodeFacts,
    NotApplicable,
    Row,
    Rules,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import SCHEDULER_FLAGS, RealServer, ServiceKey
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.simulation import (
    UNKNOWN,
    Packet,
    Rule,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.traversal import Decision

#: The flags of TCP's first packet, and of the answer to it.
SYN, SYN_ACK = frozenset(["SYN"]), frozenset(["SYN", "ACK"])
_NO_MASQUERADING = "no service with forwarding method masquerading"
_UNREAD = "the rules of iptables could not be read"
_TUNNEL_KINDS = ("ipip", "ip6tnl", "sit", "gre", "ip6gre", "gretap")


Answer = TypeVar("Answer")


def once(work: Callable[..., Answer]) -> Callable[..., Answer]:
    """Have a question to a node's facts worked out once for each of its arguments, however many checks ask it."""

    @wraps(work)
    def known(facts: NodeFacts, *asked: Any) -> Answer:
        key = (work.__name__, *asked)
        if key not in facts.worked_out:
            facts.worked_out[key] = work(facts, *asked)
        answer: Answer = facts.worked_out[key]
        return answer

    return known


@once
def nat_rules(facts: NodeFacts, family: str) -> tuple[Rule, ...]:
    return facts.rules.get(family, Rules()).of_iptables("nat", "POSTROUTING")


def masqueraded(facts: NodeFacts) -> Sequence[tuple[Row, RealServer]]:
    found = facts.servers("masquerading")
    if not found:
        raise NotApplicable(_NO_MASQUERADING)
    return found


def say_what_is_left(
    facts: NodeFacts, families: Iterable[str], reason: Callable[[Rules], str], doubtful: Iterable[Decision] = ()
) -> None:
    """The end of a check of rules: why it does not know those of some families as a whole, and which are in doubt."""
    unread = Rules(None, _UNREAD, _UNREAD)
    told = [reason(facts.rules.get(family, unread)) for family in sorted(set(families))]
    rules = [each.rule for each in doubtful if each.kind == UNKNOWN and each.rule]
    if rules:
        told.append("a rule asks for more than is known of the packets: %s" % some(rules))
    if any(told):
        raise LeftOpen("; ".join(dict.fromkeys(filter(None, told))))


def sent_to(facts: NodeFacts, key: ServiceKey, server: RealServer, state: str | None = None) -> Packet:
    """The first packet of a connection as IPVS sends it on to a real server; nothing is known of the client."""
    return Packet(
        destination=server.address,
        destination_port=server.port or None,
        out_device=device_towards(facts, server),
        protocol=key.protocol,
        flags=SYN,
        state=state,
    )


def device_towards(facts: NodeFacts, server: RealServer) -> str | None:
    way = facts.next_hop_of.get(server.packed)
    return way.device if way else None


def devices_with(facts: NodeFacts, address: Address) -> list[str]:
    return [link.name for link in facts.links_with(address)]


def decapsulating(facts: NodeFacts, address: Address) -> bool:
    return any(link.kind in _TUNNEL_KINDS for link in facts.links_with(address))


def some(names: list[str]) -> str:
    """A few names, and how many more there are."""
    unique = list(dict.fromkeys(names))
    return ", ".join(unique[:3]) + (" and %d more" % (len(unique) - 3) if len(unique) > 3 else "")


SYSCTL = "ipvs-sysctl.rst"
IP_SYSCTL = "ip-sysctl.rst"


#: Schedulers that give each client a real server by a hash, and the flag that has them pass by one of weight 0.
HASHING = {"sh": "sh-fallback", "mh": "mh-fallback", "dh": ""}


def keeps_slots(row: Row) -> str:
    """Why a real server of weight 0 keeps its clients, which are refused then; empty where it does not."""
    flag = HASHING.get(row.service.scheduler)
    if flag is None or (flag and row.service.scheduler_flags & SCHEDULER_FLAGS[flag]):
        return ""
    return "scheduler %s%s" % (row.service.scheduler, " without %s" % flag if flag else "")


def links_near(facts: NodeFacts, address: Address) -> list[str]:
    """The devices in whose network an address lies that they do not have: neighbours there ask for it on the link."""
    own = devices_with(facts, address)
    links = (link for each, link in facts.neighbouring if address in each.network and address != each.ip)
    near = (link.name for link in links if link.up and link.kind != "dummy" and link.name not in ("lo", *own))
    return list(dict.fromkeys(near))
