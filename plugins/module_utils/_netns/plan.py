# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the named namespace a machine has to the one a task wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan, differing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.netns import RUN_DIR
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.values import (
    NSSWITCH_CONF,
    RESOLV_CONF,
    HaveNetns,
    WantedNetns,
)

if TYPE_CHECKING:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.operations import Operation
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.sysctls import Sysctl


def plan_present(want: WantedNetns, have: HaveNetns) -> Plan[Operation]:
    """Plan a namespace with its loopback device up, its sysctls and its files.

    Raises:
        Conflict: something else is in the place of the namespace.
    """
    if have.in_the_way:
        raise Conflict(
            "name: %s/%s is %s: take it away first, as this module does with a link, with state=absent"
            % (RUN_DIR, want.name, have.in_the_way)
        )
    if _is_so(want, have):
        return Plan()
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.operations import (
        CreateNetns,
        SetLoopbackUp,
        WriteEtc,
        WriteSysctls,
    )

    operations: list[Operation] = []
    before: dict[str, Any] = {"state": "present" if have.exists else "absent"}
    after: dict[str, Any] = {"state": "present"}
    if not have.exists:
        operations.append(CreateNetns(want.name, have.leftover))
    elif not have.loopback_up:
        before["lo"], after["lo"] = "down", "up"
        operations.append(SetLoopbackUp(want.name))
    right = tuple(each for each in want.sysctls if have.exists and _holds(each, have))
    wrong = tuple(each for each in want.sysctls if each not in right)
    for sysctl in wrong:
        if have.exists:
            before.setdefault("sysctl", {})[sysctl.key] = have.sysctls.get(sysctl.path)
        after.setdefault("sysctl", {})[sysctl.key] = sysctl.value
    if wrong:
        operations.append(WriteSysctls(want.name, wrong, right))
    if want.resolv_conf is not None:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.resolver import nsswitch

        files = [("dns", RESOLV_CONF, want.resolv_conf), ("nsswitch", NSSWITCH_CONF, nsswitch(have))]
        for word, file, text in files:
            if text is not None and text != have.text(file):
                before[word], after[word] = have.text(file), text
                operations.append(WriteEtc(want.name, file, text))
    return Plan(tuple(operations), *differing(before, after))


def _is_so(want: WantedNetns, have: HaveNetns) -> bool:
    """Whether there is nothing to do, where no files are asked for: those are yet to be compared."""
    return (
        have.exists
        and have.loopback_up
        and want.resolv_conf is None
        and all(_holds(sysctl, have) for sysctl in want.sysctls)
    )


def plan_absent(want: WantedNetns, have: HaveNetns) -> Plan[Operation]:
    """Plan a namespace's name away, and the files that tasks write; others, and their folder then, stay.

    Raises:
        Conflict: something else is in the place of the namespace.
    """
    if have.in_the_way and not have.in_the_way.startswith("a link"):
        raise Conflict("name: %s/%s is %s" % (RUN_DIR, want.name, have.in_the_way))
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.operations import RemoveEtc, RemoveNetns
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._netns.resolver import is_ours

    operations: list[Operation] = []
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if have.exists or have.leftover or have.in_the_way:
        before["state"], after["state"] = "present", "absent"
        operations.append(RemoveNetns(want.name))
    if have.etc is not None:
        ours = tuple(file for file in have.etc if is_ours(file, have))
        whole = len(ours) == len(have.etc)
        if ours or whole:
            before["dns"], after["dns"] = have.text(RESOLV_CONF) or "", None
            operations.append(RemoveEtc(want.name, ours, whole))
    return Plan(tuple(operations), before, after)


def _holds(sysctl: Sysctl, have: HaveNetns) -> bool:
    now = have.sysctls.get(sysctl.path)
    return now is not None and now in (sysctl.value, have.meant.get(sysctl.path))
