# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module of the collection does around its own work: the rights it needs, its errors, its result."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import (
    LinuxnetError,
    MissingRequirement,
    NoSuchPlace,
    NotInstalled,
)
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan

STATE: dict[str, Any] = dict(state=dict(type="str", choices=["present", "absent"], default="present"))
NETNS: dict[str, Any] = dict(netns=dict(type="str"))


@contextmanager
def reporting(module: AnsibleModule) -> Iterator[None]:
    """Require root, and end the module with one clear message for each error the collection knows.

    Root is asked for even where the kernel would let a lesser user read, because the kernel's own answer
    to a missing right names neither the right nor the remedy.
    """
    try:
        if os.geteuid() != 0:
            raise MissingRequirement(
                "this task runs as user id %d, but the kernel lets only root do it: add 'become: true'" % os.geteuid()
            )
        yield
    except LinuxnetError as exc:
        module.fail_json(msg=str(exc))


def finish(module: AnsibleModule, plan: Plan[Any], **values: Any) -> None:
    """End the module with what the plan says; the same call in check mode and after the real run.

    The difference only where it is asked for (``--diff``), since of a large plan it is large.
    """
    diff = dict(diff=dict(before=plan.before, after=plan.after)) if module._diff else {}
    module.exit_json(changed=plan.changed, invocation=invocation(module.params), **diff, **values)


def invocation(params: Mapping[str, Any]) -> dict[str, Any]:
    """What a result tells again of the task's options, which Ansible shows with ``-vvv``: of a large one, its size.

    Ansible goes through all that a result holds, looking for secrets. For ten thousand real servers that took longer
    than the module's own work.
    """
    return dict(module_args={name: _brief(value) for name, value in params.items()})


def _brief(value: Any) -> Any:
    for kind, limit, things in ((list, 100, "entries"), (str, 10000, "characters")):
        if isinstance(value, kind) and len(value) > limit:
            return "%d %s, left out" % (len(value), things)
    return value


def or_nothing(module: AnsibleModule, read: Callable[[], Any], nothing: Any) -> Any:
    """What ``read`` finds, or ``nothing`` where the very place is missing and that is no error.

    It is none when the task wants its object absent. Nor is it in check mode, where an earlier task of the same
    play would have made the place, or installed what reading takes: the prediction goes on as if it had and found the
    place empty, and a warning says so.
    """
    try:
        return read()
    except NotInstalled as exc:
        if module.check_mode:
            module.warn("%s. Check mode goes on as if it was installed and found nothing." % exc)
            return nothing
        raise
    except NoSuchPlace as exc:
        if module.params.get("state") == "absent":
            return nothing
        if module.check_mode:
            module.warn("%s. Check mode goes on as if it was there and empty." % exc)
            return nothing
        raise
