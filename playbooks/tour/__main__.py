# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Walk through the stages of the lab, one by one: what is done, why, by which commands, and what curl says then.

At some stages a packet is followed as well, before and after what is done, and at one between its two halves.

It lies with the plays that it runs and the table that it reads, ``vars/stages.yml``. Where it has come to is kept in
``tour.json`` beside the inventory, so that it can be left at any time and goes on from there.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml
from building import PLAYBOOKS, Failed, Stage, build
from telling import Look, after, before, fits

COLLECTION = PLAYBOOKS.parent
#: A checkout has `make`; an installed collection has not, and nothing of the lab's may be written into it.
IS_CHECKOUT = (COLLECTION / "galaxy.yml").exists()
CALLED = "make tour" if IS_CHECKOUT else f"python {PLAYBOOKS / 'tour'}"
#: What a person can say between two stages.
ASKED = "Enter: build this stage, b: back, q: leave"
ANSWERS = ("", "b", "q")


class Left(Exception):
    """The person at the terminal has had enough for now."""


def state_folder() -> Path:
    """Where the lab's state is, as ``vars/state.yml`` has it."""
    if IS_CHECKOUT:
        return COLLECTION / ".lab"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "linuxnet-ipvs" / "lab"


def shell(folder: Path) -> str:
    """How to open a shell on the lab's node, where a place was made for the lab; nothing otherwise."""
    if IS_CHECKOUT:
        return "make shell"
    ways = {"enter": str(folder / "enter"), "ssh_config": f"ssh -F {folder / 'ssh_config'} lab"}
    return next((way for file, way in ways.items() if (folder / file).exists()), "")


def stages(language: str) -> list[Stage]:
    """The table of stages, each with the texts of a language under ``text``."""
    table = yaml.safe_load((PLAYBOOKS / "vars" / "stages.yml").read_text(encoding="utf-8"))["lab_stages"]
    return [{**stage, "text": stage[language]} for stage in table if language in stage]


