# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the tables of variables in the roles' READMEs from meta/argument_specs.yml.

A README says where its table goes with the lines `<!-- variables:begin -->` and `<!-- variables:end -->`; what stands
between them is replaced. With --check nothing is written: a stale table, and a specification that disagrees with
defaults/main.yml, are errors.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import documents
import steps
import yaml

# Longer defaults are shown by a link to where they stand.
LONGEST_DEFAULT = 40

# Ansible's markup for documentation, and Markdown's for the same.
MARKUP = (
    (re.compile(r"\b[CVOE]\(((?:[^()\\]|\\.)*)\)"), r"`\1`"),
    (re.compile(r"\bRV\(((?:[^()\\]|\\.)*)\)"), r"`\1`"),
    (re.compile(r"\bM\(([^)]*)\)"), r"`\1`"),
    (re.compile(r"\bB\(([^)]*)\)"), r"**\1**"),
    (re.compile(r"\bI\(([^)]*)\)"), r"*\1*"),
    (re.compile(r"\bU\(([^)]*)\)"), r"<\1>"),
    (re.compile(r"\bL\(([^,)]*), *([^)]*)\)"), r"[\1](\2)"),
    (re.compile(r"\\([()\\])"), r"\1"),
)


def markdown(description: str | list[str]) -> str:
    """Turn a description into the text of one table cell."""
    text = " ".join([description] if isinstance(description, str) else description)
    for pattern, replacement in MARKUP:
        text = pattern.sub(replacement, text)
    return re.sub(r"\s+", " ", text).strip().replace("|", r"\|")


def type_of(option: Mapping[str, Any]) -> str:
    """Say what an option takes: `list of str`, `dict`..., and its choices."""
    kind = str(option.get("type", "str"))
    if kind == "list":
        kind += f" of {option.get('elements', 'anything')}"
    choices = option.get("choices")
    return kind if not choices else f"{kind}: {', '.join(f'`{choice}`' for choice in choices)}"


def default_of(option: Mapping[str, Any]) -> str:
    """Show an option's default as YAML, or where to find it."""
    if option.get("required"):
        return "**required**"
    if "default" not in option:
        return ""
    shown = yaml.safe_dump(option["default"], default_flow_style=True, width=1000, sort_keys=False)
    shown = shown.removesuffix("...\n").strip()
    return f"`{shown}`" if len(shown) <= LONGEST_DEFAULT else "[see defaults](defaults/main.yml)"


def rows(options: Mapping[str, Mapping[str, Any]], prefix: str = "") -> Iterator[str]:
    """Give a row for each option, those of a dict or of a list's elements after their parent."""
    for name, option in options.items():
        cells = (f"`{prefix}{name}`", type_of(option), default_of(option), markdown(option.get("description", "")))
        # A bar would end the cell, even within code.
        yield "| " + " | ".join(re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in cells) + " |"
        if "options" in option:
            inside = "[]." if option.get("type") == "list" else "."
            yield from rows(option["options"], f"{prefix}{name}{inside}")


def table(specs: Mapping[str, Mapping[str, Any]]) -> str:
    """Make the text between the markers: a table for each entry point of the role."""
    parts = []
    for entry_point, spec in specs.items():
        if entry_point != "main":
            parts.append(f"With `tasks_from: {entry_point}` ({markdown(spec['short_description']).rstrip('.')}):")
        options = spec.get("options") or {}
        head = ["| Variable | Type | Default | Meaning |", "| --- | --- | --- | --- |"]
        parts.append("\n".join([*head, *rows(options)]) if options else "It takes no variables.")
    return "\n\n".join(parts)


def with_table(readme: str, specs: Mapping[str, Mapping[str, Any]]) -> str:
    """Put the table between the markers of a README. Raises ValueError without exactly one pair of them."""
    return documents.with_part(readme, "variables", table(specs))


def disagreements(specs: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, Any]) -> Iterator[str]:
    """Say where defaults/main.yml and the specification differ."""
    options: dict[str, Mapping[str, Any]] = {}
    for spec in specs.values():
        options.update(spec.get("options") or {})
    for name in sorted(options.keys() | defaults.keys()):
        if name not in options:
            yield f"{name} is in defaults/main.yml, but not in meta/argument_specs.yml"
        elif name not in defaults:
            if "default" in options[name]:
                yield f"{name} has a default in meta/argument_specs.yml, but not in defaults/main.yml"
        elif options[name].get("required"):
            yield f"{name} is required, and yet defaults/main.yml has it"
        elif "default" not in options[name]:
            yield f"{name} has a default in defaults/main.yml, but not in meta/argument_specs.yml"
        elif options[name]["default"] != defaults[name]:
            yield f"{name} is {defaults[name]!r} in defaults/main.yml, {options[name]['default']!r} in the spec"


def load(path: Path) -> dict[str, Any]:
    """Read a YAML file that may be missing or empty."""
    return dict(yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def problems(role: Path, *, check: bool) -> Iterator[str]:
    """Bring a role's README up to date (or check that it is), and say what is wrong with the role."""
    specs = load(role / "meta" / "argument_specs.yml").get("argument_specs")
    if not specs:
        yield "there is no meta/argument_specs.yml"
        return
    yield from disagreements(specs, load(role / "defaults" / "main.yml"))
    readme = role / "README.md"
    try:
        old = readme.read_text()
        new = with_table(old, specs)
    except (OSError, ValueError) as exc:
        yield f"README.md: {exc}"
        return
    if new != old:
        if check:
            yield "README.md has a stale table of variables: make tables"
        else:
            readme.write_text(new)
            print(f"{role.name}: wrote the table of variables")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a table is stale")
    arguments = parser.parse_args()
    found = [
        f"{role.name}: {problem}"
        for role in sorted((steps.CHECKOUT / "roles").glob("*/"))
        for problem in problems(role, check=arguments.check)
    ]
    print("\n".join(found), end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
