# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules that change links do alike: read, plan and apply, while other tasks wait."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Iterator, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import MissingRequirement
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.lock import alone_with_links
from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.client import Links

if TYPE_CHECKING:
    from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.operations import Operation


@contextmanager
def links_alone(module: AnsibleModule) -> Iterator[Links]:
    """The links of the machine's namespaces; in check mode nobody waits.

    The library is imported before the others have to wait. Where that fails the first look says so again, since check
    mode goes on then.
    """
    with Links() as links:
        with suppress(MissingRequirement):
            links.load()
        with alone_with_links(not module.check_mode):
            yield links


def carry_out(module: AnsibleModule, links: Links, operations: Sequence[Operation]) -> None:
    """Have the kernel do what a plan has, but in check mode."""
    if operations and not module.check_mode:
        from ansible_collections.linuxnet.ipvs.plugins.module_utils._link.changes import Changes

        Changes(links).apply(operations)
