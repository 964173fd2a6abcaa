# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks of all findings of the tests before, as Ansible itself takes them.

Those tests do what a task says in their own quick way, which knows nothing of options that a module does not have.
"""

from __future__ import annotations

import json
import re

import pytest
from patient import Patient

#: What a module says of its options, whatever the node is like.
REFUSED = re.compile(
    "Unsupported parameters|missing required arguments|value of .* must be one of|is of type|mutually exclusive"
    "|required together|of the following|conflicting action|couldn't resolve module"
)
TYPO = "doctor_typo"


def module_of(task):
    (module,) = set(task) - {"name"}
    return module


def test_ansible_takes_the_tasks(play, tmp_path):
    kinds = {(module_of(task), tuple(sorted(task[module_of(task)]))): task for task in Patient.offered}
    if not kinds:
        pytest.skip("no test before was offered a task")
    tasks = [dict(task, name=f"right {index}") for index, task in enumerate(kinds.values())]
    modules = {module_of(task): task for task in tasks}
    for module, task in modules.items():  # so that the refusals are known to be seen
        tasks.append({"name": f"wrong {module}", module: {**task[module], TYPO: 1}})
    playbook = tmp_path / "remedies.yml"
    each_goes_on = dict(hosts="lab_nodes", gather_facts=False, become=True, ignore_errors=True, tasks=tasks)
    playbook.write_text(json.dumps([each_goes_on]))
    run = play(playbook, "--check")
    assert len(run.outcomes) == len(tasks), run.output
    refused = {each.task: each.msg for each in run.failures if REFUSED.search(each.msg)}
    assert set(refused) == {f"wrong {module}" for module in modules}, refused
    assert all(TYPO in told for told in refused.values())
