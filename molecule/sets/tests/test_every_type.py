# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generated sets of every type, with every option: the modules and ipset(8) make the same of the same words."""

from __future__ import annotations

import ipaddress
import os
import re
from itertools import cycle
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from kernel_sets import TYPES, Sets
from node import Failed

#: For each of 16 types. SETS_CASES=100 makes more of them, which takes long on an emulated node.
CASES = int(os.environ.get("SETS_CASES", "16"))
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
        carried += ["comment", '"%s"' % draw(st.text("ab c\\/'-ä€\t\v\x7f\x85\u00a0\u2028", min_size=1, max_size=80))]
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
    """A saved set, with timeouts only as running or not, and without the hash's size, which its seed may enlarge.

    Nor with the usual size of buckets, which the kernel tells in its newest revision only.
    """
    lines = [re.sub(r" hashsize \d+| bucketsize 12\b", "", line) for line in lines]
    return [re.sub(r" timeout [1-9]\d*", " timeout N", line) for line in lines]


def uncounted(lines: list[str]) -> list[str]:
    """A saved set without what its entries have counted, which is no difference in one that is there."""
    return [re.sub(r" (packets|bytes) \d+", "", line) for line in lines]


class Case(NamedTuple):
    """A set with its entries, and what it becomes meanwhile."""

    options: dict[str, Any]
    entries: list[str]
    other: dict[str, Any]
    others: list[str]


@st.composite
def cases(draw: Any, kind: str, masks: bool) -> Case:
    """A generated case."""
    options, other = draw(created(kind, masks)), draw(created(kind, masks))
    entries = draw(st.lists(entry(kind, options), max_size=8))
    # A MAC address may come later than its address, and then the options are those of both.
    if kind == "bitmap:ip,mac":
        known = [re.split("[ ,]", each)[0] for each in entries]
        assume(len(set(known)) == len(known))
    return Case(options, entries, other, draw(st.lists(entry(kind, other), max_size=4)))


def compare(sets: Sets, kind: str, case: Case) -> None:
    """Have the case's set made by ipset(8) and by the modules, and brought back from what the modules read of it."""
    options, entries, other, others = case
    known = "".join(f"create {name} hash:ip\n" for name in KNOWN)
    sets.ipset("restore", stdin="flush\ndestroy\n" + known + restorable("theirs", kind, options, entries))
    # Ours, and again
    task = dict(name="ours", type=kind, **options, entries=entries, purge_entries=True)
    assert sets.module("ipset", **task)["changed"]
    assert not sets.run("ipset", **task)["changed"]
    saved = sets.all_saved()
    ours, theirs = saved["ours"], saved["theirs"]
    assert still([line.replace(" ours ", " theirs ", 1) for line in ours]) == still(theirs)
    # What is read is what is there, and makes the same
    found = {each["name"]: each for each in sets.run("ipset_info")["sets"]}
    assert not sets.run("ipset", **found["theirs"], purge_entries=True)["changed"]
    sets.run("ipset", **{**found["theirs"], "name": "copy"})
    # In one moment: to nothing else, and back
    sets.run("ipset", **{**task, "entries": []}, atomic=True)
    saved = sets.all_saved()
    assert still([line.replace(" copy ", " theirs ", 1) for line in saved["copy"]]) == still(theirs)
    assert saved["ours"][1:] == []
    sets.run("ipset", **task, atomic=True)
    # Whatever becomes of a set, what was read before brings it back
    sets.run("ipset_entry", name="theirs", entries=[], purge=True)
    sets.module("ipset", name="theirs", type=kind, **other, entries=others, recreate=True)
    sets.run("ipset", **found["theirs"], purge_entries=True, recreate=True, refresh_timeouts=True)
    saved = sets.all_saved()
    assert uncounted(still(saved["theirs"])) == uncounted(still(theirs))
    assert still(saved["ours"][1:]) == still(ours[1:])
    # Each entry goes by its own name
    sets.module("ipset_entry", name="ours", entries=entries, state="absent")
    assert sets.saved("ours")[1:] == []


def refused(exc: Failed) -> bool:
    """Whether a generated case asks what is not asked here."""
    # Which options count of an entry that is said twice, and which addresses a mask leaves nothing of: in ipset's words
    # (the second time of hash:ip,port, since Linux 6.2) and in ours.
    told = ("already added", "Null-valued element", "Kernel error received: Invalid argument", "all zeros")
    return any(words in str(exc) for words in told)


@pytest.mark.parametrize("kind", TYPES)
def test_same_as_ipset(sets: Sets, types: list[str], masks: bool, kind: str) -> None:
    if kind not in types:
        pytest.skip("this kernel has no such type")

    @OPTIONS
    @given(cases(kind, masks))
    def same(case: Case) -> None:
        try:
            compare(sets, kind, case)
        except Failed as exc:
            assume(not refused(exc))
            raise

    same()


