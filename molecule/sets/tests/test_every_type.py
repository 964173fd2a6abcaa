# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generated sets of every type, with every option: the modules and ipset(8) make the same of the same words."""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from kernel_sets import TYPES, Sets
from node import Failed

#: For each of 16 types. SETS_CASES=40 makes more of them, which takes long on an emulated node.
CASES = int(os.environ.get("SETS_CASES", "8"))
#: The same cases in each run: a scenario that fails now and then helps nobody. They are small, so none is made smaller.
OPTIONS = settings(
    max_examples=CASES,
    phases=[Phase.explicit, Phase.generate],
    database=None,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
KNOWN = ("one", "two", "three")


def addresses(version: int) -> st.SearchStrategy[str]:
    """Addresses that often meet."""
    if version == 4:
        return st.builds("10.0.{}.{}".format, st.integers(0, 3), st.integers(1, 250))
    return st.one_of(st.builds("fd00::{:x}".format, st.integers(1, 99)), st.ip_addresses(v=6).filter(int).map(str))


def ranges(version: int) -> st.SearchStrategy[str]:
    """One address or several, as a range or a network."""
    if version == 6:
        return addresses(6)
    return st.one_of(
        addresses(4),
        st.builds("10.0.{0}.{1}-10.0.{0}.{2}".format, st.integers(0, 3), st.integers(1, 20), st.integers(10, 40)),
        st.builds("10.0.{}.{}/30".format, st.integers(0, 3), st.integers(1, 60).map(lambda n: 4 * n)),
    )


@st.composite
def networks(draw: Any, version: int) -> str:
    """A network, or in IPv4 a range."""
    if version == 4 and draw(st.booleans()):
        return str(draw(ranges(4)))
    length = draw(st.integers(8, 32 if version == 4 else 128))
    return str(ipaddress.ip_network("%s/%d" % (draw(addresses(version)), length), strict=False))


def ports(version: int) -> st.SearchStrategy[str]:
    """A protocol with what it has for a port."""
    protocol = st.sampled_from(["", "tcp:", "udp:", "sctp:", "udplite:", "6:", "UDP:"])
    port = st.integers(0, 65535).map(str)
    several = st.builds(lambda low, more: "%d-%d" % (low, low + more), st.integers(0, 65000), st.integers(0, 5))
    icmp = "icmp" if version == 4 else "icmpv6"
    return st.one_of(
        st.builds("{}{}".format, protocol, st.one_of(port, several)),
        st.sampled_from(
            ["domain", "udp:domain", "47:0", "gre:0", "ospf:0", "vrrp:0", "%s:echo-request" % icmp, "%s:ping" % icmp]
        ),
        st.builds("{}:{}/{}".format, st.just(icmp), st.integers(0, 255), st.integers(0, 255)),
    )


macs = st.binary(min_size=6, max_size=6).filter(any).map(lambda raw: ":".join("%02x" % byte for byte in raw))
devices = st.one_of(st.sampled_from(["eth0", "physdev:eth0", "lo"]), st.text("abc09._-", min_size=3, max_size=15))


@st.composite
def created(draw: Any, kind: str, masks: bool) -> dict[str, Any]:
    """The options of a set."""
    options: dict[str, Any] = {}
    for name in ("counters", "comment", "skbinfo"):
        if draw(st.booleans()):
            options[name] = True
    if draw(st.booleans()):
        options["timeout"] = draw(st.sampled_from([0, 1000, 2147483]))
    method = kind.partition(":")[0]
    version = 4
    if method == "hash":
        if kind != "hash:mac":
            version = draw(st.sampled_from([4, 6]))
            options["family"] = "inet" if version == 4 else "inet6"
        options.update(
            draw(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "hashsize": st.sampled_from([1, 64, 100, 4096]),
                        "maxelem": st.sampled_from([1000, 65536, 10**6]),
                        "bucketsize": st.sampled_from([2, 8, 12]),
                        "initval": st.integers(0, 2**32 - 1),
                        "forceadd": st.just(True),
                    },
                )
            )
        )
    full = 32 if version == 4 else 128
    if kind == "hash:ip" or (masks and kind in ("hash:ip,port", "hash:net,net")):
        mask = draw(st.sampled_from(["", "netmask", "bitmask"] if masks else ["", "netmask"]))
        if mask == "netmask":
            options["netmask"] = draw(st.integers(12, full))
        if mask == "bitmask":
            options["bitmask"] = "255.255.3.252" if version == 4 else "ffff:ffff::ff:ff0f"
    if kind == "hash:ip,mark" and draw(st.booleans()):
        options["markmask"] = draw(st.sampled_from([1, 0xFF00, 2**32 - 1]))
    if method == "bitmap":
        options["range"] = (
            "0-65535" if kind == "bitmap:port" else draw(st.sampled_from(["10.0.0.0/16", "10.0.0.0-10.0.3.255"]))
        )
        if kind == "bitmap:ip" and draw(st.booleans()):
            options["netmask"] = draw(st.integers(24, 32))
    if kind == "list:set" and draw(st.booleans()):
        options["size"] = draw(st.integers(4, 64))
    return options


