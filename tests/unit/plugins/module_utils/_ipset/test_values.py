# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Types and options of sets."""

from __future__ import annotations

import pytest

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.values import temporary_name
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipset.wishes import set_type
from ansible_collections.linuxnet.ipvs.tests.unit.plugins.module_utils._ipset.cases import (
    header,
)


@pytest.mark.parametrize(
    ("name", "family"), [("hash:colour", None), ("list:set", "inet"), ("hash:mac", "inet6"), ("bitmap:ip", "inet")]
)
def test_types_that_are_none(name, family):
    with pytest.raises(InvalidOption):
        set_type(name, family)


@pytest.mark.parametrize(
    ("name", "bad", "told"),
    [
        ("hash:ip", dict(maxelem=0), "a number of entries"),
        ("hash:ip", dict(timeout=2147484), "a timeout"),
        ("hash:ip", dict(timeout=-2), "a timeout"),
        ("list:set", dict(maxelem=4), "has none"),
        ("list:set", dict(hashsize=64), "has none"),
        ("list:set", dict(size=3), "from 4"),
        ("hash:ip", dict(size=8), "has none"),
        ("hash:ip", dict(range="10.0.0.0/24"), "has none"),
        ("hash:ip", dict(bucketsize=3), "even"),
        ("hash:ip", dict(bucketsize=14), "from 2 to 12"),
        ("hash:ip", dict(initval=2**32), "seed"),
        ("hash:ip", dict(netmask=0), "from 1 to 32"),
        ("hash:ip", dict(netmask=33), "from 1 to 32"),
        ("hash:ip", dict(netmask=24, bitmask="255.0.0.0"), "either a netmask or a bitmask"),
        ("hash:ip", dict(bitmask="0.0.0.0"), "all zeros"),
        ("hash:ip", dict(bitmask="ffff::"), "of the family inet"),
        ("hash:net", dict(netmask=24), "has none"),
        ("hash:ip,mark", dict(markmask=0), "a mask"),
        ("hash:ip", dict(markmask=1), "has none"),
        ("bitmap:ip", dict(range=None), "needs it"),
        ("bitmap:ip", dict(range="10.0.0.0/15"), "it has 131072 entries"),
        ("bitmap:ip", dict(range="10.0.0.0"), None),
        ("bitmap:ip", dict(range="10.0.0.1-x"), "FIRST-LAST"),
        ("bitmap:ip", dict(range="fd00::/120"), "FIRST-LAST"),
        ("bitmap:ip", dict(range="10.0.0.0/24", netmask=24), "a network of more than one"),
        ("bitmap:ip", dict(range="10.0.0.16-10.0.0.79", netmask=28), "a network of more than one"),
        ("bitmap:ip", dict(forceadd=True), "has none"),
        ("bitmap:port", dict(range="0-65536"), "a port"),
        ("bitmap:port", dict(range="http-https"), "FIRST-LAST"),
        ("bitmap:port", dict(range="²"), "FIRST-LAST"),
        ("bitmap:port", dict(range="1-٣"), "FIRST-LAST"),
        ("bitmap:port", dict(range="1-"), "FIRST-LAST"),
        ("bitmap:port", dict(range="9" * 5000), "FIRST-LAST"),
    ],
)
def test_options_of_sets_that_are_none(name, bad, told):
    if told is None:
        assert header(name, **bad).range == "10.0.0.0-10.0.0.0"
        return
    with pytest.raises(InvalidOption, match=told):
        header(name, **bad)


@pytest.mark.parametrize(
    ("name", "said", "kept"),
    [
        ("hash:ip", dict(hashsize=1), dict(hashsize=64)),
        ("hash:ip", dict(hashsize=1000), dict(hashsize=1024)),
        ("hash:ip", dict(netmask=32), dict(netmask=None)),
        ("hash:ip", dict(bitmask="255.255.255.255"), dict(bitmask=None)),
        ("bitmap:ip", dict(range="10.0.0.3-10.0.0.200", netmask=28), dict(range="10.0.0.0-10.0.0.207")),
        ("bitmap:port", dict(range="9-1"), dict(range="1-9")),
    ],
)
def test_options_of_sets_as_the_kernel_keeps_them(name, said, kept):
    found = header(name, **said)
    assert {option: getattr(found, option) for option in kept} == kept


def test_temporary_names_fit_and_differ():
    names = {temporary_name(name) for name in ("A", "B", "A" * 31)}
    assert len(names) == 3
    assert {len(name) for name in names} == {31}
