# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What iptables-save(8) makes of rules: they are put into an empty network namespace, and read from there.

So a spelling is the very one of this host's iptables and kernel, and what either refuses is refused before anything is
changed. A set counts by its name and its family only: one is made for each that the rules ask for.
"""

from __future__ import annotations

from typing import Callable, Sequence

from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import fresh
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.chains import BUILT_IN, Have, Wish
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.iptables import Iptables
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.saved import words

#: What names a set in a rule (iptables-extensions(8): set, SET).
_SETS = ("--match-set", "--add-set", "--del-set", "--map-set")
#: What ipset(8) calls the families: ip6tables takes no set of IPv4 addresses.
_SET_FAMILIES = {"ipv4": "inet", "ipv6": "inet6"}


def sets_of(wish: Wish, family: str | None = None) -> list[str]:
    """The sets that rules ask for, of one family or of both."""
    found: dict[str, None] = {}
    for text in _texts(wish, family):
        if "-set" in text:
            listed = words(text)
            found.update({name: None for option, name in zip(listed, listed[1:]) if option in _SETS})
    return list(found)


def spelling(client: Callable[[str], Iptables], wish: Wish, part: Wish, have: Have) -> Have:
    """The rules of a part of a wish as iptables-save(8) prints them.

    Args:
        client: Gives the client of a family (``ipv4``, ``ipv6``) for the namespace in which it is called.
        wish: The whole.
        part: What is to be spelled.
        have: What the kernel has: rules may lead to chains in it.

    Raises:
        LinuxnetError: iptables(8) or the kernel refuses a rule.
        MissingRequirement: the task may not make a network namespace.
    """
    found = {}
    for family in dict.fromkeys(chain.family for chain in part.places()):
        with fresh():
            _make_sets(sets_of(part, family), family)
            iptables = client(family)
            iptables.restore(trial(wish, part, have, family), "take these rules")
            found[family] = iptables.tables()
    return found


def _make_sets(names: Sequence[str], family: str) -> None:
    """Make sets of these names in the namespace in which it is called."""
    if not names:
        return
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.client import IpSets
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import Operation
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SetHeader, SetType

    kind = SetType("hash:ip", _SET_FAMILIES[family])
    with IpSets() as sets:
        sets.apply([Operation("create", SetHeader(name, kind)) for name in names])


def trial(wish: Wish, part: Wish, have: Have, family: str) -> list[str]:
    """The lines that put a part of a wish where nothing else is, beside empty chains for those to which it leads."""
    lines: list[str] = []
    for table in BUILT_IN:
        chains = [each for each in part.chains if each.key[:2] == (family, table)]
        jumps = [each for each in part.jumps if each.key[:2] == (family, table)]
        if not chains and not jumps:
            continue
        saved = have.get(family, {}).get(table)
        mentioned = {word for each in chains for rule in each.rules or () for word in rule.split()}
        mentioned |= {word for each in jumps for word in each.rule.split()}
        declared = dict.fromkeys(
            [
                *(each.key.chain for each in wish.chains if each.key[:2] == (family, table)),
                *(name for name in (saved.rules if saved else ()) if name in mentioned),
                *(each.key.chain for each in jumps),
            ]
        )
        lines += ["*%s" % table, *(":%s - [0:0]" % name for name in declared if name not in BUILT_IN[table])]
        lines += ["-A %s %s" % (each.key.chain, rule) for each in chains for rule in each.rules or ()]
        lines += ["-A %s %s" % (each.key.chain, each.rule) for each in jumps]
        lines.append("COMMIT")
    return lines


def _texts(wish: Wish, family: str | None) -> list[str]:
    return [
        *(rule for each in wish.chains if family in (None, each.key.family) for rule in each.rules or ()),
        *(each.rule for each in wish.jumps if family in (None, each.key.family)),
    ]