class Bookmark:
    """Where the tour has come to, in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def last(self) -> str | None:
        """The last stage that was walked, if there is one."""
        try:
            kept: str | None = json.loads(self._file.read_text(encoding="utf-8"))["stage"]
        except (FileNotFoundError, KeyError, TypeError, ValueError):
            return None
        return kept

    def keep(self, stage: str) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps({"stage": stage}) + "\n", encoding="utf-8")


def first(names: Sequence[str], asked: argparse.Namespace, bookmark: Bookmark) -> int:
    """The number of the stage to begin with: that behind the last one, unless told otherwise."""
    if asked.start:
        return names.index(asked.start)
    last = bookmark.last()
    if asked.restart or last not in names or last == names[-1]:
        return 0
    return names.index(last) + 1


def ask(question: str) -> str:
    """What the person at the terminal answers, one of ``ANSWERS``.

    Raises:
        Left: nothing more will come.
    """
    while True:
        try:
            answer = input(question).strip().lower()
        except EOFError as exc:
            raise Left from exc
        if answer in ANSWERS:
            return answer


def say(lines: Iterator[str]) -> None:
    for line in lines:
        print(line, flush=True)


def walk(table: Sequence[Stage], asked: argparse.Namespace, bookmark: Bookmark, look: Look) -> None:
    """Walk to the last stage that is asked for.

    Raises:
        Failed: a stage is not as it should be.
        Left: the person at the terminal says so.
    """
    names = [stage["name"] for stage in table]
    number = first(names, asked, bookmark)
    last = names.index(asked.end) if asked.end else len(names) - 1
    if number > 0 and not asked.start:
        print(f"Going on behind the stage {names[number - 1]}; --restart begins anew.")
    # Where this walk has taken the lab: wherever an earlier one has left it, somebody may have moved it since.
    there = None
    while number <= last:
        stage = table[number]
        say(before(number + 1, len(table), stage, look))
        if not asked.yes:
            answer = ask(f"[{ASKED}] ")
            if answer == "q":
                raise Left
            if answer == "b":
                number = max(number - 1, 0)
                continue
        print("Ansible is at work ...\n", flush=True)
        behind = table[number - 1] if number > 0 and there != names[number - 1] else None
        done = build(asked.inventory, stage, asked.extra_vars, behind=behind)
        if done.failures and not done.matrix:
            raise Failed("\n".join(done.failures))
        say(after(stage, done))
        if "after" in done.followed and not fits(done.followed["after"], stage["trace"]["after"]):
            done.failures.append("The packet that was followed went another way, or had another end.")
        if done.failures:
            raise Failed("\n".join(done.failures))
        there = stage["name"]
        bookmark.keep(there)
        number += 1
    if last == len(names) - 1:
        way = shell(asked.inventory.parent)
        told = "That is the whole lab, and a Service on top of it."
        print(f"\n{told}" + (f" `{way}` opens a shell on its node." if way else ""))


@contextmanager
def password_at_hand(wanted: bool) -> Iterator[None]:
    """Ask for sudo's password, and keep it where each run of Ansible finds it.

    It is in this process's memory alone, which every run opens by this process's number: however the process ends, by a
    signal too, nothing is left. Only who may trace the process, hence the same user or root, can open it.
    """
    if not wanted:
        yield
        return
    memory = os.memfd_create("become-password")
    try:
        os.fchmod(memory, 0o600)  # Ansible would run what can be executed
        os.write(memory, getpass.getpass("BECOME password: ").encode() + b"\n")
        os.environ["ANSIBLE_BECOME_PASSWORD_FILE"] = f"/proc/{os.getpid()}/fd/{memory}"
        yield
    finally:
        os.close(memory)
        os.environ.pop("ANSIBLE_BECOME_PASSWORD_FILE", None)


def find_place() -> None:
    """Find or make a host for the lab.

    Raises:
        Failed: there is none; Ansible has said why.
    """
    if subprocess.run(["ansible-playbook", str(PLAYBOOKS / "host_up.yml")], check=False).returncode:
        raise Failed("There is no place for the lab.")


def arguments(names: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=CALLED, description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--yes", action="store_true", help="ask nothing: no terminal is needed")
    parser.add_argument("--restart", action="store_true", help="begin at the first stage")
    parser.add_argument("--from", dest="start", choices=names, metavar="NAME", help="begin at this stage")
    parser.add_argument("--to", dest="end", choices=names, metavar="NAME", help="end behind this stage")
    parser.add_argument("--list", action="store_true", help="list the stages, and build none")
    inventory = state_folder() / "inventory.yml"
    parser.add_argument("--inventory", type=Path, default=inventory, help="where the lab lives (%(default)s)")
    parser.add_argument("--place", type=Path, help="the file that keeps the place (tour.json beside the inventory)")
    parser.add_argument("--create", action="store_true", help="find or make the lab's place first")
    parser.add_argument("--ask-become-pass", action="store_true", help="ask once for the password that sudo wants")
    parser.add_argument("--extra-vars", action="append", default=[], help="further variables for ansible-playbook")
    return parser


def main() -> int:
    table = stages("en")
    names = [stage["name"] for stage in table]
    parser = arguments(names)
    asked = parser.parse_args()
    if asked.list:
        for number, stage in enumerate(table, start=1):
            print(f"{number:3}  {stage['name']:<18} {stage['text']['title']}")
        return 0
    if not asked.yes and not sys.stdin.isatty():
        parser.error("there is no terminal to ask at: say --yes to walk without a question")
    look = Look(bold=sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
    bookmark = Bookmark(asked.place or asked.inventory.resolve().parent / "tour.json")
    try:
        with password_at_hand(asked.ask_become_pass):
            if asked.create:
                find_place()
            if not asked.inventory.exists():
                parser.error(f"there is no lab at {asked.inventory}: --create makes one")
            walk(table, asked, bookmark, look)
    except (KeyboardInterrupt, Left):
        last = bookmark.last()
        print(f"\n`{CALLED}` " + (f"goes on behind the stage {last}." if last else "begins at the first stage."))
    except Failed as exc:
        print(f"\nThis is not as it should be:\n{textwrap.indent(str(exc), '  ')}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
