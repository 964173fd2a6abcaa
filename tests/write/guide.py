# Copyright (c) 2026, the linuxnet.ipvs contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the guides of docs/ and type what stands in them.

A block of ``console`` holds commands with what they print. ``$ `` begins a command on the reader's own machine, in the
checkout, and ``# `` one on the lab's node, in the shell that ``$ make shell`` opened and ``# exit`` closes; ``> ``
continues either. What follows a command is its output, all of it, on stdout and stderr, without blanks at the ends of
lines. There ``...`` stands for any text, at the end of a line also for none, and as a line of its own for any number of
lines. A command has to succeed, unless its output shows an error of curl or ip, such as ``curl: (28) ...``: then it may
also have that error's exit code, which a pipeline would hide.

A block of ``yaml`` holds tasks that do what the commands of its chapter did. A chapter is what a heading of the second
level opens. One that is about a stage of the lab names the stage in its heading, as in ``## 3. `netns`: a pod``.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import steps

ENGLISH = steps.CHECKOUT / "docs" / "guide" / "en.md"
CHINESE = steps.CHECKOUT / "docs" / "guide" / "zh.md"
PLAYBOOK = steps.CHECKOUT / "playbooks" / "guide.yml"

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
STAGE = re.compile(r"`([a-z_]+)`")
#: What tools say when they fail: curl with its exit code, ip with 2
CURL = re.compile(r"^curl: \((\d+)\)", re.MULTILINE)
RTNETLINK = ("RTNETLINK answers: ", 2)
#: Seconds that a command may take, on the node and on the reader's own machine
PATIENCE = {"#": 120.0, "$": 600.0}


@dataclass(frozen=True)
class Command:
    """What is typed after a prompt, and what is printed then; `line` is where it stands in its file."""

    line: int
    prompt: str
    text: str
    output: str

    @property
    def codes(self) -> set[int]:
        """The exit codes that it may have."""
        curl = {int(code) for code in CURL.findall(self.output)}
        return {0} | curl | ({RTNETLINK[1]} if RTNETLINK[0] in self.output else set())

    def prints(self, printed: str) -> bool:
        """Whether the output describes what was printed."""
        return re.fullmatch(_pattern(self.output), _trimmed(printed)) is not None


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, and the text between the fences; `line` is where that begins."""

    line: int
    language: str
    text: str

    @property
    def commands(self) -> list[Command]:
        """The commands of a block of ``console``. Raises ValueError for output without a command."""
        return list(_commands(self)) if self.language == "console" else []


@dataclass(frozen=True)
class Chapter:
    """A part of a guide from one heading of the second level to the next; what stands before the first has no title."""

    title: str
    stage: str | None = None
    blocks: list[Block] = field(default_factory=list)

    @property
    def commands(self) -> list[Command]:
        return [command for block in self.blocks for command in block.commands]

    @property
    def tasks(self) -> str:
        """The chapter's tasks as YAML, or nothing."""
        return "\n".join(block.text for block in self.blocks if block.language == "yaml")


def headings(markdown: str) -> list[tuple[int, str]]:
    """The level and the text of each heading."""
    without_blocks = FENCE.sub(lambda block: "\n" * block.group().count("\n"), markdown)
    return [(len(found.group(1)), found.group(2)) for found in HEADING.finditer(without_blocks)]


def chapters(markdown: str) -> list[Chapter]:
    """The chapters of a guide, in order."""
    blocks = list(FENCE.finditer(markdown))
    fenced = [(block.start(), block.end()) for block in blocks]
    found = [Chapter("")]
    places = [0]
    for heading in HEADING.finditer(markdown):
        if heading.group(1) == "##" and not any(start < heading.start() < end for start, end in fenced):
            stage = STAGE.search(heading.group(2))
            found.append(Chapter(heading.group(2), stage.group(1) if stage else None))
            places.append(heading.start())
    for block in blocks:
        chapter = found[sum(place <= block.start() for place in places) - 1]
        chapter.blocks.append(Block(markdown.count("\n", 0, block.start(2)) + 1, block.group(1), block.group(2)))
    return found


def _commands(block: Block) -> Iterator[Command]:
    current: list[str] = []
    output: list[str] = []
    started = block.line
    for number, line in enumerate(block.text.splitlines(), block.line):
        if line.startswith(("$ ", "# ")):
            if current:
                yield Command(started, current[0][0], "\n".join(each[2:] for each in current), "\n".join(output))
            current, output, started = [line], [], number
        elif not current:
            raise ValueError(f"line {number}: output without a command: {line}")
        elif line.startswith("> ") and not output:
            current.append(line)
        else:
            output.append(line)
    if current:
        yield Command(started, current[0][0], "\n".join(each[2:] for each in current), "\n".join(output))


