# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The messages with which plugins and roles fail, read from their code, with ELLIPSIS for what is filled in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import steps
import yaml

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
#: What fills a part of a text in Python (with % and in an f-string), and in Jinja
FILLED = re.compile(r"%(?:\(\w+\))?[-#0 +]*\d*(?:\.\d+)?[srdioxXfgc]")
JINJA = re.compile(r"\{%-?.*?-?%\}|\{\{.*?\}\}", re.DOTALL)
#: Where in its arguments an error has its text; an error of a class that is not listed has it first.
TEXT_AT = {"InvalidOption": 2, "KernelRefused": 1}
#: An error of the floor that reads the kernel's replies, which is none of `errors.py`
MALFORMED = "MalformedReply"
#: What is wrong with a line of ipvsadm's text is raised as this, in the file that reads it.
LINE, READER = "line", "_ipvs/reader.py"
#: Errors of Ansible's own, for plugins of the controller
ANSIBLE = ("AnsibleError", "AnsibleFilterError", "AnsibleParserError")


class Message(NamedTuple):
    """A message: the class of its error, the folder or role that it is from, the option it is about, and its text."""

    error: str
    subject: str
    option: str
    text: str


class Code:
    """A file of Python whose texts are looked for."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]

    def texts(self, node: ast.expr, around: Sequence[ast.AST]) -> list[str]:
        """Each text that an expression can be, with what is filled in left open; none where that is all of it."""
        if isinstance(node, ast.Constant):
            return [node.value] if isinstance(node.value, str) else []
        if isinstance(node, ast.IfExp):
            return self.texts(node.body, around) + self.texts(node.orelse, around)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            return [FILLED.sub(ELLIPSIS, text).replace("%%", "%") for text in self.texts(node.left, around)]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.texts(node.left, around), self.texts(node.right, around)
            return [one + other for one in left or [ELLIPSIS] for other in right or [ELLIPSIS]] if left or right else []
        if isinstance(node, ast.JoinedStr):
            return ["".join(str(part.value) if isinstance(part, ast.Constant) else ELLIPSIS for part in node.values)]
        if isinstance(node, ast.Name):
            return [text for value in self.assigned(node.id, around) for text in self.texts(value, ())]
        return []

    def assigned(self, name: str, around: Sequence[ast.AST]) -> Iterator[ast.expr]:
        """What a name is given in the functions around it, or in the file."""
        for scope in (*around, self.tree):
            found = [
                node.value
                for node in (ast.walk(scope) if scope is not self.tree else self.tree.body)
                if isinstance(node, ast.Assign)
                and any(isinstance(to, ast.Name) and to.id == name for to in node.targets)
            ]
            if found:
                yield from found
                return

    def around(self, node: ast.AST) -> list[ast.AST]:
        """The functions that a node stands in, the innermost first."""
        inside = [each for each in self.functions if any(below is node for below in ast.walk(each))]
        return list(reversed(inside))


def open_ended(text: str) -> str:
    """A text with one ELLIPSIS for what is filled in, also where several things are side by side."""
    return re.sub(rf"{ELLIPSIS}(?:[ ;]*{ELLIPSIS})+", ELLIPSIS, FILLED.sub(ELLIPSIS, text))


def error_classes(codes: Mapping[Path, Code]) -> dict[str, str]:
    """Each class of the collection's errors with the one of `_base/errors.py` that it is a kind of."""
    bases = {
        node.name: [base.id for base in node.bases if isinstance(base, ast.Name)]
        for code in codes.values()
        for node in code.tree.body
        if isinstance(node, ast.ClassDef)
    }
    own = {name for path, code in codes.items() if path.name == "errors.py" for name in classes(code)} | {MALFORMED}

    def kind(name: str) -> str | None:
        if name in own:
            return name
        return next(filter(None, map(kind, bases.get(name, ()))), None)

    return {name: found for name in bases if (found := kind(name))}


def classes(code: Code) -> Iterator[str]:
    """The classes of a file."""
    return (node.name for node in code.tree.body if isinstance(node, ast.ClassDef))


def of_plugins(folder: Path) -> list[Message]:
    """The messages of all plugins, in the order of the files."""
    codes = {path: Code(ast.parse(path.read_text())) for path in sorted(folder.rglob("*.py"))}
    kinds = error_classes(codes) | {name: name for name in ANSIBLE}
    found: dict[Message, None] = {}
    for path, code in codes.items():
        subject = path.parent.name.lstrip("_")
        here = kinds | ({"ValueError": LINE} if path.match(READER) else {})
        for node in ast.walk(code.tree):
            if isinstance(node, ast.ClassDef) and node.name in kinds and path.name != "errors.py":
                calls = [each for each in ast.walk(node) if isinstance(each, ast.Call) and is_super(each.func)]
                name = node.name
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in here:
                calls, name = [node], node.func.id
            else:
                continue
            for call in calls:
                at = TEXT_AT.get(here[name], 0)
                if len(call.args) > at:
                    around = code.around(call)
                    option = "/".join(code.texts(call.args[0], around)) if at == TEXT_AT["InvalidOption"] else ""
                    for text in code.texts(call.args[at], around):
                        found[Message(here[name], subject, option, open_ended(text))] = None
    return list(found)


def errnos(folder: Path) -> Iterator[tuple[str, str, str]]:
    """What an errno means: the folder, its name, and the text, of each table of such meanings."""
    for path in sorted(folder.rglob("*.py")):
        code = Code(ast.parse(path.read_text()))
        for table in (node for node in ast.walk(code.tree) if isinstance(node, ast.Dict)):
            for key, value in zip(table.keys, table.values, strict=True):
                if isinstance(key, ast.Attribute) and isinstance(key.value, ast.Name) and key.value.id == "errno":
                    for text in code.texts(value, ()):
                        yield path.parent.name.lstrip("_"), key.attr, text


def is_super(function: ast.expr) -> bool:
    """Whether a call is that of a base class's `__init__`."""
    return isinstance(function, ast.Attribute) and function.attr == "__init__" and isinstance(function.value, ast.Call)


def of_tasks(folders: Sequence[Path]) -> Iterator[Message]:
    """The messages of assert and fail in all tasks of roles and playbooks."""
    for folder in folders:
        for path in sorted(folder.rglob("*.yml")):
            documents = yaml.safe_load(path.read_text())
            subject = path.relative_to(folder).parts[0] if folder.name == "roles" else "playbooks"
            for task in tasks(documents):
                for action, key in (("assert", "fail_msg"), ("fail", "msg")):
                    text = (task.get(f"ansible.builtin.{action}") or {}).get(key)
                    if text:
                        shown = " ".join(JINJA.sub(ELLIPSIS, text).split())
                        yield Message("task", subject, "", open_ended(shown))


def tasks(node: Any) -> Iterator[dict[str, Any]]:
    """Each dict below a document of YAML that may be a task."""
    if isinstance(node, list):
        for each in node:
            yield from tasks(each)
    elif isinstance(node, dict):
        yield node
        for each in node.values():
            yield from tasks(each)


def collected() -> list[Message]:
    """The messages of the whole collection."""
    there = of_plugins(steps.CHECKOUT / "plugins")
    return there + list(of_tasks([steps.CHECKOUT / "roles", steps.CHECKOUT / "playbooks"]))
