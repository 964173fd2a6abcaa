# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters whose state is known: by what is expected of it, and by what a real kube-proxy v1.30.5 made of a kernel.

The scenario ``kubernetes`` puts the same ones into a kernel.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.linuxnet.ipvs.plugins.filter.ipvsadm import to_ipvsadm
from ansible_collections.linuxnet.ipvs.plugins.filter.kube_proxy_state import kube_proxy_state

CASES = Path(__file__).resolve().parents[5] / "molecule" / "kubernetes" / "cases"


def _steps():
    for path in sorted(CASES.glob("*.yml")):
        case = yaml.safe_load(path.read_text(encoding="utf-8"))
        for number, step in enumerate(case["steps"]):
            yield pytest.param(case, step, id="%s-%d" % (path.stem, number + 1))


def _state(case, step):
    return kube_proxy_state(step["objects"], case["node"], case["config"], case["families"])


def _lines(state):
    """Each virtual service as ipvsadm prints it, real servers in their order of text."""
    found = []
    for service in state["virtual_services"]:
        first, *rest = to_ipvsadm([service]).splitlines()
        found.append([first, *sorted(rest)])
    return sorted(found)


def _filled(state):
    return {each["name"]: sorted(each["entries"]) for each in state["sets"] if each["entries"]}


@pytest.mark.parametrize(("case", "step"), list(_steps()))
def test_the_state_is_what_is_expected(case, step):
    state = _state(case, step)
    expected = step["expected"]
    lines = _lines(state)
    for service in expected.get("virtual_services", []):
        assert [service[0], *sorted(service[1:])] in lines
    if "virtual_services_in_all" in expected:
        assert len(lines) == expected["virtual_services_in_all"]
    if "addresses" in expected:
        assert sorted(state["addresses"]) == sorted(expected["addresses"])
    for name, entries in expected.get("entries", {}).items():
        assert _filled(state).get(name, []) == sorted(entries)
    rules = {"%s/%s" % (chain["table"], chain["chain"]): chain["rules"] for chain in state["chains"]}
    for chain, wanted in expected.get("targets", {}).items():
        assert len(rules[chain]) == len(wanted)
        for rule, (target, match) in zip(rules[chain], wanted, strict=True):
            assert rule.endswith("-j " + target)
            assert all(" %s " % word in " %s " % rule for word in match.split() if word != "!")


@pytest.mark.parametrize(("case", "step"), [each for each in _steps() if "seen" in each.values[1]])
def test_the_state_is_what_a_real_kube_proxy_made_of_a_kernel(case, step):
    state, seen = _state(case, step), step["seen"]
    assert _lines(state) == sorted([first, *sorted(rest)] for first, *rest in seen["virtual_services"])
    assert _filled(state) == {name: sorted(entries) for name, entries in seen["entries"].items()}
    assert sorted(state["addresses"]) == sorted(seen["addresses"])
    for family, tables in seen["rules"].items():
        for table, rules in tables.items():
            made = [
                "-A %s %s" % (chain["chain"], rule)
                for chain in state["chains"]
                if (chain["family"], chain["table"]) == (family, table)
                for rule in chain["rules"]
            ]
            assert made == rules


def test_every_case_is_read():
    assert len(list(CASES.glob("*.yml"))) == 16
    assert sum("seen" in each.values[1] for each in _steps()) == 10
