# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A set of nftables: read, plan and apply, while other tasks wait."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.errors import InvalidOption
from ansible_collections.linuxnet.ipvs.plugins.module_utils._base.plan import Plan, differing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._kernel.lock import alone
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter import nft
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.backends import rules_or_nothing
from ansible_collections.linuxnet.ipvs.plugins.module_utils._netfilter.nft_sets import (
    canonical,
    entry,
    kind_of,
    set_absent,
    set_name,
    set_present,
    types_of,
    written,
)


def carried_out(module: AnsibleModule) -> tuple[Plan[nft.Json], Optional[Dict[str, Any]]]:
    """The plan for a task's set, and the set as it is then; the kernel has it, but in check mode."""
    params = module.params
    name, family, kind = set_name("name", params["name"]), params["family"], params["type"]
    if params["purge_entries"] and params["entries"] is None:
        raise InvalidOption("purge_entries", True, "write 'entries' too, [] for none")
    listed = enumerate(params["entries"] or ())
    entries = (
        frozenset(entry("entries[%d]" % index, kind, family, text) for index, text in listed) if kind else frozenset()
    )
    client = nft.Nft(module.run_command, family, params["netns"])
    with alone(params["netns"], not module.check_mode):
        table = rules_or_nothing(module, client.table, nft.OwnTable())
        found, left = table.sets.get(name), None
        if params["state"] == "absent":
            commands = set_absent(table, name)
        else:
            wanted = nft.NftSet(name, types_of(kind, family), entries)
            commands, left = set_present(table, wanted, params["purge_entries"])
        before, after = (_shown(each, family) for each in (found, left))
        if commands and not module.check_mode:
            client.apply(commands)
        return Plan(tuple(commands), *differing(before or {}, after or {})), after


def _shown(found: Optional[nft.NftSet], family: str) -> Optional[Dict[str, Any]]:
    if found is None:
        return None
    found = canonical(found)
    entries = sorted(written(found.types, each) for each in found.entries)
    return dict(name=found.name, type=kind_of(found, family), family=family, entries=entries)
