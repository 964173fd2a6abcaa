# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a director is set to that refuses its clients."""

from __future__ import annotations

from dataclasses import replace

import pytest
from doctor_node import DRAINED, HEALTHY, POD, SERVICE, VIRTUAL, found

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.catalogue import CHECKS
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import examine
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import Row
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import RealServer, ServiceKey

SERVER = HEALTHY.table[0].servers[0]
OTHER = RealServer.of(b"\x0a\x00\x00\x15", 80, "direct")


@pytest.mark.parametrize(("method", "ids"), [("masquerading", ["one_packet_masquerading"]), ("direct", [])])
def test_one_packet(method, ids):
    service = replace(SERVICE, key=ServiceKey("inet", "udp", VIRTUAL.packed, 53), one_packet=True)
    row = Row(service, (RealServer.of(POD.packed, 53, method),))
    assert found(replace(HEALTHY, table=(row,), sets=())) == ids


@pytest.mark.parametrize(
    ("daemons", "value", "ids"),
    [
        (["master", "backup"], "1", ["backup_only_refuses"]),
        (["master", "backup"], "0", []),
        (["master"], "1", []),
        (["backup"], "1", []),  # it stands by, and shall not forward
    ],
)
def test_backup_only(daemons, value, ids):
    facts = replace(HEALTHY, daemons=frozenset(daemons))
    facts = replace(facts, switches={**facts.switches, "net/ipv4/vs/backup_only": value})
    assert found(facts) == ids


@pytest.mark.parametrize(
    ("scheduler", "flags", "others", "ids"),
    [
        ("sh", 0, True, ["drained_refuses"]),
        ("mh", 0, True, ["drained_refuses"]),
        ("dh", 0, True, ["drained_refuses"]),
        ("sh", 8, True, []),
        ("mh", 8, True, []),
        ("rr", 0, True, []),
        ("sh", 0, False, []),
    ],
)
def test_who_keeps_clients_at_weight_0(scheduler, flags, others, ids):
    service = replace(SERVICE, scheduler=scheduler, scheduler_flags=flags)
    facts = replace(HEALTHY, table=(Row(service, (DRAINED, OTHER) if others else (DRAINED,)),))
    facts = replace(facts, connections={(SERVICE.key, DRAINED.key): 3})
    findings = examine(CHECKS, facts)[0]
    assert [each["id"] for each in findings] == ids
    for each in findings:
        task = each["task"]
        assert (task is None) == (scheduler == "dh")
        if task:
            assert task["linuxnet.ipvs.ipvs_service"]["scheduler_flags"] == [scheduler + "-fallback"]


@pytest.mark.parametrize(("load", "ids"), [(4, []), (5, ["connection_limit_reached"])])
def test_a_threshold(load, ids):
    server = SERVER.having(upper_threshold=5)
    facts = replace(HEALTHY, table=(Row(SERVICE, (server,)),), loads={(SERVICE.key, server.key): load})
    assert found(facts) == ids


def test_limits_of_the_table():
    assert found(replace(HEALTHY, total=30000, buckets=4096)) == []
    assert found(replace(HEALTHY, total=40000, buckets=4096)) == ["connection_table_small"]
    limited = replace(HEALTHY, switches={**HEALTHY.switches, "net/ipv4/vs/conn_max": "1000"})
    assert found(replace(limited, total=999)) == []
    assert found(replace(limited, total=1000)) == ["conn_max_reached"]
    assert found(replace(HEALTHY, total=10**6)) == []
