# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks as values, and an examination of a node by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable

from ansible_collections.linuxnet.ipvs.plugins.module_utils._doctor.values import (
    Finding,
    LeftOpen,
    NodeFacts,
    NotApplicable,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.names import NO_NAMES, ServiceNames

#: What a finding is to the traffic: it fails, it fails at times, or nothing fails yet.
ERROR, WARNING, NOTICE = "error", "warning", "notice"
SEVERITIES = (ERROR, WARNING, NOTICE)


#: Looks at a node, and raises :class:`NotApplicable` or :class:`LeftOpen` where it cannot look at all of it.
Look = Callable[[NodeFacts], Iterable[Finding]]


@dataclass(frozen=True)
class Check:
    """One thing to look for."""

    id: str
    severity: str
    #: What is looked for, in a sentence's words.
    what: str
    #: Where it is looked for: without that it cannot be wrong.
    where: str
    source: str
    look: Look


def check(severity: str, *, what: str, where: str, source: str) -> Callable[[Look], Check]:
    """Make a check of the function that looks; its name is the finding's."""
    return lambda look: Check(look.__name__, severity, what, where, source, look)


def examine(
    checks: Iterable[Check], facts: NodeFacts, ignore: Iterable[str] = (), names: ServiceNames = NO_NAMES
) -> tuple[list[Dict[str, Any]], list[str], list[Dict[str, Any]]]:
    """The findings, the checks that looked, and those that did not, or not at everything, with the reason."""
    findings: list[Dict[str, Any]] = []
    checked: list[str] = []
    not_checked: list[Dict[str, Any]] = []
    ignored = set(ignore)
    for check in checks:
        if check.id in ignored:
            not_checked.append(dict(id=check.id, reason="it is in 'ignore'", left_open=False))
            continue
        try:
            for each in check.look(facts):
                findings.append(_described(check, each, names))
        except (NotApplicable, LeftOpen) as exc:
            not_checked.append(dict(id=check.id, reason=str(exc), left_open=isinstance(exc, LeftOpen)))
        else:
            checked.append(check.id)
    findings.sort(key=lambda found: SEVERITIES.index(found["severity"]))
    return findings, checked, not_checked


def _described(check: Check, found: Finding, names: ServiceNames) -> Dict[str, Any]:
    return dict(
        id=check.id,
        severity=check.severity,
        subject=names.spoken(found.subject),
        evidence=names.spoken(found.evidence),
        consequence=names.spoken(found.consequence),
        remedy=names.spoken(found.remedy),
        task=None if found.task is None else dict(found.task),
    )
