# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The masquerade rule: from a task's options to its words, and what of them makes no sense, whatever the back end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.options import comment, matched_device

if TYPE_CHECKING:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SetHeader

#: IPSET_DIM_MAX in linux/netfilter/ipset/ip_set.h is 6: what iptables(8) takes as flags of one match.
DIMENSIONS_MAX = 6


class Outcome(NamedTuple):
    """The rule as its own tool writes it, and what is to be done for it."""

    shown: str
    operations: Tuple[Any, ...]


def rule_family(options: Mapping[str, Any]) -> str:
    """``inet`` or ``inet6``: as said, or as the source network is, or ``inet``."""
    said: str | None = options["family"]
    if options["source"] is None:
        return said or "inet"
    source = values.network("source", options["source"])
    family = values.family_of(source)
    if said not in (None, family):
        raise InvalidOption("source", str(source), "the rule's family is %s, and this is %s" % (said, family))
    return family


def refuse_other_sets(options: Mapping[str, Any], header: SetHeader) -> None:
    """Refuse a set that no packet can match by this rule; the kernel takes such a rule and never uses it.

    That is ip_set_test() in net/netfilter/ipset/ip_set_core.c: fewer directions than parts, or another family. More
    directions are none too many. A list:set has one part and no family; whether its members have is asked of each
    packet, and those with more parts are skipped (ipset(8)).

    Raises:
        InvalidOption: the set's type, or its family, does not go with the rule.
    """
    family, kind = rule_family(options), header.kind
    directions = options["match_set"]["directions"]
    if len(directions) < len(kind.parts):
        raise too_few(directions, header.name, kind.name, len(kind.parts))
    if kind.family not in (family, "unspec"):
        raise InvalidOption(
            "family", family, "set '%s' is of family %s, so no packet matches" % (header.name, kind.family)
        )


def too_few(directions: Sequence[str], name: str, kind: str, parts: int) -> InvalidOption:
    """What refuses a set with more parts than the rule has directions."""
    return InvalidOption(
        "match_set.directions",
        ",".join(directions),
        "set '%s' is of type %s, so write 'src' or 'dst' for each of its %d parts: with fewer no packet matches"
        % (name, kind, parts),
    )


def rule(options: Mapping[str, Any]) -> list[str]:
    """The rule's words for iptables(8), behind the chain's name.

    Raises:
        InvalidOption: an option is not valid, or there is nothing by which the rule would choose its packets.
    """
    source = None if options["source"] is None else values.network("source", options["source"])
    everything = source is None or source.prefixlen == 0
    if everything and options["match_set"] is None and options["out_interface"] is None:
        raise InvalidOption(
            "source",
            options["source"],
            "a rule for all packets is refused: set 'source', 'match_set' or 'out_interface'",
        )
    found: list[str] = []
    if source is not None and not everything:
        found += ["-s", str(source)]
    if options["out_interface"] is not None:
        found += ["-o", matched_device("out_interface", options["out_interface"])]
    match = options["match_set"]
    if match is not None:
        directions = match["directions"]
        if not 1 <= len(directions) <= DIMENSIONS_MAX:
            raise InvalidOption(
                "match_set.directions",
                directions,
                "write 'src' or 'dst' for each part of the set's entries, 1 to %d" % DIMENSIONS_MAX,
            )
        name = values.set_name("match_set.name", match["name"])
        if any(letter.isspace() for letter in name):
            remedy = "iptables-save writes it without quotes, so that no rule set could be restored: rename the set"
            raise InvalidOption("match_set.name", name, remedy)
        found += ["-m", "set", "--match-set", name, ",".join(directions)]
    if options["comment"] is not None:
        found += ["-m", "comment", "--comment", comment("comment", options["comment"])]
    return [*found, "-j", "MASQUERADE"]
