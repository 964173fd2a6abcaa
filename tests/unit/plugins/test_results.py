# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No module returns a value under a name that Ansible reads for itself, in check mode neither."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

MODULES = sorted((Path(__file__).resolve().parents[3] / "plugins" / "modules").glob("*.py"))
#: Names with a meaning of Ansible's own: "Common Return Values" of its documentation, and what its task executor,
#: strategies and callbacks read (ansible/executor/task_executor.py, plugins/strategy, plugins/callback).
RESERVED = {
    "_ansible_no_log",
    "ansible_facts",
    "ansible_job_id",
    "ansible_loop_var",
    "ansible_parsed",
    "attempts",
    "backup_file",
    "changed_when_result",
    "deprecations",
    "exception",
    "failed",
    "failed_when_result",
    "false_condition",
    "finished",
    "item",
    "rc",
    "result",
    "results",
    "retries",
    "skip_reason",
    "skipped",
    "skipped_reason",
    "started",
    "stderr",
    "stderr_lines",
    "stdout",
    "stdout_lines",
    "unreachable",
    "warnings",
}
#: Those that a module gives on purpose, by the functions made for them.
OURS_TO_GIVE = {"changed", "diff", "invocation", "msg"}


def returned(tree: ast.AST) -> Iterator[str]:
    """The names that a module's calls of exit_json() and finish() spell out, also those of dictionaries in them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("exit_json", "fail_json", "finish"):
                for keyword in node.keywords:
                    if keyword.arg is not None:
                        yield keyword.arg
                    else:
                        yield from _spelled(keyword.value)


def _spelled(value: ast.expr) -> Iterator[str]:
    for node in ast.walk(value):
        if isinstance(node, ast.Dict):
            yield from (key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str))
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "dict":
            yield from (keyword.arg for keyword in node.keywords if keyword.arg)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_reserved_name_is_returned(path: Path):
    tree = ast.parse(path.read_text())
    documented = next(
        yaml.safe_load(str(node.value.value)) or {}
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and [getattr(target, "id", "") for target in node.targets] == ["RETURN"]
    )
    assert not (set(documented) | set(returned(tree))) & RESERVED
    assert not set(documented) & (OURS_TO_GIVE - {"diff"})


def test_the_reader_sees_every_form():
    source = "module.exit_json(a=1, **dict(b=2)); finish(module, plan, **{'c': 3})"
    assert set(returned(ast.parse(source))) == {"a", "b", "c"}
