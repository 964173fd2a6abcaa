# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a lab's description means for each role, and what is said against it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.linuxnet.ipvs.plugins.filter.lab import lab_plan, lab_problems

STAGES = yaml.safe_load((Path(__file__).parents[4] / "playbooks" / "vars" / "stages.yml").read_text())["lab_stages"]
LAB: dict[str, Any] = dict(
    bridge="bridge_home",
    bridge_addresses=["10.0.0.1/24"],
    loopback_set="DUSTIN-LOOP-BACK",
    pods=[dict(name="dustin", addresses=["10.0.0.11/24"], hairpin=True), dict(name="leah", addresses=["10.0.0.21/24"])],
    services=[dict(name="virtual", address="10.100.100.100", port=8080, scheduler="rr")],
)
BOTH: dict[str, Any] = dict(
    LAB,
    bridge_addresses=["10.0.0.1/24", "fd00::1/64"],
    pods=[
        dict(name="dustin", addresses=["10.0.0.11/24", "fd00::11/64"]),
        dict(name="leah", addresses=["10.0.0.21/24"], port=81),
        dict(name="maya", netns="other", addresses=["fd00::31/64"]),
    ],
    services=[
        dict(address="10.100.100.100"),
        dict(name="six", address="fd00:1::1", port=80, scheduler="wlc", pods=["dustin", "maya"]),
        dict(address="10.100.100.101", scheduler="wrr", pods=["leah"]),
    ],
)


def test_the_whole_lab_expects_everyone_to_reach_everyone():
    plan = lab_plan(LAB, STAGES)
    assert plan["reached"] == [stage["name"] for stage in STAGES if "manifests" not in stage]
    assert plan["pods"] == LAB["pods"]
    assert plan["namespaces_early"] == plan["expectations"] == []
    assert plan["clients"] == [
        dict(name="host"),
        dict(name="dustin", netns="netns_dustin"),
        dict(name="leah", netns="netns_leah"),
    ]
    assert [each["wanted"] for each in plan["masquerades"]] == [False, False, True]
    assert plan["targets"][-1] == dict(
        name="virtual",
        url="http://10.100.100.100:8080",
        answers=["dustin", "leah"],
        every=True,
        turns=True,
        clients=["host", "dustin", "leah"],
    )


def test_each_service_has_the_addresses_of_its_family():
    plan = lab_plan(BOTH)
    assert plan["ipv6"] is True
    assert [service["real_servers"] for service in plan["services"]] == [
        [dict(address="10.0.0.11", port=8080), dict(address="10.0.0.21", port=81)],
        [dict(address="fd00::11", port=8080), dict(address="fd00::31", port=8080)],
        [dict(address="10.0.0.21", port=81)],
    ]
    # What is the server's is no option of a pod.
    assert "port" not in plan["pods"][1]
    assert plan["servers"][2] == dict(name="maya", netns="other", port=8080, address="::")


def test_who_has_no_address_of_a_family_does_not_ask_it():
    asked = {target["url"]: target for target in lab_plan(BOTH)["targets"]}
    assert asked["http://[fd00::31]:8080"]["clients"] == ["host", "dustin", "maya"]
    assert asked["http://10.0.0.21:81"]["clients"] == ["host", "dustin", "leah"]
    six = asked["http://[fd00:1::1]:80"]
    assert (six["answers"], six["every"], six["turns"]) == (["dustin", "maya"], False, False)
    wrr = asked["http://10.100.100.101:8080"]
    assert (wrr["every"], wrr["turns"]) == (True, False)


@pytest.mark.parametrize(
    ("stage", "pods", "early"),
    [
        ("bridge", [], ["netns_dustin", "netns_leah"]),
        ("netns", [dict(LAB["pods"][0], connected=False, gateway=None, hairpin=False)], ["netns_leah"]),
        ("leah", [dict(pod, gateway=None, hairpin=False) for pod in LAB["pods"]], []),
        ("servers", [dict(pod, hairpin=False) for pod in LAB["pods"]], []),
        ("hairpin", LAB["pods"], []),
    ],
)
def test_at_a_stage_a_pod_has_only_what_was_made_so_far(stage, pods, early):
    plan = lab_plan(LAB, STAGES, stage)
    assert plan["pods"] == pods
    assert plan["namespaces_early"] == early
    assert plan["stage"]["name"] == plan["reached"][-1] == stage


