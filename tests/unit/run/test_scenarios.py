# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
import scenarios
import steps
import summary

MATRIX = "INFO     [it > discovery] scenario test matrix: create, verify\n"
CREATED = "INFO     [it > create] Executing\nPLAY RECAP ****\nINFO     [it > create] Executed: Successful\n"
MISSING = "INFO     [it > create] Executing\nWARNING  [it > create] Executed: Missing playbook (Remove from ...)\n"
TESTED = "INFO     [it > verify] Executing\nINFO     [it > verify] Executing Testinfra tests found in tests/...\n"
VERIFIED = "INFO     [it > verify] Executing\nPLAY RECAP ****\n"
UNMATCHED = "INFO     [it > verify] Executing\nskipping: no hosts matched\nPLAY RECAP ****\n"
SUCCESSFUL = "INFO     [it > verify] Executed: Successful\n"


def complaints(output: str, *, tests: int = 0) -> list[str]:
    done = list(scenarios.actions(output.splitlines(keepends=True)))
    return list(scenarios.complaints(done, summary.Count(passed=tests)))


def test_output_is_cut_into_actions() -> None:
    output = MATRIX + CREATED + TESTED + "ERROR    [it > verify] Executed: Failed\n"
    start, create, verify = scenarios.actions(output.splitlines(keepends=True))
    assert start.lines == [MATRIX]
    assert (create.name, create.ending, create.lines[0]) == ("create", "Successful", "PLAY RECAP ****\n")
    assert (verify.name, verify.ending) == ("verify", "Failed")


def test_scenario_with_tests_or_a_verify_play_is_fine() -> None:
    assert complaints(CREATED + TESTED + SUCCESSFUL, tests=1) == []
    assert complaints(CREATED + VERIFIED + SUCCESSFUL) == []


def test_scenario_that_verified_nothing_is_told() -> None:
    for output in (CREATED, CREATED + TESTED + SUCCESSFUL):
        assert complaints(output) == ["verify ran nothing: there is neither a verify playbook nor a test"]


def test_verify_play_without_hosts_is_told() -> None:
    assert complaints(UNMATCHED + SUCCESSFUL) == ["verify has a play that found no host"]


def test_missing_playbook_is_told() -> None:
    assert complaints(MISSING + VERIFIED + SUCCESSFUL) == [
        "create has no playbook: add it, or take create out of the scenario's test_sequence"
    ]


@pytest.mark.parametrize(
    ("suite", "variables"),
    [
        ("", ""),
        ("trixie", "lab_host_release=trixie"),
        ("trixie-backports", "lab_host_release=trixie lab_host_kernel_suite=trixie-backports"),
    ],
)
def test_a_suite_is_where_the_machines_kernel_comes_from(suite: str, variables: str) -> None:
    assert scenarios.machine_for("tables", suite) == variables


def test_two_scenarios_have_an_emulated_machine_where_the_others_have_a_user_mode_linux() -> None:
    every = [path.parent.name for path in steps.CHECKOUT.glob("molecule/*/molecule.yml")]
    told = {name: scenarios.machine_for(name, engine="uml") for name in every}
    assert {told.pop(name) for name in scenarios.EMULATED} == {"lab_host_vm_engine=emulation"}
    assert set(told.values()) == {"lab_host_vm_engine=uml"}
    assert not any(scenarios.machine_for(name) for name in every)
    assert scenarios.machine_for("tables", "trixie", "uml") == "lab_host_release=trixie"
