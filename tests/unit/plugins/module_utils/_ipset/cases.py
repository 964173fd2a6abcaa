# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets and entries, as the tests of this folder make them."""

from __future__ import annotations

import ipaddress
from typing import Any, Literal

from hypothesis import strategies as st

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset import messages, requests, sets
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.codec import (
    PHYSDEV,
    encode_rest,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.options import Options
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.outcome import Outcome
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.reader import Reader
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.revisions import lowest_revision
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.sets import KernelSet
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import SET_TYPES, SetHeader
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.wishes import header_options, new_header, set_type
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import written
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.attributes import attribute, nested, text

RANGES = {"bitmap:ip": "10.0.0.0/16", "bitmap:ip,mac": "10.0.0.0/16", "bitmap:port": "0-65535"}


def header(name: str, family: str | None = None, **given_options: Any) -> SetHeader:
    """A new set 'S' of a type."""
    kind = set_type(name, family)
    if name in RANGES:
        given_options.setdefault("range", RANGES[name])
    return new_header("S", kind, header_options(kind, given_options))


def only(of: SetHeader, item: Any) -> tuple[bytes, Options]:
    """The key and the options of one entry."""
    found = Reader(of).read([item])
    assert len(found) == 1
    return next(iter(found.items()))


EVERYTHING = dict(timeout=0, counters=True, comment=True, skbinfo=True)


protocol_ports = st.one_of(
    st.builds("{}:{}".format, st.sampled_from(["tcp", "udp", "sctp", "udplite"]), st.integers(0, 65535)),
    st.sampled_from(["47:0", "132:5", "6:80"]),
)


@st.composite
def entries(draw: st.DrawFn) -> tuple[SetHeader, dict[str, Any]]:
    """A set with an entry that fits it."""
    name = draw(st.sampled_from(sorted(SET_TYPES)))
    family = draw(st.sampled_from(["inet", "inet6"])) if set_type(name, None).has_family else None
    version: Literal[4, 6] = 6 if family == "inet6" else 4
    address = st.ip_addresses(v=version).filter(int).map(str)
    prefix = st.integers(1, 32 if version == 4 else 128)
    network = st.tuples(st.ip_addresses(v=version), prefix).map(
        lambda pair: str(ipaddress.ip_network("%s/%d" % pair, strict=False))
    )
    parts = {
        "ip": st.integers(0, 65535).map(lambda n: "10.0.%d.%d" % divmod(n, 256)) if name in RANGES else address,
        "net": network,
        "port": st.integers(0, 65535).map(str) if name in RANGES else protocol_ports,
        "mac": st.binary(min_size=6, max_size=6).filter(any).map(lambda raw: ":".join("%02x" % byte for byte in raw)),
        "set": st.text("ABCdef-_09", min_size=1, max_size=31),
        "mark": st.integers(1, 2**32 - 1).map(str),
        "iface": st.text("abc09", min_size=1, max_size=15).map(
            lambda name: draw(st.sampled_from(["", "physdev:"])) + name
        ),
    }
    carried = {
        "timeout": st.integers(0, 2147483),
        "packets": st.integers(0, 2**64 - 2),
        "bytes": st.integers(0, 2**64 - 2),
        "comment": st.text("aä€ ',", min_size=1, max_size=60),
        "skbmark": st.sampled_from(["0x1", "0x1/0xff"]),
        "skbprio": st.sampled_from(["1:10", "0:ffff"]),
        "skbqueue": st.integers(0, 65535),
    }
    if "net" in name:
        carried["nomatch"] = st.just(True)
    if name == "hash:net,iface":
        carried["wildcard"] = st.just(True)
    item = draw(st.fixed_dictionaries({}, optional=carried))
    item["entry"] = ",".join(draw(parts[part]) for part in set_type(name, None).parts)
    return header(name, family, **EVERYTHING), item


def listed(of: SetHeader, key: bytes, options: Options) -> bytes:
    """An entry as the kernel lists it."""
    flags = 2 if key.endswith(PHYSDEV) else 0
    if flags:
        key = key[: -len(PHYSDEV)]
    return nested(messages.ATTR_DATA, key + encode_rest(options, flags))


def description(of: SetHeader, listing: bytes = b"") -> bytes:
    """The first message of a set's listing."""
    return (
        text(messages.ATTR_SETNAME, of.name)
        + text(messages.ATTR_TYPENAME, of.kind.name)
        + attribute(messages.ATTR_FAMILY, bytes([sets.FAMILIES[of.kind.family]]))
        + attribute(messages.ATTR_REVISION, bytes([lowest_revision(of)]))
        + nested(messages.ATTR_DATA, requests.encode_header(of))
        + nested(messages.ATTR_ADT, listing)
    )


LOOP = set_type("hash:ip,port,ip", None)


def have_set(of: SetHeader, *items: Any, references: int = 0) -> KernelSet:
    """A set in the kernel, with its entries."""
    found = Reader(of).read(items)
    return KernelSet(
        of,
        lowest_revision(of, wildcard="iface" in of.kind.parts),
        references,
        entries={k: encode_rest(o) for k, o in found.items()},
    )


def verbs(outcome: Outcome) -> list[str]:
    return [operation.verb for operation in outcome.plan.operations]


A, B, C = ("10.0.0.%d,tcp:1,10.0.0.%d" % (n, n) for n in (1, 2, 3))


HAVE = have_set(header("hash:ip,port,ip"), B, C)


def changes(outcome: Outcome) -> list[tuple[str, list[str]]]:
    return [
        (operation.verb, [written(LOOP, key, options) for key, options in operation.entries.items()])
        for operation in outcome.plan.operations
    ]