#: What is seldom drawn: all options at once, and the ends of what may be said.
ALL = dict(counters=True, comment=True, skbinfo=True)
HASH = dict(ALL, timeout=2147483, hashsize=64, maxelem=2**32 - 1, bucketsize=2, initval=0, forceadd=True)
SIX = dict(HASH, family="inet6")
NONE = "packets 0 bytes 0 skbmark 0x0/0x0 skbprio 0:0 skbqueue 0"
MOST = (
    f'timeout 0 packets {2**64 - 2} bytes {2**64 - 2} comment "{"x" * 255}"'
    " skbmark 0xffffffff/0xffffffff skbprio ffff:ffff skbqueue 65535"
)
PORTS = ["tcp:0", "sctp:65535", "udplite:1-3", "255:0"]
RARE: list[tuple[str, dict[str, Any], list[str]]] = [
    ("bitmap:ip", dict(ALL, timeout=0, range="0.0.0.0-255.255.255.255", netmask=16), ["0.0.0.0", "255.255.0.0"]),
    ("bitmap:ip", dict(ALL, timeout=1, range="10.0.0.0/16"), ["10.0.0.0", "10.0.255.255"]),
    ("bitmap:ip,mac", dict(ALL, timeout=0, range="10.0.0.7-10.0.0.9"), ["10.0.0.7", "10.0.0.9,ff:ff:ff:ff:ff:ff"]),
    ("bitmap:port", dict(ALL, timeout=1, range="0-65535"), ["0", "65535"]),
    ("hash:ip", dict(HASH, netmask=1), ["128.0.0.0"]),
    ("hash:ip", dict(SIX, netmask=127), ["::2", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]),
    ("hash:ip", dict(SIX, bitmask="::1"), ["::1"]),
    ("hash:ip,mac", SIX, ["::,00:00:00:00:00:01", "::ffff:10.0.0.1,ff:ff:ff:ff:ff:ff"]),
    ("hash:ip,mark", dict(HASH, markmask=2**31), ["0.0.0.0,0x80000000", "255.255.255.255,0xffffffff"]),
    ("hash:ip,mark", SIX, ["::,1", "::1,0"]),
    ("hash:ip,port", dict(HASH, netmask=8), [f"10.0.0.0,{port}" for port in PORTS]),
    ("hash:ip,port", dict(SIX, bitmask="ffff::"), ["fd00::,icmpv6:255/255"]),
    ("hash:ip,port", HASH, [f"0.0.0.1-0.0.0.3,{port}" for port in PORTS] + ["10.0.0.1,icmp:255/255"]),
    ("hash:ip,port,ip", SIX, [f"::,{port},::" for port in PORTS]),
    ("hash:ip,port,net", HASH, [f"0.0.0.0,{port},128.0.0.0/1" for port in PORTS]),
    ("hash:ip,port,net", SIX, [f"::,{port},8000::/1" for port in PORTS]),
    ("hash:mac", HASH, ["00:00:00:00:00:01", "ff:ff:ff:ff:ff:ff"]),
    ("hash:net", HASH, ["0.0.0.0-127.255.255.255", "255.255.255.255/32"]),
    ("hash:net", SIX, ["8000::/1", "::/127", "::"]),
    ("hash:net,iface", HASH, ["0.0.0.0/0,eth0 nomatch", "0.0.0.0/0,eth1", "0.0.0.0/0,physdev:eth0"]),
    ("hash:net,iface", SIX, ["::/0,fifteen-letters", "fd00::1,physdev:a wildcard nomatch", "fd00::/8,b wildcard"]),
    ("hash:net,net", dict(HASH, netmask=9), ["10.0.0.0/8,128.0.0.0/1", "10.128.0.0/9,10.0.0.1"]),
    ("hash:net,net", SIX, ["::/1,8000::/1", "::/1,::1 nomatch"]),
    ("hash:net,port", HASH, [f"0.0.0.0-127.255.255.255,{port}" for port in PORTS]),
    ("hash:net,port", SIX, [f"8000::/1,{port} nomatch" for port in PORTS]),
    ("hash:net,port,net", HASH, [f"0.0.0.0/0,{port},10.0.0.0/30" for port in PORTS]),
    ("hash:net,port,net", SIX, [f"::/0,{port},::/0 nomatch" for port in PORTS]),
    ("list:set", dict(ALL, timeout=0, size=4), ["three", "one before three", "two after one"]),
]


@pytest.mark.parametrize(("kind", "options", "entries"), RARE)
def test_what_is_rare(
    sets: Sets, types: list[str], masks: bool, kind: str, options: dict[str, Any], entries: list[str]
) -> None:
    if kind not in types:
        pytest.skip("this kernel has no such type")
    if not masks and ("bitmask" in options or ("netmask" in options and kind in ("hash:ip,port", "hash:net,net"))):
        pytest.skip("this kernel's sets of the type have no masks")
    carrying = [f"{each} {carried}" for each, carried in zip(entries, cycle([MOST, NONE]), strict=False)]
    bare = {name: value for name, value in options.items() if name in ("family", "range", "netmask")}
    compare(sets, kind, Case(options, carrying, bare, entries))
