# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task's words for an entry mean."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.reader import Reader
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.writer import written
from ansible_collections.linuxnet.ipvs.tests.unit.plugins.module_utils._ipset.cases import (
    EVERYTHING,
    header,
    only,
)


@pytest.mark.parametrize(
    ("name", "family", "item", "canonical"),
    [
        ("hash:ip,port,ip", "inet", "10.0.0.11,8080,10.0.0.11", "10.0.0.11,tcp:8080,10.0.0.11"),
        ("hash:ip,port,ip", "inet", "10.0.0.11,TCP:8080,10.0.0.11", "10.0.0.11,tcp:8080,10.0.0.11"),
        ("hash:ip,port", "inet", "10.0.0.11,6:80", "10.0.0.11,tcp:80"),
        ("hash:ip,port", "inet", "10.0.0.11,icmp:8/0", "10.0.0.11,icmp:8/0"),
        ("hash:ip,port", "inet", "10.0.0.11,icmp:echo-request", "10.0.0.11,icmp:8/0"),
        ("hash:ip,port", "inet6", "fd00::1,icmpv6:ping", "fd00::1,icmpv6:128/0"),
        ("hash:ip", "inet6", "FD00:0:0::1", "fd00::1"),
        ("hash:net", "inet", "10.0.0.1", "10.0.0.1"),
        ("hash:net", "inet", "10.0.0.1/32", "10.0.0.1"),
        ("hash:net", "inet", "10.0.0.0/24", "10.0.0.0/24"),
        ("hash:net,net", "inet", "128.0.0.0/1,10.0.0.0/8", "128.0.0.0/1,10.0.0.0/8"),
        ("hash:net,iface", "inet6", "::/0,physdev:eth0", "::/0,physdev:eth0"),
        ("hash:mac", None, "aa:bb:cc:dd:ee:ff", "AA:BB:CC:DD:EE:FF"),
        ("hash:ip,mark", "inet", "10.0.0.1,0x63", "10.0.0.1,0x00000063"),
        ("bitmap:port", None, 80, "80"),
        ("bitmap:port", None, "udp:53", "53"),
        ("bitmap:ip,mac", None, "10.0.0.1", "10.0.0.1"),
        (
            "bitmap:ip,mac",
            None,
            "10.0.0.1,2:0:0:0:0:0".replace("2:0:0:0:0:0", "02:00:00:00:00:0a"),
            "10.0.0.1,02:00:00:00:00:0A",
        ),
        ("hash:ip", "inet", '10.0.0.1 comment "a  b" timeout 5', '10.0.0.1 timeout 5 comment "a  b"'),
        ("hash:ip", "inet", dict(entry="10.0.0.1", skbmark=1, skbqueue="7"), "10.0.0.1 skbmark 0x1 skbqueue 7"),
        ("hash:net", "inet", dict(entry="10.0.0.1", nomatch=True, timeout=0), "10.0.0.1 timeout 0 nomatch"),
        ("hash:net", "inet", dict(entry="10.0.0.1", nomatch=False, timeout=None), "10.0.0.1"),
        ("list:set", None, "A before B", "A before B"),
    ],
)
def test_spellings(name, family, item, canonical):
    of = header(name, family, **EVERYTHING)
    assert written(of.kind, *only(of, item)) == canonical


