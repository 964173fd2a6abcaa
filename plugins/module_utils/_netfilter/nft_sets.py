# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of nftables for those that know ipset(8)'s: a type's name, entries in its words, and the match of a rule.

A set of ipset(8) cannot be asked for by a rule of nftables. Sources: ipset(8), nft(8) (Sets, Concatenations).
"""

from __future__ import annotations

import re
from typing import Any, List, Sequence, Tuple

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.nft import FAMILIES, Json, NftSet, OwnTable
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.nft_matches import Match

#: The types of sets, and their parts.
SET_TYPES = {"hash:ip": ("ip",), "hash:ip,port": ("ip", "port"), "hash:ip,port,ip": ("ip", "port", "ip")}
#: Protocols with ports, as a set of nftables has them (linux/in.h).
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
#: Its lexer reads a name so; the kernel keeps more (nftables/src/scanner.l: string).
_NAME = re.compile(r"[A-Za-z_.][A-Za-z0-9/_.-]*")
_ADDRESS_TYPES = {"inet": "ipv4_addr", "inet6": "ipv6_addr"}


def set_name(option: str, value: str) -> str:
    """A set's name that nft(8) takes as well as ipset(8)."""
    values.set_name(option, value)
    if not _NAME.fullmatch(value):
        raise InvalidOption(
            option,
            value,
            "in nftables a set's name begins with a letter and goes on with those, digits, '-', '_', '.', '/'",
        )
    return value


def types_of(kind: str, family: str) -> Tuple[str, ...]:
    """A set's types in nftables."""
    types: List[str] = []
    for part in SET_TYPES[kind]:
        types += [_ADDRESS_TYPES[family]] if part == "ip" else ["inet_proto", "inet_service"]
    return tuple(types)


def kind_of(found: NftSet, family: str) -> str:
    """The type's name of a set in the collection's table.

    Raises:
        Conflict: it is of none of these.
    """
    for kind in SET_TYPES:
        if types_of(kind, family) == found.types:
            return kind
    raise Conflict("set '%s' is one of %s, which the collection does not make" % (found.name, " . ".join(found.types)))


def entry(option: str, kind: str, family: str, text: str) -> Tuple[Any, ...]:
    """An entry in the words of ipset(8), such as ``10.0.0.11,tcp:8080,10.0.0.11``, as nftables has it.

    Raises:
        InvalidOption: it is none of a set of that type.
    """
    parts, wanted = text.split(","), SET_TYPES[kind]
    if len(parts) != len(wanted):
        raise InvalidOption(option, text, "an entry of %s has %d parts, with commas between" % (kind, len(wanted)))
    found: List[Any] = []
    for part, what in zip(parts, wanted):
        if what == "ip":
            address = values.address(option, part)
            if values.family_of(address) != family:
                raise InvalidOption(option, text, "the set's family is %s" % family)
            found.append(str(address))
            continue
        protocol, colon, port = part.rpartition(":")
        protocol = protocol if colon else "tcp"
        if protocol not in PROTOCOLS:
            raise InvalidOption(option, text, "write PROTOCOL:PORT, with one of %s" % ", ".join(PROTOCOLS))
        if not values.is_number(port) or not 0 <= int(port) <= 65535:
            raise InvalidOption(option, text, "a port is a number from 0 to 65535")
        found += [PROTOCOLS[protocol], int(port)]
    return tuple(found)


def written(types: Sequence[str], parts: Sequence[Any]) -> str:
    """An entry in the words of ipset(8)."""
    names = {number: name for name, number in PROTOCOLS.items()}
    words: List[str] = []
    for kind, part in zip(types, parts):
        words.append("%s:" % names.get(part, part) if kind == "inet_proto" else "%s," % part)
    return "".join(words).rstrip(",")


def canonical(found: NftSet) -> NftSet:
    """A set whose protocols are numbers, which nft(8) writes as names at times."""
    entries = frozenset(tuple(PROTOCOLS.get(part, part) for part in each) for each in found.entries)
    return NftSet(found.name, found.types, entries)


def match(name: str, kind: str, family: str, directions: Sequence[str]) -> Match:
    """The match of a set: for each part whether it is the packet's source (``src``) or destination (``dst``)."""
    ip = FAMILIES[family]
    left: List[Json] = []
    texts: List[str] = []
    for part, direction in zip(SET_TYPES[kind], directions):
        letter = direction[0]
        if part == "port":
            left += [{"meta": {"key": "l4proto"}}, {"payload": {"protocol": "th", "field": letter + "port"}}]
            texts += ["meta l4proto", "th %sport" % letter]
        else:
            left.append({"payload": {"protocol": ip, "field": letter + "addr"}})
            texts.append("%s %saddr" % (ip, letter))
    whole = left[0] if len(left) == 1 else {"concat": left}
    return Match({"match": {"op": "==", "left": whole, "right": "@" + name}}, "%s @%s" % (" . ".join(texts), name))


def set_present(table: OwnTable, wanted: NftSet, purge: bool) -> Tuple[List[Json], NftSet]:
    """The commands by which a set has its entries, and what it holds then.

    Raises:
        Conflict: there is one of that name and another type.
    """
    found = table.sets.get(wanted.name)
    if found is None:
        made: Json = {
            "set": {"name": wanted.name, "type": list(wanted.types) if len(wanted.types) > 1 else wanted.types[0]}
        }
        return [{"add": {"table": {}}}, {"add": made}, *_elements("add", wanted.name, wanted.entries)], wanted
    found = canonical(found)
    if found.types != wanted.types:
        raise Conflict(
            "set '%s' exists with the types %s, the task wants %s: delete it first, with 'state: absent'"
            % (wanted.name, " . ".join(found.types), " . ".join(wanted.types))
        )
    gone = found.entries - wanted.entries if purge else frozenset()
    commands = _elements("delete", wanted.name, gone) + _elements("add", wanted.name, wanted.entries - found.entries)
    return commands, NftSet(wanted.name, wanted.types, (found.entries - gone) | wanted.entries)


def set_absent(table: OwnTable, name: str) -> List[Json]:
    """The commands by which a set goes, and the table with it that holds nothing else."""
    if name not in table.sets:
        return []
    commands: List[Json] = [{"delete": {"set": {"name": name}}}]
    if len(table.sets) == 1 and not table.chains:
        commands.append({"delete": {"table": {}}})
    return commands


def _elements(verb: str, name: str, entries: Any) -> List[Json]:
    if not entries:
        return []
    elements = [{"concat": list(each)} if len(each) > 1 else each[0] for each in sorted(entries, key=str)]
    return [{verb: {"element": {"name": name, "elem": elements}}}]
