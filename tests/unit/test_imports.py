# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module imports before its task does anything: each of these files is compiled in each task, twice.

docs/architecture.md says why (What a task imports), docs/benchmarks.md what it costs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
COLLECTION = "ansible_collections.linuxnet.ipvs.plugins."
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py"))

#: What no module of links, sets or IPVS needs where nothing is to be changed.
LINK_CHANGES = ("_link/changes", "_link/operations", "_link/route_messages")
SET_CHANGES = (
    *("_ipset/limits", "_ipset/refusals", "_ipset/requests", "_ipset/revisions", "_ipset/sender", "_ipset/shape_plan"),
    *("_ipset/option_words", "_ipset/ranges", "_ipset/steps"),
)
SET_ENTRIES = ("_ipset/codec", "_ipset/columns", "_ipset/compare", "_ipset/parts", "_ipset/reader", "_ipset/writer")
IPVS_CHANGES = ("_ipvs/conflicts", "_ipvs/features", "_ipvs/refusals", "_ipvs/writer")
IPVS_OPTIONS = (
    *("_ipvs/connections", "_ipvs/counters", "_ipvs/drain", "_ipvs/graceful", "_ipvs/owners", "_ipvs/proc"),
    *("_ipvs/reader", "_ipvs/scope", "_ipvs/settings", "_ipvs/settings_client"),
)
BACK_ENDS = ("_netfilter/iptables", "_netfilter/nft", "_netfilter/saved", "_netfilter/simulation")
#: Files and folders that are imported by the function that needs them, and so not at the module's start.
LATER = {
    "forward_accept": ("_ipset", "_ipvs", *BACK_ENDS),
    "hairpin": LINK_CHANGES,
    "ipset": (*SET_ENTRIES, *SET_CHANGES, "_ipset/entries_plan"),
    "ipset_entry": (*SET_CHANGES, "_ipset/plan", "_ipset/wishes", "_ipset/writer"),
    "ipset_info": (*SET_CHANGES, "_ipset/parts", "_ipset/wishes", "_ipset/word_columns"),
    "iptables_chains": ("_ipset", "_ipvs", "_netfilter/spelling"),
    "ipvs_doctor": ("_ipset",),
    "ipvs_info": (*IPVS_CHANGES, "_ipvs/connections", "_ipvs/counters", "_ipvs/settings_plan", "_ipvs/wishes"),
    "ipvs_real_server": (*IPVS_CHANGES, *IPVS_OPTIONS, "_ipvs/table_plan"),
    "ipvs_service": (*IPVS_CHANGES, *IPVS_OPTIONS, "_ipvs/table_plan"),
    "ipvs_settings": (*IPVS_CHANGES, "_ipvs/drain", "_ipvs/owners", "_ipvs/wishes"),
    "ipvs_table": (*IPVS_CHANGES, *IPVS_OPTIONS),
    "ipvs_zero": (*IPVS_CHANGES, "_ipvs/plan", "_ipvs/settings", "_ipvs/wishes"),
    "masquerade": ("_ipset", "_ipvs", *BACK_ENDS),
    "netns": ("_netns/changes", "_netns/mounts", "_netns/operations", "_netns/resolver", "_netns/sysctls"),
    "netns_info": (*LINK_CHANGES, "_netns/plan"),
    "veth_bridge": (*LINK_CHANGES, "_link/far_end_plan", "_link/far_ends", "_link/routes"),
    "virtual_ip": LINK_CHANGES,
}
#: Kilobytes of source that a module imports at its start, at most: a tenth more than it does. One that needs more can
#: have it, if what it needs is for each of its tasks.
KILOBYTES = {
    "forward_accept": 42,
    "hairpin": 88,
    "ipset": 105,
    "ipset_entry": 165,
    "ipset_info": 107,
    "iptables_chains": 70,
    "ipvs_doctor": 379,
    "ipvs_info": 125,
    "ipvs_real_server": 138,
    "ipvs_service": 138,
    "ipvs_settings": 121,
    "ipvs_table": 149,
    "ipvs_zero": 110,
    "masquerade": 42,
    "netns": 43,
    "netns_info": 104,
    "nft_set": 60,
    "packet_trace": 201,
    "veth_bridge": 122,
    "virtual_ip": 99,
}


def imported_at_once(path: Path) -> Iterator[Path]:
    """The files of the collection that are imported as soon as a file is."""
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(COLLECTION):
            for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                file = PLUGINS / (name.removeprefix(COLLECTION).replace(".", "/") + ".py")
                if file.exists():
                    yield file


def start_of(module: str) -> set[Path]:
    """All files that a module imports at its start, itself among them."""
    found: set[Path] = set()
    waiting = [PLUGINS / "modules" / (module + ".py")]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += imported_at_once(path)
    return found


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_at_its_start_what_each_of_its_tasks_needs(module: str):
    names = {
        path.relative_to(PLUGINS).with_suffix("").as_posix().removeprefix("module_utils/") for path in start_of(module)
    }
    later = LATER.get(module, ())
    assert not [name for name in names if name in later or name.partition("/")[0] in later]


@pytest.mark.parametrize("module", MODULES)
def test_what_a_module_imports_at_its_start_does_not_grow_unseen(module: str):
    files = sorted(start_of(module) - {PLUGINS / "modules" / (module + ".py")}, key=lambda path: path.stat().st_size)
    size = sum(path.stat().st_size for path in files)
    largest = ", ".join(path.relative_to(PLUGINS / "module_utils").as_posix() for path in reversed(files[-5:]))
    assert size <= 1000 * KILOBYTES[module], f"{size} bytes, the largest files are {largest}"


def test_what_is_imported_later_is_there():
    files = {
        path.relative_to(PLUGINS / "module_utils").with_suffix("").as_posix()
        for path in PLUGINS.rglob("module_utils/**/*.py")
    }
    folders = {name.partition("/")[0] for name in files}
    assert {name for later in LATER.values() for name in later} <= files | folders
    assert set(LATER) <= set(MODULES)