@pytest.mark.parametrize(
    ("name", "item", "canonical"),
    [
        ("hash:ip", "10.0.0.1-10.0.0.3", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ("hash:ip", "10.0.0.0/30", ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ("hash:net", "10.0.0.1-10.0.0.4", ["10.0.0.1", "10.0.0.2/31", "10.0.0.4"]),
        ("hash:net", "0.0.0.0-255.255.255.254", ["0.0.0.0/1"]),
        ("hash:ip,port", "10.0.0.0/31,tcp:1-2", [
            "10.0.0.0,tcp:1", "10.0.0.0,tcp:2", "10.0.0.1,tcp:1", "10.0.0.1,tcp:2",
        ]),
        ("bitmap:port", "22-20", ["20", "21", "22"]),
    ],
)  # fmt: skip
def test_ranges(name, item, canonical):
    of = header(name)
    found = sorted((written(of.kind, key) for key in Reader(of).read([item])), key=lambda text: (len(text), text))
    assert sorted(found[: len(canonical)]) == canonical


@pytest.mark.parametrize(
    ("name", "given_options", "item", "canonical"),
    [
        ("hash:ip", dict(netmask=24), "10.0.0.77", ["10.0.0.0"]),
        ("hash:ip", dict(netmask=24), "10.0.0.200-10.0.2.1", ["10.0.0.0", "10.0.1.0", "10.0.2.0"]),
        ("hash:ip", dict(bitmask="255.0.255.0"), "10.7.1.9", ["10.0.1.0"]),
        ("hash:net,net", dict(netmask=16), "10.1.2.0/24,10.9.9.9", ["10.1.0.0/24,10.9.0.0"]),
        ("hash:ip,mark", dict(markmask=0xFF), "10.0.0.1,0x1234", ["10.0.0.1,0x00000034"]),
        ("bitmap:ip", dict(netmask=28), "10.0.0.17-10.0.0.40", ["10.0.0.16", "10.0.0.32"]),
    ],
)
def test_what_a_set_lays_over_its_entries(name, given_options, item, canonical):
    of = header(name, **given_options)
    assert [written(of.kind, key) for key in Reader(of).read([item])] == canonical


@pytest.mark.parametrize(
    ("name", "family", "item", "told"),
    [
        ("hash:ip,port,ip", "inet", "10.0.0.11", "3 parts, not 1"),
        ("hash:ip", "inet", "10.0.0.1,tcp:1", "1 parts, not 2"),
        ("hash:ip", "inet", "fd00::1", "the set is inet"),
        ("hash:ip", "inet6", "10.0.0.1", "the set is inet6"),
        ("hash:ip", "inet6", "fd00::/64", "ranges for IPv4 only"),
        ("hash:ip", "inet6", "fd00::1-fd00::2", "ranges for IPv4 only"),
        ("hash:ip", "inet", "0.0.0.0", "all zeros"),
        ("hash:ip", "inet", "10.0.0.0/8", "more entries than the set may hold"),
        ("hash:ip", "inet", "10.0.0.1/30", "host bits"),
        ("hash:ip", "inet", "010.0.0.1", "is not valid"),
        ("hash:ip,port,ip", "inet", "10.0.0.1,1,10.0.0.0/30", "one address is wanted"),
        ("hash:ip,mac", "inet", "10.0.0.0/30,02:00:00:00:00:01", "one address is wanted"),
        ("hash:net", "inet", "10.0.0.1/24", "host bits"),
        ("hash:net", "inet", "10.0.0.1/33", "from 0 to 32"),
        ("hash:net", "inet", "10.0.0.1/255.0.0.0", "from 0 to 32"),
        ("hash:net", "inet", "0.0.0.0/0", "no prefix of length 0"),
        ("hash:net,net", "inet6", "::1,::/0", "no prefix of length 0"),
        ("hash:ip,port", "inet", "10.0.0.1,tcp:70000", "a port from 0 to 65535"),
        ("hash:ip,port", "inet", "10.0.0.1,tcp:no-such-service", "a port from 0 to 65535"),
        ("hash:ip,port", "inet", "10.0.0.1,tcp:-5", "a port from 0 to 65535"),
        ("hash:ip,port", "inet", "10.0.0.1,foo:1", "write PROTOCOL:PORT"),
        ("hash:ip,port", "inet", "10.0.0.1,256:0", "write PROTOCOL:PORT"),
        ("hash:ip,port", "inet", "10.0.0.1,0:0", "write PROTOCOL:PORT"),
        ("hash:ip,port", "inet", "10.0.0.1,47:1", "has no ports"),
        ("hash:ip,port", "inet", "10.0.0.1,icmp:300/0", "TYPE/CODE"),
        ("hash:ip,port", "inet", "10.0.0.1,icmp:no-such-type", "TYPE/CODE"),
        ("hash:ip,port", "inet", "10.0.0.1,icmpv6:128/0", "other family"),
        ("hash:ip,port", "inet", "10.0.0.0/24,1-65535", "stands for"),
        ("hash:mac", None, "00:00:00:00:00:00", "all zeros"),
        ("hash:mac", None, "aa:bb", "MAC address"),
        ("hash:ip,mark", "inet", "10.0.0.1,0x100000000", "from 0 to 4294967295"),
        ("hash:net,iface", "inet", "10.0.0.0/8,sixteen-letters-", "a device name"),
        ("hash:net,iface", "inet", "10.0.0.0/8,bridge:eth0", "physdev"),
        ("list:set", None, "A,B", "1 parts, not 2"),
        ("list:set", None, "A before B,C", "at which ipset would cut it"),
        ("list:set", None, "A" * 32, "1 to 31 bytes"),
        ("list:set", None, "a\ud800", "UTF-8 has not"),
        ("hash:net,iface", "inet", "10.0.0.0/8,veth+", "write 'veth' with the option 'wildcard'"),
        ("hash:net,iface", "inet", "10.0.0.0/8,physdev:veth+ wildcard", "write 'veth' with the option 'wildcard'"),
        ("hash:net,iface", "inet6", "fd00::/8,eth0@if3", "no part of the name: write 'eth0'"),
        ("hash:net,iface", "inet", "10.0.0.0/8,!docker0", "no entry means all devices but one"),
        ("bitmap:ip", None, "10.1.0.0", "the set's range is 10.0.0.0-10.0.255.255"),
        ("bitmap:ip", None, "9.255.255.255-10.0.0.1", "the set's range is"),
        ("hash:ip", "inet", True, "as a text, or as a dict"),
        ("hash:ip", "inet", dict(timeout=1), "under 'entry'"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", colour="red"), "'colour'"),
        ("hash:ip", "inet", "10.0.0.1 colour red", "'colour'"),
        ("hash:ip", "inet", "10.0.0.1 timeout", "its value is missing"),
        ("hash:ip", "inet", "10.0.0.1 timeout 1 timeout 2", "said twice"),
        ("hash:ip", "inet", '10.0.0.1 comment "a" b"', "double quote"),
        ("hash:ip", "inet", "10.0.0.1 nomatch", "have no 'nomatch'"),
        ("hash:net", "inet", "10.0.0.1 wildcard", "have no 'wildcard'"),
        ("hash:net", "inet", "10.0.0.1 before X", "have no 'before'"),
        ("hash:ip", "inet", "10.0.0.1 timeout 2147484", "from 0 to 2147483"),
        ("hash:ip", "inet", "10.0.0.1 timeout -1", "from 0 to 2147483"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", timeout=True), "from 0 to 2147483"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", comment="a" * 256), "at most 255 bytes"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", comment="€" * 86), "at most 255 bytes"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", comment='a"'), "no double quotes"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", comment="a\nb"), "no line feed"),
        ("hash:ip", "inet", '10.0.0.1 comment "a\n"', "no line feed"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", comment="a\0b"), "no NUL"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", comment="a\ud800"), "a character that UTF-8 has not"),
        ("hash:ip", "inet", dict(entry="10.0.0.1", timeout="²"), "from 0 to 2147483"),
        ("hash:ip", "inet", "10.0.0.1 timeout " + "9" * 5000, "from 0 to 2147483"),
        ("hash:net", "inet", "10.0.0.0/٢٤", "from 0 to 32"),
        ("hash:net", "inet", "10.0.0.0/" + "9" * 5000, "from 0 to 32"),
        ("hash:ip,port", "inet", "10.0.0.1,tcp:²-³", "a port from 0 to 65535"),
        ("hash:ip,port", "inet", "10.0.0.1,tcp:" + "9" * 5000, "a port from 0 to 65535"),
        ("hash:ip,port", "inet", "10.0.0.1,٤٧:0", "write PROTOCOL:PORT"),
        ("hash:ip,port", "inet", "10.0.0.1,²:0", "write PROTOCOL:PORT"),
        ("hash:ip,port", "inet", "10.0.0.1,icmp:\u0668/\u0660", "TYPE/CODE"),
        ("hash:ip", "inet", "10.0.0.1 skbmark 0x100000000", "a mark is a number"),
        ("hash:ip", "inet", "10.0.0.1 skbprio 12345:1", "MAJOR:MINOR"),
        ("hash:ip", "inet", "10.0.0.1 skbqueue 65536", "a hardware queue"),
        ("list:set", None, "A before B after C", "either before or after"),
    ],
)
def test_entries_that_do_not_fit(name, family, item, told):
    with pytest.raises(InvalidOption, match=told):
        Reader(header(name, family, **EVERYTHING)).read([item])


def test_what_a_mask_leaves_nothing_of():
    assert Reader(header("hash:ip,port")).read(["0.0.0.0,tcp:1"])  # which only Linux 6.2 and later refuse
    for name, item in (("hash:ip", "0.0.0.1"), ("hash:ip,port", "0.0.0.1,tcp:1")):
        with pytest.raises(InvalidOption, match="all zeros"):
            Reader(header(name, netmask=8)).read([item])


@pytest.mark.parametrize(
    "item",
    ["10.0.0.1 timeout 1", "10.0.0.1 packets 1", "10.0.0.1 bytes 1", "10.0.0.1 comment x", "10.0.0.1 skbmark 0x1"],
)
def test_options_that_the_set_does_not_take(item):
    with pytest.raises(InvalidOption, match=r"the set 'S' has no '\w+': create it with that option"):
        Reader(header("hash:ip")).read([item])


def test_more_entries_than_the_set_holds():
    with pytest.raises(InvalidOption, match="holds at most 2"):
        Reader(header("hash:ip", maxelem=2)).read(["10.0.0.1", "10.0.0.2", "10.0.0.3"])
