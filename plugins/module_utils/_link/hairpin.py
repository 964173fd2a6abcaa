# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a bridge port's hairpin mode to the one a task wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import Conflict, NoSuchPlace
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import (
    Link,
    Netns,
    Snapshot,
)

if TYPE_CHECKING:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import Operation


def bridge_port(netns: Netns, name: str, have: Snapshot) -> Link:
    """The device whose hairpin mode a task names.

    Raises:
        NoSuchPlace: there is no such device.
        Conflict: it is not a bridge port.
    """
    where = "" if netns is None else " in network namespace '%s'" % netns
    link = have.link(name)
    if link is None:
        raise NoSuchPlace(
            "name: there is no device '%s'%s: make the bridge port first, with linuxnet.ipvs.veth_bridge"
            % (name, where)
        )
    if link.hairpin is None:
        raise Conflict(
            "name: device '%s'%s is not a bridge port, and only those have a hairpin mode: make it one first,"
            " with linuxnet.ipvs.veth_bridge" % (name, where)
        )
    return link


def plan_hairpin(netns: Netns, name: str, on: bool, have: Link | None) -> Plan[Operation]:
    """Plan the mode of one port; a port that is not there yet has it off."""
    if on == bool(have and have.hairpin):
        return Plan()
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import SetHairpin

    words = {True: {"state": "present"}, False: {"state": "absent"}}
    return Plan((SetHairpin(netns, name, on),), words[not on], words[on])
