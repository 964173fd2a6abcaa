# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan in the making: what a task wishes of a device, its steps, and the user's words before and after."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan, differing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.values import Link, Netns

if TYPE_CHECKING:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import Operation


@dataclass
class Draft:
    """A plan in the making for one device: operations, and the user's words before and after."""

    new: bool = False
    operations: List[Operation] = field(default_factory=list)
    before: Dict[str, Any] = field(default_factory=dict)
    after: Dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.new:
            self.before["state"], self.after["state"] = "absent", "present"

    def wish(self, key: str, before: Any, after: Any) -> bool:
        """Note what the task wants of an option, if anything, and say whether that is a change."""
        if after is None:
            return False
        self.after[key] = after
        if not self.new:
            self.before[key] = before
        return bool(self.new or before != after)

    def changes(self, link: Link, **wishes: Any) -> dict[str, Any]:
        """Those wishes that differ from what a device has."""
        return {key: value for key, value in wishes.items() if self.wish(key, getattr(link, key), value)}

    def nest(self, key: str, name: str, part: Draft) -> None:
        """Take over a part's operations, and its words where they differ."""
        self.operations += part.operations
        before, after = differing(part.before, part.after)
        if before or after:
            self.before.setdefault(key, {})[name] = before
            self.after.setdefault(key, {})[name] = after

    # Steps: what has none imports no operations.

    def add_bridge(self, netns: Netns, name: str, up: bool) -> None:
        """Create a bridge."""
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import AddDevice

        self.operations.append(AddDevice(netns, name, "bridge", up=up))

    def delete(self, netns: Netns, name: str) -> None:
        """Delete a device."""
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import DeleteDevice

        self.operations.append(DeleteDevice(netns, name))

    def set_device(self, netns: Netns, name: str, **changes: Any) -> None:
        """Change a device's own options."""
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import SetDevice

        self.operations.append(SetDevice(netns, name, **changes))

    def set_master(self, netns: Netns, name: str, bridge: Optional[str]) -> None:
        """Put a device into a bridge, or out of it."""
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import SetMaster

        self.operations.append(SetMaster(netns, name, bridge))

    def set_hairpin(self, netns: Netns, name: str, on: bool) -> None:
        """Set a port's hairpin mode."""
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import SetHairpin

        self.operations.append(SetHairpin(netns, name, on))

    def rename(self, netns: Netns, name: str, to_name: str) -> None:
        """Give a device another name."""
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import RenameDevice

        self.operations.append(RenameDevice(netns, name, to_name))

    def plan(self) -> Plan[Operation]:
        """What the draft has come to."""
        before, after = differing(self.before, self.after)
        return Plan(tuple(self.operations), before, after)

    def nest_peer(self, part: Draft) -> None:
        """Take over the operations of a port's far end, and its words where they differ."""
        self.operations += part.operations
        before, after = differing(part.before, part.after)
        if before:
            self.before["peer"] = before
        if after:
            self.after["peer"] = after