def test_the_stage_beyond_the_whole_lab_asks_a_service_too():
    plan = lab_plan(LAB, STAGES, "service")
    assert plan["stage"]["manifests"] == "files/web.yml"
    assert plan["targets"][:-1] == lab_plan(LAB, STAGES, "second_server")["targets"]
    assert plan["targets"][-1] == dict(
        name="service",
        url="http://10.96.0.10:80",
        answers=["dustin", "leah"],
        every=True,
        turns=True,
        clients=["host", "dustin", "leah"],
    )
    assert {each["target"] for each in plan["expectations"]} == {"dustin", "leah", "virtual", "service"}
    assert lab_problems(LAB, STAGES, "service") == []


def test_the_second_server_comes_with_its_stage():
    behind = {name: lab_plan(LAB, STAGES, name)["services"][0]["real_servers"] for name in ("hairpin", "second_server")}
    assert behind["hairpin"] == [dict(address="10.0.0.11", port=8080)]
    assert behind["second_server"] == [dict(address="10.0.0.11", port=8080), dict(address="10.0.0.21", port=8080)]


@pytest.mark.parametrize(
    ("stage", "wanted"),
    [
        ("leah", [False, False, False]),
        ("masquerade_all", [True, False, False]),
        ("hairpin", [True, False, False]),
        ("masquerade_dustin", [False, True, False]),
        ("loopback_set", [False, False, True]),
    ],
)
def test_one_rule_masquerades_at_a_time(stage, wanted):
    assert [each["wanted"] for each in lab_plan(LAB, STAGES, stage)["masquerades"]] == wanted


def test_a_stage_expects_what_its_table_says():
    cells = {(each["client"], each["target"]): each for each in lab_plan(LAB, STAGES, "netns")["expectations"]}
    assert cells["host", "dustin"]["asked"] is False
    assert cells["dustin", "leah"]["failure"] == "refused"
    assert ("leah", "dustin") not in cells  # who would ask is not there
    both = {(each["client"], each["target"]): each for each in lab_plan(LAB, STAGES, "second_server")["expectations"]}
    assert both["leah", "virtual"]["turns"] is True
    assert both["leah", "leah"] == dict(client="leah", target="leah", answers=["leah"], turns=False)


@pytest.mark.parametrize(
    ("lab", "words"),
    [
        (LAB, []),
        (dict(LAB, pods=[dict(addresses=["10.0.0.11/24"])]), ["lab_pods[0]: name is missing"]),
        (dict(LAB, pods="dustin"), ["lab_pods: 'dustin' is not valid: write a list of dicts, each with its name"]),
        (dict(LAB, services=[dict(port=80)]), ["lab_services[0]: address is missing"]),
        (
            dict(LAB, services=[dict(address="10.9.9.9", pods=["dustin", "lea"]), dict(address="fd00::9")]),
            [
                "lab_services: 10.9.9.9 is to go to lea, and the pods are dustin, leah",
                "lab_services: no pod that fd00::9 is to go to has an address of IPv6",
            ],
        ),
    ],
)
def test_what_cannot_be_meant_is_said(lab, words):
    assert lab_problems(lab, STAGES) == words


def test_a_stage_excludes_another_lab_and_hosts_that_are_not_its_own():
    nowhere, described, host = lab_problems(LAB, STAGES, "nowhere", ["lab_pods"], "director1")
    assert nowhere.startswith("lab_stage is 'nowhere' and must be one of forwarding, bridge")
    assert described.startswith("lab_stage and lab_pods exclude each other")
    assert host.startswith("director1 was not made for the lab")
    assert lab_problems(LAB, STAGES, None, ["lab_pods"], "director1") == []


@pytest.mark.parametrize("lab", [[], dict(LAB, brigde="b"), {key: LAB[key] for key in LAB if key != "pods"}])
def test_what_is_no_description_is_refused(lab):
    with pytest.raises(AnsibleFilterError, match=r"wanted|no part of|not whole"):
        lab_plan(lab)
