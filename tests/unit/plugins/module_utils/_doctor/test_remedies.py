# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks that mend."""

from __future__ import annotations

from dataclasses import replace

import pytest
from doctor_node import HEALTHY, switched

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.catalogue import CHECKS
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import examine


@pytest.mark.parametrize(
    ("netns", "module", "options"),
    [
        (None, "ansible.posix.sysctl", dict(name="net.ipv4.ip_forward", value="1", sysctl_set=True)),
        ("blue", "linuxnet.ipvs.netns", dict(name="blue", sysctl={"net.ipv4.ip_forward": 1})),
        (
            "/proc/12/ns/net",
            "ansible.builtin.command",
            dict(argv=["nsenter", "--net=/proc/12/ns/net", "sysctl", "--write", "net.ipv4.ip_forward=1"]),
        ),
    ],
)
def test_tasks_name_the_namespace(netns, module, options):
    facts = switched(replace(HEALTHY, netns=netns), net_ipv4_conf_br0_forwarding="0", net_ipv4_ip_forward="0")
    ((finding,), _checked, _not_checked) = examine(CHECKS, facts)
    assert finding["task"] == {"name": "Set net.ipv4.ip_forward", module: options}