def _trimmed(text: str) -> str:
    return "".join(line.rstrip() + "\n" for line in text.strip("\n").splitlines())


def _pattern(output: str) -> str:
    lines = []
    for line in _trimmed(output).splitlines():
        if line == "...":
            lines.append("(?:.*\n)*")
        elif line.endswith(" ..."):
            lines.append(_within(line.removesuffix(" ...")) + "(?: .*)?\n")
        else:
            lines.append(_within(line) + "\n")
    return "".join(lines)


def _within(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split("..."))


class Wrong(Exception):
    """A command that did not do what the guide says; the message shows both."""


class Reader:
    """Somebody who types a guide's commands; a context manager.

    Args:
        folder: The checkout in which to type.
        environment: What is set there.
        shell: The command for a shell that takes the commands for the node from the beginning on.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], shell: Sequence[str] = ()) -> None:
        self._folder = folder
        self._environment = dict(environment)
        self._command = shell
        self._shell: Shell | None = None

    def __enter__(self) -> Reader:
        if self._command:
            self._shell = Shell(self._command, self._folder, self._environment)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._leave()

    def type(self, command: Command) -> None:
        """Type a command, and see that it does what the guide says.

        Raises:
            Wrong: it does not.
        """
        code, printed = self._type(command)
        if code not in command.codes or not command.prints(printed):
            raise Wrong(
                f"line {command.line}: {command.prompt} {command.text}\n"
                f"The guide says:\n{command.output}\nIt prints (exit code {code}):\n{printed}"
            )

    def _type(self, command: Command) -> tuple[int, str]:
        if command.prompt == "$" and command.text.startswith("make shell"):
            self._leave()
            words = command.text.split()
            self._shell = Shell([words[0], "--no-print-directory", *words[1:]], self._folder, self._environment)
            return 0, ""
        if (command.prompt, command.text) == ("#", "exit"):
            self._leave()
            return 0, ""
        if command.prompt == "#":
            if self._shell is None:
                raise Wrong(f"line {command.line}: there is no shell on the node: $ make shell")
            return self._shell.run(command.text, PATIENCE["#"])
        done = subprocess.run(
            ["bash", "-c", command.text],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE["$"],
            check=False,
        )
        return done.returncode, done.stdout

    def _leave(self) -> None:
        if self._shell is not None:
            self._shell.close()
            self._shell = None


class Shell:
    """An interactive bash at the far end of a terminal, without prompt and echo."""

    #: Printed behind each command, with its exit code
    END = re.compile(r"\n@@(\d+)@@\r?\n")

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._terminal, far_end = pty.openpty()
        fcntl.ioctl(far_end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=far_end, stdout=far_end, stderr=far_end, start_new_session=True
        )
        os.close(far_end)
        self._write("exec env PS1= PS2= PAGER=cat bash --noprofile --norc --noediting\n")
        self.run("stty -echo", 120)

    def run(self, text: str, patience: float) -> tuple[int, str]:
        """Type something, and give the exit code of the last command in it, and what was printed."""
        self._write(f"{text}\ncode=$?; printf '\\n@@%s@@\\n' $code; (exit $code)\n")
        printed = ""
        deadline = time.monotonic() + patience
        while not (end := self.END.search(printed)):
            if not select.select([self._terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise Wrong(f"no end of {text!r} after {patience:.0f} s: {printed}")
            try:
                printed += os.read(self._terminal, 65536).decode(errors="replace")
            except OSError as exc:  # what Linux says of a terminal whose other side has gone
                raise Wrong(f"the shell ended at {text!r}: {printed}") from exc
            printed = printed.replace("\r\n", "\n")
        return int(end.group(1)), printed[: end.start()]

    def close(self) -> None:
        self._write("exit\n")
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._terminal)

    def _write(self, text: str) -> None:
        os.write(self._terminal, text.encode())


def checkout_beside(folder: Path, state_dir: Path) -> None:
    """Make a folder that a reader takes for the checkout, and whose lab is the one that `state_dir` holds.

    Ansible looks for the lab's files beside the playbooks, wherever a link to them leads: so these are copied. By
    galaxy.yml and the roles lab_host knows a checkout, whose lab is in there and not in the user's own folder.
    """
    copied = ("Makefile", "ansible.cfg", "constraints.txt", "galaxy.yml", "requirements.txt", "requirements-test.txt")
    for name in copied:
        shutil.copy2(steps.CHECKOUT / name, folder / name)
    shutil.copytree(steps.CHECKOUT / "playbooks", folder / "playbooks")
    (folder / "roles").symlink_to(steps.CHECKOUT / "roles")
    (folder / ".venv").symlink_to(steps.CHECKOUT / ".venv")
    (folder / ".lab").symlink_to(state_dir)
