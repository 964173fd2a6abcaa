# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the lab's own playbooks: what a lab's description means for each role."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import LinuxnetError
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._base.plain import plain
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._lab.kubernetes import kubernetes_plan
from ansible_collections.linuxnet.ipvs.plugins.plugin_utils._lab.plan import Lab, plan, problems, stage_problems

_OPTIONS = [each.name for each in fields(Lab) if each.name not in ("stages", "stage")]


def lab_plan(lab: Mapping[str, Any], stages: Sequence[Any] = (), stage: str | None = None) -> dict[str, Any]:
    """What a lab means for each role."""
    return plan(_lab("lab_plan", lab, stages, stage))


def lab_problems(
    lab: Mapping[str, Any],
    stages: Sequence[Any] = (),
    stage: str | None = None,
    described: Sequence[str] = (),
    host: str = "",
) -> list[str]:
    """Why a lab cannot be built as it is described."""
    wanted = _lab("lab_problems", lab, stages, stage)
    return stage_problems(wanted, described, host) + problems(wanted)


def lab_kubernetes_plan(
    lab: Mapping[str, Any], objects: Any, node: str | None = None, config: Any = None
) -> dict[str, Any]:
    """What Kubernetes manifests mean for each role in a lab."""
    try:
        return kubernetes_plan(_lab("lab_kubernetes_plan", lab, (), None), plain(objects), node, plain(config))
    except LinuxnetError as exc:
        raise AnsibleFilterError("lab_kubernetes_plan: %s" % exc) from exc


def _lab(name: str, lab: object, stages: object, stage: object) -> Lab:
    if not isinstance(lab, Mapping):
        raise AnsibleFilterError("%s: a dict with the lab's description is wanted" % name)
    unknown = [key for key in lab if key not in _OPTIONS]
    if unknown:
        raise AnsibleFilterError(
            "%s: '%s' is no part of a lab's description: write %s" % (name, unknown[0], ", ".join(_OPTIONS))
        )
    try:
        return Lab(**plain(lab), stages=plain(stages), stage=None if stage in (None, "") else str(stage))
    except TypeError as exc:
        raise AnsibleFilterError("%s: the description is not whole: %s" % (name, exc)) from exc


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "lab_plan": lab_plan,
            "lab_problems": lab_problems,
            "lab_kubernetes_plan": lab_kubernetes_plan,
        }