@st.composite
def entry(draw: Any, kind: str, options: dict[str, Any]) -> str:
    """An entry with options, as ipset(8) takes it."""
    version = 6 if options.get("family") == "inet6" else 4
    # Of ranges the kernel forgets to cut the addresses to a bitmask, so that no packet would ever match them.
    masked = "bitmask" in options or ("netmask" in options and kind in ("hash:ip,port", "hash:net,net"))
    words = []
    for place, part in enumerate(kind.partition(":")[2].split(",")):
        if part == "ip":
            several = place == 0 and "mac" not in kind and not masked
            words.append(draw(ranges(version) if several else addresses(version)))
        elif part == "net":
            words.append(draw(networks(version).filter(lambda word: "-" not in word or not masked)))
        elif kind == "bitmap:port":
            words.append(draw(st.one_of(st.integers(0, 65535).map(str), st.sampled_from(["20-25", "udp:53"]))))
        else:
            words.append(
                draw(
                    dict(
                        port=ports(version),
                        mac=macs,
                        iface=devices,
                        mark=st.integers(1, 2**32 - 1).map(str),
                        set=st.sampled_from(KNOWN),
                    )[part]
                )
            )
    if kind == "bitmap:ip,mac" and draw(st.booleans()):
        words.pop()
    carried: list[str] = []
    if options.get("timeout") is not None and draw(st.booleans()):
        carried += ["timeout", draw(st.sampled_from(["0", "500", "2147483"]))]
    if options.get("counters") and draw(st.booleans()):
        carried += ["packets", str(draw(st.integers(0, 2**63))), "bytes", str(draw(st.integers(0, 2**63)))]
    if options.get("comment") and draw(st.booleans()):
        carried += ["comment", '"%s"' % draw(st.text("ab c\\/'-ä€\t\u00a0", min_size=1, max_size=80))]
    if options.get("skbinfo") and draw(st.booleans()):
        carried += ["skbmark", draw(st.sampled_from(["0x1", "0x1111/0xff00ffff", "0x0/0xff"]))]
        carried += ["skbprio", draw(st.sampled_from(["1:10", "ffff:ffff", "0:1"]))]
        carried += ["skbqueue", str(draw(st.integers(1, 65535)))]
    if "net" in kind and draw(st.booleans()):
        carried.append("nomatch")
    return " ".join([",".join(words), *carried])


def restorable(name: str, kind: str, options: dict[str, Any], entries: list[str]) -> str:
    """The words of ipset(8) for a set."""
    words = ["create", name, kind]
    for option, value in options.items():
        words += (
            [option] if value is True else [option, hex(value) if option in ("initval", "markmask") else str(value)]
        )
    return "\n".join([" ".join(words), *(f"add {name} {each}" for each in entries), ""])


def still(lines: list[str]) -> list[str]:
    """A saved set, with timeouts only as running or not, and without the hash's size, which its seed may enlarge."""
    return [re.sub(r" timeout [1-9]\d*", " timeout N", re.sub(r" hashsize \d+", "", line)) for line in lines]


def uncounted(lines: list[str]) -> list[str]:
    """A saved set without what its entries have counted, which is no difference in one that is there."""
    return [re.sub(r" (packets|bytes) \d+", "", line) for line in lines]


@pytest.mark.parametrize("kind", TYPES)
def test_same_as_ipset(sets: Sets, types: list[str], masks: bool, kind: str) -> None:
    if kind not in types:
        pytest.skip("this kernel has no such type")

    @OPTIONS
    @given(st.data())
    def same(data: st.DataObject) -> None:
        sets.clear()
        sets.ipset("restore", stdin="".join(f"create {name} hash:ip\n" for name in KNOWN))
        options = data.draw(created(kind, masks))
        entries = data.draw(st.lists(entry(kind, options), max_size=8))
        # A MAC address may come later than its address, and then the options are those of both.
        if kind == "bitmap:ip,mac":
            known = [re.split("[ ,]", each)[0] for each in entries]
            assume(len(set(known)) == len(known))
        try:
            sets.ipset("restore", stdin=restorable("theirs", kind, options, entries))
        except Failed as exc:
            # Which options count of an entry that is said twice is not what is asked here.
            assume("already added" not in str(exc))
            raise
        theirs = sets.saved("theirs")
        # Ours, and again
        task = dict(name="ours", type=kind, **options, entries=entries, purge_entries=True)
        result = sets.module("ipset", **task)
        assert result["changed"]
        ours = sets.saved("ours")
        assert still([line.replace(" ours ", " theirs ", 1) for line in ours]) == still(theirs)
        assert not sets.module("ipset", **task)["changed"]
        # What is read is what is there, and makes the same
        found = {each["name"]: each for each in sets.run("ipset_info")["sets"]}
        assert not sets.module("ipset", **found["theirs"], purge_entries=True)["changed"]
        copy = {**found["theirs"], "name": "copy"}
        sets.module("ipset", **copy)
        assert still([line.replace(" copy ", " theirs ", 1) for line in sets.saved("copy")]) == still(theirs)
        # In one moment: to nothing else, and back
        sets.run("ipset", **{**task, "entries": []}, atomic=True)
        assert sets.saved("ours")[1:] == []
        sets.run("ipset", **task, atomic=True)
        assert still(sets.saved("ours")[1:]) == still(ours[1:])
        # Whatever becomes of a set, what was read before brings it back
        sets.ipset("flush", "theirs")
        other = data.draw(created(kind, masks))
        others = data.draw(st.lists(entry(kind, other), max_size=4))
        try:
            sets.module("ipset", name="theirs", type=kind, **other, entries=others, recreate=True)
        except Failed as exc:
            # Which addresses a mask leaves nothing of is not what is asked here.
            assume("all zeros" not in str(exc))
            raise
        back = dict(found["theirs"], purge_entries=True, recreate=True, refresh_timeouts=True)
        sets.run("ipset", **back)
        assert uncounted(still(sets.saved("theirs"))) == uncounted(still(theirs))
        # Each entry goes by its own name
        sets.module("ipset_entry", name="ours", entries=entries, state="absent")
        assert sets.saved("ours")[1:] == []

    same()
