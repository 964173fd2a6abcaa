# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that are checked once for all that are alike come out as Ansible's own check leaves them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.options import (
    SERVICE,
    SERVICE_KEY,
    SERVICE_KEY_RULES,
    checked_services,
)

#: What ``services`` would be in a module's argument spec.
SPEC: dict[str, Any] = dict(**SERVICE_KEY, **SERVICE)
NESTED = dict(type="list", elements="dict", options=SPEC, **SERVICE_KEY_RULES)


def some(names, *others):
    """A dict of some of these options, with values of many types, right and wrong."""
    value = st.sampled_from(
        [
            None,
            True,
            False,
            0,
            1,
            80,
            1.0,
            "80",
            "x",
            "yes",
            "",
            "tcp",
            "inet6",
            "rr",
            "direct",
            "gue",
            "full",
            "10.0.0.1",
        ]
    )
    listed = st.lists(st.sampled_from(["sh-port", "flag-1", "no-flag", 1]), max_size=2)
    return st.dictionaries(st.sampled_from([*names, *others]), st.one_of(value, listed), max_size=4)


@st.composite
def services(draw):
    """Services as a task might list them, most with an address, and alike among each other."""
    shapes = [
        {name: value for name, value in shape.items() if name != "real_servers"}
        for shape in draw(st.lists(some(SPEC, "no_option"), min_size=1, max_size=3))
    ]
    servers = draw(st.lists(some(SPEC["real_servers"]["options"], "no_option"), min_size=1, max_size=2))
    found = []
    for _number in range(draw(st.integers(1, 4))):
        service = dict(draw(st.sampled_from(shapes)))
        if draw(st.integers(0, 3)):
            service.update(address=draw(st.sampled_from(["10.100.0.1", "fd00::1"])), port=80)
        if draw(st.booleans()):
            service["real_servers"] = [
                dict(
                    address="10.0.0.%d" % number,
                    **{n: v for n, v in draw(st.sampled_from(servers)).items() if n != "address"},
                )
                for number in range(draw(st.integers(0, 3)))
            ]
        found.append(service)
    return found


def as_options(service):
    options, servers = service
    if servers is not None:
        servers = [
            dict(
                others.terms._asdict(),
                address=address,
                port=others.port,
                keep_weight=others.keep_weight,
            )
            for address, others in servers
        ]
    return dict(options, real_servers=servers)


@given(services())
def test_as_ansible_checks_them(listed):
    ansible = ArgumentSpecValidator(dict(services=NESTED)).validate(dict(services=listed))
    if ansible.error_messages:
        with pytest.raises(InvalidOption, match=r"^services\[\d"):
            list(checked_services(listed))
    else:
        assert list(map(as_options, checked_services(listed))) == ansible.validated_parameters["services"]


@pytest.mark.parametrize(
    ("services", "told"),
    [
        (["10.0.0.1:80"], r"services\[0\]: '10.0.0.1:80' is not valid: write a dict"),
        ([dict(address="10.0.0.1", port=80, real_servers="x")], r"services\[0\]\.real_servers: 'x' is not valid"),
        (
            [dict(fwmark=1), dict(fwmark=2, real_servers=[dict(address="10.0.0.1"), dict(weight=1)])],
            r"services\[1\]\.real_servers\[1\]: .*missing required arguments: address",
        ),
        (
            [dict(address="10.0.0.1", port=80, weigth=1)],
            r"services\[0\]: .* weigth\. Supported parameters include: address",
        ),
    ],
)
def test_the_place_is_named(services, told):
    with pytest.raises(InvalidOption, match=told):
        list(checked_services(services))
