# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""playbooks/doctor.yml: what a person, or a CI job, is told of the lab's node."""

from __future__ import annotations

import json
from pathlib import Path

import plays

LOOK, REPORT, FAIL = (
    "Look at the node",
    "What is wrong, why that matters, and what mends it",
    "Fail where something is wrong",
)


def told(run):
    """The report, and which tasks have failed."""
    assert "unsafe" not in run.output, "Ansible warns of a template"
    (report,) = (each.msg for each in run.outcomes if each.task == REPORT)
    return report, [each.task for each in run.failures]


def test_healthy(play):
    report, failed = told(play("doctor.yml", "--extra-vars", json.dumps(dict(doctor_fail=True))))
    assert report.startswith("Nothing is wrong on lab: ")
    assert failed == []


def test_broken(play, patient):
    patient.broken(
        by="bridge link set dev veth_dustin hairpin off; ip link set bridge_home promisc off;"
        " sysctl -w net.ipv4.vs.conn_reuse_mode=0",
        mended="bridge link set dev veth_dustin hairpin on; ip link set bridge_home promisc on;"
        " sysctl -w net.ipv4.vs.conn_reuse_mode=1",
    )
    variables = dict(doctor_options=dict(ignore=["conn_reuse_off"], probe=False), doctor_fail=True)
    run = play("doctor.yml", "--extra-vars", json.dumps(variables))
    report, failed = told(run)
    assert report.startswith("2 findings on lab\n")
    assert "\nerror: hairpin_off: veth_dustin\n  seen by  port veth_dustin of bridge bridge_home" in report
    assert "\n  - name: Let veth_dustin send frames back\n    linuxnet.ipvs.hairpin:\n" in report
    assert failed == [FAIL]
    assert run.failures[0].msg == "2 findings: hairpin_off"
    assert run.changed == []


def test_what_a_ci_job_reads(play, patient, tmp_path):
    patient.broken(by="sysctl -w net.ipv4.vs.conn_reuse_mode=0", mended="sysctl -w net.ipv4.vs.conn_reuse_mode=1")
    written = tmp_path / "doctor.json"
    for least, ends in (("error", []), ("notice", [FAIL])):
        variables = dict(doctor_options=dict(probe=False), doctor_fail=least, doctor_output=str(written))
        run = play("doctor.yml", "--extra-vars", json.dumps(variables))
        assert [each.task for each in run.failures] == ends
        assert run.code == (2 if ends else 0)
    (told,) = json.loads(written.read_text()).values()
    assert [each["id"] for each in told["findings"]] == ["conn_reuse_off"]
    assert "forwarding_off" in told["checked"]


def test_pods_are_clients_unless_it_is_said_otherwise(play, patient):
    loop_set, rule = "DUSTIN-LOOP-BACK", "POSTROUTING -m set --match-set DUSTIN-LOOP-BACK dst,dst,src -j MASQUERADE"
    patient.broken(
        by=f"ipset save {loop_set} > /run/doctor.set; iptables -t nat -D {rule}; ipset destroy {loop_set}",
        mended=f"ipset restore < /run/doctor.set; rm /run/doctor.set; iptables -t nat -A {rule}",
    )
    report, _failed = told(play("doctor.yml"))
    assert "\nerror: loopback_set_missing: LOOP-BACK\n" in report
    assert "\nerror: loopback_rule_missing: nat POSTROUTING (inet)\n" in report
    report, _failed = told(play("doctor.yml", "--extra-vars", json.dumps(dict(doctor_options=dict(loopback=False)))))
    assert report.startswith("Nothing is wrong on lab: ")


def test_by_its_full_name(inventory):
    """As it is played from an installed collection, on hosts of one's own."""
    run = plays.play(inventory, Path("linuxnet.ipvs.doctor"), "--extra-vars", json.dumps(dict(doctor_hosts="lab")))
    report, failed = told(run)
    assert report.startswith("Nothing is wrong on lab: ")
    assert failed == []


def test_options_that_the_module_does_not_have(play):
    run = play("doctor.yml", "--extra-vars", json.dumps(dict(doctor_options=dict(ownr="tasks"))))
    assert [each.task for each in run.failures] == [LOOK]
    assert "ownr" in run.failures[0].msg
