# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option by which a task drains what it deletes, and whose clients are refused where a real server has weight 0."""

from __future__ import annotations

from typing import Any, Collection, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base import values
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.values import SCHEDULER_FLAGS, Service

DRAIN: dict[str, Any] = dict(drain_timeout=dict(type="int"))
#: The longest wait (seconds): a day.
MAX_DRAIN_TIMEOUT = 86400


def drain_timeout(options: Mapping[str, Any], deletes: bool, remedy: str) -> int | None:
    """The option ``drain_timeout`` (seconds), or None where nothing is waited for.

    Args:
        options: The task's options.
        deletes: Whether the task may delete anything.
        remedy: With what the option goes, for the error.

    Raises:
        InvalidOption: it is out of bounds, or nothing is deleted.
    """
    timeout = options["drain_timeout"]
    if timeout is None:
        return None
    if not deletes:
        raise InvalidOption("drain_timeout", timeout, "it goes with %s only" % remedy)
    return values.number("drain_timeout", timeout, 0, MAX_DRAIN_TIMEOUT, "a timeout (seconds)")


#: Schedulers by whose choice a client's real server of weight 0 refuses him; and the flag with which another takes him.
FALLBACK = {"sh": SCHEDULER_FLAGS["sh-fallback"], "mh": SCHEDULER_FLAGS["mh-fallback"], "dh": 0}


def refuses_clients(service: Service, weights: Collection[int]) -> str:
    """Why clients of a virtual service are refused though it has a real server that takes new ones, or nothing.

    Args:
        service: The virtual service.
        weights: Those of its real servers.
    """
    if service.scheduler not in FALLBACK or service.scheduler_flags & FALLBACK[service.scheduler]:
        return ""
    if all(weights) or not any(weights):
        return ""
    fallback = FALLBACK[service.scheduler]
    remedy = "set the scheduler flag '%s-fallback'" % service.scheduler if fallback else "take another scheduler"
    return (
        "virtual service %s has a real server of weight 0, and scheduler '%s' refuses the clients whose real server it"
        " is: %s" % (service.key, service.scheduler, remedy)
    )


def warn_of_refused_clients(module: AnsibleModule, service: Service, weights: Collection[int]) -> None:
    """Say so where clients of a virtual service are refused as it is after the task."""
    text = refuses_clients(service, weights)
    if text:
        module.warn(text)
