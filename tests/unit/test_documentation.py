# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ansible-test does not ask of the collection's documentation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.linuxnet.ipvs.plugins.module_utils._ipvs.options import SERVICE, SERVICE_KEY

COLLECTION = Path(__file__).resolve().parents[2]
MODULES = sorted((COLLECTION / "plugins" / "modules").glob("*.py"))
ROLES = sorted(path.name for path in (COLLECTION / "roles").iterdir())


def documents(source: ast.Module | ast.ClassDef) -> dict[str, Any]:
    """The YAML documents that a module (or the class of a fragment) assigns: DOCUMENTATION, EXAMPLES, RETURN..."""
    return {
        node.targets[0].id: yaml.safe_load(node.value.value)
        for node in source.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id.isupper()
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def options_of(documentation: dict[str, Any]) -> dict[str, Any]:
    """A module's options, with those of the fragments that it names."""
    options = dict(documentation.get("options", {}))
    for fragment in documentation.get("extends_documentation_fragment", []):
        _namespace, _name, file, *part = fragment.split(".")
        tree = ast.parse((COLLECTION / "plugins" / "doc_fragments" / f"{file}.py").read_text())
        (node,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
        options.update(documents(node)[(part or ["documentation"])[0].upper()].get("options", {}))
    return options


def unknown(arguments: Any, options: dict[str, Any]) -> Iterator[str]:
    """The names in a task's arguments that are no options; a dict without suboptions may hold anything."""
    for value in arguments if isinstance(arguments, list) else [arguments]:
        for name, inner in value.items() if isinstance(value, dict) else ():
            if name not in options:
                yield name
            elif "suboptions" in options[name]:
                yield from unknown(inner, options[name]["suboptions"])


def test_the_modules_of_a_namespace_share_an_action_group() -> None:
    """What a group's default says is given to all its members, and one that does not have the option fails."""
    groups = yaml.safe_load((COLLECTION / "meta" / "runtime.yml").read_text())["action_groups"]
    assert list(groups) == ["in_netns"]
    texts = {module.stem: documents(ast.parse(module.read_text()))["DOCUMENTATION"] for module in MODULES}
    assert groups["in_netns"] == [name for name, text in texts.items() if "netns" in options_of(text)]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_examples_are_tasks_with_options_that_exist(module: Path) -> None:
    texts = documents(ast.parse(module.read_text()))
    name = f"linuxnet.ipvs.{module.stem}"
    tasks = [task for example in texts["EXAMPLES"] for task in example.get("tasks", [example])]
    uses = [task[name] or {} for task in tasks if name in task]
    assert uses, "no example uses the module"
    assert list(unknown(uses, options_of(texts["DOCUMENTATION"]))) == []


def same(suboptions: dict[str, Any], spec: dict[str, Any]) -> None:
    """Whether options are documented as they are checked."""
    assert set(suboptions) == set(spec)
    for name, options in suboptions.items():
        for field in ("type", "elements", "choices", "default", "required"):
            assert options.get(field) == spec[name].get(field), (name, field)
        if "suboptions" in options or "options" in spec[name]:
            same(options["suboptions"], spec[name]["options"])


def test_services_of_a_table_are_documented_as_they_are_checked() -> None:
    """They are not in the module's argument spec, where ansible-test would compare them."""
    texts = documents(ast.parse((COLLECTION / "plugins" / "modules" / "ipvs_table.py").read_text()))
    same(texts["DOCUMENTATION"]["options"]["services"]["suboptions"], {**SERVICE_KEY, **SERVICE})


@pytest.mark.parametrize("role", ROLES)
def test_role_is_described_for_galaxy_and_for_readers(role: str) -> None:
    folder = COLLECTION / "roles" / role
    specs = yaml.safe_load((folder / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    for entry_point in specs:
        assert (folder / "tasks" / f"{entry_point}.yml").is_file()
    galaxy = yaml.safe_load((folder / "meta" / "main.yml").read_text())["galaxy_info"]
    assert galaxy["license"] == "GPL-3.0-or-later"
    assert galaxy["min_ansible_version"]
    assert (folder / "README.md").is_file()
    names = [name for spec in specs.values() for name in spec.get("options") or {}]
    assert [name for name in names if not name.startswith(f"{role}_")] == []


def tasks_of(value: Any) -> Iterator[dict[str, Any]]:
    """All dicts in a playbook or a file of tasks."""
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from tasks_of(inner)
    if isinstance(value, dict):
        yield value


def test_whatever_names_a_part_of_a_role_names_one_that_is_there() -> None:
    """ansible-lint does not look."""
    files = [*COLLECTION.glob("playbooks/**/*.yml"), *COLLECTION.glob("roles/*/tasks/*.yml")]
    named = {
        (name.rpartition(".")[2], role["tasks_from"])
        for file in files
        for task in tasks_of(yaml.safe_load(file.read_text()))
        for role in (task.get("ansible.builtin.include_role"), task.get("ansible.builtin.import_role"))
        if role and "tasks_from" in role
        for name in (task["loop"] if "{{ item }}" in role["name"] else [role["name"]])
    }
    assert named
    missing = [each for each in named if not (COLLECTION / "roles" / each[0] / "tasks" / f"{each[1]}.yml").is_file()]
    assert missing == []


def test_the_readme_names_the_modules_and_which_of_them_need_pyroute2() -> None:
    texts = {module.stem: documents(ast.parse(module.read_text()))["DOCUMENTATION"] for module in MODULES}
    lines = (COLLECTION / "README.md").read_text().splitlines()
    listed = [line for line in lines if line.startswith("| `linuxnet.ipvs.")]
    assert sorted(line.split("`")[1].removeprefix("linuxnet.ipvs.") for line in listed) == sorted(texts)
    (needing,) = (line for line in lines if line.startswith("| for ") and "pyroute2" in line)
    assert needing.split("|")[1].split("`")[1::2] == [
        name for name, text in texts.items() if "linuxnet.ipvs.pyroute2" in text["extends_documentation_fragment"]
    ]


def test_the_readme_is_short_and_its_links_lead_somewhere_from_everywhere() -> None:
    """Galaxy and the documentation's site show it, too. Words are counted without code and without addresses."""
    text = (COLLECTION / "README.md").read_text()
    prose = re.sub(r"```.*?```|<!--.*?-->", "", text, flags=re.DOTALL)
    words = re.sub(r"\]\([^)]*\)", "]", prose).split()
    assert sum(any(map(str.isalnum, word)) for word in words) <= 1200
    ours = "https://github.com/linuxnet-collections/linuxnet.ipvs/blob/main/"
    raw = "https://raw.githubusercontent.com/linuxnet-collections/linuxnet.ipvs/main/"
    for target in re.findall(r"\]\(([^)]*)\)", prose):
        if target.startswith("#"):
            assert any(
                line.lstrip("# ").lower().replace(" ", "-") == target[1:]
                for line in text.splitlines()
                if line.startswith("#")
            ), target
        else:
            assert target.startswith("https://"), target
            for base in (ours, raw):
                if target.startswith(base):
                    assert (COLLECTION / target.removeprefix(base)).exists(), target


def test_each_scenario_has_its_row() -> None:
    """molecule/README.md says of each what it proves."""
    molecule = COLLECTION / "molecule"
    rows = re.findall(r"^\| `(\w+)` \|", (molecule / "README.md").read_text(), flags=re.MULTILINE)
    assert rows == sorted(path.parent.name for path in molecule.glob("*/molecule.yml"))


def test_everything_says_what_to_see_also() -> None:
    """Who has found one plugin or role learns of those that belong to it."""
    texts = {path.stem: documents(ast.parse(path.read_text()))["DOCUMENTATION"] for path in MODULES}
    texts |= {
        path.stem: yaml.safe_load(path.read_text())["DOCUMENTATION"] for path in COLLECTION.glob("plugins/filter/*.yml")
    }
    for role in ROLES:
        specs = yaml.safe_load((COLLECTION / "roles" / role / "meta" / "argument_specs.yml").read_text())
        texts[role] = specs["argument_specs"]["main"]
    fragments = {
        path.stem
        for path in (COLLECTION / "plugins" / "doc_fragments").glob("*.py")
        if "\nseealso:\n" in path.read_text()
    }
    alone = [
        name
        for name, text in texts.items()
        if "seealso" not in text
        and not fragments & {each.split(".")[2] for each in text.get("extends_documentation_fragment", [])}
    ]
    assert alone == []
