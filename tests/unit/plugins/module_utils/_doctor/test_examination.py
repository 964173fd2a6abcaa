# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All checks together."""

from __future__ import annotations

from collections.abc import Iterator

from doctor_node import HEALTHY, found, switched

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.catalogue import CHECKS
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.examination import ERROR, SEVERITIES, check, examine
from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import Finding, NodeFacts
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.names import ServiceNames


def test_the_healthy_has_nothing():
    assert found(HEALTHY) == []
    assert found(NodeFacts()) == []


def test_ignored_checks_are_said_to_be():
    facts = switched(HEALTHY, net_ipv4_vs_conn_reuse_mode="0")
    assert found(facts, ignore=["conn_reuse_off"]) == []
    _findings, checked, left = examine(CHECKS, facts, ["conn_reuse_off"])
    assert "conn_reuse_off" not in checked
    assert dict(id="conn_reuse_off", reason="it is in 'ignore'", left_open=False) in left


def test_every_check_is_described():
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    assert {check.severity for check in CHECKS} <= set(SEVERITIES)
    assert all(check.what.endswith(".") and check.where and check.source for check in CHECKS)


def test_services_are_called_by_their_names():
    def empty(_facts: NodeFacts) -> Iterator[Finding]:
        yield Finding("tcp 10.96.0.10:80", "tcp 10.96.0.10:80 is empty", "Nobody answers.", "Fill 10.96.0.10:80.")

    names = ServiceNames({"10.96.0.10,tcp:80": "default/web:http"})
    checks = [check(ERROR, what="x", where="y", source="z")(empty)]
    (finding,), checked, _left = examine(checks, NodeFacts(), names=names)
    assert checked == ["empty"]
    assert finding["subject"] == "tcp 10.96.0.10:80 (default/web:http)"
    assert finding["evidence"] == "tcp 10.96.0.10:80 (default/web:http) is empty"
    assert finding["remedy"] == "Fill 10.96.0.10:80 (default/web:http)."
